//! The one writer of the set of mounts.
//!
//! Owns the order of changes. All commands that wait are checked one after
//! the other against the set they would make, stored in one commit, and only
//! then published, acted on and answered. A commit that fails changes nothing.

use super::change::{Act, Action, Change, Condition, Done, Edit, Origin, Refusal, Request, Version};
use super::events::Hub;
use super::history::Deed;
use super::lease::{Clock, Leases, Running};
use super::operations::Operations;
use super::store::{Loaded, Store, StoreError, StoredMount, Write};
use super::{LEASE, Preview, Record, Snapshot, owners};
use crate::exchange::Generation;
use crate::limits::{HISTORY_REVISIONS_MAX, LEASE_RETRY, LEASES_ENDED_MAX, REGISTRY_COMMANDS_MAX};
use crate::mount::spec::keeping::OnExpiry;
use crate::mount::spec::{Id, parse};
use crate::mount::{Ending, Environment, MountHandle, MountSpec, Table};
use crate::oplog;
use crate::stats::Histogram;
use arc_swap::ArcSwap;
use async_channel::{Receiver, RecvError, Sender};
use event_listener::Event;
use futures_lite::future;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A change and who waits for it.
#[derive(Debug)]
pub(super) struct Command {
    pub request: Request,
    pub answer: Sender<Result<Done, Refusal>>,
}

/// The thread's state.
pub(super) struct Writer {
    pub store: Store,
    pub environment: Arc<Environment>,
    pub inbox: Receiver<Command>,
    pub current: Arc<ArcSwap<Snapshot>>,
    pub routes: Arc<ArcSwap<Table>>,
    pub leases: Leases,
    pub clock: Clock,
    pub hub: Arc<Hub>,
    pub operations: Arc<Operations>,
    pub published: Arc<Event>,
    /// How long commits took.
    pub journal: Arc<Histogram>,
    /// What may have been stored or not.
    pub unsettled: Option<Batch>,
    /// The leases that this batch ends.
    pub over: Vec<(String, Arc<Running>)>,
    /// What is in effect is not what is stored: from here on no panic leaves
    /// anything to go on with.
    pub is_publishing: bool,
}

/// What one commit makes.
pub(super) struct Batch {
    snapshot: Snapshot,
    edits: Vec<Edit>,
    renewed: Vec<Arc<Record>>,
    deeds: Vec<Deed>,
}

/// The set at the start: what is stored, then what the command line adds.
pub(super) fn start(
    loaded: Loaded,
    fixed: Vec<MountSpec>,
    environment: &Arc<Environment>,
    clock: Clock,
) -> Result<(Snapshot, Leases), StoreError> {
    let before = Snapshot { revision: loaded.revision, ..Snapshot::default() };
    let mut draft = Draft::of(&before, environment);
    let mut leases = Leases::default();
    for mount in loaded.mounts {
        draft.check_openness(&mount.spec).map_err(|refusal| StoreError::Refused(refusal.to_string()))?;
        let version = Version { spec: Arc::new(mount.spec), paused: mount.paused };
        let record = Arc::new(Record {
            handle: MountHandle::new(&version.spec, version.paused, environment),
            lease: running(&version.spec),
            spec: version.spec,
            paused: version.paused,
            revision: mount.revision,
            created_at: mount.created_at,
            updated_at: mount.updated_at,
            stored: true,
        });
        record.handle.start();
        begin(&mut leases, &clock, &record);
        draft.insert(record);
    }
    for spec in fixed {
        let made = draft.create(spec, false).map_err(|refusal| match refusal {
            Refusal::OpenProxy(_) => StoreError::Refused(refusal.to_string()),
            refusal => StoreError::Conflict(refusal.to_string()),
        })?;
        made.handle.start();
        begin(&mut leases, &clock, &made);
    }
    Ok((draft.snapshot, leases))
}

/// What a change would do to that set.
pub(super) fn preview(before: &Snapshot, request: Request, environment: &Arc<Environment>) -> Result<Preview, Refusal> {
    let mut draft = Draft::of(before, environment);
    let done = draft.apply(request)?;
    let moved = owners::moved(&before.table, &draft.snapshot.table, &done.edits);
    Ok(Preview { done, moved })
}

impl Writer {
    /// Runs until the last handle of the registry is gone. A panic of ours costs
    /// the changes of its batch, and all further ones only where the batch may
    /// be half in effect.
    pub fn run(mut self) {
        while let Ok(first) = self.next() {
            let mut commands: Vec<Command> = first.into_iter().collect();
            while commands.len() < REGISTRY_COMMANDS_MAX {
                let Ok(command) = self.inbox.try_recv() else { break };
                commands.push(command);
            }
            let answers: Vec<_> = commands.iter().map(|command| command.answer.clone()).collect();
            if catch_unwind(AssertUnwindSafe(|| self.commit(commands))).is_ok() {
                continue;
            }
            if self.is_publishing {
                oplog::error(format_args!(
                    "a mistake of ours ended the thread that makes changes, while one took effect: nothing more can \
                     be changed, and /readyz says so. Restart the server: it serves what is stored"
                ));
                return answers.iter().for_each(|answer| drop(answer.try_send(Err(Refusal::Stopped))));
            }
            oplog::error(format_args!("a mistake of ours stopped some changes; nothing of them was made"));
            self.refuse(&Refusal::Storage("a mistake of ours, which the server's log tells".into()), answers);
        }
    }

