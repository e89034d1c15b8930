"""Holds docs/verify_signature.py against the vectors, and against everything that must not pass."""

import base64
import hashlib
import hmac
import os
import pathlib
import re
import sys
import tempfile

import bounded

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "docs"))
import verify_signature
from verify_signature import KeyFile, NonceCache, Rejected, SignedIdentity, authority_of, verify

KEY = b"0123456789abcdef0123456789abcdef"
CREATED = 1_700_000_000
COVERED = ('("@method" "@authority" "@path" "@query" "x-forwarded-for" "x-forwarded-host" "x-forwarded-proto" '
           '"x-forwarded-prefix" "x-remote-user")')
PARAMETERS = ';created=1700000000;expires=1700000030;nonce="n-0001";keyid="k1";alg="hmac-sha256";tag="reverse-proxy"'
SIGNATURES = {"bob": "Guqw4NkroXDIuHUrjockaybp2RJES7sMjgBU6w1R3Wg=",
              "alice": "mW3IYlaG5ESRMyDunYPi6T93jc42aYhlg599T3Xvwj4="}


def headers(user="bob", value=COVERED + PARAMETERS, signature=SIGNATURES["bob"]):
    return [("X-Forwarded-For", "10.9.8.7"), ("X-Forwarded-Host", "public.example"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Prefix", "/p"), ("X-Remote-User", user),
            ("Signature-Input", f"standin={value}"), ("Signature", f"standin=:{signature}:")]


def signed(value):
    """The profile's request with another Signature-Input, signed as it is."""
    known = {"@method": "GET", "@authority": "backend.internal:8680", "@path": "/exist/rest/orgs/a%20b", "@query": "?",
             **{name.lower(): text for name, text in headers()}}
    names = re.findall(r'"([^" ]*)"', value[:value.index(")")])
    base = "".join(f'"{name}": {known.get(name, "")}\n' for name in names) + f'"@signature-params": {value}'
    mac = base64.b64encode(hmac.new(KEY, base.encode(), hashlib.sha256).digest()).decode()
    return headers(value=value, signature=mac)


def check(fields, *, method="GET", authority="backend.internal:8680", path="/exist/rest/orgs/a%20b", query="",
          keys={"k1": KEY}, now=CREATED + 10, seen=None, **more):
    seen = NonceCache() if seen is None else seen
    return verify(method, authority, path, query, fields, keys, tag="reverse-proxy", now=now, seen_nonces=seen, **more)


def refused(reason, fields, **more):
    try:
        check(fields, **more)
    except Rejected as rejected:
        assert reason in str(rejected), f"{rejected} is not {reason}"
        return
    raise AssertionError(f"accepted: {reason}")


def published():
    """RFC 9421, B.2.5."""
    secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    value = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    fields = [("Date", "Tue, 20 Apr 2021 02:07:55 GMT"), ("Content-Type", "application/json"),
              ("Signature-Input", f"sig-b25={value}"),
              ("Signature", "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:")]
    told = verify("POST", "example.com", "/foo", "?param=Value&Pet=dog", fields,
                  {"test-shared-secret": base64.b64decode(secret)}, label="sig-b25", tag=None, now=1618884473,
                  seen_nonces=None, components=("@authority", "date"), parameters=("created", "keyid"))
    assert told == {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "content-type": "application/json"}, told


def profile():
    for user, signature in SIGNATURES.items():
        told = check(headers(user, signature=signature))
        assert told["x-remote-user"] == user and "@method" not in told
    other = [("Signature-Input", 'a=("x");tag="q, r"'), ("Signature", "a=:AA==:")]
    assert check(other + headers())["x-forwarded-prefix"] == "/p"
    assert "x-team" not in check(headers() + [("X-Team", "red")]), "what is not covered is not told"


def tampering():
    no_match = "does not match"
    refused(no_match, headers("alice"))
    refused(no_match, headers(), method="POST")
    refused(no_match, headers(), authority="backend.internal")
    refused(no_match, headers(), path="/exist/rest/orgs/a b")
    refused(no_match, headers(), query="?a")
    refused(no_match, headers() + [("X-Remote-User", "root")])
    refused(no_match, headers(value=COVERED + PARAMETERS.replace("030", "031")))
    refused(no_match, headers(), keys={"k1": KEY[::-1]})
    refused("not known", headers(), keys={"k2": KEY})
    refused("too short", headers(), keys={"k1": KEY[:31]})
    refused("not there", [field for field in headers() if field[0] != "X-Remote-User"])
    refused("no signature of that label", headers()[:5])
    refused("different signatures", headers()[:6])
    refused("different signatures", headers() + [("Signature", "a=:AA==:")])
    refused("plain ASCII", headers("b\xf6b"))


def times():
    refused("future", headers(), now=CREATED - 6)
    check(headers(), now=CREATED - 5)
    check(headers(), now=CREATED + 35)
    refused("expired", headers(), now=CREATED + 36)
    refused("too old", headers(), now=CREATED + 20, max_age=10)
    seen = NonceCache()
    check(headers(), seen=seen)
    refused("seen before", headers(), seen=seen)
    full = NonceCache(entries_max=1)
    full.add("k1", "other", CREATED + 10, CREATED)
    refused("too many", headers(), seen=full)
    check(headers(), seen=full, now=CREATED + 11)


def forms():
    check(signed(COVERED + PARAMETERS))
    for name in verify_signature.DERIVED:
        refused(f"{name} is not covered", signed(COVERED.replace(f'"{name}"', '"x-remote-user"', 1)
                                                 .replace(' "x-remote-user")', ")") + PARAMETERS))
    for name in verify_signature.PARAMETERS:
        kept = ";".join(part for part in PARAMETERS.split(";") if not part.startswith(f"{name}="))
        refused(f"{name} is missing", signed(COVERED + kept))
    malformed = "no list of plain components"
    refused(malformed, signed(COVERED.replace('"@query"', '"@query";req') + PARAMETERS))
    refused(malformed, signed(COVERED.replace('"@query"', '"@query" "@query"') + PARAMETERS))
    refused(malformed, signed(COVERED.replace("x-remote-user", "X-Remote-User") + PARAMETERS))
    refused("not there", signed(COVERED.replace('"@query"', '"@query" "@scheme"') + PARAMETERS))
    refused("algorithm", signed(COVERED + PARAMETERS.replace("hmac-sha256", "ed25519")))
    refused("tag", signed(COVERED + PARAMETERS.replace("reverse-proxy", "other")))
    refused("twice", signed(COVERED + PARAMETERS + ';keyid="k1"'))
    refused("neither", signed(COVERED + PARAMETERS.replace('"n-0001"', "n-0001")))
    refused("created is missing", signed(COVERED + PARAMETERS.replace("=1700000000", '="1700000000"')))
    for text in ('standin=("a', "standin=(),", "Standin=()", "standin=() b=()", "standin=(),standin=()", "standin="):
        refused("malformed", [("Signature-Input", text), ("Signature", "standin=:AA==:")])
    refused("Signature is malformed", headers(signature="A"))
    for host, scheme, expected in [("A.example:80", "http", "a.example"), ("a:80", "https", "a:80"), ("a:", "http", "a"),
                                   ("[::1]", "http", "[::1]"), ("[::1]:443", "https", "[::1]")]:
        assert authority_of(host, scheme) == expected, host


def key_file():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "keys")
        line = "k1:" + base64.b64encode(KEY).decode()

        def write(text):
            with open(path + ".new", "w") as file:
                file.write(text)
            os.replace(path + ".new", path)

        write("# keys\n\n" + line + "\n")
        keys = KeyFile(path)
        assert keys.get("k1") == KEY and keys.get("k2") is None
        write(line.rstrip("=") + "\n" + line.replace("k1", "k2"))
        assert keys.get("k2") == KEY and keys.get("k1") == KEY
        write("k1:short")
        assert keys.get("k2") == KEY, "what cannot be understood changes nothing"
        for wrong in ("", "k1", "k1:c2hvcnQ=", line + "\n" + line, "k1:*"):
            write(wrong)
            try:
                KeyFile(path)
            except ValueError:
                continue
            raise AssertionError(wrong)


def middleware():
    """Without the raw target nothing can be verified, so nothing passes."""
    said = []
    app = SignedIdentity(lambda *_: ["passed"], {"k1": KEY})
    environ = {"REQUEST_METHOD": "GET", "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "PATH_INFO": "/"}
    app(environ, lambda status, _: said.append(status))
    app({**environ, "REQUEST_URI": "http://h/"}, lambda status, _: said.append(status))
    assert said == ["403 Forbidden"] * 2, said


bounded.by(bounded.CLIENT_S_MAX)
for test in (published, profile, tampering, times, forms, key_file, middleware):
    test()
    print(test.__name__, "holds")
