//! How long a thread has had its core for itself.
//!
//! Owns when it lets others go first. A thread that finds new work whenever it
//! has done the old never waits, so the system takes its core away only at a
//! tick, some milliseconds later; meanwhile everybody on that core waits, the
//! threads that its own clients and upstreams are, too. Where it has waited,
//! others had their turn, and it owes them nothing: giving way costs a thread a
//! part of its share, which programs that never wait would get.

use crate::limits::{PAUSE_MIN, STINT_MAX};
use std::time::Instant;

/// A thread's work since others had their turn.
#[derive(Debug)]
pub struct Stint {
    since: Instant,
}

impl Stint {
    /// Begins now.
    #[must_use]
    pub fn begin(now: Instant) -> Self {
        Self { since: now }
    }

    /// True once others should go first.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > STINT_MAX
    }

    /// The thread has waited from one time to the other. If that was long
    /// enough for somebody else to run, a new stint begins.
    pub fn paused(&mut self, from: Instant, until: Instant) {
        if until.saturating_duration_since(from) > PAUSE_MIN {
            self.since = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const STEP: Duration = Duration::from_micros(1);

    #[test]
    fn who_works_without_a_pause_lets_others_go_first() {
        let start = Instant::now();
        let stint = Stint::begin(start);
        assert!(!stint.is_over(start));
        assert!(!stint.is_over(start + STINT_MAX));
        assert!(stint.is_over(start + STINT_MAX + STEP));
    }

    #[test]
    fn a_pause_begins_a_new_stint_and_a_mere_look_does_not() {
        let start = Instant::now();
        let mut stint = Stint::begin(start);
        let (looked, waited) = (start + STINT_MAX, start + STINT_MAX + PAUSE_MIN + STEP);
        stint.paused(looked, looked + PAUSE_MIN);
        assert!(stint.is_over(waited));
        stint.paused(looked, waited);
        assert!(!stint.is_over(waited + STINT_MAX));
        assert!(stint.is_over(waited + STINT_MAX + STEP));
    }
}
