//! The client's side: connections and the front router.
//!
//! Owns a client connection's life, the one tide endpoint that hands its
//! requests to mounts, and the access log. Never knows a mount's rules.

pub mod access_log;
pub mod admit;
pub mod connection;
pub mod failure;
pub mod gateway;
mod persistence;
mod presence;
mod record;
mod reply_writer;
mod tally;
