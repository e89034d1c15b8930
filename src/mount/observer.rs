//! Who is told what becomes of a mount while it runs.
//!
//! Owns how an actor says it. Whoever listens is in another room.

use super::Status;
use std::fmt;
use std::sync::Arc;

/// Somebody who wants to know.
pub trait Observer: Send + Sync {
    /// The mount is in another state than before. Called by its actor, which
    /// goes on when this returns: take note and return.
    fn told(&self, id: &str, status: &Status);
}

/// An observer, if there is one.
#[derive(Clone, Default)]
pub struct Observing(Option<Arc<dyn Observer>>);

impl Observing {
    /// This one.
    #[must_use]
    pub fn by(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    /// Tells it, if there is one.
    pub fn tell(&self, id: &str, status: &Status) {
        if let Some(observer) = &self.0 {
            observer.told(id, status);
        }
    }
}

impl fmt::Debug for Observing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Observing").field(&self.0.is_some()).finish()
    }
}
