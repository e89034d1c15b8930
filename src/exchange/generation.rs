//! Which requests and tunnels belong to which state of a mount.
//!
//! A mount that becomes another begins a new generation; the old one takes
//! nobody any more, keeps what it has, and can tell how much that is. Owns the
//! count and the order to end at once. One atomic step in, one out.

use event_listener::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Takes nobody any more.
const RETIRED: u64 = 1 << 63;
/// One tunnel; below are the requests.
const TUNNEL: u64 = 1 << 32;
const REQUEST: u64 = 1;

/// One generation of a mount.
#[derive(Debug)]
pub struct Generation {
    number: u64,
    /// Requests, tunnels and whether it is retired, as one number: the last one
    /// who leaves knows that it is the last.
    inside: AtomicU64,
    cut: AtomicBool,
    /// Heard when the last one of a retired generation has left: by who waits for
    /// that, and by the mount's actor.
    ended: Event,
    signal: Arc<Event>,
}

impl Generation {
    /// An empty one. `signal`, the mount's, is heard when it has ended.
    #[must_use]
    pub fn new(number: u64, signal: Arc<Event>) -> Arc<Self> {
        let (inside, cut, ended) = (AtomicU64::new(0), AtomicBool::new(false), Event::new());
        Arc::new(Self { number, inside, cut, ended, signal })
    }

    /// Counts from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Lets a request in, unless it is retired.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Option<Inside> {
        let one_more = |inside: u64| (inside & RETIRED == 0).then_some(inside + REQUEST);
        self.inside.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Inside { generation: Arc::clone(self), weight: REQUEST })
    }

    /// Takes nobody any more; told once all others are told where to go instead.
    pub fn retire(&self) {
        let before = self.inside.fetch_or(RETIRED, Ordering::AcqRel);
        if before & !RETIRED == 0 {
            self.tell_end();
        }
    }

    fn tell_end(&self) {
        self.ended.notify(usize::MAX);
        self.signal.notify(usize::MAX);
    }

    /// What it still has must end at once. Whoever waits looks when the clock
    /// wakes it.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// It was told to end at once.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Requests and tunnels that it has.
    #[must_use]
    pub fn remains(&self) -> (u32, u32) {
        let inside = self.inside.load(Ordering::Acquire) & !RETIRED;
        let part = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        (part(inside), part(inside / TUNNEL))
    }

    /// It is retired and has nothing any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.inside.load(Ordering::Acquire) == RETIRED
    }

    /// Waits for that.
    pub async fn over(&self) {
        loop {
            let changed = self.ended.listen();
            if self.is_over() {
                return;
            }
            changed.await;
        }
    }
}

/// A place in a generation; left when dropped.
#[derive(Debug)]
pub struct Inside {
    generation: Arc<Generation>,
    weight: u64,
}

impl Inside {
    /// The place of a tunnel that this request has become. The request is still
    /// inside, so a retired generation takes it too.
    #[must_use]
    pub fn tunnel(&self) -> Self {
        self.generation.inside.fetch_add(TUNNEL, Ordering::AcqRel);
        Self { generation: Arc::clone(&self.generation), weight: TUNNEL }
    }

    /// See [`Generation::cut`].
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.generation.is_cut()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let before = self.generation.inside.fetch_sub(self.weight, Ordering::AcqRel);
        if before - self.weight == RETIRED {
            self.generation.tell_end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;

    #[test]
    fn a_retired_generation_takes_nobody_and_ends_with_its_last_one() {
        async_io::block_on(async {
            let generation = Generation::new(1, Arc::default());
            let request = generation.enter().unwrap();
            assert!(!generation.is_over());
            generation.retire();
            assert!(generation.enter().is_none());
            let tunnel = request.tunnel();
            assert_eq!(generation.remains(), (1, 1));
            drop(request);
            assert_eq!(generation.remains(), (0, 1));
            assert!(future::poll_once(generation.over()).await.is_none());
            drop(tunnel);
            generation.over().await;
            assert!(generation.is_over());
        });
    }

    #[test]
    fn one_that_is_empty_is_over_when_it_is_retired() {
        let generation = Generation::new(7, Arc::default());
        drop(generation.enter());
        assert!(!generation.is_over());
        generation.retire();
        assert!(generation.is_over() && generation.number() == 7);
    }

    #[test]
    fn what_is_cut_knows_it() {
        let generation = Generation::new(1, Arc::default());
        let request = generation.enter().unwrap();
        assert!(!request.is_cut());
        generation.cut();
        assert!(request.is_cut() && request.tunnel().is_cut());
    }
}
