//! Messages for the property and differential tests: well-formed ones, and
//! bytes that only look like one.

use proptest::prelude::*;

/// A well-formed message: its head without the framing, and its content.
#[derive(Debug, Clone)]
pub struct Message {
    /// The start line.
    pub start: String,
    /// Its field lines.
    pub fields: Vec<(String, String)>,
    /// Its content.
    pub content: Vec<u8>,
    /// The sizes of the chunks; none for a length.
    pub chunks: Option<Vec<usize>>,
}

impl Message {
    /// As it is on the wire.
    pub fn wire(&self) -> Vec<u8> {
        let mut wire = self.start.clone().into_bytes();
        wire.extend_from_slice(b"\r\n");
        for (name, value) in &self.fields {
            wire.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        let Some(sizes) = &self.chunks else {
            if !self.content.is_empty() {
                wire.extend_from_slice(format!("Content-Length: {}\r\n", self.content.len()).as_bytes());
            }
            wire.extend_from_slice(b"\r\n");
            wire.extend_from_slice(&self.content);
            return wire;
        };
        wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        let (mut rest, mut sizes) = (&self.content[..], sizes.iter().cycle());
        while let (false, Some(size)) = (rest.is_empty(), sizes.next()) {
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
            rest = behind;
        }
        wire.extend_from_slice(b"0\r\n\r\n");
        wire
    }
}

/// Names that no rule asks for.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = "X-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,12}|Cookie|Accept|aCCept|Set-Cookie|Via|ETag";
    let value = "([!-~]([ -~\t]{0,20}[!-~])?)?";
    proptest::collection::vec((name, value), 0..8)
}

fn message(
    start: impl Strategy<Value = String>,
    first: &'static [(&'static str, &'static str)],
) -> impl Strategy<Value = Message> {
    let content = prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), 1..200)];
    let chunks = proptest::option::of(proptest::collection::vec(1_usize..40, 1..5));
    (start, fields(), content, chunks).prop_map(move |(start, fields, content, chunks)| {
        let first = first.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Message { start, fields: first.chain(fields).collect(), content, chunks }
    })
}

/// A well-formed request.
pub fn requests() -> impl Strategy<Value = Message> {
    let method = prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("PUT"), Just("DELETE"), Just("PATCH")];
    let path = "(/([a-z0-9~_-]|%2[0-9a-f]){1,8}){1,4}";
    let start = (method, path, proptest::option::of("[a-z0-9=&~_-]{0,12}")).prop_map(|(method, path, query)| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        // An encoded dot could make a dot segment, which is refused.
        format!("{method} {}{query} HTTP/1.1", path.replace("%2e", "%2d"))
    });
    message(start, &[("Host", "example.org:8080")])
}

/// A well-formed response with content.
pub fn responses() -> impl Strategy<Value = Message> {
    let status = prop_oneof![Just("200 OK"), Just("404 Not Found"), Just("201 Made"), Just("503 "), Just("200")];
    let start = status.prop_map(|status| format!("HTTP/1.1 {status}"));
    message(start, &[("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])
}

/// Bytes that look like a message, and often are one.
pub fn bytes_like_http() -> impl Strategy<Value = Vec<u8>> {
    const STARTS: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"POST /a?b HTTP/1.1\r\n",
        b"GET http://h:1/p HTTP/1.1\r\n",
        b"X-ODD /%2F HTTP/1.0\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 Early Hints\r\n",
        b"HTTP/1.0 304 \xe9\r\n",
    ];
    const FIELDS: &[&[u8]] = &[
        b"Host: h\r\n",
        b"Host: h\r\n",
        b"Content-Length: 5\r\n",
        b"content-length: 005\r\n",
        b"Content-Length: +5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Connection: close, x\r\n",
        b"A:\t b \r\n",
        b"a: \xff\r\n",
        b"B:\r\n",
    ];
    const ODD: &[&[u8]] = &[b"\r", b"\n", b" ", b":", b"\0", b"\t", b"\x7f", b"hello"];
    const CONTENT: &[&[u8]] = &[b"hello", b"5\r\nhello\r\n0\r\nT: v\r\n\r\n"];
    // A start line, fields, an end and content, and anything in between.
    let fields = proptest::collection::vec(weighted(&[(9, FIELDS), (1, ODD)]), 0..5);
    let message = (weighted(&[(9, STARTS), (1, ODD)]), fields, weighted(&[(9, &[b"\r\n"]), (1, ODD)]));
    let message = (message, weighted(&[(1, CONTENT), (2, &[b""])]))
        .prop_map(|((start, fields, end), content)| [start, &fields.concat(), end, content].concat());
    proptest::collection::vec(message, 1..4).prop_map(|messages| messages.concat())
}

/// Bytes that look like chunks, and often are some.
pub fn bytes_like_chunks() -> impl Strategy<Value = Vec<u8>> {
    const CHUNKS: &[&[u8]] = &[b"5\r\nhello\r\n", b"5\r\nhello\r\n", b"a;x=\"y\";z\r\n0123456789\r\n"];
    const ENDS: &[&[u8]] = &[b"0\r\n\r\n", b"0\r\nT: v\r\nU:w\r\n\r\n", b"0\r\nU : v\r\n\r\n", b"0\r\n"];
    const ODD: &[&[u8]] = &[b"\r", b"\n", b"\r\n", b";", b"\"", b"=", b"0x5\r\n", b"T: v\r\n", b"ffffffffffffffff\r\n"];
    proptest::collection::vec(weighted(&[(6, CHUNKS), (2, ENDS), (1, ODD)]), 0..10).prop_map(|pieces| pieces.concat())
}

/// One of the pieces of one of the tables.
fn weighted(tables: &[(u32, &'static [&'static [u8]])]) -> impl Strategy<Value = &'static [u8]> + use<> {
    let tables = tables.iter().map(|(weight, table)| (*weight, prop::sample::select(*table)));
    prop::strategy::Union::new_weighted(tables.collect())
}
