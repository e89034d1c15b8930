//! What a mount is: the object of the admin API, checked.
//!
//! Owns reading a JSON value into a [`MountSpec`] and telling everything that
//! is wrong with it at once, each fault with a JSON Pointer (RFC 6901). A spec
//! that exists is valid.

pub mod address;
pub mod bounds;
pub mod edits;
pub mod forwarding;
pub mod identity;
pub mod keeping;
pub mod rare;
mod reader;
pub mod rewriting;
pub mod tls;

use crate::message::{is_token, target};
use crate::policy::edits::Edits;
pub use address::{BaseAddress, HostPattern, HostPort, Match, Scheme, parse_address};
use bounds::{Limits, Timeouts};
use edits::Side;
use forwarding::Forwarding;
use identity::Identity;
use ipnet::IpNet;
use keeping::{Labels, Lease, OWNER};
use rare::Rare;
use reader::Reader;
pub use reader::SpecFault;
use rewriting::Rewriting;
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::IpAddr;
use tls::Tls;

/// A valid mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountSpec {
    /// Its name.
    pub id: String,
    /// What it does with a request.
    #[serde(flatten)]
    pub kind: MountKind,
    /// Which requests are its own.
    #[serde(rename = "match")]
    pub matches: Match,
    /// The methods passed on; none means all.
    pub allowed_request_methods: Vec<String>,
    /// What others get: 405, or 400 as from `paste.proxy`.
    pub disallowed_status: u16,
    /// Fields not passed on to the upstream.
    pub suppress_http_headers: Vec<String>,
    /// Networks that may be reached though they are link-local, metadata,
    /// multicast or reserved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_addresses: Vec<IpNet>,
    /// How an https upstream is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<Tls>>,
    /// What the upstream is told of the original request.
    pub forwarded: Forwarding,
    /// Whom the upstream is told that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Box<Identity>>,
    /// What is rewritten in replies.
    pub rewrite: Rewriting,
    /// Edits of the request's fields.
    pub request_headers: Rare<Edits>,
    /// Edits of the reply's fields.
    pub response_headers: Rare<Edits>,
    /// What becomes of `traceparent`.
    pub traceparent: Traceparent,
    /// How much of what there may be.
    pub limits: Limits,
    /// How long what may take.
    pub timeouts: Timeouts,
    /// It answers; otherwise it refuses everything.
    pub enabled: bool,
    /// It ends unless somebody renews this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// For selection and ownership.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Whatever its owner wants to keep with it.
    #[serde(skip_serializing_if = "Rare::is_default")]
    pub metadata: Rare<Map<String, Value>>,
}

/// What becomes of the trace context of a request (W3C Trace Context).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Traceparent {
    /// It is passed on as it came.
    #[default]
    Keep,
    /// One is made where none came, or none that is valid.
    Ensure,
}

/// The two kinds of mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum MountKind {
    /// A fixed base address.
    Regular {
        /// Where requests go.
        address: BaseAddress,
        /// The matched prefix is left out of the path that is joined to it.
        strip_prefix: bool,
        /// The `Host` that is sent.
        host_header: HostHeader,
    },
    /// The host that the request names, or a forced one.
    Transparent {
        /// Connect here, whatever host the request names.
        #[serde(skip_serializing_if = "Option::is_none")]
        force_host: Option<HostPort>,
        /// The scheme to the upstream.
        force_scheme: Scheme,
        /// Hosts that a request may name; with `force_host`, none means any.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        allowed_hosts: Vec<HostPattern>,
    },
}

impl MountKind {
    /// The scheme towards the upstream.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Regular { address, .. } => address.scheme,
            Self::Transparent { force_scheme, .. } => *force_scheme,
        }
    }
}

/// The `Host` that an upstream is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// That of the address.
    #[default]
    Upstream,
    /// The client's.
    Preserve,
    /// This one.
    Literal(String),
}

impl Serialize for HostHeader {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Upstream => "upstream",
            Self::Preserve => "preserve",
            Self::Literal(host) => host,
        })
    }
}

