//! The client's side: connections and the front router.
//!
//! Owns a client connection's life and the one tide endpoint that hands its
//! requests to mounts. Never knows a mount's rules.

pub mod admit;
pub mod connection;
pub mod failure;
pub mod gateway;
mod presence;
