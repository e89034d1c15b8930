//! Heads: from received bytes to `RequestHead` and `ResponseHead`.
//!
//! Owns where a head ends, which line ends and start lines are valid, and what
//! is too large. Every verdict depends on the bytes received up to the place
//! it is about and on nothing else, so it does not matter how the input is
//! split. A line is looked at once, when it is whole.

use crate::message::fields::Index;
use crate::message::{Fields, RequestHead, ResponseHead, Span, Version, is_token_byte, text_len};

/// How large a head may be. The numbers are in `limits.rs`.
#[derive(Debug, Clone, Copy)]
pub struct HeadBounds {
    /// The start line, in bytes.
    pub line_bytes_max: usize,
    /// The whole head, in bytes, with its line ends.
    pub head_bytes_max: usize,
    /// How many field lines.
    pub fields_max: usize,
}

/// The longest method token that is forwarded.
pub const METHOD_BYTES_MAX: usize = 32;

/// Why a head was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// The start line is not one.
    StartLine,
    /// The method token is longer than [`METHOD_BYTES_MAX`].
    MethodTooLong,
    /// An HTTP version of another major number.
    Version,
    /// CR without LF, or LF without CR.
    LineEnd,
    /// A field line that is not one.
    Field,
    /// The start line is too long.
    LineTooLong,
    /// The head is too long.
    HeadTooLarge,
    /// Too many field lines.
    TooManyFields,
    /// A status outside 100 to 599.
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

#[derive(Debug, Clone, Copy)]
enum StartLine {
    Request { method: Span, target: Span, version: Version },
    Response { status: u16, reason: Span, version: Version },
}

/// A search for the end of one head, which goes on where it stopped when more
/// bytes have come.
#[derive(Debug)]
pub struct HeadScan {
    side: Side,
    bounds: HeadBounds,
    /// Everything before this offset has been looked at.
    at: usize,
    line_start: usize,
    start_line: Option<StartLine>,
    empty_lines: u8,
    /// The field lines so far, or what is wrong with one. That is told when the
    /// head is whole: line ends and bounds come first.
    fields: Result<Index, HeadError>,
}

/// Room for field lines that most heads do with, those that policies add too.
const FIELDS_EXPECTED: usize = 16;

/// Empty lines before a request line that are ignored (RFC 9112 §2.2).
const EMPTY_LINES_MAX: u8 = 2;

impl HeadScan {
    /// Looks for a request head.
    #[must_use]
    pub fn request(bounds: HeadBounds) -> Self {
        Self::new(Side::Request, bounds)
    }

    /// Looks for a response head.
    #[must_use]
    pub fn response(bounds: HeadBounds) -> Self {
        Self::new(Side::Response, bounds)
    }

    fn new(side: Side, bounds: HeadBounds) -> Self {
        Self { side, bounds, at: 0, line_start: 0, start_line: None, empty_lines: 0, fields: Ok(Index::default()) }
    }

    /// Looks at what has come since the last call; `input` always begins at
    /// the first byte of the message. Answers the length of the head once it
    /// is whole.
    pub fn advance(&mut self, input: &[u8]) -> Result<Option<usize>, HeadError> {
        // Asked before anything has come, as it is while a connection waits.
        if self.at == input.len() {
            return Ok(None);
        }
        loop {
            let start = self.line_start;
            // Nearly all lines are fields, whole and well-formed. One that was
            // looked at before is not begun again, which could be for each byte.
            if self.start_line.is_some() && self.at == start && self.take_field(input, start)? {
                continue;
            }
            if self.start_line.is_none() && input.get(start).is_some_and(|byte| !self.may_begin_with(*byte)) {
                return Err(HeadError::StartLine);
            }
            let Some(end) = self.line_end(input)? else { return Ok(None) };
            match self.start_line {
                None if end > start => {
                    self.start_line = Some(self.parse_start_line(&input[..end], start)?);
                    self.fields = Ok(Index::with_room(FIELDS_EXPECTED));
                }
                None => {
                    self.empty_lines += 1;
                    if self.side == Side::Response || self.empty_lines > EMPTY_LINES_MAX {
                        return Err(HeadError::StartLine);
                    }
                }
                Some(_) if end == start => return Ok(Some(self.at)),
                Some(_) => {
                    if !self.take_field(input, start)? && self.fields.is_ok() {
                        self.fields = Err(HeadError::Field);
                    }
                }
            }
        }
    }

