"""Verifies requests that Standin has signed: RFC 9421 with hmac-sha256. Standard library only, Python 3.9 or later.

    from verify_signature import KeyFile, NonceCache, SignedIdentity
    app = SignedIdentity(app, KeyFile("/etc/standin/keys"), user_header="X-Remote-User", metadata=["X-Team"])

A WSGI application behind `SignedIdentity` sees only requests that were signed, and of the headers that say who asks
only those that were covered. It finds the user in REMOTE_USER. Elsewhere, call `verify`. docs/identity.md says more.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import threading
import time

DERIVED = ("@method", "@authority", "@path", "@query")
PARAMETERS = ("created", "expires", "nonce", "keyid", "alg", "tag")
KEY_BYTES_MIN = 32
FIELD_BYTES_MAX = 16 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}


class Rejected(Exception):
    """The request is not to be believed; the text says why."""


class NonceCache:
    """Nonces that were seen, until they would be too old anyway. When it is full nothing new is believed."""

    def __init__(self, entries_max=100_000):
        self.entries_max = entries_max
        self.until = {}
        self.lock = threading.Lock()

    def add(self, key_id, nonce, until, now):
        """False for a nonce that was seen before."""
        with self.lock:
            if len(self.until) >= self.entries_max:
                self.until = {seen: end for seen, end in self.until.items() if end >= now}
                if len(self.until) >= self.entries_max:
                    raise Rejected("too many requests to remember their nonces")
            if self.until.get((key_id, nonce), now - 1) >= now:
                return False
            self.until[key_id, nonce] = until
            return True


class KeyFile:
    """Keys of a file with a line `key_id:base64` for each, read again when it changes. What cannot be understood any
    more leaves the keys that were there."""

    def __init__(self, path):
        self.path = path
        self.stamp = self.current_stamp()
        self.keys = self.read()

    def current_stamp(self):
        about = os.stat(self.path)
        return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns

    def read(self):
        keys = {}
        with open(self.path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                key_id, colon, secret = line.partition(":")
                key = unpadded(secret.strip())
                if not colon or key_id in keys or len(key) < KEY_BYTES_MIN:
                    raise ValueError(f"{self.path}, line {number}: must be key_id:base64 of {KEY_BYTES_MIN} bytes")
                keys[key_id] = key
        if not keys:
            raise ValueError(f"{self.path}: has no keys")
        return keys

    def get(self, key_id):
        try:
            stamp = self.current_stamp()
            if stamp != self.stamp:
                self.stamp = stamp
                self.keys = self.read()
        except (OSError, ValueError):
            pass
        return self.keys.get(key_id)


def verify(method, authority, path, query, headers, keys, *, tag="standin", now=None, max_age=300, seen_nonces,
           label="standin", skew=5, components=DERIVED, parameters=PARAMETERS):
    """Verifies one request, or raises Rejected.

    method, path and query are as on the wire, the path not decoded, the query with its `?` or empty. authority is the
    Host, in lower case and without the scheme's own port (see `authority_of`). headers is a sequence of pairs. keys
    has a method `get` from the key's name to 32 or more bytes. seen_nonces is a NonceCache, shared by all who verify
    the same key; None does without, for a signature that has no nonce. components and parameters must be there.

    Returns the headers that were covered, by their names in lower case. Any other header may be anybody's.
    """
    now = time.time() if now is None else now
    fields = {}
    for name, value in headers:
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    inputs = dictionary(fields, "signature-input")
    signatures = dictionary(fields, "signature")
    if set(inputs) != set(signatures):
        raise Rejected("Signature and Signature-Input name different signatures")
    if label not in inputs:
        raise Rejected("there is no signature of that label")
    covered, given = inner_list(inputs[label])
    for name in components:
        if name not in covered:
            raise Rejected(f"{name} is not covered")
    for name in parameters:
        if name not in given:
            raise Rejected(f"{name} is missing")
    check_parameters(given, tag, now, max_age, skew)
    key_id = given.get("keyid")
    key = keys.get(key_id) if isinstance(key_id, str) else None
    if key is None:
        raise Rejected("the key is not known")
    if len(key) < KEY_BYTES_MIN:
        raise Rejected("the key is too short")

    lines, values = [], {}
    derived = {"@method": method, "@authority": authority, "@path": path or "/", "@query": query or "?"}
    for name in covered:
        if name in derived:
            value = derived[name]
        elif name in fields and not name.startswith("@"):
            value = values[name] = ", ".join(fields[name])
        else:
            raise Rejected(f"{name} is covered and not there")
        if not plain(value):
            raise Rejected(f"{name} is not plain ASCII")
        lines.append(f'"{name}": {value}\n')
    base = "".join(lines) + f'"@signature-params": {inputs[label]}'
    if not hmac.compare_digest(hmac.new(key, base.encode("ascii"), hashlib.sha256).digest(), mac(signatures[label])):
        raise Rejected("the signature does not match")

    # Last: nobody without the key can fill the cache.
    if seen_nonces is not None:
        if not isinstance(given.get("nonce"), str):
            raise Rejected("nonce is missing")
        until = min(given.get("expires", now + max_age), given["created"] + max_age) + skew
        if not seen_nonces.add(key_id, given["nonce"], until, now):
            raise Rejected("the request was seen before")
    return values


def check_parameters(given, tag, now, max_age, skew):
    created, expires = given.get("created"), given.get("expires")
    if type(created) is not int:
        raise Rejected("created is missing")
    if created > now + skew:
        raise Rejected("the signature is from the future")
    if now > created + max_age + skew:
        raise Rejected("the signature is too old")
    if expires is not None and (type(expires) is not int or expires <= created or now > expires + skew):
        raise Rejected("the signature has expired")
    if given.get("alg", "hmac-sha256") != "hmac-sha256":
        raise Rejected("the algorithm is another one")
    if tag is not None and given.get("tag") != tag:
        raise Rejected("the tag is another one")


def unpadded(text):
    """The bytes of base64 with or without its `=`; none where it is malformed."""
    text = text.rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def plain(text):
    return all(" " <= character <= "~" for character in text)


# Structured fields (RFC 9651), as far as signatures have them. What is not in this form exactly is refused.

KEY = r"[a-z*][a-z0-9_.*-]*"
STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
BYTES = r":[A-Za-z0-9+/]*={0,2}:"
TOKEN = r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*"
BARE = rf"(?:{STRING}|{BYTES}|-?[0-9]{{1,15}}(?:\.[0-9]{{1,3}})?|\?[01]|{TOKEN})"
PARAMETER = rf"; *({KEY})(?:=({BARE}))?"
PARAMETERS_OF = rf"(?:; *{KEY}(?:={BARE})?)*"
ITEM = rf"{BARE}{PARAMETERS_OF}"
INNER = rf"\( *(?:{ITEM}(?: +{ITEM})*)? *\){PARAMETERS_OF}"
MEMBER = re.compile(rf"({KEY})=({INNER}|{ITEM})")
COMMA = re.compile(r"[ \t]*,[ \t]*(?=[^ \t])")


def dictionary(fields, name):
    """The members of a dictionary as they are written."""
    text = ", ".join(fields.get(name, [])).strip(" \t")
    if len(text) > FIELD_BYTES_MAX:
        raise Rejected(f"{name} is too long")
    members, at = {}, 0
    while at < len(text):
        member = MEMBER.match(text, at)
        if not member or member[1] in members:
            raise Rejected(f"{name} is malformed")
        members[member[1]] = member[2]
        at = member.end()
        comma = COMMA.match(text, at)
        if at < len(text) and not comma:
            raise Rejected(f"{name} is malformed")
        at = comma.end() if comma else at
    return members


def inner_list(text):
    """The names in a list of components, which have no parameters of their own, and the list's parameters."""
    whole = re.fullmatch(rf"\(((?:{STRING}(?: {STRING})*)?)\)({PARAMETERS_OF})", text)
    if not whole:
        raise Rejected("Signature-Input is no list of plain components")
    names = [name[1:-1] for name in whole[1].split(" ")] if whole[1] else []
    if len(set(names)) != len(names) or any(not re.fullmatch(r"@?[a-z0-9!#$%&'*+.^_`|~-]+", name) for name in names):
        raise Rejected("Signature-Input is no list of plain components")
    parameters = {}
    for name, value in re.findall(PARAMETER, whole[2]):
        if name in parameters:
            raise Rejected(f"{name} is there twice")
        if re.fullmatch(STRING, value):
            parameters[name] = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif re.fullmatch(r"-?[0-9]{1,15}", value):
            parameters[name] = int(value)
        else:
            raise Rejected(f"{name} is neither a string nor an integer")
    return names, parameters


