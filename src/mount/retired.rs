//! The old generations of a mount that still have something.
//!
//! Owns when each of them is to be cut off. Edits add to it, the actor clears
//! it away.

use super::state::Ending;
use crate::exchange::Generation;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The list. No bound but that of requests and tunnels: one that has none goes.
#[derive(Debug, Default)]
pub struct Retired {
    list: Mutex<Vec<Old>>,
}

#[derive(Debug)]
struct Old {
    generation: Arc<Generation>,
    until: Option<Instant>,
}

impl Old {
    fn end(&mut self, ending: Ending, now: Instant) {
        match ending {
            Ending::Finish => {}
            Ending::Kill => self.generation.cut(),
            // None is later than the clock can tell; an earlier end stays.
            Ending::Deadline(pause) => self.until = self.until.into_iter().chain(now.checked_add(pause)).min(),
        }
    }
}

/// What is left of an old generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remains {
    /// Which.
    pub generation: u64,
    /// Requests on their way.
    pub requests: u32,
    /// Tunnels.
    pub tunnels: u32,
}

impl Retired {
    /// Retires a generation, which ends like that. True if it still has something.
    pub fn add(&self, generation: &Arc<Generation>, ending: Ending, now: Instant) -> bool {
        generation.retire();
        let mut list = self.list();
        list.retain(|old| !old.generation.is_over());
        if generation.is_over() {
            return false;
        }
        let mut old = Old { generation: Arc::clone(generation), until: None };
        old.end(ending, now);
        list.push(old);
        true
    }

    /// All that is left ends like that. Answers those that still have something.
    pub fn end_all(&self, ending: Ending, now: Instant) -> Vec<Arc<Generation>> {
        let mut list = self.list();
        list.retain(|old| !old.generation.is_over());
        list.iter_mut().for_each(|old| old.end(ending, now));
        list.iter().map(|old| Arc::clone(&old.generation)).collect()
    }

    /// Cuts off what has had its time; true if there was any.
    pub fn cut_due(&self, now: Instant) -> bool {
        let mut any = false;
        for old in self.list().iter_mut().filter(|old| old.until.is_some_and(|until| until <= now)) {
            old.until = None;
            old.generation.cut();
            any = true;
        }
        any
    }

    /// When the next one has had its time.
    pub fn first_end(&self) -> Option<Instant> {
        self.list().iter().filter_map(|old| old.until).min()
    }

    /// Nothing is left; what has ended is forgotten.
    pub fn is_empty(&self) -> bool {
        let mut list = self.list();
        list.retain(|old| !old.generation.is_over());
        list.is_empty()
    }

    /// What there is, oldest first; what has ended is forgotten.
    pub fn remains(&self) -> Vec<Remains> {
        let mut list = self.list();
        list.retain(|old| !old.generation.is_over());
        if list.is_empty() {
            list.shrink_to_fit();
        }
        let remains = |old: &Old| {
            let (requests, tunnels) = old.generation.remains();
            Remains { generation: old.generation.number(), requests, tunnels }
        };
        list.iter().map(remains).collect()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Old>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn generation(number: u64) -> Arc<Generation> {
        Generation::new(number, Arc::default())
    }

    #[test]
    fn each_generation_ends_in_its_way_and_a_removal_ends_all() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let deadline = |seconds| Ending::Deadline(Duration::from_secs(seconds));
        let retired = Retired::default();
        let (first, second, third, empty) = (generation(1), generation(2), generation(3), generation(4));
        let places = [first.enter(), second.enter(), third.enter()];
        assert!(retired.add(&first, Ending::Finish, start) && retired.add(&second, deadline(10), start));
        assert!(!retired.add(&empty, Ending::Kill, start));
        assert_eq!(retired.first_end(), Some(after(10)));
        assert!(!retired.cut_due(after(9)));
        assert!(retired.add(&third, Ending::Finish, start));
        assert_eq!(retired.end_all(deadline(20), start).len(), 3);
        assert!(retired.cut_due(after(10)));
        assert_eq!([first.is_cut(), second.is_cut(), third.is_cut()], [false, true, false]);
        assert!(retired.cut_due(after(20)) && first.is_cut() && third.is_cut());
        assert_eq!(retired.remains().iter().map(|old| old.generation).collect::<Vec<_>>(), [1, 2, 3]);
        drop(places);
        assert!(retired.remains().is_empty());
    }
}
