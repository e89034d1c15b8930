//! What of a target or an address in a field is nobody's business.
//!
//! Owns which parameters carry secrets and where they may stand: in the query,
//! a fragment or behind a `;` in the path, plain or percent-encoded, also in an
//! address inside another one; and user names before an `@`. What it cannot
//! know is a secret without a name, such as one that is a path segment.

use memchr::memmem;
use std::borrow::Cow;
use std::ops::Range;

/// What is a secret, and what stands in its place.
#[derive(Debug, Clone, Copy)]
struct Rule {
    /// Rather too much than too little: see [`may_name_secret`].
    is_strict: bool,
    mask: &'static str,
}

/// Of the log, whose lines are read for years: what is no secret stays.
const USUAL: Rule = Rule { is_strict: false, mask: "***" };

/// Of what is told live to somebody else: rather too much than too little.
const STRICT: Rule = Rule { is_strict: true, mask: "…" };

/// Parts of names that may be those of a secret, wherever in them they stand.
const STRICT_PARTS: &[&str] = &[
    "assertion",
    "bearer",
    "cookie",
    "credential",
    "csrf",
    "hmac",
    "jwt",
    "key",
    "otp",
    "passphrase",
    "passcode",
    "passwd",
    "password",
    "saml",
    "secret",
    "session",
    "signature",
    "token",
    "xsrf",
];

/// Words of such names that are too short to be looked for inside of others.
const STRICT_WORDS: &[&str] = &["dpop", "nonce", "pass", "pin", "pwd", "sas", "sid", "sig", "ticket"];

/// Names of parameters that carry secrets, as letters and digits only.
const SECRET: &[&str] = &[
    "assertion",
    "authkey",
    "auth",
    "authorization",
    "bearer",
    "code",
    "codeverifier",
    "devicecode",
    "hmac",
    "jwt",
    "key",
    "nonce",
    "otp",
    "pass",
    "passcode",
    "phpsessid",
    "pwd",
    "samlrequest",
    "samlresponse",
    "sas",
    "session",
    "sid",
    "sig",
    "ticket",
    "usercode",
];

/// Names that end like this do too: `access_token`, `client_secret`, `X-Amz-Signature`.
const SECRET_ENDS: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "sessionid",
    "signature",
    "subscriptionkey",
    "token",
    "verifier",
];

/// The address with `***` in the place of every secret.
#[must_use]
pub fn redact(address: &[u8]) -> Cow<'_, [u8]> {
    redact_by(address, USUAL)
}

/// The address with `…` in the place of everything that may be a secret: also
/// what has a name like `my_keys` or `tokenized`.
#[must_use]
pub fn redact_strictly(address: &[u8]) -> Cow<'_, [u8]> {
    redact_by(address, STRICT)
}

/// True for a name, of a parameter or a field, whose value may be a secret, in
/// whatever letters: `X-Forwarded-Authorization`, `my_keys`, `user-pin`.
#[must_use]
pub fn may_name_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|byte| !byte.is_ascii_alphanumeric());
    STRICT_PARTS.iter().any(|part| memmem::find(&name, part.as_bytes()).is_some())
        || memmem::find_iter(&name, b"auth").any(|at| is_of_authentication(&name[at..]))
        || words.any(|word| STRICT_WORDS.iter().any(|secret| secret.as_bytes() == word))
}

/// False for authors and authorities.
fn is_of_authentication(word: &[u8]) -> bool {
    !word.starts_with(b"author") || word.starts_with(b"authoriz") || word.starts_with(b"authoris")
}

fn redact_by(address: &[u8], rule: Rule) -> Cow<'_, [u8]> {
    // Without one of these there is neither a parameter nor a user name.
    if !address.iter().any(|byte| matches!(byte, b'=' | b'@' | b'%')) {
        return Cow::Borrowed(address);
    }
    let secrets = Scan::new(address, rule.is_strict).secrets();
    let mut left = Vec::with_capacity(address.len());
    let mut kept = 0;
    for secret in secrets {
        left.extend_from_slice(&address[kept..secret.start]);
        left.extend_from_slice(rule.mask.as_bytes());
        kept = secret.end;
    }
    left.extend_from_slice(&address[kept..]);
    Cow::Owned(left)
}

