"""gunicorn for a test: one worker of many threads, on a free port that it tells."""

import ctypes
import signal

import bounded

bind = "127.0.0.1:0"
worker_class = "gthread"
threads = 24
keepalive = 30  # longer than the proxy keeps a connection: none ends under its hands
control_socket_disable = True
wsgi_app = "wsgi:app"

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def when_ready(server):
    bounded.by(bounded.SERVER_S_MAX)
    print("ready", server.LISTENERS[0].sock.getsockname()[1], flush=True)


def post_fork(server, worker):
    """The test kills the first process, and gunicorn's worker would wait for its threads for ever."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