    /// Takes the line at `start` if it is a field line, whole and well-formed.
    fn take_field(&mut self, input: &[u8], start: usize) -> Result<bool, HeadError> {
        let Some(line) = FieldLine::read(input, start) else { return Ok(false) };
        self.at = line.end;
        self.line_start = line.end;
        if line.end > self.bounds.head_bytes_max {
            return Err(HeadError::HeadTooLarge);
        }
        if let Ok(fields) = &mut self.fields {
            if fields.len() == self.bounds.fields_max {
                self.fields = Err(HeadError::TooManyFields);
            } else {
                fields.add(input, line.name, line.value);
            }
        }
        Ok(true)
    }

    /// Where the line ends that was begun; the next one begins behind its CRLF.
    fn line_end(&mut self, input: &[u8]) -> Result<Option<usize>, HeadError> {
        let found = memchr::memchr2(b'\r', b'\n', &input[self.at..]).map(|offset| self.at + offset);
        self.check_size(found.unwrap_or(input.len()))?;
        let Some(end) = found else {
            self.at = input.len();
            return Ok(None);
        };
        self.at = end;
        match (input[end], input.get(end + 1)) {
            (b'\n', _) => return Err(HeadError::LineEnd),
            (_, None) => return Ok(None),
            (_, Some(b'\n')) => {}
            (_, Some(_)) => return Err(HeadError::LineEnd),
        }
        self.at = end + 2;
        self.line_start = end + 2;
        // The line end counts too.
        if self.at > self.bounds.head_bytes_max {
            return Err(HeadError::HeadTooLarge);
        }
        Ok(Some(end))
    }

    fn may_begin_with(&self, byte: u8) -> bool {
        match self.side {
            Side::Request => is_token_byte(byte) || byte == b'\r' || byte == b'\n',
            Side::Response => byte == b'H',
        }
    }

    /// Refuses what is too large at `position`, whatever comes behind it.
    fn check_size(&self, position: usize) -> Result<(), HeadError> {
        if self.start_line.is_none() && position - self.line_start > self.bounds.line_bytes_max {
            return Err(HeadError::LineTooLong);
        }
        if position > self.bounds.head_bytes_max {
            return Err(HeadError::HeadTooLarge);
        }
        Ok(())
    }

    fn parse_start_line(&self, input: &[u8], start: usize) -> Result<StartLine, HeadError> {
        match self.side {
            Side::Request => request_line(input, start),
            Side::Response => status_line(input, start),
        }
    }

    /// The request head in the first `head_len` bytes, as `advance` told them.
    pub fn take_request(&mut self, head: &[u8]) -> Result<RequestHead, HeadError> {
        match self.start_line {
            Some(StartLine::Request { method, target, version }) => {
                Ok(RequestHead::new(method, target, version, self.take_fields(head)?))
            }
            _ => Err(HeadError::StartLine),
        }
    }

    /// The response head in the first `head_len` bytes, as `advance` told them.
    pub fn take_response(&mut self, head: &[u8]) -> Result<ResponseHead, HeadError> {
        match self.start_line {
            Some(StartLine::Response { status, reason, version }) => {
                Ok(ResponseHead::new(status, reason, version, self.take_fields(head)?))
            }
            _ => Err(HeadError::StartLine),
        }
    }

    fn take_fields(&mut self, head: &[u8]) -> Result<Fields, HeadError> {
        let index = std::mem::replace(&mut self.fields, Ok(Index::default()))?;
        // Without the empty line: what is added goes where it was.
        let lines = head.strip_suffix(b"\r\n").unwrap_or(head);
        let mut bytes = Vec::with_capacity(lines.len() + HEAD_SPARE_BYTES);
        bytes.extend_from_slice(lines);
        Ok(Fields::over(bytes, index))
    }
}

