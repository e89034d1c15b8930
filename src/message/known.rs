//! The field names that rules of the proxy ask for, and sets of them.
//!
//! Owns which name is which, in any case, and which only looks like one.

/// Field names that some rule of the proxy asks for. Told once, when a field
/// is parsed or added, so that no rule compares strings on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Known {
    /// Any other name.
    Other,
    /// A name that becomes one of the names below when `_` is read as `-`, as
    /// CGI-like servers do. It must never reach them.
    Lookalike,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded`
    Forwarded,
    /// `Host`
    Host,
    /// `HTTP2-Settings`
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Max-Forwards`
    MaxForwards,
    /// `Proxy`, which CGI turns into `HTTP_PROXY`
    Proxy,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `TE`
    Te,
    /// `Traceparent`
    Traceparent,
    /// `Tracestate`
    Tracestate,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `Via`
    Via,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Prefix`
    XForwardedPrefix,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// Any other name that begins with `X-Forwarded-`
    XForwardedOther,
    /// `X-Real-IP`
    XRealIp,
}

/// What the names of a family begin with.
const FAMILY: &[u8] = b"X-Forwarded-";

impl Known {
    /// Which known name this is, in any case. It has no control characters.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let Some(first) = name.first().map(u8::to_ascii_lowercase) else { return Self::Other };
        // Length and first byte leave one name that it can be, or none.
        let known = match (name.len(), first) {
            (2, b't') => Self::Te,
            (3, b'v') => Self::Via,
            (4, b'h') => Self::Host,
            (4, b'd') => Self::Date,
            (5, b'p') => Self::Proxy,
            (6, b'e') => Self::Expect,
            (7, b'u') => Self::Upgrade,
            (7, b't') => Self::Trailer,
            (9, b'f') => Self::Forwarded,
            (9, b'x') => Self::XRealIp,
            (10, b'c') => Self::Connection,
            (10, b'k') => Self::KeepAlive,
            (10, b't') => Self::Tracestate,
            (11, b't') => Self::Traceparent,
            (12, b'm') => Self::MaxForwards,
            (14, b'c') => Self::ContentLength,
            (14, b'h') => Self::Http2Settings,
            (15, b'x') => Self::XForwardedFor,
            (16, b'x') if matches!(name[FAMILY.len()], b'h' | b'H') => Self::XForwardedHost,
            (16, b'x') => Self::XForwardedPort,
            (16, b'p') => Self::ProxyConnection,
            (17, b't') => Self::TransferEncoding,
            (17, b'x') => Self::XForwardedProto,
            (18, b'p') => Self::ProxyAuthenticate,
            (18, b'x') => Self::XForwardedPrefix,
            (19, b'p') => Self::ProxyAuthorization,
            (_, b'x') => return Self::of_family(name),
            _ => return Self::Other,
        };
        if is_same(name, known.name()) {
            known
        } else if is_lookalike(name, known.name()) {
            Self::Lookalike
        } else {
            Self::of_family(name)
        }
    }

    fn of_family(name: &[u8]) -> Self {
        match name.get(..FAMILY.len()) {
            Some(start) if is_same(start, FAMILY) => Self::XForwardedOther,
            Some(start) if is_lookalike(start, FAMILY) => Self::Lookalike,
            _ => Self::Other,
        }
    }

    /// How it is written by most; empty where it stands for several names.
    #[must_use]
    pub const fn name(self) -> &'static [u8] {
        match self {
            Self::Other | Self::Lookalike | Self::XForwardedOther => b"",
            Self::Connection => b"Connection",
            Self::ContentLength => b"Content-Length",
            Self::Date => b"Date",
            Self::Expect => b"Expect",
            Self::Forwarded => b"Forwarded",
            Self::Host => b"Host",
            Self::Http2Settings => b"HTTP2-Settings",
            Self::KeepAlive => b"Keep-Alive",
            Self::MaxForwards => b"Max-Forwards",
            Self::Proxy => b"Proxy",
            Self::ProxyAuthenticate => b"Proxy-Authenticate",
            Self::ProxyAuthorization => b"Proxy-Authorization",
            Self::ProxyConnection => b"Proxy-Connection",
            Self::Te => b"TE",
            Self::Traceparent => b"Traceparent",
            Self::Tracestate => b"Tracestate",
            Self::Trailer => b"Trailer",
            Self::TransferEncoding => b"Transfer-Encoding",
            Self::Upgrade => b"Upgrade",
            Self::Via => b"Via",
            Self::XForwardedFor => b"X-Forwarded-For",
            Self::XForwardedHost => b"X-Forwarded-Host",
            Self::XForwardedPort => b"X-Forwarded-Port",
            Self::XForwardedPrefix => b"X-Forwarded-Prefix",
            Self::XForwardedProto => b"X-Forwarded-Proto",
            Self::XRealIp => b"X-Real-IP",
        }
    }
}

/// What tells a letter from the same in the other case. No other two bytes of
/// names differ in that bit alone: `-` and digits have control characters for
/// partners.
const CASE: u8 = 0x20;

/// True for the same name in any case; `known` has letters, digits and `-` only.
fn is_same(name: &[u8], known: &[u8]) -> bool {
    let (name_words, name_rest) = name.as_chunks::<8>();
    let (known_words, known_rest) = known.as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes) | u64::from_ne_bytes([CASE; 8]);
    name.len() == known.len()
        && name_words.iter().zip(known_words).all(|(one, other)| word(one) == word(other))
        && name_rest.iter().zip(known_rest).all(|(one, other)| one | CASE == other | CASE)
}

/// True for the same name once `_` is read as `-`.
fn is_lookalike(name: &[u8], known: &[u8]) -> bool {
    let dashed = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    name.len() == known.len() && name.iter().zip(known).all(|(one, other)| dashed(*one) == other.to_ascii_lowercase())
}

/// A set of known names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names(u64);

impl Names {
    /// These names.
    #[must_use]
    pub const fn of(names: &[Known]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < names.len() {
            bits |= Self::bit(names[at]);
            at += 1;
        }
        Self(bits)
    }

    /// There are fewer than 64 of them.
    const fn bit(known: Known) -> u64 {
        1 << known as u8
    }

    /// Puts a name into the set.
    pub fn insert(&mut self, known: Known) {
        self.0 |= Self::bit(known);
    }

    /// The names of both sets, where `is_so`; else those of this one.
    #[must_use]
    pub const fn and(self, others: Self, is_so: bool) -> Self {
        if is_so { Self(self.0 | others.0) } else { self }
    }

    /// True where the name is in the set.
    #[must_use]
    pub const fn contains(self, known: Known) -> bool {
        self.0 & Self::bit(known) != 0
    }

    /// True where the sets have a name in common.
    #[must_use]
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_name_is_found_and_so_is_what_looks_like_it() {
        let names = [
            "Connection",
            "Content-Length",
            "Date",
            "Expect",
            "Forwarded",
            "Host",
            "HTTP2-Settings",
            "Keep-Alive",
            "Max-Forwards",
            "Proxy",
            "Proxy-Authenticate",
            "Proxy-Authorization",
            "Proxy-Connection",
            "TE",
            "Traceparent",
            "Tracestate",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Port",
            "X-Forwarded-Prefix",
            "X-Forwarded-Proto",
            "X-Real-IP",
        ];
        for name in names {
            let known = Known::of(name.as_bytes());
            assert_eq!(known.name(), name.as_bytes());
            assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), known, "{name}");
            assert_eq!(Known::of(name.to_ascii_lowercase().as_bytes()), known, "{name}");
            if name.contains('-') {
                assert_eq!(Known::of(name.replace('-', "_").as_bytes()), Known::Lookalike, "{name}");
            }
            // Each byte counts.
            for at in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[at] = b'~';
                assert!(matches!(Known::of(&other), Known::Other | Known::XForwardedOther), "{name} {at}");
            }
        }
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let set = Names::of(&[Known::Via, Known::Te]).and(Names::of(&[Known::Host]), false);
        assert!(set.contains(Known::Via) && set.contains(Known::Te) && !set.contains(Known::Host));
        assert!(set.and(Names::of(&[Known::Host]), true).contains(Known::Host));
        assert!(set.meets(Names::of(&[Known::Host, Known::Te])) && !set.meets(Names::of(&[Known::Host])));
    }

    #[test]
    fn known_names_are_found_in_any_case() {
        assert_eq!(Known::of(b"hOsT"), Known::Host);
        assert_eq!(Known::of(b"Transfer-Encoding"), Known::TransferEncoding);
        assert_eq!(Known::of(b"X-Forwarded-Prefix"), Known::XForwardedPrefix);
        assert_eq!(Known::of(b"x-forwarded-scheme-and-more"), Known::XForwardedOther);
        assert_eq!(Known::of(b"X-Real-IP"), Known::XRealIp);
        assert_eq!(Known::of(b"X-Custom"), Known::Other);
        assert_eq!(Known::of(b"proxy-authorization-x"), Known::Other);
    }

    #[test]
    fn underscore_names_that_read_like_known_ones_are_lookalikes() {
        assert_eq!(Known::of(b"Content_Length"), Known::Lookalike);
        assert_eq!(Known::of(b"transfer_encoding"), Known::Lookalike);
        assert_eq!(Known::of(b"x_forwarded_for"), Known::Lookalike);
        assert_eq!(Known::of(b"X-Forwarded_Server"), Known::Lookalike);
        assert_eq!(Known::of(b"X_Forwarded_Something_Much_Longer"), Known::Lookalike);
        assert_eq!(Known::of(b"x_real_ip"), Known::Lookalike);
        assert_eq!(Known::of(b"proxy_authorization_x"), Known::Other);
        assert_eq!(Known::of(b"x_custom"), Known::Other);
    }
}
