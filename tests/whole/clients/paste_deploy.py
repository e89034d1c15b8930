"""The same Paste Deploy files for Paste and for a running Standin: paste_deploy.py FRONT ADMIN TOKEN

FILES: what PasteDeploy makes of them is what the import makes of them, or both refuse them.
MAPS: what Paste's urlmap and proxies answer is what Standin answers, or the difference is named with its reason."""

import http.client
import http.server
import io
import json
import os
import sys
import tempfile
import threading
import warnings

import bounded

warnings.simplefilter("ignore")  # Paste asks for pkg_resources, which is deprecated
from paste import proxy  # noqa: E402
from paste.deploy import loadapp  # noqa: E402

PROXY = "[app:main]\nuse = egg:Paste#proxy\n"
AS_PASTE = "as Paste"

# Each with AS_PASTE, or with why Standin refuses what Paste takes.
FILES = [
    (PROXY + "address = http://h/\n", AS_PASTE),
    (PROXY + "address: http://h/a/b/\n", AS_PASTE),
    (PROXY + "address = http://h/\n\n# remark\n; remark\nallowed_request_methods = GET\n\n   POST\n   # in between\n\t head\n",
     AS_PASTE),
    (PROXY + "address = http://h/\nsuppress_http_headers = Cookie\taccept-encoding\n", AS_PASTE),
    (PROXY + "  address = http://h/\n  suppress_http_headers = a\n   b\n", AS_PASTE),
    (PROXY + "address = http://h/%%41/\n", AS_PASTE),
    (PROXY + "address = http://h/%41/\n", AS_PASTE),
    (PROXY + "address = %(a)s\n[DEFAULT]\na = http://%(b)s/\nb = h:%(c)s\nc = 81\n", AS_PASTE),
    ("[DEFAULT]\na = 1\n[DEFAULT]\nb = 2\n" + PROXY + "address = http://h:%(a)s%(b)s/\n", AS_PASTE),
    (PROXY + "address = http://h%(here)s/\n", AS_PASTE),
    (PROXY + "address = %(nobody)s\n", AS_PASTE),
    (PROXY + "address = http://%(x)s/\n[DEFAULT]\nx = %(y)s\ny = %(x)s\n", AS_PASTE),
    ("[DEFAULT]\nbad = 100%\n" + PROXY + "address = http://h/\n", AS_PASTE),
    (PROXY + "address = http://h/\nadress = http://i/\n", AS_PASTE),
    (PROXY + "address = http://h/\naddress = http://i/\n", AS_PASTE),
    (PROXY + "address = http://h/\n[app:main]\n", AS_PASTE),
    (PROXY + "address\n", AS_PASTE),
    ("address = http://h/\n" + PROXY, AS_PASTE),
    (PROXY, AS_PASTE),
    ("[DEFAULT]\naddress = http://h/\n" + PROXY + "address = http://i/\n", AS_PASTE),
    ("[DEFAULT]\nallowed_request_methods = X\n" + PROXY + "address = http://i/\nallowed_request_methods = GET\n", AS_PASTE),
    ("[DEFAULT]\na = http://h/\n" + PROXY + "get address = a\n", AS_PASTE),
    (PROXY + "get address = a\n", AS_PASTE),
    (PROXY + "set a = http://h/\nget address = a\n", AS_PASTE),
    ("[DEFAULT]\na = http://d/\n" + PROXY + "set a = http://h/\naddress = %(a)s\n", AS_PASTE),
    ("[DEFAULT]\nget address = a\nset a = http://h/\n" + PROXY, AS_PASTE),
    ("[app:main]\nuse = a\naddress = http://i/\n[app:a]\nuse = egg:Paste#proxy\naddress = http://h/\n"
     "allowed_request_methods = GET\n", AS_PASTE),
    ("[app:main]\nuse = a\nset x = http://i/\n[app:a]\nuse = egg:Paste#proxy\nget address = x\n", AS_PASTE),
    ("[app:main]\nuse = main\n", AS_PASTE),
    ("[app:main]\nuse = nobody\n", AS_PASTE),
    ("[app:main]\naddress = http://h/\n", AS_PASTE),
    ("[app:other]\nuse = egg:Paste#proxy\naddress = http://h/\n", AS_PASTE),
    ("[app: main ] behind\nuse = egg:paste#proxy\naddress = http://h/\n", AS_PASTE),
    ("[application:main]\nuse = EGG:Paste#proxy\naddress = http://h/\n", AS_PASTE),
    ("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n[application:main]\nuse = nobody\n", AS_PASTE),
    ("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n[filter-app:main]\nuse = nobody\n", AS_PASTE),
    ("[app:main]\npaste.app_factory = paste.proxy:make_proxy\naddress = http://h/\n", AS_PASTE),
    ("[app:main]\nuse = call:paste.proxy:make_proxy\naddress = http://h/\n", AS_PASTE),
    ("[composite:main]\nuse = egg:Paste#proxy\naddress = http://h/\n", AS_PASTE),
    ("[pipeline:main]\npipeline = a\nx = y\n[app:a]\nuse = egg:Paste#proxy\naddress = http://h/\n", AS_PASTE),
    ("[pipeline:main]\npipeline = a\nset x = y\n[app:a]\nuse = egg:Paste#proxy\naddress = http://%(x)s/\n[DEFAULT]\nx = z\n",
     AS_PASTE),
    ("[filter-app:main]\nuse = egg:Paste#httpexceptions\n[app:a]\nuse = egg:Paste#proxy\naddress = http://h/\n", AS_PASTE),
    (PROXY + "address = ftp://h/\n", "no request would be answered"),
    (PROXY + "address = h/\n", "no request would be answered"),
    (PROXY + "address =\n", "no request would be answered"),
    (PROXY + "address = http://user:word@h/\n", "no request would be answered"),
    (PROXY + "address = http://h/ ; the old one\n", "no request would be answered"),
    (PROXY + "address = http://h/?query\n", "Paste drops the query"),
    (PROXY + "address = http://h/\nallowed_request_methods = GET,POST\n", "no request would be answered"),
    ("[app:main]\nuse = egg:Paste#test\n", "not a proxy"),
    (PROXY + "address = http://h/\nfilter-with = f\n[filter:f]\nuse = egg:Paste#grantip\n192.168.0.0/24 = me\n",
     "a guard is not left out"),
]

