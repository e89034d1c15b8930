//! Requests as they happen, for who watches a mount, and the last that went
//! wrong, for who comes later.
//!
//! Owns what is told of an exchange, what of it is kept back, who wants to hear
//! of which, and the queues between them. Costs one look at a number where
//! nobody watches. Knows no HTTP framing and no socket.

mod entry;
mod filter;
mod recent;
mod tap;

pub use entry::{Entry, Timing};
pub use filter::Filter;
pub use recent::{Cause, RecentError, RecentErrors};
pub use tap::{Tap, Watcher};
