//! HTTP/1.x without I/O: bytes in → heads and content out, and back.
//!
//! Owns the syntax and framing of RFC 9112, strictly: what is ambiguous is
//! refused, never guessed. No sockets, no clocks, no async. `front` uses it
//! towards clients, `upstream` towards servers.

pub mod body;
pub mod chunked;
pub mod encode;
pub mod framing;
pub mod parse;
pub mod upgrade;

pub use body::{BodyDecoder, BodyError, Found};
pub use framing::{Framing, FramingError, ReplyFraming};
pub use parse::{HeadBounds, HeadError, HeadScan};
