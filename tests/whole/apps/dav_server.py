"""WsgiDAV under waitress, its files below /dav in a directory of its own."""

import tempfile

import waitress
import werkzeug.exceptions
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from wsgidav.wsgidav_app import WsgiDAVApp

import bounded


def main():
    bounded.by(bounded.SERVER_S_MAX)
    with tempfile.TemporaryDirectory() as directory:
        dav = WsgiDAVApp({
            "provider_mapping": {"/": directory},
            "simple_dc": {"user_mapping": {"*": True}},
            "mount_path": "/dav",  # for the URLs in what it answers
            "lock_storage": True,
            "logging": {"enable": False},
            "verbose": 0,
        })
        app = DispatcherMiddleware(werkzeug.exceptions.NotFound(), {"/dav": dav})
        server = waitress.create_server(app, host="127.0.0.1", port=0)
        print("ready", server.effective_port, flush=True)
        server.run()


main()
