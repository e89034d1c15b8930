//! Whether a peer that is waited for keeps up. Pure: time is a parameter.
//!
//! An idle bound alone lets a byte every half minute hold a connection for
//! ever. Only the time counts in which the peer had us wait; what another
//! makes it wait for is not held against it.

use crate::limits::RATE_WINDOW;

/// One direction of one transfer.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pace {
    bytes: u64,
    waited_ms: u64,
    since_ms: Option<u64>,
}

impl Pace {
    /// We want something of the peer and it is not ready.
    pub fn wait(&mut self, now_ms: u64) {
        self.since_ms.get_or_insert(now_ms);
    }

    /// The peer sent or took `count` bytes. False when it was too slow about
    /// it: less than `bytes_per_s_min` over a window of waiting.
    #[must_use]
    pub fn moved(&mut self, count: usize, now_ms: u64, bytes_per_s_min: u64) -> bool {
        const WINDOW_MS: u64 = RATE_WINDOW.as_secs() * 1000;
        self.bytes += count as u64;
        let Some(since_ms) = self.since_ms.take() else { return true };
        self.waited_ms += now_ms.saturating_sub(since_ms);
        if self.waited_ms < WINDOW_MS {
            return true;
        }
        let enough = self.bytes.saturating_mul(1000) >= bytes_per_s_min.saturating_mul(self.waited_ms);
        *self = Self::default();
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` bytes after each `pause_ms`; how long it lived, at most a minute.
    fn lived_ms(count: usize, pause_ms: u64, rate: u64) -> Option<u64> {
        let mut pace = Pace::default();
        let mut now_ms = 0;
        while now_ms < 60_000 {
            pace.wait(now_ms);
            now_ms += pause_ms;
            if !pace.moved(count, now_ms, rate) {
                return Some(now_ms);
            }
        }
        None
    }

    #[test]
    fn a_trickle_ends_after_one_window_and_a_slow_stream_lives() {
        assert_eq!(lived_ms(1, 1000, 500), Some(10_000));
        assert_eq!(lived_ms(499, 1000, 500), Some(10_000));
        assert_eq!(lived_ms(500, 1000, 500), None);
        assert_eq!(lived_ms(1, 1000, 0), None, "no rate asked for");
    }

    #[test]
    fn what_came_before_does_not_pay_for_what_comes_after() {
        let mut pace = Pace::default();
        pace.wait(0);
        assert!(pace.moved(1 << 30, 10_000, 500));
        pace.wait(10_000);
        assert!(!pace.moved(1, 20_000, 500));
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let mut pace = Pace::default();
        for second in 0..100 {
            assert!(pace.moved(1, second * 1000, 500));
        }
    }
}
