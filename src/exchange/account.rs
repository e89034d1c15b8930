//! To whose account an exchange goes: said by its mount, kept by the front.
//!
//! Owns the way from the one to the other, beside the exchange itself, since
//! that is gone when a reply is on its way or there is none.

use super::notes::Notes;
use crate::stats::Stats;
use crate::traffic::Entry;
use std::sync::Arc;

/// The account of what happens on one client connection.
#[derive(Debug, Default)]
pub struct Account {
    /// Stays from one exchange to the next: most go to the same mount.
    stats: Option<Arc<Stats>>,
    is_charged: bool,
    watched: Option<Box<Watched>>,
}

/// What is told of an exchange that somebody watches.
#[derive(Debug)]
pub struct Watched {
    /// What is known of it.
    pub entry: Entry,
    /// The raw path of its request.
    pub path: Vec<u8>,
    /// What the other rooms know.
    pub notes: Notes,
}

impl Account {
    /// The next exchange begins, and is nobody's yet.
    pub fn begin(&mut self) {
        self.is_charged = false;
        self.watched = None;
    }

    /// It goes to that mount's.
    pub fn charge(&mut self, stats: &Arc<Stats>) {
        self.is_charged = true;
        if !self.stats.as_ref().is_some_and(|mine| Arc::ptr_eq(mine, stats)) {
            self.stats = Some(Arc::clone(stats));
        }
    }

    /// And somebody watches it.
    pub fn watch(&mut self, watched: Box<Watched>) {
        self.watched = Some(watched);
    }

    /// The mount's numbers, while the exchange goes on.
    #[must_use]
    pub fn stats(&self) -> Option<&Arc<Stats>> {
        self.stats.as_ref().filter(|_| self.is_charged)
    }

    /// What is to be told of it.
    pub fn watched(&mut self) -> Option<&mut Watched> {
        self.watched.as_deref_mut()
    }

    /// It has ended: whose it was, and what is to be told of it.
    pub fn end(&mut self) -> Option<(&Stats, Option<Box<Watched>>)> {
        let was_charged = std::mem::replace(&mut self.is_charged, false);
        let stats = self.stats.as_deref().filter(|_| was_charged)?;
        Some((stats, self.watched.take()))
    }
}
