//! How long things took, in a fixed number of buckets.
//!
//! Owns a log-linear histogram: each octave is split evenly, so that a quantile
//! is off by a quarter at most, whatever its size. Counting is one step on each
//! of two or three atomic numbers and never waits.

use crate::limits::{LATENCY_BUCKETS_PER_OCTAVE, LATENCY_OCTAVES, LATENCY_US_MIN};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One below the least, those of the octaves, one above them.
const BUCKETS: usize = 2 + LATENCY_OCTAVES * LATENCY_BUCKETS_PER_OCTAVE;

/// The power of two that the first octave begins with.
const FIRST_POWER: usize = LATENCY_US_MIN.trailing_zeros() as usize;

/// The power of two that an octave is split into.
const SPLIT_POWER: usize = LATENCY_BUCKETS_PER_OCTAVE.trailing_zeros() as usize;

/// The bucket of a number of microseconds.
fn bucket_of(us: u64) -> usize {
    if us < LATENCY_US_MIN {
        return 0;
    }
    let power = us.ilog2() as usize;
    let octave = power - FIRST_POWER;
    if octave >= LATENCY_OCTAVES {
        return BUCKETS - 1;
    }
    let within = usize::try_from(us >> (power - SPLIT_POWER)).unwrap_or(0) % LATENCY_BUCKETS_PER_OCTAVE;
    1 + octave * LATENCY_BUCKETS_PER_OCTAVE + within
}

/// The first number of microseconds of a bucket.
fn begin_us(bucket: usize) -> u64 {
    let Some(place) = bucket.checked_sub(1) else { return 0 };
    let (octave, within) = (place / LATENCY_BUCKETS_PER_OCTAVE, place % LATENCY_BUCKETS_PER_OCTAVE);
    ((LATENCY_BUCKETS_PER_OCTAVE + within) as u64) << (FIRST_POWER + octave - SPLIT_POWER)
}

/// What is counted while it goes on.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            sum_us: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// One more took that long.
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket_of(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        // Most are shorter than the longest, and need not write.
        if us > self.max_us.load(Ordering::Relaxed) {
            self.max_us.fetch_max(us, Ordering::Relaxed);
        }
    }

    /// What there is now. What is counted meanwhile may be in one part of it
    /// and not yet in another.
    #[must_use]
    pub fn load(&self) -> Distribution {
        Distribution {
            counts: std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed)),
            sum_us: self.sum_us.load(Ordering::Relaxed),
            max_us: self.max_us.load(Ordering::Relaxed),
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    counts: [u64; BUCKETS],
    sum_us: u64,
    max_us: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], sum_us: 0, max_us: 0 }
    }
}

impl Distribution {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together, in seconds.
    #[must_use]
    pub fn sum_s(&self) -> f64 {
        seconds(self.sum_us)
    }

    /// How long the longest took; none where there is none.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_micros(self.max_us))
    }

    /// How long they took on average; none where there is none.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        self.sum_us.checked_div(self.count()).map(Duration::from_micros)
    }

    /// How long that share of them took at most, a number between 0 and 1;
    /// none where there is none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // A share is rarely exact in binary: 0.07 of 100 is the seventh.
        let rank = ((share.clamp(0.0, 1.0) * count as f64 - 1e-6).ceil() as u64).clamp(1, count);
        let mut before = 0;
        for (bucket, here) in self.counts.iter().copied().enumerate() {
            if before + here >= rank {
                if bucket == BUCKETS - 1 {
                    break;
                }
                // As if they were spread evenly.
                let (begin, end) = (begin_us(bucket), begin_us(bucket + 1));
                let us = begin + (end - begin) * (rank - before) / here;
                return Some(Duration::from_micros(us.min(self.max_us)));
            }
            before += here;
        }
        Some(Duration::from_micros(self.max_us))
    }

    /// The buckets that are not empty, the shortest times first: what is in each
    /// is shorter than that; none for the last, which has no end.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let end = |bucket| (bucket < BUCKETS - 1).then(|| Duration::from_micros(begin_us(bucket + 1)));
        let all = self.counts.iter().copied().enumerate();
        all.filter(|(_, count)| *count > 0).map(move |(bucket, count)| (end(bucket), count))
    }

    /// Few buckets of it for Prometheus: up to how many seconds, and how many
    /// are in each and not in one before it.
    #[must_use]
    pub fn coarse(&self) -> Vec<(f64, u64)> {
        let mut coarse = Vec::with_capacity(LATENCY_OCTAVES / COARSE_OCTAVES + 1);
        let mut from = 0;
        for octave in (COARSE_OCTAVES..LATENCY_OCTAVES).step_by(COARSE_OCTAVES) {
            let to = 1 + octave * LATENCY_BUCKETS_PER_OCTAVE;
            coarse.push((seconds(begin_us(to)), self.counts[from..to].iter().sum()));
            from = to;
        }
        coarse.push((f64::INFINITY, self.counts[from..].iter().sum()));
        coarse
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
    }

    /// What of it is not in `part`, which was in it before.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            counts: std::array::from_fn(|at| self.counts[at].saturating_sub(part.counts[at])),
            sum_us: self.sum_us.saturating_sub(part.sum_us),
            max_us: self.max_us,
        }
    }
}

