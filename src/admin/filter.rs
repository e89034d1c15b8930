//! What the mounts of a list have in common.
//!
//! Owns reading the filters of a query and whether a mount is meant by them.
//! All mounts may have to be looked at, so nothing is allocated for one of
//! them that a buffer for all can hold.

use super::problem::Problem;
use super::query::Query;
use super::search::{Search, Words};
use crate::message::target;
use crate::mount::Lifecycle;
use crate::registry::Record;
use std::time::SystemTime;

/// What is asked of a mount. What is none is not asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// As the mount has it, in lower case; empty is any host.
    host: Option<String>,
    /// This path or one below it.
    path: Option<String>,
    labels: Vec<(String, Option<String>)>,
    /// One of these.
    states: Option<Vec<Lifecycle>>,
    /// No request at this time or later, as far as is known.
    inactive_since: Option<SystemTime>,
    /// Before it nothing is known of requests.
    started_at: Option<SystemTime>,
    words: Option<Words>,
}

/// A filter at work, with what it needs for all mounts together.
#[derive(Debug)]
pub struct Sieve<'a> {
    filter: &'a Filter,
    search: Option<Search<'a>>,
}

impl Filter {
    /// Reads it. Of requests nothing is known before `started_at`.
    pub fn read(query: &Query, started_at: SystemTime) -> Result<Self, Problem> {
        let path = query.get("path_prefix").map(|path| match path.strip_prefix('/') {
            Some(_) => Ok(target::normal_path(path.trim_end_matches('/').as_bytes())),
            None => Err(Problem::new(400, "path_prefix must begin with /")),
        });
        let label = |text: &str| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (text.to_owned(), None),
        };
        let inactive_since = query.get("inactive_since").map(|text| {
            humantime::parse_rfc3339_weak(text)
                .map_err(|_| Problem::new(400, "inactive_since must be a time in UTC, as in 2030-01-31T12:00:00Z"))
        });
        let words = query.get("search").map(Words::read).transpose()?;
        Ok(Self {
            host: query.get("host").map(str::to_ascii_lowercase),
            path: path.transpose()?,
            labels: query.all("label").map(label).collect(),
            states: query.get("state").map(states).transpose()?,
            inactive_since: inactive_since.transpose()?,
            started_at: query.get("inactive_since").map(|_| started_at),
            words: words.flatten(),
        })
    }

    /// Begins to look at mounts.
    #[must_use]
    pub fn sieve(&self) -> Sieve<'_> {
        Sieve { filter: self, search: self.words.as_ref().map(Words::search) }
    }

    /// When a mount may have had its last request: a script that removes what
    /// nobody uses must not take what is new, or what was not watched.
    fn last_known(&self, record: &Record) -> SystemTime {
        let asked = record.handle.last_activity();
        let unwatched = || parsed(&record.created_at).max(self.started_at.unwrap_or(SystemTime::UNIX_EPOCH));
        asked.unwrap_or_else(unwatched)
    }
}

impl Sieve<'_> {
    /// True for a mount that is meant.
    pub fn takes(&mut self, record: &Record) -> bool {
        let (filter, spec) = (self.filter, &record.spec);
        let host = || spec.matches.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let is_below = |prefix: &String| {
            let rest = spec.matches.path.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let has = |(name, value): &(String, Option<String>)| {
            let found = spec.labels.get(name);
            found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        };
        filter.path.as_ref().is_none_or(is_below)
            && filter.labels.iter().all(has)
            && filter.host.as_ref().is_none_or(|wanted| *wanted == host())
            && filter.states.as_ref().is_none_or(|states| states.contains(&record.handle.lifecycle()))
            && filter.inactive_since.is_none_or(|since| filter.last_known(record) < since)
            && self.search.as_mut().is_none_or(|search| search.finds(spec))
    }
}

/// The states of `state`.
fn states(text: &str) -> Result<Vec<Lifecycle>, Problem> {
    let named = |word: &str| {
        let found = Lifecycle::WORDS.iter().zip(Lifecycle::ALL).find(|(known, _)| **known == word);
        found.map(|(_, state)| state).ok_or_else(|| {
            let known = Lifecycle::WORDS.join(", ");
            Problem::new(400, format!("state must be one of {known}, or several with commas between"))
        })
    };
    let mut states = text.split(',').map(named).collect::<Result<Vec<_>, _>>()?;
    states.sort_unstable_by_key(|state| *state as u8);
    states.dedup();
    Ok(states)
}

/// A time that a record has.
pub fn parsed(text: &str) -> SystemTime {
    // We wrote it.
    humantime::parse_rfc3339(text).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(raw: &str) -> Result<Filter, String> {
        let query = Query::of(Some(raw.as_bytes()), &["state", "search"], &[]).unwrap();
        Filter::read(&query, SystemTime::UNIX_EPOCH).map_err(|problem| problem.detail)
    }

    #[test]
    fn several_states_are_asked_for_with_commas_each_once() {
        let states = |raw| filter(raw).map(|filter| filter.states);
        assert_eq!(states("state=failed,open,failed").unwrap(), Some(vec![Lifecycle::Open, Lifecycle::Failed]));
        assert_eq!(states("").unwrap(), None);
        for bad in ["state=", "state=open,", "state=open, failed", "state=stopped", "state=Open"] {
            assert!(states(bad).unwrap_err().contains("one of starting, open"), "{bad}");
        }
    }

    #[test]
    fn a_search_for_nothing_is_no_filter() {
        for blank in ["search=", "search=+%09%0A", "search=%C2%A0"] {
            assert_eq!(filter(blank).unwrap(), Filter::default(), "{blank}");
        }
        assert_ne!(filter("search=a").unwrap(), Filter::default());
    }
}
