//! What the tests are made of: the server under test, its clients, its
//! upstreams.
//!
//! Every wait is bounded by [`PATIENCE`], every child is killed and waited for,
//! every listener is on loopback.

pub(crate) mod admin;
pub(crate) mod client;
pub(crate) mod contract;
pub(crate) mod directory;
pub(crate) mod events;
pub(crate) mod gate;
pub(crate) mod nginx;
pub(crate) mod origin;
pub(crate) mod pattern;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod python;
pub(crate) mod running;
pub(crate) mod scripts;
pub(crate) mod tls;
pub(crate) mod wire;

use std::time::{Duration, Instant};

/// How long anything may take that should take no time. Far more than needed,
/// so that a busy machine fails no test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds that takes a moment to come true.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}
