//! A URL reference in its parts (RFC 3986 §4.2), as far as one is rewritten.
//!
//! Owns what is read at all. What two programs could read differently
//! (backslashes, control bytes, user information, odd ports, encoded dot
//! segments) is not, and so stays as it is.

use crate::message::Authority;
use crate::message::target::{check_path, percent_decode};
use std::borrow::Cow;

/// The form of a reference, which is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `http://host/path`, with that scheme in lower case.
    Absolute(&'static str),
    /// `//host/path`
    SchemeRelative,
    /// `/path`
    Path,
}

/// A reference that may be rewritten.
#[derive(Debug)]
pub(super) struct Reference<'a> {
    pub(super) form: Form,
    /// Present unless the form is a path.
    pub(super) authority: Option<Authority<'a>>,
    /// The path, `/` where an absolute reference had none. Raw, unless it had
    /// dot segments: then without them.
    pub(super) path: Cow<'a, [u8]>,
    /// Query and fragment as written.
    pub(super) rest: &'a [u8],
}

impl<'a> Reference<'a> {
    /// None for relative references and for what is left alone.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        if value.iter().any(u8::is_ascii_control) {
            return None;
        }
        let (form, behind) =
            match ["http", "https"].into_iter().find_map(|scheme| Some((scheme, absolute(value, scheme)?))) {
                Some((scheme, behind)) => (Form::Absolute(scheme), behind),
                None => match value.strip_prefix(b"//") {
                    Some(behind) => (Form::SchemeRelative, behind),
                    None if value.starts_with(b"/") => (Form::Path, value),
                    None => return None,
                },
            };
        let is_delimiter = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
        let path_start = match form {
            Form::Path => 0,
            _ => behind.iter().position(is_delimiter).unwrap_or(behind.len()),
        };
        let (authority, path) = behind.split_at(path_start);
        let authority = if form == Form::Path { None } else { Some(Authority::parse(authority)?) };
        let path_end = memchr::memchr2(b'?', b'#', path).unwrap_or(path.len());
        let (path, rest) = path.split_at(path_end);
        Some(Self { form, authority, path: resolved(if path.is_empty() { b"/" } else { path })?, rest })
    }

    /// Its scheme, or the one of the message that it stands in.
    pub(super) fn scheme_or(&self, own: &'static str) -> &'static str {
        match self.form {
            Form::Absolute(scheme) => scheme,
            Form::SchemeRelative | Form::Path => own,
        }
    }
}

/// What is behind `scheme://`, in any case.
fn absolute<'a>(value: &'a [u8], scheme: &str) -> Option<&'a [u8]> {
    let (start, rest) = value.split_at_checked(scheme.len())?;
    rest.strip_prefix(b"://").filter(|_| start.eq_ignore_ascii_case(scheme.as_bytes()))
}

/// The path that a client gets to; none where that depends on the client.
fn resolved(path: &[u8]) -> Option<Cow<'_, [u8]>> {
    if check_path(path).is_ok() {
        return Some(Cow::Borrowed(path));
    }
    let path = without_dot_segments(path);
    check_path(&path).is_ok().then_some(Cow::Owned(path))
}

/// RFC 3986 §5.2.4, for a path that begins with a slash.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push(b"");
        }
    }
    kept.iter().flat_map(|segment| [b"/", *segment]).collect::<Vec<_>>().concat()
}

/// What of a path is behind a base that has no slash at its end: nothing, or
/// a slash and the rest. None unless the path is the base or below it. Segments
/// are compared decoded.
pub(super) fn behind<'a>(base: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = path;
    for segment in base.split(|byte| *byte == b'/').skip(1) {
        let after = rest.strip_prefix(b"/")?;
        let end = memchr::memchr(b'/', after).unwrap_or(after.len());
        if percent_decode(&after[..end]) != percent_decode(segment) {
            return None;
        }
        rest = &after[end..];
    }
    Some(rest)
}