    /// Waits for a command, or until a lease may have run out.
    fn next(&self) -> Result<Option<Command>, RecvError> {
        let Some(at_ms) = self.leases.next_ms() else { return self.inbox.recv_blocking().map(Some) };
        let pause = Duration::from_millis(at_ms.saturating_sub(self.clock.now_ms()));
        future::block_on(future::or(async { self.inbox.recv().await.map(Some) }, async {
            async_io::Timer::after(pause).await;
            Ok(None)
        }))
    }

    fn store(&self, batch: &Batch) -> Result<(), StoreError> {
        let begun = Instant::now();
        // More than the journal keeps need not be written to be dropped again.
        let older = batch.deeds.len().saturating_sub(usize::try_from(HISTORY_REVISIONS_MAX).unwrap_or(usize::MAX));
        let entries = batch.deeds.iter().skip(older).map(Deed::entry);
        let stored = self.store.commit(batch.snapshot.revision, batch.writes(), entries);
        self.journal.record(begun.elapsed());
        stored
    }

    fn commit(&mut self, commands: Vec<Command>) {
        self.over = self.leases.take_over(self.clock.now_ms(), LEASES_ENDED_MAX);
        if let Err(error) = self.settle() {
            let answers = commands.into_iter().map(|command| command.answer);
            return self.refuse(&Refusal::Storage(error.to_string()), answers);
        }
        let before = self.current.load_full();
        let mut draft = Draft::of(&before, &self.environment);
        for (id, running) in &self.over {
            draft.expire(id, running);
        }
        let outcomes: Vec<_> =
            commands.into_iter().map(|command| (draft.apply(command.request), command.answer)).collect();
        let batch = draft.batch();
        let stored = if batch.deeds.is_empty() { Ok(()) } else { self.store(&batch) };
        if let Err(error) = stored {
            oplog::error(format_args!("a change could not be stored: {error}"));
            let refusal = match error {
                StoreError::Unsettled(why) => {
                    self.unsettled = Some(batch);
                    Refusal::Unsettled(why)
                }
                error => Refusal::Storage(error.to_string()),
            };
            return self.refuse(&refusal, outcomes.into_iter().map(|(_, answer)| answer));
        }
        self.publish(batch);
        for (outcome, answer) in outcomes {
            // Whoever asked may have gone; the change is made all the same.
            let _ = answer.try_send(outcome);
        }
    }

    /// Finds out what has become of a commit that failed. One that was made
    /// counts: what is in effect is what is stored.
    fn settle(&mut self) -> Result<(), StoreError> {
        let Some(batch) = &self.unsettled else { return Ok(()) };
        let revision = batch.snapshot.revision;
        let is_made = self.store.has_made(revision)?;
        let Some(batch) = self.unsettled.take() else { return Ok(()) };
        if is_made {
            oplog::warn(format_args!(
                "what could not be stored, up to revision {revision}, is stored: it is in effect"
            ));
            self.publish(batch);
        } else {
            oplog::warn(format_args!("the store can be used again; what it could not take was not made"));
        }
        Ok(())
    }

    /// Tells all who wait, and ends those leases a little later.
    fn refuse(&mut self, refusal: &Refusal, answers: impl IntoIterator<Item = Sender<Result<Done, Refusal>>>) {
        for (id, running) in std::mem::take(&mut self.over) {
            running.postpone(&self.clock, LEASE_RETRY);
            self.leases.watch(&id, &running);
        }
        for answer in answers {
            let _ = answer.try_send(Err(refusal.clone()));
        }
    }

    fn publish(&mut self, batch: Batch) {
        self.is_publishing = true;
        let Batch { edits, renewed, snapshot, deeds } = batch;
        #[cfg(test)]
        assert!(!deeds.iter().any(|deed| &*deed.origin.who == PANICS_WHEN_PUBLISHED));
        deeds.iter().filter(|deed| deed.edit.action == Action::Expire).for_each(audit);
        let revision = snapshot.revision;
        for edit in &edits {
            let Some(after) = &edit.after else { continue };
            if edit.before.is_some() {
                after.handle.take_effect();
            }
            if !same_lease(edit.before.as_deref(), after) {
                begin(&mut self.leases, &self.clock, after);
            }
        }
        self.routes.store(Arc::new(snapshot.table.clone()));
        // What remains can be asked for as soon as anybody knows of the revision.
        let operations: Vec<_> = edits.iter().filter_map(|edit| self.operations.begin(edit, left(edit))).collect();
        self.current.store(Arc::new(snapshot));
        self.hub.publish(revision, deeds.iter().map(Deed::entry));
        self.published.notify(usize::MAX);
        for operation in operations {
            async_std::task::spawn(Arc::clone(&self.hub).tell_end(operation));
        }
        for edit in &edits {
            let Some(after) = &edit.after else { continue };
            match (&edit.before, edit.action) {
                (None, _) => after.handle.start(),
                (Some(_), Action::Restart) => after.handle.restart(),
                _ => {}
            }
        }
        for record in renewed {
            if let (Some(lease), Some(running)) = (record.spec.lease, &record.lease) {
                // One that runs out at this moment is found by the writer next.
                let _ = running.renew(&self.clock, Duration::from_secs(lease.ttl_s.into()));
            }
        }
        self.is_publishing = false;
    }
}

