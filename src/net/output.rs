//! What is written before it is sent.
//!
//! Owns the buffers in which messages are put together. Each is needed for as long
//! as one message, so a thread keeps a few for the next ones.

use super::spare::{self, Spare};
use crate::limits::{OUTPUT_BYTES, OUTPUT_BYTES_KEPT_MAX, SPARE_OUTPUTS_MAX};
use std::ops::{Deref, DerefMut};

/// Bytes on their way out; empty at first.
#[derive(Debug)]
pub struct Output(Vec<u8>);

thread_local! {
    static SPARE: Spare<Vec<u8>> = const { Spare::new(Vec::new()) };
}

impl Default for Output {
    fn default() -> Self {
        Self(spare::take(&SPARE).unwrap_or_else(|| Vec::with_capacity(OUTPUT_BYTES)))
    }
}

impl Deref for Output {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() <= OUTPUT_BYTES_KEPT_MAX {
            bytes.clear();
            spare::keep(&SPARE, SPARE_OUTPUTS_MAX, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_serves_the_next_message_unless_it_has_grown_large() {
        let mut one = Output::default();
        one.extend_from_slice(b"of one message");
        let at = one.as_ptr();
        drop(one);
        let mut other = Output::default();
        assert_eq!((other.as_ptr(), other.len()), (at, 0));
        other.resize(OUTPUT_BYTES_KEPT_MAX + 1, 0);
        drop(other);
        assert!(Output::default().capacity() <= OUTPUT_BYTES_KEPT_MAX);
    }
}
