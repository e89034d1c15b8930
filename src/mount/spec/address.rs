//! Hosts, addresses and matches of a mount: their text forms.

use crate::message::{Authority, target};
use serde::Serialize;
use std::fmt;

/// Schemes towards upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where none is written.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Reads it, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }
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

/// The base of a regular mount: `http://host[:port]/path/` or `https://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseAddress {
    /// The scheme.
    pub scheme: Scheme,
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
            formatter.write_str(if self.is_any() { "*" } else { "*." })?;
        }
        self.host.fmt(formatter)
    }
}

impl fmt::Display for BaseAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme.as_str(), self.host, self.path)
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

    /// The same, borrowed.
    #[must_use]
    pub fn authority(&self) -> Authority<'_> {
        Authority { host: &self.host, port: self.port }
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

    /// As [`HostPattern::parse`], and `*[:port]` for any host; an odd form of an
    /// address is that address.
    #[must_use]
    pub fn parse_allowed(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('*')
            && (rest.is_empty() || rest.starts_with(':'))
        {
            // A port is read like that of any host.
            let port = HostPort::parse(&format!("any{rest}"))?.port;
            return Some(Self { wildcard: true, host: HostPort { host: String::new(), port } });
        }
        let mut pattern = Self::parse(text)?;
        pattern.host.host = Authority { host: &pattern.host.host, port: None }.normal_host();
        Some(pattern)
    }

    /// True where any host is meant.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.wildcard && self.host.host.is_empty()
    }

    /// True for a canonical host that this pattern stands for.
    #[must_use]
    pub fn stands_for(&self, host: &str) -> bool {
        if self.is_any() {
            return true;
        }
        if !self.wildcard {
            return self.host.host == host;
        }
        host.strip_suffix(&self.host.host).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
    }
}

/// Reads `http://host[:port]/path/` or `https://…`; a missing final slash is added.
pub fn parse_address(text: &str) -> Result<BaseAddress, String> {
    let example = "give it as http://host:port/path/";
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("'{text}' does not begin with http:// or https://; {example}"));
    };
    let scheme = Scheme::parse(scheme)
        .ok_or_else(|| format!("the scheme '{scheme}' is not supported, only http and https are; {example}"))?;
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
    Ok(BaseAddress { scheme, host, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_work_are_refused_with_a_reason() {
        for bad in [
            "",
            "h/",
            "//h/x",
            "ftp://h/",
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
    fn any_host_is_a_wish_of_its_own() {
        let any = HostPattern::parse_allowed("*:8080").unwrap();
        assert!(any.is_any() && any.stands_for("h") && any.stands_for("[::1]") && any.host.port == Some(8080));
        assert_eq!(any.to_string(), "*:8080");
        assert_eq!(HostPattern::parse_allowed("*").unwrap().to_string(), "*");
        assert_eq!(HostPattern::parse_allowed("0x7f.1:81").unwrap().to_string(), "127.0.0.1:81");
        for text in ["*h", "*:", "*:0", "**", "*.0.0.1"] {
            assert!(HostPattern::parse_allowed(text).is_none_or(|pattern| text == "*:" && pattern.is_any()), "{text}");
        }
        assert!(HostPattern::parse("*").is_none(), "as a match it would say nothing");
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