/// What an edit leaves of the mount as it was.
fn left(edit: &Edit) -> Vec<Arc<Generation>> {
    let empties = matches!(edit.action, Action::Disable | Action::Drain | Action::Expire);
    match (&edit.before, &edit.after) {
        (Some(before), None) => before.handle.stop(edit.ending),
        (Some(before), Some(after)) => after.handle.succeed(&before.handle, edit.ending, empties),
        (None, _) => Vec::new(),
    }
}

/// The trace in the log of a change that nobody is answered; those of callers
/// are written down where they are answered, and read the same.
fn audit(deed: &Deed) {
    let Deed { edit, origin, .. } = deed;
    let (action, id, revision) = (edit.action.as_str(), edit.id(), edit.revision);
    oplog::info(format_args!("audit: {:?} {action} mount {id:?} revision {revision}", origin.who));
}

/// Who makes a panic of ours, for the tests.
#[cfg(test)]
const PANICS_WHEN_CHECKED: &str = "panics when checked";
#[cfg(test)]
const PANICS_WHEN_PUBLISHED: &str = "panics when published";

fn same_lease(before: Option<&Record>, after: &Record) -> bool {
    match (before.and_then(|before| before.lease.as_ref()), &after.lease) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (_, after) => after.is_none(),
    }
}

/// The lease that runs for such a mount, once it begins.
fn running(spec: &MountSpec) -> Option<Arc<Running>> {
    spec.lease.filter(|lease| spec.enabled || lease.on_expiry == OnExpiry::Delete).map(|_| Running::new())
}

/// Begins a mount's lease, for its whole time.
fn begin(leases: &mut Leases, clock: &Clock, record: &Record) {
    if let (Some(lease), Some(running)) = (record.spec.lease, &record.lease) {
        running.begin(clock, Duration::from_secs(lease.ttl_s.into()));
        leases.watch(&record.spec.id, running);
    }
}

/// The set that a batch of commands would make, and how.
struct Draft<'a> {
    snapshot: Snapshot,
    environment: &'a Arc<Environment>,
    edits: Vec<Edit>,
    deeds: Vec<Deed>,
    /// Those whose leases begin anew.
    renewed: Vec<Arc<Record>>,
}

impl<'a> Draft<'a> {
    fn of(snapshot: &Snapshot, environment: &'a Arc<Environment>) -> Self {
        let snapshot = snapshot.clone();
        Self { snapshot, environment, edits: Vec::new(), deeds: Vec::new(), renewed: Vec::new() }
    }

    /// Makes one change, or none of it.
    fn apply(&mut self, request: Request) -> Result<Done, Refusal> {
        let (before, edits) = (self.snapshot.clone(), self.edits.len());
        let (deeds, renewed) = (self.deeds.len(), self.renewed.len());
        let unchanged = match self.try_apply(request) {
            Ok(unchanged) => unchanged,
            Err(refusal) => {
                self.snapshot = before;
                self.edits.truncate(edits);
                self.deeds.truncate(deeds);
                self.renewed.truncate(renewed);
                return Err(refusal);
            }
        };
        Ok(Done { revision: self.snapshot.revision, edits: self.edits[edits..].to_vec(), unchanged })
    }

    /// The mounts that were as they were to be.
    fn try_apply(&mut self, request: Request) -> Result<Vec<Arc<Record>>, Refusal> {
        let Request { change, condition, origin } = request;
        #[cfg(test)]
        assert!(&*origin.who != PANICS_WHEN_CHECKED);
        let at = now();
        let first = self.edits.len();
        // Whoever says what a mount is to be says that it is wanted.
        let renews = matches!(
            change,
            Change::Put(..) | Change::Import(_) | Change::Apply { .. } | Change::Act(_, Act::Lease(_) | Act::Enable)
        );
        let unchanged = match change {
            Change::Create(spec) => {
                self.check_condition(&condition, &spec.id)?;
                self.create(*spec, true)?;
                Vec::new()
            }
            Change::Put(spec, ending) => {
                self.check_condition(&condition, &spec.id)?;
                self.put(*spec, ending, Action::Replace)?.into_iter().collect()
            }
            Change::Delete(id, ending) => {
                self.check_condition(&condition, &id)?;
                self.delete(&id, Action::Delete, ending)?;
                Vec::new()
            }
            Change::Act(id, act) => {
                self.check_condition(&condition, &id)?;
                self.act(&id, act)?.into_iter().collect()
            }
            Change::Import(specs) => self.put_all(specs)?,
            Change::Apply { owner, specs, prune } => self.apply_owner(&owner, specs, prune)?,
            Change::Restore { versions, at } => {
                if at.is_some_and(|at| at != self.snapshot.revision) {
                    return Err(Refusal::Overtaken);
                }
                if let [(id, _)] = &*versions {
                    self.check_condition(&condition, id)?;
                }
                self.restore(versions)?
            }
        };
        for edit in &self.edits[first..] {
            let both = [&edit.before, &edit.after].map(|record| record.as_ref().map(|record| &*record.spec));
            check_owner(&origin, edit.id(), both)?;
        }
        for record in &unchanged {
            check_owner(&origin, &record.spec.id, [Some(&*record.spec)])?;
        }
        if renews {
            self.renewed.extend(unchanged.iter().cloned());
        }
        let edits = self.edits[first..].iter().filter(|edit| edit.revision != UNSTORED);
        let (origin, at) = (Arc::new(origin), Arc::<str>::from(at));
        self.deeds.extend(edits.map(|edit| Deed {
            edit: edit.clone(),
            origin: Arc::clone(&origin),
            at: Arc::clone(&at),
        }));
        Ok(unchanged)
    }

