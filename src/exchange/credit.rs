//! Admission: how many requests of one mount may be on their way.
//!
//! Owns one number. An actor grants credits in advance; a request spends one
//! and gives it back when it is dropped, with one atomic step each. When the
//! actor revokes them, the number goes far below zero and nobody is admitted
//! without asking; what is on its way stays counted.

use event_listener::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Far more than can ever be granted.
const REVOKED: i64 = 1 << 40;

/// The credits of one mount.
#[derive(Debug, Default)]
pub struct Credits {
    available: AtomicI64,
    granted: AtomicI64,
    returned: Event,
    cut: AtomicBool,
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
        self.available.fetch_add(count - before, Ordering::AcqRel);
    }

    /// Admits again after [`Credits::revoke`].
    pub fn open(&self) {
        if self.is_revoked() {
            self.available.fetch_add(REVOKED, Ordering::AcqRel);
        }
    }

    /// Admits nobody any more.
    pub fn revoke(&self) {
        if !self.is_revoked() {
            self.available.fetch_sub(REVOKED, Ordering::AcqRel);
        }
    }

    /// What is still on its way must end at once.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    fn is_revoked(&self) -> bool {
        self.available.load(Ordering::Acquire) < -(REVOKED / 2)
    }

    /// Spends one, where there is one.
    #[must_use]
    pub fn spend(self: &Arc<Self>) -> Option<Credit> {
        let mut available = self.available.load(Ordering::Relaxed);
        while available > 0 {
            match self.available.compare_exchange_weak(available, available - 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Credit { credits: Arc::clone(self) }),
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

    /// Waits until, after a revoke, no request is on its way.
    pub async fn idle(&self) {
        loop {
            let returned = self.returned.listen();
            if self.in_flight() == 0 {
                return;
            }
            returned.await;
        }
    }
}

/// The place of one request; given back when dropped.
#[derive(Debug)]
pub struct Credit {
    credits: Arc<Credits>,
}

impl Credit {
    /// True when its request must end at once. Whoever waits looks here each
    /// time the clock wakes it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.credits.cut.load(Ordering::Acquire)
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        // Below zero somebody may wait for the last one.
        if self.credits.available.fetch_add(1, Ordering::AcqRel) < 0 {
            self.credits.returned.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;

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
    fn revoked_credits_still_count_and_can_be_waited_for() {
        async_io::block_on(async {
            let credits = Credits::revoked();
            credits.grant(5);
            credits.open();
            let credit = credits.spend().unwrap();
            credits.revoke();
            credits.revoke();
            assert!(credits.spend().is_none());
            assert_eq!(credits.in_flight(), 1);
            assert!(future::poll_once(credits.idle()).await.is_none());
            drop(credit);
            credits.idle().await;
            credits.open();
            assert!(credits.spend().is_some());
        });
    }
}
