//! Admission: how many requests of one mount may be on their way.
//!
//! Owns one number. An actor grants credits in advance; a request spends one
//! and gives it back when it is dropped, with one atomic step each. When the
//! actor revokes them, the number goes far below zero and nobody is admitted
//! without asking; what is on its way stays counted.

use super::generation::{Generation, Inside};
use event_listener::{Event, EventListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Far more than can ever be granted.
const REVOKED: i64 = 1 << 40;

/// The credits of one mount.
#[derive(Debug, Default)]
pub struct Credits {
    available: AtomicI64,
    granted: AtomicI64,
    returned: Event,
}

impl Credits {
    /// None granted, and revoked: an actor opens them when it runs.
    #[must_use]
    pub fn revoked() -> Arc<Self> {
        Arc::new(Self { available: AtomicI64::new(-REVOKED), ..Self::default() })
    }

    /// Sets how many may be on their way, as one owner.
    pub fn grant(&self, count: u32) {
        let count = i64::from(count);
        let before = self.granted.swap(count, Ordering::AcqRel);
        if before != count {
            self.available.fetch_add(count - before, Ordering::AcqRel);
        }
    }

    /// Admits again after [`Credits::revoke`].
    pub fn open(&self) {
        if self.is_revoked() {
            self.available.fetch_add(REVOKED, Ordering::AcqRel);
        }
    }

    /// Admits nobody any more but whom the owner lets in.
    pub fn revoke(&self) {
        if !self.is_revoked() {
            self.available.fetch_sub(REVOKED, Ordering::AcqRel);
        }
    }

    fn is_revoked(&self) -> bool {
        self.available.load(Ordering::Acquire) < -(REVOKED / 2)
    }

    /// Spends one, where there is one.
    #[must_use]
    pub fn spend(self: &Arc<Self>) -> Option<Credit> {
        self.spend_above(0)
    }

    /// Spends one that was revoked, as their owner: others cannot take it.
    #[must_use]
    pub fn spend_revoked(self: &Arc<Self>) -> Option<Credit> {
        self.spend_above(if self.is_revoked() { -REVOKED } else { 0 })
    }

    fn spend_above(self: &Arc<Self>, least: i64) -> Option<Credit> {
        let mut available = self.available.load(Ordering::Relaxed);
        while available > least {
            match self.available.compare_exchange_weak(available, available - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Credit { credits: Arc::clone(self), inside: None }),
                Err(now) => available = now,
            }
        }
        None
    }

    /// How many requests are on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        let available = self.available.load(Ordering::Acquire);
        let available = if available < -(REVOKED / 2) { available + REVOKED } else { available };
        u64::try_from(self.granted.load(Ordering::Acquire) - available).unwrap_or(0)
    }

    /// Heard when one comes back while there were none, or they are revoked.
    #[must_use]
    pub fn returned(&self) -> EventListener {
        self.returned.listen()
    }
}

/// The place of one request; given back when dropped.
#[derive(Debug)]
pub struct Credit {
    credits: Arc<Credits>,
    /// Dropped first: who waits for a place finds its generation counted.
    inside: Option<Inside>,
}

impl Credit {
    /// True when it is one of those.
    #[must_use]
    pub fn is_of(&self, credits: &Arc<Credits>) -> bool {
        Arc::ptr_eq(&self.credits, credits)
    }

    /// Counts the request in that generation; false if it takes no more.
    #[must_use]
    pub fn enter(&mut self, generation: &Arc<Generation>) -> bool {
        self.inside = generation.enter();
        self.inside.is_some()
    }

    /// Counts the tunnel of a request that is inside already.
    pub fn follow(&mut self, request: &Self) {
        self.inside = request.inside.as_ref().map(Inside::tunnel);
    }

    /// True when its request must end at once. Whoever waits looks here each
    /// time the clock wakes it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.inside.as_ref().is_some_and(Inside::is_cut)
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        drop(self.inside.take());
        // Below zero somebody may wait for it.
        if self.credits.available.fetch_add(1, Ordering::AcqRel) < 0 {
            self.credits.returned.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_bound_what_is_on_its_way() {
        let credits = Credits::revoked();
        credits.grant(2);
        assert!(credits.spend().is_none(), "revoked until opened");
        credits.open();
        let (first, second) = (credits.spend().unwrap(), credits.spend().unwrap());
        assert!(credits.spend().is_none());
        assert_eq!(credits.in_flight(), 2);
        drop(first);
        assert_eq!(credits.in_flight(), 1);
        drop(credits.spend().unwrap());
        credits.grant(1);
        assert!(credits.spend().is_none(), "fewer granted than before");
        drop(second);
        assert_eq!(credits.in_flight(), 0);
    }

    #[test]
    fn revoked_credits_still_count_and_are_their_owners() {
        async_io::block_on(async {
            let credits = Credits::revoked();
            credits.grant(2);
            credits.open();
            let credit = credits.spend().unwrap();
            credits.revoke();
            credits.revoke();
            assert!(credits.spend().is_none());
            assert_eq!(credits.in_flight(), 1);
            let second = credits.spend_revoked().unwrap();
            assert!(credits.spend_revoked().is_none(), "no more than granted");
            let returned = credits.returned();
            drop(credit);
            returned.await;
            assert_eq!(credits.in_flight(), 1);
            drop(second);
            credits.open();
            assert!(credits.spend().is_some());
        });
    }
}