    fn create(&mut self, spec: MountSpec, stored: bool) -> Result<Arc<Record>, Refusal> {
        if self.snapshot.mounts.contains_key(&spec.id) {
            return Err(Refusal::IdTaken(spec.id));
        }
        self.check(&spec)?;
        let version = Version { spec: Arc::new(spec), paused: false };
        let handle = MountHandle::new(&version.spec, false, self.environment);
        Ok(self.made(version, handle, stored))
    }

    fn made(&mut self, version: Version, handle: MountHandle, stored: bool) -> Arc<Record> {
        // What is not stored makes no revision: it would be gone at the next start.
        self.snapshot.revision += u64::from(stored);
        let now = now();
        let record = Arc::new(Record {
            lease: running(&version.spec),
            spec: version.spec,
            paused: version.paused,
            handle,
            revision: self.snapshot.revision,
            created_at: now.clone(),
            updated_at: now,
            stored,
        });
        let revision = if stored { self.snapshot.revision } else { UNSTORED };
        let after = Some(Arc::clone(&record));
        self.edits.push(Edit { action: Action::Create, before: None, after, revision, ending: Ending::Finish });
        self.insert(Arc::clone(&record));
        record
    }

    /// The mount where it is so already.
    fn put(&mut self, spec: MountSpec, ending: Ending, action: Action) -> Result<Option<Arc<Record>>, Refusal> {
        let Some(before) = self.snapshot.mounts.get(&spec.id).cloned() else {
            return self.create(spec, true).map(|_| None);
        };
        let version = Version { paused: before.paused && spec.enabled, spec: Arc::new(spec) };
        self.turn(&before, version, ending, action)
    }

    /// Makes a mount what it is to be; answers it where it is so already.
    fn turn(
        &mut self,
        before: &Arc<Record>,
        version: Version,
        ending: Ending,
        action: Action,
    ) -> Result<Option<Arc<Record>>, Refusal> {
        if !before.stored {
            return Err(Refusal::Fixed(before.spec.id.clone()));
        }
        if before.version() == version {
            return Ok(Some(Arc::clone(before)));
        }
        self.vacate(before);
        self.check(&version.spec)?;
        self.replaced(before, version, ending, action);
        Ok(None)
    }

    /// Frees a mount's place, unless another one has it by now.
    fn vacate(&mut self, record: &Record) {
        let matches = &record.spec.matches;
        if self.snapshot.table.get(matches).is_some_and(|there| there.id() == record.spec.id) {
            self.snapshot.table = self.snapshot.table.without(matches);
        }
    }

    fn replaced(&mut self, before: &Arc<Record>, version: Version, ending: Ending, action: Action) {
        self.snapshot.revision += 1;
        let runs = before.spec.lease == version.spec.lease && before.spec.enabled == version.spec.enabled;
        let lease = if runs { before.lease.clone() } else { running(&version.spec) };
        let record = Arc::new(Record {
            handle: before.handle.with(&version.spec, version.paused),
            spec: version.spec,
            paused: version.paused,
            revision: self.snapshot.revision,
            created_at: before.created_at.clone(),
            updated_at: now(),
            stored: true,
            lease,
        });
        if action == Action::Replace {
            self.renewed.push(Arc::clone(&record));
        }
        self.edits.push(Edit {
            action,
            before: Some(Arc::clone(before)),
            after: Some(Arc::clone(&record)),
            revision: record.revision,
            ending,
        });
        self.insert(record);
    }

    fn delete(&mut self, id: &str, action: Action, ending: Ending) -> Result<(), Refusal> {
        let before = self.record(id)?;
        if !before.stored {
            return Err(Refusal::Fixed(id.into()));
        }
        self.vacate(&before);
        self.snapshot.mounts.remove_mut(id);
        self.snapshot.revision += 1;
        let revision = self.snapshot.revision;
        self.edits.push(Edit { action, before: Some(before), after: None, revision, ending });
        Ok(())
    }

    /// The mount of that id, where such a spec would move it.
    fn moves(&self, id: &str, spec: &MountSpec) -> Option<Arc<Record>> {
        self.snapshot.mounts.get(id).filter(|before| before.spec.matches != spec.matches).cloned()
    }

    /// All of them, or none: the caller rolls back.
    fn put_all(&mut self, specs: Vec<MountSpec>) -> Result<Vec<Arc<Record>>, Refusal> {
        let mut ids = HashSet::new();
        for spec in &specs {
            if !ids.insert(spec.id.clone()) {
                return Err(Refusal::IdTaken(spec.id.clone()));
            }
        }
        // All old places first: one mount may move to where another one was.
        for spec in &specs {
            if let Some(before) = self.moves(&spec.id, spec) {
                self.vacate(&before);
            }
        }
        let mut unchanged = Vec::new();
        for spec in specs {
            unchanged.extend(self.put(spec, Ending::Finish, Action::Replace)?);
        }
        Ok(unchanged)
    }

