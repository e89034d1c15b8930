//! Who waits to be let in, in the order of coming. Pure: the time comes in.

use std::collections::VecDeque;
use std::time::Instant;

/// A queue in which each has a time to give up. It takes no memory while it is
/// empty and never was otherwise.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: VecDeque<(T, Instant)>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
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
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front().map(|(entry, _)| entry)
    }

    /// Forgets those who have gone.
    pub fn retain(&mut self, is_there: impl Fn(&T) -> bool) {
        self.waiting.retain(|(entry, _)| is_there(entry));
    }

    /// When the first of them gives up.
    #[must_use]
    pub fn first_end(&self) -> Option<Instant> {
        self.waiting.iter().map(|(_, until)| *until).min()
    }

    /// Those who give up now.
    pub fn expired(&mut self, now: Instant) -> Vec<T> {
        if self.first_end().is_none_or(|end| end > now) {
            return Vec::new();
        }
        let (over, waiting) = self.waiting.drain(..).partition(|(_, until)| *until <= now);
        self.waiting = waiting;
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
