//! The numbers of all mounts, also of those that are gone.
//!
//! Owns the sums, which never go down, and which mounts have metrics of their
//! own. A mount that comes among those, or leaves them, takes nothing with it:
//! what was counted in one series stays there, so that no series ever jumps.

use super::counters::{Stats, Totals};
use crate::limits::{RATE_SECONDS_TOLD, STATS_ARRIVALS_MAX};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The numbers of a process.
#[derive(Debug)]
pub struct Book {
    epoch: Instant,
    /// Mounts that had their first request and are not on a page yet; for who
    /// brings one must not wait for who reads all.
    arrivals: Mutex<Vec<Arc<Stats>>>,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    live: Vec<Page>,
    /// All that mounts have counted that are gone.
    retired: Totals,
    /// What of that was counted among the rest.
    retired_rest: Totals,
}

/// A mount that may still count.
#[derive(Debug)]
struct Page {
    stats: Arc<Stats>,
    /// None before the first survey with it.
    series: Option<Series>,
    /// What of it was counted in the series that it is not in now.
    elsewhere: Option<Box<Totals>>,
}

/// Where the metrics of a mount are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Series {
    /// In some of its own.
    Own,
    /// In those of all others.
    Rest,
}

/// All numbers at one moment.
#[derive(Debug, Default)]
pub struct Survey {
    /// The mounts with metrics of their own, and what was counted since they
    /// have them.
    pub own: Vec<(Arc<Stats>, Totals)>,
    /// What was counted of any mount while it had none.
    pub rest: Totals,
    /// Everything that was ever counted.
    pub totals: Totals,
}

impl Default for Book {
    fn default() -> Self {
        Self { epoch: Instant::now(), arrivals: Mutex::default(), pages: Mutex::default() }
    }
}

