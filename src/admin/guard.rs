//! Who may call the admin API.
//!
//! Owns the checks that come before any route, in the order that gives an
//! attacker's browser the least: what kind of request, for which host, from
//! which page, with which token. Pure.

use super::problem::Problem;
use super::token::Token;
use crate::message::{Authority, Fields, Known};

/// The rules of one admin listener.
#[derive(Debug, Clone)]
pub struct Guard {
    token: Token,
    /// Host names that lead here; none checks none (Unix socket).
    hosts: Option<Vec<String>>,
}

impl Guard {
    /// A guard for a listener that is reached by these names, besides the
    /// loopback ones.
    #[must_use]
    pub fn tcp(token: Token, names: &[String]) -> Self {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(String::from).into();
        hosts.extend(names.iter().map(|name| name.to_ascii_lowercase()));
        Self { token, hosts: Some(hosts) }
    }

    /// A guard for a Unix socket, which no web page can reach.
    #[must_use]
    pub fn unix(token: Token) -> Self {
        Self { token, hosts: None }
    }

    /// Refuses what no caller of ours sends.
    pub fn check_caller(&self, fields: &Fields) -> Result<(), Problem> {
        if fields.first(Known::Upgrade).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(Problem::new(403, "there are no WebSockets here"));
        }
        let site = fields.get("Sec-Fetch-Site").unwrap_or(b"none");
        let mode = fields.get("Sec-Fetch-Mode").unwrap_or_default();
        // Browsers fetch a page's own pictures so.
        if mode == b"no-cors" && site != b"same-origin" {
            return Err(Problem::new(403, "requests in no-cors mode are refused"));
        }
        let origin = fields.get("Origin");
        if origin == Some(b"null") {
            return Err(Problem::new(403, "requests of an opaque origin are refused"));
        }
        let host = fields.first(Known::Host).and_then(Authority::parse);
        if let Some(hosts) = &self.hosts {
            let known = host.is_some_and(|host| hosts.contains(&host.canonical_host()));
            if !known {
                return Err(Problem::new(421, "this host name does not lead to the admin API; --admin-host adds one"));
            }
        }
        // A link that a person follows shows the UI, and carries no token.
        let followed_link = mode == b"navigate" && fields.get("Sec-Fetch-Dest") == Some(b"document");
        let cross_site = !matches!(site, b"same-origin" | b"none") && !followed_link;
        let same_origin = origin.is_none_or(|origin| {
            let authority = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
            authority.and_then(Authority::parse) == host && host.is_some()
        });
        if cross_site || !same_origin {
            return Err(Problem::new(403, "requests from pages of another origin are refused"));
        }
        Ok(())
    }

    /// Asks for the bearer token.
    pub fn check_token(&self, fields: &Fields) -> Result<(), Problem> {
        let token = fields.get("Authorization").and_then(|value| {
            let scheme = value.get(..7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then(|| value[7..].trim_ascii())
        });
        match token {
            Some(token) if self.token.matches(token) => Ok(()),
            Some(_) => Err(Problem::new(401, "the token is not the one of this server")),
            None => Err(Problem::new(
                401,
                "send the token of the file 'token' in the data directory, as in Authorization: Bearer TOKEN",
            )),
        }
    }

    /// Asks for JSON: no form and no plain text of another page comes past.
    pub fn check_json(fields: &Fields) -> Result<(), Problem> {
        if is_of(fields, b"application/json") {
            return Ok(());
        }
        Err(Problem::new(415, "send JSON, with Content-Type: application/json"))
    }

    /// Asks for a merge patch (RFC 7396), which is JSON too.
    pub fn check_patch(fields: &Fields) -> Result<(), Problem> {
        if is_of(fields, b"application/merge-patch+json") || is_of(fields, b"application/json") {
            return Ok(());
        }
        Err(Problem::new(415, "send a merge patch, as application/merge-patch+json or application/json"))
    }

    /// True for a Paste Deploy file, false for JSON. Neither type is one that a
    /// page of another origin may send unasked.
    pub fn check_import(fields: &Fields) -> Result<bool, Problem> {
        let is_paste = is_of(fields, PASTE_INI);
        if is_paste || is_of(fields, b"application/json") {
            return Ok(is_paste);
        }
        Err(Problem::new(415, "send JSON as application/json, or a Paste Deploy file as text/x-paste-ini"))
    }
}

