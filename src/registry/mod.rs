//! The set of mounts: one writer, many readers.
//!
//! Owns which mounts exist. Commands go to one thread, which checks, makes
//! durable, publishes and answers, in that order; readers take a snapshot and
//! wait for nobody. Never serves HTTP.

mod change;
#[cfg(test)]
mod crashes;
mod draft;
pub mod events;
pub mod history;
mod inspection;
pub mod journal;
mod lease;
mod opened;
mod operations;
mod overlay;
mod owners;
pub mod store;
mod supervisor;
mod witness;

use crate::limits::REGISTRY_COMMANDS_MAX;
use crate::mount::spec::keeping::Lease;
use crate::mount::{Environment, MountHandle, MountSpec, Observing, Table};
use crate::stats::Histogram;
use arc_swap::ArcSwap;
use async_channel::{Sender, TrySendError};
pub use change::{Act, Action, Change, Condition, Done, Edit, Origin, Refusal, Request, Version};
use event_listener::Event;
use events::{Filter, Hub, Unwatchable, Watcher};
use journal::Journal;
use lease::{Clock, Running};
pub use operations::Operation;
use operations::Operations;
pub use owners::Moved;
use rpds::RedBlackTreeMapSync;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use store::{Loaded, Store, StoreError};

/// Who changes a mount whose lease has run out.
pub const LEASE: &str = "lease";

/// One mount of the set.
#[derive(Debug)]
pub struct Record {
    /// What it is.
    pub spec: Arc<MountSpec>,
    /// It holds its requests, as somebody wished.
    pub paused: bool,
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
    /// Its lease, where it has one that runs.
    lease: Option<Arc<Running>>,
}

impl Record {
    /// What the journal remembers of it.
    #[must_use]
    pub fn version(&self) -> Version {
        Version { spec: Arc::clone(&self.spec), paused: self.paused }
    }
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

impl Snapshot {
    /// Which mount answers for what.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// What a change would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// As if it had been done.
    pub done: Done,
    /// URLs that another mount would answer.
    pub moved: Vec<Moved>,
}

/// The set of mounts.
#[derive(Debug, Clone)]
pub struct Registry {
    commands: Sender<supervisor::Command>,
    current: Arc<ArcSwap<Snapshot>>,
    routes: Arc<ArcSwap<Table>>,
    environment: Arc<Environment>,
    clock: Clock,
    history: Journal,
    hub: Arc<Hub>,
    operations: Arc<Operations>,
    /// Told whenever there is a new revision.
    published: Arc<Event>,
    commit_times: Arc<Histogram>,
}

impl Registry {
    /// Reads the store of that directory, adds the mounts of the command line, starts all
    /// actors and the thread that makes changes.
    pub fn open(directory: &Path, fixed: Vec<MountSpec>, environment: Environment) -> Result<Self, StoreError> {
        let (store, loaded) = Store::open(directory)?;
        Self::over(store, loaded, fixed, environment)
    }