    fn apply_owner(&mut self, owner: &str, specs: Vec<MountSpec>, prune: bool) -> Result<Vec<Arc<Record>>, Refusal> {
        for spec in &specs {
            let before = self.snapshot.mounts.get(&spec.id);
            if before.is_some_and(|before| before.spec.owner() != Some(owner)) {
                return Err(Refusal::NotOwner { id: spec.id.clone(), owner: owner.into() });
            }
        }
        if prune {
            let kept: HashSet<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
            let gone = |record: &&Arc<Record>| {
                record.stored && record.spec.owner() == Some(owner) && !kept.contains(record.spec.id.as_str())
            };
            let gone: Vec<String> =
                self.snapshot.mounts.values().filter(gone).map(|record| record.spec.id.clone()).collect();
            for id in gone {
                self.delete(&id, Action::Delete, Ending::DRAIN)?;
            }
        }
        self.put_all(specs)
    }

    fn restore(&mut self, versions: Vec<(String, Option<Version>)>) -> Result<Vec<Arc<Record>>, Refusal> {
        let mut unchanged = Vec::new();
        for (id, version) in &versions {
            match version {
                None if self.snapshot.mounts.contains_key(id) => self.delete(id, Action::Restore, Ending::DRAIN)?,
                None => {}
                Some(version) => {
                    if let Some(before) = self.moves(id, &version.spec) {
                        self.vacate(&before);
                    }
                }
            }
        }
        for (id, version) in versions {
            let Some(version) = version else { continue };
            match self.snapshot.mounts.get(&id).cloned() {
                Some(before) => unchanged.extend(self.turn(&before, version, Ending::Finish, Action::Restore)?),
                None => {
                    self.check(&version.spec)?;
                    let handle = MountHandle::new(&version.spec, version.paused, self.environment);
                    self.made(version, handle, true);
                    if let Some(edit) = self.edits.last_mut() {
                        edit.action = Action::Restore;
                    }
                }
            }
        }
        Ok(unchanged)
    }

    fn act(&mut self, id: &str, act: Act) -> Result<Option<Arc<Record>>, Refusal> {
        let before = self.record(id)?;
        let mut version = before.version();
        let action = act.action();
        let mut ending = Ending::Finish;
        match act {
            Act::Pause if !before.spec.enabled => {
                return Err(Refusal::State(format!(
                    "mount '{id}' is disabled and has nothing to hold; enable it first"
                )));
            }
            Act::Pause => version.paused = true,
            Act::Resume => version.paused = false,
            Act::Enable => enable(&mut version, true),
            Act::Disable => enable(&mut version, false),
            Act::Lease(lease) if !before.spec.enabled && lease.on_expiry != OnExpiry::Delete => {
                return Err(Refusal::State(format!(
                    "mount '{id}' is disabled, and its lease begins when it is enabled"
                )));
            }
            Act::Lease(lease) => Arc::make_mut(&mut version.spec).lease = Some(lease),
            // What is there to do is done to what runs, whatever the spec says.
            Act::Drain(wanted) => {
                enable(&mut version, false);
                return self.act_anyway(&before, version, wanted, action);
            }
            Act::Restart => return self.act_anyway(&before, version, ending, action),
            Act::Expire => match before.spec.lease.map(|lease| lease.on_expiry) {
                None => return Ok(Some(before)),
                Some(OnExpiry::Delete) => return self.delete(id, action, Ending::DRAIN).map(|()| None),
                Some(on_expiry) => {
                    enable(&mut version, false);
                    if on_expiry == OnExpiry::Drain {
                        ending = Ending::DRAIN;
                    }
                }
            },
        }
        self.turn(&before, version, ending, action)
    }

    fn act_anyway(
        &mut self,
        before: &Arc<Record>,
        version: Version,
        ending: Ending,
        action: Action,
    ) -> Result<Option<Arc<Record>>, Refusal> {
        if !before.stored {
            return Err(Refusal::Fixed(before.spec.id.clone()));
        }
        self.replaced(before, version, ending, action);
        Ok(None)
    }

    /// Ends a mount's lease; nothing, if it has another one meanwhile.
    fn expire(&mut self, id: &str, running: &Arc<Running>) {
        let runs = |record: &&Arc<Record>| record.lease.as_ref().is_some_and(|lease| Arc::ptr_eq(lease, running));
        if self.snapshot.mounts.get(id).filter(runs).is_none() {
            return;
        }
        let change = Change::Act(id.to_owned(), Act::Expire);
        // It can only be refused for a mount that is gone.
        let _ = self.apply(Request { change, condition: Condition::None, origin: Origin::own(LEASE) });
    }

    fn record(&self, id: &str) -> Result<Arc<Record>, Refusal> {
        self.snapshot.mounts.get(id).cloned().ok_or_else(|| Refusal::Unknown(id.into()))
    }

    fn check_condition(&self, condition: &Condition, id: &str) -> Result<(), Refusal> {
        condition.check(id, self.snapshot.mounts.get(id).map(|record| record.revision))
    }

