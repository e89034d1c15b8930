//! Idle upstream connections of one mount, last used first.
//!
//! Owns the rule that only a connection at a proven message boundary comes in
//! and only a silent one goes out. Expired ones are swept by the coarse clock.

use super::connection::Connection;
use crate::exchange::Destination;
use crate::limits::POOL_CONNECTIONS_MAX;
use crate::net::timer::Sweep;
use crate::net::{Timer, Trust};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The pool of one backend.
#[derive(Debug)]
pub struct Pool {
    state: Mutex<State>,
    /// Connections that are idle or serve an exchange.
    open: Arc<AtomicUsize>,
    timer: Arc<Timer>,
    this: Weak<Self>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Idle>,
    /// The clock knows of us.
    enrolled: bool,
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
        Arc::new_cyclic(|this| Self { state: Mutex::default(), open: Arc::default(), timer, this: this.clone() })
    }

    /// A connection to `destination` that nothing is known against.
    pub fn take(&self, destination: &Arc<Destination>) -> Option<Connection> {
        loop {
            let idle = {
                let idle = &mut self.state().idle;
                let at = idle.iter().rposition(|idle| {
                    Arc::ptr_eq(&idle.destination, destination) || idle.destination == *destination
                })?;
                idle.remove(at)
            };
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
        let mut state = self.state();
        if state.idle.len() >= POOL_CONNECTIONS_MAX {
            return;
        }
        if !std::mem::replace(&mut state.enrolled, true) {
            let sweeper: Weak<dyn Sweep> = self.this.clone();
            self.timer.enrol(sweeper);
        }
        let until_ms = self.timer.now_ms() + u64::try_from(idle_max.as_millis()).unwrap_or(0);
        state.idle.push(Idle { connection, destination, until_ms });
    }

    /// Closes all of them.
    pub fn forget(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        // Closing takes a moment, and others want the lock.
        drop(idle);
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
        self.state().idle.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut state = self.state();
        state.idle.retain(|idle| now_ms <= idle.until_ms);
        state.enrolled = !state.idle.is_empty();
        state.enrolled
    }
}
