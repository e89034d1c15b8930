//! The same bytes read by other programs: async-h1 on what is well-formed, and
//! http_desync_guardian on what is hostile.

use crate::checks::{decode, lines, read_request, read_response, written_request};
use crate::messages::{Message, bytes_like_http, requests, responses};
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, future};
use http_desync_guardian::RequestSafetyTier;
use http_desync_guardian::request_analyzer::HttpRequestData;
use proptest::prelude::*;
use standin::error::Kind;
use standin::front::admit::admit;
use standin::http1::{Framing, FramingError, HeadError, framing};
use standin::message::{Fields, is_token_byte};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// A connection that brings some bytes and takes any.
#[derive(Debug, Clone)]
struct Memory(Arc<Mutex<io::Cursor<Vec<u8>>>>);

impl Memory {
    fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(io::Cursor::new(bytes))))
    }
}

impl AsyncRead for Memory {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut *self.0.lock().unwrap(), buffer))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Lines in lower case and sorted, as async-h1 keeps them.
fn ours(fields: &Fields) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines: Vec<_> =
        lines(fields).iter().map(|(name, value)| (text(name).to_lowercase(), text(value))).collect();
    lines.sort();
    lines
}

/// The same of async-h1; it adds a `Content-Type` to whatever has content.
fn theirs<'a>(
    fields: impl Iterator<Item = (&'a http_types::headers::HeaderName, &'a http_types::headers::HeaderValues)>,
) -> Vec<(String, String)> {
    let mut lines: Vec<_> = fields
        .filter(|(name, _)| name.as_str() != "content-type")
        .flat_map(|(name, values)| values.iter().map(|value| (name.to_string(), value.to_string())))
        .collect();
    lines.sort();
    lines
}

async fn content(mut body: http_types::Body) -> Vec<u8> {
    let mut content = Vec::new();
    body.read_to_end(&mut content).await.unwrap();
    content
}

/// What we make of the content behind a head of `len` bytes.
fn our_content(message: &Message, wire: &[u8], len: usize, framing: Framing) -> Vec<u8> {
    let (content, used) = decode(framing, &[&wire[len..]]).unwrap();
    assert!(used == Some(wire.len() - len) || framing == Framing::UntilClose, "not all of it was used");
    assert_eq!(content, message.content);
    content
}

proptest! {
    #[test]
    fn well_formed_requests_read_as_async_h1_reads_them(message in requests()) {
        let wire = message.wire();
        let (len, mut head) = read_request(&[&wire]).unwrap().unwrap();
        let admitted = admit(&mut head).unwrap();
        future::block_on(async {
            let (mut theirs_read, _) = async_h1::server::decode(Memory::new(wire.clone())).await.unwrap().unwrap();
            let url = theirs_read.url();
            let target = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            assert_eq!(theirs_read.method().to_string().as_bytes(), head.method());
            assert_eq!(target.as_bytes(), head.target());
            assert_eq!(theirs(theirs_read.iter()), ours(&head.fields));
            let body = theirs_read.take_body();
            assert_eq!(content(body).await, our_content(&message, &wire, len, admitted.framing));
        });
    }

    #[test]
    fn well_formed_responses_read_as_async_h1_reads_them(message in responses()) {
        let wire = message.wire();
        let (len, head) = read_response(&[&wire]).unwrap().unwrap();
        let framing = framing::response(b"GET", &head).unwrap();
        future::block_on(async {
            let mut theirs_read = async_h1::client::decode(Memory::new(wire.clone())).await.unwrap();
            assert_eq!(u16::from(theirs_read.status()), head.status);
            assert_eq!(theirs(theirs_read.iter()), ours(&head.fields));
            let body = theirs_read.take_body();
            assert_eq!(content(body).await, our_content(&message, &wire, len, framing));
        });
    }

    #[test]
    fn what_is_written_for_a_well_formed_request_is_compliant(message in requests()) {
        let wire = message.wire();
        let (_, head) = read_request(&[&wire]).unwrap().unwrap();
        let written = written_request(&head).unwrap();
        let tier = tier(&written);
        // Content of GET and HEAD has no meaning of its own (RFC 9110 §9.3.1), and is
        // passed on as it came, framed like any other.
        let is_odd = matches!(head.method(), b"GET" | b"HEAD") && (!message.content.is_empty() || message.chunks.is_some());
        prop_assert_eq!(tier, if is_odd { RequestSafetyTier::Ambiguous } else { RequestSafetyTier::Compliant });
    }

    #[test]
    fn the_guardian_agrees_about_whatever_looks_like_a_request(input in bytes_like_http()) {
        agree(&input);
    }

    #[test]
    fn the_guardian_agrees_about_well_formed_requests_with_one_byte_changed(message in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut wire = message.wire();
        let at = at.index(wire.len());
        wire[at] = byte;
        agree(&wire);
    }
}

fn tier(head: &[u8]) -> RequestSafetyTier {
    HttpRequestData::analyze_raw_request(head).tier
}

/// What we make of some bytes as a request; None when more are wanted.
fn verdict(input: &[u8]) -> Option<Result<usize, Kind>> {
    match read_request(&[input]) {
        Ok(None) => None,
        Ok(Some((len, mut head))) => Some(admit(&mut head).map(|_| len)),
        Err(error) => Some(Err(Kind::RequestHead(error))),
    }
}

