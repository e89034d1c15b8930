//! Heads and chunk framing onto the wire: the only place that writes them.
//!
//! Owns the promise that every head written has exactly one framing and every
//! request exactly one Host, whatever the fields say. Fields keep their order
//! and case; a framing field keeps its place.

use super::framing::{Framing, ReplyFraming};
use crate::message::fields::{Field, Piece};
use crate::message::{Fields, Known, Names, ResponseHead};
use std::io::Write;

/// A request as it is written for an HTTP/1.1 upstream.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method token.
    pub method: &'a [u8],
    /// The target, in two parts.
    pub target: [&'a [u8]; 2],
    /// The value of `Host`.
    pub host: &'a [u8],
    /// The fields; the framing fields and `Host` in them only say where.
    pub fields: &'a Fields,
    /// Lines behind those, of this attempt only.
    pub added: &'a [(&'a [u8], &'a [u8])],
    /// How its content is delimited.
    pub framing: Framing,
}

/// What is written anew in a request.
const OURS_IN_REQUESTS: Names = Names::of(&[Known::Host, Known::ContentLength, Known::TransferEncoding]);

/// What is written anew in a response.
const OURS_IN_RESPONSES: Names = Names::of(&[Known::Connection, Known::ContentLength, Known::TransferEncoding]);

/// Writes a request head.
pub fn request(out: &mut Vec<u8>, request: &Request<'_>) {
    let Request { method, target, host, fields, added, framing } = *request;
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(target[0]);
    out.extend_from_slice(target[1]);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    // A request without Host gets it first (RFC 9110 §7.2).
    let mut host = Some(host);
    if fields.first(Known::Host).is_none() {
        line(out, b"Host", host.take().unwrap_or_default());
    }
    let mut framing = Some(match framing {
        Framing::None | Framing::UntilClose => None,
        Framing::Length(length) => Some(Delimiter::Length(length)),
        Framing::Chunked => Some(Delimiter::Chunked),
    });
    // `Content-Length: 0` says something on a POST, so it stays where it came.
    if framing == Some(None) && fields.first(Known::ContentLength).is_some() {
        framing = Some(Some(Delimiter::Length(0)));
    }
    let mut delimiter = framing.flatten();
    for piece in fields.pieces(OURS_IN_REQUESTS) {
        match piece {
            Piece::Lines(lines) => out.extend_from_slice(lines),
            Piece::Field(field) if field.known == Known::Host => {
                if let Some(host) = host.take() {
                    line(out, field.name, host);
                }
            }
            Piece::Field(field) => delimited_line(out, field, &mut delimiter),
        }
    }
    for (name, value) in added {
        line(out, name, value);
    }
    end(out, delimiter);
}

/// What a response head says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing: HTTP/1.1 lives on by itself.
    Implied,
    /// `keep-alive`, for HTTP/1.0 clients that asked for it.
    KeepAlive,
    /// `close`.
    Close,
    /// `upgrade`: it speaks another protocol from here on.
    Upgrade,
}

/// Writes a response head. The status line is ours (HTTP/1.1), status and
/// reason are the given ones.
pub fn response(out: &mut Vec<u8>, head: &ResponseHead, framing: ReplyFraming, persistence: Persistence) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(head.status));
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    let bodiless = framing == ReplyFraming::Bodiless;
    let mut delimiter = match framing {
        ReplyFraming::Length(length) => Some(Delimiter::Length(length)),
        ReplyFraming::Chunked => Some(Delimiter::Chunked),
        ReplyFraming::Bodiless | ReplyFraming::Empty | ReplyFraming::UntilClose => None,
    };
    for piece in head.fields.pieces(OURS_IN_RESPONSES) {
        match piece {
            Piece::Lines(lines) => out.extend_from_slice(lines),
            Piece::Field(field) => match field.known {
                Known::Connection => {}
                Known::ContentLength if bodiless => line(out, field.name, field.value),
                _ => delimited_line(out, field, &mut delimiter),
            },
        }
    }
    match persistence {
        Persistence::Implied => {}
        Persistence::KeepAlive => line(out, b"Connection", b"keep-alive"),
        Persistence::Close => line(out, b"Connection", b"close"),
        Persistence::Upgrade => line(out, b"Connection", b"upgrade"),
    }
    end(out, delimiter);
}

/// Writes an interim (1xx) response head, which never has framing.
pub fn interim(out: &mut Vec<u8>, head: &ResponseHead) {
    debug_assert!(head.is_interim());
    response(out, head, ReplyFraming::Empty, Persistence::Implied);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Length(u64),
    Chunked,
}

/// Writes one field line, but a framing field only if it is the message's own,
/// and only once.
fn delimited_line(out: &mut Vec<u8>, field: Field<'_>, delimiter: &mut Option<Delimiter>) {
    match (field.known, *delimiter) {
        (Known::ContentLength, Some(Delimiter::Length(length))) => {
            length_line(out, field.name, length);
            *delimiter = None;
        }
        (Known::TransferEncoding, Some(Delimiter::Chunked)) => {
            line(out, field.name, b"chunked");
            *delimiter = None;
        }
        (Known::ContentLength | Known::TransferEncoding, _) => {}
        _ => line(out, field.name, field.value),
    }
}

