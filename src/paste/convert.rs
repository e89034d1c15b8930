//! From applications to mounts, and what is to be said about them.
//!
//! Owns what becomes of each application, each key of a map and each filter;
//! `options` has the rest of a mount. Nothing is dropped without a word.

use super::deploy::{Deploy, File, Kind, Node, Object, Told, Value};
use super::ids::Ids;
use super::known::{self, App, Filter};
use super::notes::{At, Severity};
use super::routes::{Route, differences};
use super::urlmap::{Key, encoded};
use crate::limits::{PASTE_MOUNTS_MAX, PASTE_SECTION_DEPTH_MAX};
use crate::mount::MountSpec;
use crate::mount::spec::{HostPattern, Id, Match, parse};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::rc::Rc;

/// Where an application is found.
#[derive(Debug, Clone)]
struct Place {
    host: Option<HostPattern>,
    /// Text, without a slash at its end.
    path: String,
    /// The key that says so.
    at: At,
}

/// A proxy at a place.
#[derive(Debug)]
struct Leaf {
    object: Object,
    kind: App,
    place: Place,
    /// Another one has the same place and comes first.
    hidden: bool,
}

/// Makes mounts of applications.
pub struct Converter<'d, 'r> {
    pub(super) deploy: &'d mut Deploy<'r>,
    leaves: Vec<Leaf>,
    taken: HashMap<(Option<HostPattern>, String), usize>,
    maps: Vec<At>,
}

/// A mount as it is sent, and the same checked.
pub type Made = (Json, MountSpec);

/// What a mount's path may have.
const PATH_BYTES_MAX: usize = 2048;

impl<'d, 'r> Converter<'d, 'r> {
    /// The mounts of the application of that name.
    pub fn mounts(deploy: &'d mut Deploy<'r>, file: &Rc<File>, entry: &str) -> Vec<Made> {
        let mut converter = Self { deploy, leaves: Vec::new(), taken: HashMap::new(), maps: Vec::new() };
        let whole = At { file: Rc::clone(&file.name), line: 0 };
        let Ok(node) = converter.deploy.node(Kind::App, file, entry, None, &whole) else { return Vec::new() };
        let place = Place { host: None, path: String::new(), at: whole };
        let root = converter.walk(node, place).unwrap_or(Route::Lost);
        let made = converter.make();
        if !converter.deploy.notes.has_errors() {
            converter.compare(&root, &made);
            converter.tell_what_is_fixed(file, &root);
        }
        made.into_iter().map(|(_, made)| made).collect()
    }

    pub(super) fn fail<T>(&mut self, at: &At, text: impl Into<String>) -> Result<T, Told> {
        self.deploy.notes.error(at, text);
        Err(Told)
    }

    fn walk(&mut self, node: Node, place: Place) -> Result<Route, Told> {
        match node {
            Node::Filtered(filters, next) => {
                let passed: Vec<_> = filters.iter().map(|filter| self.filter(filter)).collect();
                let route = self.walk(*next, place)?;
                if passed.contains(&Err(Told)) { Err(Told) } else { Ok(route) }
            }
            Node::Object(object) => {
                let kind = known::app(&object.code);
                match kind {
                    App::Proxy | App::TransparentProxy => self.leaf(*object, kind, place),
                    App::Urlmap => self.map(&object, &place),
                    App::Other(instead) => {
                        self.fail(&object.at, format!("'{}' ({}) is not a proxy: {instead}", object.name, object.code))
                    }
                }
            }
        }
    }

    fn filter(&mut self, filter: &Node) -> Result<(), Told> {
        match filter {
            Node::Object(object) => {
                let what = format!("the filter '{}' ({})", object.name, object.code);
                match known::filter(&object.code) {
                    Filter::Replaced(how) => {
                        self.deploy.notes.add(Severity::Info, &object.at, format!("{what} is left out: {how}"));
                    }
                    Filter::Missed(how) => self.deploy.notes.warn(&object.at, format!("{what} is left out: {how}")),
                    Filter::Guard(why) => {
                        return self.fail(
                            &object.at,
                            format!(
                                "{what} cannot be had here, and what is behind it is not served without it: {why}; \
                                 take it out of the file once something else does its work"
                            ),
                        );
                    }
                }
                Ok(())
            }
            Node::Filtered(filters, next) => {
                let mut passed: Vec<_> = filters.iter().map(|filter| self.filter(filter)).collect();
                passed.push(self.filter(next));
                passed.into_iter().collect()
            }
        }
    }

