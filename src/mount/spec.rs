//! What a mount is: the object of the admin API, checked.
//!
//! Owns reading a JSON value into a [`MountSpec`] and telling everything that
//! is wrong with it at once, each fault with a JSON Pointer (RFC 6901). A spec
//! that exists is valid.

use super::bounds::{Limits, Timeouts};
use crate::message::{Authority, is_token, target};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

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
    /// Fields not passed on to the upstream.
    pub suppress_http_headers: Vec<String>,
    /// What becomes of `traceparent`.
    pub traceparent: Traceparent,
    /// How much of what there may be.
    pub limits: Limits,
    /// How long what may take.
    pub timeouts: Timeouts,
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

/// Schemes towards upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
}

/// Which requests a mount answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Match {
    /// The host; none matches any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostPattern>,
    /// The path prefix, on segment boundaries, without a slash at its end.
    pub path: String,
}

/// A host with a port that may be left open.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// Lower case; IPv6 in brackets.
    pub host: String,
    /// The port, where one is given.
    pub port: Option<u16>,
}

/// `host[:port]` or `*.suffix[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPattern {
    /// True for `*.suffix`, which stands for any name below the suffix.
    pub wildcard: bool,
    /// The host or suffix.
    pub host: HostPort,
}

/// The base of a regular mount: `http://host[:port]/path/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseAddress {
    /// The server.
    pub host: HostPort,
    /// The path; begins and ends with `/`.
    pub path: String,
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            formatter.write_str("*.")?;
        }
        self.host.fmt(formatter)
    }
}

impl fmt::Display for BaseAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}{}", self.host, self.path)
    }
}

impl fmt::Display for Match {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            host.fmt(formatter)?;
        }
        formatter.write_str(&self.path)
    }
}

macro_rules! serialize_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
serialize_as_text!(HostPort, HostPattern, BaseAddress);

impl HostPort {
    /// Reads `host[:port]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let authority = Authority::parse(text.as_bytes())?;
        Some(Self { host: authority.canonical_host(), port: authority.port })
    }
}

