//! The admin API: JSON over its own listener, on its own thread.
//!
//! Owns the guard, the routes and the shape of answers and errors. Asks the
//! registry for everything it tells or changes; reaches into no other room.

pub mod app;
mod apply;
mod assets;
mod attempts;
mod audit;
mod bulk;
pub mod caller;
mod events;
mod explain;
mod export;
mod filter;
pub mod guard;
mod import;
mod json;
mod life;
mod list;
mod members;
mod metrics;
mod model;
mod mounts;
mod mutation;
mod operations;
mod problem;
mod query;
mod reading;
mod revisions;
mod routes;
mod search;
pub mod sse;
mod stats;
pub mod token;
mod token_calls;
pub mod tokens;
mod traffic;

pub use app::{AdminState, app};
pub use bulk::Bulk;
pub use caller::Caller;
pub use model::as_sent;
pub use sse::Streams;
pub use token::Token;
pub use tokens::Tokens;
