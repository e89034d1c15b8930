//! Who watches the requests of one mount.
//!
//! Owns the watchers and their queues. An exchange that has ended is offered to
//! all of them and waits for none: what a queue has no room for is counted, and
//! its watcher told how many that were.

use super::entry::Entry;
use super::filter::Filter;
use crate::limits::{TRAFFIC_QUEUE_BYTES_MAX, TRAFFIC_QUEUE_ENTRIES_MAX};
use async_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The watchers of one mount.
#[derive(Debug, Default)]
pub struct Tap {
    /// How many there are, for who need not know more.
    open: AtomicUsize,
    watchers: Mutex<Watchers>,
}

#[derive(Debug, Default)]
struct Watchers {
    all: Vec<Arc<Watcher>>,
    /// The mount is gone.
    is_closed: bool,
}

/// One who watches.
#[derive(Debug)]
pub struct Watcher {
    filter: Filter,
    /// Exchanges that were wanted.
    wanted: AtomicU64,
    queue: Sender<Arc<Entry>>,
    entries: Receiver<Arc<Entry>>,
    queued_bytes: AtomicUsize,
    /// Exchanges that found no room, and were not told yet.
    dropped: AtomicU64,
}

impl Tap {
    /// True when somebody watches.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// True when somebody may want a request like that once it has ended.
    #[must_use]
    pub fn wants(&self, method: &[u8], path: &[u8]) -> bool {
        self.watchers().all.iter().any(|watcher| watcher.filter.wants_request(method, path))
    }

    /// Has somebody watch, until [`Tap::leave`].
    pub fn watch(&self, filter: Filter) -> Arc<Watcher> {
        let (queue, entries) = async_channel::bounded(TRAFFIC_QUEUE_ENTRIES_MAX);
        let watcher = Arc::new(Watcher {
            filter,
            wanted: AtomicU64::new(0),
            queue,
            entries,
            queued_bytes: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut watchers = self.watchers();
        if watchers.is_closed {
            watcher.queue.close();
        } else {
            watchers.all.push(Arc::clone(&watcher));
            self.open.store(watchers.all.len(), Ordering::Relaxed);
        }
        watcher
    }

    /// One who watched does no longer.
    pub fn leave(&self, watcher: &Arc<Watcher>) {
        let mut watchers = self.watchers();
        watchers.all.retain(|other| !Arc::ptr_eq(other, watcher));
        self.open.store(watchers.all.len(), Ordering::Relaxed);
    }

    /// There will be no more: the mount is gone.
    pub fn close(&self) {
        let mut watchers = self.watchers();
        watchers.is_closed = true;
        for watcher in watchers.all.drain(..) {
            watcher.queue.close();
        }
        self.open.store(0, Ordering::Relaxed);
    }

    /// Offers an exchange that has ended. `path` is that of its request, as it
    /// came.
    pub fn offer(&self, entry: Entry, path: &[u8]) {
        let entry = Arc::new(entry);
        for watcher in &self.watchers().all {
            watcher.offer(&entry, path);
        }
    }

    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    fn offer(&self, entry: &Arc<Entry>, path: &[u8]) {
        let Entry { status, timing, .. } = &**entry;
        if !self.filter.wants_request(entry.method.as_bytes(), path) || !self.filter.wants_end(*status, timing.total) {
            return;
        }
        if !self.filter.samples(self.wanted.fetch_add(1, Ordering::Relaxed)) {
            return;
        }
        let bytes = entry.bytes();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued > TRAFFIC_QUEUE_BYTES_MAX || self.queue.try_send(Arc::clone(entry)).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What comes to it; [`Watcher::took`] says that one was taken.
    #[must_use]
    pub fn entries(&self) -> Receiver<Arc<Entry>> {
        self.entries.clone()
    }

    /// An entry has left its queue.
    pub fn took(&self, entry: &Entry) {
        self.queued_bytes.fetch_sub(entry.bytes(), Ordering::Relaxed);
    }

    /// How many found no room since it was asked last.
    pub fn take_dropped(&self) -> u64 {
        // Most of the time a look is all it takes.
        if self.dropped.load(Ordering::Relaxed) == 0 { 0 } else { self.dropped.swap(0, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Fields;
    use std::time::Duration;

    fn entry(method: &str, status: u16, total_ms: u64) -> Entry {
        let mut entry = Entry::begin(&"m".into(), "1".into(), method.as_bytes(), b"/x", &Fields::default());
        entry.status = status;
        entry.timing.total = Duration::from_millis(total_ms);
        entry
    }

    fn taken(watcher: &Watcher) -> Vec<u16> {
        let entries = watcher.entries();
        let take = || entries.try_recv().ok().inspect(|entry| watcher.took(entry)).map(|entry| entry.status);
        std::iter::from_fn(take).collect()
    }

    #[test]
    fn each_watcher_gets_what_it_wants_while_it_watches() {
        let tap = Tap::default();
        assert!(!tap.is_watched());
        let all = tap.watch(Filter::default());
        let slow = tap.watch(Filter::parse([("min_ms", "5"), ("method", "GET")]).unwrap());
        assert!(tap.is_watched() && tap.wants(b"POST", b"/x"));
        tap.offer(entry("GET", 200, 10), b"/x");
        tap.offer(entry("GET", 404, 1), b"/x");
        tap.offer(entry("POST", 500, 10), b"/x");
        assert_eq!((taken(&all), taken(&slow)), (vec![200, 404, 500], vec![200]));
        tap.leave(&all);
        assert!(tap.is_watched() && !tap.wants(b"POST", b"/x"));
        tap.leave(&slow);
        assert!(!tap.is_watched());
    }

    #[test]
    fn one_of_so_many_that_are_wanted_is_told() {
        let tap = Tap::default();
        let sampled = tap.watch(Filter::parse([("sample", "3"), ("status", "2xx")]).unwrap());
        for status in [200, 404, 201, 202, 404, 203, 204] {
            tap.offer(entry("GET", status, 0), b"/x");
        }
        assert_eq!(taken(&sampled), [200, 203]);
    }

    #[test]
    fn what_finds_no_room_is_counted_and_does_not_hold_up_others() {
        let tap = Tap::default();
        let idle = tap.watch(Filter::default());
        for _ in 0..TRAFFIC_QUEUE_ENTRIES_MAX + 3 {
            tap.offer(entry("GET", 200, 0), b"/x");
        }
        assert_eq!((idle.take_dropped(), idle.take_dropped()), (3, 0));
        assert_eq!(taken(&idle).len(), TRAFFIC_QUEUE_ENTRIES_MAX);
        tap.offer(entry("GET", 201, 0), b"/x");
        assert_eq!(taken(&idle), [201], "there is room again");
        for _ in 0..3 {
            let mut heavy = entry("GET", 200, 0);
            heavy.target = "x".repeat(TRAFFIC_QUEUE_BYTES_MAX / 2);
            tap.offer(heavy, b"/x");
        }
        assert_eq!((taken(&idle).len(), idle.take_dropped()), (1, 2));
    }

    #[test]
    fn nobody_watches_a_mount_that_is_gone() {
        let tap = Tap::default();
        let before = tap.watch(Filter::default());
        tap.offer(entry("GET", 200, 0), b"/x");
        tap.close();
        assert!(!tap.is_watched());
        assert_eq!(taken(&before), [200], "what it did is told");
        assert!(before.entries().is_closed() && tap.watch(Filter::default()).entries().is_closed());
    }
}
