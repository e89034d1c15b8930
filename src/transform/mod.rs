//! Rewriting of content on its way from an upstream to a client.
//!
//! A step of its own between the two, and only for replies that a rule is
//! for: others never come here. Owns which rules are for which media type, the
//! search, the codings it reads, and what of a head no longer fits. It keeps
//! the ways of the stream it wraps: it takes more only when what it gave has
//! been taken, and holds a few blocks whatever passes.
//!
//! A mount's plan calls it; the client's connection polls what it returns.

pub mod gzip;
pub mod head;
mod plain;
mod rules;
#[cfg(test)]
mod script;
pub mod substitute;
mod zipped;

pub use plain::Plain;
pub use rules::{MEDIA_TYPE_DEFAULT, Rewriter, Rule, is_media_range};
pub use zipped::Zipped;

use crate::message::Fields;

/// Bytes that wait to be taken, from the front.
#[derive(Debug)]
struct Block {
    bytes: Vec<u8>,
    at: usize,
}

impl Block {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), at: 0 }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn is_full(&self) -> bool {
        self.bytes.len() == self.bytes.capacity()
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    /// Where more can be put, once all was taken.
    fn refill(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.is_empty());
        self.bytes.clear();
        self.at = 0;
        &mut self.bytes
    }
}

/// What of the trailers still fits.
fn trailers(mut trailers: Fields) -> Fields {
    trailers.retain(|field| !head::is_checksum(field.name) && !field.name.eq_ignore_ascii_case(b"etag"));
    trailers
}
