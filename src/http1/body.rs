//! The content of one message, by whichever framing it has.
//!
//! Owns the count of what is still to come and the verdict on an early end.
//! Never copies content: it tells its caller which bytes of the input are it.

use super::chunked;
use super::framing::Framing;
use crate::message::Fields;

/// What the input holds next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// `len` bytes of content behind `skip` bytes of framing.
    Data {
        /// Bytes of framing to drop first.
        skip: usize,
        /// Bytes of content behind them.
        len: usize,
    },
    /// Nothing more in this input.
    More {
        /// Bytes of framing to drop.
        skip: usize,
    },
    /// The content has ended.
    End {
        /// Bytes of framing to drop.
        skip: usize,
    },
}

/// Why content cannot be trusted any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// The input ended before the content did.
    Truncated,
    /// Chunk framing that is not one.
    Chunk,
    /// A trailer section that is not one.
    Trailer,
    /// A trailer section larger than its bounds.
    TrailerTooLarge,
}

/// A decoder for the content of one message.
#[derive(Debug)]
pub enum BodyDecoder {
    /// So many bytes are still to come.
    Length(u64),
    /// The chunked transfer coding.
    Chunked(chunked::Decoder),
    /// Everything until the end of the input.
    UntilClose,
    /// All of it has come, and these trailers behind it.
    Done(Fields),
}

impl BodyDecoder {
    /// A decoder for content framed like that.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Self::done(),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(chunked::Decoder::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    fn done() -> Self {
        Self::Done(Fields::default())
    }

    /// Looks at the input; the caller drops `skip` bytes, takes what content
    /// it wants, and tells how much by [`BodyDecoder::advance`].
    pub fn find(&mut self, input: &[u8]) -> Result<Found, BodyError> {
        let found = match self {
            Self::Done(_) => Found::End { skip: 0 },
            Self::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                if len == 0 { Found::More { skip: 0 } } else { Found::Data { skip: 0, len } }
            }
            Self::Chunked(decoder) => decoder.find(input)?,
            Self::UntilClose if input.is_empty() => Found::More { skip: 0 },
            Self::UntilClose => Found::Data { skip: 0, len: input.len() },
        };
        if let (Self::Chunked(decoder), Found::End { .. }) = (&*self, found) {
            *self = Self::Done(decoder.trailers()?);
        }
        Ok(found)
    }

    /// How many bytes of content come next with no framing among them, where
    /// that is known.
    #[must_use]
    pub fn raw_bytes(&self) -> u64 {
        match self {
            Self::Length(left) => *left,
            Self::Chunked(_) | Self::UntilClose | Self::Done(_) => 0,
        }
    }

    /// Tells that `count` bytes of content were taken.
    pub fn advance(&mut self, count: usize) {
        match self {
            Self::Length(left) => {
                *left = left.checked_sub(count as u64).unwrap_or_else(|| panic!("took more than the content"));
                if *left == 0 {
                    *self = Self::done();
                }
            }
            Self::Chunked(decoder) => decoder.advance(count as u64),
            Self::UntilClose => {}
            Self::Done(_) => assert!(count == 0, "took content behind its end"),
        }
    }

    /// The input has ended: fine where the framing says so, else an error.
    pub fn end_of_input(&mut self) -> Result<(), BodyError> {
        match self {
            Self::Done(_) => Ok(()),
            Self::UntilClose => {
                *self = Self::done();
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(BodyError::Truncated),
        }
    }

    /// True when all content has come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The trailers behind content that has all come.
    pub fn take_trailers(&mut self) -> Fields {
        match self {
            Self::Done(trailers) => std::mem::take(trailers),
            _ => Fields::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_counted_exactly() {
        let mut decoder = BodyDecoder::new(Framing::Length(5));
        assert_eq!(decoder.find(b"abc"), Ok(Found::Data { skip: 0, len: 3 }));
        decoder.advance(3);
        assert_eq!(decoder.end_of_input(), Err(BodyError::Truncated));
        assert_eq!(decoder.find(b"defgh"), Ok(Found::Data { skip: 0, len: 2 }));
        decoder.advance(2);
        assert!(decoder.is_done());
        assert_eq!(decoder.find(b"fgh"), Ok(Found::End { skip: 0 }));
    }

    #[test]
    fn how_much_comes_with_no_framing_is_known_of_a_length_only() {
        let raw_bytes = |framing| BodyDecoder::new(framing).raw_bytes();
        assert_eq!(raw_bytes(Framing::Length(1 << 40)), 1 << 40);
        assert_eq!([Framing::None, Framing::Chunked, Framing::UntilClose].map(raw_bytes), [0; 3]);
        let mut decoder = BodyDecoder::new(Framing::Length(5));
        decoder.advance(3);
        assert_eq!(decoder.raw_bytes(), 2);
        decoder.advance(2);
        assert_eq!(decoder.raw_bytes(), 0);
    }

    #[test]
    fn trailers_are_there_once_the_content_has_ended() {
        let mut decoder = BodyDecoder::new(Framing::Chunked);
        let body = b"1\r\nx\r\n0\r\nEtag: y\r\n\r\n";
        assert_eq!(decoder.find(body), Ok(Found::Data { skip: 3, len: 1 }));
        decoder.advance(1);
        assert!(decoder.take_trailers().is_empty());
        assert_eq!(decoder.find(&body[4..]), Ok(Found::End { skip: body.len() - 4 }));
        assert_eq!(decoder.take_trailers().get("etag"), Some(&b"y"[..]));
    }

    #[test]
    fn only_close_delimited_content_may_end_with_the_input() {
        let mut decoder = BodyDecoder::new(Framing::UntilClose);
        assert_eq!(decoder.find(b"ab"), Ok(Found::Data { skip: 0, len: 2 }));
        decoder.advance(2);
        assert_eq!(decoder.end_of_input(), Ok(()));
        assert!(decoder.is_done());
        assert_eq!(BodyDecoder::new(Framing::Chunked).end_of_input(), Err(BodyError::Truncated));
    }
}
