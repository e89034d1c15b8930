//! Who asked, for which host, by which scheme: `X-Forwarded-*` and `Forwarded`
//! (RFC 7239).
//!
//! Owns those fields. Each has its treatment; what a client says about itself
//! counts only where that says so. For the client's address and `Forwarded`,
//! which are lists, to append is to add a member. Host, scheme and port have one
//! value, so a trusted peer's stays. Prefixes are joined: the peer's is in front.

use crate::message::fields::list_members;
use crate::message::target::percent_decode;
use crate::message::{Authority, Fields, Known, Names, Span, is_plain_text, parse_digits};
use serde::Serialize;
use std::io::Write;
use std::net::IpAddr;

/// What is done to one of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// What came goes, ours is sent.
    Overwrite,
    /// Ours is added to what a trusted peer said; else as `Overwrite`.
    Append,
    /// What came stays; ours is sent where nothing came.
    Keep,
    /// What came goes, and nothing is sent.
    Off,
    /// What came stays, and nothing is added.
    Pass,
}

impl Treatment {
    /// How each is written.
    pub const WORDS: [(&str, Self); 5] = [
        ("overwrite", Self::Overwrite),
        ("append", Self::Append),
        ("keep", Self::Keep),
        ("off", Self::Off),
        ("pass", Self::Pass),
    ];
}

/// What a mount does to each of the fields.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `X-Forwarded-For`
    pub for_: Treatment,
    /// `X-Forwarded-Host`
    pub host: Treatment,
    /// `X-Forwarded-Proto`
    pub proto: Treatment,
    /// `X-Forwarded-Port`
    pub port: Treatment,
    /// `X-Forwarded-Prefix`
    pub prefix: Treatment,
    /// `Forwarded`
    pub forwarded: Treatment,
    /// True where others of their kind (`X-Forwarded-Server`, `X-Real-IP`) are
    /// not believed from anybody but a trusted peer.
    pub strips_rest: bool,
}

/// What is known of one request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address; none on a Unix socket.
    pub client: Option<IpAddr>,
    /// Where in the head the host stands that was asked for, with its port.
    pub host: Option<Span>,
    /// The port that was asked for.
    pub port: u16,
    /// The scheme that was used.
    pub scheme: &'a str,
    /// The part of the path that is not passed on, without a final slash; empty
    /// where that is none.
    pub prefix: &'a [u8],
    /// Our own name.
    pub pseudonym: &'a [u8],
    /// The client is a proxy whose word is taken.
    pub is_trusted: bool,
}

/// Others of their kind.
const REST: Names = Names::of(&[Known::XForwardedOther, Known::XRealIp]);

/// What a treatment means for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Leave,
    Drop,
    Replace,
    Extend,
}

impl Policy {
    /// Does to the fields what each treatment says.
    pub fn apply(&self, fields: &mut Fields, facts: &Facts<'_>) {
        let step = |treatment, known| step(treatment, known, fields, facts.is_trusted);
        let for_ = step(self.for_, Known::XForwardedFor);
        let host = step(self.host, Known::XForwardedHost);
        let proto = step(self.proto, Known::XForwardedProto);
        let port = step(self.port, Known::XForwardedPort);
        let prefix = step(self.prefix, Known::XForwardedPrefix);
        let forwarded = step(self.forwarded, Known::Forwarded);
        // What is extended is needed once more, in one piece.
        let before = |step, known, separator: &[u8]| match step {
            Step::Extend => joined(fields, known, separator),
            _ => Vec::new(),
        };
        let for_before = before(for_, Known::XForwardedFor, b", ");
        let prefix_before = before(prefix, Known::XForwardedPrefix, b"");
        let forwarded_before = before(forwarded, Known::Forwarded, b", ");
        let mut gone = Names::default();
        for (step, known) in
            [(for_, Known::XForwardedFor), (prefix, Known::XForwardedPrefix), (forwarded, Known::Forwarded)]
        {
            if step != Step::Leave {
                gone.insert(known);
            }
        }
        // Of one value; that of a trusted peer is as good as ours.
        for (step, known) in
            [(host, Known::XForwardedHost), (proto, Known::XForwardedProto), (port, Known::XForwardedPort)]
        {
            if matches!(step, Step::Drop | Step::Replace) {
                gone.insert(known);
            }
        }
        fields.remove(gone.and(REST, self.strips_rest && !facts.is_trusted));
        if matches!(for_, Step::Replace | Step::Extend)
            && let Some(client) = facts.client
        {
            fields.push_known(Known::XForwardedFor, &[&for_before, Text::of_ip(client).as_bytes()]);
        }
        if host == Step::Replace
            && let Some(span) = facts.host
        {
            fields.push_copy(Known::XForwardedHost, span);
        }
        if proto == Step::Replace {
            fields.push_known(Known::XForwardedProto, &[facts.scheme.as_bytes()]);
        }
        if port == Step::Replace {
            fields.push_known(Known::XForwardedPort, &[Text::of(format_args!("{}", facts.port)).as_bytes()]);
        }
        if matches!(prefix, Step::Replace | Step::Extend) {
            let outer = without_slash(&prefix_before);
            let outer = if is_prefix(outer) { outer } else { b"" };
            let own = if is_prefix(facts.prefix) { facts.prefix } else { b"" };
            if !(outer.is_empty() && own.is_empty()) {
                fields.push_known(Known::XForwardedPrefix, &[outer, own]);
            }
        }
        if matches!(forwarded, Step::Replace | Step::Extend) {
            let element = element(fields, facts);
            fields.push_known(Known::Forwarded, &[&forwarded_before, &element]);
        }
    }
}

