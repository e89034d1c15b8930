//! What must hold for any bytes at all: properties of parsers and encoders
//! that the fuzzers try on whatever they find, and the property tests on
//! whatever looks like HTTP.

use standin::front::admit::admit;
use standin::http1::encode::{self, ChunkHead, Persistence, Request};
use standin::http1::{BodyDecoder, BodyError, Found, Framing, HeadBounds, HeadError, HeadScan, ReplyFraming, framing};
use standin::limits::{REQUEST_HEAD, RESPONSE_HEAD};
use standin::message::{Fields, Known, RequestHead, ResponseHead, Version};

/// Field lines, to be compared.
pub type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// The lines of some fields.
pub fn lines(fields: &Fields) -> Lines {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

/// Some bytes cut in other places: whole, byte by byte, and in pieces whose
/// sizes the bytes themselves decide.
pub fn splits(input: &[u8]) -> [Vec<&[u8]>; 3] {
    let mut pieces = Vec::new();
    let (mut rest, mut state) = (input, 0x9e37_79b9_7f4a_7c15_u64 ^ input.len() as u64);
    while !rest.is_empty() {
        state = (state ^ u64::from(rest[0])).wrapping_mul(0x0100_0000_01b3);
        let size = 1 + usize::try_from((state >> 32) % 40).unwrap_or(0);
        let (piece, behind) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    [vec![input], input.chunks(1).collect(), pieces]
}

/// Reads a request head that comes in pieces.
pub fn read_request(pieces: &[&[u8]]) -> Result<Option<(usize, RequestHead)>, HeadError> {
    read(HeadScan::request(REQUEST_HEAD), pieces, HeadScan::take_request)
}

/// Reads a response head that comes in pieces.
pub fn read_response(pieces: &[&[u8]]) -> Result<Option<(usize, ResponseHead)>, HeadError> {
    read(HeadScan::response(RESPONSE_HEAD), pieces, HeadScan::take_response)
}

/// What a head may have once the proxy has added its own fields to it.
const WRITTEN_HEAD: HeadBounds = HeadBounds { line_bytes_max: 16 * 1024, head_bytes_max: 64 * 1024, fields_max: 128 };

/// Reads a request head that the proxy has written.
pub fn read_written_request(input: &[u8]) -> Result<Option<(usize, RequestHead)>, HeadError> {
    read(HeadScan::request(WRITTEN_HEAD), &[input], HeadScan::take_request)
}

fn read_written_response(input: &[u8]) -> Result<Option<(usize, ResponseHead)>, HeadError> {
    read(HeadScan::response(WRITTEN_HEAD), &[input], HeadScan::take_response)
}

fn read<T>(
    mut scan: HeadScan,
    pieces: &[&[u8]],
    take: impl Fn(&mut HeadScan, &[u8]) -> Result<T, HeadError>,
) -> Result<Option<(usize, T)>, HeadError> {
    let mut input = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        if let Some(len) = scan.advance(&input)? {
            return take(&mut scan, &input[..len]).map(|head| Some((len, head)));
        }
    }
    Ok(None)
}

/// I1 to I3 for heads: the outcome does not depend on the split, and a head
/// that is accepted is written so that it reads the same.
pub fn heads(input: &[u8]) {
    let requests = splits(input).map(|pieces| {
        read_request(&pieces).map(|read| {
            read.map(|(len, head)| {
                (len, head.method().to_vec(), head.target().to_vec(), head.version, lines(&head.fields))
            })
        })
    });
    assert!(requests.iter().all(|read| *read == requests[0]), "the split matters: {requests:?}");
    let responses = splits(input).map(|pieces| {
        read_response(&pieces).map(|read| {
            read.map(|(len, head)| (len, head.status, head.reason().to_vec(), head.version, lines(&head.fields)))
        })
    });
    assert!(responses.iter().all(|read| *read == responses[0]), "the split matters: {responses:?}");
    if let Ok(Some((_, head))) = read_request(&[input]) {
        written_request(&head);
    }
    if let Ok(Some((_, head))) = read_response(&[input]) {
        written_response(&head);
    }
}

/// An accepted request as it is written to an upstream, checked; None when it
/// is refused.
pub fn written_request(head: &RequestHead) -> Option<Vec<u8>> {
    let mut head = head.clone();
    let admitted = admit(&mut head).ok()?;
    let host = head.fields.first(Known::Host).unwrap_or(b"h");
    let mut out = Vec::new();
    let (target, framing) = ([head.target(), b""], admitted.framing);
    let request = Request { method: head.method(), target, host, fields: &head.fields, added: &[], framing };
    encode::request(&mut out, &request);

    let (len, again) = read_written_request(&out).expect("what is written is a head").expect("and a whole one");
    assert_eq!(len, out.len());
    assert_eq!((again.method(), again.target(), again.version), (head.method(), head.target(), Version::Http11));
    let readmitted = admit(&mut again.clone()).expect("what was accepted is accepted again");
    assert_eq!(readmitted.framing, admitted.framing);
    // A hop that is counted may have been the last one.
    if head.fields.first(Known::MaxForwards).is_none() {
        assert_eq!(readmitted.asks_proxy, admitted.asks_proxy);
    }

    let mut expected = lines(&head.fields);
    for (name, value) in &mut expected {
        match Known::of(name) {
            Known::ContentLength => *value = decimal(value),
            Known::TransferEncoding => *value = b"chunked".to_vec(),
            _ => {}
        }
    }
    if head.fields.first(Known::Host).is_none() {
        expected.insert(0, (b"Host".to_vec(), b"h".to_vec()));
    }
    assert_eq!(lines(&again.fields), expected);
    assert_eq!(expected.iter().filter(|(name, _)| Known::of(name) == Known::Host).count(), 1);
    one_framing(&expected, request_framing(admitted.framing));

    let mut room = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Request::new(&mut room);
    assert_eq!(other.parse(&out), Ok(httparse::Status::Complete(out.len())), "{}", out.escape_ascii());
    Some(out)
}

/// A response as it is written to clients of both versions, checked.
pub fn written_response(head: &ResponseHead) {
    for (client, method) in [(Version::Http11, &b"GET"[..]), (Version::Http10, b"GET"), (Version::Http11, b"HEAD")] {
        let Ok(from) = framing::response(method, head) else { continue };
        let to = framing::reply(client, method, head.status, from);
        let mut out = Vec::new();
        encode::response(&mut out, head, to, Persistence::Implied);
        let (len, again) = read_written_response(&out).expect("what is written is a head").expect("and a whole one");
        assert_eq!(len, out.len());
        assert_eq!((again.status, again.reason()), (head.status, head.reason()));
        let read_back = framing::response(method, &again).expect("what is written has a framing");
        match to {
            ReplyFraming::Bodiless | ReplyFraming::Empty => assert_eq!(read_back, Framing::None),
            ReplyFraming::Length(length) => assert_eq!(read_back, Framing::Length(length)),
            ReplyFraming::Chunked => assert_eq!(read_back, Framing::Chunked),
            ReplyFraming::UntilClose => assert_eq!(read_back, Framing::UntilClose),
        }
        let others = |fields: &Fields| -> Lines {
            let is_ours = |name: &[u8]| {
                matches!(Known::of(name), Known::Connection | Known::ContentLength | Known::TransferEncoding)
            };
            lines(fields).into_iter().filter(|(name, _)| !is_ours(name)).collect()
        };
        assert_eq!(others(&again.fields), others(&head.fields));
        one_framing(&lines(&again.fields), reply_framing(to));
    }
}

/// `Content-Length` without leading zeros.
fn decimal(digits: &[u8]) -> Vec<u8> {
    let start = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len() - 1);
    digits[start..].to_vec()
}