    fn leaf(&mut self, object: Object, kind: App, place: Place) -> Result<Route, Told> {
        if self.leaves.len() >= PASTE_MOUNTS_MAX {
            let whole = At { file: Rc::clone(&place.at.file), line: 0 };
            return self.fail(&whole, format!("this file makes more than {PASTE_MOUNTS_MAX} mounts; split it"));
        }
        let number = self.leaves.len();
        let first = *self.taken.entry((place.host.clone(), place.path.clone())).or_insert(number);
        self.leaves.push(Leaf { object, kind, place, hidden: first != number });
        Ok(Route::Leaf(number))
    }

    fn map(&mut self, map: &Object, place: &Place) -> Result<Route, Told> {
        if self.maps.contains(&map.at) || self.maps.len() >= PASTE_SECTION_DEPTH_MAX {
            return self.fail(&map.at, format!("the map '{}' leads to itself, or too deep", map.name));
        }
        self.maps.push(map.at.clone());
        let mut outcome = Ok(());
        let mut places: HashMap<Key, &Value> = HashMap::new();
        for (text, value) in map.local.iter().filter(|(text, _)| text != "not_found_app") {
            match Key::parse(text) {
                Err(fault) => outcome = self.fail(&value.at, fault),
                Ok(key) => {
                    if let Some(hidden) = places.insert(key, value) {
                        let line = value.at.line;
                        self.deploy.notes.warn(
                            &hidden.at,
                            format!(
                                "'{}' is never asked, in Paste neither: line {line} is the same place; remove one",
                                hidden.text
                            ),
                        );
                    }
                }
            }
        }
        let mut keys: Vec<(Key, &Value)> = places.into_iter().collect();
        // Those in upper case never answered in Paste, so they give way.
        keys.sort_by_cached_key(|(key, _)| {
            (key.domain.as_ref().is_some_and(|domain| domain.chars().any(char::is_uppercase)), key.order())
        });
        let mut routes = Vec::new();
        for (key, value) in keys {
            let at = &value.at;
            let Some(inner) = self.place_of(&key, place, at) else { continue };
            let node = self.deploy.node(Kind::App, &map.file, &value.text, Some(&map.globals), at);
            match node.and_then(|node| self.walk(node, inner)) {
                Ok(route) => routes.push((key, route)),
                Err(told) => outcome = Err(told),
            }
        }
        routes.sort_by_cached_key(|(key, _)| key.order());
        let not_found = match self.not_found(map, place) {
            Some(Err(told)) => {
                outcome = Err(told);
                None
            }
            Some(Ok(route)) => Some(Box::new(route)),
            None => None,
        };
        self.maps.pop();
        outcome.map(|()| Route::Map { keys: routes, not_found })
    }

    /// What answers requests that no key takes.
    fn not_found(&mut self, map: &Object, place: &Place) -> Option<Result<Route, Told>> {
        const KEY: &str = "not_found_app";
        let value = match map.get(KEY) {
            Some(value) => value.clone(),
            None => {
                let (key, value) = map.globals.get_key_value(KEY)?;
                self.deploy.used_defaults.borrow_mut().insert(Rc::clone(key));
                value.clone()
            }
        };
        if value.text.is_empty() {
            return None;
        }
        let node = self.deploy.node(Kind::App, &map.file, &value.text, Some(&map.globals), &value.at);
        Some(node.and_then(|node| {
            let is_taken = self.taken.contains_key(&(place.host.clone(), place.path.clone()));
            if is_taken {
                let text = format!("not_found_app = {} has no effect: the key / takes every request", value.text);
                self.deploy.notes.add(Severity::Info, &value.at, text);
            }
            self.walk(node, Place { at: value.at.clone(), ..place.clone() })
        }))
    }

