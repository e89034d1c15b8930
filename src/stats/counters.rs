//! What one mount has done.
//!
//! Owns its counters. An exchange adds to them once, at its end, in relaxed
//! atomic steps; whoever asks loads each by itself.

use super::histogram::{Distribution, Histogram};
use super::outcome::{Class, Failure, Finished};
use super::rate::Seconds;
use crate::error::Reason;
use crate::limits::RATE_SECONDS_TOLD;
use crate::traffic::{RecentErrors, Tap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

// Where each counter is in the list of all.
const CLASSES: usize = 0;
const FAILURES: usize = CLASSES + Class::ALL.len();
const REFUSALS: usize = FAILURES + Failure::APART.len();
const ERRORS: usize = REFUSALS + Reason::ALL.len();
const RECEIVED: usize = ERRORS + 1;
const SENT: usize = RECEIVED + 1;
const RESTARTS: usize = SENT + 1;
const COUNTERS: usize = RESTARTS + 1;

/// Where failures of that kind are counted.
fn place(failure: Failure) -> usize {
    match failure {
        Failure::Upstream => FAILURES,
        Failure::Client => FAILURES + 1,
        Failure::Proxy => FAILURES + 2,
        Failure::Refused(reason) => REFUSALS + reason as usize,
    }
}

/// The numbers of one mount, from its first request on.
#[derive(Debug)]
pub struct Stats {
    id: Arc<str>,
    /// When the process began to count.
    epoch: Instant,
    began: SystemTime,
    counters: [AtomicU64; COUNTERS],
    latency: Histogram,
    seconds: Seconds,
    /// When an exchange ended last, in milliseconds since the epoch and one
    /// more; 0 is never.
    last_ms: AtomicU64,
    tap: Tap,
    recent_errors: RecentErrors,
}

impl Stats {
    /// Nothing yet, of the mount of that id.
    pub(super) fn new(id: Arc<str>, epoch: Instant) -> Self {
        Self {
            id,
            epoch,
            began: SystemTime::now(),
            counters: std::array::from_fn(|_| AtomicU64::new(0)),
            latency: Histogram::default(),
            seconds: Seconds::default(),
            last_ms: AtomicU64::new(0),
            tap: Tap::default(),
            recent_errors: RecentErrors::default(),
        }
    }

    /// Whose they are.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// When they begin.
    #[must_use]
    pub fn began(&self) -> SystemTime {
        self.began
    }

    /// Who watches its requests.
    #[must_use]
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// What went wrong last.
    #[must_use]
    pub fn recent_errors(&self) -> &RecentErrors {
        &self.recent_errors
    }

    /// One exchange has ended. How long a tunnel was open is no latency.
    pub fn finished(&self, exchange: &Finished) {
        let class = Class::of(exchange.status);
        self.add(CLASSES + class as usize, 1);
        if let Some(failure) = exchange.failure {
            self.add(place(failure), 1);
        }
        if exchange.is_error() {
            self.add(ERRORS, 1);
        }
        if class != Class::Informational {
            self.latency.record(exchange.took);
        }
        let since = exchange.at.saturating_duration_since(self.epoch);
        self.seconds.count(since.as_secs());
        self.last_ms.store(u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1) + 1, Ordering::Relaxed);
    }

    /// So much more content was received from clients, and sent to them.
    pub fn moved(&self, received_bytes: u64, sent_bytes: u64) {
        self.add(RECEIVED, received_bytes);
        self.add(SENT, sent_bytes);
    }

    /// The mount's actor was started again.
    pub fn restarted(&self) {
        self.add(RESTARTS, 1);
    }

    fn add(&self, counter: usize, more: u64) {
        if more > 0 {
            self.counters[counter].fetch_add(more, Ordering::Relaxed);
        }
    }

    fn get(&self, counter: usize) -> u64 {
        self.counters[counter].load(Ordering::Relaxed)
    }

    /// How many exchanges have ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        (CLASSES..FAILURES).map(|class| self.get(class)).sum()
    }

    /// How many of them with a 5xx or a failure that was not the client's.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.get(ERRORS)
    }

    /// How long that share of them took at most, a number between 0 and 1.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        self.latency.load().quantile(share)
    }

    /// When an exchange ended last, to compare mounts by: in milliseconds since
    /// the process began to count, and one more; 0 is never.
    #[must_use]
    pub fn last_ms(&self) -> u64 {
        self.last_ms.load(Ordering::Relaxed)
    }

    /// When an exchange ended last, by the clock as it is now.
    #[must_use]
    pub fn last_activity(&self) -> Option<SystemTime> {
        let last_ms = self.last_ms.load(Ordering::Relaxed).checked_sub(1)?;
        let ago = self.epoch.elapsed().saturating_sub(Duration::from_millis(last_ms));
        SystemTime::now().checked_sub(ago)
    }

    /// How many have ended in the `seconds` whole seconds before this one, at
    /// most a minute.
    #[must_use]
    pub fn in_last(&self, seconds: u64) -> u64 {
        self.seconds.before(self.epoch.elapsed().as_secs(), seconds)
    }

    /// How many have ended in each whole second of the minute before this one,
    /// the last one last.
    #[must_use]
    pub fn by_second(&self) -> [u64; RATE_SECONDS_TOLD] {
        self.by_second_before(self.epoch.elapsed().as_secs())
    }

    /// The same, before that second of the process's life.
    pub(super) fn by_second_before(&self, second: u64) -> [u64; RATE_SECONDS_TOLD] {
        self.seconds.each_before(second)
    }

    /// All counters as they are now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { counters: std::array::from_fn(|counter| self.get(counter)), latency: self.latency.load() }
    }
}