    fn check(&self, spec: &MountSpec) -> Result<(), Refusal> {
        self.check_openness(spec)?;
        check_readable(spec)?;
        self.check_match(spec)
    }

    /// What goes anywhere is for this machine only, unless somebody said so.
    fn check_openness(&self, spec: &MountSpec) -> Result<(), Refusal> {
        let refused = spec.is_open() && !self.environment.allows_open_proxy;
        if refused { Err(Refusal::OpenProxy(spec.id.clone())) } else { Ok(()) }
    }

    /// A match belongs to one mount.
    fn check_match(&self, spec: &MountSpec) -> Result<(), Refusal> {
        match self.snapshot.table.get(&spec.matches) {
            Some(other) if other.id() != spec.id => {
                Err(Refusal::MatchTaken { matches: spec.matches.to_string(), by: other.id().into() })
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, record: Arc<Record>) {
        self.snapshot.table = self.snapshot.table.with(&record.spec.matches, record.handle.clone());
        self.snapshot.mounts.insert_mut(record.spec.id.clone(), record);
    }

    fn batch(self) -> Batch {
        let Self { snapshot, edits, renewed, deeds, .. } = self;
        Batch { snapshot, edits, renewed, deeds }
    }
}

impl Batch {
    fn writes(&self) -> impl Iterator<Item = Write> {
        let edits = self.edits.iter().filter(|edit| edit.revision != UNSTORED);
        edits.map(|edit| edit.after.as_ref().map_or_else(|| Write::Delete(edit.id().into()), |record| put(record)))
    }
}

/// The revision of what makes none.
const UNSTORED: u64 = 0;

fn put(record: &Record) -> Write {
    Write::Put(Box::new(StoredMount {
        spec: (*record.spec).clone(),
        paused: record.paused,
        revision: record.revision,
        created_at: record.created_at.clone(),
        updated_at: record.updated_at.clone(),
    }))
}

/// What is switched off holds nothing, and does not when it answers again.
fn enable(version: &mut Version, enabled: bool) {
    version.paused &= enabled;
    if version.spec.enabled != enabled {
        Arc::make_mut(&mut version.spec).enabled = enabled;
    }
}

/// Refuses what a caller may not touch who is bound to one owner's mounts.
pub(super) fn check_owner<'a>(
    origin: &Origin,
    id: &str,
    specs: impl IntoIterator<Item = Option<&'a MountSpec>>,
) -> Result<(), Refusal> {
    let Some(owner) = &origin.owner else { return Ok(()) };
    if specs.into_iter().flatten().all(|spec| spec.owner() == Some(&**owner)) {
        return Ok(());
    }
    Err(Refusal::NotOwner { id: id.into(), owner: (**owner).into() })
}

/// What is stored must read as what it is, or the next start would find a
/// damaged store. Nobody knows of a spec that does not; this is the net below.
fn check_readable(spec: &MountSpec) -> Result<(), Refusal> {
    let read = serde_json::to_value(spec).ok().and_then(|value| parse(&value, Id::Given(&spec.id)).ok());
    if read.as_ref() == Some(spec) {
        return Ok(());
    }
    Err(Refusal::Storage(format!("mount '{}' would not be read as it was written, which is a bug of ours", spec.id)))
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::Registry;
    use super::*;
    use crate::files::Files;
    use crate::identity::Passwords;
    use crate::mount::Observing;
    use crate::mount::spec::keeping;
    use crate::net::{Dialer, OwnListeners, Timer};
    use serde_json::{Value, json};

    fn spec(id: &str, path: &str) -> MountSpec {
        let value: Value = json!({"kind": "regular", "match": {"path": path}, "address": "http://127.0.0.1:9/"});
        parse(&value, Id::OwnOr(id)).unwrap()
    }

    fn open(directory: &std::path::Path, fixed: Vec<MountSpec>) -> Result<Registry, StoreError> {
        let environment = Environment {
            dialer: Dialer::new(OwnListeners::default()),
            timer: Timer::start().unwrap(),
            pseudonym: "test".into(),
            files: Files::default(),
            allows_open_proxy: false,
            passwords: Passwords::new().unwrap(),
            observer: Observing::default(),
            book: Arc::default(),
        };
        Registry::open(directory, fixed, environment)
    }

    fn asked(change: Change) -> Request {
        Request { change, condition: Condition::None, origin: Origin::own("test") }
    }

    fn change(registry: &Registry, change: Change) -> Result<Done, Refusal> {
        async_io::block_on(registry.change(asked(change)))
    }

    fn finds(registry: &Registry, path: &str) -> Option<String> {
        let routes = registry.routes().load_full();
        routes.find(None, None, path.as_bytes()).map(|found| found.mount.id().to_owned())
    }

    fn delete(id: &str) -> Change {
        Change::Delete(id.into(), Ending::Kill)
    }

    #[test]
    fn a_lease_is_renewed_under_the_condition_of_the_mount_that_has_it() {
        let directory = crate::testing::Directory::new("renewal");
        let registry = open(directory.path(), vec![]).unwrap();
        let lease = keeping::parse_lease(&json!({ "ttl_s": 60, "on_expiry": "delete" })).unwrap();
        let leased = MountSpec { lease: Some(lease), ..spec("a", "/a") };
        change(&registry, Change::Create(Box::new(leased))).unwrap();
        let renew =
            |condition| registry.renew("a", &condition, &Origin::own("test")).map(|(record, ..)| record.revision);
        let is = |revision: u64| Condition::Revision([revision].into_iter().collect());
        assert_eq!(renew(is(1)).unwrap(), 1);
        // Somebody else was quicker than who had checked revision 1.
        let moved = MountSpec { lease: Some(lease), ..spec("a", "/b") };
        change(&registry, Change::Put(Box::new(moved), Ending::Finish)).unwrap();
        assert!(matches!(renew(is(1)), Err(Refusal::Condition { revision: Some(2), .. })));
        assert!(matches!(renew(Condition::Absent), Err(Refusal::Condition { .. })));
        assert_eq!(renew(Condition::Exists).unwrap(), 2);
    }

    #[test]
    fn changes_are_in_effect_when_they_are_answered_and_survive_a_restart() {
        let directory = crate::testing::Directory::new("registry");
        let registry = open(directory.path(), vec![]).unwrap();
        assert_eq!(
            change(&registry, Change::Create(Box::new(spec("a", "/a")))).unwrap().edits[0].action,
            Action::Create
        );
        assert_eq!(finds(&registry, "/a/x"), Some("a".into()));
        assert_eq!(
            change(&registry, Change::Put(Box::new(spec("a", "/moved")), Ending::Finish)).unwrap().edits[0].action,
            Action::Replace
        );
        assert_eq!((finds(&registry, "/a"), finds(&registry, "/moved")), (None, Some("a".into())));
        assert_eq!(
            change(&registry, Change::Put(Box::new(spec("b", "/a")), Ending::Finish)).unwrap().edits[0].action,
            Action::Create
        );
        assert_eq!(change(&registry, delete("a")).unwrap().edits[0].action, Action::Delete);
        assert_eq!(finds(&registry, "/moved"), None);
        let before = registry.snapshot();
        assert_eq!(before.revision, 4);
        drop(registry);
        let again = crate::testing::until_ok(|| open(directory.path(), vec![]));
        let after = again.snapshot();
        assert_eq!(after.revision, 4);
        assert_eq!(after.mounts.keys().collect::<Vec<_>>(), ["b"]);
        let record = after.mounts.get("b").unwrap();
        assert_eq!(record.created_at, before.mounts.get("b").unwrap().created_at);
        assert_eq!(finds(&again, "/a"), Some("b".into()));
    }

    #[test]
    fn a_panic_of_ours_costs_its_own_changes_and_nobody_is_told_that_all_is_well() {
        let directory = crate::testing::Directory::new("panic");
        let registry = open(directory.path(), vec![]).unwrap();
        let put = |id: &str, who: &str| {
            let change = Change::Create(Box::new(spec(id, &format!("/{id}"))));
            let request = Request { change, condition: Condition::None, origin: Origin::own(who) };
            async_io::block_on(registry.change(request))
        };
        put("a", "test").unwrap();
        let refused = put("b", PANICS_WHEN_CHECKED).unwrap_err();
        assert!(matches!(&refused, Refusal::Storage(why) if why.contains("mistake of ours")), "{refused:?}");
        assert_eq!(put("c", "test").unwrap().revision, 2, "the next change is made");
        assert_eq!((finds(&registry, "/b"), registry.has_stopped()), (None, false));
        assert_eq!(put("d", PANICS_WHEN_PUBLISHED).unwrap_err(), Refusal::Stopped);
        crate::testing::until_ok(|| if registry.has_stopped() { Ok(()) } else { Err("it goes on") });
        assert_eq!(put("e", "test").unwrap_err(), Refusal::Stopped);
        assert_eq!(finds(&registry, "/a"), Some("a".into()), "what was in effect is");
        drop(registry);
        let again = crate::testing::until_ok(|| open(directory.path(), vec![]));
        let served = ["/a", "/b", "/c", "/d", "/e"].map(|path| finds(&again, path).is_some());
        assert_eq!(served, [true, false, true, true, false], "what is stored is served after a restart");
    }

    #[test]
    fn an_open_proxy_is_neither_made_nor_loaded_unless_it_is_allowed() {
        let open_one = || {
            let value = json!({"kind": "transparent", "allowed_hosts": "*", "match": {"path": "/any"}});
            parse(&value, Id::OwnOr("any")).unwrap()
        };
        let directory = crate::testing::Directory::new("open-proxy");
        let allowing = |allows_open_proxy| Environment {
            dialer: Dialer::new(OwnListeners::default()),
            timer: Timer::start().unwrap(),
            pseudonym: "test".into(),
            files: Files::default(),
            passwords: Passwords::new().unwrap(),
            observer: Observing::default(),
            book: Arc::default(),
            allows_open_proxy,
        };
        let fenced = Registry::open(directory.path(), vec![], allowing(false)).unwrap();
        let refused = Refusal::OpenProxy("any".into());
        assert_eq!(change(&fenced, Change::Create(Box::new(open_one()))).unwrap_err(), refused);
        assert_eq!(change(&fenced, Change::Put(Box::new(open_one()), Ending::Finish)).unwrap_err(), refused);
        assert_eq!(change(&fenced, Change::Import(vec![open_one()])).unwrap_err(), refused);
        assert_eq!(fenced.preview(asked(Change::Import(vec![open_one()]))).unwrap_err(), refused);
        drop(fenced);
        let allowed = crate::testing::until_ok(|| Registry::open(directory.path(), vec![], allowing(true)));
        change(&allowed, Change::Create(Box::new(open_one()))).unwrap();
        drop(allowed);
        let told = crate::testing::until_ok(|| match Registry::open(directory.path(), vec![], allowing(false)) {
            Err(StoreError::InUse(path)) => Err(StoreError::InUse(path)),
            other => Ok(other.unwrap_err().to_string()),
        });
        assert!(told.contains("'any'") && told.contains("--allow-open-proxy"), "{told}");
    }

    #[test]
    fn an_import_is_all_or_nothing_and_what_is_as_it_was_is_left_alone() {
        let directory = crate::testing::Directory::new("import");
        let registry = open(directory.path(), vec![spec("fixed", "/fixed")]).unwrap();
        for (id, path) in [("a", "/a"), ("b", "/b"), ("c", "/c"), ("d", "/d")] {
            change(&registry, Change::Create(Box::new(spec(id, path)))).unwrap();
        }
        let before = registry.snapshot();
        let refused = |specs: Vec<MountSpec>| change(&registry, Change::Import(specs)).unwrap_err();
        let taken = |matches: &str, by: &str| Refusal::MatchTaken { matches: matches.into(), by: by.into() };
        assert_eq!(refused(vec![spec("new", "/new"), spec("x", "/d")]), taken("/d", "d"));
        assert_eq!(refused(vec![spec("new", "/new"), spec("x", "/new")]), taken("/new", "new"));
        assert_eq!(refused(vec![spec("new", "/new"), spec("x", "/fixed")]), taken("/fixed", "fixed"));
        assert_eq!(refused(vec![spec("new", "/new"), spec("new", "/x")]), Refusal::IdTaken("new".into()));
        assert_eq!(refused(vec![spec("new", "/new"), spec("fixed", "/x")]), Refusal::Fixed("fixed".into()));
        assert_eq!((registry.snapshot().revision, finds(&registry, "/new")), (before.revision, None));

        // The first two change places, the third moves where nobody was.
        let wanted = vec![spec("a", "/b"), spec("b", "/a"), spec("c", "/e"), spec("d", "/d"), spec("new", "/c")];
        let imported = change(&registry, Change::Import(wanted.clone())).unwrap();
        let did: Vec<_> = imported.edits.iter().map(|edit| (edit.id(), edit.action)).collect();
        let replaced = |id| (id, Action::Replace);
        assert_eq!(did, [replaced("a"), replaced("b"), replaced("c"), ("new", Action::Create)]);
        assert_eq!(imported.unchanged[0].spec.id, "d");
        let found = ["/a", "/b", "/c", "/d", "/e"].map(|path| finds(&registry, path).unwrap());
        assert_eq!(found, ["b", "a", "new", "d", "c"]);
        let after = registry.snapshot();
        assert_eq!(after.mounts.get("d").unwrap().revision, before.mounts.get("d").unwrap().revision);
        let again = change(&registry, Change::Import(wanted)).unwrap();
        assert_eq!((again.unchanged.len(), again.edits.len()), (5, 0));
        assert_eq!(registry.snapshot().revision, after.revision);
        drop(registry);
        let again = crate::testing::until_ok(|| open(directory.path(), vec![]));
        assert_eq!(["/a", "/b", "/c", "/d", "/e"].map(|path| finds(&again, path).unwrap()), found);
    }

    #[test]
    fn what_is_taken_or_missing_is_refused_by_name() {
        let directory = crate::testing::Directory::new("refusals");
        let registry = open(directory.path(), vec![spec("fixed", "/fixed")]).unwrap();
        change(&registry, Change::Create(Box::new(spec("a", "/a")))).unwrap();
        change(&registry, Change::Create(Box::new(spec("b", "/b")))).unwrap();
        let refusal = |asked| change(&registry, asked).unwrap_err();
        let taken = Refusal::MatchTaken { matches: "/a".into(), by: "a".into() };
        assert_eq!(refusal(Change::Create(Box::new(spec("a", "/x")))), Refusal::IdTaken("a".into()));
        assert_eq!(refusal(Change::Create(Box::new(spec("c", "/a")))), taken);
        assert_eq!(refusal(Change::Put(Box::new(spec("b", "/a")), Ending::Finish)), taken);
        assert_eq!(refusal(delete("nobody")), Refusal::Unknown("nobody".into()));
        assert_eq!(refusal(delete("fixed")), Refusal::Fixed("fixed".into()));
        assert_eq!(refusal(Change::Put(Box::new(spec("fixed", "/x")), Ending::Finish)), Refusal::Fixed("fixed".into()));
        assert_eq!(finds(&registry, "/b"), Some("b".into()));
        drop(registry);
        let clash = crate::testing::until_ok(|| match open(directory.path(), vec![spec("other", "/a")]) {
            Err(StoreError::Conflict(detail)) => Ok(detail),
            Err(StoreError::InUse(path)) => Err(StoreError::InUse(path)),
            other => panic!("{other:?}"),
        });
        assert!(clash.contains("'a'"), "{clash}");
    }
}
