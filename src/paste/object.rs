//! What sections stand for: applications, filters, servers, with their keys.

use super::deploy::File;
use super::notes::At;
use rpds::HashTrieMap;
use std::rc::Rc;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// With all names filled in.
    pub text: Rc<str>,
    /// Where its key is.
    pub at: At,
}

/// Global configuration: seen by an object and by what it builds.
pub type Globals = HashTrieMap<Rc<str>, Value>;

/// What a section may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers requests.
    App,
    /// Stands before an application.
    Filter,
    /// Listens.
    Server,
}

/// The prefixes of sections; those of one group are one word in two spellings.
const APP_PREFIXES: &[&[&str]] = &[&["app", "application"], &["composite", "composit"], &["pipeline"], &["filter-app"]];

impl Kind {
    /// The prefixes of its sections, by group.
    pub(super) fn prefixes(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::App => APP_PREFIXES,
            Self::Filter => &[&["filter"]],
            Self::Server => &[&["server"]],
        }
    }

    /// The keys that name a factory.
    pub(super) fn protocols(self) -> &'static [&'static str] {
        match self {
            Self::App => &["paste.app_factory", "paste.composite_factory", "paste.composit_factory"],
            Self::Filter => &["paste.filter_factory", "paste.filter_app_factory"],
            Self::Server => &["paste.server_factory", "paste.server_runner"],
        }
    }

    /// For messages.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::App => "application",
            Self::Filter => "filter",
            Self::Server => "server",
        }
    }
}

/// The code that an object runs in Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// `egg:Distribution#entry`, the distribution in lower case.
    Egg(String, String),
    /// `module:callable`
    Callable(String),
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Egg(distribution, entry) => write!(formatter, "egg:{distribution}#{entry}"),
            Self::Callable(name) => formatter.write_str(name),
        }
    }
}

/// An application, a filter or a server.
#[derive(Debug, Clone)]
pub struct Object {
    /// What runs.
    pub code: Code,
    /// The name of the section that it was asked for by.
    pub name: String,
    /// That section.
    pub at: At,
    /// Its own keys.
    pub local: Vec<(String, Value)>,
    /// What it sees beside them.
    pub globals: Globals,
    /// Where the names that it uses are looked up.
    pub file: Rc<File>,
}

impl Object {
    /// A key's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.local.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Node {
    /// An object.
    Object(Box<Object>),
    /// Filters, the outermost first, before something.
    Filtered(Vec<Node>, Box<Node>),
}
