//! What the sections of a Paste Deploy file stand for: `use` chains,
//! inheritance, `set` and `get`, filters, pipelines, `config:` URIs.
//!
//! Owns the rules of PasteDeploy 3.1, the odd ones included, since a file is to
//! mean what it has meant. Knows nothing of mounts, and reads no file itself.

use super::ini::{self, Ini, Section};
use super::interpolate::{Budget, interpolate};
use super::keys::Keys;
use super::notes::{At, Notes, Severity};
pub use super::object::{Code, Globals, Kind, Node, Object, Value};
use crate::limits::{PASTE_LOADS_MAX, PASTE_SECTION_DEPTH_MAX};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file, with the values that all its sections see.
#[derive(Debug)]
pub struct File {
    /// As the user calls it.
    pub name: Rc<str>,
    parsed: Rc<Parsed>,
    directory: Option<PathBuf>,
    /// Raw, as `%(name)s` finds them.
    pub(super) raw: Globals,
    /// Filled in, as objects see them.
    pub(super) defaults: Globals,
    /// `set …` and `get …` of `[DEFAULT]`, which count in every section.
    pub(super) commands: Vec<Rc<str>>,
}

/// What is the same however often a file is named.
#[derive(Debug)]
struct Parsed {
    ini: Ini,
    /// Sections by what is behind their colon.
    by_name: HashMap<String, Vec<usize>>,
}

/// How files are read: path in, text out; the error says why not.
pub type Read<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// Reads sections, and says what is wrong.
pub struct Deploy<'a> {
    read: Read<'a>,
    parsed: HashMap<PathBuf, Rc<Parsed>>,
    loads: usize,
    /// What is being resolved, to find circles.
    stack: Vec<(Rc<str>, String)>,
    /// Sections that something uses, by file and name.
    pub used: HashSet<(Rc<str>, String)>,
    /// Keys of `[DEFAULT]` that something uses.
    pub used_defaults: RefCell<HashSet<Rc<str>>>,
    /// What was said.
    pub notes: Notes,
    /// What it may still cost.
    pub budget: Budget,
}

/// Something is wrong and was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told;

