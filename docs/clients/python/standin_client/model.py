"""The objects of the API, as openapi.yaml describes them: plain dicts, with names for type checkers.

Members that the server fills in or that have defaults may be missing in what is sent, so nothing is mandatory here but
what every answer has.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict


class Match(TypedDict, total=False):
    """Which requests a mount takes."""

    host: str
    path: str


class LeaseSpec(TypedDict, total=False):
    """A mount that ends unless it is renewed."""

    ttl_s: int
    on_expiry: str


class Limits(TypedDict, total=False):
    """How much of what there may be; null is the default."""

    concurrent_requests_max: Optional[int]
    queue_max: Optional[int]
    queue_wait_ms_max: Optional[int]
    requests_per_s_max: Optional[int]
    tunnels_max: Optional[int]
    request_body_bytes_max: Optional[int]
    client_bytes_per_s_min: Optional[int]


class Timeouts(TypedDict, total=False):
    """How long what may take, in milliseconds; null is the default."""

    connect_ms: Optional[int]
    first_byte_ms: Optional[int]
    idle_ms: Optional[int]
    tunnel_idle_ms: Optional[int]
    total_ms: Optional[int]


class MountSpec(TypedDict, total=False):
    """A mount as it is asked for. What has no type of its own here is in openapi.yaml."""

    id: str
    kind: str
    match: Match
    address: str
    strip_prefix: bool
    host_header: str
    force_host: str
    force_scheme: str
    allowed_hosts: List[str]
    allowed_request_methods: List[str]
    disallowed_status: int
    suppress_http_headers: List[str]
    allow_addresses: List[str]
    tls: Dict[str, Any]
    forwarded: Dict[str, Any]
    identity: Dict[str, Any]
    rewrite: Dict[str, Any]
    request_headers: Dict[str, Any]
    response_headers: Dict[str, Any]
    traceparent: str
    limits: Limits
    timeouts: Timeouts
    enabled: bool
    lease: LeaseSpec
    labels: Dict[str, str]
    metadata: Dict[str, Any]


class Links(TypedDict, total=False):
    """Where to go from here: paths of the API."""

    self: str
    operation: str


class Generation(TypedDict):
    """What an older form of a mount still has to do."""

    generation: int
    requests: int
    tunnels: int


class Mount(MountSpec, total=False):
    """A mount as it is. It may be edited and sent back: what only answers have is ignored then."""

    revision: int
    created_at: str
    updated_at: str
    state: str
    state_reason: Optional[str]
    state_since: str
    in_flight: int
    tunnels: int
    held: int
    restarts: int
    generation: int
    generations: List[Generation]
    last_activity_at: Optional[str]
    lease_expires_at: Optional[str]
    fixed: bool
    links: Links


class Lease(TypedDict):
    """A lease after a renewal."""

    id: str
    ttl_s: int
    on_expiry: str
    expires_at: Optional[str]


class Operation(TypedDict):
    """A replacement, drain or removal that is going on, or has ended; null is what nobody remembers."""

    id: int
    mount: Optional[str]
    kind: Optional[str]
    state: str
    mode: Optional[str]
    requests: int
    tunnels: int
    started_at: Optional[str]
    deadline_at: Optional[str]
    cut: bool


class Applied(TypedDict):
    """What applying a whole set did, or would do."""

    dry_run: bool
    owner: str
    revision: int
    created: List[str]
    updated: List[str]
    unchanged: List[str]
    deleted: List[str]
    changes: List[Dict[str, Any]]
    urls: List[Dict[str, Any]]


class Preview(TypedDict):
    """What a change would do."""

    dry_run: bool
    action: str
    id: str
    before: Optional[Mount]
    after: Optional[Mount]
    diff: List[Dict[str, Any]]
    urls: List[Dict[str, Any]]
    revision: int


class Revision(TypedDict):
    """An entry of the journal."""

    revision: int
    at: str
    who: str
    why: Optional[str]
    action: str
    mount: str
    before: Optional[Mount]
    after: Optional[Mount]


class Token(TypedDict, total=False):
    """Who may call. `token` itself is told once, when it is made."""

    name: str
    token: str
    read_only: bool
    owner: Optional[str]
    created_at: str
    last_used_at: Optional[str]