    /// Where the application of a key is found; none where it never answers.
    fn place_of(&mut self, key: &Key, outer: &Place, at: &At) -> Option<Place> {
        let notes = &mut self.deploy.notes;
        let path = format!("{}{}", outer.path, key.path);
        if key.path.contains('%') {
            notes.warn(at, format!(
                "'{}' is compared with decoded paths, in Paste too, so that its % means a % itself; write the character \
                 instead if it can be written",
                key.path
            ));
        }
        if path.len() > PATH_BYTES_MAX {
            notes.error(at, format!("this path is longer than {PATH_BYTES_MAX} bytes; shorten it"));
            return None;
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            notes.warn(at, "a key with . or .. segments never answers, in Paste neither; no mount is made of it");
            return None;
        }
        let Some(domain) = &key.domain else { return Some(Place { host: outer.host.clone(), path, at: at.clone() }) };
        let Some(host) = HostPattern::parse(domain).filter(|host| !host.wildcard) else {
            notes.warn(at, format!(
                "'{domain}' never answers, in Paste neither: it is not a host with a port; no mount is made of it (a \
                 mount may have a host as in *.example.org)"
            ));
            return None;
        };
        if *domain != domain.to_lowercase() {
            notes.add(
                Severity::Fixed,
                at,
                format!(
                    "'{domain}' never answers in Paste, which compares it with names in lower case; here it answers"
                ),
            );
        }
        let host = match &outer.host {
            None => host,
            Some(outer) if outer.host.host == host.host.host && outer.host.port == host.host.port => host,
            Some(outer) if outer.host.host == host.host.host && outer.host.port.is_none() => host,
            Some(outer) if outer.host.host == host.host.host && host.host.port.is_none() => outer.clone(),
            Some(outer) => {
                notes.warn(at, format!(
                    "'{domain}' never answers, in Paste neither: this map is asked for {outer} only; no mount is made"
                ));
                return None;
            }
        };
        Some(Place { host: Some(host), path, at: at.clone() })
    }

    /// The mounts, in the order of the file, with the leaf of each.
    fn make(&mut self) -> Vec<(usize, Made)> {
        let mut order: Vec<usize> = (0..self.leaves.len()).collect();
        order.sort_by_key(|number| {
            self.leaves.get(*number).map(|leaf| (Rc::clone(&leaf.place.at.file), leaf.place.at.line))
        });
        let mut ids = Ids::default();
        let mut made = Vec::new();
        for number in order {
            let Some(leaf) = self.leaves.get(number) else { continue };
            if leaf.hidden {
                let by = self.taken.get(&(leaf.place.host.clone(), leaf.place.path.clone()));
                let line = by.and_then(|by| self.leaves.get(*by)).map_or(0, |other| other.place.at.line);
                if line != leaf.place.at.line && !self.deploy.notes.said_at(Severity::Info, &leaf.place.at) {
                    self.deploy.notes.add(
                        Severity::Info,
                        &leaf.place.at,
                        format!("'{}' has no mount here: the one of line {line} answers", leaf.object.name),
                    );
                }
                continue;
            }
            let host = leaf.place.host.as_ref().map(ToString::to_string).unwrap_or_default();
            let id = ids.of(&leaf.object.name, &format!("{host}{}", leaf.place.path));
            let (place, object, kind) = (leaf.place.clone(), leaf.object.clone(), leaf.kind);
            let Ok(mut value) = (match kind {
                App::Proxy => self.proxy(&object),
                _ => self.transparent(&object),
            }) else {
                continue;
            };
            let mut matches = Map::new();
            if let Some(host) = &place.host {
                matches.insert("host".into(), json!(host));
            }
            let path = if place.path.is_empty() { "/".to_owned() } else { encoded(&place.path) };
            matches.insert("path".into(), json!(path));
            let mut mount = Map::new();
            mount.insert("id".into(), json!(id));
            mount.insert("match".into(), Json::Object(matches));
            mount.append(&mut value);
            let mount = Json::Object(mount);
            match parse(&mount, Id::Given(&id)) {
                Ok(spec) => made.push((number, (mount, spec))),
                Err(faults) => {
                    for fault in faults {
                        let key = fault.pointer.split('/').nth(1).unwrap_or_default();
                        let at = match (key, object.get(key)) {
                            ("match", _) => &place.at,
                            (_, Some(value)) => &value.at,
                            _ => &object.at,
                        };
                        self.deploy.notes.error(at, format!("{key}: {}", fault.detail));
                    }
                }
            }
        }
        made
    }

