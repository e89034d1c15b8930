//! From host and path to the mount that answers: a persistent tree.
//!
//! Owns the match rule: the most specific host that has a matching path wins
//! (exact with port, exact, longest `*.` suffix with port, without, any), and
//! within it the longest prefix on segment boundaries. Segments are compared
//! percent-decoded. Reading takes no lock; an edit copies the nodes along one
//! path and shares all the others.

use super::handle::MountHandle;
use super::spec::{HostPort, Match};
use crate::message::target::percent_decode;
use rpds::HashTrieMapSync;
use std::sync::Arc;

/// An immutable table of routes; editing makes a new one.
#[derive(Debug, Clone)]
pub struct Table<T = MountHandle> {
    exact: HashTrieMapSync<HostPort, Arc<Node<T>>>,
    wildcard: HashTrieMapSync<HostPort, Arc<Node<T>>>,
    any: Arc<Node<T>>,
    with_ports: usize,
}

/// What is below a prefix, by decoded segment.
type Segments<T> = HashTrieMapSync<Box<[u8]>, Arc<Node<T>>>;

/// One path prefix.
#[derive(Debug)]
struct Node<T> {
    here: Option<T>,
    /// Most nodes have none: no more room than for saying so.
    below: Option<Arc<Segments<T>>>,
}

/// What answers a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a, T> {
    /// Who.
    pub mount: &'a T,
    /// How many bytes of the raw path its prefix took.
    pub prefix_len: usize,
}

/// A mount that has a request's match, whether or not it answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed<'a, T> {
    /// Who.
    pub mount: &'a T,
    /// How many bytes of the raw path its prefix takes.
    pub prefix_len: usize,
    /// Counts the hosts, the most specific one first: equal ones are one host.
    pub host: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let any = Arc::new(Node::default());
        Self { exact: HashTrieMapSync::default(), wildcard: HashTrieMapSync::default(), any, with_ports: 0 }
    }
}