/// One byte of an address, decoded.
#[derive(Debug, Clone, Copy)]
struct Unit {
    byte: u8,
    /// How many times it was percent-encoded.
    depth: u8,
    /// Where its text begins.
    start: usize,
}

impl Unit {
    fn is_slash(&self) -> bool {
        // Browsers take the one for the other.
        matches!(self.byte, b'/' | b'\\')
    }
}

/// The first byte of a text decoded as often as it was encoded, how often that
/// was, and how long its text is.
fn decode(text: &[u8]) -> (u8, u8, usize) {
    if text[0] != b'%' {
        return (text[0], 0, 1);
    }
    let (mut depth, mut len) = (1_u8, 1);
    while depth < u8::MAX && text[len..].starts_with(b"25") {
        depth += 1;
        len += 2;
    }
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    match (digit(len), digit(len + 1)) {
        (Some(high), Some(low)) => (u8::try_from(high << 4 | low).unwrap_or(b'%'), depth, len + 2),
        // A percent sign: a bare one, or that of the last `%25`.
        _ => (b'%', depth - 1, len),
    }
}

/// Which part of the address a byte is in. Only bytes that are not encoded
/// begin another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Query,
    Fragment,
}

/// An address, decoded as often as it was encoded.
struct Scan {
    units: Vec<Unit>,
    len: usize,
    /// See [`Rule::is_strict`].
    is_strict: bool,
}

impl Scan {
    fn new(address: &[u8], is_strict: bool) -> Self {
        let mut units = Vec::with_capacity(address.len());
        let mut start = 0;
        while start < address.len() {
            let (byte, depth, len) = decode(&address[start..]);
            units.push(Unit { byte, depth, start });
            start += len;
        }
        Self { units, len: address.len(), is_strict }
    }

    /// Where the secrets are, in order.
    fn secrets(&self) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut part = Part::Path;
        let mut at = 0;
        if !self.units.first().is_some_and(Unit::is_slash) {
            // An authority alone, as after CONNECT, or an address without its scheme.
            at = self.skip_user(0, 0, part, &mut found);
        }
        let mut name_start = at;
        while let Some(&unit) = self.units.get(at) {
            match (unit.byte, unit.depth, part) {
                (b'?', 0, Part::Path) => part = Part::Query,
                (b'#', 0, _) => part = Part::Fragment,
                _ => {}
            }
            let mut next = at + 1;
            match unit.byte {
                b'=' if is_secret(&self.units[name_start..at], self.is_strict) => {
                    next = self.value_end(next, part);
                    found.push(self.text(at + 1..next));
                    name_start = next;
                }
                b'/' | b'\\' if self.begins_authority(at) => {
                    let slashes = self.units[next..].iter().take_while(|unit| unit.is_slash()).count();
                    next = self.skip_user(next + slashes, unit.depth, part, &mut found);
                    name_start = next;
                }
                b'=' | b'?' | b'&' | b';' | b'#' | b'/' | b'\\' | b',' => name_start = next,
                _ => {}
            }
            at = next;
        }
        found
    }

    /// Where the text of some units is.
    fn text(&self, units: Range<usize>) -> Range<usize> {
        let start = |at: usize| self.units.get(at).map_or(self.len, |unit| unit.start);
        start(units.start)..start(units.end)
    }

    /// True for a slash behind a colon, and for the second of two that come first.
    fn begins_authority(&self, at: usize) -> bool {
        at > 0 && (self.units[at - 1].byte == b':' || at == 1 && self.units[0].is_slash())
    }

    /// Notes the user name of the authority that begins there, and tells where
    /// to go on: at its `@`, or where it begins if it names nobody.
    fn skip_user(&self, start: usize, depth: u8, part: Part, found: &mut Vec<Range<usize>>) -> usize {
        let ends = |unit: &Unit| match unit.byte {
            // What is encoded more often than the address is a part of it.
            b'/' | b'?' | b'#' => unit.depth <= depth,
            // It ends no later than the parameter that it stands in.
            b'&' => unit.depth == 0 && part != Part::Path,
            _ => false,
        };
        let rest = &self.units[start..];
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        let Some(user) = rest[..len].iter().rposition(|unit| unit.byte == b'@') else {
            return start;
        };
        found.push(self.text(start..start + user));
        start + user
    }

    /// Where the value that begins there ends: rather too late than too early.
    fn value_end(&self, start: usize, part: Part) -> usize {
        let ends: &[u8] = match part {
            Part::Path => b"/;?#",
            Part::Query => b"&#",
            Part::Fragment => b"&",
        };
        let rest = &self.units[start..];
        start + rest.iter().position(|unit| unit.depth == 0 && ends.contains(&unit.byte)).unwrap_or(rest.len())
    }
}