    /// Tells which requests go elsewhere.
    fn compare(&mut self, root: &Route, made: &[(usize, Made)]) {
        let mounts: Vec<(usize, Match)> = made.iter().map(|(leaf, (_, spec))| (*leaf, spec.matches.clone())).collect();
        let ids: HashMap<usize, &str> = made.iter().map(|(leaf, (_, spec))| (*leaf, spec.id.as_str())).collect();
        let Some(first) = self.leaves.first() else { return };
        let whole = At { file: Rc::clone(&first.object.file.name), line: 0 };
        let Some(differences) = differences(root, &mounts) else {
            let text = "this file has too many keys to compare them with Paste one by one; where hosts and maps within \
                        maps meet, look yourself";
            self.deploy.notes.add(Severity::Info, &whole, text);
            return;
        };
        for difference in differences {
            let leaf = |number: Option<usize>| number.and_then(|number| self.leaves.get(number));
            let (paste, standin) = (leaf(difference.paste), leaf(difference.standin));
            let request = format!("{}{}", difference.host, difference.path);
            let name = difference.standin.and_then(|leaf| ids.get(&leaf)).copied().unwrap_or_default();
            let Some(standin) = standin else { continue };
            let at = standin.place.at.clone();
            let domain = standin.place.host.as_ref();
            let has_port = domain.is_some_and(|host| host.host.port.is_some());
            let (severity, text) = match paste {
                // Said with its key: it is in upper case.
                None if domain.is_some_and(|_| self.is_new(&at)) => continue,
                None => (
                    Severity::Warning,
                    format!(
                        "Paste answers {request} with 404, because the map that it leads to does not have it; here mount \
                     '{name}' answers it. Add a mount for that path if that must not be"
                    ),
                ),
                Some(_) if self.is_new(&at) => continue,
                Some(paste) if has_port => (
                    Severity::Fixed,
                    format!(
                        "Paste gives {request} to '{}', since it never asks a key with a port where the same domain has one \
                     without; here mount '{name}' answers",
                        paste.object.name
                    ),
                ),
                Some(paste) => (
                    Severity::Warning,
                    format!(
                        "Paste gives {request} to '{}', here mount '{name}' answers: the longest path of a host counts. Make \
                     it a mount of its own if that must not be",
                        paste.object.name
                    ),
                ),
            };
            self.deploy.notes.add(severity, &at, text);
        }
    }

    /// True for a key that is said to be answered now.
    fn is_new(&self, at: &At) -> bool {
        self.deploy.notes.said_at(Severity::Fixed, at)
    }

    /// The defects of Paste that can matter to this file.
    fn tell_what_is_fixed(&mut self, file: &File, root: &Route) {
        let whole = At { file: Rc::clone(&file.name), line: 0 };
        let mounts = || self.leaves.iter().filter(|leaf| !leaf.hidden);
        let (any, regular) = (mounts().next().is_some(), mounts().any(|leaf| leaf.kind == App::Proxy));
        let transparent = mounts().any(|leaf| leaf.kind == App::TransparentProxy);
        let limited = mounts().any(|leaf| leaf.object.get("allowed_request_methods").is_some());
        let mut said = Vec::new();
        if any {
            said.extend([
                "content that comes in chunks is passed on (Paste lost it), and everything is streamed, both ways",
                "an upstream that is away or too slow is answered with 502 or 504 (Paste closed the connection, or waited \
                 for ever): 2 s to connect, 30 s until the answer and between its parts; 'timeouts' of a mount change that",
                "hop-by-hop fields end here, and what conflicts about a message's length is refused; WebSockets pass, and \
                 Via is added to requests",
            ]);
        }
        if regular {
            said.extend([
                "a client's own Forwarded and X-Forwarded-* do not pass: X-Forwarded-For is its address, as in Paste, the \
                 others are not sent; 'forwarded' of a mount changes that",
                "no path leaves its address's base: dot segments are refused, and // and %2F are passed as they came",
            ]);
        }
        if transparent {
            said.push("requests without a query go out without the ? that Paste put behind them");
            let text = "a client's own X-Forwarded-For passes through transparent proxies, as in Paste; set \
                        forwarded.x_forwarded_for of the mount to overwrite if the upstream believes it";
            self.deploy.notes.add(Severity::Info, &whole, text);
        }
        if matches!(root, Route::Map { .. }) {
            said.push("the answer to what no key takes does not list the map");
        }
        for text in said {
            self.deploy.notes.add(Severity::Fixed, &whole, text);
        }
        if limited {
            let text = "methods that are not allowed are answered with 400, as by Paste; set disallowed_status of a mount \
                        to 405 for what HTTP asks for";
            self.deploy.notes.add(Severity::Info, &whole, text);
        }
    }
}