fn end(out: &mut Vec<u8>, delimiter: Option<Delimiter>) {
    match delimiter {
        None => {}
        Some(Delimiter::Length(length)) => length_line(out, b"Content-Length", length),
        Some(Delimiter::Chunked) => line(out, b"Transfer-Encoding", b"chunked"),
    }
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn length_line(out: &mut Vec<u8>, name: &[u8], length: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b"0123456789"[usize::try_from(rest % 10).unwrap_or(0)];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes the last chunk and the trailers behind it.
pub fn last_chunk(out: &mut Vec<u8>, trailers: &Fields) {
    out.extend_from_slice(b"0\r\n");
    for field in trailers.iter() {
        line(out, field.name, field.value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The line before the data of a chunk, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHead {
    bytes: [u8; 18],
    len: usize,
}

impl ChunkHead {
    /// The size line of a chunk of `size` bytes, which must not be 0: that
    /// would end the body.
    #[must_use]
    pub fn new(size: usize) -> Self {
        assert!(size > 0, "an empty chunk ends the body");
        let mut bytes = [0; 18];
        let mut rest = &mut bytes[..];
        let room = rest.len();
        // Sixteen digits and CRLF fit.
        let _ = write!(rest, "{size:x}\r\n");
        let len = room - rest.len();
        Self { bytes, len }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::HeadScan;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn written_request(lines: &[(&str, &str)], framing: Framing) -> String {
        written_with(lines, &[], framing)
    }

    fn written_with(lines: &[(&str, &str)], added: &[(&[u8], &[u8])], framing: Framing) -> String {
        let (mut out, fields) = (Vec::new(), fields(lines));
        let target = [&b"/a%2Fb"[..], b"?x='y'"];
        request(&mut out, &Request { method: b"X-FOO", target, host: b"up:1", fields: &fields, added, framing });
        String::from_utf8(out).unwrap()
    }

    fn written_response(lines: &[(&str, &str)], framing: ReplyFraming, persistence: Persistence) -> String {
        let mut head = ResponseHead::own(599, "odd");
        for (name, value) in lines {
            head.fields.push(name.as_bytes(), value.as_bytes());
        }
        let mut out = Vec::new();
        response(&mut out, &head, framing, persistence);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_has_one_host_in_its_place() {
        assert_eq!(
            written_request(&[("A", "1"), ("hOST", "x"), ("Host", "y")], Framing::None),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nA: 1\r\nhOST: up:1\r\n\r\n"
        );
        assert_eq!(
            written_request(&[("A", "1")], Framing::None),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\nA: 1\r\n\r\n"
        );
    }

    #[test]
    fn white_space_around_values_is_written_in_one_way() {
        let head = b"GET / HTTP/1.1\r\nA: 1\r\nB:2\r\nC:  3\r\nD:\t4\r\nE: 5 \r\nF:\r\nG: \r\nHost: h\r\nI: 6\r\n\r\n";
        let mut scan = HeadScan::request(crate::limits::REQUEST_HEAD);
        assert_eq!(scan.advance(head), Ok(Some(head.len())));
        let mut fields = scan.take_request(head).unwrap().fields;
        fields.push(b"J", b"7");
        let (mut out, target) = (Vec::new(), [&b"/"[..], b""]);
        request(
            &mut out,
            &Request { method: b"GET", target, host: b"up", fields: &fields, added: &[], framing: Framing::None },
        );
        let expected =
            "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: \r\nHost: up\r\nI: 6\r\nJ: 7\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_request_has_one_framing_whatever_its_fields_say() {
        let lines = [("Host", "h"), ("content-length", "9"), ("Transfer-Encoding", "gzip"), ("Content-Length", "8")];
        assert_eq!(
            written_request(&lines, Framing::Length(5)),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\ncontent-length: 5\r\n\r\n"
        );
        assert_eq!(
            written_request(&lines, Framing::Chunked),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        assert_eq!(
            written_request(&[("Host", "h")], Framing::Chunked),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        assert_eq!(
            written_request(&[("Host", "h"), ("Content-Length", "000")], Framing::None),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn what_an_attempt_adds_stands_behind_the_fields() {
        assert_eq!(
            written_with(&[("Host", "h"), ("A", "1")], &[(b"B", b"2"), (b"C", b"3")], Framing::Length(5)),
            "X-FOO /a%2Fb?x='y' HTTP/1.1\r\nHost: up:1\r\nA: 1\r\nB: 2\r\nC: 3\r\nContent-Length: 5\r\n\r\n"
        );
    }

    #[test]
    fn a_response_has_the_framing_it_was_given() {
        let lines = [("B", "1"), ("Content-Length", "5"), ("a", "2")];
        assert_eq!(
            written_response(&lines, ReplyFraming::Length(5), Persistence::Implied),
            "HTTP/1.1 599 odd\r\nB: 1\r\nContent-Length: 5\r\na: 2\r\n\r\n"
        );
        assert_eq!(
            written_response(&lines, ReplyFraming::Bodiless, Persistence::Implied),
            "HTTP/1.1 599 odd\r\nB: 1\r\nContent-Length: 5\r\na: 2\r\n\r\n"
        );
        assert_eq!(
            written_response(&lines, ReplyFraming::Empty, Persistence::Close),
            "HTTP/1.1 599 odd\r\nB: 1\r\na: 2\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(
            written_response(
                &[("Connection", "x"), ("transfer-encoding", "chunked")],
                ReplyFraming::Chunked,
                Persistence::KeepAlive
            ),
            "HTTP/1.1 599 odd\r\ntransfer-encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            written_response(&[], ReplyFraming::UntilClose, Persistence::Close),
            "HTTP/1.1 599 odd\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn trailers_follow_the_last_chunk() {
        let mut out = Vec::new();
        last_chunk(&mut out, &Fields::default());
        last_chunk(&mut out, &fields(&[("A", "1"), ("b", "")]));
        assert_eq!(out, b"0\r\n\r\n0\r\nA: 1\r\nb: \r\n\r\n");
    }

    #[test]
    fn chunk_heads_are_hexadecimal() {
        assert_eq!(ChunkHead::new(255).as_bytes(), b"ff\r\n");
        assert_eq!(ChunkHead::new(usize::MAX).as_bytes(), b"ffffffffffffffff\r\n");
    }
}
