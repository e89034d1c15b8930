//! Which fields hold URLs, and where in them.
//!
//! Owns the syntax of `Location`, `Content-Location`, `URI`, `Destination`,
//! `Refresh` and `Link`. Only the URLs change; order, case and everything else
//! of a line stay as they came.

use super::Mapping;
use crate::limits::REWRITTEN_VALUE_BYTES_MAX;
use crate::message::Fields;

/// Rewrites the URLs of a reply's fields, whatever its status.
pub fn rewrite_reply(fields: &mut Fields, mapping: &Mapping) {
    let map = |url: &[u8]| mapping.to_public(url);
    fields.edit_values(|field| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        let value = if is("location") || is("content-location") || is("destination") {
            map(field.value)
        } else if is("link") || is("uri") && field.value.starts_with(b"<") {
            // RFC 2068 §19.6.2.5 has `URI` as a list of `<…>` with parameters.
            in_links(field.value, map)
        } else if is("uri") {
            map(field.value)
        } else if is("refresh") {
            in_refresh(field.value, map)
        } else {
            None
        };
        value.filter(|value| value.len() <= REWRITTEN_VALUE_BYTES_MAX)
    });
}

/// Rewrites `Destination` of a request (COPY and MOVE, RFC 4918 §10.3), which
/// names a place in the public space. `host` is the `Host` that is sent.
pub fn rewrite_request(fields: &mut Fields, mapping: &Mapping, host: &[u8]) {
    fields.edit_values(|field| {
        if field.name.eq_ignore_ascii_case(b"destination") { mapping.to_upstream(field.value, host) } else { None }
    });
}

/// `<URL>; parameters, <URL>; …` (RFC 8288 §3). What is not of that form is
/// left, with all that is behind it.
fn in_links(value: &[u8], map: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut written = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while written.len() <= REWRITTEN_VALUE_BYTES_MAX {
        let is_between = |byte: &&u8| matches!(byte, b' ' | b'\t' | b',');
        at += value[at..].iter().take_while(is_between).count();
        let Some(behind) = value[at..].strip_prefix(b"<") else { break };
        // A second `<` before the first `>` means that one was never closed.
        let Some(len) = memchr::memchr2(b'<', b'>', behind).filter(|len| behind[*len] == b'>') else { break };
        let start = at + 1;
        if let Some(mapped) = map(&behind[..len]) {
            written.extend_from_slice(&value[copied..start]);
            written.extend_from_slice(&mapped);
            copied = start + len;
        }
        at = start + len + parameters_len(&behind[len..]);
    }
    written.extend_from_slice(&value[copied..]);
    (copied > 0).then_some(written)
}

/// How far it is to the next comma outside a quoted string.
fn parameters_len(value: &[u8]) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = value.iter().position(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return true,
            _ => {}
        }
        false
    });
    end.unwrap_or(value.len())
}

/// `5; url=URL`, as browsers read it: `url=` and quotes may be missing.
fn in_refresh(value: &[u8], map: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let is_time = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let time_len = value.iter().take_while(is_time).count();
    let (separator, target) = value[time_len..].trim_ascii_start().split_first()?;
    if !matches!(separator, b';' | b',') {
        return None;
    }
    let mut target = target.trim_ascii_start();
    if let Some((name, rest)) = target.split_at_checked(3)
        && name.eq_ignore_ascii_case(b"url")
        && let Some(rest) = rest.trim_ascii_start().strip_prefix(b"=")
    {
        target = rest.trim_ascii_start();
    }
    let (quote, url) = match target.split_first() {
        Some((quote @ (b'"' | b'\''), url)) => (Some(*quote), url),
        _ => (None, target),
    };
    let end = quote.and_then(|quote| memchr::memchr(quote, url)).unwrap_or(url.len());
    let (url, tail) = url.split_at(end);
    // The quote must not end the URL before its end.
    let mapped = map(url).filter(|mapped| quote.is_none_or(|quote| !mapped.contains(&quote)))?;
    let head = &value[..value.len() - tail.len() - url.len()];
    Some([head, &mapped, tail].concat())
}
