//! What mounts have done: counters, latencies, rates, and who watches.
//!
//! Owns the numbers of each mount that has ever been asked, and their sums over
//! all that there are and were. Told of an exchange once, at its end, by the
//! front; asked by the admin API. Knows no HTTP and no socket.

mod book;
mod counters;
mod histogram;
mod outcome;
mod rate;

pub use book::{Book, Survey};
pub use counters::{Stats, Totals};
pub use histogram::{Distribution, Histogram};
pub use outcome::{Class, Failure, Finished};