/// Octaves that one bucket of Prometheus takes: each is four times the last.
const COARSE_OCTAVES: usize = 2;

#[allow(clippy::cast_precision_loss, reason = "a double holds 285 years of microseconds")]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(us: impl IntoIterator<Item = u64>) -> Distribution {
        let histogram = Histogram::default();
        us.into_iter().for_each(|us| histogram.record(Duration::from_micros(us)));
        histogram.load()
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for bucket in 0..BUCKETS - 1 {
            let (begin, end) = (begin_us(bucket), begin_us(bucket + 1));
            assert!(begin < end);
            assert_eq!((bucket_of(begin), bucket_of(end - 1)), (bucket, bucket), "{begin} to {end}");
        }
        assert_eq!(begin_us(1), 64);
        assert_eq!(begin_us(BUCKETS - 1), 64 << 20, "67 seconds");
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn there_is_no_quantile_of_nothing() {
        let none = Distribution::default();
        assert_eq!((none.quantile(0.5), none.mean(), none.max(), none.count()), (None, None, None, 0));
    }

    #[test]
    fn quantiles_mean_and_longest_are_told() {
        let all = of(1..=10_000);
        assert_eq!(all.mean(), Some(Duration::from_micros(5000)));
        assert_eq!(all.max(), Some(Duration::from_micros(10_000)));
        assert_eq!(all.quantile(1.0), all.max());
        let median = all.quantile(0.5).unwrap().as_micros();
        assert!((4900..5100).contains(&median), "{median}");
        // What is past the last bucket is told by the longest.
        assert_eq!(of([1, 100_000_000]).quantile(0.99), Some(Duration::from_secs(100)));
    }

    #[test]
    fn what_is_in_a_bucket_is_shorter_than_its_end() {
        let buckets: Vec<_> = of([10, 64, 79, 80, 100_000_000]).buckets().collect();
        let below = |us| Some(Duration::from_micros(us));
        assert_eq!(buckets, [(below(64), 1), (below(80), 2), (below(96), 1), (None, 1)]);
        assert_eq!(Distribution::default().buckets().count(), 0);
    }

    #[test]
    fn prometheus_gets_few_buckets_that_hold_all() {
        let coarse = of([10, 300, 70_000_000]).coarse();
        assert_eq!(coarse.len(), 10);
        assert_eq!(coarse[0], (0.000_256, 1));
        assert_eq!(coarse[1], (0.001_024, 1));
        assert_eq!(coarse[9], (f64::INFINITY, 1));
    }

    #[test]
    fn parts_make_the_whole() {
        let (one, other) = (of([100, 5000]), of([7]));
        let mut both = one.clone();
        both.add(&other);
        assert_eq!(both, of([100, 5000, 7]));
        assert_eq!(both.without(&other).count(), 2);
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_a_quarter_at_most(mut us in prop::collection::vec(64_u64..60_000_000, 1..200), percent in 1_usize..=100) {
            let told = of(us.iter().copied()).quantile(percent as f64 / 100.0).unwrap().as_micros() as f64;
            us.sort_unstable();
            let exact = us[(percent * us.len()).div_ceil(100) - 1] as f64;
            prop_assert!((told - exact).abs() <= exact / 4.0 + 1.0, "{told} for {exact}");
        }
    }
}
