//! A barrier between a test and its scripted peers.

use super::PATIENCE;
use std::sync::{Arc, Condvar, Mutex};

/// Counts arrivals; whoever needs some number of them waits for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<usize>, Condvar)>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One more has arrived.
    pub(crate) fn arrive(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    /// How many have arrived.
    pub(crate) fn count(&self) -> usize {
        *self.0.0.lock().unwrap()
    }

    /// Waits until `count` have arrived.
    pub(crate) fn wait_for(&self, count: usize) {
        let arrived = self.0.0.lock().unwrap();
        let (arrived, timeout) = self.0.1.wait_timeout_while(arrived, PATIENCE, |arrived| *arrived < count).unwrap();
        assert!(!timeout.timed_out(), "waited for {count} arrivals, and there were {}", *arrived);
    }

    /// Waits until one has arrived.
    pub(crate) fn wait(&self) {
        self.wait_for(1);
    }
}
