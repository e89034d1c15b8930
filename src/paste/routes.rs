//! Which requests of a file go elsewhere in Standin than they went in Paste.
//!
//! Both ways of choosing are asked about every host and path that the file
//! names, and one below each; what differs is told by example.

use super::urlmap::{Key, encoded};
use crate::limits::PASTE_COMPARISONS_MAX;
use crate::mount::Table;
use crate::mount::spec::{HostPattern, Match};
use std::collections::{BTreeSet, HashSet};

/// Applications as Paste finds them; the numbers are those of the leaves.
#[derive(Debug)]
pub enum Route {
    /// An application that answers by itself.
    Leaf(usize),
    /// Nothing that a mount could be made of.
    Lost,
    /// A urlmap, in the order that Paste asks in.
    Map {
        /// What is behind each key.
        keys: Vec<(Key, Route)>,
        /// What answers the rest.
        not_found: Option<Box<Route>>,
    },
}

impl Route {
    /// The leaf that Paste gives the request to.
    #[must_use]
    pub fn find(&self, host: &str, port: u16, path: &str) -> Option<usize> {
        match self {
            Self::Leaf(leaf) => Some(*leaf),
            Self::Lost => None,
            Self::Map { keys, not_found } => {
                let found = keys.iter().find_map(|(key, route)| Some((route, key.rest(host, port, path)?)));
                match found {
                    Some((route, rest)) => route.find(host, port, rest),
                    None => not_found.as_ref()?.find(host, port, path),
                }
            }
        }
    }

    /// The paths that lead to maps.
    fn places(&self, prefix: &str, places: &mut BTreeSet<String>) {
        if let Self::Map { keys, .. } = self {
            places.insert(format!("{prefix}/x"));
            for (key, route) in keys {
                route.places(&format!("{prefix}{}", key.path), places);
            }
        }
    }

    fn keys(&self) -> usize {
        match self {
            Self::Leaf(_) | Self::Lost => 1,
            Self::Map { keys, not_found } => {
                let behind: usize = keys.iter().map(|(_, route)| 1 + route.keys()).sum();
                behind + not_found.as_ref().map_or(0, |route| route.keys())
            }
        }
    }
}

/// A request that goes elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its host, with the port if that is not 80.
    pub host: String,
    /// Its path.
    pub path: String,
    /// The leaf that answers in Paste.
    pub paste: Option<usize>,
    /// The leaf whose mount answers in Standin.
    pub standin: Option<usize>,
}

const HTTP: u16 = 80;
/// A port and a host that no file means.
const OTHER_PORT: u16 = 1;
const OTHER_HOST: &str = "other.invalid";

/// The differences, one for each pair of leaves, and each path that Paste has
/// nothing for; none when there is too much to compare.
/// `mounts` are the leaves that became mounts, with their matches.
#[must_use]
pub fn differences(root: &Route, mounts: &[(usize, Match)]) -> Option<Vec<Difference>> {
    let mut table = Table::default();
    let mut hosts = vec![(OTHER_HOST.to_owned(), HTTP)];
    let mut named = HashSet::new();
    let mut paths = BTreeSet::from(["/x".to_owned()]);
    root.places("", &mut paths);
    for (leaf, matches) in mounts {
        table = table.with(matches, *leaf);
        if let Some(HostPattern { host, .. }) = &matches.host {
            let ports = [HTTP].into_iter().chain(host.port).chain([OTHER_PORT]);
            hosts.extend(ports.map(|port| (host.host.clone(), port)).filter(|host| named.insert(host.clone())));
        }
        let path = crate::message::target::percent_decode(matches.path.as_bytes());
        let path = String::from_utf8_lossy(&path).into_owned();
        paths.insert(format!("{}/x", path.trim_end_matches('/')));
        paths.insert(path);
    }
    if hosts.len().saturating_mul(paths.len()).saturating_mul(root.keys()) > PASTE_COMPARISONS_MAX {
        return None;
    }
    let mut said = HashSet::new();
    let mut found = Vec::new();
    for (host, port) in &hosts {
        for path in &paths {
            let paste = root.find(host, *port, path);
            let encoded = encoded(path);
            let standin = table.find(Some(host), Some(*port), encoded.as_bytes()).map(|found| *found.mount);
            if paste != standin && said.insert((paste, standin, paste.is_none().then_some(path))) {
                let host = if *port == HTTP { host.clone() } else { format!("{host}:{port}") };
                found.push(Difference { host, path: encoded, paste, standin });
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(keys: Vec<(&str, Route)>, not_found: Option<Route>) -> Route {
        let mut keys: Vec<_> = keys.into_iter().map(|(key, route)| (Key::parse(key).unwrap(), route)).collect();
        keys.sort_by_cached_key(|(key, _)| key.order());
        Route::Map { keys, not_found: not_found.map(Box::new) }
    }

    fn on(leaf: usize, host: Option<&str>, path: &str) -> (usize, Match) {
        (leaf, Match { host: host.map(|host| HostPattern::parse(host).unwrap()), path: path.into() })
    }

    #[test]
    fn a_plain_map_is_the_same_in_both() {
        let root = map(
            vec![("/", Route::Leaf(0)), ("/a", Route::Leaf(1)), ("domain h.org /b", Route::Leaf(2))],
            Some(Route::Leaf(0)),
        );
        let mounts = [on(0, None, "/"), on(1, None, "/a"), on(2, Some("h.org"), "/b")];
        assert_eq!(differences(&root, &mounts), Some(vec![]));
    }

    #[test]
    fn a_host_with_a_port_is_never_asked_in_paste() {
        let root = map(vec![("domain h.org /a", Route::Leaf(0)), ("domain h.org port 8080 /a", Route::Leaf(1))], None);
        let mounts = [on(0, Some("h.org"), "/a"), on(1, Some("h.org:8080"), "/a")];
        let found = differences(&root, &mounts).unwrap();
        assert_eq!(
            found,
            [Difference { host: "h.org:8080".into(), path: "/a".into(), paste: Some(0), standin: Some(1) }]
        );
    }

    #[test]
    fn what_an_inner_map_does_not_have_is_not_found_in_paste() {
        let root = map(vec![("/", Route::Leaf(0)), ("/a", map(vec![("/b", Route::Leaf(1))], None))], None);
        let found = differences(&root, &[on(0, None, "/"), on(1, None, "/a/b")]).unwrap();
        let expected = Difference { host: OTHER_HOST.into(), path: "/a/x".into(), paste: None, standin: Some(0) };
        assert_eq!(found, [expected]);
    }
}
