"""Server-sent events: reading them, and beginning again where a connection broke off."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from .connection import Exchange
from .problem import Problem, Unreachable

PAUSE_S_MIN = 0.2
PAUSE_S_MAX = 5.0
LINE_BYTES_MAX = 1024 * 1024
GREETING = "hello"
"""The type of the first event of a connection, which is about that connection only."""
PLACE = ""
"""The type of what is no event but an id: there is nothing to tell up to that revision."""


@dataclass(frozen=True)
class Event:
    """One event."""

    type: str
    data: Any
    """From JSON."""
    id: int | None
    """The revision, where the journal has this event; None where it is about the moment only."""


def read(exchange: Exchange) -> Iterator[Event]:
    """The events of one answer, until it ends or breaks off."""
    kind, identity, data = "message", None, []
    while True:
        try:
            line = exchange.response.readline(LINE_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the stream broke off: {error or type(error).__name__}") from error
        if not line:
            return
        if len(line) > LINE_BYTES_MAX:
            raise Unreachable(f"the stream has a line of more than {LINE_BYTES_MAX} bytes")
        name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "id":
            identity = int(value) if value.isdecimal() else None
        elif name == "data":
            data.append(value)
        elif not name and not value and line in (b"\n", b"\r\n"):
            if data:
                yield Event(kind, json.loads("\n".join(data)), identity)
            elif identity is not None:
                yield Event(PLACE, None, identity)
            kind, identity, data = "message", None, []


def follow(connect: Callable[[int], Exchange], since: int) -> Iterator[Event]:
    """Events after a revision, for ever: without a gap and without one twice. `connect` asks for those after the
    revision that it is given. Raises TooOld where the journal has lost them, and Problem where we are refused for good."""
    pause_s = PAUSE_S_MIN
    while True:
        try:
            with connect(since) as exchange:
                for event in read(exchange):
                    pause_s = PAUSE_S_MIN
                    if event.id is not None:
                        since = event.id
                    if event.type not in (GREETING, PLACE):
                        yield event
        except Unreachable:
            pass
        except Problem as refused:
            if refused.retry_after_s is None:
                raise
            pause_s = max(pause_s, float(refused.retry_after_s))
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, PAUSE_S_MAX)