def mac(text):
    """The bytes of a signature."""
    if not re.fullmatch(BYTES, text):
        raise Rejected("Signature is malformed")
    try:
        return base64.b64decode(text[1:-1], validate=True)
    except binascii.Error:
        raise Rejected("Signature is malformed") from None


def authority_of(host, scheme="http"):
    """Host as it is signed: in lower case, without the scheme's own port."""
    host = host.strip(" \t").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port in ("", str(DEFAULT_PORTS.get(scheme))) else host


class SignedIdentity:
    """WSGI middleware: 403 for what was not signed; of the headers that say who asks, only the covered ones stay.

    user_header becomes REMOTE_USER, auth_type_header AUTH_TYPE; metadata names what else only the proxy may say.
    X-Forwarded-* and Forwarded belong to it always. Servers must hand on the raw target as RAW_URI (gunicorn) or
    REQUEST_URI (uWSGI, mod_wsgi, Werkzeug): what was decoded cannot be verified.
    """

    def __init__(self, app, keys, *, user_header="X-Remote-User", auth_type_header="X-Auth-Type", metadata=(),
                 tag="standin", seen_nonces=None, max_age=300, clock=time.time):
        self.app = app
        self.keys = keys
        self.user, self.auth_type = user_header.lower(), auth_type_header.lower()
        self.metadata = {self.user, self.auth_type, *(name.lower() for name in metadata)}
        self.tag, self.max_age, self.clock = tag, max_age, clock
        self.seen_nonces = NonceCache() if seen_nonces is None else seen_nonces

    def __call__(self, environ, start_response):
        try:
            covered = self.verify(environ)
        except Rejected as reason:
            print(f"not believed: {reason}", file=environ["wsgi.errors"], flush=True)
            start_response("403 Forbidden", [("Content-Type", "text/plain"), ("X-Content-Type-Options", "nosniff")])
            return [b"This request was not signed by the proxy.\n"]
        for name in [key for key in environ if key.startswith("HTTP_")]:
            field = name[5:].replace("_", "-").lower()
            is_metadata = field in self.metadata or field.startswith("x-forwarded-") or field == "forwarded"
            if is_metadata and field not in covered:
                del environ[name]
        for name, field in (("REMOTE_USER", self.user), ("AUTH_TYPE", self.auth_type)):
            environ.pop(name, None)
            if covered.get(field):
                environ[name] = covered[field]
        return self.app(environ, start_response)

    def verify(self, environ):
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
        if target is None:
            raise Rejected("the server hands on neither RAW_URI nor REQUEST_URI")
        if not target.startswith("/"):
            raise Rejected("the target is not a path")
        path, mark, query = target.partition("?")
        headers = [(key[5:].replace("_", "-"), value) for key, value in environ.items() if key.startswith("HTTP_")]
        authority = authority_of(environ.get("HTTP_HOST", ""), environ["wsgi.url_scheme"])
        return verify(environ["REQUEST_METHOD"], authority, path, mark + query, headers, self.keys, tag=self.tag,
                      now=self.clock(), max_age=self.max_age, seen_nonces=self.seen_nonces)
