//! One request and its reply on their way through the rooms.
//!
//! Owns the value that is handed from front to mount to upstream and back. It
//! decides nothing: who holds it reads it, edits it, and hands it on.

pub mod account;
pub mod body;
pub mod bounds;
pub mod credit;
pub mod generation;
pub mod notes;
pub mod outbound;
pub mod pace;
pub mod reply;
pub mod request;
pub mod shell;
pub mod tunnel;

pub use account::{Account, Watched};
pub use body::{ClientSide, RequestBody};
pub use bounds::Bounds;
pub use credit::{Credit, Credits};
pub use generation::Generation;
pub use notes::Notes;
pub use outbound::{Destination, Outbound};
pub use pace::Pace;
pub use reply::{BodyStream, Reply, ReplyBody};
pub use request::{Exchange, RequestId, RequestIds, Route};
pub use tunnel::{Tunnel, TunnelEnd};