/// Asserts that we refuse what the guardian calls severe, and accept what it
/// calls compliant, but for what [`is_ours_to_refuse`].
fn agree(input: &[u8]) {
    // It knows no empty lines before a request and nothing behind a head.
    let start = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let input = &input[start..];
    let end = input.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let Some(head) = end.map(|end| &input[..end]) else { return };
    // Whatever sorts behind "HTTP/2" it takes for a later version, and looks no further.
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = &line[..line.iter().rposition(|byte| is_token_byte(*byte)).map_or(0, |last| last + 1)];
    if line.rsplit(|byte| *byte == b' ').next() >= Some(b"HTTP/2") {
        return;
    }
    let Some(verdict) = verdict(head) else { return };
    let told = || head.escape_ascii().to_string();
    match (tier(head), verdict) {
        (RequestSafetyTier::Severe, Ok(_)) => panic!("severe, and accepted: {}", told()),
        (RequestSafetyTier::Compliant, Err(kind)) => {
            assert!(is_ours_to_refuse(&kind), "compliant, and {kind:?}: {}", told())
        }
        _ => {}
    }
}

/// What is compliant by the letter of its framing, and refused all the same:
/// the guardian does not look at any of it.
fn is_ours_to_refuse(kind: &Kind) -> bool {
    match kind {
        // Our bounds.
        Kind::RequestHead(
            HeadError::LineTooLong | HeadError::HeadTooLarge | HeadError::TooManyFields | HeadError::MethodTooLong,
        ) => true,
        // The form of the target and its bytes, dot segments, Host, and what a
        // proxy does not do.
        Kind::RequestTarget(_) | Kind::RequestHost | Kind::MethodRefused | Kind::Expectation => true,
        // Removal of fields that the message depends on.
        Kind::RequestConnection => true,
        // It takes `gzip, chunked`, and that together with another `chunked`;
        // no coding but one `chunked` is known here.
        Kind::RequestFraming(FramingError::UnknownCoding | FramingError::TransferEncoding) => true,
        _ => false,
    }
}

/// Hostile heads, what we make of them, and what the guardian does.
#[test]
fn hostile_heads_are_refused() {
    use RequestSafetyTier::{Acceptable, Ambiguous, Compliant, Severe};
    let post = |fields: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    for (head, expected) in [
        (post("Content-Length: +5\r\n"), Severe),
        (post("Content-Length: -1\r\n"), Severe),
        (post("Content-Length: 0x5\r\n"), Severe),
        (post("Content-Length: 5 5\r\n"), Severe),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n"), Severe),
        (post("Content-Length: 5\r\nContent-Length: 5\r\n"), Ambiguous),
        (post("Content-Length: 99999999999999999999\r\n"), Severe),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Ambiguous),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Severe),
        (post("Transfer-Encoding: chunked, chunked\r\n"), Severe),
        (post("Transfer-Encoding: xchunked\r\n"), Severe),
        (post("Transfer-Encoding: \x0bchunked\r\n"), Severe),
        (post("Transfer-Encoding:\r\n"), Severe),
        (post("Transfer-Encoding : chunked\r\n"), Ambiguous),
        (post(" Transfer-Encoding: chunked\r\n"), Ambiguous),
        (post("Transfer-Encoding\x01: chunked\r\n"), Ambiguous),
        (post("A: b\r\n c\r\n"), Ambiguous),
        (post("A: b\rc\r\n"), Severe),
        (post("A: b\0\r\n"), Severe),
        (post("A\r\n"), Ambiguous),
        (post(": b\r\n"), Ambiguous),
        ("G\x01T / HTTP/1.1\r\nHost: h\r\n\r\n".into(), Severe),
        ("GET / HTTP/1,1\r\nHost: h\r\n\r\n".into(), Severe),
        ("GET / HTTP/1.1 \r\nHost: h\r\n\r\n".into(), Acceptable),
        ("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n".into(), Acceptable),
        ("GET / HTTP/1.1\nHost: h\n\n".into(), Acceptable),
        ("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n".into(), Severe),
        // What it has no opinion about.
        ("GET / HTTP/1.1\r\n\r\n".into(), Compliant),
        ("GET /../x HTTP/1.1\r\nHost: h\r\n\r\n".into(), Compliant),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n".into(), Compliant),
        (post("Connection: content-length\r\nContent-Length: 5\r\n"), Compliant),
    ] {
        let seen = verdict(head.as_bytes());
        assert!(matches!(seen, Some(Err(_))), "{}: {seen:?}", head.escape_default());
        assert_eq!(tier(head.as_bytes()), expected, "{}", head.escape_default());
    }
}

/// What the guardian warns of and we accept, with the reason.
#[test]
fn heads_that_are_odd_and_safe_are_accepted() {
    use RequestSafetyTier::{Acceptable, Ambiguous};
    for (head, expected) in [
        // Names that programs might read as framing: those that differ in `_` alone
        // are removed before the request is sent on, others no program reads so.
        ("POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 5\r\n\r\n", Ambiguous),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer.Encoding: chunked\r\n\r\n", Ambiguous),
        // Content of GET is passed on, framed.
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", Ambiguous),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", Acceptable),
        // Any 1.x is treated, and sent on, as 1.1 (RFC 9110 §2.5).
        ("GET / HTTP/1.2\r\nHost: h\r\n\r\n", Acceptable),
    ] {
        assert!(matches!(verdict(head.as_bytes()), Some(Ok(_))), "{}", head.escape_default());
        assert_eq!(tier(head.as_bytes()), expected, "{}", head.escape_default());
    }
}
