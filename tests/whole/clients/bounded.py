"""Ends a script that takes too long, with a traceback of where it was. Each script says `bounded.by(seconds)` first."""

import faulthandler

# Less than the test that runs the script waits for it.
CLIENT_S_MAX = 50
# A server is stopped by its test; this is for a test that was itself killed.
SERVER_S_MAX = 300


def by(seconds):
    faulthandler.dump_traceback_later(seconds, exit=True)
