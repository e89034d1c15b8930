//! The chunked transfer coding (RFC 9112 §7.1), one state a byte of framing.
//!
//! Owns the strict reading of sizes, extensions and trailers; extensions are
//! checked and dropped, trailers are checked and kept until somebody asks. Data is never
//! touched: the decoder only tells how many bytes of it come next.

use super::body::{BodyError, Found};
use super::framing::CONTENT_LENGTH_MAX;
use crate::limits::{EXTENSION_BYTES_MAX, EXTENSIONS_BYTES_MAX, TRAILER_BYTES_MAX, TRAILER_FIELDS_MAX};
use crate::message::Fields;

/// Digits of a size; leading zeros are allowed, and so are not enough a bound.
const SIZE_DIGITS_MAX: u8 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { digits: u8 },
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerLineStart,
    TrailerLine,
    TrailerLineLf,
    EndLf,
    End,
}

/// `*( ";" name [ "=" ( token / quoted-string ) ] )`, without white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    NameStart,
    Name,
    ValueStart,
    Token,
    Quoted,
    QuotedPair,
    QuotedEnd,
}

/// A decoder for one chunked body.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of data still to come in this chunk, or the size being read.
    left: u64,
    extension_bytes: u32,
    extensions_bytes: u32,
    trailer: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { state: State::Size { digits: 0 }, left: 0, extension_bytes: 0, extensions_bytes: 0, trailer: Vec::new() }
    }
}

