"""paste.proxy behind waitress, comparable with nginx.conf as far as it goes: waitress's own number of threads,
connections of clients kept, but a new connection to the origin for each request, which is how paste.proxy works. It
adds X-Forwarded-For itself. Python's threads take turns under one lock, and fighting for it across two cores cost it
seven times the processor time: it has one core for itself. Others do not write a line for each request either, which
waitress does when its queue is long.
"""

import logging
import os
import sys

from paste.proxy import Proxy
from waitress import serve

port, origin, connections = sys.argv[1:]
proxy = Proxy(f"http://127.0.0.1:{origin}/")


def forwarded(environ, start_response):
    environ["HTTP_X_FORWARDED_HOST"] = environ["HTTP_HOST"]
    environ["HTTP_X_FORWARDED_PROTO"] = environ["wsgi.url_scheme"]
    return proxy(environ, start_response)


os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
logging.getLogger("waitress.queue").setLevel(logging.ERROR)
serve(forwarded, listen=f"127.0.0.1:{port}", backlog=4096, connection_limit=int(connections),
      channel_timeout=3600, asyncore_use_poll=True, clear_untrusted_proxy_headers=False)