    fn over(store: Store, loaded: Loaded, fixed: Vec<MountSpec>, environment: Environment) -> Result<Self, StoreError> {
        let hub = Hub::new(loaded.revision);
        let observer = Observing::by(Arc::<Hub>::clone(&hub));
        let environment = Arc::new(Environment { observer, ..environment });
        let clock = Clock::start();
        let (snapshot, leases) = supervisor::start(loaded, fixed, &environment, clock)?;
        let routes = Arc::new(ArcSwap::from_pointee(snapshot.table.clone()));
        let current = Arc::new(ArcSwap::from_pointee(snapshot));
        let (commands, inbox) = async_channel::bounded(REGISTRY_COMMANDS_MAX);
        let history = store.journal();
        let registry = Self {
            commands,
            current,
            routes,
            environment: Arc::clone(&environment),
            clock,
            operations: Arc::default(),
            history,
            hub,
            published: Arc::default(),
            commit_times: Arc::default(),
        };
        let writer = supervisor::Writer {
            store,
            environment,
            inbox,
            current: Arc::clone(&registry.current),
            routes: Arc::clone(&registry.routes),
            leases,
            clock,
            hub: Arc::clone(&registry.hub),
            operations: Arc::clone(&registry.operations),
            published: Arc::clone(&registry.published),
            commit_times: Arc::clone(&registry.commit_times),
            unsettled: None,
            over: Vec::new(),
            is_publishing: false,
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

    /// The set once it has reached that revision.
    pub async fn reached(&self, revision: u64) -> Arc<Snapshot> {
        loop {
            let published = self.published.listen();
            let snapshot = self.snapshot();
            if snapshot.revision >= revision {
                return snapshot;
            }
            published.await;
        }
    }

    /// The table that the front reads.
    #[must_use]
    pub fn routes(&self) -> Arc<ArcSwap<Table>> {
        Arc::clone(&self.routes)
    }

    /// How long commits took.
    #[must_use]
    pub fn commit_times(&self) -> &Histogram {
        &self.commit_times
    }

    /// Makes a change; when this answers, it is durable and in effect.
    pub async fn change(&self, request: Request) -> Result<Done, Refusal> {
        let (answer, answered) = async_channel::bounded(1);
        self.commands.try_send(supervisor::Command { request, answer }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::Busy,
            TrySendError::Closed(_) => Refusal::Stopped,
        })?;
        answered.recv().await.unwrap_or(Err(Refusal::Stopped))
    }

    /// True if nothing can be changed any more, and no lease ends: a mistake of
    /// ours, which the log tells.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.commands.is_closed()
    }

    /// What a change would do to the set as it is now, or why it would be
    /// refused. Takes as long as the change, but for the store.
    pub fn preview(&self, request: Request) -> Result<Preview, Refusal> {
        draft::preview(&self.snapshot(), request, &self.environment)
    }

    /// What every revision did. Reading it blocks.
    #[must_use]
    pub fn history(&self) -> Journal {
        self.history.clone()
    }

    /// What happens, for those who watch.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Watches from now on, or from behind that revision on. Blocks.
    pub fn watch(&self, since: Option<u64>, filter: Filter) -> Result<Watcher, Unwatchable> {
        self.hub.watch(&self.history, since, filter)
    }

    /// Begins the lease of that mount anew, if it is what the condition wants,
    /// and says when it ends. Nothing is stored: after a restart every lease
    /// begins anew. The mount that is looked at is the one that is renewed.
    pub fn renew(
        &self,
        id: &str,
        condition: &Condition,
        origin: &Origin,
    ) -> Result<(Arc<Record>, Lease, SystemTime), Refusal> {
        let snapshot = self.snapshot();
        let found = snapshot.mounts.get(id);
        condition.check(id, found.map(|record| record.revision))?;
        let record = found.ok_or_else(|| Refusal::Unknown(id.into()))?;
        draft::check_owner(origin, id, [Some(&*record.spec)])?;
        let (Some(lease), Some(running)) = (record.spec.lease, &record.lease) else {
            return Err(Refusal::NoLease(id.into()));
        };
        let is_renewed = running.renew(&self.clock, Duration::from_secs(lease.ttl_s.into()));
        let ends = running.expires_at(&self.clock).filter(|_| is_renewed);
        Ok((Arc::clone(record), lease, ends.ok_or_else(|| Refusal::NoLease(id.into()))?))
    }

    /// What remains of the mount as it was before that revision; none where there
    /// is no such revision yet.
    #[must_use]
    pub fn operation(&self, revision: u64) -> Option<Operation> {
        (revision <= self.current.load().revision).then(|| self.operations.get(revision))
    }

    /// Has all mounts refuse what they hold: the proxy is to stop.
    pub fn refuse_held(&self) {
        self.snapshot().mounts.values().for_each(|record| record.handle.refuse_held());
    }

    /// When the lease of that mount runs out, if it has one that runs.
    #[must_use]
    pub fn lease_expires_at(&self, record: &Record) -> Option<SystemTime> {
        record.lease.as_ref()?.expires_at(&self.clock)
    }
}
