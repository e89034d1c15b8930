//! Who may call the admin API.
//!
//! Owns the checks that come before any route, in the order that gives an
//! attacker's browser the least: what kind of request, for which host, from
//! which page, with which token. Pure: time is a parameter.

use super::attempts::{Attempts, Verdict};
use super::caller::Caller;
use super::problem::Problem;
use super::tokens::Tokens;
use crate::limits::ATTEMPTS_MAX;
use crate::message::{Authority, Fields, Known};
use crate::oplog;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// The rules of one admin listener.
#[derive(Debug)]
pub struct Guard {
    tokens: Arc<Tokens>,
    attempts: Attempts,
    /// Host names that lead here; none checks none (Unix socket).
    hosts: Option<Vec<String>>,
}

impl Guard {
    /// A guard for a listener that is reached by these names, besides the
    /// loopback ones.
    #[must_use]
    pub fn tcp(tokens: Arc<Tokens>, names: &[String]) -> Self {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"].map(String::from).into();
        hosts.extend(names.iter().map(|name| name.to_ascii_lowercase()));
        Self { tokens, attempts: Attempts::default(), hosts: Some(hosts) }
    }

    /// A guard for a Unix socket, which no web page can reach.
    #[must_use]
    pub fn unix(tokens: Arc<Tokens>) -> Self {
        Self { tokens, attempts: Attempts::default(), hosts: None }
    }

    /// The tokens that it lets in.
    #[must_use]
    pub fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// Refuses what no caller of ours sends. `authority` is whom the request is
    /// for: that of its target, which overrules `Host` (RFC 9112 §3.2.2).
    pub fn check_caller(&self, fields: &Fields, authority: Option<&[u8]>) -> Result<(), Problem> {
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
        let host = authority.and_then(Authority::parse);
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

    /// Asks for a bearer token, and tells whose it is.
    pub fn check_token(
        &self,
        fields: &Fields,
        query: Option<&[u8]>,
        ip: Option<IpAddr>,
        now: Instant,
    ) -> Result<Caller, Problem> {
        if query.is_some_and(has_token) {
            return Err(Problem::new(
                401,
                "a token in the URL is not taken, since URLs are kept in logs and histories: send it in the header, as in \
                 Authorization: Bearer TOKEN, and if that URL was sent by others too, replace the token",
            ));
        }
        if fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"Authorization")).count() > 1 {
            return Err(Problem::new(401, "there are two Authorization fields; send one"));
        }
        let Some(credentials) = fields.get("Authorization") else {
            return Err(Problem::new(
                401,
                "send the token of the file 'token' in the data directory, as in Authorization: Bearer TOKEN",
            ));
        };
        let scheme = credentials.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
        if scheme.is_none() {
            return Err(Problem::new(
                401,
                "neither a user and password nor a token alone is taken: send Authorization: Bearer TOKEN",
            ));
        }
        if let Some(caller) = self.tokens.caller(credentials[7..].trim_ascii()) {
            return Ok(caller);
        }
        match self.attempts.wrong(ip, now) {
            Verdict::Wrong => Err(Problem::new(401, "this is not a token of this server, or no longer")),
            Verdict::TooMany { wait, is_news } => {
                if is_news {
                    let from = ip.map_or_else(|| "a Unix socket".to_owned(), |ip| ip.to_canonical().to_string());
                    oplog::warn(format_args!(
                        "{from} shows tokens that are not of this server, more than {ATTEMPTS_MAX} a minute"
                    ));
                }
                let retry_after_s = Some(wait.as_secs() + 1);
                let detail = "this is not a token of this server, and too many wrong ones came from this address";
                Err(Problem { retry_after_s, ..Problem::new(429, detail) })
            }
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

/// True where a query brings a token, as some programs do it (RFC 6750 §2.3).
fn has_token(query: &[u8]) -> bool {
    query.split(|byte| *byte == b'&').any(|parameter| {
        let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"token") || name.eq_ignore_ascii_case(b"access_token")
    })
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
    use crate::admin::Token;
    use crate::testing::Directory;
    use std::time::Duration;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    /// All tokens of a directory that is empty.
    fn tokens() -> Arc<Tokens> {
        Arc::new(Tokens::open(Directory::new("guard").path(), &Token::new(TOKEN.into())).unwrap())
    }

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn status(lines: &[(&str, &str)]) -> u16 {
        let guard = Guard::tcp(tokens(), &["admin.example.org".into()]);
        let fields = fields(lines);
        guard.check_caller(&fields, fields.first(Known::Host)).map_or_else(|problem| problem.status, |()| 200)
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
        let unix = Guard::unix(tokens());
        assert!(unix.check_caller(&Fields::default(), Some(b"anything")).is_ok());
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

    fn shown(guard: &Guard, value: &str, query: Option<&str>, ip: &str, now: Instant) -> Result<String, Problem> {
        let fields = if value.is_empty() { Fields::default() } else { fields(&[("Authorization", value)]) };
        let caller = guard.check_token(&fields, query.map(str::as_bytes), Some(ip.parse().unwrap()), now);
        caller.map(|caller| caller.name.to_string())
    }

    #[test]
    fn the_token_is_asked_for() {
        let guard = Guard::unix(tokens());
        let check = |value: &str| {
            let told = shown(&guard, value, None, "127.0.0.1", Instant::now());
            told.map_err(|problem| problem.status)
        };
        for value in [format!("Bearer {TOKEN}"), format!("bearer  {TOKEN}")] {
            assert_eq!(check(&value).as_deref(), Ok("admin"), "{value}");
        }
        for value in [TOKEN.to_owned(), "Bearer ".into(), "Bearer x".into(), format!("Basic {TOKEN}"), String::new()] {
            assert_eq!(check(&value), Err(401), "{value}");
        }
    }

    #[test]
    fn a_token_in_the_url_is_refused_with_the_way_to_send_it() {
        let guard = Guard::unix(tokens());
        let right = format!("Bearer {TOKEN}");
        let check = |value: &str, query: &str| shown(&guard, value, Some(query), "127.0.0.1", Instant::now());
        for query in [format!("token={TOKEN}"), format!("a=1&access_token={TOKEN}"), "Token".into(), "token=".into()] {
            for value in ["", &right] {
                let problem = check(value, &query).unwrap_err();
                assert!(problem.status == 401 && problem.detail.contains("Authorization: Bearer TOKEN"), "{query}");
            }
        }
        assert!(check(&right, "label=token=1&tokens=2&dry_run=true").is_ok());
    }

    #[test]
    fn too_many_wrong_tokens_are_429_and_the_right_one_is_let_in_all_the_same() {
        let guard = Guard::unix(tokens());
        let now = Instant::now();
        let status = |value: &str, ip| shown(&guard, value, None, ip, now).map_err(|problem| problem.status);
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(status("Bearer wrong", "192.0.2.1"), Err(401));
        }
        let problem = shown(&guard, "Bearer wrong", None, "192.0.2.1", now + Duration::from_secs(50)).unwrap_err();
        assert_eq!((problem.status, problem.retry_after_s), (429, Some(11)));
        assert_eq!(status("", "192.0.2.1"), Err(401), "none is not a wrong one");
        assert_eq!(status("Bearer wrong", "192.0.2.2"), Err(401), "another address");
        assert_eq!(status(&format!("Bearer {TOKEN}"), "192.0.2.1").as_deref(), Ok("admin"));
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
