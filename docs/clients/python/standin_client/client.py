"""The calls of the admin API, one method each. openapi.yaml says what they mean; this says what they are called."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Iterator, Mapping, Sequence, Union
from urllib.parse import quote

from . import events
from .connection import Answer, Exchange, Query, Server
from .events import Event
from .model import Applied, Lease, Mount, MountSpec, Operation, Preview, Revision, Token
from .problem import StandinError
from .renewal import Renewal

WAIT_MS_MAX = 10_000
PASTE_INI = "text/x-paste-ini"


class Client:
    """A server's admin API. Threads may share one. Every call raises a StandinError if it fails."""

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        """Address and token are found as the command line finds them, unless they are given."""
        self.server = Server.find(address, token, data_dir)
        self.timeout_s = timeout_s
        """How long the server may say nothing."""

    # One mount.

    def mount(self, id: str, *, min_revision: int | None = None) -> Mount:
        """A mount; `min_revision` waits until that change is seen."""
        mount: Mount = self._call("GET", _mount(id), {"min_revision": min_revision}).value
        return mount

    def create_mount(self, spec: MountSpec, *, reason: str | None = None) -> Mount:
        """A new mount. Not to be repeated in doubt; `put_mount` is."""
        mount: Mount = self._call("POST", "/v1/mounts", None, spec, _fields(reason)).value
        return mount

    def put_mount(
        self,
        id: str,
        spec: MountSpec,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
        mode: str | None = None,
        drain_ms: int | None = None,
        reason: str | None = None,
    ) -> Mount:
        """The mount is that afterwards. `if_match`, the `revision` of the mount that was read, raises LostRace where
        somebody else was quicker; so does `if_absent` where there is one already."""
        fields = _fields(reason, if_match, if_absent)
        mount: Mount = self._call("PUT", _mount(id), _replacing(mode, drain_ms), spec, fields).value
        return mount

    def patch_mount(
        self,
        id: str,
        patch: Mapping[str, Any],
        *,
        if_match: int | None = None,
        mode: str | None = None,
        drain_ms: int | None = None,
        reason: str | None = None,
    ) -> Mount:
        """Changes members (RFC 7396): what is None returns to its default."""
        fields = {**_fields(reason, if_match), "Content-Type": "application/merge-patch+json"}
        mount: Mount = self._call("PATCH", _mount(id), _replacing(mode, drain_ms), patch, fields).value
        return mount

    def delete_mount(
        self,
        id: str,
        *,
        if_match: int | None = None,
        mode: str | None = None,
        drain_ms: int | None = None,
        reason: str | None = None,
    ) -> int:
        """Removes it; the revision is the operation that `wait` waits for."""
        fields = _fields(reason, if_match)
        return self._call("DELETE", _mount(id), _replacing(mode, drain_ms), None, fields).revision

    def preview_put(self, id: str, spec: MountSpec) -> Preview:
        """What `put_mount` would do."""
        preview: Preview = self._call("PUT", _mount(id), {"dry_run": True}, spec).value
        return preview

    def preview_delete(self, id: str) -> Preview:
        """What `delete_mount` would do."""
        preview: Preview = self._call("DELETE", _mount(id), {"dry_run": True}).value
        return preview

    # A mount's life.

    def pause(self, id: str, *, reason: str | None = None) -> Mount:
        """New requests wait."""
        return self._life(id, "pause", reason)

    def resume(self, id: str, *, reason: str | None = None) -> Mount:
        """Requests go on."""
        return self._life(id, "resume", reason)

    def enable(self, id: str, *, reason: str | None = None) -> Mount:
        """The mount takes requests again."""
        return self._life(id, "enable", reason)

    def disable(self, id: str, *, reason: str | None = None) -> Mount:
        """The mount takes no requests."""
        return self._life(id, "disable", reason)

    def drain(
        self, id: str, *, mode: str | None = None, drain_ms: int | None = None, reason: str | None = None
    ) -> Mount:
        """The mount takes no new requests; `wait` waits until those it has are done or, after `drain_ms`, cut off."""
        return self._life(id, "drain", reason, _replacing(mode, drain_ms))

    def restart(self, id: str, *, reason: str | None = None) -> Mount:
        """A new actor for the mount."""
        return self._life(id, "restart", reason)

    def _life(self, id: str, verb: str, reason: str | None, query: Query | None = None) -> Mount:
        mount: Mount = self._call("POST", f"{_mount(id)}/{verb}", query, None, _fields(reason)).value
        return mount

    def renew(self, id: str, *, ttl_s: int | None = None, on_expiry: str | None = None) -> Lease:
        """The lease begins anew, and may change."""
        spec = {name: value for name, value in {"ttl_s": ttl_s, "on_expiry": on_expiry}.items() if value is not None}
        lease: Lease = self._call("PUT", f"{_mount(id)}/lease", None, spec or None).value
        return lease

    def keep(self, id: str, *, ttl_s: int | None = None, on_expiry: str | None = None) -> Renewal:
        """`with client.keep("orgs", ttl_s=30):` renews the lease meanwhile."""
        return Renewal(lambda: self.renew(id, ttl_s=ttl_s, on_expiry=on_expiry))

    def wait(self, what: Union[int, Mount], *, timeout_s: float = 60.0) -> Operation | None:
        """Waits until nothing of an operation remains: a revision, or the mount that a change answered. None where
        there was nothing to wait for; raises a StandinError if it takes longer."""
        if isinstance(what, int):
            path = f"/v1/operations/{what}"
        elif "operation" in what.get("links", {}):
            path = what["links"]["operation"]
        else:
            return None
        ends_at = time.monotonic() + timeout_s
        while True:
            left_ms = max(0, int((ends_at - time.monotonic()) * 1000))
            operation: Operation = self._call("GET", path, {"wait_ms": min(left_ms, WAIT_MS_MAX)}).value
            if operation["state"] == "done":
                return operation
            if left_ms == 0:
                left = f"{operation['requests']} requests and {operation['tunnels']} tunnels"
                raise StandinError(f"operation {operation['id']} still has {left} after {timeout_s} s")

    # Many mounts.

    def mounts(
        self,
        *,
        host: str | None = None,
        path_prefix: str | None = None,
        labels: Mapping[str, str] | None = None,
        state: str | Sequence[str] | None = None,
        inactive_since: str | None = None,
        search: str | None = None,
        ids: Sequence[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        min_revision: int | None = None,
    ) -> Iterator[Mount]:
        """All mounts, or those that are meant, page by page; `state` and `ids` are one of several."""
        query: Query = {
            "host": host,
            "path_prefix": path_prefix,
            "label": [f"{name}={value}" for name, value in (labels or {}).items()],
            "state": state if state is None or isinstance(state, str) else ",".join(state),
            "inactive_since": inactive_since,
            "search": search,
            "id": None if ids is None else ",".join(ids),
            "sort": sort,
            "limit": limit,
            "min_revision": min_revision,
        }
        return self._pages("/v1/mounts", query, "mounts")

    def apply(
        self,
        owner: str,
        mounts: Sequence[MountSpec],
        *,
        prune: bool = False,
        dry_run: bool = False,
        reason: str | None = None,
    ) -> Applied:
        """The mounts of that owner are these; with `prune`, no others."""
        query: Query = {"owner": owner, "prune": prune, "dry_run": dry_run}
        applied: Applied = self._call("PUT", "/v1/mounts", query, {"mounts": list(mounts)}, _fields(reason)).value
        return applied

    def export(self) -> dict[str, Any]:
        """The whole state, for `import_state`."""
        state: dict[str, Any] = self._call("GET", "/v1/export").value
        return state

    def import_state(
        self, state: Mapping[str, Any], *, dry_run: bool = False, reason: str | None = None
    ) -> dict[str, Any]:
        """Makes or replaces every mount of an export, in one change."""
        query: Query = {"dry_run": dry_run}
        imported: dict[str, Any] = self._call("POST", "/v1/import", query, state, _fields(reason)).value
        return imported

    def import_paste(self, text: str, *, dry_run: bool = False, reason: str | None = None) -> dict[str, Any]:
        """The same, from a Paste Deploy file."""
        query: Query = {"dry_run": dry_run}
        fields = {**_fields(reason), "Content-Type": PASTE_INI}
        imported: dict[str, Any] = self._call("POST", "/v1/import", query, text.encode(), fields).value
        return imported

    # What is and was.

    def explain(self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Which mount answers a request, and what becomes of it."""
        asked = {"method": method, "url": url, "headers": dict(headers or {})}
        explained: dict[str, Any] = self._call("POST", "/v1/explain", None, asked).value
        return explained

    def stats(self, id: str | None = None) -> dict[str, Any]:
        """Counters and latencies, of all or of one mount."""
        stats: dict[str, Any] = self._call("GET", "/v1/stats" if id is None else f"{_mount(id)}/stats").value
        return stats

    def revisions(
        self,
        id: str | None = None,
        *,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Revision]:
        """The journal, of all or of one mount."""
        query: Query = {"since": since, "until": until, "limit": limit}
        return self._pages("/v1/revisions" if id is None else f"{_mount(id)}/revisions", query, "revisions")

    def revision(self, number: int) -> Revision:
        """One entry of the journal."""
        revision: Revision = self._call("GET", f"/v1/revisions/{number}").value
        return revision

    def restore(self, number: int, *, to: str | None = None, all: bool = False, reason: str | None = None) -> int:
        """Back to what was after that revision, or `to="before"` it: the mount that it changed, or with `all` every
        one. Answers the revision that this made."""
        query: Query = {"to": to, "all": all or None}
        return self._call("POST", f"/v1/revisions/{number}/restore", query, None, _fields(reason)).revision

    def events(
        self, *, since: int | None = None, mount: str | None = None, types: Sequence[str] = ()
    ) -> Iterator[Event]:
        """What happens, from now on or from after a revision, for ever. A connection that breaks off is made again, and
        nothing of the journal is lost or told twice."""
        if since is None:
            since = int(self._call("GET", "/v1/mounts", {"limit": 1}).value["revision"])
        query: Query = {"mount": mount, "types": ",".join(types) or None}

        def connect(last: int) -> Exchange:
            return self._exchange("GET", "/v1/events", query, None, {"Last-Event-ID": str(last)})

        return events.follow(connect, since)

    def traffic(
        self,
        id: str,
        *,
        status: str | None = None,
        method: str | None = None,
        path_prefix: str | None = None,
        min_ms: int | None = None,
        sample: int | None = None,
    ) -> Iterator[Event]:
        """The requests of a mount as they end. Ends where the connection does; close it to stop before."""
        query: Query = {
            "status": status,
            "method": method,
            "path_prefix": path_prefix,
            "min_ms": min_ms,
            "sample": sample,
        }
        with self._exchange("GET", f"{_mount(id)}/traffic", query) as exchange:
            yield from events.read(exchange)

    def metrics(self) -> str:
        """The text for Prometheus."""
        return self._call("GET", "/metrics").content.decode()

    # Who may call.

    def caller(self) -> Token:
        """Whose token this client shows: its name, and what it may."""
        caller: Token = self._call("GET", "/v1/caller").value
        return caller

    def tokens(self) -> list[Token]:
        """Tokens, without what they are."""
        tokens: list[Token] = self._call("GET", "/v1/tokens").value["tokens"]
        return tokens

    def create_token(self, name: str, *, read_only: bool = False, owner: str | None = None) -> Token:
        """A new one. Its `token` is told here and never again."""
        spec = {"name": name, "read_only": read_only} | ({} if owner is None else {"owner": owner})
        token: Token = self._call("POST", "/v1/tokens", None, spec).value
        return token

    def delete_token(self, name: str) -> None:
        """It lets nobody in any more."""
        self._call("DELETE", f"/v1/tokens/{quote(name, safe='')}")

    # How a call is made.

    def _call(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        with self._exchange(method, path, query, content, headers) as exchange:
            return exchange.answer()

    def _exchange(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        fields = dict(headers or {})
        if content is not None:
            fields.setdefault("Content-Type", "application/json")
        sent = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        return Exchange(self.server, self.timeout_s, method, path, query, sent, fields)

    def _pages(self, path: str, query: Query, name: str) -> Iterator[Any]:
        page = self._call("GET", path, query).value
        while True:
            yield from page[name]
            if page.get("next") is None:
                return
            page = self._call("GET", page["next"]).value


def _mount(id: str) -> str:
    return f"/v1/mounts/{quote(id, safe='')}"


def _fields(reason: str | None = None, if_match: int | None = None, if_absent: bool = False) -> dict[str, str]:
    fields: dict[str, str] = {}
    if reason is not None:
        fields["X-Reason"] = reason
    if if_match is not None:
        fields["If-Match"] = f'"{if_match}"'
    if if_absent:
        fields["If-None-Match"] = "*"
    return fields


def _replacing(mode: str | None, drain_ms: int | None) -> Query:
    return {"mode": mode, "drain_ms": drain_ms}
