//! Bytes that look random and are the same every time.

use std::io::Read;

/// An endless reader; a lost, doubled or moved byte shows.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(u64);

impl Pattern {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next `count` bytes.
    pub(crate) fn block(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.read_exact(&mut bytes).unwrap();
        // The high bits are the better ones.
        usize::try_from((u64::from_le_bytes(bytes) >> 16) % bound as u64).unwrap()
    }
}

impl Read for Pattern {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        for part in room.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            part.copy_from_slice(&self.0.to_le_bytes()[..part.len()]);
        }
        Ok(room.len())
    }
}
