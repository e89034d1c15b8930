//! Edits of requests and responses, one idea a file.
//!
//! Pure functions over heads: no I/O, no clock, no state. A mount's plan calls
//! them in a fixed order.

pub mod cookies;
pub mod dictionary;
pub mod edits;
pub mod forwarded;
pub mod hop_by_hop;
pub mod identity;
pub mod location;
pub mod max_forwards;
pub mod methods;
pub mod rate;
pub mod signature;
pub mod trace;
pub mod trailers;
pub mod via;
