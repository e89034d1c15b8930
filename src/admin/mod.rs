//! The admin API: JSON over its own listener, on its own thread.
//!
//! Owns the guard, the routes and the shape of answers and errors. Asks the
//! registry for everything it tells or changes; reaches into no other room.

pub mod app;
pub mod guard;
mod import;
mod metrics;
mod model;
mod problem;
mod routes;
pub mod sse;
mod stats;
pub mod token;
mod traffic;

pub use app::{AdminState, app};
pub use sse::Streams;
pub use token::Token;
