//! The request target: which form it has, its path and query, and whether its
//! path may be matched at all.
//!
//! Owns RFC 9112 §3.2 and the rule that a path with dot segments or
//! backslashes, raw or encoded, is refused rather than interpreted. Never
//! normalises: what is forwarded is what came.

use std::borrow::Cow;

/// Which of the four forms a target has (RFC 9112 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetForm<'a> {
    /// `/path?query`
    Origin,
    /// `http://authority/path?query`; the authority overrules `Host`.
    Absolute {
        /// The authority as written, not yet checked.
        authority: &'a [u8],
    },
    /// `host:port`, for CONNECT only.
    Authority,
    /// `*`, for OPTIONS only.
    Asterisk,
}

/// A checked target, borrowed from the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Its form.
    pub form: TargetForm<'a>,
    /// The raw path; begins with `/` in the origin and absolute forms (an
    /// absolute target without a path has `/`), empty in the others.
    pub path: &'a [u8],
    /// The raw query with its `?`, empty where there was none.
    pub query: &'a [u8],
}

/// Why a target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// A byte that a target cannot have.
    Byte,
    /// A form that does not go with the method.
    Form,
    /// A dot segment or a backslash, raw or encoded.
    Path,
}

impl<'a> Target<'a> {
    /// Reads the raw target of a request with that method.
    pub fn parse(method: &[u8], raw: &'a [u8]) -> Result<Self, TargetError> {
        if method == b"CONNECT" {
            let authority = super::Authority::parse(raw).ok_or(TargetError::Form)?;
            authority.port.ok_or(TargetError::Form)?;
            return Ok(Self { form: TargetForm::Authority, path: b"", query: b"" });
        }
        if raw == b"*" {
            return match method {
                b"OPTIONS" => Ok(Self { form: TargetForm::Asterisk, path: b"", query: b"" }),
                _ => Err(TargetError::Form),
            };
        }
        let (form, rest) = match raw.first() {
            Some(b'/') => (TargetForm::Origin, raw),
            _ => {
                let start = http_scheme_len(raw).ok_or(TargetError::Form)?;
                let rest = &raw[start..];
                let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
                (TargetForm::Absolute { authority: &rest[..end] }, &rest[end..])
            }
        };
        let split = memchr::memchr(b'?', rest).unwrap_or(rest.len());
        let (path, query) = rest.split_at(split);
        if !path.iter().copied().all(is_path_byte) {
            return Err(if path.contains(&b'\\') { TargetError::Path } else { TargetError::Byte });
        }
        if !query.iter().copied().all(is_query_byte) {
            return Err(TargetError::Byte);
        }
        check_path(path)?;
        Ok(Self { form, path: if path.is_empty() { b"/" } else { path }, query })
    }
}

fn http_scheme_len(raw: &[u8]) -> Option<usize> {
    ["http://", "https://"]
        .into_iter()
        .find(|scheme| raw.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())))
        .map(str::len)
}

/// `pchar` and `/` (RFC 3986 §3.3), and `[` `]`, which browsers leave raw.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'?')
}

/// As in a path, and besides what browsers leave raw in a query
/// (`{` `}` `|` `^` `` ` `` `\`): no program gives those a meaning there.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>')
}

/// Refuses a path that some upstream might resolve to another one: a dot
/// segment, also encoded, also behind an encoded slash or backslash, also with
/// parameters (`/..;a/`).
pub fn check_path(path: &[u8]) -> Result<(), TargetError> {
    if path.contains(&b'\\') {
        return Err(TargetError::Path);
    }
    // Without a dot or an escape there is nothing to find.
    if memchr::memchr2(b'.', b'%', path).is_none() {
        return Ok(());
    }
    let decoded = percent_decode(path);
    let dotted = decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    });
    if dotted { Err(TargetError::Path) } else { Ok(()) }
}

/// Decodes `%XX`; an incomplete escape stays as it is. Used to compare
/// segments, never to forward.
#[must_use]
pub fn percent_decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, after)) = rest.split_first() {
        let escape = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(decoded)
}

/// The one spelling of a path: escapes only where they are needed, in upper
/// case. Two paths are spelled alike if and only if their segments decode to the
/// same bytes.
#[must_use]
pub fn normal_path(raw: &[u8]) -> String {
    let mut normal = String::with_capacity(raw.len());
    for (index, segment) in raw.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            normal.push('/');
        }
        encode_segment(&percent_decode(segment), &mut normal);
    }
    normal
}

