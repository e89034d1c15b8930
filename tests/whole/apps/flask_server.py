"""A Flask application under waitress: flask_server.py BASE, BASE being its path, or / for none.

What it knows of its public URL it has from X-Forwarded-*.
"""

import sys

import flask
import waitress
import werkzeug.exceptions
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import bounded

app = flask.Flask(__name__)
app.secret_key = "of a test"


@app.get("/target")
def target():
    return "target"


@app.get("/links")
def links():
    return {"path": flask.url_for("target"), "whole": flask.url_for("target", _external=True),
            "client": flask.request.remote_addr}


@app.get("/go/<form>")
def go(form):
    locations = {"absolute": flask.url_for("target", _external=True), "path": flask.url_for("target"),
                 "relative": "../target", "elsewhere": "http://elsewhere.example/target"}
    return flask.redirect(locations[form], code=302)


@app.post("/login")
def login():
    flask.session["name"] = flask.request.form["name"]
    return flask.redirect(flask.url_for("me"), code=303)


@app.get("/me")
def me():
    return flask.session.get("name", "nobody")


@app.post("/upload")
def upload():
    sent = flask.request.files["file"]
    return {"name": sent.filename, "bytes": len(sent.read()), "note": flask.request.form["note"]}


@app.get("/stream")
def stream():
    return flask.Response((f"line {number}\n" for number in range(1000)), mimetype="text/plain")


@app.get("/fail")
def fail():
    raise ValueError("on purpose")


def main():
    bounded.by(bounded.SERVER_S_MAX)
    base = sys.argv[1]
    # The outermost: a public prefix takes the place of the application's own path.
    wsgi = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    if base != "/":
        app.config["SESSION_COOKIE_PATH"] = base
        wsgi = DispatcherMiddleware(werkzeug.exceptions.NotFound(), {base: wsgi})
    server = waitress.create_server(wsgi, host="127.0.0.1", port=0, clear_untrusted_proxy_headers=False)
    print("ready", server.effective_port, flush=True)
    server.run()


main()
