//! PyPI's Paste and Standin, side by side.
//!
//! - `side_by_side`: the same requests go through both to the same origin.
//! - `table`: those requests, the origin's answers, and every difference with
//!   its reason.

mod side_by_side;
mod table;
