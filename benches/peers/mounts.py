"""The scenarios that only Standin has: many mounts, edits to others during load, durable creates."""

import contextlib
import functools
import os
import threading
import time
from dataclasses import replace
from statistics import median, quantiles

import common
import loads
import peers

COUNTS = (1, 1000, 100_000)
ASKED = 8  # mounts that the load is spread over, where there are so many
OTHERS = 100  # mounts that are edited
CALLS_PER_S = 50
CALLERS = 4  # who share them: one alone could not keep that up where a call takes more than 20 ms
CALLS_MIN = 0.9  # of these must have been made
CREATES = 200  # in each round
AT_ONCE = 10  # of them, one after the other
PAUSE_S = 0.005
IMPORT_S_MAX = 60
NOWHERE = 9  # the discard port: nobody asks these mounts


@contextlib.contextmanager
def many(context, scenario):
    context.only_standin()
    common.START_S_MAX = IMPORT_S_MAX
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(peers.started("origin", context.directory / "origin", 0))
        rows = {}
        for build, binary in context.builds.items():
            for count in COUNTS:
                name = f"{build}, {count} mount{'s' if count > 1 else ''}"
                directory = context.directory / f"{build}-{count}"
                directory.mkdir()
                made = [peers.mount(f"bench-{n:07}", f"/bench/{n:07}", origin.port) for n in range(count)]
                server = stack.enter_context(peers.standin(binary, directory, made))
                asked = min(ASKED, count)
                load = loads.Wrk("/small", words=("paths", "/bench/", 0, count // asked if asked > 1 else 0, ASKED))
                loads.check_answer(name, server.port, replace(load, path="/bench/0000000/small"))
                rows[name] = functools.partial(loads.measure_wrk, name, server, load, context.args)
        yield rows


class Caller(threading.Thread):
    """Asks the admin API at a fixed rate until it is told to stop."""

    def __init__(self, admin, kind, number):
        super().__init__(daemon=True)
        self.admin, self.kind, self.number = admin, kind, number
        self.ended, self.done, self.error = threading.Event(), 0, None

    def run(self):
        every = CALLERS / CALLS_PER_S
        due = time.monotonic() + every * self.number / CALLERS
        while not self.ended.wait(max(0, due - time.monotonic())):
            due += every
            which = (self.done * CALLERS + self.number) % OTHERS
            other = peers.mount(f"other-{which}", f"/other/{which}/{self.done}", NOWHERE)
            try:
                if self.kind == "edits":
                    self.admin.ask("PUT", f"/v1/mounts/{other['id']}", 200, other)
                else:
                    self.admin.ask("GET", f"/v1/mounts/{other['id']}", 200)
            except common.GaveUp as error:
                self.error = error
                return
            self.done += 1


def measure_beside(kind, name, server, load, args):
    """The load, with calls of the admin API from before its warm-up to its end."""
    if not kind:
        return loads.measure_wrk(name, server, load, args)
    callers = [Caller(server.admin.another(), kind, number) for number in range(CALLERS)]
    begun = time.monotonic()
    for caller in callers:
        caller.start()
    try:
        sample = loads.measure_wrk(name, server, load, args)
    finally:
        for caller in callers:
            caller.ended.set()
        took = time.monotonic() - begun
        for caller in callers:
            caller.join()
    for caller in callers:
        if caller.error:
            raise caller.error
    calls_per_s = sum(caller.done for caller in callers) / took
    if calls_per_s < CALLS_MIN * CALLS_PER_S:
        common.give_up(f"only {calls_per_s:.0f} {kind}/s were possible, not {CALLS_PER_S}")
    return sample | {"calls_per_s": calls_per_s}


@contextlib.contextmanager
def edits(context, scenario):
    context.only_standin()
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(peers.started("origin", context.directory / "origin", 0))
        rows = {}
        for build, binary in context.builds.items():
            directory = context.directory / build
            directory.mkdir()
            made = [peers.mount("bench", "/", origin.port)]
            made += [peers.mount(f"other-{n}", f"/other/{n}", NOWHERE) for n in range(OTHERS)]
            server = stack.enter_context(peers.standin(binary, directory, made))
            loads.check_answer(build, server.port, loads.WRK["small"])
            for kind, name in ((None, "quiet"), ("reads", "reads"), ("edits", "edits")):
                name = f"{build}, {name}"
                rows[name] = functools.partial(measure_beside, kind, name, server, loads.WRK["small"], context.args)
        yield rows


def measure_creates(server, directory, begun):
    """Some creates, some fsyncs, and so on: what the disk does meanwhile befalls both alike. Each kind follows on its own:
    what one leaves for the disk to do must not be the other's."""
    times, fsyncs = [], []

    def timed(taken, act, *words):
        start = time.perf_counter()
        act(*words)
        taken.append((time.perf_counter() - start) * 1e3)

    with open(directory / "fsync", "ab", buffering=0) as file:
        def write_durably():
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

        for _ in range(CREATES // AT_ONCE):
            time.sleep(PAUSE_S)
            for _ in range(AT_ONCE):
                begun[0] += 1
                made = peers.mount(f"bench-{begun[0]:07}", f"/bench/{begun[0]:07}", NOWHERE)
                request = server.admin.written("POST", "/v1/mounts", made)
                server.admin.connect()
                timed(times, server.admin.send, request, 201)
            time.sleep(PAUSE_S)
            for _ in range(AT_ONCE):
                timed(fsyncs, write_durably)
    return {"p50_ms": median(times), "p99_ms": quantiles(times, n=100)[98], "fsync_ms": median(fsyncs),
            "per_fsync": median(times) / median(fsyncs), "errors": 0}


@contextlib.contextmanager
def creates(context, scenario):
    context.only_standin()
    with contextlib.ExitStack() as stack:
        rows = {}
        for build, binary in context.builds.items():
            directory = context.directory / build
            directory.mkdir()
            server = stack.enter_context(peers.standin(binary, directory, []))
            rows[build] = functools.partial(measure_creates, server, directory, [0])
        yield rows