/// Characters of an id: `[a-z0-9][a-z0-9._-]{0,62}`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    (1..=63).contains(&text.len())
        && text.bytes().all(rest)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// Reads a mount. `id` is the one the caller knows: from the URL, or made up
/// for a mount that comes without.
pub fn parse(value: &Value, id: Id<'_>) -> Result<MountSpec, Vec<SpecFault>> {
    let mut reader = Reader::default();
    let spec = reader.mount(value, id);
    match spec {
        Some(spec) if reader.faults.is_empty() => Ok(spec),
        _ => Err(reader.faults),
    }
}

/// Which id a mount gets.
#[derive(Debug, Clone, Copy)]
pub enum Id<'a> {
    /// This one; the object may repeat it.
    Given(&'a str),
    /// The object's own, or this one where it has none.
    OwnOr(&'a str),
}

/// The members that a mount may have when it is sent.
pub const FIELDS: &[&str] = &[
    "id",
    "kind",
    "match",
    "address",
    "strip_prefix",
    "host_header",
    "allowed_request_methods",
    "disallowed_status",
    "suppress_http_headers",
    "force_host",
    "force_scheme",
    "allowed_hosts",
    "allow_addresses",
    "tls",
    "forwarded",
    "identity",
    "rewrite",
    "request_headers",
    "response_headers",
    "traceparent",
    "limits",
    "timeouts",
    "enabled",
    "lease",
    "labels",
    "metadata",
];
/// Those of one kind only.
const REGULAR_FIELDS: [&str; 3] = ["address", "strip_prefix", "host_header"];
const TRANSPARENT_FIELDS: [&str; 3] = ["force_host", "force_scheme", "allowed_hosts"];

impl MountSpec {
    /// True for a transparent mount that goes wherever a request wants.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(&self.kind, MountKind::Transparent { force_host: None, allowed_hosts, .. }
            if allowed_hosts.iter().any(HostPattern::is_any))
    }

    /// True if requests are served alike by both: they differ only in budgets
    /// and in how they are kept.
    #[must_use]
    pub fn serves_like(&self, other: &Self) -> bool {
        // Without `..`: who adds a member decides here what it is.
        let Self {
            id,
            kind,
            matches,
            allowed_request_methods,
            disallowed_status,
            suppress_http_headers,
            allow_addresses,
            tls,
            forwarded,
            identity,
            rewrite,
            request_headers,
            response_headers,
            traceparent,
            timeouts,
            limits: _,
            enabled: _,
            lease: _,
            labels: _,
            metadata: _,
        } = self;
        *id == other.id
            && *kind == other.kind
            && *matches == other.matches
            && *allowed_request_methods == other.allowed_request_methods
            && *disallowed_status == other.disallowed_status
            && *suppress_http_headers == other.suppress_http_headers
            && *allow_addresses == other.allow_addresses
            && *tls == other.tls
            && *forwarded == other.forwarded
            && *identity == other.identity
            && *rewrite == other.rewrite
            && *request_headers == other.request_headers
            && *response_headers == other.response_headers
            && *traceparent == other.traceparent
            && *timeouts == other.timeouts
    }

    /// Whose it is, by its label.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.labels.get(OWNER).map(String::as_str)
    }
}