APPS = "".join(f"[app:{name}]\nuse = egg:Paste#proxy\naddress = http://ORIGIN/{name}/\n" for name in "abc")
MAP = "[composite:main]\nuse = egg:Paste#urlmap\n"
INNER = "[composite:inner]\nuse = egg:Paste#urlmap\n"

# Each with the requests that differ: (host, path) → why.
MAPS = [
    (MAP + "/ = a\n/b = b\n/b/c = c\n", {}),
    (MAP + "//b//x/ = b\n", {}),
    (MAP + "/x = a\nnot_found_app = b\n", {}),
    ("[DEFAULT]\nnot_found_app = c\n" + MAP + "/x = a\n", {}),
    (MAP + "/ = a\ndomain h.org = b\ndomain h.org /x = c\n", {}),
    (MAP + "/x/y = a\ndomain h.org /x = b\n", {}),
    (MAP + "domain h.org port 8080 /x = a\n/x = b\n", {}),
    (MAP + "domain h.org port 80 = a\n", {}),
    (MAP + "/x = a\n/x/ = b\n", {}),
    (MAP + "/x = inner\n/x/z = c\n" + INNER + "/y = a\nnot_found_app = b\n", {}),
    (MAP + "/ = a\ndomain *.org = b\n", {}),
    (MAP + "domain h.org /x = a\ndomain h.org port 8080 /x = b\n",
     {("h.org:8080", "/x"): "the port is never asked", ("h.org:8080", "/x/"): "the port is never asked",
      ("h.org:8080", "/x/y"): "the port is never asked", ("h.org:8080", "/x/z"): "the port is never asked"}),
    (MAP + "/ = a\n/x = inner\n" + INNER + "/y = b\n",
     {(host, path): "an inner map does not fall through" for host in ["h.org", "h.org:8080", "i.org"]
      for path in ["/x", "/x/", "/x/z"]}),
]
HOSTS = ["h.org", "h.org:8080", "i.org"]
PATHS = ["/", "/x", "/x/", "/x/y", "/x/z", "/xy", "/b", "/b/c", "/b/c/d", "/b/x", "/B"]


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def call(address, method, target, fields=(), content=None):
    connection = http.client.HTTPConnection(address, timeout=bounded.CLIENT_S_MAX)
    connection.request(method, target, body=content, headers=dict(fields))
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def asked_in_paste(app, host, path):
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": host,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }
    statuses = []
    body = b"".join(app(environ, lambda status, fields, exc_info=None: statuses.append(int(status[:3]))))
    return statuses[0], body.decode()


