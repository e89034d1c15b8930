"""A WSGI application behind docs/verify_signature.py that tells who asks: signed_server.py KEYS_FILE SECONDS_LATE"""

import json
import pathlib
import sys
import time
import wsgiref.simple_server

import bounded

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "docs"))
import verify_signature


def app(environ, start_response):
    names = ("REMOTE_USER", "AUTH_TYPE", "HTTP_X_TEAM", "HTTP_X_OTHER", "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED",
             "HTTP_AUTHORIZATION", "PATH_INFO", "QUERY_STRING")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: environ[name] for name in names if name in environ}).encode()]


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def get_environ(self):
        return {**super().get_environ(), "REQUEST_URI": self.path}

    def log_message(self, *_):
        pass


bounded.by(bounded.SERVER_S_MAX)
keys_file, seconds_late = sys.argv[1:]
signed = verify_signature.SignedIdentity(app, verify_signature.KeyFile(keys_file), metadata=["X-Team"],
                                         clock=lambda: time.time() + float(seconds_late))
server = wsgiref.simple_server.make_server("127.0.0.1", 0, signed, handler_class=Handler)
print("ready", server.server_port, flush=True)
server.serve_forever()
