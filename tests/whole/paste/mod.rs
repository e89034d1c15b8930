//! PyPI's Paste and Standin, side by side.
//!
//! - `side_by_side`: the same requests go through both to the same origin.
//! - `table`: those requests, the origin's answers, and every difference with
//!   its reason.
//! - `vectors`: what Paste does with what no WSGI server would hand it, called
//!   without one: joined paths, quoting, lengths, addresses.

mod side_by_side;
mod table;
mod vectors;

/// What became of a behaviour of Paste's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The same as Paste.
    Same,
    /// Fixed, because.
    Fixed(&'static str),
}
