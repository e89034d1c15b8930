//! What one exchange adds to its mount's numbers, and what those who watch are
//! told of it.
//!
//! Owns how it went, from the whole head of its request to its end, however
//! that comes. Two looks at the clock, and nothing where no mount answered.

use super::access_log::End;
use crate::error::Kind;
use crate::exchange::{ClientSide, Watched};
use crate::stats::{Failure, Finished, Stats};
use crate::traffic::Timing;
use std::time::Instant;

/// How an exchange goes.
#[derive(Debug)]
pub struct Tally {
    begun: Instant,
    status: u16,
    failure: Option<Failure>,
    end: Option<End>,
    /// Content received and sent, as far as it was counted.
    counted: (u64, u64),
}

impl Tally {
    /// One that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { begun: Instant::now(), status: 0, failure: None, end: None, counted: (0, 0) }
    }

    /// The client is told that status.
    pub fn told(&mut self, status: u16) {
        self.status = status;
    }

    /// Something went wrong; the first time counts.
    pub fn failed(&mut self, kind: &Kind) {
        self.failure.get_or_insert(Failure::of(kind));
        self.ended(End::of(kind));
    }

    /// It ended like that; the first word counts.
    pub fn ended(&mut self, end: End) -> End {
        *self.end.get_or_insert(end)
    }

    /// So much content has been received and sent until now.
    pub fn moved(&mut self, side: &ClientSide, received_bytes: u64, sent_bytes: u64) {
        let (received, sent) = std::mem::replace(&mut self.counted, (received_bytes, sent_bytes));
        if let Some(stats) = side.account.stats() {
            stats.moved(received_bytes.saturating_sub(received), sent_bytes.saturating_sub(sent));
        }
    }

    /// It is over, and counts; only once.
    pub fn close(&mut self, side: &mut ClientSide) {
        let Some((stats, watched)) = side.account.end() else { return };
        let at = Instant::now();
        let took = at.saturating_duration_since(self.begun);
        // What was cut off or has panicked is no failure of anybody else's.
        let is_cut = matches!(self.end, Some(End::Cut | End::Internal));
        let failure = self.failure.or_else(|| is_cut.then_some(Failure::Proxy));
        let finished = Finished { status: self.status, failure, took, at };
        stats.finished(&finished);
        if let Some(watched) = watched {
            self.tell(stats, *watched, &finished);
        }
    }

    fn tell(&self, stats: &Stats, watched: Watched, finished: &Finished) {
        let Watched { mut entry, path, notes } = watched;
        let facts = notes.facts();
        entry.status = finished.status;
        entry.failure = finished.failure.map(Failure::name);
        (entry.received_bytes, entry.sent_bytes) = self.counted;
        (entry.upstream, entry.reused) = (facts.upstream, facts.upstream_reused);
        let (queued, connect, first_byte) = (facts.queued, facts.connect, facts.first_byte);
        entry.timing = Timing { queued, connect, first_byte, total: finished.took };
        entry.end = self.end.unwrap_or(End::Cut).name();
        stats.tap().offer(entry, &path);
    }
}
