//! Which URLs another mount answers after a change.

use super::change::Edit;
use crate::mount::spec::{HostPattern, Match};
use crate::mount::{MountHandle, Table};
use std::collections::BTreeMap;

/// URLs that go to another mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Which: all that this matches and no other mount matches more closely.
    pub matches: String,
    /// Who answers them now; nobody where there is none.
    pub from: Option<String>,
    /// Who would.
    pub to: Option<String>,
}

/// What moves between two tables by those edits.
#[must_use]
pub fn moved(before: &Table, after: &Table, edits: &[Edit]) -> Vec<Moved> {
    let both = edits.iter().flat_map(|edit| [&edit.before, &edit.after]);
    let matches: BTreeMap<String, &Match> =
        both.flatten().map(|record| (record.spec.matches.to_string(), &record.spec.matches)).collect();
    let moved = matches.into_iter().filter_map(|(text, matches)| {
        let (from, to) = (owner(before, matches), owner(after, matches));
        (from != to).then_some(Moved { matches: text, from, to })
    });
    moved.collect()
}

/// Who answers the URL that is just that match.
fn owner(table: &Table, matches: &Match) -> Option<String> {
    let (host, port) = match &matches.host {
        None => (None, None),
        Some(HostPattern { wildcard, host }) => {
            // A name below the pattern that nobody can have: no host begins so.
            let name = if *wildcard { format!("*.{}", host.host) } else { host.host.clone() };
            (Some(name), host.port)
        }
    };
    let found = table.find(host.as_deref(), port, matches.path.as_bytes());
    found.map(|found| MountHandle::id(found.mount).to_owned())
}