/// `method SP request-target SP HTTP-version`, single spaces only. The target
/// is checked later, by `message::target`, once its form is known.
fn request_line(input: &[u8], start: usize) -> Result<StartLine, HeadError> {
    let line = &input[start..];
    let method_end = line.iter().position(|byte| !is_token_byte(*byte)).filter(|end| *end > 0 && line[*end] == b' ');
    let method_end = method_end.ok_or(HeadError::StartLine)?;
    let target_start = method_end + 1;
    let target_len = memchr::memchr(b' ', &line[target_start..]).filter(|len| *len > 0).ok_or(HeadError::StartLine)?;
    let target_end = target_start + target_len;
    let version = http_version(&line[target_end + 1..])?;
    if method_end > METHOD_BYTES_MAX {
        return Err(HeadError::MethodTooLong);
    }
    let method = Span::new(start, start + method_end);
    Ok(StartLine::Request { method, target: Span::new(start + target_start, start + target_end), version })
}

/// `HTTP-version SP status-code SP [reason-phrase]`; the second space may be
/// missing where there is no reason, as many servers leave it out.
fn status_line(input: &[u8], start: usize) -> Result<StartLine, HeadError> {
    let line = &input[start..];
    let (Some(version), Some(b' '), Some(digits)) = (line.get(..8), line.get(8), line.get(9..12)) else {
        return Err(HeadError::StartLine);
    };
    let version = http_version(version)?;
    let status = crate::message::parse_digits(digits)
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (100..=599).contains(status))
        .ok_or(HeadError::Status)?;
    let reason_start = match line.get(12) {
        None => 12,
        Some(b' ') => 13,
        Some(_) => return Err(HeadError::Status),
    };
    if text_len(&line[reason_start..]) != line.len() - reason_start {
        return Err(HeadError::StartLine);
    }
    Ok(StartLine::Response { status, reason: Span::new(start + reason_start, input.len()), version })
}

fn http_version(text: &[u8]) -> Result<Version, HeadError> {
    match text {
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(HeadError::Version),
        _ => Err(HeadError::StartLine),
    }
}

/// Spare bytes in the buffer of a head, for the fields that policies add.
const HEAD_SPARE_BYTES: usize = 256;

/// Where a field line has its name and its value, and where the next line begins.
struct FieldLine {
    name: Span,
    value: Span,
    end: usize,
}

impl FieldLine {
    /// `field-name ":" OWS field-value OWS` (RFC 9112 §5) and a line end, where
    /// that stands at `start`.
    fn read(input: &[u8], start: usize) -> Option<Self> {
        let mut rest = &input[start..];
        while let [byte, behind @ ..] = rest
            && is_token_byte(*byte)
        {
            rest = behind;
        }
        let name = Span::new(start, input.len() - rest.len());
        let mut text = rest.strip_prefix(b":").filter(|_| !name.is_empty())?;
        while let [b' ' | b'\t', behind @ ..] = text {
            text = behind;
        }
        let value_start = input.len() - text.len();
        let (mut value, behind) = text.split_at(text_len(text));
        if !behind.starts_with(b"\r\n") {
            return None;
        }
        while let [before @ .., b' ' | b'\t'] = value {
            value = before;
        }
        let value = Span::new(value_start, value_start + value.len());
        Some(Self { name, value, end: input.len() - behind.len() + 2 })
    }
}