impl Reader {
    fn mount(&mut self, value: &Value, id: Id<'_>) -> Option<MountSpec> {
        let Some(object) = value.as_object() else {
            self.fault("", "a mount is a JSON object");
            return None;
        };
        self.only(object, "", FIELDS);
        let id = self.id(object, id);
        let matches = self.matches(object.get("match"));
        let kind = self.kind(object);
        let allowed_request_methods =
            self.list(object, "", "allowed_request_methods", "a method token, as in GET", |text| {
                is_token(text.as_bytes()).then(|| text.to_owned())
            });
        let suppress_http_headers = self.list(object, "", "suppress_http_headers", "a header field name", |text| {
            is_token(text.as_bytes()).then(|| text.to_ascii_lowercase())
        });
        let disallowed_status = self.disallowed_status(object);
        let allow_addresses = self.list(object, "", "allow_addresses", "a network, as in 169.254.10.0/24", network);
        let is_transparent = matches!(kind, Some(MountKind::Transparent { .. }));
        let tls = self.tls(object.get("tls")).map(Box::new);
        if tls.is_some() && kind.as_ref().is_some_and(|kind| kind.scheme() == Scheme::Http) {
            self.fault(
                "/tls",
                "is for https upstreams; give an address that begins with https://, or force_scheme https",
            );
        }
        let forwarded = self.forwarding(object.get("forwarded"), is_transparent);
        let identity = self.identity(object.get("identity")).map(Box::new);
        let rewrite = self.rewriting(object.get("rewrite"));
        let request_headers = self.edits(object, Side::Request).into();
        let response_headers = self.edits(object, Side::Response).into();
        let words = [("keep", Traceparent::Keep), ("ensure", Traceparent::Ensure)];
        let traceparent = self.word(object, "", "traceparent", &words).unwrap_or_default();
        let (limits, timeouts) = (self.limits(object.get("limits")), self.timeouts(object.get("timeouts")));
        let enabled = self.boolean(object, "", "enabled").unwrap_or(true);
        let lease = self.lease(object.get("lease"));
        let labels = self.labels(object.get("labels"));
        let metadata = self.metadata(object.get("metadata")).into();
        Some(MountSpec {
            id: id?,
            kind: kind?,
            matches: matches?,
            allowed_request_methods,
            disallowed_status,
            suppress_http_headers,
            allow_addresses,
            tls,
            forwarded,
            identity,
            rewrite,
            request_headers,
            response_headers,
            traceparent,
            limits,
            timeouts,
            enabled,
            lease,
            labels,
            metadata,
        })
    }

    fn disallowed_status(&mut self, object: &Map<String, Value>) -> u16 {
        match object.get("disallowed_status").map(Value::as_u64) {
            None | Some(Some(405)) => 405,
            Some(Some(400)) => 400,
            Some(_) => {
                self.fault("/disallowed_status", "must be 405, or 400 as from paste.proxy");
                405
            }
        }
    }

    fn id(&mut self, object: &Map<String, Value>, id: Id<'_>) -> Option<String> {
        let own = self.text(object, "", "id");
        if object.contains_key("id") && own.is_none() {
            return None;
        }
        let chosen = match (id, own) {
            (Id::Given(given), Some(own)) if own != given => {
                self.fault(
                    "/id",
                    format!("differs from the id in the URL, '{given}'; leave it out or make them equal"),
                );
                return None;
            }
            (Id::Given(id), _) | (Id::OwnOr(_), Some(id)) | (Id::OwnOr(id), None) => id,
        };
        if is_id(chosen) {
            return Some(chosen.to_owned());
        }
        self.fault("/id", "must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit");
        None
    }

    fn matches(&mut self, value: Option<&Value>) -> Option<Match> {
        let Some(value) = value else {
            return Some(Match { host: None, path: "/".into() });
        };
        let Some(object) = value.as_object() else {
            self.fault("/match", "must be an object with host and path");
            return None;
        };
        self.only(object, "/match", &["host", "path"]);
        let host = match self.text(object, "/match", "host") {
            None => None,
            Some(text) => match HostPattern::parse(text) {
                Some(pattern) => Some(pattern),
                None => {
                    self.fault("/match/host", "must be a host as in example.org, *.example.org or example.org:8080");
                    return None;
                }
            },
        };
        let path = match object.get("path") {
            None => "/".to_owned(),
            Some(_) => self.match_path(object)?,
        };
        Some(Match { host, path })
    }

