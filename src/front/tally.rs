//! What one exchange adds to its mount's numbers, and what those who watch are
//! told of it.
//!
//! Owns how it went, from the whole head of its request to its end, however
//! that comes. Two looks at the clock, and nothing where no mount answered. What
//! was asked for is kept until then, in a buffer that stays with the connection,
//! since nobody knows before whether it has to be told.

use super::access_log::End;
use crate::error::Error;
use crate::exchange::{ClientSide, RequestId, Watched};
use crate::limits::{ASKED_KEPT_BYTES_MAX, RECENT_ERROR_TARGET_BYTES_READ};
use crate::message::RequestHead;
use crate::stats::{Failure, Finished, Stats};
use crate::traffic::{Cause, RecentError, Timing};
use std::borrow::Cow;
use std::time::Instant;

/// How an exchange goes.
#[derive(Debug)]
pub struct Tally {
    begun: Instant,
    status: u16,
    failure: Option<Failure>,
    /// That in words, unless it is the client's.
    detail: Option<Cow<'static, str>>,
    end: Option<End>,
    /// Content received and sent, as far as it was counted.
    counted: (u64, u64),
    asked: Asked,
}

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    id: Option<RequestId>,
    /// The method, and behind it what is looked at of the raw target.
    bytes: Vec<u8>,
    method_len: usize,
}

impl Asked {
    fn note(&mut self, id: RequestId, head: Option<&RequestHead>) {
        let (method, target) = head.map_or((&[][..], &[][..]), |head| (head.method(), head.target()));
        // One byte more tells that there was more.
        let target = &target[..target.len().min(RECENT_ERROR_TARGET_BYTES_READ + 1)];
        (self.id, self.method_len) = (Some(id), method.len());
        self.bytes.clear();
        self.bytes.reserve(method.len() + target.len());
        self.bytes.extend_from_slice(method);
        self.bytes.extend_from_slice(target);
    }

    /// It is told by now, if it had to be.
    fn forget(&mut self) {
        self.id = None;
        self.bytes.clear();
        self.bytes.shrink_to(ASKED_KEPT_BYTES_MAX);
    }
}

impl Tally {
    /// One of no exchange yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            status: 0,
            failure: None,
            detail: None,
            end: None,
            counted: (0, 0),
            asked: Asked::default(),
        }
    }

    /// An exchange begins now.
    pub fn begin(&mut self, id: RequestId, head: Option<&RequestHead>) {
        let mut asked = std::mem::take(&mut self.asked);
        asked.note(id, head);
        *self = Self { asked, ..Self::new() };
    }

    /// The client is told that status.
    pub fn told(&mut self, status: u16) {
        self.status = status;
    }

    /// Something went wrong; the first time counts.
    pub fn failed(&mut self, error: &Error) {
        let failure = Failure::of(error.kind());
        if self.failure.is_none() && failure != Failure::Client {
            self.detail = Some(error.detail());
        }
        self.failure.get_or_insert(failure);
        self.ended(End::of(error.kind()));
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
        self.count(side);
        self.asked.forget();
    }

    fn count(&mut self, side: &mut ClientSide) {
        let Some((stats, watched)) = side.account.end() else { return };
        let at = Instant::now();
        let took = at.saturating_duration_since(self.begun);
        // What was cut off or has panicked is no failure of anybody else's.
        let is_cut = matches!(self.end, Some(End::Cut | End::Internal));
        let failure = self.failure.or_else(|| is_cut.then_some(Failure::Proxy));
        let finished = Finished { status: self.status, failure, took, at };
        if let (true, Some(id)) = (finished.is_error(), self.asked.id) {
            let (method, target) = self.asked.bytes.split_at(self.asked.method_len);
            let cause = cause(failure, self.detail.take());
            stats.recent_errors().keep(RecentError::now(id.to_string(), method, target, finished.status, cause));
        }
        // Last, so that who sees it counted finds it among the errors.
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

/// Why it went wrong, where that is not what the upstream has answered.
fn cause(failure: Option<Failure>, detail: Option<Cow<'static, str>>) -> Option<Cause> {
    let failure = failure.filter(|failure| *failure != Failure::Client)?;
    let detail = detail.unwrap_or_else(|| "it was cut off before its end".into());
    let budget = if let Failure::Refused(reason) = failure { reason.budget() } else { None };
    let detail = match budget {
        Some(budget) => format!("{detail} ({budget})").into(),
        None => detail,
    };
    Some(Cause { failure: failure.name(), detail })
}
