//! How a listener ends: nothing new, what runs may finish, then it is over.
//!
//! Owns the word "stop", the count of open connections and the wait for none.

use crate::net::Timer;
use event_listener::Event;
use futures_lite::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The life of one listener and its connections.
#[derive(Debug)]
pub struct Drain {
    draining: AtomicBool,
    open: AtomicUsize,
    open_max: usize,
    changed: Event,
    timer: Arc<Timer>,
}

impl Drain {
    /// A listener that may have `open_max` connections.
    #[must_use]
    pub fn new(open_max: usize, timer: Arc<Timer>) -> Arc<Self> {
        Arc::new(Self {
            draining: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            open_max,
            changed: Event::new(),
            timer,
        })
    }

    /// True once it is to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// No new connections; idle ones close, busy ones finish their request.
    pub fn begin(&self) {
        self.draining.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
        self.timer.wake_all();
    }

    /// Waits until it is to end.
    pub async fn begun(&self) {
        self.until(|| self.is_draining()).await;
    }

    /// Waits until no connection is open.
    pub async fn finished(&self) {
        self.until(|| self.open() == 0).await;
    }

    /// A place for one more connection; waits while all are taken. None once
    /// it is to end.
    pub async fn admit(self: &Arc<Self>) -> Option<Permit> {
        self.until(|| self.is_draining() || self.open() < self.open_max).await;
        (!self.is_draining()).then(|| self.admit_last())
    }

    /// A place for somebody who had connected before it was to end.
    #[must_use]
    pub fn admit_last(self: &Arc<Self>) -> Permit {
        self.open.fetch_add(1, Ordering::AcqRel);
        Permit { drain: Arc::clone(self) }
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            if condition() {
                return;
            }
            let changed = self.changed.listen();
            if condition() {
                return;
            }
            changed.await;
        }
    }

    /// `accept` unless it is to end first.
    pub async fn unless_begun<T>(&self, accept: impl Future<Output = T>) -> Option<T> {
        let stop = async {
            self.begun().await;
            None
        };
        future::or(stop, async { Some(accept.await) }).await
    }
}

/// The place of one open connection.
#[derive(Debug)]
pub struct Permit {
    drain: Arc<Drain>,
}

impl Permit {
    /// The listener it belongs to.
    #[must_use]
    pub fn drain(&self) -> &Drain {
        &self.drain
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let before = self.drain.open.fetch_sub(1, Ordering::AcqRel);
        if before == 1 || before >= self.drain.open_max {
            self.drain.changed.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_and_waited_for() {
        async_io::block_on(async {
            let drain = Drain::new(1, Timer::start().unwrap());
            let permit = drain.admit().await.unwrap();
            assert!(future::poll_once(drain.admit()).await.is_none(), "the only place is taken");
            drain.begin();
            assert!(drain.admit().await.is_none(), "nothing new while draining");
            assert!(future::poll_once(drain.finished()).await.is_none());
            drop(permit);
            drain.finished().await;
        });
    }
}
