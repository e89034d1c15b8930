//! Keys of `egg:Paste#urlmap`: which requests an application gets.
//!
//! Owns their reading, their order and which of them answers, all as in Paste,
//! its defects included: the import compares that to what Standin does.

use crate::message::target::encode_segment;
use std::cmp::Reverse;

/// A key, read as Paste reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Key {
    /// `name` or `name:port`, in the case that it was written in.
    pub domain: Option<String>,
    /// Empty, or `/…` without a slash at its end; text, not percent-encoded.
    pub path: String,
}

impl Key {
    /// Reads `domain NAME port N /path`, in any order; the error says what to
    /// write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut domain, mut port, mut path) = (None, None, None);
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let (name, place, value) = match word {
                "domain" => ("domain", &mut domain, words.next()),
                "port" => ("port", &mut port, words.next()),
                _ => ("a path", &mut path, Some(word)),
            };
            let value = value.ok_or_else(|| format!("'{name}' is not followed by anything; write {EXAMPLE}"))?;
            if let Some(first) = place.replace(value) {
                return Err(format!("{name} is there twice, '{first}' and '{value}'; write {EXAMPLE}"));
            }
        }
        if domain.is_none() && port.is_some() {
            return Err(format!("a port needs a domain; write {EXAMPLE}"));
        }
        let path = path.unwrap_or_default();
        if domain.is_none() && !path.is_empty() && !path.starts_with('/') {
            return Err(format!(
                "'{path}' begins neither with / nor with 'domain'; a URL as a key ends at its first colon: write {EXAMPLE}"
            ));
        }
        let Some(domain) = domain else { return Ok(Self { domain: None, path: normalized(path) }) };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        // As Paste does it: a slash in the domain already begins the path.
        let url = format!("{domain}{port}/{path}");
        let (domain, path) = url.split_once('/').unwrap_or((&url, ""));
        Ok(Self { domain: Some(domain.to_owned()), path: normalized(path) })
    }

    /// What sorts keys: Paste asks the first one first.
    #[must_use]
    pub fn order(&self) -> (String, Reverse<usize>, String) {
        // Paste sorts keys without a domain by this letter, to come last.
        let domain = self.domain.clone().unwrap_or_else(|| "\u{ff}".into());
        (domain, Reverse(self.path.chars().count()), self.path.clone())
    }

    /// What is left of the path where Paste gives the request to this key.
    /// `host` is in lower case and without `port`.
    #[must_use]
    pub fn rest<'a>(&self, host: &str, port: u16, path: &'a str) -> Option<&'a str> {
        let is_here = self.domain.as_ref().is_none_or(|domain| domain == host || *domain == format!("{host}:{port}"));
        let rest = path.strip_prefix(self.path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        rest.filter(|_| is_here)
    }
}

const EXAMPLE: &str = "'/path', 'domain example.org', or 'domain example.org port 8080 /path'";

/// With single slashes, one in front and none at the end.
fn normalized(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.fold(String::new(), |path, segment| path + "/" + segment)
}

/// The path as requests write it: percent-encoded where it must be.
#[must_use]
pub fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            encoded.push('/');
        }
        encode_segment(segment.as_bytes(), &mut encoded);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<(String, String), String> {
        Key::parse(text).map(|key| (key.domain.unwrap_or_default(), key.path))
    }

    #[test]
    fn keys_are_read_as_paste_reads_them() {
        for (text, domain, path) in [
            ("/", "", ""),
            ("", "", ""),
            ("/foo", "", "/foo"),
            ("/foo/", "", "/foo"),
            ("//foo//", "", "/foo"),
            ("/a//b", "", "/a/b"),
            ("domain foo.com", "foo.com", ""),
            ("domain foo.com /", "foo.com", ""),
            ("domain foo.com port 80 /prefix", "foo.com:80", "/prefix"),
            ("/x domain foo.com port 8080", "foo.com:8080", "/x"),
            ("domain foo.com prefix", "foo.com", "/prefix"),
            ("domain foo.com port abc", "foo.com:abc", ""),
            ("domain FOO.com", "FOO.com", ""),
            ("/a%20b", "", "/a%20b"),
        ] {
            assert_eq!(key(text), Ok((domain.into(), path.into())), "{text}");
        }
        for text in
            ["foo", "http", "port 80 /x", "domain", "domain a port", "domain a domain b", "/a /b", "port 1 port 2"]
        {
            assert!(key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_is_that_of_paste() {
        let mut keys: Vec<Key> = ["/", "/b", "/a", "/longer", "domain b.com", "domain a.com:80 /x", "domain a.com /y"]
            .iter()
            .map(|text| Key::parse(text).unwrap())
            .collect();
        keys.sort_by_cached_key(Key::order);
        let shown: Vec<String> =
            keys.iter().map(|key| format!("{}{}", key.domain.clone().unwrap_or_default(), key.path)).collect();
        assert_eq!(shown, ["a.com/y", "a.com:80/x", "b.com", "/longer", "/a", "/b", ""]);
    }

    #[test]
    fn a_key_takes_whole_segments_of_its_host() {
        let rest = |text: &str, host, port, path| Key::parse(text).unwrap().rest(host, port, path).map(str::to_owned);
        assert_eq!(rest("/foo", "h", 80, "/foo/x"), Some("/x".into()));
        assert_eq!(rest("/foo", "h", 80, "/foo"), Some(String::new()));
        assert_eq!(rest("/foo", "h", 80, "/foobar"), None);
        assert_eq!(rest("domain b.com port 80", "b.com", 80, "/"), Some("/".into()));
        assert_eq!(rest("domain b.com port 80", "b.com", 443, "/"), None);
        assert_eq!(rest("domain b.com", "b.com", 443, "/"), Some("/".into()));
        assert_eq!(rest("domain B.com", "b.com", 80, "/"), None);
        assert_eq!(rest("domain b.com", "www.b.com", 80, "/"), None);
    }

    #[test]
    fn paths_are_encoded_where_they_must_be() {
        assert_eq!(encoded("/a%20b/é?#"), "/a%2520b/%C3%A9%3F%23");
        assert_eq!(encoded("/a;b:c@d/~e"), "/a;b:c@d/~e");
    }
}