/// The framing lines that may be there: how many of `Content-Length`, at least
/// and at most, and how many of `Transfer-Encoding`.
type Counts = (usize, usize, usize);

fn request_framing(framing: Framing) -> Counts {
    match framing {
        Framing::None | Framing::UntilClose => (0, 1, 0),
        Framing::Length(_) => (1, 1, 0),
        Framing::Chunked => (0, 0, 1),
    }
}

fn reply_framing(framing: ReplyFraming) -> Counts {
    match framing {
        ReplyFraming::Bodiless => (0, 1, 0),
        ReplyFraming::Empty | ReplyFraming::UntilClose => (0, 0, 0),
        ReplyFraming::Length(_) => (1, 1, 0),
        ReplyFraming::Chunked => (0, 0, 1),
    }
}

fn one_framing(lines: &Lines, (lengths_min, lengths_max, codings): Counts) {
    let count = |known| lines.iter().filter(|(name, _)| Known::of(name) == known).count();
    let lengths = count(Known::ContentLength);
    assert!(lengths_min <= lengths && lengths <= lengths_max, "{lines:?}");
    assert_eq!(count(Known::TransferEncoding), codings, "{lines:?}");
}

/// I3 for fields that nobody has checked: whatever they say, what is written
/// has the one framing that was decided.
pub fn framing(input: &[u8]) {
    let fields = odd_fields(input);
    let length = input.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte)) % (1 << 53);
    for framing in [Framing::None, Framing::Length(length), Framing::Chunked] {
        let mut out = Vec::new();
        let target = [&b"/"[..], b""];
        encode::request(
            &mut out,
            &Request { method: b"POST", target, host: b"h", fields: &fields, added: &[], framing },
        );
        if let Some((_, head)) = read_written_request(&out).expect("what is written is a head") {
            one_framing(&lines(&head.fields), request_framing(framing));
            assert_eq!(head.fields.all(Known::Host).collect::<Vec<_>>(), [b"h"]);
            let read_back = framing::request(Version::Http11, &head.fields);
            assert_eq!(read_back, Ok(if framing == Framing::Length(0) { Framing::None } else { framing }));
        }
    }
    for framing in [ReplyFraming::Empty, ReplyFraming::Length(length), ReplyFraming::Chunked, ReplyFraming::UntilClose]
    {
        for persistence in [Persistence::Implied, Persistence::KeepAlive, Persistence::Close] {
            let mut head = ResponseHead::own(200, "OK");
            for field in fields.iter() {
                head.fields.push(field.name, field.value);
            }
            let mut out = Vec::new();
            encode::response(&mut out, &head, framing, persistence);
            let Some((_, head)) = read_written_response(&out).expect("what is written is a head") else { return };
            one_framing(&lines(&head.fields), reply_framing(framing));
            let lives_on = framing::is_persistent(Version::Http11, &head.fields);
            assert_eq!(lives_on, persistence != Persistence::Close);
        }
    }
    // Reading never fails to decide, and decides the same for a copy.
    let decided = framing::request(Version::Http11, &fields);
    assert_eq!(decided, framing::request(Version::Http11, &fields.clone()));
    if decided.is_ok() {
        let codings = fields.all(Known::TransferEncoding).count();
        assert!(codings + fields.all(Known::ContentLength).count() <= 1, "two framings were accepted");
    }
}

