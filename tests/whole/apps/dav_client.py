"""A WebDAV client: dav_client.py URL BASE, the collection's URL, and its path in what the server lists, with slashes."""

import sys
import urllib.parse
import xml.etree.ElementTree

import requests

import bounded

LOCK = """<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>
<locktype><write/></locktype><owner>a test</owner></lockinfo>"""


def main():
    bounded.by(bounded.CLIENT_S_MAX)
    _, url, base = sys.argv
    session = requests.Session()
    session.trust_env = False

    def ask(method, path, expected, **more):
        answer = session.request(method, url + path, **more)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def listed(path):
        answer = ask("PROPFIND", path, 207, headers={"Depth": "1"})
        root = xml.etree.ElementTree.fromstring(answer.content)
        return {urllib.parse.unquote(href.text) for href in root.iter("{DAV:}href")}

    options = ask("OPTIONS", "", 200)
    assert "1" in options.headers["DAV"], options.headers
    ask("MKCOL", "box/", 201)
    ask("MKCOL", "box/", 405)
    ask("PUT", "box/a%20b.txt", 201, data=b"first")
    ask("PUT", "box/a%20b.txt", 204, data=iter([b"sec", b"ond"]))
    assert ask("GET", "box/a%20b.txt", 200).content == b"second"
    assert ask("GET", "box/a%20b.txt", 206, headers={"Range": "bytes=1-3"}).content == b"eco"
    assert ask("HEAD", "box/a%20b.txt", 200).headers["Content-Length"] == "6"
    assert listed("box/") == {f"{base}box/", f"{base}box/a b.txt"}, listed("box/")

    # The destination is in the URL space that the client knows.
    ask("COPY", "box/a%20b.txt", 201, headers={"Destination": f"{url}box/copy.txt"})
    ask("MOVE", "box/a%20b.txt", 201, headers={"Destination": f"{url}box/moved.txt"})
    ask("GET", "box/a%20b.txt", 404)
    assert ask("GET", "box/moved.txt", 200).content == b"second"
    ask("MOVE", "box/moved.txt", 412, headers={"Destination": f"{url}box/copy.txt", "Overwrite": "F"})
    ask("MOVE", "box/", 201, headers={"Destination": f"{url}chest/"})
    assert listed("chest/") == {f"{base}chest/", f"{base}chest/copy.txt", f"{base}chest/moved.txt"}, listed("chest/")

    lock = ask("LOCK", "chest/copy.txt", 200, data=LOCK, headers={"Timeout": "Second-60"})
    token = lock.headers["Lock-Token"]
    ask("PUT", "chest/copy.txt", 423, data=b"locked")
    ask("PUT", "chest/copy.txt", 204, data=b"mine", headers={"If": f"({token})"})
    ask("UNLOCK", "chest/copy.txt", 204, headers={"Lock-Token": token})
    ask("PUT", "chest/copy.txt", 204, data=b"free")
    ask("DELETE", "chest/", 204)
    ask("PROPFIND", "chest/", 404, headers={"Depth": "0"})


main()
