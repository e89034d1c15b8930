//! What the rooms note of one exchange on its way, for whoever keeps a log.
//! Nothing is noted, and nothing costs anything, where nobody keeps one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Notes of one exchange; clones are the same notes.
#[derive(Debug, Clone)]
pub struct Notes {
    shared: Arc<(Instant, Mutex<Facts>)>,
}

/// What can be noted.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The mount that answers.
    pub mount: Option<Arc<str>>,
    /// How long it waited to be let in, where it had to.
    pub queued: Option<Duration>,
    /// Where the upstream connection goes.
    pub upstream: Option<SocketAddr>,
    /// It had served before.
    pub upstream_reused: bool,
    /// How long it took to open, where it was opened for this.
    pub connect: Option<Duration>,
    /// From the whole head of the request to that of the answer.
    pub first_byte: Option<Duration>,
}

impl Notes {
    /// Of an exchange that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { shared: Arc::new((Instant::now(), Mutex::default())) }
    }

    /// How long ago the exchange began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.0.elapsed()
    }

    /// Notes something. One task at a time does, so nobody waits.
    pub fn note(&self, edit: impl FnOnce(&mut Facts)) {
        edit(&mut self.shared.1.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What has been noted.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.shared.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
