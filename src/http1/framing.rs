//! How long a message is: decided once, from its head, by these functions.
//!
//! Owns RFC 9112 §6 and the persistence of a connection (§9.3). What is
//! conflicting or malformed is an error, never a guess.

use crate::message::fields::list_members;
use crate::message::{Fields, Known, ResponseHead, Version, parse_digits};

/// How the content of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no content.
    None,
    /// So many bytes.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
    /// Until the connection is closed; responses only.
    UntilClose,
}

/// Why no framing could be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramingError {
    /// `Content-Length` is not digits, is too large, or comes twice.
    ContentLength,
    /// `Content-Length` and `Transfer-Encoding` together.
    Both,
    /// `Transfer-Encoding` that does not end in one `chunked`, or in HTTP/1.0.
    TransferEncoding,
    /// A transfer coding that is well-formed but unknown.
    UnknownCoding,
}

/// The largest `Content-Length` accepted: what every JSON and JavaScript peer
/// can still count.
pub const CONTENT_LENGTH_MAX: u64 = 1 << 53;

/// The framing of a request (RFC 9112 §6.3). No framing field means no content.
pub fn request(version: Version, fields: &Fields) -> Result<Framing, FramingError> {
    match (content_length(fields)?, transfer_encoding(version, fields)?) {
        (Some(_), true) => Err(FramingError::Both),
        (None, true) => Ok(Framing::Chunked),
        (Some(0) | None, false) => Ok(Framing::None),
        (Some(length), false) => Ok(Framing::Length(length)),
    }
}

/// The framing of the response to a request with that method.
pub fn response(method: &[u8], head: &ResponseHead) -> Result<Framing, FramingError> {
    let length = content_length(&head.fields)?;
    let chunked = transfer_encoding(head.version, &head.fields)?;
    if length.is_some() && chunked {
        return Err(FramingError::Both);
    }
    if method == b"HEAD" || head.is_interim() || matches!(head.status, 204 | 304) {
        return Ok(Framing::None);
    }
    match (length, chunked) {
        (_, true) => Ok(Framing::Chunked),
        (Some(length), false) => Ok(Framing::Length(length)),
        (None, false) => Ok(Framing::UntilClose),
    }
}

fn content_length(fields: &Fields) -> Result<Option<u64>, FramingError> {
    let mut values = fields.all(Known::ContentLength);
    let Some(value) = values.next() else { return Ok(None) };
    let length = parse_digits(value).filter(|length| *length <= CONTENT_LENGTH_MAX);
    match (length, values.next()) {
        (Some(length), None) => Ok(Some(length)),
        _ => Err(FramingError::ContentLength),
    }
}

/// True for exactly one `Transfer-Encoding: chunked`, false for none.
fn transfer_encoding(version: Version, fields: &Fields) -> Result<bool, FramingError> {
    let mut values = fields.all(Known::TransferEncoding);
    let Some(value) = values.next() else { return Ok(false) };
    if version == Version::Http10 || values.next().is_some() {
        return Err(FramingError::TransferEncoding);
    }
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(true);
    }
    let codings: Vec<&[u8]> = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    match codings.split_last() {
        Some((last, before))
            if last.eq_ignore_ascii_case(b"chunked")
                && !before.is_empty()
                && before
                    .iter()
                    .all(|coding| crate::message::is_token(coding) && !coding.eq_ignore_ascii_case(b"chunked")) =>
        {
            Err(FramingError::UnknownCoding)
        }
        _ => Err(FramingError::TransferEncoding),
    }
}

/// True when the sender of this head lets the connection live on (RFC 9112 §9.3).
#[must_use]
pub fn is_persistent(version: Version, fields: &Fields) -> bool {
    let mut persistent = version >= Version::Http11;
    for value in fields.all(Known::Connection) {
        // Most say just that.
        if Known::of(value) == Known::KeepAlive {
            persistent = true;
            continue;
        }
        for option in list_members(value) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            persistent |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    persistent
}

/// How long the sender of this head says that it keeps an idle connection, in
/// seconds.
#[must_use]
pub fn keep_alive_timeout_s(fields: &Fields) -> Option<u64> {
    let mut parameters = fields.all(Known::KeepAlive).flat_map(list_members);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_at(parameter.iter().position(|byte| *byte == b'=')?);
        name.trim_ascii().eq_ignore_ascii_case(b"timeout").then(|| parse_digits(value[1..].trim_ascii()))?
    })
}

/// How a reply is delimited towards the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFraming {
    /// No content, and the head's own `Content-Length` stays (HEAD, 304).
    Bodiless,
    /// No content and no length (1xx, 204).
    Empty,
    /// So many bytes.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
    /// Until we close.
    UntilClose,
}

