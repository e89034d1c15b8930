//! Leases: when each runs out, and that it does so once.
//!
//! Owns the deadlines. A renewal is one atomic step and wakes nobody; the
//! writer looks at the deadline that is next, finds it renewed or not, and only
//! then changes the set. Nothing here is stored: after a restart every lease
//! begins anew, so none ends earlier than its owner was told.

use crate::limits::LEASES_SWEPT_MIN;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// No lease is this early: it has run out.
const OVER: u64 = 0;
/// And none this late: it has not begun.
const UNBEGUN: u64 = u64::MAX;

/// Counts milliseconds from the start of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    begun: Instant,
    /// The same by the clock on the wall, so that an end is told alike each time.
    begun_at: SystemTime,
}

impl Clock {
    /// Begins at 1: 0 is a lease that has run out.
    #[must_use]
    pub fn start() -> Self {
        Self { begun: Instant::now(), begun_at: SystemTime::now() }
    }

    /// Milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        1 + u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }
}

/// The lease of one mount. Clones of the record share it.
#[derive(Debug)]
pub struct Running {
    until_ms: AtomicU64,
}

impl Running {
    /// One that has not begun.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { until_ms: AtomicU64::new(UNBEGUN) })
    }

    /// It ends after `ttl` unless it is renewed.
    pub fn begin(&self, clock: &Clock, ttl: Duration) {
        self.until_ms.store(clock.now_ms().saturating_add(ms(ttl)), Ordering::Release);
    }

    /// Begins `ttl` anew; false if it has run out.
    #[must_use]
    pub fn renew(&self, clock: &Clock, ttl: Duration) -> bool {
        let until = clock.now_ms().saturating_add(ms(ttl));
        let renewed = |now: u64| (now != OVER).then_some(until);
        self.until_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, renewed).is_ok()
    }

    /// When it runs out, by the clock on the wall; none if it has, or has not begun.
    #[must_use]
    pub fn expires_at(&self, clock: &Clock) -> Option<SystemTime> {
        let until = self.until_ms.load(Ordering::Acquire);
        if matches!(until, OVER | UNBEGUN) {
            None
        } else {
            clock.begun_at.checked_add(Duration::from_millis(until - 1))
        }
    }

    /// Ends it if its time has come; otherwise says when that is.
    fn end(&self, now_ms: u64) -> Result<(), u64> {
        let over = |until: u64| (until != OVER && until <= now_ms).then_some(OVER);
        match self.until_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, over) {
            Ok(_) => Ok(()),
            Err(until) => Err(until),
        }
    }

    /// What could not be stored is tried again so much later.
    pub fn postpone(&self, clock: &Clock, pause: Duration) {
        self.until_ms.store(clock.now_ms().saturating_add(ms(pause)), Ordering::Release);
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

/// All leases that run, the next one first.
#[derive(Debug, Default)]
pub struct Leases {
    queue: BinaryHeap<Reverse<Due>>,
    /// How many there were when those of mounts that are gone were left out.
    swept: usize,
}

/// When somebody looks at a lease again: not later than it ends.
#[derive(Debug)]
struct Due {
    at_ms: u64,
    id: String,
    running: Arc<Running>,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, &self.id).cmp(&(other.at_ms, &other.id))
    }
}

impl Leases {
    /// Watches a lease that has begun. One that is dropped elsewhere is forgotten
    /// when its time comes, or when there are many of them.
    pub fn watch(&mut self, id: &str, running: &Arc<Running>) {
        if self.queue.len() > (2 * self.swept).max(LEASES_SWEPT_MIN) {
            self.queue.retain(|Reverse(due)| Arc::strong_count(&due.running) > 1);
            self.swept = self.queue.len();
        }
        let at_ms = running.until_ms.load(Ordering::Acquire);
        if at_ms != OVER {
            self.queue.push(Reverse(Due { at_ms, id: id.to_owned(), running: Arc::clone(running) }));
        }
    }

    /// When to look next.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(due)| due.at_ms)
    }

    /// The mounts whose leases have just run out, each once, at most so many.
    pub fn take_over(&mut self, now_ms: u64, most: usize) -> Vec<(String, Arc<Running>)> {
        let mut over = Vec::new();
        while over.len() < most && self.next_ms().is_some_and(|at| at <= now_ms) {
            let Some(Reverse(due)) = self.queue.pop() else { break };
            // Nobody else has it: its mount has another lease, or is gone.
            if Arc::strong_count(&due.running) == 1 {
                continue;
            }
            match due.running.end(now_ms) {
                Ok(()) => over.push((due.id, due.running)),
                Err(OVER) => {}
                Err(at_ms) => self.queue.push(Reverse(Due { at_ms, ..due })),
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(until_ms: u64) -> Arc<Running> {
        Arc::new(Running { until_ms: AtomicU64::new(until_ms) })
    }

    fn over(leases: &mut Leases, now_ms: u64) -> Vec<String> {
        leases.take_over(now_ms, 10).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn a_lease_runs_out_once_and_only_if_it_is_not_renewed() {
        let mut leases = Leases::default();
        let (a, b, gone) = (running(100), running(200), running(100));
        leases.watch("a", &a);
        leases.watch("b", &b);
        leases.watch("gone", &gone);
        drop(gone);
        assert_eq!(leases.next_ms(), Some(100));
        assert_eq!(over(&mut leases, 99), Vec::<String>::new());
        a.until_ms.store(300, Ordering::Release);
        assert_eq!(over(&mut leases, 250), ["b"]);
        assert_eq!(over(&mut leases, 299), Vec::<String>::new());
        assert_eq!(over(&mut leases, 300), ["a"]);
        assert_eq!(over(&mut leases, 9999), Vec::<String>::new());
        let clock = Clock::start();
        assert!(!a.renew(&clock, Duration::from_secs(9)), "it has run out");
        assert_eq!(a.expires_at(&clock), None);
    }

    #[test]
    fn a_lease_ends_when_it_was_said_and_not_before_it_has_begun() {
        let clock = Clock::start();
        let lease = Running::new();
        assert_eq!(lease.expires_at(&clock), None);
        lease.begin(&clock, Duration::from_secs(60));
        let said = lease.expires_at(&clock).unwrap();
        assert_eq!(lease.expires_at(&clock), Some(said), "told alike each time");
        assert!(said > SystemTime::now() + Duration::from_secs(58));
    }

    #[test]
    fn renewals_leave_the_queue_as_it_is() {
        let (clock, mut leases) = (Clock::start(), Leases::default());
        let lease = Running::new();
        lease.begin(&clock, Duration::from_secs(60));
        leases.watch("a", &lease);
        for _ in 0..1000 {
            assert!(lease.renew(&clock, Duration::from_secs(60)));
        }
        assert_eq!(leases.queue.len(), 1);
    }

    #[test]
    fn leases_of_mounts_that_are_gone_do_not_pile_up() {
        let mut leases = Leases::default();
        let kept: Vec<_> = (0..100).map(|_| running(1 << 40)).collect();
        kept.iter().for_each(|lease| leases.watch("kept", lease));
        for _ in 0..10 * LEASES_SWEPT_MIN {
            leases.watch("gone", &running(1 << 40));
            assert!(leases.queue.len() <= LEASES_SWEPT_MIN + 1);
        }
        assert!(leases.queue.iter().filter(|due| due.0.id == "kept").count() == 100);
    }
}
