//! Whole-server tests: the real binary, real upstreams, real clients, all on
//! loopback.
//!
//! - `traffic`: large bodies and many requests through nginx and Python.
//! - `clients`: curl, Python, Node and a browser, before nginx, Python and Node.
//! - `bytes`: what passes unchanged, and how framing is translated.
//! - `requests`: hostile clients, and what a request carries to the upstream.
//! - `mounts`: what each member of a mount does to requests.
//! - `faults`: hostile upstreams.
//! - `mutations`: messages with random faults in them.
//! - `isolation`: what one mount cannot do to another.
//! - `durability`: what survives the end of the process.
//! - `process`: signals, exit codes, the command line, settings.
//! - `api`: every call of the admin API against openapi.yaml.
//! - `guard`: who is not let in to the admin API.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests say what they expect by unwrapping it")]

mod api;
mod bytes;
mod clients;
mod common;
mod durability;
mod faults;
mod guard;
mod isolation;
mod mounts;
mod mutations;
mod process;
mod requests;
mod traffic;
