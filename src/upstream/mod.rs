//! The life of upstream connections, behind surf's `HttpClient`.
//!
//! Owns dialling within a deadline, the pool, and one exchange on one
//! connection. Never chooses where a request goes: its mount said so.

mod backend;
mod connection;
mod pool;
mod retry;

pub use backend::Backend;
pub use pool::Pool;