/// What was counted, of one mount or of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    counters: [u64; COUNTERS],
    /// How long exchanges took, from the whole request head to the last byte.
    pub latency: Distribution,
}

impl Default for Totals {
    fn default() -> Self {
        Self { counters: [0; COUNTERS], latency: Distribution::default() }
    }
}

impl Totals {
    /// How many exchanges were answered like that.
    #[must_use]
    pub fn of(&self, class: Class) -> u64 {
        self.counters[CLASSES + class as usize]
    }

    /// How many exchanges have ended.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counters[CLASSES..FAILURES].iter().sum()
    }

    /// See [`Stats::errors`].
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.counters[ERRORS]
    }

    /// How many failed like that.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> u64 {
        self.counters[place(failure)]
    }

    /// Bytes of content from clients, and through tunnels to upstreams.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.counters[RECEIVED]
    }

    /// Bytes of content to clients, and through tunnels from upstreams.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.counters[SENT]
    }

    /// How often actors were started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.counters[RESTARTS]
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counters.iter_mut().zip(other.counters) {
            *count += more;
        }
        self.latency.add(&other.latency);
    }

    /// What of it is not in `part`, which was in it before.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            counters: std::array::from_fn(|at| self.counters[at].saturating_sub(part.counters[at])),
            latency: self.latency.without(&part.latency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn stats() -> Stats {
        Stats::new("m".into(), Instant::now())
    }

    fn finished(status: u16, kind: Option<Kind>) -> Finished {
        let failure = kind.as_ref().map(Failure::of);
        Finished { status, failure, took: Duration::from_millis(2), at: Instant::now() }
    }

    #[test]
    fn an_exchange_is_counted_by_class_failure_and_time() {
        let stats = stats();
        assert_eq!((stats.requests(), stats.last_activity(), stats.quantile(0.5)), (0, None, None));
        for (status, kind) in [
            (200, None),
            (404, None),
            (500, None),
            (502, Some(Kind::Connect)),
            (503, Some(Kind::Saturated)),
            (200, Some(Kind::UpstreamClosed)),
            (0, Some(Kind::ClientGone)),
        ] {
            stats.finished(&finished(status, kind));
        }
        stats.moved(3, 10);
        stats.restarted();
        let totals = stats.totals();
        let classes = Class::ALL.map(|class| totals.of(class));
        assert_eq!(classes, [0, 2, 0, 1, 3, 1]);
        assert_eq!((totals.requests(), stats.requests(), totals.latency.count()), (7, 7, 7));
        assert_eq!(Failure::APART.map(|failure| totals.failed(failure)), [2, 1, 0]);
        assert_eq!(totals.failed(Failure::Refused(Reason::Concurrency)), 1);
        assert_eq!((totals.errors(), stats.errors()), (4, 4), "not what clients did wrong");
        assert_eq!((totals.received_bytes(), totals.sent_bytes(), totals.restarts()), (3, 10, 1));
        let median = stats.quantile(0.5).unwrap();
        assert!(median > Duration::from_millis(1) && median <= Duration::from_millis(2), "{median:?}");
        assert!(stats.last_activity().unwrap() <= SystemTime::now());
    }

    #[test]
    fn how_long_a_tunnel_was_open_is_no_latency() {
        let stats = stats();
        stats.finished(&finished(101, None));
        assert_eq!((stats.requests(), stats.totals().latency.count()), (1, 0));
    }

    #[test]
    fn a_mount_that_was_asked_costs_little() {
        assert!(size_of::<Stats>() <= 1600, "{}", size_of::<Stats>());
    }

    #[test]
    fn every_counter_has_a_place_of_its_own() {
        let mut places: Vec<usize> = Failure::APART.map(place).to_vec();
        places.extend(Reason::ALL.map(|reason| place(Failure::Refused(reason))));
        places.extend(Class::ALL.map(|class| CLASSES + class as usize));
        places.extend([ERRORS, RECEIVED, SENT, RESTARTS]);
        places.sort_unstable();
        assert_eq!(places, (0..COUNTERS).collect::<Vec<_>>());
    }

    #[test]
    fn parts_make_the_whole() {
        let stats = stats();
        stats.finished(&finished(200, None));
        let part = stats.totals();
        stats.finished(&finished(500, None));
        let rest = stats.totals().without(&part);
        assert_eq!((rest.requests(), rest.of(Class::ServerError), rest.latency.count()), (1, 1, 1));
        let mut whole = part;
        whole.add(&rest);
        assert_eq!(whole, stats.totals());
    }
}
