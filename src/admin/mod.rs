//! The admin API: JSON over its own listener, on its own thread.
//!
//! Owns the guard, the routes and the shape of answers and errors. Asks the
//! registry for everything it tells or changes; reaches into no other room.

pub mod app;
mod attempts;
mod audit;
pub mod caller;
pub mod guard;
mod import;
mod json;
mod model;
mod problem;
mod routes;
pub mod sse;
pub mod token;
mod token_calls;
pub mod tokens;

pub use app::{AdminState, app};
pub use caller::Caller;
pub use sse::Streams;
pub use token::Token;
pub use tokens::Tokens;
