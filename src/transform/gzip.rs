//! The gzip coding (RFC 1952), a step at a time and both ways.
//!
//! Owns the frame of a member, header and trailer; `flate2` does what is
//! between them. Each step gives at most what its output has room for, so a
//! body that expands a thousandfold costs time and no memory. Pure.

use crate::error::{Error, Kind};
use crate::http1::BodyError;
use crate::limits::GZIP_LEVEL;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;
const HAS_HEADER_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// What comes next of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The fixed part of the header, of which so many bytes have come.
    Fixed(usize),
    /// The length of the extra field: bytes that have come, and their value.
    ExtraLength(usize, u16),
    /// So much of the extra field is still to come.
    Extra(u16),
    /// A text up to a zero.
    Name,
    /// Another.
    Comment,
    /// The header's checksum: bytes that have come, and their value.
    HeaderCrc(usize, u16),
    /// What is compressed.
    Content,
    /// The checksum and length of the content, of which so many have come.
    Trailer(usize),
}

/// Reads a gzip body of any number of members.
pub struct Inflater {
    part: Part,
    flags: u8,
    trailer: [u8; TRAILER_BYTES],
    header_crc: Crc,
    content_crc: Crc,
    inflate: Decompress,
    /// Nothing has come.
    pristine: bool,
}

/// What a step of the [`Inflater`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflated {
    /// So much of the input is done with.
    pub used: usize,
    /// True when it did nothing: more input must come.
    pub starved: bool,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            part: Part::Fixed(0),
            flags: 0,
            trailer: [0; TRAILER_BYTES],
            header_crc: Crc::new(),
            content_crc: Crc::new(),
            inflate: Decompress::new(false),
            pristine: true,
        }
    }
}

impl Inflater {
    /// Decodes some input into the spare capacity of `out`, up to the end of a
    /// member at most. With no input it gives what it has already.
    pub fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Inflated, Error> {
        self.pristine &= input.is_empty();
        let mut used = 0;
        while self.part != Part::Content {
            let Some(byte) = input.get(used) else { return Ok(Inflated { used, starved: used == 0 }) };
            used += 1;
            self.frame(*byte)?;
            if self.part == Part::Fixed(0) {
                return Ok(Inflated { used, starved: false });
            }
        }
        let (read, written) = (self.inflate.total_in(), out.len());
        let status = self.inflate.decompress_vec(&input[used..], out, FlushDecompress::None);
        let status = status.map_err(|error| Error::new(Kind::UpstreamCoding, error))?;
        // At most the length of the input.
        let read = usize::try_from(self.inflate.total_in() - read).unwrap_or(0);
        self.content_crc.update(&out[written..]);
        if status == Status::StreamEnd {
            self.part = Part::Trailer(0);
        }
        let starved = used + read == 0 && out.len() == written && status != Status::StreamEnd;
        Ok(Inflated { used: used + read, starved })
    }

    /// Says that nothing else comes. True when there were members, false when
    /// there was nothing at all.
    pub fn end(&self) -> Result<bool, Error> {
        if self.part == Part::Fixed(0) {
            return Ok(!self.pristine);
        }
        Err(Error::new(Kind::UpstreamBody(BodyError::Truncated), "its gzip coding has no end"))
    }

