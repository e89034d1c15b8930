//! Requests as they happen, for who watches a mount.
//!
//! Owns what is told of an exchange, what of it is kept back, who wants to hear
//! of which, and the queues between them. Costs one look at a number where
//! nobody watches. Knows no HTTP framing, no socket and no clock.

mod entry;
mod filter;
mod tap;

pub use entry::{Entry, Timing};
pub use filter::Filter;
pub use tap::{Tap, Watcher};
