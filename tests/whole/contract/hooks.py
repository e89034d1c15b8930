"""What Schemathesis must know about the admin API beside openapi.yaml.

Owns three things: how to make values of our own formats, what a valid request needs that is not in it (files on the
server's machine, the id of its path), and the rules that JSON Schema cannot say. Loaded by schemathesis.toml.
"""

import json
import os
import re
from typing import NamedTuple

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import IgnoredAuth, RejectedPositiveData

# Formats. The values are few and fixed: Schemathesis also looks for longer and shorter ones, and of these it sees soon
# that there are none.

NAMES = ["localhost", "a.example", "xn--bcher-kva.example", "A_b~c.Example.", "127.0.0.1", "10.1", "[::1]", "[fe80::1]"]
HOSTS = [name + port for name in NAMES for port in ("", ":", ":1", ":08080", ":65535")]
# `*` alone is for a server that was started with --allow-open-proxy.
PATTERNS = HOSTS + ["*.example", "*.example.org:8080", "*.xn--bcher-kva.example:"]
TAGS = ["*", '"1"', '"2"', '"17"', 'W/"1"', '"1", "2",W/"x"']
TIMES = ["2026-01-15T09:30:00Z", "1970-01-01T00:00:00Z", "2030-01-31T12:00:00.125Z", "9999-12-31T23:59:59.999999999Z"]
NETWORKS = ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "192.0.2.7/32", "::1", "fe80::/10", "::ffff:10.0.0.0/104", "::/0"]


def one_of(values):
    return st.sampled_from(values)


def words_of(values):
    return st.sampled_from([values[0], " ".join(values), "\t".join(values[1:3]) + "\n"])


for name, strategy in {
    "host": one_of(HOSTS),
    "host-name": one_of(NAMES),
    "host-pattern": one_of(PATTERNS),
    "allowed-host": one_of(PATTERNS),
    "allowed-hosts": words_of(PATTERNS),
    "date-time": one_of(TIMES),
    "entity-tags": one_of(TAGS),
    "network": one_of(NETWORKS),
    "networks": words_of(NETWORKS),
    "revision-or-time": one_of(["0", "1", "17", *TIMES]),
}.items():
    schemathesis.openapi.format(name, strategy)

# What a valid request needs beside itself. Schemathesis checks again whether what it sends is valid after this.

FILES = {
    member: os.path.join(os.environ["STANDIN_TEST_FILES"], name)
    for member, name in {
        "htpasswd_file": "htpasswd",
        "keys_file": "keys",
        "ca_file": "certificate.pem",
        "client_certificate_file": "certificate.pem",
        "client_key_file": "key.pem",
    }.items()
}


# Parameters by which a call asks the server to wait for something that nobody here will do.
WAITS = ["min_revision", "wait_ms"]

# A mount whose lease ends meanwhile would be gone before the next call.
LEASE_S_MIN = 3600


