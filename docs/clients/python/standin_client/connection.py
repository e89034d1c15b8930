"""Finding a server, and one HTTP exchange with it, over TCP or a Unix socket.

Each call has a connection of its own, so that threads can share a client and no call meets a connection that has died.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Union
from urllib.parse import quote, urlencode

from .problem import NotFoundHere, Unreachable, problem

Query = Mapping[str, Union[str, int, bool, "list[str]", None]]


@dataclass(frozen=True)
class Server:
    """Where a server is, and what lets us in."""

    address: str
    """`http://HOST:PORT`, `HOST:PORT` or `unix:PATH`."""
    token: str

    def __repr__(self) -> str:
        return f"Server(address={self.address!r}, token=…)"

    @classmethod
    def find(
        cls, address: str | None = None, token: str | None = None, data_dir: str | os.PathLike[str] | None = None
    ) -> Server:
        """What is not said is found as the command line finds it: in STANDIN_ADMIN and STANDIN_TOKEN, or in the files
        `admin` and `token` of the data directory (STANDIN_DATA_DIR, or the user's own). The token of the user's own is
        for the server that is named there, and goes to no other."""
        directory = None if data_dir is None else Path(data_dir)
        named = address or os.environ.get("STANDIN_ADMIN")
        token = token or os.environ.get("STANDIN_TOKEN")
        if named and not token and not (directory or os.environ.get("STANDIN_DATA_DIR")):
            if _read(None, "admin").strip() != named.strip():
                raise NotFoundHere(f"no token is known for {named}: give one, or STANDIN_TOKEN, or its data directory")
        named = named or _read(directory, "admin")
        return cls(named.strip(), (token or _read(directory, "token")).strip())


def _default_data_dir() -> Path:
    named = os.environ.get("STANDIN_DATA_DIR")
    if named:
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "standin"


def _read(directory: Path | None, name: str) -> str:
    path = (directory or _default_data_dir()) / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        told = f"no server is known here: {path}: {error.strerror}; start one, or give its address and token"
        raise NotFoundHere(told) from error


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


@dataclass(frozen=True)
class Answer:
    """What the server said when it did not refuse."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def value(self) -> Any:
        """The content, from JSON; none where there is none."""
        return json.loads(self.content) if self.content else None

    @property
    def revision(self) -> int:
        """The revision that a change made, or of one that changed nothing the present one."""
        return int(self.headers["X-Revision"])


class Exchange:
    """A request that was sent, and the head of its answer. Close it, or use it in `with`."""

    def __init__(
        self,
        server: Server,
        timeout_s: float,
        method: str,
        path: str,
        query: Query | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = _connection(server.address, timeout_s)
        fields = {"Authorization": f"Bearer {server.token}", **(headers or {})}
        try:
            self._connection.request(method, path + _query(query), content, fields)
            self.response = self._connection.getresponse()
            if self.response.status >= 400:
                self._refuse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{server.address}: {error or type(error).__name__}") from error
        except BaseException:
            self.close()
            raise

    def _refuse(self) -> None:
        try:
            document = json.loads(self.response.read())
        except ValueError:
            document = {}
        after = self.response.headers.get("Retry-After", "")
        raise problem(self.response.status, document, int(after) if after.isdecimal() else None)

    def answer(self) -> Answer:
        """The whole answer."""
        try:
            return Answer(self.response.status, self.response.headers, self.response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the answer is not whole: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Ends it, whole or not."""
        self._connection.close()

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address[len("unix:") :], timeout_s)
    authority = address.removeprefix("http://").rstrip("/")
    if "/" in authority or not authority:
        raise NotFoundHere(f"{address!r} is no address of a server; give http://HOST:PORT or unix:PATH")
    return http.client.HTTPConnection(authority, timeout=timeout_s)


def _query(query: Query | None) -> str:
    """What is None is left out; lists are repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return "?" + urlencode(pairs, quote_via=quote) if pairs else ""
