//! `%(name)s` in values, by the rules of Python's `configparser`.
//!
//! Owns the budget, too: what reading one file with all that it names may cost.

use crate::limits::{PASTE_INTERPOLATION_DEPTH_MAX, PASTE_STEPS_MAX};
use std::cell::Cell;

/// What is left of the steps that one import may take.
#[derive(Debug)]
pub struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(PASTE_STEPS_MAX))
    }
}

impl Budget {
    /// Takes some; false when there are none left.
    pub fn spend(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }

    /// True when nothing is left.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// Fills in what a value names. `look_up` gives the raw value of a name.
pub fn interpolate<'a>(
    raw: &'a str,
    look_up: &dyn Fn(&str) -> Option<&'a str>,
    budget: &Budget,
) -> Result<String, String> {
    let mut value = String::new();
    fill(raw, look_up, budget, 1, &mut value)?;
    Ok(value)
}

fn fill<'a>(
    mut rest: &'a str,
    look_up: &dyn Fn(&str) -> Option<&'a str>,
    budget: &Budget,
    depth: usize,
    value: &mut String,
) -> Result<(), String> {
    if depth > PASTE_INTERPOLATION_DEPTH_MAX {
        return Err(format!(
            "names lead to names more than {PASTE_INTERPOLATION_DEPTH_MAX} deep, or round in a circle"
        ));
    }
    loop {
        let (plain, behind) = rest.find('%').map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
        if !budget.spend(1 + plain.len() / 64) {
            return Err("the values of this file grow too large".into());
        }
        value.push_str(plain);
        let Some(behind) = behind else { return Ok(()) };
        if let Some(after) = behind.strip_prefix('%') {
            value.push('%');
            rest = after;
            continue;
        }
        let named = behind.strip_prefix('(').and_then(|name| name.split_once(')'));
        let named = named.and_then(|(name, after)| Some((name, after.strip_prefix('s')?)));
        let Some((name, after)) = named.filter(|(name, _)| !name.is_empty()) else {
            return Err(
                "a % stands for itself only when it is doubled; write %% for it, or %(name)s for a value".into()
            );
        };
        let found = look_up(name).ok_or_else(|| {
            format!("%({name})s names nothing: there is no '{name}' in this section and none in [DEFAULT]")
        })?;
        fill(found, look_up, budget, depth + 1, value)?;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(raw: &'a str, names: &'a [(&str, &str)]) -> Result<String, String> {
        let look_up = |name: &str| names.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        interpolate(raw, &look_up, &Budget::default())
    }

    #[test]
    fn names_are_filled_in_as_in_python() {
        let names = [("a", "1"), ("b", "%(a)s%(a)s"), ("long name", "x%%y"), ("self", "%(self)s")];
        for (raw, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("%(a)s", "1"),
            ("x%(b)sy", "x11y"),
            ("%(long name)s", "x%y"),
            ("100%%", "100%"),
            ("%%(a)s", "%(a)s"),
        ] {
            assert_eq!(with(raw, &names).as_deref(), Ok(expected), "{raw}");
        }
        for raw in ["/a%20b/", "%", "%(a)", "%(a)d", "%()s", "%(", "%(c)s", "%(self)s", "%(A)s"] {
            assert!(with(raw, &names).is_err(), "{raw}");
        }
    }

    #[test]
    fn values_that_explode_end_with_an_error() {
        let names: Vec<(String, String)> =
            (0..7).map(|depth| (format!("n{depth}"), format!("%(n{})s", depth + 1).repeat(1000))).collect();
        let look_up = |name: &str| match names.iter().find(|(known, _)| known == name) {
            Some((_, value)) => Some(value.as_str()),
            None => Some("end"),
        };
        let budget = Budget::default();
        assert!(interpolate("%(n0)s", &look_up, &budget).unwrap_err().contains("too large"));
        assert!(budget.is_spent());
    }
}
