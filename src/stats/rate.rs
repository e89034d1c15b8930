//! How many there were in each of the last seconds.
//!
//! Owns a ring of numbers, each with the second that it is of. Counting is one
//! atomic step; nothing has to be moved on as time passes.

use crate::limits::{RATE_SECONDS, RATE_SECONDS_TOLD};
use std::sync::atomic::{AtomicU64, Ordering};

/// The last seconds. A place is the second, as 32 bits, and the count in it.
#[derive(Debug)]
pub(super) struct Seconds([AtomicU64; RATE_SECONDS]);

const SECOND_SHIFT: u32 = 32;
const COUNT_MASK: u64 = (1 << SECOND_SHIFT) - 1;

impl Default for Seconds {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Seconds {
    fn place(&self, second: u64) -> &AtomicU64 {
        #[allow(clippy::cast_possible_truncation, reason = "it is below the number of places")]
        &self.0[(second % RATE_SECONDS as u64) as usize]
    }

    /// One more in that second of the process's life.
    pub fn count(&self, second: u64) {
        let (place, stamp) = (self.place(second), (second & COUNT_MASK) << SECOND_SHIFT);
        let mut seen = place.load(Ordering::Relaxed);
        loop {
            // Who was held up for a minute is too late to be counted.
            if seen & !COUNT_MASK > stamp {
                return;
            }
            let next = seen.max(stamp) + 1;
            match place.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// How many there were in that second.
    fn of(&self, second: u64) -> u64 {
        let seen = self.place(second).load(Ordering::Relaxed);
        if seen >> SECOND_SHIFT == second & COUNT_MASK { seen & COUNT_MASK } else { 0 }
    }

    /// How many there were in the `seconds` whole seconds before this one.
    pub fn before(&self, second: u64, seconds: u64) -> u64 {
        (second.saturating_sub(seconds)..second).map(|second| self.of(second)).sum()
    }

    /// How many there were in each whole second before this one, the last one
    /// last; none before the first.
    pub fn each_before(&self, second: u64) -> [u64; RATE_SECONDS_TOLD] {
        let ago = |place| (RATE_SECONDS_TOLD - place) as u64;
        std::array::from_fn(|place| second.checked_sub(ago(place)).map_or(0, |second| self.of(second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_counted_and_old_ones_forgotten() {
        let seconds = Seconds::default();
        for (second, times) in [(0, 2), (1, 3), (59, 5)] {
            (0..times).for_each(|_| seconds.count(second));
        }
        assert_eq!(seconds.before(0, 60), 0, "nothing is whole yet");
        assert_eq!(seconds.before(1, 1), 2);
        assert_eq!(seconds.before(2, 10), 5);
        assert_eq!(seconds.before(60, 60), 10);
        assert_eq!(seconds.before(61, 60), 8);
        assert_eq!(seconds.before(62, 10), 5);
        assert_eq!(seconds.before(1000, 60), 0);
        let told = |second| {
            let each = seconds.each_before(second).into_iter().enumerate();
            each.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
        };
        assert_eq!(told(0), []);
        assert_eq!(told(2), [(58, 2), (59, 3)]);
        assert_eq!(told(60), [(0, 2), (1, 3), (59, 5)]);
        assert_eq!(told(62), [(57, 5)]);
    }

    #[test]
    fn a_place_is_used_again_for_a_later_second_and_not_for_an_earlier_one() {
        let seconds = Seconds::default();
        let later = 5 + RATE_SECONDS as u64;
        seconds.count(5);
        seconds.count(later);
        seconds.count(5);
        assert_eq!(seconds.before(later + 1, 1), 1);
        assert_eq!(seconds.before(6, 1), 0);
    }
}