/// The framing towards a client of that version for content that came in
/// `framing`.
#[must_use]
pub fn reply(client: Version, method: &[u8], status: u16, framing: Framing) -> ReplyFraming {
    if matches!(status, 100..=199 | 204) {
        return ReplyFraming::Empty;
    }
    if method == b"HEAD" || status == 304 {
        return ReplyFraming::Bodiless;
    }
    match framing {
        Framing::None => ReplyFraming::Length(0),
        Framing::Length(length) => ReplyFraming::Length(length),
        Framing::Chunked | Framing::UntilClose if client == Version::Http10 => ReplyFraming::UntilClose,
        Framing::Chunked | Framing::UntilClose => ReplyFraming::Chunked,
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

    fn of(lines: &[(&str, &str)]) -> Result<Framing, FramingError> {
        request(Version::Http11, &fields(lines))
    }

    #[test]
    fn well_formed_requests_have_one_framing() {
        assert_eq!(of(&[]), Ok(Framing::None));
        assert_eq!(of(&[("Content-Length", "005")]), Ok(Framing::Length(5)));
        assert_eq!(of(&[("content-length", "0")]), Ok(Framing::None));
        assert_eq!(of(&[("Transfer-Encoding", "Chunked")]), Ok(Framing::Chunked));
    }

    #[test]
    fn malformed_lengths_are_refused() {
        for bad in ["+5", "-1", "-0", "0x5", "1_0", "5a", "", "5;", "1 0", "5, 5", "5,6", "9223372036854775808"] {
            assert_eq!(of(&[("Content-Length", bad)]), Err(FramingError::ContentLength), "{bad:?}");
        }
        let twice = [("Content-Length", "5"), ("Content-Length", "5")];
        assert_eq!(of(&twice), Err(FramingError::ContentLength));
    }

    #[test]
    fn transfer_codings_other_than_one_chunked_are_refused() {
        for bad in ["gzip", "xchunked", "identity", "chunked;x", "", "chunked, gzip", "chunked, chunked", ",chunked"] {
            assert_eq!(of(&[("Transfer-Encoding", bad)]), Err(FramingError::TransferEncoding), "{bad:?}");
        }
        assert_eq!(of(&[("Transfer-Encoding", "gzip, chunked")]), Err(FramingError::UnknownCoding));
        let twice = [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")];
        assert_eq!(of(&twice), Err(FramingError::TransferEncoding));
        assert_eq!(of(&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")]), Err(FramingError::Both));
        assert_eq!(
            request(Version::Http10, &fields(&[("Transfer-Encoding", "chunked")])),
            Err(FramingError::TransferEncoding)
        );
    }

    #[test]
    fn responses_without_content_by_rule_have_none() {
        let head = |status, lines: &[(&str, &str)]| {
            let mut head = ResponseHead::own(status, "x");
            for (name, value) in lines {
                head.fields.push(name.as_bytes(), value.as_bytes());
            }
            head
        };
        let five = [("Content-Length", "5")];
        assert_eq!(response(b"HEAD", &head(200, &five)), Ok(Framing::None));
        assert_eq!(response(b"GET", &head(304, &five)), Ok(Framing::None));
        assert_eq!(response(b"GET", &head(204, &[])), Ok(Framing::None));
        assert_eq!(response(b"GET", &head(200, &five)), Ok(Framing::Length(5)));
        assert_eq!(response(b"GET", &head(200, &[])), Ok(Framing::UntilClose));
        let both = [("Content-Length", "5"), ("Transfer-Encoding", "chunked")];
        assert_eq!(response(b"GET", &head(200, &both)), Err(FramingError::Both));
        assert_eq!(response(b"HEAD", &head(200, &both)), Err(FramingError::Both), "also where there is no content");
    }

    #[test]
    fn persistence_follows_version_and_options() {
        let with = |value| fields(&[("Connection", value)]);
        assert!(is_persistent(Version::Http11, &fields(&[])));
        assert!(!is_persistent(Version::Http10, &fields(&[])));
        assert!(is_persistent(Version::Http10, &with("Keep-Alive")));
        assert!(!is_persistent(Version::Http11, &with("keep-alive, close")));
        assert!(!is_persistent(Version::Http11, &with("x, CLOSE")));
    }

    #[test]
    fn the_time_that_a_connection_is_kept_is_read() {
        let with = |value| keep_alive_timeout_s(&fields(&[("Keep-Alive", value)]));
        assert_eq!(with("timeout=5, max=100"), Some(5));
        assert_eq!(with("max=1, Timeout = 15"), Some(15));
        assert_eq!(with("timeout=x"), None);
        assert_eq!(with("5"), None);
    }

    #[test]
    fn old_clients_get_content_until_close() {
        assert_eq!(reply(Version::Http10, b"GET", 200, Framing::Chunked), ReplyFraming::UntilClose);
        assert_eq!(reply(Version::Http11, b"GET", 200, Framing::UntilClose), ReplyFraming::Chunked);
        assert_eq!(reply(Version::Http11, b"HEAD", 200, Framing::None), ReplyFraming::Bodiless);
        assert_eq!(reply(Version::Http11, b"GET", 204, Framing::None), ReplyFraming::Empty);
    }
}
