"""What is measured: each scenario starts its servers and gives rows, each a name and a function that measures it once.

`run` calls every row once in a round, in turn, so that they can be compared within it.
"""

import contextlib
import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import common
import loads
import mounts
import peers


@dataclass
class Context:
    args: object
    builds: dict  # of Standin, by name: their binaries
    names: list  # of peers that are here, and builds
    not_measured: dict  # by name: why
    failed: list = field(default_factory=list)  # those of them that should have been able to
    directory: Path = None

    def fail(self, name, error):
        self.failed.append(name)
        self.not_measured[name] = str(error.code)

    def names_for(self, scenario):
        """Leaves out, and says so, who can't do that."""
        for name, why in scenario.unsupported.items():
            if name in self.names:
                self.not_measured[name] = why
        return [name for name in self.names if name not in scenario.unsupported]

    def only_standin(self):
        for name in self.names:
            if name not in self.builds:
                self.not_measured[name] = "has no mounts that are made while it runs"


@dataclass
class Scenario:
    about: str
    rows: Callable  # of a context and the scenario: a context manager that gives {name: measure}
    unit: str = "request"
    load: loads.Wrk | None = None
    unsupported: dict = field(default_factory=dict)
    timed: bool = True  # lasts for --seconds


@contextlib.contextmanager
def each_proxy(context, scenario, origin):
    """Starts them; one that does not start is not measured, and its reason is told."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for name in context.names_for(scenario):
            try:
                servers[name] = stack.enter_context(
                    peers.started(name, context.directory / name, origin, context.builds.get(name)))
            except common.GaveUp as error:
                context.fail(name, error)
        yield servers


@contextlib.contextmanager
def by_wrk(context, scenario):
    with peers.started("origin", context.directory / "origin", 0) as origin, \
            each_proxy(context, scenario, origin.port) as servers:
        rows = {}
        for name, server in ({"origin": origin} | servers).items():
            try:
                loads.check_answer(name, server.port, scenario.load)
                rows[name] = functools.partial(loads.measure_wrk, name, server, scenario.load, context.args)
            except common.GaveUp as error:
                context.fail(name, error)
        yield rows


@contextlib.contextmanager
def by_stream(kind, context, scenario):
    with loads.streams(context.directory, "origin") as (process, _, hear):
        origin = peers.Server(process, int(hear(loads.READY_S_MAX)))
        with each_proxy(context, scenario, origin.port) as servers:
            yield {name: functools.partial(loads.measure_stream, kind, name, server, context.directory, context.args)
                   for name, server in ({"origin": origin} | servers).items()}


@contextlib.contextmanager
def by_idling(context, scenario):
    with peers.started("origin", context.directory / "origin", 0) as origin:
        def fresh(name):
            @contextlib.contextmanager
            def start():
                with common.temp_dir(context.directory) as directory, \
                        peers.started(name, directory / "server", origin.port, context.builds.get(name)) as server:
                    yield server
            return start

        yield {name: functools.partial(loads.measure_idle, name, fresh(name), context.directory, context.args)
               for name in context.names_for(scenario)}


def wrk(name, about, **more):
    return Scenario(about, by_wrk, load=loads.WRK[name], **more)


PASTE_WHOLE = "it reads an answer to its end before it sends any of it"
PASTE_UPGRADE = "it has no upgrades"
SCENARIOS = {
    "small": wrk("small", "100-byte body over kept connections"),
    "small-1": wrk("small-1", "100-byte body over one kept connection"),
    "small-512": wrk("small-512", "100-byte body over 512 kept connections"),
    "10k": wrk("10k", "10 KiB body over kept connections"),
    "1m": wrk("1m", "1 MiB body over kept connections"),
    "upload": wrk("upload", "POST of 64 KiB, 100-byte body over kept connections"),
    "new-connection": wrk("new-connection", "100-byte body, a new connection for each request"),
    "pipelined": wrk("pipelined", f"100-byte body, {loads.PIPELINED} requests at once on each kept connection"),
    "sse": Scenario("an event of 100 bytes to 200 subscribers, 50 times a second",
                    functools.partial(by_stream, "sse"), "event", unsupported={"paste.proxy": PASTE_WHOLE}),
    "websocket": Scenario("64 bytes and their echo over 64 WebSockets",
                          functools.partial(by_stream, "websocket"), "echo", unsupported={"paste.proxy": PASTE_UPGRADE}),
    "idle": Scenario("kept connections that have made a request and now idle", by_idling, "connection", timed=False),
    "mounts": Scenario("100-byte body through 8 of so many mounts", mounts.many, load=loads.WRK["small"]),
    "edits": Scenario("100-byte body while other mounts are edited, or only read, 50 times a second", mounts.edits,
                      load=loads.WRK["small"]),
    "create": Scenario("durable creates by one client, ten and then ten fsyncs of 4 KiB in turn", mounts.creates, "create", timed=False),
}