def seen(answer):
    status, body = answer
    return body if status == 200 else status


class Both:
    def __init__(self, front, admin, token):
        self.front, self.admin, self.fields = front, admin, {"Authorization": f"Bearer {token}"}
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "f.ini")

    def api(self, method, target, content=None):
        fields = {**self.fields, "Content-Type": "text/x-paste-ini"} if content else self.fields
        status, body = call(self.admin, method, target, fields, content and content.encode())
        return status, json.loads(body or "null")

    def load(self, text):
        with open(self.path, "w") as file:
            file.write(text)
        try:
            return loadapp("config:" + self.path)
        except (Exception, RecursionError) as error:
            return error

    def compare_file(self, text, expected):
        # The API knows no place of the file.
        text = text.replace("%(here)s", self.directory.name)
        paste = self.load(text)
        status, answer = self.api("POST", "/v1/import?dry_run=true", text)
        told = f"{text}\nPaste: {paste!r}\nStandin: {status} {answer}"
        if expected != AS_PASTE:
            assert not isinstance(paste, Exception) and status == 422, f"{expected}: {told}"
        elif isinstance(paste, Exception):
            assert status == 422, told
        else:
            assert status == 200 and isinstance(paste, proxy.Proxy), told
            [mount] = answer["mounts"]
            assert mount["address"] == paste.address, told
            assert [method.lower() for method in mount["allowed_request_methods"]] == paste.allowed_request_methods, told
            assert mount["suppress_http_headers"] == paste.suppress_http_headers, told

    def compare_map(self, text, differences, origin):
        text = (text + APPS).replace("ORIGIN", origin)
        paste = self.load(text)
        assert not isinstance(paste, Exception), f"{text}\n{paste!r}"
        status, answer = self.api("POST", "/v1/import", text)
        assert status == 200, f"{text}\n{answer}"
        for host in HOSTS:
            for path in PATHS:
                in_paste = seen(asked_in_paste(paste, host, path))
                here = seen(call(self.front, "GET", path, {"Host": host}))
                told = f"{text}\n{host}{path}: Paste {in_paste}, Standin {here}"
                assert (in_paste != here) == ((host, path) in differences), told
        notes = [note for note in answer["notes"] if note["severity"] in ("warning", "fixed") and note["line"]]
        assert notes or not differences, f"{text}\nnobody was told: {answer['notes']}"
        for mount in answer["mounts"]:
            assert self.api("DELETE", f"/v1/mounts/{mount['id']}?drain_ms=0")[0] == 204


def main():
    bounded.by(bounded.CLIENT_S_MAX)
    both = Both(*sys.argv[1:])
    for text, expected in FILES:
        both.compare_file(text, expected)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"127.0.0.1:{server.server_port}"
    for text, differences in MAPS:
        both.compare_map(text, differences, origin)
    server.shutdown()


main()