def made_real(value):
    """The same, with files that there are in the place of those that there are not, and without short leases."""
    if isinstance(value, list):
        return [made_real(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: made_real(item) for name, item in value.items()}
    if type(value.get("ttl_s")) is int and 0 < value["ttl_s"] < LEASE_S_MIN:
        value["ttl_s"] = LEASE_S_MIN
    for name, file in FILES.items():
        if isinstance(value.get(name), str) and re.fullmatch("/.{0,2047}", value[name]):
            value[name] = file
    if value.get("keys_file") == FILES["keys_file"] and re.fullmatch("[A-Za-z0-9._-]{1,64}", str(value.get("key_id"))):
        value["key_id"] = "k1"
    return value


def made_apart(mount, id):
    """The same under a path of its own, where it would take every request, as most made-up ones would."""
    match = mount.get("match", {})
    if not id or "host" in match or match.get("path", "/") != "/":
        return mount
    return {**mount, "match": {"path": f"/{id}"}}


# Of what mounts are searched for. A pattern for words would say it to nobody.
SEARCH_BYTES_MAX = 255
SEARCH_WORDS_MAX = 8

# Where each call has all that it may have: with made-up revisions none would be made.
PHASES_WITHOUT_CONDITIONS = ["examples", "coverage"]


def make_consistent(query, headers, phase):
    """Leaves out what does not go with the rest of the call, which openapi.yaml says in words only."""
    if "drain_ms" in query and query.get("mode", "deadline") != "deadline":
        del query["drain_ms"]
    search = str(query.get("search", ""))
    if len(search.encode()) > SEARCH_BYTES_MAX or len(search.split()) > SEARCH_WORDS_MAX:
        del query["search"]
    query.pop("page", None)  # made up; what `next` says is followed by tests/whole/api_list.rs
    is_about_many = str(query.get("all")).lower() == "true"
    if "If-Match" in headers or is_about_many or phase in PHASES_WITHOUT_CONDITIONS:
        headers.pop("If-None-Match", None)
    if is_about_many or phase in PHASES_WITHOUT_CONDITIONS:
        headers.pop("If-Match", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    for name in WAITS:
        if name in (case.query or {}) and str(case.query[name]).isdecimal():
            case.query[name] = "0"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    phase = case.meta.phase.name.value
    make_consistent(case.query or {}, case.headers or {}, phase)
    if case.operation.label == "DELETE /v1/mounts/{id}" and phase == "coverage":
        case.query = {**(case.query or {}), "dry_run": "true"}  # of what comes later, each call wants a mount
    if not isinstance(case.body, dict):
        return
    body = made_real(case.body)
    if "id" in body and "id" in case.path_parameters:
        body["id"] = case.path_parameters["id"]
    if "kind" in body and case.method != "PATCH":
        body = made_apart(body, case.path_parameters.get("id", body.get("id")))
    if "mounts" in body:
        body["mounts"] = [made_apart(mount, mount["id"]) for mount in body["mounts"]]
    if body != case.body:
        case.body = body


# What JSON Schema cannot say. A request that the contract calls valid may be refused with 422 for these reasons only.


class Rule(NamedTuple):
    pointer: str
    detail: str
    reason: str


HOST_REASON = "no pattern that people can read says ports up to 65535, IPv6 and names without empty parts"
RULES = [
    Rule(r"/match/host|/force_host|/host_header|/allowed_hosts(/\d+)?", r"(word \d+ )?must be .*a host[ ,]", HOST_REASON),
    Rule("/tls/server_name", "must be a host name or address", HOST_REASON),
    Rule("/address", ".* is not a host with an optional port", HOST_REASON),
    Rule(r"/(allow_addresses|forwarded/trusted_peers)(/\d+)?", r"(word \d+ )?must be a network", HOST_REASON),
    Rule("/address|/match/path", "must.* percent-encoded|must not have . or ..", "segments . and .. in every spelling"),
    Rule(".*", r"longer than \d+ bytes", "maxLength counts characters"),
    Rule(".*", r"has more than \d+ (entries|edits)", "a string of words, or three lists, can be too long together"),
    Rule(r"/(request|response)_headers/.*", ".*(cannot be edited|is set twice|is in remove too)", "names in any case"),
    Rule("/identity/headers/.*", "is there already|cannot say who asks", "names in any case"),
    Rule("/ttl_s", "is missing", "a mount without a lease needs it, one with a lease does not"),
    Rule("/limits/queue_wait_ms_max", "must be at least 1 where", "what another member asks for"),
    Rule("/identity/headers/.*", "needs basic", "a value that asks for another member"),
    Rule("/allowed_hosts", "is mandatory without force_host", "a string of white space has no words"),
    Rule("/allowed_hosts", ".*--allow-open-proxy", "how the server was started"),
]


def is_float(value, pointer):
    """True for 1.0, which JSON Schema calls an integer; the server wants it written as one."""
    for name in pointer.split("/")[1:]:
        value = value[int(name) if isinstance(value, list) else name]
    return isinstance(value, float)


def is_unsayable(error, body):
    """True for a fault that no schema could have told before."""
    if "line" in error:  # a Paste Deploy file is any text to JSON Schema
        return True
    if error["detail"].startswith("must be a whole number"):
        return is_float(body, error["pointer"])
    pointer = re.sub(r"^/mounts/\d+", "", error["pointer"])
    return any(re.fullmatch(rule.pointer, pointer) and re.match(rule.detail, error["detail"]) for rule in RULES)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    # Wrong tokens, one after the other, are refused so after ten.
    if isinstance(failure, IgnoredAuth) and "got `429 " in failure.message:
        return False
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    errors = response.json()["errors"]
    return not all(is_unsayable(error, case.body) for error in errors)


# For whoever works on this: what was asked and answered, a line each.
if "STANDIN_TEST_LOG" in os.environ:

    @schemathesis.hook
    def after_call(context, case, response):
        meta = case.meta
        line = {
            "operation": case.operation.label,
            "mode": meta and meta.generation.mode.value,
            "phase": meta and meta.phase.name.value,
            "status": response.status_code,
            "problem": response.text if response.status_code >= 400 else "",
        }
        with open(os.environ["STANDIN_TEST_LOG"], "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