impl<'a> Deploy<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(read: Read<'a>) -> Self {
        Self {
            read,
            parsed: HashMap::new(),
            loads: 0,
            stack: Vec::new(),
            used: HashSet::new(),
            used_defaults: RefCell::default(),
            notes: Notes::default(),
            budget: Budget::default(),
        }
    }

    /// Takes the text of a file. `path` is where it is, if it is a file.
    pub fn open(&mut self, name: &str, path: Option<&Path>, text: &str) -> Rc<File> {
        let parsed = self.parse(name, text);
        self.file(name, path, parsed, None)
    }

    fn parse(&mut self, name: &str, text: &str) -> Rc<Parsed> {
        let name: Rc<str> = name.into();
        let (ini, faults) = ini::parse(text);
        for (line, fault) in faults {
            self.notes.error(&At { file: Rc::clone(&name), line }, fault);
        }
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, section) in ini.sections.iter().enumerate() {
            if let Some((_, name)) = section.name.split_once(':') {
                by_name.entry(name.trim().to_owned()).or_default().push(place);
            }
        }
        Rc::new(Parsed { ini, by_name })
    }

    /// A file with its defaults; those of whoever includes it stand behind.
    fn file(&mut self, name: &str, path: Option<&Path>, parsed: Rc<Parsed>, outer: Option<&Globals>) -> Rc<File> {
        let name: Rc<str> = name.into();
        let at = |line| At { file: Rc::clone(&name), line };
        let directory = path.and_then(Path::parent).map(Path::to_owned);
        let mut raw = Globals::new();
        for (key, place) in [("here", directory.as_deref()), ("__file__", path)] {
            if let Some(place) = place {
                // A % in a path is not meant as a name.
                let text = place.to_string_lossy().replace('%', "%%");
                raw.insert_mut(key.into(), Value { text: text.into(), at: at(0) });
            }
        }
        for entry in &parsed.ini.defaults.entries {
            let value = Value { text: entry.value.as_str().into(), at: at(entry.line) };
            raw.insert_mut(entry.key.as_str().into(), value);
        }
        for (key, value) in outer.into_iter().flatten() {
            if !raw.contains_key(key) {
                raw.insert_mut(Rc::clone(key), value.clone());
            }
        }
        let mut defaults = Globals::new();
        for (key, value) in &raw {
            let look_up = |name: &str| {
                let (key, found) = raw.get_key_value(name)?;
                self.used_defaults.borrow_mut().insert(Rc::clone(key));
                Some(&*found.text)
            };
            let text = interpolate(&value.text, &look_up, &self.budget).unwrap_or_else(|fault| {
                self.notes.error(&value.at, format!("{key}: {fault}"));
                value.text.to_string()
            });
            defaults.insert_mut(Rc::clone(key), Value { text: text.into(), at: value.at.clone() });
        }
        let mut commands: Vec<Rc<str>> =
            raw.keys().filter(|key| key.starts_with("set ") || key.starts_with("get ")).cloned().collect();
        commands.sort_by_key(|key| raw.get(key).map(|value| value.at.line));
        Rc::new(File { name, parsed, directory, raw, defaults, commands })
    }

    /// What a name or URI stands for in a file.
    pub fn node(
        &mut self,
        kind: Kind,
        file: &Rc<File>,
        name: &str,
        globals: Option<&Globals>,
        asked: &At,
    ) -> Result<Node, Told> {
        if !self.budget.spend(1 + name.len() / 64) {
            return self.fail(asked, "this file asks for more than can be read; make it smaller");
        }
        let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
        if letters > 0 && name[letters..].starts_with(':') {
            let (scheme, rest) = (name[..letters].to_ascii_lowercase(), &name[letters + 1..]);
            return self.uri(kind, file, &scheme, rest, globals, asked);
        }
        let section = self.find(kind, file, name, asked)?;
        let key = (Rc::clone(&file.name), section.name.clone());
        if self.stack.contains(&key) {
            let round: Vec<&str> = self.stack.iter().map(|(_, name)| name.as_str()).collect();
            return self.fail(asked, format!("goes round in a circle: {} → {name}", round.join(" → ")));
        }
        if self.stack.len() >= PASTE_SECTION_DEPTH_MAX {
            return self.fail(asked, format!("sections lead to sections more than {PASTE_SECTION_DEPTH_MAX} deep"));
        }
        self.used.insert(key.clone());
        self.stack.push(key);
        let node = self.section(kind, file, section, globals);
        self.stack.pop();
        node
    }

    pub(super) fn fail<T>(&mut self, at: &At, text: impl Into<String>) -> Result<T, Told> {
        self.notes.error(at, text);
        Err(Told)
    }

    fn uri(
        &mut self,
        kind: Kind,
        file: &Rc<File>,
        scheme: &str,
        rest: &str,
        globals: Option<&Globals>,
        asked: &At,
    ) -> Result<Node, Told> {
        let (path, name) = rest.split_once('#').unwrap_or((rest, "main"));
        let code = match scheme {
            "egg" => Code::Egg(path.to_ascii_lowercase().replace(['_', '.'], "-"), name.to_owned()),
            "call" if path.contains(':') => Code::Callable(path.to_owned()),
            "call" => return self.fail(asked, "write it as call:module:callable"),
            "config" => {
                let included = self.include(file, path, globals, asked)?;
                return self.node(kind, &included, name, globals, asked);
            }
            _ => {
                return self.fail(asked, format!("'{scheme}:' is not known; Paste Deploy has egg:, config: and call:"));
            }
        };
        let name = code.to_string().rsplit(['#', ':']).next().unwrap_or_default().to_owned();
        let object = Object {
            code,
            name,
            at: asked.clone(),
            local: Vec::new(),
            globals: globals.cloned().unwrap_or_default(),
            file: Rc::clone(file),
        };
        Ok(Node::Object(Box::new(object)))
    }

    fn include(
        &mut self,
        file: &Rc<File>,
        path: &str,
        globals: Option<&Globals>,
        asked: &At,
    ) -> Result<Rc<File>, Told> {
        let Some(directory) = &file.directory else {
            return self.fail(
                asked,
                "names another file, which cannot be read from here; import with `standin import paste FILE` where the \
                 files are",
            );
        };
        self.loads += 1;
        if self.loads > PASTE_LOADS_MAX {
            return self.fail(asked, format!("other files are named more than {PASTE_LOADS_MAX} times"));
        }
        let decoded = crate::message::target::percent_decode(path.as_bytes());
        let decoded = String::from_utf8_lossy(&decoded).replace('\\', "/");
        let path = directory.join(decoded);
        let name = path.display().to_string();
        let parsed = match self.parsed.get(&path) {
            Some(parsed) => Rc::clone(parsed),
            None => {
                let text = match (self.read)(&path) {
                    Ok(text) => text,
                    Err(why) => return self.fail(asked, format!("{name} cannot be read: {why}")),
                };
                let parsed = self.parse(&name, &text);
                self.parsed.insert(path.clone(), Rc::clone(&parsed));
                parsed
            }
        };
        Ok(self.file(&name, Some(&path), parsed, globals))
    }

    /// The section of that name; its kind has several prefixes.
    fn find<'f>(&mut self, kind: Kind, file: &'f File, name: &str, asked: &At) -> Result<&'f Section, Told> {
        let named = file.parsed.by_name.get(name).into_iter().flatten();
        let named: Vec<&Section> = named.filter_map(|place| file.parsed.ini.sections.get(*place)).collect();
        let of = |prefix: &&str| -> Vec<&Section> {
            named.iter().copied().filter(|section| section.name.split(':').next() == Some(prefix)).collect()
        };
        // Of two spellings of one word the first one that is there counts.
        let groups = kind.prefixes().iter().filter_map(|group| group.iter().map(of).find(|found| !found.is_empty()));
        let found: Vec<&Section> = groups.flatten().collect();
        match found.as_slice() {
            [section] => Ok(section),
            [] => {
                let prefix = kind.prefixes().first().and_then(|group| group.first()).copied().unwrap_or_default();
                let noun = kind.noun();
                self.fail(asked, format!("there is no {noun} '{name}' in {}; add [{prefix}:{name}]", file.name))
            }
            [first, second, ..] => {
                let (a, b, line) = (&first.name, &second.name, second.line);
                let at = At { file: Rc::clone(&file.name), line };
                self.fail(&at, format!("'{name}' is ambiguous: [{a}] in line {} and [{b}]; rename one", first.line))
            }
        }
    }

    /// The order of what follows is PasteDeploy's.
    fn section(
        &mut self,
        kind: Kind,
        file: &Rc<File>,
        section: &Section,
        globals: Option<&Globals>,
    ) -> Result<Node, Told> {
        let at = At { file: Rc::clone(&file.name), line: section.line };
        let mut keys = self.keys(kind, file, section, globals)?;
        let filter = if kind == Kind::Server { None } else { take(&mut keys.local, "filter-with") };
        if let Some(require) = take(&mut keys.local, "require") {
            self.notes.add(Severity::Info, &require.at, "'require' asks for Python packages; none is needed here");
        }
        let name = section.name.split_once(':').map_or("main", |(_, name)| name.trim()).to_owned();
        let prefix = section.name.split(':').next().unwrap_or_default();
        let node = match prefix {
            "filter-app" => {
                let Some(next) = take(&mut keys.local, "next") else {
                    return self.fail(&at, "a filter-app needs 'next', the name of the application behind it");
                };
                let next = self.node(Kind::App, file, &next.text, Some(&keys.globals), &next.at)?;
                let filter = self.object(Kind::Filter, file, keys.clone(), name, &at)?;
                Node::Filtered(vec![filter], Box::new(next))
            }
            "pipeline" => self.pipeline(file, &mut keys, &at)?,
            _ => self.object(kind, file, keys.clone(), name, &at)?,
        };
        let Some(filter) = filter else { return Ok(node) };
        let filter = self.node(Kind::Filter, file, &filter.text, Some(&keys.globals), &filter.at)?;
        Ok(Node::Filtered(vec![filter], Box::new(node)))
    }

    fn pipeline(&mut self, file: &Rc<File>, keys: &mut Keys, at: &At) -> Result<Node, Told> {
        let Some(value) = take(&mut keys.local, "pipeline") else {
            return self.fail(at, "a pipeline needs 'pipeline', the names of filters and of an application");
        };
        let mut is_right = true;
        for (key, value) in &keys.local {
            is_right = false;
            self.notes.error(&value.at, format!("a pipeline has no '{key}', only 'pipeline' and 'set'; take it out"));
        }
        let names: Vec<&str> = value.text.split_whitespace().collect();
        let Some((app, filters)) = names.split_last() else {
            return self.fail(&value.at, "an empty pipeline; give it the name of an application");
        };
        let app = self.node(Kind::App, file, app, Some(&keys.globals), &value.at);
        let filters: Vec<_> =
            filters.iter().map(|name| self.node(Kind::Filter, file, name, Some(&keys.globals), &value.at)).collect();
        let filters = filters.into_iter().collect::<Result<Vec<_>, _>>()?;
        let node = Node::Filtered(filters, Box::new(app?));
        if is_right { Ok(node) } else { Err(Told) }
    }

    /// An object of `use` or of a factory.
    fn object(&mut self, kind: Kind, file: &Rc<File>, mut keys: Keys, name: String, at: &At) -> Result<Node, Told> {
        if let Some(base) = take(&mut keys.local, "use") {
            let mut node = self.node(kind, file, &base.text, Some(&keys.globals), &base.at)?;
            match &mut node {
                Node::Object(object) => {
                    for (key, value) in keys.added {
                        object.globals.insert_mut(key, value);
                    }
                    overrule(&mut object.local, keys.local);
                    object.file = Rc::clone(file);
                    (object.name, object.at) = (name, at.clone());
                }
                Node::Filtered(..) => {
                    for (key, value) in &keys.local {
                        self.notes.warn(
                            &value.at,
                            format!(
                                "'{key}' has no effect, in Paste neither: '{}' has filters before it; set it where the \
                                 application itself is",
                                base.text
                            ),
                        );
                    }
                }
            }
            return Ok(node);
        }
        let factories: Vec<_> =
            kind.protocols().iter().filter_map(|protocol| take(&mut keys.local, protocol)).collect();
        match factories.as_slice() {
            [factory] => Ok(Node::Object(Box::new(Object {
                code: Code::Callable(factory.text.to_string()),
                name,
                at: at.clone(),
                local: keys.local,
                globals: keys.globals,
                file: Rc::clone(file),
            }))),
            [] => self.fail(at, "does not say what it is; add 'use', as in use = egg:Paste#proxy"),
            [_, second, ..] => {
                let at = second.at.clone();
                self.fail(&at, "the section names two factories; remove one")
            }
        }
    }
}

/// Puts the new values in the places of the old ones, and others behind.
fn overrule(old: &mut Vec<(String, Value)>, new: Vec<(String, Value)>) {
    let places: HashMap<String, usize> = old.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
    for (key, value) in new {
        match places.get(&key).and_then(|place| old.get_mut(*place)) {
            Some((_, known)) => *known = value,
            None => old.push((key, value)),
        }
    }
}

fn take(local: &mut Vec<(String, Value)>, key: &str) -> Option<Value> {
    let place = local.iter().position(|(name, _)| name == key)?;
    Some(local.remove(place).1)
}

impl File {
    /// Its sections and `[DEFAULT]`.
    #[must_use]
    pub fn ini(&self) -> &Ini {
        &self.parsed.ini
    }
}