    /// Takes one byte of a header or a trailer.
    fn frame(&mut self, byte: u8) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::new(Kind::UpstreamCoding, what));
        let part = self.part;
        if !matches!(part, Part::HeaderCrc(..) | Part::Trailer(_)) {
            self.header_crc.update(&[byte]);
        }
        self.part = match part {
            Part::Fixed(at) => {
                if MAGIC.get(at).is_some_and(|magic| *magic != byte) {
                    return wrong("this is not the header of a gzip member");
                }
                if at == MAGIC.len() {
                    self.flags = byte;
                    if byte & RESERVED != 0 {
                        return wrong("a gzip header has reserved flags");
                    }
                }
                if at + 1 < HEADER_BYTES { Part::Fixed(at + 1) } else { self.next_of_header() }
            }
            Part::ExtraLength(0, _) => Part::ExtraLength(1, u16::from(byte)),
            Part::ExtraLength(_, low) => match low | u16::from(byte) << 8 {
                0 => self.next_of_header(),
                length => Part::Extra(length),
            },
            Part::Extra(left) if left > 1 => Part::Extra(left - 1),
            Part::Name | Part::Comment if byte != 0 => part,
            Part::Extra(_) | Part::Name | Part::Comment => self.next_of_header(),
            Part::HeaderCrc(0, _) => Part::HeaderCrc(1, u16::from(byte)),
            Part::HeaderCrc(_, low) => {
                if u32::from(low | u16::from(byte) << 8) != self.header_crc.sum() & 0xffff {
                    return wrong("a gzip header has another checksum");
                }
                self.next_of_header()
            }
            Part::Trailer(at) => {
                self.trailer[at] = byte;
                if at + 1 == TRAILER_BYTES {
                    let [crc @ .., _, _, _, _] = self.trailer;
                    let [_, _, _, _, length @ ..] = self.trailer;
                    let crc = u32::from_le_bytes(crc);
                    if (crc, u32::from_le_bytes(length)) != (self.content_crc.sum(), self.content_crc.amount()) {
                        return wrong("gzip content has another checksum or length");
                    }
                    self.header_crc.reset();
                    self.content_crc.reset();
                    self.inflate.reset(false);
                    Part::Fixed(0)
                } else {
                    Part::Trailer(at + 1)
                }
            }
            Part::Content => part,
        };
        Ok(())
    }

    /// The next part that the flags announce; each is announced once.
    fn next_of_header(&mut self) -> Part {
        let parts = [
            (HAS_EXTRA, Part::ExtraLength(0, 0)),
            (HAS_NAME, Part::Name),
            (HAS_COMMENT, Part::Comment),
            (HAS_HEADER_CRC, Part::HeaderCrc(0, 0)),
        ];
        let next = parts.into_iter().find(|(flag, _)| self.flags & flag != 0);
        next.map_or(Part::Content, |(flag, part)| {
            self.flags &= !flag;
            part
        })
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Inflater").field("part", &self.part).finish_non_exhaustive()
    }
}

/// Writes a gzip body of one member. All it gives goes into the spare capacity
/// of an output, of which there must be more than a header's.
#[derive(Debug)]
pub struct Deflater {
    deflate: Compress,
    crc: Crc,
    begun: bool,
    /// It holds what no reader can have yet.
    holds: bool,
    content_ended: bool,
}

impl Default for Deflater {
    fn default() -> Self {
        Self {
            deflate: Compress::new(Compression::new(GZIP_LEVEL), false),
            crc: Crc::new(),
            begun: false,
            holds: false,
            content_ended: false,
        }
    }
}

impl Deflater {
    /// Encodes some input and tells how much.
    pub fn write(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let (used, _) = self.compress(input, out, FlushCompress::None)?;
        self.crc.update(&input[..used]);
        self.holds |= used > 0;
        Ok(used)
    }

    /// Gives what was written so that a reader can have all of it. Where the
    /// output is full, the rest comes with what is written next.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        while self.holds && out.len() < out.capacity() {
            self.compress(&[], out, FlushCompress::Sync)?;
            self.holds = out.len() == out.capacity();
        }
        Ok(())
    }

    /// Ends the body; true when all has been given, false when the output had
    /// no more room.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        if !self.content_ended {
            self.content_ended = self.compress(&[], out, FlushCompress::Finish)?.1 == Status::StreamEnd;
        }
        if !self.content_ended || out.capacity() - out.len() < TRAILER_BYTES {
            return Ok(false);
        }
        out.extend_from_slice(&self.crc.sum().to_le_bytes());
        out.extend_from_slice(&self.crc.amount().to_le_bytes());
        Ok(true)
    }

    fn compress(&mut self, input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> Result<(usize, Status), Error> {
        if !std::mem::replace(&mut self.begun, true) {
            // No flags, no time, no level, an unknown system.
            out.extend_from_slice(&[MAGIC[0], MAGIC[1], MAGIC[2], 0, 0, 0, 0, 0, 0, 0xff]);
        }
        let before = self.deflate.total_in();
        let status = self.deflate.compress_vec(input, out, flush);
        let status = status.map_err(|error| Error::new(Kind::Internal, error))?;
        Ok((usize::try_from(self.deflate.total_in() - before).unwrap_or(0), status))
    }
}