/// The field lines of a trailer section, each with its line end.
pub(super) fn trailer_fields(section: Vec<u8>, fields_max: usize) -> Result<Fields, HeadError> {
    let (mut index, mut start) = (Index::default(), 0);
    while start < section.len() {
        let line = FieldLine::read(&section, start).ok_or(HeadError::Field)?;
        if index.len() == fields_max {
            return Err(HeadError::TooManyFields);
        }
        index.add(&section, line.name, line.value);
        start = line.end;
    }
    Ok(Fields::over(section, index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: HeadBounds = HeadBounds { line_bytes_max: 64, head_bytes_max: 256, fields_max: 8 };

    /// What came of the input: the head written out, and how many bytes it took.
    type Outcome = Result<Option<(usize, String)>, HeadError>;

    fn request(pieces: &[&[u8]]) -> Outcome {
        run(HeadScan::request(BOUNDS), pieces, |scan, head| {
            let head = scan.take_request(head)?;
            Ok(format!(
                "{:?} {:?} {:?} {}",
                text(head.method()),
                text(head.target()),
                head.version,
                lines(&head.fields)
            ))
        })
    }

    fn response(pieces: &[&[u8]]) -> Outcome {
        run(HeadScan::response(BOUNDS), pieces, |scan, head| {
            let head = scan.take_response(head)?;
            Ok(format!("{} {:?} {:?} {}", head.status, text(head.reason()), head.version, lines(&head.fields)))
        })
    }

    fn run(
        mut scan: HeadScan,
        pieces: &[&[u8]],
        take: impl Fn(&mut HeadScan, &[u8]) -> Result<String, HeadError>,
    ) -> Outcome {
        let mut input = Vec::new();
        for piece in pieces {
            input.extend_from_slice(piece);
            if let Some(len) = scan.advance(&input)? {
                return take(&mut scan, &input[..len]).map(|head| Some((len, head)));
            }
        }
        Ok(None)
    }

    fn text(bytes: &[u8]) -> String {
        bytes.escape_ascii().to_string()
    }

    fn lines(fields: &Fields) -> String {
        fields.iter().map(|field| format!("[{}={}]", text(field.name), text(field.value))).collect()
    }

    #[test]
    fn a_request_head_keeps_method_target_order_case_and_duplicates() {
        let head = b"X-FOO /a%2Fb;c=1?x='y' HTTP/1.1\r\nhOst: h\r\nB: 1\r\na:2 \r\nB: \xc3\xa9\r\nE:\r\n\r\nrest";
        let (len, seen) = request(&[head]).unwrap().unwrap();
        assert_eq!(len, head.len() - 4);
        assert_eq!(seen, r#""X-FOO" "/a%2Fb;c=1?x=\\'y\\'" Http11 [hOst=h][B=1][a=2][B=\xc3\xa9][E=]"#);
    }

    #[test]
    fn a_response_head_keeps_any_status_and_reason() {
        let seen = response(&[b"HTTP/1.1 599 \xe9t\xe9\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n"]).unwrap().unwrap().1;
        assert_eq!(seen, r#"599 "\\xe9t\\xe9" Http11 [Set-Cookie=a][Set-Cookie=b]"#);
        assert_eq!(response(&[b"HTTP/1.0 200\r\n\r\n"]).unwrap().unwrap().1, r#"200 "" Http10 "#);
    }

    #[test]
    fn malformed_request_heads_are_refused() {
        for (input, error) in [
            ("GET  / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            (" GET / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            ("GET /\tx HTTP/1.1 \r\n\r\n", HeadError::StartLine),
            ("GET /\r\n\r\n", HeadError::StartLine),
            ("G@T / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            ("\x16\x03\x01", HeadError::StartLine),
            ("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", HeadError::StartLine),
            ("GET / http/1.1\r\n\r\n", HeadError::StartLine),
            ("GET / HTTP/01.1\r\n\r\n", HeadError::StartLine),
            ("GET / HTTP/1\r\n\r\n", HeadError::StartLine),
            ("GET / HTTP/2.0\r\n\r\n", HeadError::Version),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HeadError::Version),
            ("GET / HTTP/1.1\nHost: h\n\n", HeadError::LineEnd),
            ("GET / HTTP/1.1\r\nHost: h\n\r\n", HeadError::LineEnd),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", HeadError::LineEnd),
            ("GET / HTTP/1.1\r\n\rX", HeadError::LineEnd),
            ("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\n A: b\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA : b\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\n: b\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA(: b\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA: b\0\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", HeadError::Field),
            ("GET / HTTP/1.1\r\nA\u{e9}: b\r\n\r\n", HeadError::Field),
            ("METHODMETHODMETHODMETHODMETHODMETHOD / HTTP/1.1\r\n\r\n", HeadError::MethodTooLong),
        ] {
            assert_eq!(request(&[input.as_bytes()]), Err(error), "{input:?}");
        }
        let fields: String = (0..9).map(|index| format!("A{index}: b\r\n")).collect();
        assert_eq!(request(&[format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes()]), Err(HeadError::TooManyFields));
    }

    #[test]
    fn oversize_is_told_as_soon_as_it_is_certain() {
        let line = [b'a'; 65];
        assert_eq!(request(&[&line]), Err(HeadError::LineTooLong));
        let mut head = b"GET / HTTP/1.1\r\nA: ".to_vec();
        head.resize(257, b'x');
        assert_eq!(request(&[&head]), Err(HeadError::HeadTooLarge));
    }

    #[test]
    fn the_bound_of_a_head_includes_its_line_ends() {
        let of = |len: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(len - 23)).into_bytes();
        assert_eq!(request(&[&of(256)]).unwrap().unwrap().0, 256);
        for len in 257..260 {
            let head = of(len);
            assert_eq!(request(&[&head]), Err(HeadError::HeadTooLarge), "{len}");
            assert_eq!(request(&[&head[..len - 1], &head[len - 1..]]), Err(HeadError::HeadTooLarge), "{len}");
        }
    }

    #[test]
    fn leading_empty_lines_up_to_two_are_ignored() {
        assert!(request(&[b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"]).unwrap().is_some());
        assert!(request(&[b"GET / HTTP/1.7\r\n\r\n"]).unwrap().is_some());
    }

    #[test]
    fn malformed_response_heads_are_refused() {
        for (input, error) in [
            ("hello\r\n\r\n", HeadError::StartLine),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", HeadError::StartLine),
            ("HTTP/1.1 099 X\r\n\r\n", HeadError::Status),
            ("HTTP/1.1 600 X\r\n\r\n", HeadError::Status),
            ("HTTP/1.1 2OO X\r\n\r\n", HeadError::Status),
            ("HTTP/1.1 20 X\r\n\r\n", HeadError::Status),
            ("HTTP/1.1 2000 X\r\n\r\n", HeadError::Status),
            ("HTTP/2.0 200 X\r\n\r\n", HeadError::Version),
            ("HTTP/1.1 200 a\x01b\r\n\r\n", HeadError::StartLine),
        ] {
            assert_eq!(response(&[input.as_bytes()]), Err(error), "{input:?}");
        }
    }

    fn head_like() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => Just(&b"\r\n"[..]),
            4 => Just(&b"GET / HTTP/1.1\r\n"[..]),
            2 => Just(&b"HTTP/1.1 200 OK\r\n"[..]),
            4 => Just(&b"Name: value\r\n"[..]),
            1 => Just(&b"\n"[..]),
            1 => Just(&b"\r"[..]),
            1 => Just(&b" "[..]),
            1 => Just(&b"HTTP/2.0\r\n"[..]),
            1 => Just(&b"\x00\xff"[..]),
            1 => Just(&[b'x'; 70][..]),
        ];
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    /// What httparse says of the field lines in a head.
    fn by_httparse(head: &[u8], fields_start: usize) -> Result<String, HeadError> {
        let mut room = [httparse::EMPTY_HEADER; BOUNDS.fields_max];
        match httparse::parse_headers(&head[fields_start..], &mut room) {
            Ok(httparse::Status::Complete((used, lines))) if fields_start + used == head.len() => {
                let line = |line: &httparse::Header<'_>| format!("[{}={}]", line.name, text(line.value));
                Ok(lines.iter().map(line).collect())
            }
            Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
            _ => Err(HeadError::Field),
        }
    }

    fn field_lines() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => Just(&b"\r\n"[..]),
            4 => Just(&b"Name"[..]),
            4 => Just(&b": "[..]),
            2 => Just(&b":"[..]),
            2 => Just(&b"Name: a long enough value\r\n"[..]),
            1 => Just(&b" "[..]),
            1 => Just(&b"\t"[..]),
            1 => Just(&b"("[..]),
            1 => Just(&b"\x00"[..]),
            1 => Just(&b"\x7f"[..]),
            1 => Just(&b"\xe9"[..]),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn field_lines_are_what_httparse_takes_for_them(lines_in in field_lines()) {
            let start = b"GET / HTTP/1.1\r\n";
            let input = [start, &lines_in[..], b"\r\n\r\n"].concat();
            let mut scan = HeadScan::request(BOUNDS);
            if let Ok(Some(len)) = scan.advance(&input) {
                let ours = scan.take_request(&input[..len]).map(|head| lines(&head.fields));
                prop_assert_eq!(ours, by_httparse(&input[..len], start.len()));
            }
        }

        #[test]
        fn the_outcome_does_not_depend_on_the_split(
            input in head_like(),
            cuts in proptest::collection::vec(0_usize..200, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([input.len()]) {
                pieces.push(&input[start..cut]);
                start = cut;
            }
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            prop_assert_eq!(request(&[&input]), request(&pieces));
            prop_assert_eq!(request(&[&input]), request(&bytes));
            prop_assert_eq!(response(&[&input]), response(&pieces));
            prop_assert_eq!(response(&[&input]), response(&bytes));
        }
    }
}
