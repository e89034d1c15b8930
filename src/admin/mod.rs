//! The admin API: JSON over its own listener, on its own thread.
//!
//! Owns the guard, the routes and the shape of answers and errors. Asks the
//! registry for everything it tells or changes; reaches into no other room.

pub mod app;
mod apply;
mod bulk;
mod explain;
mod export;
pub mod guard;
mod import;
mod life;
mod list;
mod model;
mod mounts;
mod mutation;
mod problem;
mod query;
mod reading;
mod routes;
pub mod sse;
pub mod token;

pub use app::{AdminState, app};
pub use bulk::Bulk;
pub use sse::Streams;
pub use token::Token;
