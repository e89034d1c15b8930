//! `Path` and `Domain` of cookies (RFC 6265 §4.1.2): from the upstream's space
//! to the one that the client sees.
//!
//! Owns the two attributes. The rest of a `Set-Cookie` stays byte for byte, and
//! so does a path outside the base or a domain that is not the upstream's host.

use super::location::Mapping;
use crate::message::{Authority, Fields};

/// Rewrites every `Set-Cookie` of a reply.
pub fn rewrite(fields: &mut Fields, mapping: &Mapping) {
    fields.edit_values(|field| {
        if field.name.eq_ignore_ascii_case(b"set-cookie") { rewritten(field.value, mapping) } else { None }
    });
}

fn rewritten(cookie: &[u8], mapping: &Mapping) -> Option<Vec<u8>> {
    // The first part is the cookie itself, whatever its name is.
    let mut parts = cookie.split(|byte| *byte == b';');
    let pair = parts.next()?;
    let mut written = pair.to_vec();
    for part in parts {
        match attribute(part) {
            Some((b"path", value)) if !is_bound_to_host(pair) => {
                push(&mut written, part, value, public_path(value, mapping));
            }
            Some((b"domain", value)) if is_upstream(value, mapping) => match public_domain(mapping) {
                Some(domain) => push(&mut written, part, value, Some(domain)),
                // Then the cookie belongs to the host that set it, which for
                // the client is the public one.
                None => continue,
            },
            _ => push(&mut written, part, b"", None),
        }
    }
    (written != cookie).then_some(written)
}

/// Adds a part, with another value in the place of that one.
fn push(written: &mut Vec<u8>, part: &[u8], value: &[u8], replacement: Option<Vec<u8>>) {
    written.push(b';');
    let Some(replacement) = replacement else { return written.extend_from_slice(part) };
    let end = part.trim_ascii_end().len();
    written.extend_from_slice(&part[..end - value.len()]);
    written.extend_from_slice(&replacement);
    written.extend_from_slice(&part[end..]);
}

/// One of the two attributes and its value, trimmed.
fn attribute(part: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let at = memchr::memchr(b'=', part)?;
    let name = part[..at].trim_ascii();
    let known = [&b"path"[..], b"domain"].into_iter().find(|known| name.eq_ignore_ascii_case(known))?;
    Some((known, part[at + 1..].trim_ascii()))
}

/// Browsers take a `__Host-` cookie with `Path=/` only.
fn is_bound_to_host(pair: &[u8]) -> bool {
    pair.trim_ascii_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"__Host-"))
}

fn public_path(path: &[u8], mapping: &Mapping) -> Option<Vec<u8>> {
    if !path.starts_with(b"/") {
        return None;
    }
    let mut public = mapping.public_path(path)?;
    // The mount answers for its prefix itself too, for which a cookie with a
    // slash behind would not be sent.
    if public.len() > 1 && public.strip_suffix(b"/") == Some(&mapping.public().prefix) {
        public.pop();
    }
    // A prefix with a semicolon cannot be written here.
    (!public.contains(&b';')).then_some(public)
}

fn is_upstream(domain: &[u8], mapping: &Mapping) -> bool {
    let host = domain.strip_prefix(b".").unwrap_or(domain);
    Authority::parse(host)
        .is_some_and(|authority| authority.port.is_none() && mapping.is_upstream_host(&authority.normal_host()))
}

