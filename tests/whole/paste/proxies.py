"""PyPI's Paste under waitress: proxies.py KIND ORIGIN, KIND being regular, transparent or mapped.

Which proxy of a kind answers is chosen by Host, as the mounts of the server beside it are.
"""

import sys

import paste.proxy
import paste.urlmap
import waitress

import bounded

THREADS = 2  # one request at a time, and room for one that lingers


def mapped(origin):
    """Two prefixes, of which the second has an address without a path."""
    urls = paste.urlmap.URLMap()
    urls["/p"] = paste.proxy.Proxy(f"http://{origin}/base/")
    urls["/q"] = paste.proxy.Proxy(f"http://{origin}")
    return urls, {}


def regular(origin):
    plain = paste.proxy.Proxy(f"http://{origin}/")
    return plain, {
        "bare.test": paste.proxy.Proxy(f"http://{origin}"),
        "base.test": paste.proxy.Proxy(f"http://{origin}/base/"),
        "unfinished.test": paste.proxy.Proxy(f"http://{origin}/base"),
        "gate.test": paste.proxy.make_proxy({}, f"http://{origin}/", allowed_request_methods="GET POST"),
        "suppress.test": paste.proxy.make_proxy(
            {}, f"http://{origin}/", suppress_http_headers="cookie Accept-Encoding x-forwarded-for content-type"),
    }


def transparent(origin):
    return paste.proxy.TransparentProxy(force_host=origin), {origin: paste.proxy.TransparentProxy()}


def main():
    bounded.by(bounded.SERVER_S_MAX)
    _, kind, origin = sys.argv
    otherwise, by_host = {"regular": regular, "transparent": transparent, "mapped": mapped}[kind](origin)

    def app(environ, start_response):
        return by_host.get(environ.get("HTTP_HOST"), otherwise)(environ, start_response)

    # Without a name of its own waitress adds no Server to what Paste answers. It would keep X-Forwarded-* from Paste.
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=THREADS, ident="",
                                    clear_untrusted_proxy_headers=False)
    print("ready", server.effective_port, flush=True)
    server.run()


main()
