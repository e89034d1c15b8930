//! The set of mounts: one writer, many readers.
//!
//! Owns which mounts exist. Commands go to one thread, which checks, makes
//! durable, publishes and answers, in that order; readers take a snapshot and
//! wait for nobody. Never serves HTTP.

pub mod store;
mod supervisor;

use crate::limits::REGISTRY_COMMANDS_MAX;
use crate::mount::{Environment, MountHandle, MountSpec, Table};
use crate::stats::Histogram;
use arc_swap::ArcSwap;
use async_channel::Sender;
use rpds::RedBlackTreeMapSync;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};

/// One mount of the set.
#[derive(Debug)]
pub struct Record {
    /// What it is.
    pub spec: Arc<MountSpec>,
    /// Its actor.
    pub handle: MountHandle,
    /// The revision that made it what it is.
    pub revision: u64,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was last changed, RFC 3339.
    pub updated_at: String,
    /// False for mounts of the command line, which are not stored and cannot
    /// be changed.
    pub stored: bool,
}

/// The set at one revision.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Counts every change ever made.
    pub revision: u64,
    /// By id.
    pub mounts: RedBlackTreeMapSync<String, Arc<Record>>,
    table: Table,
}

/// A change of the set.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new mount.
    Create(MountSpec),
    /// A mount of that id, new or instead of the one there is.
    Put(MountSpec),
    /// Mounts of those ids, new or instead of those there are: all or none.
    Import(Vec<MountSpec>),
    /// No mount of that id.
    Delete {
        /// The id.
        id: String,
        /// How long what is on its way may go on.
        drain: Duration,
    },
}

/// What a change did.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// There is a new mount.
    Created(Arc<Record>),
    /// A mount is another now.
    Replaced(Arc<Record>),
    /// A mount is gone.
    Deleted,
    /// Mounts are as they were to be.
    Imported(Imported),
}

/// What an import does, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Those that are new.
    pub created: Vec<String>,
    /// Those that are others now.
    pub updated: Vec<String>,
    /// Those that were so already.
    pub unchanged: Vec<String>,
}

impl Snapshot {
    /// What an import would do to this set.
    pub fn import(&self, specs: &[MountSpec]) -> Result<Imported, Refusal> {
        let mut imported = Imported::default();
        let mut changed = Vec::new();
        let mut ids = HashSet::new();
        for spec in specs {
            if !ids.insert(spec.id.as_str()) {
                return Err(Refusal::IdTaken(spec.id.clone()));
            }
            let list = match self.mounts.get(&spec.id) {
                None => &mut imported.created,
                Some(record) if !record.stored => return Err(Refusal::Fixed(spec.id.clone())),
                Some(record) if *record.spec == *spec => {
                    imported.unchanged.push(spec.id.clone());
                    continue;
                }
                Some(_) => &mut imported.updated,
            };
            list.push(spec.id.clone());
            changed.push(spec);
        }
        // Mounts of one import may take each other's places.
        let moved: HashSet<&str> = changed.iter().map(|spec| spec.id.as_str()).collect();
        let mut matches = HashMap::new();
        for spec in changed {
            let there = self.table.get(&spec.matches).map(MountHandle::id).filter(|id| !moved.contains(id));
            if let Some(by) = matches.insert(&spec.matches, spec.id.as_str()).or(there) {
                return Err(Refusal::MatchTaken { matches: spec.matches.to_string(), by: by.into() });
            }
        }
        Ok(imported)
    }
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The id is taken.
    IdTaken(String),
    /// Another mount has that match.
    MatchTaken {
        /// The match.
        matches: String,
        /// Whose it is.
        by: String,
    },
    /// There is no such mount.
    Unknown(String),
    /// The mount comes from the command line.
    Fixed(String),
    /// The mount would make the proxy an open one, for others than this machine.
    OpenProxy(String),
    /// Too many changes at once.
    Busy,
    /// The store could not take it; nothing was changed.
    Storage(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTaken(id) => write!(formatter, "there is a mount '{id}' already; PUT replaces it"),
            Self::MatchTaken { matches, by } => write!(formatter, "mount '{by}' answers for {matches} already"),
            Self::Unknown(id) => write!(formatter, "there is no mount '{id}'"),
            Self::Fixed(id) => {
                write!(
                    formatter,
                    "mount '{id}' comes from --mount, --paste, --demo or the configuration; change it there"
                )
            }
            Self::OpenProxy(id) => write!(
                formatter,
                "mount '{id}' goes to any host that a request names, and the front can be reached by other machines: \
                 name the hosts in allowed_hosts, or start the server with --allow-open-proxy"
            ),
            Self::Busy => formatter.write_str("too many changes are waiting; try again"),
            Self::Storage(error) => write!(formatter, "the change could not be stored, and was not made: {error}"),
        }
    }
}

/// The set of mounts.
#[derive(Debug, Clone)]
pub struct Registry {
    commands: Sender<supervisor::Command>,
    current: Arc<ArcSwap<Snapshot>>,
    routes: Arc<ArcSwap<Table>>,
    allows_open_proxy: bool,
    journal: Arc<Histogram>,
}

impl Registry {
    /// Reads the store of that directory, adds the mounts of the command line, starts all
    /// actors and the thread that makes changes.
    pub fn open(directory: &Path, fixed: Vec<MountSpec>, environment: Environment) -> Result<Self, StoreError> {
        let (store, loaded) = Store::open(directory)?;
        let snapshot = supervisor::start(loaded, fixed, &environment)?;
        let routes = Arc::new(ArcSwap::from_pointee(snapshot.table.clone()));
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        let (commands, inbox) = async_channel::bounded(REGISTRY_COMMANDS_MAX);
        let allows_open_proxy = environment.allows_open_proxy;
        let registry = Self { commands, current, routes, allows_open_proxy, journal: Arc::default() };
        let writer = supervisor::Writer {
            store,
            environment,
            inbox,
            current: Arc::clone(&registry.current),
            routes: Arc::clone(&registry.routes),
            journal: Arc::clone(&registry.journal),
        };
        std::thread::Builder::new()
            .name("standin-registry".into())
            .spawn(move || writer.run())
            .map_err(StoreError::Io)?;
        Ok(registry)
    }

    /// The set as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The table that the front reads.
    #[must_use]
    pub fn routes(&self) -> Arc<ArcSwap<Table>> {
        Arc::clone(&self.routes)
    }

    /// How long commits took.
    #[must_use]
    pub fn journal(&self) -> &Histogram {
        &self.journal
    }

    /// What an import of those would do, or why it would be refused.
    pub fn preview_import(&self, specs: &[MountSpec]) -> Result<Imported, Refusal> {
        specs.iter().try_for_each(|spec| supervisor::check_openness(spec, self.allows_open_proxy))?;
        self.current.load().import(specs)
    }

    /// Makes a change; when this answers, it is durable and in effect.
    pub async fn change(&self, change: Change) -> Result<Outcome, Refusal> {
        let (answer, answered) = async_channel::bounded(1);
        self.commands.try_send(supervisor::Command { change, answer }).map_err(|_| Refusal::Busy)?;
        answered.recv().await.unwrap_or_else(|_| Err(Refusal::Storage("the registry has stopped".into())))
    }
}
