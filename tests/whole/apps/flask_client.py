"""requests as a client of flask_server.py: flask_client.py URL LINKS, both with a slash at the end.

LINKS is where the application believes to be.
"""

import sys
import urllib.parse

import requests

import bounded

UPLOAD_BYTES = 3_000_000


def main():
    bounded.by(bounded.CLIENT_S_MAX)
    _, url, believed = sys.argv
    path = urllib.parse.urlsplit(believed).path
    session = requests.Session()
    session.trust_env = False

    def equal(got, expected):
        assert got == expected, f"{got!r} is not {expected!r}"

    links = session.get(f"{url}links").json()
    equal(links, {"path": f"{path}target", "whole": f"{believed}target", "client": "127.0.0.1"})
    for form in "absolute", "path", "relative":
        answer = session.get(f"{url}go/{form}")
        equal((answer.url, answer.text, len(answer.history)), (f"{url}target", "target", 1))
    answer = session.get(f"{url}go/elsewhere", allow_redirects=False)
    equal(answer.headers["Location"], "http://elsewhere.example/target")

    equal(session.get(f"{url}me").text, "nobody")
    answer = session.post(f"{url}login", data={"name": "somebody"})
    equal((answer.text, [earlier.status_code for earlier in answer.history]), ("somebody", [303]))
    equal(session.get(f"{url}me").text, "somebody")

    answer = session.post(f"{url}upload", files={"file": ("a b.bin", bytes(UPLOAD_BYTES))}, data={"note": "é"})
    equal(answer.json(), {"name": "a b.bin", "bytes": UPLOAD_BYTES, "note": "é"})
    with session.get(f"{url}stream", stream=True) as answer:
        equal(list(answer.iter_lines()), [f"line {number}".encode() for number in range(1000)])
    equal(session.head(f"{url}target").headers["Content-Length"], "6")
    answer = session.get(f"{url}absent")
    assert answer.status_code == 404 and "Not Found" in answer.text, answer.text
    answer = session.get(f"{url}fail")
    assert answer.status_code == 500 and "Internal Server Error" in answer.text, answer.text


main()