/// True if one of the words of a name, as in `user[password]`, says secret.
fn is_secret(name: &[Unit], is_strict: bool) -> bool {
    name.split(|unit| matches!(unit.byte, b'[' | b']' | b'.' | b':')).any(|word| {
        let bytes = word.iter().map(|unit| unit.byte);
        let plain: String =
            bytes.filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
        SECRET.contains(&plain.as_str())
            || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
            || is_strict && may_name_secret(plain.as_bytes())
    }) || is_strict && may_name_secret(&name.iter().map(|unit| unit.byte).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redacted(address: &str) -> String {
        String::from_utf8(redact(address.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn values_of_secret_parameters_are_masked() {
        for (address, left) in [
            ("/x?token=abc", "/x?token=***"),
            ("/x?a=1&access_token=a/b+c==&b=2", "/x?a=1&access_token=***&b=2"),
            ("/x?Client-Secret=a;b?c&b=2", "/x?Client-Secret=***&b=2"),
            (
                "/x?X-Amz-Signature=a&X-Amz-Credential=b&X-Amz-Date=c",
                "/x?X-Amz-Signature=***&X-Amz-Credential=***&X-Amz-Date=c",
            ),
            ("/x?user[password]=a&user%5Bpwd%5D=b&f.key=c", "/x?user[password]=***&user%5Bpwd%5D=***&f.key=***"),
            ("/x?%74oken=a&a;code=b", "/x?%74oken=***&a;code=***"),
            ("/x?+api_key=a&%20apiKEY=b&API-KEY=c", "/x?+api_key=***&%20apiKEY=***&API-KEY=***"),
            ("https://h/cb#access_token=a&state=b", "https://h/cb#access_token=***&state=b"),
            ("/x?token=a#b=c", "/x?token=***#b=c"),
            ("/a;jsessionid=1/b;v=2?c=d", "/a;jsessionid=***/b;v=2?c=d"),
            ("/x?sig=", "/x?sig=***"),
            ("token=a", "token=***"),
        ] {
            assert_eq!(redacted(address), left, "{address}");
        }
    }

    #[test]
    fn secrets_of_an_address_inside_another_are_masked() {
        for (address, left) in [
            ("/in?next=/x?token=a&b=c", "/in?next=/x?token=***&b=c"),
            ("/in?next=%2Fx%3Ftoken%3Da%26d%3De&b=c", "/in?next=%2Fx%3Ftoken%3D***&b=c"),
            ("/in?next=%252Fx%253Fcode%253Da&b=c", "/in?next=%252Fx%253Fcode%253D***&b=c"),
            ("/in?next=http://u:p@h/&b=c@d", "/in?next=http://***@h/&b=c@d"),
            ("/in?next=http%3A%2F%2Fu%3Ap%252Fq%40h%2Fx%40y", "/in?next=http%3A%2F%2F***%40h%2Fx%40y"),
            ("/in?next=http://h&mail=a@b", "/in?next=http://h&mail=a@b"),
        ] {
            assert_eq!(redacted(address), left, "{address}");
        }
    }

    #[test]
    fn user_names_are_masked() {
        for (address, left) in [
            ("http://u:p@h/x", "http://***@h/x"),
            ("http://u:p@q@h:80?a@b", "http://***@h:80?a@b"),
            ("HTTPS://u&v=1@h", "HTTPS://***@h"),
            ("//u:p@h/x", "//***@h/x"),
            ("http:/u:p@h/x", "http:/***@h/x"),
            ("http:\\\\u:p@h/x", "***@h/x"),
            ("http:///u:p@h/x?token=a", "http:///***@h/x?token=***"),
            ("u:p@h:443", "***@h:443"),
        ] {
            assert_eq!(redacted(address), left, "{address}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for address in [
            "",
            "*",
            "/",
            "/@scope/package",
            "/x?tokens_per_page=5&keyword=a&author=b&zipcode=c&monkey=d&design=e",
            "/x?mail=a@b.example",
            "/x?time=10:00",
            "/100%?a=%zz%2",
            "https://h:80/x?a=b#c",
            "=",
        ] {
            assert_eq!(redacted(address), address);
        }
    }

    #[test]
    fn what_may_name_a_secret_is_told_from_what_does_not() {
        for name in [
            "Authorization",
            "X-Authorization",
            "X-Forwarded-Authorization",
            "X-Original-Authorisation",
            "X-Auth",
            "X-Auth-User",
            "XAUTH",
            "auth_code",
            "oauth-verifier",
            "WWW-Authenticate",
            "X-Author-Auth",
            "X-Hub-Signature-256",
            "Signature-Input",
            "X-CSRF",
            "x_xsrf",
            "X-OTP",
            "userotp",
            "Set-Cookie2",
            "X-Session-Id",
            "user-pin",
            "pass",
            "DPoP",
            "X-Sid",
            "my_keys",
            "tokenized",
        ] {
            assert!(may_name_secret(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "Author",
            "X-Author-Name",
            "author_id",
            "X-Authority",
            "Accept",
            "X-Shipping",
            "ping",
            "X-Passenger",
            "X-Significant",
            "Content-Type",
            "ETag",
            "status_code",
        ] {
            assert!(!may_name_secret(name.as_bytes()), "{name}");
        }
        let strictly = |address: &str| String::from_utf8(redact_strictly(address.as_bytes()).into_owned()).unwrap();
        assert_eq!(
            strictly("/x?user-pin=1&x.authz=2&author=b&csrfmiddleware=3"),
            "/x?user-pin=…&x.authz=…&author=b&csrfmiddleware=…"
        );
    }

    proptest! {
        #[test]
        fn a_secret_never_comes_out(
            before in "[a-z/;?&=#@:%2F]{0,12}",
            name in prop::sample::select(vec!["token", "X-Amz-Signature", "%6aWT", "client_secret", "a[Password]"]),
            lead in prop::sample::select(vec!["?", "&", ";", "%3F", "%26", "%253f"]),
            equals in prop::sample::select(vec!["=", "%3d", "%253D"]),
            // No other part has a Q.
            secret in "Q[QZ!$+,.~;?/-]{1,8}",
            after in "[a-z/;?&=#@:]{0,12}",
        ) {
            let address = format!("{before}/x?a=b{lead}{name}{equals}{secret}{after}");
            let left = redacted(&address);
            prop_assert!(!left.contains('Q'), "{address} left {left}");
        }

        #[test]
        fn any_bytes_can_be_redacted_and_nothing_is_left_over_twice(address in prop::collection::vec(any::<u8>(), 0..200)) {
            let once = redact(&address).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once);
        }

        #[test]
        fn hostile_addresses_are_redacted_once(address in "[?&;=#@:/%25aktoken]{0,60}") {
            let once = redacted(&address);
            prop_assert_eq!(redacted(&once), once);
        }
    }
}
