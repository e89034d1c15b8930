//! Who tries tokens that are wrong.
//!
//! Owns the count of them by address. A right token is let in whatever the
//! count says: one cannot be guessed, and a broken script must not lock out
//! the others of its machine. Who is over the bound is told so, and not heard
//! any sooner. Pure: time is a parameter.

use crate::limits::{ATTEMPT_ADDRESSES_MAX, ATTEMPTS_MAX, ATTEMPTS_WINDOW};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The wrong tries of one listener.
#[derive(Debug, Default)]
pub struct Attempts {
    by_address: Mutex<HashMap<Address, Tries>>,
}

/// Whose tries are counted together: an IPv4 address, the first 64 bits of an
/// IPv6 one, or all of a Unix socket.
type Address = Option<u128>;

#[derive(Debug, Clone, Copy)]
struct Tries {
    since: Instant,
    last: Instant,
    count: u32,
    told: bool,
}

/// What a wrong try leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was wrong.
    Wrong,
    /// It was one of too many; further ones are not too many after that time.
    TooMany {
        /// How long this lasts.
        wait: Duration,
        /// True where nobody was told of it yet.
        is_news: bool,
    },
}

impl Attempts {
    /// Counts a try that was wrong.
    pub fn wrong(&self, ip: Option<IpAddr>, now: Instant) -> Verdict {
        let address = ip.map(network);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if by_address.len() >= ATTEMPT_ADDRESSES_MAX && !by_address.contains_key(&address) {
            by_address.retain(|_, tries| !tries.is_over(now));
            let oldest = by_address.iter().min_by_key(|(_, tries)| tries.last).map(|(address, _)| *address);
            if let (true, Some(oldest)) = (by_address.len() >= ATTEMPT_ADDRESSES_MAX, oldest) {
                by_address.remove(&oldest);
            }
        }
        let tries = by_address.entry(address).or_insert(Tries { since: now, last: now, count: 0, told: false });
        tries.count(now)
    }
}

impl Tries {
    fn count(&mut self, now: Instant) -> Verdict {
        if now.saturating_duration_since(self.since) >= ATTEMPTS_WINDOW {
            // Who goes on all the time is news once.
            self.told &= !self.is_over(now);
            (self.since, self.count) = (now, 0);
        }
        self.last = now;
        self.count = self.count.saturating_add(1);
        if self.count <= ATTEMPTS_MAX {
            return Verdict::Wrong;
        }
        let wait = ATTEMPTS_WINDOW.saturating_sub(now.saturating_duration_since(self.since));
        Verdict::TooMany { wait, is_news: !std::mem::replace(&mut self.told, true) }
    }

    /// Nothing came for so long that nothing need be known of it.
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= ATTEMPTS_WINDOW
    }
}

/// The address without what one subscriber may choose of it.
fn network(ip: IpAddr) -> u128 {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & (u128::MAX << 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn is_too_many(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::TooMany { .. })
    }

    #[test]
    fn some_are_wrong_and_further_ones_too_many_until_the_window_ends() {
        let attempts = Attempts::default();
        let start = Instant::now();
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(attempts.wrong(ip("192.0.2.1"), start), Verdict::Wrong);
        }
        let later = start + Duration::from_secs(20);
        let wait = ATTEMPTS_WINDOW - Duration::from_secs(20);
        assert_eq!(attempts.wrong(ip("192.0.2.1"), later), Verdict::TooMany { wait, is_news: true });
        assert_eq!(attempts.wrong(ip("192.0.2.1"), later), Verdict::TooMany { wait, is_news: false });
        assert_eq!(attempts.wrong(ip("192.0.2.2"), later), Verdict::Wrong, "another address");
        assert_eq!(attempts.wrong(ip("192.0.2.1"), start + ATTEMPTS_WINDOW), Verdict::Wrong, "another window");
    }

    #[test]
    fn who_goes_on_all_the_time_is_told_of_once() {
        let attempts = Attempts::default();
        let mut now = Instant::now();
        let mut news = 0;
        for _ in 0..1000 {
            now += Duration::from_secs(1);
            news += u32::from(matches!(attempts.wrong(None, now), Verdict::TooMany { is_news: true, .. }));
        }
        assert_eq!(news, 1);
        now += ATTEMPTS_WINDOW;
        let again = (0..=ATTEMPTS_MAX).map(|_| attempts.wrong(None, now)).last().unwrap();
        assert!(matches!(again, Verdict::TooMany { is_news: true, .. }), "after a pause it is news again: {again:?}");
    }

    #[test]
    fn ipv6_is_counted_by_64_bits_and_mapped_ipv4_as_ipv4() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..ATTEMPTS_MAX {
            attempts.wrong(ip("2001:db8::1"), now);
            attempts.wrong(ip("::ffff:192.0.2.1"), now);
        }
        assert!(is_too_many(attempts.wrong(ip("2001:db8::ffff:0:0:2"), now)), "the same /64");
        assert!(!is_too_many(attempts.wrong(ip("2001:db8:0:1::1"), now)), "another /64");
        assert!(is_too_many(attempts.wrong(ip("192.0.2.1"), now)));
        assert!(!is_too_many(attempts.wrong(ip("::1"), now)) && !is_too_many(attempts.wrong(None, now)));
    }

    #[test]
    fn the_table_has_a_bound_and_forgets_who_was_quiet_longest() {
        let attempts = Attempts::default();
        let start = Instant::now();
        let address = |number: usize| Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        for number in 0..ATTEMPT_ADDRESSES_MAX {
            attempts.wrong(address(number), start + Duration::from_millis(1));
        }
        for _ in 0..=ATTEMPTS_MAX {
            attempts.wrong(address(0), start + Duration::from_millis(2));
        }
        for number in 0..ATTEMPT_ADDRESSES_MAX - 1 {
            attempts.wrong(address(ATTEMPT_ADDRESSES_MAX + number), start + Duration::from_millis(3));
        }
        let known = |attempts: &Attempts| attempts.by_address.lock().unwrap().len();
        assert_eq!(known(&attempts), ATTEMPT_ADDRESSES_MAX);
        assert!(is_too_many(attempts.wrong(address(0), start + Duration::from_millis(4))), "not forgotten");
        attempts.wrong(None, start + ATTEMPTS_WINDOW * 2);
        assert_eq!(known(&attempts), 1, "those who were quiet for long are");
    }
}