/// The media type of Paste Deploy files: ours, nothing is registered for them.
const PASTE_INI: &[u8] = b"text/x-paste-ini";

fn is_of(fields: &Fields, wanted: &[u8]) -> bool {
    let media_type = fields.get("Content-Type").and_then(|value| value.split(|byte| *byte == b';').next());
    media_type.is_some_and(|media_type| media_type.trim_ascii().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn status(lines: &[(&str, &str)]) -> u16 {
        let guard = Guard::tcp(Token::new(TOKEN.into()), &["admin.example.org".into()]);
        guard.check_caller(&fields(lines)).map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn only_known_hosts_lead_here() {
        for host in ["localhost:8081", "127.0.0.1", "[::1]:9", "Admin.Example.org"] {
            assert_eq!(status(&[("Host", host)]), 200, "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8081"] {
            assert_eq!(status(&[("Host", host)]), 421, "{host}");
        }
        assert_eq!(status(&[]), 421);
        let unix = Guard::unix(Token::new(TOKEN.into()));
        assert!(unix.check_caller(&fields(&[("Host", "anything")])).is_ok());
    }

    #[test]
    fn other_pages_are_refused() {
        let host = ("Host", "localhost:8081");
        assert_eq!(status(&[host, ("Origin", "http://localhost:8081"), ("Sec-Fetch-Site", "same-origin")]), 200);
        assert_eq!(status(&[host, ("Sec-Fetch-Site", "none")]), 200);
        assert_eq!(status(&[host, ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "no-cors")]), 200);
        let link = ("Sec-Fetch-Site", "cross-site");
        assert_eq!(status(&[host, link, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]), 200);
        assert_eq!(status(&[host, link, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]), 403);
        for line in [
            ("Origin", "null"),
            ("Origin", "http://evil.example"),
            ("Origin", "http://localhost:9999"),
            ("Origin", "file://localhost:8081"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Sec-Fetch-Mode", "no-cors"),
            ("Upgrade", "WebSocket"),
        ] {
            assert_eq!(status(&[host, line]), 403, "{line:?}");
        }
    }

    #[test]
    fn the_token_is_asked_for() {
        let guard = Guard::unix(Token::new(TOKEN.into()));
        let check = |value: &str| guard.check_token(&fields(&[("Authorization", value)])).is_ok();
        assert!(check(&format!("Bearer {TOKEN}")) && check(&format!("bearer  {TOKEN}")));
        assert!(!check(TOKEN) && !check("Bearer ") && !check("Bearer x") && !check(&format!("Basic {TOKEN}")));
        assert!(guard.check_token(&fields(&[])).is_err());
    }

    #[test]
    fn only_json_changes_anything() {
        let check = |value: &str| Guard::check_json(&fields(&[("Content-Type", value)])).is_ok();
        assert!(check("application/json") && check("Application/JSON; charset=utf-8"));
        assert!(!check("text/plain") && !check("application/x-www-form-urlencoded") && !check("application/jsonp"));
        assert!(Guard::check_json(&fields(&[])).is_err());
        assert!(!check("text/x-paste-ini") && !check("application/merge-patch+json"));
        let patch = |value: &str| Guard::check_patch(&fields(&[("Content-Type", value)])).is_ok();
        assert!(patch("application/merge-patch+json") && patch("application/json"));
        assert!(!patch("application/json-patch+json") && !patch("text/plain") && !patch(""));
        let import = |value: &str| Guard::check_import(&fields(&[("Content-Type", value)])).ok();
        assert_eq!(import("Text/X-Paste-INI; charset=utf-8"), Some(true));
        assert_eq!(import("application/json"), Some(false));
        for simple in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/x-paste", ""] {
            assert_eq!(import(simple), None, "{simple}");
        }
    }
}
