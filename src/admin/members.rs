//! `fields`: the members of a mount that a list shows.
//!
//! Owns their names. A table that is read again every few seconds needs few of
//! them, and what a mount is configured to do, which is most, is not put into
//! JSON where nothing of it is asked for.

use super::model;
use super::problem::Problem;
use super::stats;
use crate::mount::spec::FIELDS;
use crate::registry::{Record, Registry};
use serde_json::{Map, Value, json};

/// What is always there.
const ID: &str = "id";

/// What is only there when it is asked for.
const STATS: &str = "stats";

/// The members that are asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Members {
    names: Vec<&'static str>,
    /// Of what a mount is configured to do something is asked for.
    has_spec: bool,
    /// And so of what it is now.
    has_now: bool,
}

/// Every member that can be asked for.
fn known() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().copied().chain(model::READ_ONLY).chain([STATS])
}

impl Members {
    /// Reads names with commas between.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let named = |name: &str| {
            known().find(|known| *known == name).ok_or_else(|| {
                let known = known().collect::<Vec<_>>().join(", ");
                let detail = format!("fields has an unknown name '{}'; known are {known}", name.escape_default());
                Problem::new(400, detail)
            })
        };
        let mut names = text.split(',').map(named).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        names.dedup();
        let has_spec = names.iter().any(|name| *name != ID && FIELDS.contains(name));
        let has_now = names.iter().any(|name| model::READ_ONLY.contains(name));
        Ok(Self { names, has_spec, has_now })
    }

    /// A mount with these members, as far as it has them, and its id.
    #[must_use]
    pub fn of(&self, record: &Record, registry: &Registry) -> Value {
        let mut shown = Map::new();
        if let Some(Value::Object(spec)) = self.has_spec.then(|| json!(*record.spec)) {
            shown.extend(spec.into_iter().filter(|(name, _)| self.has(name)));
        }
        if self.has_now {
            shown.extend(model::now(record, registry, |name| self.has(name)));
        }
        shown.insert(ID.into(), json!(record.spec.id));
        if self.has(STATS) {
            shown.insert(STATS.into(), stats::brief(&record.handle));
        }
        Value::Object(shown)
    }

    fn has(&self, name: &str) -> bool {
        self.names.binary_search(&name).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_each_once_and_what_they_cost_is_known() {
        let read = |text| Members::read(text).map_err(|problem| problem.detail);
        let stats = read("stats,id,stats").unwrap();
        assert_eq!(stats, Members { names: vec!["id", "stats"], has_spec: false, has_now: false });
        assert_eq!(
            read("match,state").unwrap(),
            Members { names: vec!["match", "state"], has_spec: true, has_now: true }
        );
        for bad in ["", "id,", "id, state", "State", "colour", "stats.requests"] {
            let refused = read(bad).unwrap_err();
            assert!(refused.contains("known are id, kind") && refused.ends_with("links, stats"), "{bad}: {refused}");
        }
    }
}
