//! Who waits to be let in, in the order of coming. Pure: the time comes in.

use std::collections::VecDeque;
use std::time::Instant;

/// A queue in which each has a time to give up. It takes no memory while it is
/// empty and never was otherwise.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: VecDeque<(T, Instant)>,
    /// Nobody gives up before that.
    first_end: Option<Instant>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), first_end: None }
    }
}

impl<T> Queue<T> {
    /// Nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Adds one at the end.
    pub fn push(&mut self, entry: T, until: Instant) {
        self.waiting.push_back((entry, until));
        self.first_end = self.first_end.into_iter().chain([until]).min();
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front().map(|(entry, _)| entry)
    }

    /// Forgets those at its front who have gone.
    pub fn skip(&mut self, is_there: impl Fn(&T) -> bool) {
        while self.waiting.front().is_some_and(|(entry, _)| !is_there(entry)) {
            self.waiting.pop_front();
        }
    }

    /// Forgets those who have gone.
    pub fn retain(&mut self, is_there: impl Fn(&T) -> bool) {
        self.waiting.retain(|(entry, _)| is_there(entry));
    }

    /// When somebody should look who gives up; not later than the first one does.
    #[must_use]
    pub fn first_end(&self) -> Option<Instant> {
        self.first_end.filter(|_| !self.waiting.is_empty())
    }

    /// Those who give up now.
    pub fn expired(&mut self, now: Instant) -> Vec<T> {
        if self.first_end().is_none_or(|end| end > now) {
            return Vec::new();
        }
        let (over, waiting) = self.waiting.drain(..).partition(|(_, until)| *until <= now);
        self.waiting = waiting;
        self.first_end = self.waiting.iter().map(|(_, until)| *until).min();
        let over: VecDeque<_> = over;
        over.into_iter().map(|(entry, _)| entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_to_come_is_the_first_to_go_and_each_gives_up_in_time() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut queue = Queue::default();
        for (entry, until) in [("a", 9), ("b", 2), ("c", 9), ("d", 2), ("e", 3)] {
            queue.push(entry, after(until));
        }
        assert_eq!(queue.first_end(), Some(after(2)));
        assert_eq!(queue.expired(after(1)), Vec::<&str>::new());
        assert_eq!(queue.expired(after(2)), ["b", "d"]);
        assert_eq!(queue.pop(), Some("a"));
        queue.retain(|entry| *entry != "c");
        assert_eq!((queue.len(), queue.pop(), queue.pop()), (1, Some("e"), None));
        assert!(queue.is_empty() && queue.first_end().is_none());
    }
}
