//! What a mount is, the actor that runs it, and the table that finds it.
//!
//! Owns the spec, the pure state machine, and what a mount does to a request.
//! Opens no sockets: its backend was given to it.

mod actor;
pub mod explain;
mod handle;
pub mod identity;
mod mailbox;
mod observer;
pub mod plan;
mod queue;
mod retired;
mod route;
pub mod spec;
pub mod state;
pub mod table;
pub mod trust;

pub use handle::{Environment, MountHandle, Status};
pub use observer::{Observer, Observing};
pub use retired::Remains;
pub use spec::{MountSpec, SpecFault};
pub use state::{Ending, Lifecycle};
pub use table::Table;
