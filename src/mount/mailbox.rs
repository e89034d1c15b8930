//! Requests that found no credit and ask their mount's actor.
//!
//! Owns their bound. It takes no memory until somebody asks, since there is one
//! for every mount and most are idle.

use crate::error::Kind;
use crate::exchange::Credit;
use crate::limits::MAILBOX_MESSAGES_MAX;
use async_channel::Sender;
use event_listener::Event;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request without a credit asks for one.
#[derive(Debug)]
pub struct Ask {
    answer: Sender<Result<Credit, Kind>>,
}

impl Ask {
    /// Says what is decided. Whoever asked may have gone.
    pub fn decide(&self, decided: Result<Credit, Kind>) {
        let _ = self.answer.try_send(decided);
    }

    /// The one who asked still waits.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.answer.is_closed()
    }
}

/// What is asked and not yet decided.
#[derive(Debug)]
pub struct Mailbox {
    /// None once nobody reads it.
    asks: Mutex<Option<Vec<Ask>>>,
    /// The mount's: heard by its actor.
    signal: Arc<Event>,
}

impl Mailbox {
    /// An empty one.
    #[must_use]
    pub fn new(signal: Arc<Event>) -> Self {
        Self { asks: Mutex::new(Some(Vec::new())), signal }
    }

    /// Asks, and waits for what is decided.
    pub async fn ask(&self) -> Result<Credit, Kind> {
        let (answer, answered) = async_channel::bounded(1);
        match &mut *self.asks() {
            Some(asks) if asks.len() < MAILBOX_MESSAGES_MAX => asks.push(Ask { answer }),
            Some(_) => return Err(Kind::Saturated),
            None => return Err(Kind::Moved),
        }
        self.signal.notify(usize::MAX);
        answered.recv().await.unwrap_or(Err(Kind::Moved))
    }

    /// All there is, in the order of coming.
    #[must_use]
    pub fn take(&self) -> Vec<Ask> {
        self.asks().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Nobody reads it any more; whoever asks is told that the mount is gone.
    pub fn close(&self) {
        drop(self.asks().take());
    }

    fn asks(&self) -> MutexGuard<'_, Option<Vec<Ask>>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