/// The public host, where browsers take it for a domain: not an address, and
/// not a single label.
fn public_domain(mapping: &Mapping) -> Option<Vec<u8>> {
    let public = mapping.public_authority()?;
    let host = public.canonical_host();
    (public.ip().is_none() && host.contains('.')).then(|| host.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::location::{Public, Upstream};
    use super::*;
    use std::sync::Arc;

    fn mapping(base: &str, public: &str, prefix: &str) -> Mapping {
        let names = Authority::parse(b"backend.example.com:8080");
        Mapping::new(
            Arc::new(Upstream::new("http", names, base.as_bytes())),
            Arc::new(Public {
                scheme: "http",
                authority: Some(public.as_bytes().into()),
                prefix: prefix.as_bytes().into(),
            }),
            None,
        )
    }

    fn through(cookie: &str, mapping: &Mapping) -> String {
        let written = rewritten(cookie.as_bytes(), mapping).unwrap_or_else(|| cookie.as_bytes().to_vec());
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_path_is_replaced_by_its_prefix_and_keeps_the_rest() {
        for (base, prefix, path, expected) in [
            // As httpd.
            ("/", "/mirror/foo", "/", "/mirror/foo"),
            // Better: httpd replaces the whole value and loses the rest.
            ("/", "/mirror/foo", "/example", "/mirror/foo/example"),
            ("/base/", "/p", "/base/x/", "/p/x/"),
            ("/base/", "/p", "/base/", "/p"),
            ("/base/", "/p", "/base", "/p"),
            ("/base/", "", "/base", "/"),
            ("/base/", "", "/base/", "/"),
            ("/base/", "", "/base/x", "/x"),
            // Better: httpd compares without a boundary.
            ("/base/", "/p", "/based", "/based"),
            // Outside the base.
            ("/base/", "/p", "/", "/"),
            ("/base/", "/p", "/other/base", "/other/base"),
            ("/base/", "/p", "base/x", "base/x"),
            ("/base/", "/p", "", ""),
            ("/base/", "/p", "\"/base/\"", "\"/base/\""),
            ("/base/", "/p;v=1", "/base/", "/base/"),
        ] {
            let mapping = mapping(base, "public.example", prefix);
            assert_eq!(
                through(&format!("a=b; Path={path}"), &mapping),
                format!("a=b; Path={expected}"),
                "{base} {prefix}"
            );
        }
    }

    #[test]
    fn only_attributes_are_read_and_all_else_stays_byte_for_byte() {
        let mapping = mapping("/", "public.example", "/p");
        for (cookie, expected) in [
            ("a=b;PATH=/x;HttpOnly", "a=b;PATH=/p/x;HttpOnly"),
            ("a=b ;  path = /x  ; Secure; Max-Age=5 ", "a=b ;  path = /p/x  ; Secure; Max-Age=5 "),
            // Better: httpd takes a cookie of that name for an attribute.
            ("path=/x; Path=/x", "path=/x; Path=/p/x"),
            ("domain=backend.example.com", "domain=backend.example.com"),
            // Quotes mean nothing to who splits a cookie (RFC 6265 §5.2).
            ("a=\"; path=/x\"", "a=\"; path=/p/x\""),
            ("a=b; Path", "a=b; Path"),
            ("a=b; path=/x; path=/y", "a=b; path=/p/x; path=/p/y"),
            ("a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT;", "a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT;"),
            ("__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"),
            ("", ""),
            (";;=", ";;="),
        ] {
            assert_eq!(through(cookie, &mapping), expected, "{cookie}");
        }
    }

    #[test]
    fn the_upstreams_domain_becomes_the_public_one_or_goes() {
        for (domain, public, expected) in [
            ("backend.example.com", "public.example:8443", "a=b; Domain=public.example; Secure"),
            ("BACKEND.example.com", "public.example", "a=b; Domain=public.example; Secure"),
            // Better: a leading dot means nothing, and httpd compares it.
            (".backend.example.com", "public.example", "a=b; Domain=public.example; Secure"),
            // Browsers take neither of these as a domain.
            ("backend.example.com", "127.0.0.1:8080", "a=b; Secure"),
            ("backend.example.com", "[::1]:8080", "a=b; Secure"),
            ("backend.example.com", "localhost", "a=b; Secure"),
            // Not the upstream's host.
            ("example.com", "public.example", "a=b; Domain=example.com; Secure"),
            ("backend.example.com.evil", "public.example", "a=b; Domain=backend.example.com.evil; Secure"),
            ("x.backend.example.com", "public.example", "a=b; Domain=x.backend.example.com; Secure"),
            ("backend.example.com:8080", "public.example", "a=b; Domain=backend.example.com:8080; Secure"),
        ] {
            let mapping = mapping("/", public, "");
            assert_eq!(through(&format!("a=b; Domain={domain}; Secure"), &mapping), expected, "{domain} {public}");
        }
    }

    #[test]
    fn several_cookies_stay_apart() {
        let mut fields = Fields::default();
        for value in ["a=1; Path=/", "b=2; Path=/x", "c=3"] {
            fields.push(b"sET-cookie", value.as_bytes());
        }
        rewrite(&mut fields, &mapping("/", "public.example", "/p"));
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(
            lines,
            [(&b"sET-cookie"[..], &b"a=1; Path=/p"[..]), (b"sET-cookie", b"b=2; Path=/p/x"), (b"sET-cookie", b"c=3"),]
        );
    }
}
