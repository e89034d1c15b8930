//! The access log: one line for every exchange.
//!
//! Owns what is written of an exchange, in which format, what is left out of it,
//! and the thread that writes. Never on the way of a request: who logs hands an
//! entry over and goes on. The operational log is another one (`oplog`).

pub mod entry;
pub mod format;
mod out;
pub mod writer;

pub use entry::{End, Entry};
pub use format::Format;
pub use out::Destination;
pub use writer::{AccessLog, Settings};