impl HostPattern {
    /// Reads `host[:port]` or `*.suffix[:port]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let host = HostPort::parse(rest)?;
        let suffix_of_names = !wildcard || Authority { host: &host.host, port: None }.ip().is_none();
        suffix_of_names.then_some(Self { wildcard, host })
    }

    /// True for a canonical host that this pattern stands for.
    #[must_use]
    pub fn stands_for(&self, host: &str) -> bool {
        if !self.wildcard {
            return self.host.host == host;
        }
        host.strip_suffix(&self.host.host).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecFault {
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// What, and what to do about it.
    pub detail: String,
}

/// Characters of an id: `[a-z0-9][a-z0-9._-]{0,62}`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    (1..=63).contains(&text.len())
        && text.bytes().all(rest)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// Entries of one list, and bytes of one string, that a spec may have.
const LIST_ENTRIES_MAX: usize = 256;
const STRING_BYTES_MAX: usize = 2048;

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

#[derive(Default)]
pub(super) struct Reader {
    faults: Vec<SpecFault>,
}

const FIELDS: [&str; 12] = [
    "id",
    "kind",
    "match",
    "address",
    "allowed_request_methods",
    "suppress_http_headers",
    "force_host",
    "force_scheme",
    "allowed_hosts",
    "traceparent",
    "limits",
    "timeouts",
];

impl Reader {
    pub(super) fn fault(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(SpecFault { pointer: pointer.into(), detail: detail.into() });
    }

    fn mount(&mut self, value: &Value, id: Id<'_>) -> Option<MountSpec> {
        let Some(object) = value.as_object() else {
            self.fault("", "a mount is a JSON object");
            return None;
        };
        self.only(object, "", &FIELDS);
        let id = self.id(object, id);
        let matches = self.matches(object.get("match"));
        let kind = self.kind(object);
        let allowed_request_methods =
            self.list(object, "allowed_request_methods", "a method token, as in GET", |text| {
                is_token(text.as_bytes()).then(|| text.to_owned())
            });
        let suppress_http_headers = self.list(object, "suppress_http_headers", "a header field name", |text| {
            is_token(text.as_bytes()).then(|| text.to_ascii_lowercase())
        });
        let traceparent = self.traceparent(object);
        let (limits, timeouts) = (self.limits(object.get("limits")), self.timeouts(object.get("timeouts")));
        Some(MountSpec {
            id: id?,
            kind: kind?,
            matches: matches?,
            allowed_request_methods,
            suppress_http_headers,
            traceparent,
            limits,
            timeouts,
        })
    }

    fn traceparent(&mut self, object: &Map<String, Value>) -> Traceparent {
        match self.text(object, "traceparent", "/traceparent") {
            None | Some("keep") => Traceparent::Keep,
            Some("ensure") => Traceparent::Ensure,
            Some(_) => {
                self.fault("/traceparent", "must be \"keep\" or \"ensure\"");
                Traceparent::Keep
            }
        }
    }

    pub(super) fn only(&mut self, object: &Map<String, Value>, pointer: &str, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            self.fault(format!("{pointer}/{escaped}"), format!("unknown field; known are {}", known.join(", ")));
        }
    }

    fn text<'a>(&mut self, object: &'a Map<String, Value>, name: &str, pointer: &str) -> Option<&'a str> {
        match object.get(name)? {
            Value::String(text) if text.len() <= STRING_BYTES_MAX => Some(text),
            Value::String(_) => {
                self.fault(pointer, format!("longer than {STRING_BYTES_MAX} bytes"));
                None
            }
            _ => {
                self.fault(pointer, "must be a string");
                None
            }
        }
    }

    fn id(&mut self, object: &Map<String, Value>, id: Id<'_>) -> Option<String> {
        let own = self.text(object, "id", "/id");
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
        let host = match self.text(object, "host", "/match/host") {
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
        let text = self.text(object, "path", "/match/path")?;
        let is_path = text.starts_with('/') && !text.contains('?') && target::has_whole_escapes(text.as_bytes());
        match target::Target::parse(b"GET", text.as_bytes()) {
            Ok(_) if is_path => {
                let trimmed = text.trim_end_matches('/');
                Some(if trimmed.is_empty() { "/".into() } else { trimmed.into() })
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
        match self.text(object, "kind", "/kind")? {
            "regular" => {
                for name in ["force_host", "force_scheme", "allowed_hosts"] {
                    if object.contains_key(name) {
                        self.fault(format!("/{name}"), "is for transparent mounts only");
                    }
                }
                if !object.contains_key("address") {
                    self.fault("/address", "is missing: a regular mount needs one, as in http://127.0.0.1:9000/");
                    return None;
                }
                let text = self.text(object, "address", "/address")?;
                match parse_address(text) {
                    Ok(address) => Some(MountKind::Regular { address }),
                    Err(detail) => {
                        self.fault("/address", detail);
                        None
                    }
                }
            }
            "transparent" => self.transparent(object),
            _ => {
                self.fault("/kind", "must be \"regular\" or \"transparent\"");
                None
            }
        }
    }

    fn transparent(&mut self, object: &Map<String, Value>) -> Option<MountKind> {
        if object.contains_key("address") {
            self.fault("/address", "is for regular mounts only; a transparent one has force_host or allowed_hosts");
        }
        let force_host = self.text(object, "force_host", "/force_host").and_then(|text| {
            let host = HostPort::parse(text);
            if host.is_none() {
                self.fault("/force_host", "must be a host with an optional port, as in 127.0.0.1:9001");
            }
            host
        });
        match self.text(object, "force_scheme", "/force_scheme") {
            None | Some("http") => {}
            Some("https") => self.fault("/force_scheme", "https upstreams are not supported in this version; use http"),
            Some(_) => self.fault("/force_scheme", "must be \"http\""),
        }
        let expected = "a host as in example.org, *.example.org or example.org:8080";
        let allowed_hosts = self.list(object, "allowed_hosts", expected, HostPattern::parse);
        if !object.contains_key("force_host") && object.get("allowed_hosts").is_none_or(is_empty_list) {
            self.fault("/allowed_hosts", "is mandatory without force_host, or the mount would be an open proxy");
        }
        Some(MountKind::Transparent { force_host, force_scheme: Scheme::Http, allowed_hosts })
    }

    fn list<T>(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = object.get(name) else { return Vec::new() };
        let Some(entries) = value.as_array() else {
            self.fault(format!("/{name}"), "must be an array of strings");
            return Vec::new();
        };
        if entries.len() > LIST_ENTRIES_MAX {
            self.fault(format!("/{name}"), format!("has more than {LIST_ENTRIES_MAX} entries"));
            return Vec::new();
        }
        let mut read_entries = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            match entry.as_str().filter(|text| text.len() <= STRING_BYTES_MAX).and_then(&read) {
                Some(entry) => read_entries.push(entry),
                None => self.fault(format!("/{name}/{index}"), format!("must be {expected}")),
            }
        }
        read_entries
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// Reads `http://host[:port]/path/`; a missing final slash is added.
pub fn parse_address(text: &str) -> Result<BaseAddress, String> {
    let example = "give it as http://host:port/path/";
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("'{text}' has no scheme; {example}"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => return Err("https upstreams are not supported in this version; use http".into()),
        _ => return Err(format!("the scheme '{scheme}' is not supported; {example}")),
    }
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    if authority.contains('@') {
        return Err(format!("user and password do not belong in an address; {example}"));
    }
    let host = HostPort::parse(authority)
        .ok_or_else(|| format!("'{authority}' is not a host with an optional port; {example}"))?;
    if path.contains(['?', '#']) {
        return Err(format!("a base address has neither query nor fragment; {example}"));
    }
    let path = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
    let read = target::Target::parse(b"GET", path.as_bytes()).ok();
    read.filter(|found| target::has_whole_escapes(found.path)).ok_or_else(|| {
        format!("the path of the address must be percent-encoded and without . or .. segments; {example}")
    })?;
    Ok(BaseAddress { host, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<MountSpec, Vec<SpecFault>> {
        parse(&value, Id::OwnOr("made-up"))
    }

    /// What is written, without what has tests of its own.
    fn written(spec: &MountSpec) -> Value {
        let mut value = serde_json::to_value(spec).unwrap();
        for name in ["traceparent", "limits", "timeouts"] {
            assert!(value.as_object_mut().unwrap().remove(name).is_some());
        }
        value
    }

    fn pointers(value: Value) -> Vec<String> {
        read(value).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_regular_mount_is_read_and_written_back() {
        let spec = read(json!({
            "kind": "regular", "match": {"host": "API.example.org:8080", "path": "/orgs/"},
            "address": "HTTP://Server3:8680/exist", "allowed_request_methods": ["GET"],
            "suppress_http_headers": ["Accept-Encoding"],
        }))
        .unwrap();
        assert_eq!(
            written(&spec),
            json!({
                "id": "made-up", "kind": "regular", "match": {"host": "api.example.org:8080", "path": "/orgs"},
                "address": "http://server3:8680/exist/", "allowed_request_methods": ["GET"],
                "suppress_http_headers": ["accept-encoding"],
            })
        );
        assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("made-up")), Ok(spec));
    }

    #[test]
    fn a_transparent_mount_is_read_and_written_back() {
        let spec =
            read(json!({"id": "t", "kind": "transparent", "allowed_hosts": ["*.internal:80", "x.org"]})).unwrap();
        assert_eq!(
            written(&spec),
            json!({
                "id": "t", "kind": "transparent", "match": {"path": "/"}, "force_scheme": "http",
                "allowed_hosts": ["*.internal:80", "x.org"], "allowed_request_methods": [], "suppress_http_headers": [],
            })
        );
        assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("t")), Ok(spec));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        assert_eq!(
            pointers(json!({
                "id": "Bad Id", "kind": "regular", "match": {"path": "x", "colour": 1}, "address": "ftp://h/",
                "allowed_request_methods": ["GET", 5, "a b"], "suppress_http_headers": "x", "force_host": "h", "a/b~": 1,
            })),
            [
                "/a~1b~0",
                "/id",
                "/match/colour",
                "/match/path",
                "/force_host",
                "/address",
                "/allowed_request_methods/1",
                "/allowed_request_methods/2",
                "/suppress_http_headers",
            ]
        );
        assert_eq!(pointers(json!([])), [""]);
        assert_eq!(pointers(json!({})), ["/kind"]);
        assert_eq!(pointers(json!({"kind": "regular"})), ["/address"]);
    }

    #[test]
    fn a_transparent_mount_is_never_an_open_proxy() {
        assert_eq!(pointers(json!({"kind": "transparent"})), ["/allowed_hosts"]);
        assert_eq!(pointers(json!({"kind": "transparent", "allowed_hosts": []})), ["/allowed_hosts"]);
        assert_eq!(pointers(json!({"kind": "transparent", "allowed_hosts": ["*"]})), ["/allowed_hosts/0"]);
        assert_eq!(
            pointers(json!({"kind": "transparent", "allowed_hosts": ["*.0.0.1"]})),
            Vec::<String>::from(["/allowed_hosts/0".into()])
        );
        assert!(read(json!({"kind": "transparent", "force_host": "127.0.0.1:9"})).is_ok());
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_with_a_reason() {
        for bad in [
            "",
            "h/",
            "//h/x",
            "ftp://h/",
            "https://h/",
            "http://",
            "http:///x/",
            "http://u:p@h/",
            "http://h:abc/",
            "http://h:0/",
            "http://h:99999/",
            "http://h/?q",
            "http://h/#f",
            "http://h/a b/",
            "http://h/../",
            "http://a,b/",
            "http://h/%zz/",
            "http://h/a%4",
        ] {
            let told = parse_address(bad).unwrap_err();
            assert!(!told.is_empty(), "{bad:?}");
        }
        assert_eq!(parse_address("http://h:/").unwrap().to_string(), "http://h/");
        assert_eq!(parse_address("HTTP://H/a%2Fb").unwrap().to_string(), "http://h/a%2Fb/");
        assert_eq!(parse_address("http://[::1]:80").unwrap().to_string(), "http://[::1]:80/");
    }

    #[test]
    fn wildcards_stand_for_names_below_their_suffix() {
        let pattern = HostPattern::parse("*.example.org").unwrap();
        assert!(pattern.stands_for("a.example.org") && pattern.stands_for("a.b.example.org"));
        assert!(
            !pattern.stands_for("example.org")
                && !pattern.stands_for("xexample.org")
                && !pattern.stands_for(".example.org")
        );
    }
}
