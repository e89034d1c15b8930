//! Idle upstream connections of one mount, last used first.
//!
//! Owns the rule that only a connection at a proven message boundary comes in
//! and only a silent one goes out. Each thread has a shelf, so that a connection
//! seldom changes the thread that watches its socket; one whose shelf is empty
//! looks at the others'. Expired ones are swept by the coarse clock.

use super::connection::Connection;
use crate::exchange::Destination;
use crate::limits::POOL_CONNECTIONS_MAX;
use crate::net::timer::Sweep;
use crate::net::{Timer, Trust, reactor, workers};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The pool of one backend.
#[derive(Debug)]
pub struct Pool {
    shelves: Box<[Mutex<Vec<Idle>>]>,
    /// Connections on all of them.
    idle: AtomicUsize,
    /// The clock knows of us.
    enrolled: AtomicBool,
    /// Connections that are idle or serve an exchange.
    open: Arc<AtomicUsize>,
    timer: Arc<Timer>,
    this: Weak<Self>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    destination: Arc<Destination>,
    until_ms: u64,
}

impl Pool {
    /// An empty pool on that clock.
    #[must_use]
    pub fn new(timer: Arc<Timer>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            shelves: (0..workers::count()).map(|_| Mutex::default()).collect(),
            idle: AtomicUsize::new(0),
            enrolled: AtomicBool::new(false),
            open: Arc::default(),
            timer,
            this: this.clone(),
        })
    }

    /// A connection to `destination` that nothing is known against.
    pub fn take(&self, destination: &Arc<Destination>) -> Option<Connection> {
        let own = self.own_shelf();
        let others = (0..self.shelves.len()).filter(|shelf| *shelf != own);
        std::iter::once(own).chain(others).find_map(|shelf| self.take_from(shelf, destination))
    }

    fn take_from(&self, shelf: usize, destination: &Arc<Destination>) -> Option<Connection> {
        loop {
            let idle = {
                let mut shelf = self.shelf(shelf);
                let at = shelf.iter().rposition(|idle| {
                    Arc::ptr_eq(&idle.destination, destination) || idle.destination == *destination
                })?;
                shelf.remove(at)
            };
            self.idle.fetch_sub(1, Ordering::Relaxed);
            let is_trusted = |trust: &Arc<Trust>| idle.connection.is_trusted_by(trust);
            if self.timer.now_ms() <= idle.until_ms
                && destination.trust.as_ref().is_none_or(is_trusted)
                && idle.connection.is_quiet()
            {
                return Some(idle.connection);
            }
        }
    }

    /// Takes in a connection whose last exchange has provably ended, for at
    /// most `idle_max`.
    pub fn release(&self, connection: Connection, destination: Arc<Destination>, idle_max: Duration) {
        debug_assert!(connection.is_clean());
        if self.idle.fetch_add(1, Ordering::Relaxed) >= POOL_CONNECTIONS_MAX {
            self.idle.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let until_ms = self.timer.now_ms() + u64::try_from(idle_max.as_millis()).unwrap_or(0);
        self.shelf(self.own_shelf()).push(Idle { connection, destination, until_ms });
        // It is on its shelf before the clock may find them empty.
        if !self.enrolled.load(Ordering::SeqCst) && !self.enrolled.swap(true, Ordering::SeqCst) {
            let sweeper: Weak<dyn Sweep> = self.this.clone();
            self.timer.enrol(sweeper);
        }
    }

    /// Closes all of them.
    pub fn forget(&self) {
        for shelf in 0..self.shelves.len() {
            let idle = std::mem::take(&mut *self.shelf(shelf));
            self.idle.fetch_sub(idle.len(), Ordering::Relaxed);
            // Closing takes a moment, and others want the lock.
            drop(idle);
        }
    }

    /// The place of one more connection.
    #[must_use]
    pub fn place(&self) -> Place {
        self.open.fetch_add(1, Ordering::Relaxed);
        Place { open: Arc::clone(&self.open) }
    }

    /// How many connections are open, idle ones too. A tunnel is none any more.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many of them wait for an exchange.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle.load(Ordering::Relaxed)
    }

    /// The one of this thread.
    fn own_shelf(&self) -> usize {
        reactor::here() % self.shelves.len()
    }

    fn shelf(&self, shelf: usize) -> MutexGuard<'_, Vec<Idle>> {
        self.shelves[shelf].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sweep for Pool {
    fn sweep(&self, now_ms: u64) -> bool {
        // Who releases one from now on enrols us again.
        self.enrolled.store(false, Ordering::SeqCst);
        let mut left = 0;
        for shelf in 0..self.shelves.len() {
            let mut shelf = self.shelf(shelf);
            let before = shelf.len();
            shelf.retain(|idle| now_ms <= idle.until_ms);
            self.idle.fetch_sub(before - shelf.len(), Ordering::Relaxed);
            left += shelf.len();
        }
        // Unless somebody has enrolled us meanwhile, which is once enough.
        left > 0 && !self.enrolled.swap(true, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::dial::Host;
    use crate::net::reactor::Driver;
    use crate::net::{Access, Reach, Stream, pipe};

    fn destination() -> Arc<Destination> {
        let host = Host::Address([127, 0, 0, 1].into());
        Arc::new(Destination { host, port: 1, trust: None, reach: Reach::of(Access::Local) })
    }

    #[test]
    fn what_one_thread_has_released_serves_another_that_has_none() {
        let (pool, destination) = (Pool::new(Timer::manual()), destination());
        let (near, _far) = pipe::pair(16);
        let connection = Connection::new(Stream::pipe(near), None, pool.place());
        let released = Driver::new().unwrap();
        let taken = Driver::new().unwrap();
        released
            .block_on(async { pool.release(connection, Arc::clone(&destination), Duration::from_secs(5)) })
            .unwrap();
        assert_eq!((pool.idle(), pool.open()), (1, 1));
        let found = taken.block_on(async { pool.take(&destination) }).unwrap();
        assert_eq!((found.is_some(), pool.idle(), pool.open()), (true, 0, 1));
        assert!(pool.take(&destination).is_none());
    }

    #[test]
    fn what_has_waited_too_long_is_closed_whosever_it_was() {
        let timer = Timer::manual();
        let (pool, destination) = (Pool::new(Arc::clone(&timer)), destination());
        let mut far_ends = Vec::new();
        for _ in 0..2 {
            let (near, far) = pipe::pair(16);
            far_ends.push(far);
            let connection = Connection::new(Stream::pipe(near), None, pool.place());
            let release = async { pool.release(connection, Arc::clone(&destination), Duration::from_secs(5)) };
            Driver::new().unwrap().block_on(release).unwrap();
        }
        timer.advance(Duration::from_secs(4));
        assert_eq!(pool.idle(), 2);
        timer.advance(Duration::from_secs(2));
        assert_eq!((pool.idle(), pool.open()), (0, 0));
    }
}