fn step(treatment: Treatment, known: Known, fields: &Fields, is_trusted: bool) -> Step {
    let came = || match known {
        // A poisoned one counts as none.
        Known::XForwardedPrefix => fields.first(known).is_some_and(|value| is_prefix(without_slash(value))),
        _ => fields.first(known).is_some(),
    };
    match treatment {
        Treatment::Overwrite => Step::Replace,
        // What is no plain text cannot be believed, or signed, by anybody.
        Treatment::Append if is_trusted && came() && fields.all(known).all(|value| is_sound(known, value)) => {
            Step::Extend
        }
        Treatment::Append => Step::Replace,
        Treatment::Keep if came() => Step::Leave,
        Treatment::Keep => Step::Replace,
        Treatment::Off => Step::Drop,
        Treatment::Pass => Step::Leave,
    }
}

/// True for what can be believed of a field, and added to. A trusted peer may
/// have passed on what its own client sent.
fn is_sound(known: Known, value: &[u8]) -> bool {
    let all = |is: fn(&[u8]) -> bool| list_members(value).all(is);
    is_plain_text(value)
        && match known {
            Known::XForwardedHost => all(|host| Authority::parse(host).is_some()),
            Known::XForwardedProto => all(|scheme| [&b"http"[..], b"https"].contains(&&*scheme.to_ascii_lowercase())),
            Known::XForwardedPort => all(|port| parse_digits(port).is_some_and(|port| (1..=65535).contains(&port))),
            Known::Forwarded => are_quotes_closed(value),
            _ => true,
        }
}

/// True where no quoted string would swallow what is added behind.
fn are_quotes_closed(value: &[u8]) -> bool {
    let (mut is_open, mut is_escaped) = (false, false);
    for byte in value {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_open => is_escaped = true,
            b'"' => is_open = !is_open,
            _ => {}
        }
    }
    !is_open
}

/// All lines of a field in one, with the separator behind each.
fn joined(fields: &Fields, known: Known, separator: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    for value in fields.all(known) {
        joined.extend_from_slice(value);
        joined.extend_from_slice(separator);
    }
    joined
}

/// Many write a prefix with a slash at its end, which means the same.
fn without_slash(prefix: &[u8]) -> &[u8] {
    prefix.strip_suffix(b"/").unwrap_or(prefix)
}

/// A path that links can begin with: `/a/b`. What a browser could read as
/// another host (`//evil`), as an end of the path, or as several is none.
#[must_use]
pub fn is_prefix(value: &[u8]) -> bool {
    let is_plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#' | b',' | b'"' | b'<' | b'>');
    value.starts_with(b"/")
        && !value.ends_with(b"/")
        && memchr::memmem::find(value, b"//").is_none()
        && !percent_decode(value).split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b".."))
        && value.iter().all(is_plain)
}

/// Our element of `Forwarded` (RFC 7239 §4).
fn element(fields: &Fields, facts: &Facts<'_>) -> Vec<u8> {
    let mut element = Vec::with_capacity(96);
    // Writing to memory cannot fail.
    let _ = match facts.client {
        Some(IpAddr::V4(client)) => write!(element, "for={client}"),
        Some(IpAddr::V6(client)) => write!(element, "for=\"[{client}]\""),
        None => write!(element, "for=unknown"),
    };
    if let Some(span) = facts.host {
        // A host has no byte that a quoted string would have to escape; with a
        // port or brackets it is no token.
        let host = span.of(fields.bytes());
        let quote: &[u8] = if host.iter().any(|byte| matches!(byte, b':' | b'[')) { b"\"" } else { b"" };
        [b";host=", quote, host, quote].into_iter().for_each(|part| element.extend_from_slice(part));
    }
    let _ = write!(element, ";proto={};by=_", facts.scheme);
    element.extend_from_slice(facts.pseudonym);
    element
}

