//! Standin: an HTTP reverse proxy whose routes are made while it runs.
//!
//! An actor stands in for each upstream. ARCHITECTURE.md has the map; each
//! module says in its first lines what it owns and what it never does.

pub mod admin;
pub mod cli;
pub mod demo;
pub mod error;
pub mod exchange;
pub mod files;
pub mod front;
pub mod http1;
pub mod identity;
pub mod limits;
pub mod message;
pub mod mount;
pub mod net;
pub mod oplog;
pub mod paste;
pub mod policy;
pub mod process;
pub mod registry;
pub mod server;
pub mod service;
pub mod settings;
pub mod stats;
pub mod traffic;
pub mod transform;
pub mod upstream;

#[cfg(test)]
mod isolation_tests;
#[cfg(test)]
mod testing;