impl<T: Clone> Table<T> {
    /// The mount for a request. `host` is as written, without its port.
    #[must_use]
    pub fn find(&self, host: Option<&str>, port: Option<u16>, path: &[u8]) -> Option<Found<'_, T>> {
        self.visit(host, port, |node| node.find(path))
    }

    /// Every mount that has the match of a request, at most so many: first the
    /// one that answers, and behind it those that would if it were not there.
    #[must_use]
    pub fn along(&self, host: Option<&str>, port: Option<u16>, path: &[u8], most: usize) -> Vec<Passed<'_, T>> {
        let (mut passed, mut host_number) = (Vec::new(), 0);
        self.visit(host, port, |node| -> Option<()> {
            let mut found = Vec::new();
            node.walk(path, |mount, prefix_len| found.push(Passed { mount, prefix_len, host: host_number }));
            host_number += 1;
            passed.extend(found.into_iter().rev().take(most - passed.len()));
            (passed.len() == most).then_some(())
        });
        passed
    }

    /// Looks at what there is for a host, the most specific first, until `look`
    /// has found something.
    fn visit<'a, R>(
        &'a self,
        host: Option<&str>,
        port: Option<u16>,
        mut look: impl FnMut(&'a Node<T>) -> Option<R>,
    ) -> Option<R> {
        if let Some(host) = host.filter(|_| !(self.exact.is_empty() && self.wildcard.is_empty())) {
            let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
            if let Some(found) = self.visit_host(host, port.unwrap_or(DEFAULT_PORT), &mut look) {
                return Some(found);
            }
        }
        look(&self.any)
    }

    fn visit_host<'a, R>(
        &'a self,
        host: String,
        port: u16,
        look: &mut impl FnMut(&'a Node<T>) -> Option<R>,
    ) -> Option<R> {
        let ports = || [Some(port), None].into_iter().skip(usize::from(self.with_ports == 0));
        let mut key = HostPort { host, port: None };
        for port in ports() {
            key.port = port;
            if let Some(found) = self.exact.get(&key).and_then(|node| look(node)) {
                return Some(found);
            }
        }
        while !self.wildcard.is_empty() {
            let dot = key.host.find('.')?;
            key.host.drain(..=dot);
            for port in ports() {
                key.port = port;
                if let Some(found) = self.wildcard.get(&key).and_then(|node| look(node)) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The mount of exactly that match.
    #[must_use]
    pub fn get(&self, matches: &Match) -> Option<&T> {
        self.root(matches).and_then(|root| root.get(&segments_of(&matches.path)))
    }

    /// A table in which that match has that mount.
    #[must_use]
    pub fn with(&self, matches: &Match, mount: T) -> Self {
        self.edited(matches, Some(mount))
    }

    /// A table in which that match has no mount.
    #[must_use]
    pub fn without(&self, matches: &Match) -> Self {
        self.edited(matches, None)
    }

    fn root(&self, matches: &Match) -> Option<&Arc<Node<T>>> {
        match &matches.host {
            None => Some(&self.any),
            Some(pattern) if pattern.wildcard => self.wildcard.get(&pattern.host),
            Some(pattern) => self.exact.get(&pattern.host),
        }
    }

    fn edited(&self, matches: &Match, mount: Option<T>) -> Self {
        let segments = segments_of(&matches.path);
        let root = match self.root(matches) {
            Some(root) => root.edited(&segments, mount),
            None => Node::default().edited(&segments, mount),
        };
        let mut table = self.clone();
        let Some(pattern) = &matches.host else {
            table.any = Arc::new(root);
            return table;
        };
        let hosts = if pattern.wildcard { &mut table.wildcard } else { &mut table.exact };
        let before = hosts.size();
        if root.is_empty() {
            hosts.remove_mut(&pattern.host);
        } else {
            hosts.insert_mut(pattern.host.clone(), Arc::new(root));
        }
        if pattern.host.port.is_some() {
            table.with_ports = table.with_ports + hosts.size() - before;
        }
        table
    }
}

/// What a Host without a port means on a plain listener.
const DEFAULT_PORT: u16 = 80;

/// The decoded segments of a prefix; none for `/`.
fn segments_of(path: &str) -> Vec<Box<[u8]>> {
    match path.strip_prefix('/') {
        None | Some("") => Vec::new(),
        Some(rest) => rest.split('/').map(|segment| percent_decode(segment.as_bytes()).into()).collect(),
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { here: None, below: None }
    }
}

impl<T: Clone> Node<T> {
    fn find(&self, path: &[u8]) -> Option<Found<'_, T>> {
        let mut best = None;
        self.walk(path, |mount, prefix_len| best = Some(Found { mount, prefix_len }));
        best
    }

    /// Tells every mount whose prefix the path has, the shortest first.
    fn walk<'a>(&'a self, path: &[u8], mut tell: impl FnMut(&'a T, usize)) {
        let mut node = self;
        if let Some(mount) = &node.here {
            tell(mount, 0);
        }
        let mut end = 0;
        while let (Some(below), Some(b'/')) = (&node.below, path.get(end)) {
            let start = end + 1;
            end = memchr::memchr(b'/', &path[start..]).map_or(path.len(), |at| start + at);
            let Some(next) = below.get(&*percent_decode(&path[start..end])) else { break };
            node = next;
            if let Some(mount) = &node.here {
                tell(mount, end);
            }
        }
    }

    fn get(&self, segments: &[Box<[u8]>]) -> Option<&T> {
        match segments.split_first() {
            None => self.here.as_ref(),
            Some((first, rest)) => self.below.as_ref()?.get(first)?.get(rest),
        }
    }

    fn edited(&self, segments: &[Box<[u8]>], mount: Option<T>) -> Self {
        let Some((first, rest)) = segments.split_first() else {
            return Self { here: mount, below: self.below.clone() };
        };
        let mut below = self.below.as_deref().cloned().unwrap_or_default();
        let next = match below.get(first) {
            Some(node) => node.edited(rest, mount),
            None => Self::default().edited(rest, mount),
        };
        if next.is_empty() {
            below.remove_mut(first);
        } else {
            below.insert_mut(first.clone(), Arc::new(next));
        }
        Self { here: self.here.clone(), below: (!below.is_empty()).then(|| Arc::new(below)) }
    }

    fn is_empty(&self) -> bool {
        self.here.is_none() && self.below.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::HostPattern;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn on(host: &str, path: &str) -> Match {
        Match { host: (!host.is_empty()).then(|| HostPattern::parse(host).unwrap()), path: path.into() }
    }

    fn table(mounts: &[(&str, &str)]) -> Table<String> {
        mounts.iter().fold(Table::default(), |table, (host, path)| table.with(&on(host, path), format!("{host}{path}")))
    }

    fn found(table: &Table<String>, host: &str, port: Option<u16>, path: &str) -> Option<(String, usize)> {
        let host = (!host.is_empty()).then_some(host);
        table.find(host, port, path.as_bytes()).map(|found| (found.mount.clone(), found.prefix_len))
    }

    #[test]
    fn the_longest_prefix_on_segment_boundaries_wins() {
        let table = table(&[("", "/"), ("", "/a"), ("", "/a/b")]);
        for (path, mount, prefix_len) in [
            ("/", "/", 0),
            ("/x", "/", 0),
            ("/ab", "/", 0),
            ("/a", "/a", 2),
            ("/a/", "/a", 2),
            ("/a/bc", "/a", 2),
            ("/a/b", "/a/b", 4),
            ("/a/b/c", "/a/b", 4),
            ("//a", "/", 0),
            ("/a//b", "/a", 2),
        ] {
            assert_eq!(found(&table, "", None, path), Some((mount.into(), prefix_len)), "{path}");
        }
    }

    #[test]
    fn segments_are_compared_decoded_and_measured_raw() {
        let table = table(&[("", "/a%20b/c"), ("", "/x%2Fy")]);
        assert_eq!(found(&table, "", None, "/%61%20b/c/d"), Some(("/a%20b/c".into(), 10)));
        assert_eq!(found(&table, "", None, "/x%2fy"), Some(("/x%2Fy".into(), 6)));
        assert_eq!(found(&table, "", None, "/x/y"), None);
    }

    #[test]
    fn the_most_specific_host_with_a_matching_path_wins() {
        let table = table(&[
            ("", "/"),
            ("h.example.org", "/only"),
            ("h.example.org:8080", "/"),
            ("*.example.org", "/"),
            ("*.org", "/"),
            ("*.example.org:81", "/"),
        ]);
        for (host, port, path, mount) in [
            ("H.Example.org", None, "/only/x", "h.example.org/only"),
            ("h.example.org.", None, "/only", "h.example.org/only"),
            ("h.example.org", Some(8080), "/only", "h.example.org:8080/"),
            ("h.example.org", None, "/other", "*.example.org/"),
            ("a.b.example.org", Some(81), "/", "*.example.org:81/"),
            ("a.b.example.org", Some(82), "/", "*.example.org/"),
            ("example.org", None, "/", "*.org/"),
            ("org", None, "/", "/"),
            ("", None, "/", "/"),
        ] {
            assert_eq!(found(&table, host, port, path).map(|found| found.0), Some(mount.into()), "{host} {path}");
        }
    }

    #[test]
    fn those_that_would_answer_otherwise_are_found_along_the_way() {
        let table = table(&[
            ("", "/"),
            ("", "/a/b"),
            ("h.example.org", "/a"),
            ("h.example.org", "/a/b/c"),
            ("*.example.org", "/"),
            ("*.org", "/z"),
        ]);
        let along = |most| {
            let passed = table.along(Some("h.example.org"), None, b"/a/b/x", most);
            passed.iter().map(|passed| (passed.mount.clone(), passed.prefix_len)).collect::<Vec<_>>()
        };
        let all = [("h.example.org/a", 2), ("*.example.org/", 0), ("/a/b", 4), ("/", 0)];
        let all = all.map(|(mount, prefix_len)| (mount.to_owned(), prefix_len));
        assert_eq!(along(9), all);
        assert_eq!(along(3), all[..3]);
        assert_eq!(found(&table, "h.example.org", None, "/a/b/x").as_ref(), all.first());
        let hosts = table.along(Some("h.example.org"), None, b"/a/b/c", 9);
        let hosts: Vec<bool> = hosts.windows(2).map(|pair| pair[0].host == pair[1].host).collect();
        assert_eq!(hosts, [true, false, false, true]);
        assert!(table.along(None, None, b"x", 9).len() == 1);
    }

    #[test]
    fn an_edit_leaves_the_old_table_as_it_was() {
        let before = table(&[("", "/a"), ("h.org", "/")]);
        let after = before.without(&on("", "/a")).without(&on("h.org", "/"));
        assert_eq!(found(&before, "", None, "/a"), Some(("/a".into(), 2)));
        assert_eq!(found(&after, "", None, "/a"), None);
        assert!(after.exact.is_empty() && after.any.is_empty(), "nothing is left behind");
        assert_eq!(before.get(&on("", "/a")), Some(&"/a".to_owned()));
        assert_eq!(after.get(&on("", "/a")), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_looking_at_every_mount(
            edits in proptest::collection::vec((any::<bool>(), proptest::collection::vec("[ab]", 0..4)), 0..40),
            path in proptest::collection::vec("[ab]", 0..5),
        ) {
            let mut table = Table::default();
            let mut all = BTreeMap::new();
            for (add, segments) in edits {
                let prefix = format!("/{}", segments.join("/"));
                if add {
                    table = table.with(&on("", &prefix), prefix.clone());
                    all.insert(prefix.clone(), prefix);
                } else {
                    table = table.without(&on("", &prefix));
                    all.remove(&prefix);
                }
            }
            let path = format!("/{}", path.join("/"));
            let expected = all
                .keys()
                .filter(|prefix| *prefix == "/" || path == **prefix || path.starts_with(&format!("{prefix}/")))
                .max_by_key(|prefix| prefix.len());
            let answer = found(&table, "", None, &path).map(|found| found.0);
            prop_assert_eq!(answer.as_ref(), expected);
        }
    }
}
