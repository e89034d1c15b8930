//! Signatures of requests: RFC 9421 with `hmac-sha256`.
//!
//! Owns which components are covered, the signature base and the two field
//! lines. Time, chance and the key come from the caller. What a client sent
//! under our label is removed first, and what is covered is made fit to be.

use super::dictionary;
use crate::message::{Fields, is_plain_text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::borrow::Cow;

/// Which signature is ours.
pub const LABEL: &str = "standin";

/// The parts of the request line and `Host` that are covered.
const DERIVED: [&str; 4] = ["@method", "@authority", "@path", "@query"];

/// A request as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The value of `Host`.
    pub host: &'a [u8],
    /// The port that goes without saying: 80, or 443 where TLS is spoken.
    pub default_port: u16,
    /// The request target, in two parts.
    pub target: [&'a [u8]; 2],
    /// The fields.
    pub fields: &'a Fields,
}

/// What is signed beside the message.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a> {
    /// When, in seconds since 1970.
    pub created: u64,
    /// Until when it may be believed, likewise.
    pub expires: u64,
    /// What no other signature has.
    pub nonce: &'a str,
    /// Which key.
    pub key_id: &'a str,
    /// What for.
    pub tag: &'a str,
}

/// The values of the two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `Signature-Input`
    pub input: String,
    /// `Signature`
    pub signature: String,
}

/// Signs the request line, `Host`, and those of the fields in `names` (lower
/// case) that it has. None if one of those cannot be signed, see [`settle`].
#[must_use]
pub fn sign(
    message: &Message<'_>,
    names: &[Box<str>],
    parameters: &Parameters<'_>,
    key: &hmac::Key,
) -> Option<Signature> {
    let present = names.iter().map(|name| &**name).filter(|name| message.fields.get(name).is_some());
    let components: Vec<&str> = DERIVED.into_iter().chain(present).collect();
    let Parameters { created, expires, nonce, key_id, tag } = parameters;
    let covered: Vec<String> = components.iter().map(|name| format!("\"{name}\"")).collect();
    let input = format!(
        "({});created={created};expires={expires};nonce=\"{nonce}\";keyid=\"{key_id}\";alg=\"hmac-sha256\";tag=\"{tag}\"",
        covered.join(" ")
    );
    let mac = hmac::sign(key, base(message, &components, &input)?.as_bytes());
    Some(Signature { input: format!("{LABEL}={input}"), signature: format!("{LABEL}=:{}:", STANDARD.encode(mac)) })
}

/// The signature base (RFC 9421 §2.5); none if a component is missing or is
/// not plain text.
fn base(message: &Message<'_>, components: &[&str], input: &str) -> Option<String> {
    let mut base = String::with_capacity(512);
    let target = message.target.concat();
    let (path, query) = target.split_at(memchr::memchr(b'?', &target).unwrap_or(target.len()));
    for name in components {
        let value: Cow<'_, [u8]> = match *name {
            "@method" => message.method.into(),
            "@authority" => authority(message).into(),
            "@path" => if path.is_empty() { b"/" } else { path }.into(),
            "@query" => if query.is_empty() { b"?" } else { query }.into(),
            name => joined(message.fields, name)?.into(),
        };
        let value = std::str::from_utf8(&value).ok().filter(|value| is_plain_text(value.as_bytes()))?;
        base.push_str(&format!("\"{name}\": {value}\n"));
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(input);
    Some(base)
}

/// `Host` as RFC 9421 §2.2.3 compares it: lower case, without the port that
/// goes without saying.
fn authority(message: &Message<'_>) -> Vec<u8> {
    let mut authority = message.host.to_ascii_lowercase();
    let bare = authority.strip_suffix(format!(":{}", message.default_port).as_bytes());
    if let Some(len) = bare.or_else(|| authority.strip_suffix(b":")).map(<[u8]>::len) {
        authority.truncate(len);
    }
    authority
}

/// The lines of a field as one value (RFC 9421 §2.1).
fn joined(fields: &Fields, name: &str) -> Option<Vec<u8>> {
    let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
    let values: Vec<&[u8]> = lines.map(|field| field.value.trim_ascii()).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

/// Makes fields fit to be covered: several lines become one, since servers
/// join them in more than one way, and a value that is no plain text goes, since
/// it cannot be signed and means nothing in fields like these.
pub fn settle(fields: &mut Fields, names: &[Box<str>]) {
    for name in names {
        let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        let (count, fits) =
            lines.fold((0, true), |(count, fits), field| (count + 1, fits && is_plain_text(field.value)));
        if count == 0 || (count == 1 && fits) {
            continue;
        }
        let whole = joined(fields, name).filter(|_| fits);
        let own = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()));
        let own = own.map(|field| field.name.to_vec()).unwrap_or_default();
        fields.retain(|field| !field.name.eq_ignore_ascii_case(name.as_bytes()));
        if let Some(whole) = whole {
            fields.push(&own, &whole);
        }
    }
}