/// What a trusted peer says of the request that it was sent, for what is told
/// to the client in its terms: the scheme and the authority.
#[must_use]
pub fn public_origin(fields: &Fields) -> (Option<&'static str>, Option<&[u8]>) {
    // Of a list the first member is nearest to the client.
    let first = |known| fields.first(known).and_then(|value| list_members(value).next());
    let scheme = first(Known::XForwardedProto)
        .and_then(|value| ["https", "http"].into_iter().find(|scheme| value.eq_ignore_ascii_case(scheme.as_bytes())));
    (scheme, first(Known::XForwardedHost).filter(|host| Authority::parse(host).is_some()))
}

/// A short text on the stack.
struct Text {
    bytes: [u8; 46],
    len: usize,
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl Text {
    /// The longest address has 45 characters.
    fn of(arguments: std::fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; 46], len: 0 };
        let _ = std::fmt::Write::write_fmt(&mut text, arguments);
        text
    }

    /// As `Display` writes it, at a tenth of the cost for most.
    fn of_ip(address: IpAddr) -> Self {
        let IpAddr::V4(address) = address else { return Self::of(format_args!("{address}")) };
        let mut text = Self { bytes: [0; 46], len: 0 };
        let mut push = |byte| {
            text.bytes[text.len] = byte;
            text.len += 1;
        };
        for (at, octet) in address.octets().into_iter().enumerate() {
            if at > 0 {
                push(b'.');
            }
            if octet >= 100 {
                push(b'0' + octet / 100);
            }
            if octet >= 10 {
                push(b'0' + octet / 10 % 10);
            }
            push(b'0' + octet % 10);
        }
        text
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_everywhere() {
        for text in ["0.0.0.0", "1.20.255.99", "127.0.0.1", "100.10.9.199", "2001:db8::1", "::ffff:1.2.3.4"] {
            assert_eq!(Text::of_ip(text.parse().unwrap()).as_bytes(), text.as_bytes());
        }
    }

    const REGULAR: Policy = Policy {
        for_: Treatment::Overwrite,
        host: Treatment::Overwrite,
        proto: Treatment::Overwrite,
        port: Treatment::Off,
        prefix: Treatment::Overwrite,
        forwarded: Treatment::Off,
        strips_rest: true,
    };

    fn all(treatment: Treatment) -> Policy {
        Policy {
            for_: treatment,
            host: treatment,
            proto: treatment,
            port: treatment,
            prefix: treatment,
            forwarded: treatment,
            strips_rest: true,
        }
    }

    /// The lines that are left of those, for a client 2001:db8::1 that asks for
    /// `h:81` below `/p`.
    fn applied(policy: Policy, is_trusted: bool, came: &[(&str, &str)]) -> Vec<String> {
        let mut fields = Fields::default();
        fields.push(b"Host", b"h:81");
        let host = fields.first(Known::Host).map(|host| fields.locate(host));
        came.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        let facts = Facts {
            client: Some("2001:db8::1".parse().unwrap()),
            host,
            port: 81,
            scheme: "http",
            prefix: b"/p",
            pseudonym: b"gw1",
            is_trusted,
        };
        policy.apply(&mut fields, &facts);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.iter().skip(1).map(|field| format!("{}: {}", text(field.name), text(field.value))).collect()
    }

    const CLAIMS: [(&str, &str); 9] = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("x-forwarded-host", "public"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Prefix", "/outer"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Forwarded-Server", "s"),
        ("X-Real-Ip", "10.0.0.1"),
        ("Other", "o"),
    ];

    #[test]
    fn what_a_client_claims_is_overwritten() {
        let ours = [
            "Other: o",
            "X-Forwarded-For: 2001:db8::1",
            "X-Forwarded-Host: h:81",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Prefix: /p",
        ];
        assert_eq!(applied(REGULAR, false, &CLAIMS), ours);
        let everything = [
            "Other: o",
            "X-Forwarded-For: 2001:db8::1",
            "X-Forwarded-Host: h:81",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Port: 81",
            "X-Forwarded-Prefix: /p",
            "Forwarded: for=\"[2001:db8::1]\";host=\"h:81\";proto=http;by=_gw1",
        ];
        assert_eq!(applied(all(Treatment::Overwrite), false, &CLAIMS), everything);
        assert_eq!(applied(all(Treatment::Append), false, &CLAIMS), everything, "nobody believes a stranger");
    }

    #[test]
    fn to_what_a_trusted_peer_says_ours_is_added() {
        assert_eq!(
            applied(all(Treatment::Append), true, &CLAIMS),
            [
                "x-forwarded-host: public",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Port: 443",
                "X-Forwarded-Server: s",
                "X-Real-Ip: 10.0.0.1",
                "Other: o",
                "X-Forwarded-For: 10.0.0.1, 2001:db8::1",
                "X-Forwarded-Prefix: /outer/p",
                "Forwarded: for=10.0.0.1, for=\"[2001:db8::1]\";host=\"h:81\";proto=http;by=_gw1",
            ]
        );
        for odd in ["10.0.0.1, é", "10.0.0.1,\t10.0.0.2"] {
            let left = applied(all(Treatment::Append), true, &[("X-Forwarded-For", odd)]);
            assert!(left.contains(&"X-Forwarded-For: 2001:db8::1".into()), "{left:?}");
        }
        let lines = [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2, 10.0.0.3")];
        assert!(
            applied(all(Treatment::Append), true, &lines)
                .contains(&"X-Forwarded-For: 10.0.0.1, 10.0.0.2, 10.0.0.3, 2001:db8::1".into())
        );
    }

    #[test]
    fn kept_is_what_came_and_ours_where_nothing_came() {
        let kept = applied(all(Treatment::Keep), false, &CLAIMS);
        assert_eq!(kept.len(), 7, "{kept:?}");
        assert!(kept.contains(&"X-Forwarded-For: 10.0.0.1".into()));
        let filled = applied(all(Treatment::Keep), false, &[]);
        assert_eq!(filled, applied(all(Treatment::Overwrite), false, &[]));
    }

    #[test]
    fn off_sends_nothing_and_pass_touches_nothing() {
        assert_eq!(applied(all(Treatment::Off), true, &CLAIMS[..6]), [""; 0]);
        let untouched = Policy { strips_rest: false, ..all(Treatment::Pass) };
        let came: Vec<String> = CLAIMS.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(applied(untouched, false, &CLAIMS), came);
    }

    #[test]
    fn a_poisoned_prefix_counts_as_none() {
        for poisoned in [
            "//evil.example",
            "/a//b",
            "/a\\b",
            "evil",
            "/a?b",
            "/a#b",
            "/",
            "/a//",
            "/a/../b",
            "/%2e%2E/x",
            "",
            "/a b",
            "/a, /b",
            "/a\"b",
        ] {
            let came = [("X-Forwarded-Prefix", poisoned)];
            for treatment in [Treatment::Append, Treatment::Keep] {
                let left = applied(Policy { prefix: treatment, ..REGULAR }, true, &came);
                assert_eq!(left.last().unwrap(), "X-Forwarded-Prefix: /p", "{poisoned}");
            }
        }
    }

    #[test]
    fn what_a_trusted_peer_passes_on_unread_is_not_added_to() {
        for (name, value, ours) in [
            ("Forwarded", "for=\"unterminated", "Forwarded: for=\"[2001:db8::1]\";host"),
            ("X-Forwarded-Proto", "ftp", "X-Forwarded-Proto: http"),
            ("X-Forwarded-Port", "99999", "X-Forwarded-Port: 81"),
            ("X-Forwarded-Host", "u@h", "X-Forwarded-Host: h:81"),
        ] {
            let left = applied(all(Treatment::Append), true, &[(name, value)]);
            assert!(left.iter().any(|line| line.starts_with(ours)), "{name}: {left:?}");
            assert!(!left.iter().any(|line| line.contains(value)), "{name}: {left:?}");
        }
        let slash = applied(REGULAR_APPENDING, true, &[("X-Forwarded-Prefix", "/outer/")]);
        assert_eq!(slash.last().unwrap(), "X-Forwarded-Prefix: /outer/p");
    }

    const REGULAR_APPENDING: Policy = Policy { prefix: Treatment::Append, ..REGULAR };

    #[test]
    fn an_origin_is_what_the_outermost_proxy_says() {
        let mut fields = Fields::default();
        assert_eq!(public_origin(&fields), (None, None));
        fields.push(b"X-Forwarded-Proto", b"HTTPS, http");
        fields.push(b"X-Forwarded-Host", b"public.example:8443, inner");
        assert_eq!(public_origin(&fields), (Some("https"), Some(&b"public.example:8443"[..])));
        let mut odd = Fields::default();
        odd.push(b"X-Forwarded-Proto", b"gopher");
        odd.push(b"X-Forwarded-Host", b"a/b");
        assert_eq!(public_origin(&odd), (None, None));
    }
}
