//! Idle upstream connections of one mount, last used first.
//!
//! Owns the rule that only a connection at a proven message boundary comes in
//! and only a silent one goes out. Expired ones are swept by the coarse clock.

use super::connection::Connection;
use crate::exchange::Destination;
use crate::limits::{POOL_CONNECTIONS_MAX, POOL_IDLE_MAX};
use crate::net::Timer;
use crate::net::timer::Sweep;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The pool of one backend.
#[derive(Debug)]
pub struct Pool {
    state: Mutex<State>,
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
    since_ms: u64,
}

impl Pool {
    /// An empty pool on that clock.
    #[must_use]
    pub fn new(timer: Arc<Timer>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { state: Mutex::default(), timer, this: this.clone() })
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
            let age_ms = self.timer.now_ms().saturating_sub(idle.since_ms);
            if u128::from(age_ms) <= POOL_IDLE_MAX.as_millis() && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
    }

    /// Takes in a connection whose last exchange has provably ended.
    pub fn release(&self, connection: Connection, destination: Arc<Destination>) {
        debug_assert!(connection.is_clean());
        let mut state = self.state();
        if state.idle.len() >= POOL_CONNECTIONS_MAX {
            return;
        }
        if !std::mem::replace(&mut state.enrolled, true) {
            let sweeper: Weak<dyn Sweep> = self.this.clone();
            self.timer.enrol(sweeper);
        }
        state.idle.push(Idle { connection, destination, since_ms: self.timer.now_ms() });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sweep for Pool {
    fn sweep(&self, now_ms: u64) -> bool {
        let mut state = self.state();
        state.idle.retain(|idle| u128::from(now_ms.saturating_sub(idle.since_ms)) <= POOL_IDLE_MAX.as_millis());
        state.enrolled = !state.idle.is_empty();
        state.enrolled
    }
}