/// Fields whose names matter, with values out of the input.
fn odd_fields(input: &[u8]) -> Fields {
    const NAMES: [&str; 10] = [
        "Content-Length",
        "content-LENGTH",
        "Transfer-Encoding",
        "transfer-encoding",
        "Host",
        "Connection",
        "Content_Length",
        "Trailer",
        "TE",
        "X",
    ];
    const VALUES: [&str; 8] = ["chunked", "5", "0", "close", "keep-alive", "gzip, chunked", "content-length", ""];
    let mut fields = Fields::default();
    for line in input.split(|byte| *byte == b'\n').take(32) {
        let [name, value, rest @ ..] = line else { continue };
        let name = NAMES[usize::from(*name) % NAMES.len()].as_bytes();
        match VALUES.get(usize::from(*value) % 16) {
            Some(value) => fields.push(name, value.as_bytes()),
            None => {
                let mut text = rest.to_vec();
                text.retain(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..));
                text.truncate(100);
                fields.push(name, text.trim_ascii());
            }
        }
    }
    fields
}

/// What came of some content: the content, how many bytes it took if it is
/// whole, and the trailer lines if there can be any.
pub type Decoded = Result<(Vec<u8>, Option<usize>), BodyError>;

/// Reads content that comes in pieces.
pub fn decode(framing: Framing, pieces: &[&[u8]]) -> Decoded {
    let mut decoder = BodyDecoder::new(framing);
    let (mut data, mut used) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let found = decoder.find(rest)?;
            let (skip, taken) = match found {
                // Not always all of it, as a slow reader would.
                Found::Data { skip, len } => (skip, len.min(7)),
                Found::More { skip } | Found::End { skip } => (skip, 0),
            };
            data.extend_from_slice(&rest[skip..skip + taken]);
            if taken > 0 {
                decoder.advance(taken);
            }
            used += skip + taken;
            rest = &rest[skip + taken..];
            match found {
                Found::Data { .. } => {}
                Found::More { .. } => {
                    assert!(rest.is_empty(), "more is wanted, and {} bytes are left", rest.len());
                    break;
                }
                Found::End { .. } => {
                    assert!(decoder.is_done());
                    return Ok((data, Some(used)));
                }
            }
        }
    }
    // Only what the end delimits may end here.
    let is_whole = decoder.is_done();
    assert_eq!(decoder.end_of_input().is_ok(), is_whole || framing == Framing::UntilClose);
    Ok((data, is_whole.then_some(used)))
}

/// I1 and I4 for content: the outcome does not depend on the split, what is
/// found is a prefix of what was sent, and it is whole when its framing says so
/// and not before.
pub fn content(input: &[u8]) {
    let chunked = splits(input).map(|pieces| decode(Framing::Chunked, &pieces));
    assert!(chunked.iter().all(|decoded| *decoded == chunked[0]), "the split matters: {chunked:?}");
    if let Ok((_, Some(used))) = chunked[0] {
        assert_eq!(decode(Framing::Chunked, &[&input[..used]]), chunked[0], "bytes behind the end matter");
        let shorter = decode(Framing::Chunked, &[&input[..used - 1]]);
        assert!(matches!(shorter, Ok((_, None))), "whole without its last byte: {shorter:?}");
    }
    let length = input.first().map_or(0, |byte| usize::from(*byte));
    for pieces in splits(input) {
        let whole = (input.len() >= length).then_some(length);
        let found = input[..length.min(input.len())].to_vec();
        assert_eq!(decode(Framing::Length(length as u64), &pieces), Ok((found, whole)));
        assert_eq!(decode(Framing::UntilClose, &pieces), Ok((input.to_vec(), None)));
    }
    let pieces = &splits(input)[2];
    let mut wire = Vec::new();
    for piece in pieces {
        wire.extend_from_slice(ChunkHead::new(piece.len()).as_bytes());
        wire.extend_from_slice(piece);
        wire.extend_from_slice(b"\r\n");
    }
    encode::last_chunk(&mut wire, &Fields::default());
    assert_eq!(decode(Framing::Chunked, &[&wire]), Ok((input.to_vec(), Some(wire.len()))));
}
