"""A WSGI application that tells what arrived, and sends streams, many fields and redirections."""

import json

import content

FIELDS = 60
FIELD_BYTES = 400


def received(environ):
    while block := environ["wsgi.input"].read(content.BLOCK_BYTES):
        yield block


def digest(environ):
    sha256, length = content.sha256(received(environ))
    chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
    told = {"sha256": sha256, "bytes": length, "method": environ["REQUEST_METHOD"],
            "framing": "chunked" if chunked else environ.get("CONTENT_LENGTH", "")}
    return "200 OK", [("Content-Type", "application/json")], [json.dumps(told).encode()]


def fields(environ):
    """Tells the request's fields, and sends as many back."""
    told = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    many = [(f"X-Answer-{number}", f"{number}-".ljust(FIELD_BYTES, "v")) for number in range(FIELDS)]
    return "200 OK", [("Content-Type", "application/json"), *many], [json.dumps(told).encode()]


def app(environ, start_response):
    _, name, *rest = environ["PATH_INFO"].split("/")
    match name, *rest:
        case "digest", :
            status, head, body = digest(environ)
        case "fields", :
            status, head, body = fields(environ)
        case "number", number:
            status, head, body = "200 OK", [("Content-Length", str(len(number)))], [number.encode()]
        case "chunked", count:  # without a length gunicorn sends chunks
            status, head, body = "200 OK", [], content.blocks(int(count))
        case "length", count:
            length = int(count) * content.BLOCK_BYTES
            status, head, body = "200 OK", [("Content-Length", str(length))], content.blocks(int(count))
        case "redirect", number if int(number) > 0:
            status, head, body = "302 Found", [("Location", str(int(number) - 1))], []
        case "redirect", _:
            status, head, body = "303 See Other", [("Location", "../digest")], []
        case "moved", :
            status, head, body = "307 Temporary Redirect", [("Location", "digest")], []
        case _:
            status, head, body = "404 Not Found", [], []
    start_response(status, head)
    return body
