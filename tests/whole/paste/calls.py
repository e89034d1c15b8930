"""Calls paste.proxy without a WSGI server: calls.py CALLS, a JSON list of objects with address, environ and input.

Prints a JSON list: the status of each, or the name of what was raised.
"""

import io
import json
import socket
import sys

import paste.proxy

import bounded

# Longer than anything takes on loopback, and less than the test waits.
CONNECTION_S_MAX = 15


def outcome(call):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "SCRIPT_NAME": "", "wsgi.url_scheme": "http",
               "wsgi.input": io.BytesIO(call.get("input", "").encode()), **call.get("environ", {})}
    statuses = []
    try:
        paste.proxy.Proxy(call["address"])(environ, lambda status, headers: statuses.append(status))
    except Exception as error:  # all of them: each is what Paste lets out
        return type(error).__name__
    return statuses[0]


def main():
    bounded.by(bounded.CLIENT_S_MAX)
    socket.setdefaulttimeout(CONNECTION_S_MAX)
    print(json.dumps([outcome(call) for call in json.loads(sys.argv[1])]))


main()