/// Writes one segment of a path with the escapes that it needs.
pub fn encode_segment(decoded: &[u8], into: &mut String) {
    for byte in decoded {
        // pchar (RFC 3986 §3.3), without the percent sign.
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(byte) {
            into.push(char::from(*byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// True when every `%` is followed by two hexadecimal digits. Asked of what an
/// administrator writes; what a client sends is forwarded as it came.
#[must_use]
pub fn has_whole_escapes(raw: &[u8]) -> bool {
    memchr::memchr_iter(b'%', raw)
        .all(|at| raw.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(raw: &str) -> Result<Target<'_>, TargetError> {
        Target::parse(b"GET", raw.as_bytes())
    }

    #[test]
    fn origin_form_keeps_raw_path_and_query() {
        let target = get("/a%2Fb;c=1?x='y'").unwrap();
        assert_eq!(target.path, b"/a%2Fb;c=1");
        assert_eq!(target.query, b"?x='y'");
        assert_eq!(get("/x?").unwrap().query, b"?");
    }

    #[test]
    fn absolute_form_gives_its_authority() {
        let target = get("HTTP://h:1/p?q").unwrap();
        assert_eq!(target.form, TargetForm::Absolute { authority: b"h:1" });
        assert_eq!((target.path, target.query), (&b"/p"[..], &b"?q"[..]));
        assert_eq!(get("http://h").unwrap().path, b"/");
        assert_eq!(get("http://h?q").unwrap().path, b"/");
        assert_eq!(get("ftp://h/"), Err(TargetError::Form));
    }

    #[test]
    fn forms_go_with_their_methods() {
        assert_eq!(get("*"), Err(TargetError::Form));
        assert_eq!(get("h:80"), Err(TargetError::Form));
        assert_eq!(Target::parse(b"OPTIONS", b"*").unwrap().form, TargetForm::Asterisk);
        assert_eq!(Target::parse(b"OPTIONS", b"*/x"), Err(TargetError::Form));
        assert_eq!(Target::parse(b"CONNECT", b"h:443").unwrap().form, TargetForm::Authority);
        assert_eq!(Target::parse(b"CONNECT", b"h"), Err(TargetError::Form));
        assert_eq!(Target::parse(b"CONNECT", b"/"), Err(TargetError::Form));
    }

    #[test]
    fn bytes_outside_the_grammar_are_refused() {
        for bad in ["/a#b", "/a\"b", "/a<b", "/a>b", "/a^b", "/a`b", "/a{b", "/a|b", "/a}b", "/a\u{7f}", "/?a#b"] {
            assert_eq!(get(bad), Err(TargetError::Byte), "{bad:?}");
        }
        assert_eq!(Target::parse(b"GET", b"/\xc3\xa9"), Err(TargetError::Byte));
        assert_eq!(Target::parse(b"GET", b"/?\xc3\xa9"), Err(TargetError::Byte));
    }

    #[test]
    fn dot_segments_are_refused_raw_and_encoded() {
        for bad in [
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e%2E/x",
            "/.%2e/",
            "/a%2f..%2fb",
            "/a%5c..%5cb",
            "/a\\b",
            "/..;x/y",
            "/a/..;",
            "/%2e;p=1/",
        ] {
            assert_eq!(get(bad), Err(TargetError::Path), "{bad:?}");
        }
        for good in ["/...", "/a..b", "/.well-known/x", "/a/..b", "/%2ex", "//x", "/a%2Fb", "/?../.."] {
            assert!(get(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn incomplete_escapes_stay() {
        assert_eq!(&*percent_decode(b"%4f%4"), b"O%4");
        assert_eq!(&*percent_decode(b"%zz%%41"), b"%zz%A");
        assert_eq!(normal_path(b"/%78/a%2fb/%c3%a4/:@ "), "/x/a%2Fb/%C3%A4/:@%20");
        assert_eq!(normal_path(normal_path(b"/%25%41/").as_bytes()), "/%25A/");
        assert!(has_whole_escapes(b"/%4f/x") && !has_whole_escapes(b"/%4") && !has_whole_escapes(b"/%zz"));
    }
}