impl Book {
    /// How long it has been kept.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Begins to count for a mount.
    #[must_use]
    pub fn begin(&self, id: &Arc<str>) -> Arc<Stats> {
        let stats = Arc::new(Stats::new(Arc::clone(id), self.epoch));
        let mut arrivals = lock(&self.arrivals);
        arrivals.push(Arc::clone(&stats));
        let is_full = arrivals.len() >= STATS_ARRIVALS_MAX;
        drop(arrivals);
        if is_full {
            // Who reads all does the same.
            match self.pages.try_lock() {
                Ok(mut pages) => self.turn(&mut pages),
                Err(TryLockError::Poisoned(poisoned)) => self.turn(&mut poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        stats
    }

    /// Everything that was ever counted: never less than before.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut pages = lock(&self.pages);
        self.turn(&mut pages);
        let mut totals = pages.retired.clone();
        pages.live.iter().for_each(|page| totals.add(&page.stats.totals()));
        totals
    }

    /// How many exchanges have ended in each whole second of the minute before
    /// this one, the last one last. Who is gone took its seconds with it.
    #[must_use]
    pub fn by_second(&self) -> [u64; RATE_SECONDS_TOLD] {
        let mut pages = lock(&self.pages);
        self.turn(&mut pages);
        let mut sums = [0; RATE_SECONDS_TOLD];
        // One look at the clock, so that all speak of the same seconds.
        let second = self.age().as_secs();
        for page in &pages.live {
            let counts = page.stats.by_second_before(second);
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        sums
    }

    /// The numbers of the `most` mounts with the most requests, each by itself,
    /// and those of the others together. What is not `current` is one of them:
    /// there may be another mount of its name.
    #[must_use]
    pub fn survey(&self, most: usize, is_current: impl Fn(&Stats) -> bool) -> Survey {
        let mut pages = lock(&self.pages);
        self.turn(&mut pages);
        pages.rank(most, is_current);
        let mut survey = Survey { own: Vec::new(), rest: pages.retired_rest.clone(), totals: pages.retired.clone() };
        for page in &pages.live {
            let (here, elsewhere) = page.split();
            survey.totals.add(&here);
            survey.totals.add(&elsewhere);
            if page.series == Some(Series::Own) {
                survey.own.push((Arc::clone(&page.stats), here));
                survey.rest.add(&elsewhere);
            } else {
                survey.rest.add(&here);
            }
        }
        survey
    }

    /// Takes in who has come, and sums up who is gone.
    fn turn(&self, pages: &mut Pages) {
        let arrived = std::mem::take(&mut *lock(&self.arrivals));
        pages.live.extend(arrived.into_iter().map(|stats| Page { stats, series: None, elsewhere: None }));
        let Pages { live, retired, retired_rest } = pages;
        live.retain(|page| {
            // Nobody else has it, so nobody ever counts on it again.
            let is_live = Arc::strong_count(&page.stats) > 1;
            if !is_live {
                let (here, elsewhere) = page.split();
                retired.add(&here);
                retired.add(&elsewhere);
                retired_rest.add(if page.series == Some(Series::Own) { &elsewhere } else { &here });
            }
            is_live
        });
    }
}

impl Pages {
    /// Has the `most` mounts with the most requests stand apart.
    fn rank(&mut self, most: usize, is_current: impl Fn(&Stats) -> bool) {
        // Of two with as many, the one that stands apart already.
        let rank =
            |page: &Page| is_current(&page.stats).then(|| (page.stats.requests(), page.series == Some(Series::Own)));
        self.live.sort_by_cached_key(|page| std::cmp::Reverse(rank(page)));
        for (place, page) in self.live.iter_mut().enumerate() {
            let series = if place < most && is_current(&page.stats) { Series::Own } else { Series::Rest };
            let before = page.series.replace(series);
            if before.is_some_and(|before| before != series) {
                page.elsewhere = Some(Box::new(page.split().0));
            }
        }
    }
}

impl Page {
    /// What was counted in the series that it is in, and in the other.
    fn split(&self) -> (Totals, Totals) {
        let all = self.stats.totals();
        match &self.elsewhere {
            None => (all, Totals::default()),
            Some(elsewhere) => (all.without(elsewhere), Totals::clone(elsewhere)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Finished;

    fn count(stats: &Stats, requests: u64) {
        let finished = Finished { status: 200, failure: None, took: Duration::ZERO, at: Instant::now() };
        (0..requests).for_each(|_| stats.finished(&finished));
    }

    /// The requests of each mount that stands apart, and of the rest.
    fn survey(book: &Book, most: usize) -> (Vec<(String, u64)>, u64) {
        survey_current(book, most, |_| true)
    }

    fn survey_current(book: &Book, most: usize, is_current: impl Fn(&Stats) -> bool) -> (Vec<(String, u64)>, u64) {
        let survey = book.survey(most, is_current);
        assert_eq!(survey.totals, book.totals());
        let apart = survey.own.iter().map(|(stats, totals)| (stats.id().to_string(), totals.requests()));
        (apart.collect(), survey.rest.requests())
    }

    fn own(id: &str, requests: u64) -> (String, u64) {
        (id.into(), requests)
    }

    #[test]
    fn what_a_mount_has_done_is_not_forgotten_with_it() {
        let book = Book::default();
        let (a, b) = (book.begin(&"a".into()), book.begin(&"b".into()));
        count(&a, 3);
        count(&b, 2);
        assert_eq!(book.totals().requests(), 5);
        drop(a);
        assert_eq!(book.totals().requests(), 5);
        count(&b, 1);
        drop(b);
        assert_eq!(book.totals().requests(), 6);
        assert!(lock(&book.pages).live.is_empty());
    }

    #[test]
    fn no_series_jumps_or_goes_back_when_mounts_change_places() {
        let book = Book::default();
        let (a, b) = (book.begin(&"a".into()), book.begin(&"b".into()));
        count(&a, 5);
        count(&b, 2);
        assert_eq!(survey(&book, 1), (vec![own("a", 5)], 2));
        count(&b, 10);
        assert_eq!(survey(&book, 1), (vec![own("b", 0)], 12), "what it had stays where it was counted");
        count(&a, 1);
        count(&b, 1);
        assert_eq!(survey(&book, 1), (vec![own("b", 1)], 13));
        count(&a, 10);
        assert_eq!(survey(&book, 1), (vec![own("a", 5)], 23), "its own goes on where it was left");
        count(&a, 1);
        assert_eq!(survey(&book, 1), (vec![own("a", 6)], 23));
        assert_eq!(survey(&book, 2), (vec![own("a", 6), own("b", 1)], 23));
    }

    #[test]
    fn a_mount_that_goes_takes_only_its_own_series_with_it() {
        let book = Book::default();
        let (a, b, c) = (book.begin(&"a".into()), book.begin(&"b".into()), book.begin(&"c".into()));
        count(&a, 5);
        count(&b, 3);
        count(&c, 1);
        assert_eq!(survey(&book, 1), (vec![own("a", 5)], 4));
        drop(b);
        assert_eq!(survey(&book, 1), (vec![own("a", 5)], 4));
        drop(a);
        assert_eq!(survey(&book, 1), (vec![own("c", 0)], 4));
        assert_eq!(book.totals().requests(), 9);
        // One that has come and gone between two surveys was counted by none.
        let brief = book.begin(&"brief".into());
        count(&brief, 2);
        drop(brief);
        assert_eq!(survey(&book, 1), (vec![own("c", 0)], 6));
    }

    #[test]
    fn a_mount_that_drains_is_one_of_the_rest() {
        let book = Book::default();
        let (old, new) = (book.begin(&"a".into()), book.begin(&"a".into()));
        count(&old, 5);
        count(&new, 1);
        let is_new = |stats: &Stats| std::ptr::eq(stats, &*new);
        assert_eq!(survey(&book, 1), (vec![own("a", 5)], 1));
        assert_eq!(survey_current(&book, 2, is_new), (vec![own("a", 0)], 1));
        count(&old, 1);
        count(&new, 1);
        assert_eq!(survey_current(&book, 2, is_new), (vec![own("a", 1)], 2));
    }

    #[test]
    fn mounts_that_come_and_go_leave_little_behind_though_nobody_asks() {
        let book = Book::default();
        for number in 0..STATS_ARRIVALS_MAX * 3 {
            count(&book.begin(&number.to_string().into()), 1);
        }
        assert!(lock(&book.pages).live.len() + lock(&book.arrivals).len() <= STATS_ARRIVALS_MAX + 1);
        assert_eq!(book.totals().requests(), STATS_ARRIVALS_MAX as u64 * 3);
    }
}