    fn match_path(&mut self, object: &Map<String, Value>) -> Option<String> {
        let text = self.text(object, "/match", "path")?;
        let is_path = text.starts_with('/') && !text.contains('?') && target::has_whole_escapes(text.as_bytes());
        match target::Target::parse(b"GET", text.as_bytes()) {
            Ok(_) if is_path => {
                // Spelled in one way, since the table tells paths apart by
                // what they mean.
                let normal = target::normal_path(text.trim_end_matches('/').as_bytes());
                Some(if normal.is_empty() { "/".into() } else { normal })
            }
            Err(target::TargetError::Path) => {
                self.fault("/match/path", "must not have . or .. segments or backslashes");
                None
            }
            Ok(_) | Err(_) => {
                self.fault("/match/path", "must begin with / and be percent-encoded, without query or fragment");
                None
            }
        }
    }

    fn kind(&mut self, object: &Map<String, Value>) -> Option<MountKind> {
        if !object.contains_key("kind") {
            self.fault("/kind", "is missing: \"regular\" or \"transparent\"");
            return None;
        }
        match self.text(object, "", "kind")? {
            "regular" => self.regular(object),
            "transparent" => self.transparent(object),
            _ => {
                self.fault("/kind", "must be \"regular\" or \"transparent\"");
                None
            }
        }
    }

    fn regular(&mut self, object: &Map<String, Value>) -> Option<MountKind> {
        for name in TRANSPARENT_FIELDS.iter().filter(|name| object.contains_key(**name)) {
            self.fault(format!("/{name}"), "is for transparent mounts only");
        }
        let strip_prefix = self.boolean(object, "", "strip_prefix").unwrap_or(true);
        let host_header = match self.text(object, "", "host_header") {
            None | Some("upstream") => HostHeader::Upstream,
            Some("preserve") => HostHeader::Preserve,
            Some(text) => {
                // Written back, these would read as the words that they are not.
                let is_word = |host: &HostPort| matches!(host.host.as_str(), "upstream" | "preserve");
                let host = HostPort::parse(text).filter(|host| !is_word(host));
                if host.is_none() {
                    self.fault("/host_header", "must be \"upstream\", \"preserve\" or a host, as in example.org:8080");
                }
                HostHeader::Literal(host?.to_string())
            }
        };
        if !object.contains_key("address") {
            self.fault("/address", "is missing: a regular mount needs one, as in http://127.0.0.1:9000/");
            return None;
        }
        match parse_address(self.text(object, "", "address")?) {
            Ok(address) => Some(MountKind::Regular { address, strip_prefix, host_header }),
            Err(detail) => {
                self.fault("/address", detail);
                None
            }
        }
    }

    fn transparent(&mut self, object: &Map<String, Value>) -> Option<MountKind> {
        for name in REGULAR_FIELDS.iter().filter(|name| object.contains_key(**name)) {
            self.fault(
                format!("/{name}"),
                "is for regular mounts only; a transparent one has force_host or allowed_hosts",
            );
        }
        let force_host = self.text(object, "", "force_host").and_then(|text| {
            let host = HostPort::parse(text);
            if host.is_none() {
                self.fault("/force_host", "must be a host with an optional port, as in 127.0.0.1:9001");
            }
            host
        });
        let schemes = [("http", Scheme::Http), ("https", Scheme::Https)];
        let force_scheme = self.word(object, "", "force_scheme", &schemes).unwrap_or(Scheme::Http);
        let expected = "a host as in example.org, *.example.org or example.org:8080, or * for any";
        let allowed_hosts = self.list(object, "", "allowed_hosts", expected, HostPattern::parse_allowed);
        if !object.contains_key("force_host") && object.get("allowed_hosts").is_none_or(is_empty_list) {
            self.fault(
                "/allowed_hosts",
                "is mandatory without force_host; \"*\" allows any host, which makes the mount an open proxy",
            );
        }
        Some(MountKind::Transparent { force_host, force_scheme, allowed_hosts })
    }
}

/// `address/bits`, or one address.
fn network(text: &str) -> Option<IpNet> {
    let one = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(|| one(text)).map(|network| network.trunc())
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests;