/// Removes what a client signed under our label. Other signatures stay, unless
/// somebody could read ours out of them.
pub fn strip(fields: &mut Fields) {
    let is_ours =
        |name: &[u8]| ["signature", "signature-input"].iter().any(|own| super::identity::reads_like(name, own));
    if !fields.iter().any(|field| is_ours(field.name)) {
        return;
    }
    let rest = |name| match joined(fields, name) {
        Some(value) => dictionary::without(&value, LABEL),
        None => Some(Vec::new()),
    };
    let rest = rest("signature-input").zip(rest("signature"));
    fields.retain(|field| !is_ours(field.name));
    // One without the other would be of no use.
    if let Some((input, signature)) = rest.filter(|(input, signature)| !input.is_empty() && !signature.is_empty()) {
        fields.push(b"Signature-Input", &input);
        fields.push(b"Signature", &signature);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn lines(fields: &Fields) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn hmac_sha256(secret: &[u8], base: &str) -> String {
        STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), base.as_bytes()))
    }

    /// RFC 9421, B.2.5.
    #[test]
    fn the_published_vector_comes_out() {
        let fields = fields(&[("Date", "Tue, 20 Apr 2021 02:07:55 GMT"), ("Content-Type", "application/json")]);
        let target = [&b"/foo"[..], b"?param=Value&Pet=dog"];
        let message = Message { method: b"POST", host: b"example.com", default_port: 443, target, fields: &fields };
        let input = "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"";
        let base = base(&message, &["date", "@authority", "content-type"], input).unwrap();
        let secret = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
        assert_eq!(
            hmac_sha256(&STANDARD.decode(secret).unwrap(), &base),
            "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="
        );
    }

    #[test]
    fn the_vector_of_the_profile_comes_out() {
        let names = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-remote-user"];
        let names: Vec<Box<str>> = names.map(Into::into).into();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef0123456789abcdef");
        let parameters = Parameters {
            created: 1_700_000_000,
            expires: 1_700_000_030,
            nonce: "n-0001",
            key_id: "k1",
            tag: "reverse-proxy",
        };
        for (user, expected) in [
            ("bob", "Guqw4NkroXDIuHUrjockaybp2RJES7sMjgBU6w1R3Wg="),
            ("alice", "mW3IYlaG5ESRMyDunYPi6T93jc42aYhlg599T3Xvwj4="),
        ] {
            let fields = fields(&[
                ("X-Remote-User", user),
                ("X-Forwarded-Prefix", "/p"),
                ("X-Forwarded-For", "10.9.8.7"),
                ("X-Forwarded-Host", "public.example"),
                ("X-Forwarded-Proto", "https"),
            ]);
            let target = [&b"/exist/rest/"[..], b"orgs/a%20b"];
            let message =
                Message { method: b"GET", host: b"Backend.internal:8680", default_port: 80, target, fields: &fields };
            let signed = sign(&message, &names, &parameters, &key).unwrap();
            assert_eq!(signed.signature, format!("standin=:{expected}:"));
        }
    }

    #[test]
    fn the_authority_has_no_port_that_goes_without_saying() {
        let empty = Fields::default();
        for (host, default_port, expected) in [
            ("EXAMPLE.org:80", 80, "example.org"),
            ("example.org:443", 80, "example.org:443"),
            ("example.org:443", 443, "example.org"),
            ("example.org:", 80, "example.org"),
            ("[::1]:8080", 80, "[::1]:8080"),
            ("[::1]", 80, "[::1]"),
            ("", 80, ""),
        ] {
            let message =
                Message { method: b"GET", host: host.as_bytes(), default_port, target: [b"/", b""], fields: &empty };
            assert_eq!(authority(&message), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn an_empty_path_and_query_are_a_slash_and_a_question_mark() {
        let fields = fields(&[("X-User", "")]);
        let message = Message { method: b"X-m", host: b"h", default_port: 80, target: [b"", b"?"], fields: &fields };
        let base = base(&message, &["@method", "@path", "@query", "x-user"], "()").unwrap();
        assert_eq!(base, "\"@method\": X-m\n\"@path\": /\n\"@query\": ?\n\"x-user\": \n\"@signature-params\": ()");
    }

    #[test]
    fn what_is_covered_is_one_line_of_plain_text() {
        let names = ["x-forwarded-for".into(), "x-forwarded-host".into(), "x-user".into()];
        let mut settled = fields(&[("X-Forwarded-For", "1"), ("A", "b"), ("x-forwarded-for", "2"), ("X-User", "u")]);
        settled.push(b"X-Forwarded-Host", b"caf\xe9");
        settle(&mut settled, &names);
        let expected = [("A", "b"), ("X-User", "u"), ("X-Forwarded-For", "1, 2")];
        assert_eq!(lines(&settled), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_client_signs_nothing_under_our_label() {
        let kept = |lines_given: &[(&str, &str)]| {
            let mut fields = fields(lines_given);
            strip(&mut fields);
            lines(&fields).into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(kept(&[("Signature-Input", "standin=()"), ("Signature", "standin=:AA==:")]), none);
        assert_eq!(
            kept(&[
                ("signature-input", "a=(\"x,y\");tag=\"q\""),
                ("Signature-Input", "standin=(), b=()"),
                ("SIGNATURE", "a=:AA==:,standin=:AA==:,b=:BB==:"),
                ("Signature_Input", "standin=()"),
            ]),
            ["a=(\"x,y\");tag=\"q\", b=()", "a=:AA==:, b=:BB==:"]
        );
        // Not understood, or understood in two ways.
        assert_eq!(kept(&[("Signature-Input", "a=(\"x"), ("Signature", "a=:AA==:")]), none);
        assert_eq!(kept(&[("Signature-Input", "a=();n=\", standin=()\""), ("Signature", "a=:AA==:")]), none);
        assert_eq!(kept(&[("Signature", "a=:AA==:"), ("B", "c")]), ["c"]);
    }
}
