//! How many requests a second: the generic cell rate algorithm (ITU-T I.371).
//!
//! Owns one number: the time at which the next request would come if all came
//! evenly. A second's worth may come at once.

/// One second, in microseconds.
const SECOND: u64 = 1_000_000;

/// Lets one request in at `now_us`, or says after how many microseconds one
/// would be. `next_us` is what was answered last, 0 at first.
pub fn admit(next_us: u64, now_us: u64, per_s: u32) -> Result<u64, u64> {
    let interval = SECOND / u64::from(per_s.max(1));
    let next = next_us.max(now_us) + interval;
    match (next - now_us).checked_sub(SECOND.max(interval)) {
        None | Some(0) => Ok(next),
        Some(early) => Err(early),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn admitted(per_s: u32, times: impl IntoIterator<Item = u64>) -> usize {
        let mut next = 0;
        let mut count = 0;
        for now in times {
            if let Ok(later) = admit(next, now, per_s) {
                next = later;
                count += 1;
            }
        }
        count
    }

    #[test]
    fn a_second_s_worth_comes_at_once_and_then_one_by_one() {
        assert_eq!(admitted(10, [5; 100]), 10);
        assert_eq!(admitted(1, [5; 100]), 1);
        assert_eq!(admitted(10, (0..=10).map(|tenth| 5 + tenth * 100_000)), 11);
        let mut next = 0;
        while let Ok(later) = admit(next, 5, 10) {
            next = later;
        }
        assert_eq!(admit(next, 5, 10), Err(100_000), "when to come again");
        assert!(admit(next, 100_005, 10).is_ok());
    }

    proptest! {
        #[test]
        fn never_more_than_twice_the_rate_in_any_second(
            per_s in 1_u32..2000,
            steps in proptest::collection::vec(0_u64..50_000, 1..2000),
        ) {
            let (mut next, mut now, mut let_in) = (0, 1, Vec::new());
            for step in steps {
                now += step;
                if let Ok(later) = admit(next, now, per_s) {
                    next = later;
                    let_in.push(now);
                }
            }
            for (first, from) in let_in.iter().enumerate() {
                let in_second = let_in[first..].iter().take_while(|time| **time < from + SECOND).count();
                prop_assert!(in_second <= 2 * per_s as usize);
            }
        }
    }
}