impl Decoder {
    /// Reads framing until data comes, the body ends, or the input does.
    pub fn find(&mut self, input: &[u8]) -> Result<Found, BodyError> {
        let mut skip = 0;
        loop {
            match self.state {
                State::Data => {
                    let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len() - skip);
                    return Ok(if here == 0 { Found::More { skip } } else { Found::Data { skip, len: here } });
                }
                State::End => return Ok(Found::End { skip }),
                _ => {}
            }
            let Some(byte) = input.get(skip) else { return Ok(Found::More { skip }) };
            self.step(*byte)?;
            skip += 1;
        }
    }

    /// Tells that `count` bytes of data were taken.
    pub fn advance(&mut self, count: u64) {
        assert!(self.state == State::Data && count <= self.left, "took more than the chunk holds");
        self.left -= count;
        if self.left == 0 {
            self.state = State::DataCr;
        }
    }

    fn step(&mut self, byte: u8) -> Result<(), BodyError> {
        self.state = match (self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() && digits < SIZE_DIGITS_MAX => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                self.left = self.left.checked_mul(16).ok_or(BodyError::Chunk)? + u64::from(digit);
                State::Size { digits: digits + 1 }
            }
            (State::Size { digits: 1.. }, b'\r') => State::SizeLf,
            (State::Size { digits: 1.. }, b';') => self.extension(Extension::NameStart)?,
            (State::Extension(extension), _) => self.in_extension(extension, byte)?,
            (State::SizeLf, _) if self.left > CONTENT_LENGTH_MAX => return Err(BodyError::Chunk),
            (State::SizeLf, b'\n') => {
                self.extension_bytes = 0;
                if self.left == 0 { State::TrailerLineStart } else { State::Data }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: 0 },
            (State::TrailerLineStart, b'\r') => State::EndLf,
            (State::TrailerLine, b'\r') => self.trailer_byte(byte, State::TrailerLineLf)?,
            (State::TrailerLineStart | State::TrailerLine, _) if byte != b'\n' => {
                self.trailer_byte(byte, State::TrailerLine)?
            }
            (State::TrailerLineLf, b'\n') => self.trailer_byte(byte, State::TrailerLineStart)?,
            (State::EndLf, b'\n') => {
                self.trailers()?;
                State::End
            }
            (State::TrailerLineStart | State::TrailerLine | State::TrailerLineLf | State::EndLf, _) => {
                return Err(BodyError::Trailer);
            }
            _ => return Err(BodyError::Chunk),
        };
        Ok(())
    }

    fn in_extension(&mut self, extension: Extension, byte: u8) -> Result<State, BodyError> {
        use Extension::{Name, NameStart, Quoted, QuotedEnd, QuotedPair, Token, ValueStart};
        let token = crate::message::is_token_byte(byte);
        let next = match (extension, byte) {
            (NameStart | Name, _) if token => Name,
            (Name, b'=') => ValueStart,
            (ValueStart | Token, _) if token => Token,
            (ValueStart, b'"') => Quoted,
            (Quoted, b'"') => QuotedEnd,
            (Quoted, b'\\') => QuotedPair,
            (Quoted | QuotedPair, b'\t' | b' '..=b'~' | 0x80..) => Quoted,
            (Name | Token | QuotedEnd, b';') => NameStart,
            (Name | Token | QuotedEnd, b'\r') => return Ok(State::SizeLf),
            _ => return Err(BodyError::Chunk),
        };
        self.extension(next)
    }

    fn extension(&mut self, next: Extension) -> Result<State, BodyError> {
        self.extension_bytes += 1;
        self.extensions_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX || self.extensions_bytes > EXTENSIONS_BYTES_MAX {
            return Err(BodyError::Chunk);
        }
        Ok(State::Extension(next))
    }

    fn trailer_byte(&mut self, byte: u8, next: State) -> Result<State, BodyError> {
        if self.trailer.len() == TRAILER_BYTES_MAX {
            return Err(BodyError::TrailerTooLarge);
        }
        self.trailer.push(byte);
        Ok(next)
    }

    /// The trailer fields, once the body has ended.
    pub fn trailers(&self) -> Result<Fields, BodyError> {
        if self.trailer.is_empty() {
            return Ok(Fields::default());
        }
        super::parse::trailer_fields(self.trailer.clone(), TRAILER_FIELDS_MAX).map_err(|error| match error {
            super::HeadError::TooManyFields => BodyError::TrailerTooLarge,
            _ => BodyError::Trailer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Data and the number of bytes used, or the error; `None` data end means
    /// that more input is wanted.
    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<u8>, Option<usize>), BodyError> {
        let mut decoder = Decoder::default();
        let (mut data, mut used) = (Vec::new(), 0);
        for piece in pieces {
            let mut rest = piece;
            loop {
                match decoder.find(rest)? {
                    Found::Data { skip, len } => {
                        data.extend_from_slice(&rest[skip..skip + len]);
                        decoder.advance(len as u64);
                        used += skip + len;
                        rest = &rest[skip + len..];
                    }
                    Found::More { skip } => {
                        used += skip;
                        assert_eq!(skip, rest.len());
                        break;
                    }
                    Found::End { skip } => return Ok((data, Some(used + skip))),
                }
            }
        }
        Ok((data, None))
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        let body = b"5\r\nhello\r\n6;a=b;c;d=\"x\\\"\xff\"\r\n world\r\n000\r\nX-T: 1\r\n\r\nnext";
        assert_eq!(decode([&body[..]]), Ok((b"hello world".to_vec(), Some(body.len() - 4))));
        assert_eq!(decode([&b"0\r\n\r\n"[..]]), Ok((vec![], Some(5))));
        assert_eq!(decode([&b"5\r\nhel"[..]]), Ok((b"hel".to_vec(), None)));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bad in [
            "\r\n",
            "0x5\r\n",
            "+5\r\n",
            "-1\r\n",
            "5_0\r\n",
            "5g\r\n",
            " 5\r\n",
            "5 \r\n",
            "00000000000000005\r\n",
            "10000000000000000\r\n",
            "20000000000001\r\n",
            "5\nhello\r\n",
            "5\rXhello",
            "5\r\nhello!",
            "5\r\nhello\n",
            "5\r\nhello\rX",
            "5;\r\n",
            "5;=\r\n",
            "5;a=\r\n",
            "5;a=\"\n",
            "5;a\x01\r\n",
            "5;a b\r\n",
            "5;\rX",
        ] {
            assert_eq!(decode([bad.as_bytes()]), Err(BodyError::Chunk), "{bad:?}");
        }
        let long = format!("5;{}\r\n", "a".repeat(257));
        assert_eq!(decode([long.as_bytes()]), Err(BodyError::Chunk));
        let many = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(300);
        assert_eq!(decode([many.as_bytes()]), Err(BodyError::Chunk));
    }

    #[test]
    fn malformed_and_oversize_trailers_are_refused() {
        for bad in
            ["0\r\nA\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\nA: b\n\r\n", "0\r\n\rX", "0\r\n\n", "0\r\nA: b\rc\r\n\r\n"]
        {
            assert_eq!(decode([bad.as_bytes()]), Err(BodyError::Trailer), "{bad:?}");
        }
        let large = format!("0\r\nA: {}\r\n\r\n", "x".repeat(9000));
        assert_eq!(decode([large.as_bytes()]), Err(BodyError::TrailerTooLarge));
        let many = format!("0\r\n{}\r\n", "A: b\r\n".repeat(33));
        assert_eq!(decode([many.as_bytes()]), Err(BodyError::TrailerTooLarge));
    }

    fn chunked_like() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => Just(&b"5\r\nhello\r\n"[..]),
            2 => Just(&b"a;x=\"y\"\r\n0123456789\r\n"[..]),
            3 => Just(&b"0\r\n\r\n"[..]),
            1 => Just(&b"0\r\nT: v\r\n\r\n"[..]),
            1 => Just(&b"5\r\n"[..]),
            1 => Just(&b"\r"[..]),
            1 => Just(&b"\n"[..]),
            1 => Just(&b";"[..]),
            1 => Just(&b"ffffffffffffffff\r\n"[..]),
        ];
        proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_outcome_does_not_depend_on_the_split(input in chunked_like(), size in 1_usize..9) {
            prop_assert_eq!(decode([&input[..]]), decode(input.chunks(size)));
        }

        #[test]
        fn what_is_encoded_is_decoded(data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8)) {
            let mut wire = Vec::new();
            for chunk in &data {
                wire.extend_from_slice(super::super::encode::ChunkHead::new(chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            super::super::encode::last_chunk(&mut wire, &Fields::default());
            prop_assert_eq!(decode([&wire[..]]), Ok((data.concat(), Some(wire.len()))));
        }
    }
}
