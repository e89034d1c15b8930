//! A window of received bytes that are not used up yet.
//!
//! Owns where the unread bytes lie; never grows past what its caller asked
//! for. Read-ahead stays in it from one message to the next, so nothing that
//! was received is ever lost.

/// Received bytes, read from the front and filled at the back.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The bytes received and not consumed.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops `count` bytes from the front.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "consumed more than was received");
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for at least one more byte, in a buffer of `bytes_max` in all.
    /// Empty when the unread bytes fill it: the caller must consume first.
    pub fn room(&mut self, bytes_max: usize) -> &mut [u8] {
        if self.bytes.len() < bytes_max {
            self.bytes.resize(bytes_max, 0);
        }
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.bytes[self.end..]
    }

    /// Tells that `count` bytes of the room were filled.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "filled more than the room");
        self.end += count;
    }

    /// How many bytes it can hold now.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
