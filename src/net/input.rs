//! What comes in on a stream and is not used up yet.
//!
//! Owns the bytes between the socket and whoever understands them. They stay
//! from one message to the next, so nothing that was received is ever lost.
//! Never holds more than `limits::READ_BYTES_MAX`, and nothing while it waits
//! with nothing received: then its buffer serves others of its thread.

use super::spare::{self, Spare};
use super::splice::Conduit;
use super::stream::Stream;
use crate::limits::{READ_BYTES, READ_BYTES_MAX, SPARE_BUFFERS_MAX};
use std::io;
use std::task::{Context, Poll};
use std::thread::LocalKey;

/// The reading side of a stream.
#[derive(Debug)]
pub struct Input {
    stream: Stream,
    buffer: Buffer,
    /// How large the buffer may be now: more once a read has filled it.
    bytes_max: usize,
}

impl Input {
    /// Of that stream, with nothing received yet.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: Buffer::default(), bytes_max: READ_BYTES }
    }

    /// The stream, for writing.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The bytes received and not consumed.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.buffer.unread()
    }

    /// Drops `count` bytes from the front.
    pub fn consume(&mut self, count: usize) {
        self.buffer.consume(count);
    }

    /// Nothing is expected for a while: holds no memory, if nothing is in it.
    pub fn rest(&mut self) {
        self.buffer.rest();
    }

    /// Takes up to `bytes_max` of what comes next without reading it: see
    /// [`Conduit::poll_take`]. Nothing may be unread.
    pub fn poll_splice(&mut self, cx: &mut Context<'_>, bytes_max: usize) -> Poll<io::Result<Option<Conduit>>> {
        assert!(self.unread().is_empty(), "spliced past what was not consumed");
        self.rest();
        Conduit::poll_take(cx, &self.stream, bytes_max)
    }

    /// Reads more; 0 is the end of the input.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.buffer.unread().len() >= self.bytes_max {
            self.bytes_max = READ_BYTES_MAX;
        }
        let room = self.buffer.room(self.bytes_max);
        let offered = room.len();
        // A read into no room would look like the end of the input.
        assert!(offered > 0, "read before anything was consumed");
        let Poll::Ready(read) = self.stream.poll_read(cx, room) else {
            self.rest();
            return Poll::Pending;
        };
        let count = read?;
        self.buffer.filled(count);
        if count == offered {
            self.bytes_max = READ_BYTES_MAX;
        }
        Poll::Ready(Ok(count))
    }
}

thread_local! {
    /// Buffers of the first size.
    static SMALL: Spare<Vec<u8>> = const { Spare::new(Vec::new()) };
    /// And of the largest.
    static LARGE: Spare<Vec<u8>> = const { Spare::new(Vec::new()) };
}

/// Where a buffer of so many bytes is kept.
fn shelf(bytes: usize) -> Option<&'static LocalKey<Spare<Vec<u8>>>> {
    match bytes {
        READ_BYTES => Some(&SMALL),
        READ_BYTES_MAX => Some(&LARGE),
        _ => None,
    }
}

/// A window of received bytes, read from the front and filled at the back.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "consumed more than was received");
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for at least one more byte, in a buffer of `bytes_max` in all.
    /// Empty when the unread bytes fill it: the caller must consume first.
    fn room(&mut self, bytes_max: usize) -> &mut [u8] {
        if self.bytes.is_empty()
            && let Some(shelf) = shelf(bytes_max)
        {
            self.bytes = spare::take(shelf).unwrap_or_default();
        }
        if self.bytes.len() < bytes_max {
            self.bytes.resize(bytes_max, 0);
        }
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.bytes[self.end..]
    }

    /// Leaves the memory to others, if nothing is in it.
    fn rest(&mut self) {
        if self.end > 0 {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        if let Some(shelf) = shelf(bytes.len()) {
            spare::keep(shelf, SPARE_BUFFERS_MAX, bytes);
        }
    }

    /// Tells that `count` bytes of the room were filled.
    fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "filled more than the room");
        self.end += count;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.end = 0;
        self.rest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_with_nothing_in_it_serves_the_next() {
        let (mut one, mut other) = (Buffer::default(), Buffer::default());
        one.room(READ_BYTES)[0] = 7;
        one.filled(1);
        one.rest();
        assert_eq!(one.unread(), [7]);
        one.consume(1);
        let at = one.bytes.as_ptr();
        one.rest();
        assert!(one.bytes.is_empty());
        other.room(READ_BYTES);
        assert_eq!((other.bytes.as_ptr(), other.unread()), (at, &[][..]));
    }

    #[test]
    fn unread_bytes_survive_a_full_buffer() {
        let mut buffer = Buffer::default();
        buffer.room(4).copy_from_slice(b"abcd");
        buffer.filled(4);
        assert!(buffer.room(4).is_empty());
        buffer.consume(3);
        assert_eq!(buffer.unread(), b"d");
        buffer.room(4)[..3].copy_from_slice(b"efg");
        buffer.filled(3);
        assert_eq!(buffer.unread(), b"defg");
    }
}
