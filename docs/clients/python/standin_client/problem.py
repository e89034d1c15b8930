"""What goes wrong: the server cannot be found or reached, or it says no."""

from __future__ import annotations

from typing import Any, Mapping, Sequence, TypedDict


class Fault(TypedDict, total=False):
    """One thing that is wrong with what was sent."""

    pointer: str
    """Where, as a JSON Pointer; empty for the whole."""
    line: int
    """The line, where a Paste Deploy file was sent."""
    detail: str


class StandinError(Exception):
    """Everything that this package raises."""


class NotFoundHere(StandinError):
    """No address or no token of a server is known on this machine."""


class Unreachable(StandinError):
    """The server did not answer. Whether it did what was asked is not known; `put_mount` may be repeated."""


class Problem(StandinError):
    """The server refused (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any], retry_after_s: int | None = None) -> None:
        self.status = status
        self.document = dict(document)
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", f"the server answered {status}"))
        self.request_id = str(document.get("request_id", ""))
        self.errors: Sequence[Fault] = document.get("errors", [])
        self.retry_after_s = retry_after_s
        """Set where the same call may be repeated, and after how many seconds."""
        told = [f"{status}: {self.detail}"]
        told += [f"  {error.get('pointer', '')} {error.get('detail', '')}" for error in self.errors]
        super().__init__("\n".join(told))


class TooOld(Problem):
    """410: the journal does not reach back to the revision that was asked for. List the mounts and begin anew."""


class LostRace(Problem):
    """412: the mount is not what `if_match` says any more, or is there already."""


def problem(status: int, document: Mapping[str, Any], retry_after_s: int | None) -> Problem:
    """The exception for a status."""
    kind = {410: TooOld, 412: LostRace}.get(status, Problem)
    return kind(status, document, retry_after_s)
