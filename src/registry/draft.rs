//! The set that commands would make, checked one after the other.
//!
//! Owns every rule of what may become of the set. A draft is made of a snapshot,
//! takes whole changes or none of them, and knows what each of them is for the
//! store, the journal and the actors; nothing is done before somebody does it.

use super::change::{Act, Action, Change, Condition, Done, Edit, Origin, Refusal, Request, Version};
use super::history::Deed;
use super::lease::Running;
use super::store::{StoredMount, Write};
use super::{LEASE, Preview, Record, Snapshot, owners};
use crate::mount::spec::keeping::OnExpiry;
use crate::mount::spec::{Id, parse};
use crate::mount::{Ending, Environment, MountHandle, MountSpec};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

/// What a change would do to that set.
pub(super) fn preview(before: &Snapshot, request: Request, environment: &Arc<Environment>) -> Result<Preview, Refusal> {
    let mut draft = Draft::of(before, environment);
    let done = draft.apply(request)?;
    let moved = owners::moved(&before.table, &draft.snapshot.table, &done.edits);
    Ok(Preview { done, moved })
}

/// What one commit makes.
pub(super) struct Batch {
    pub(super) snapshot: Snapshot,
    pub(super) edits: Vec<Edit>,
    pub(super) renewed: Vec<Arc<Record>>,
    pub(super) deeds: Vec<Deed>,
}

/// The set that a batch of commands would make, and how.
pub(super) struct Draft<'a> {
    pub(super) snapshot: Snapshot,
    environment: &'a Arc<Environment>,
    edits: Vec<Edit>,
    deeds: Vec<Deed>,
    /// Those whose leases begin anew.
    renewed: Vec<Arc<Record>>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(snapshot: &Snapshot, environment: &'a Arc<Environment>) -> Self {
        let snapshot = snapshot.clone();
        Self { snapshot, environment, edits: Vec::new(), deeds: Vec::new(), renewed: Vec::new() }
    }

    /// Makes one change, or none of it.
    pub(super) fn apply(&mut self, request: Request) -> Result<Done, Refusal> {
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

    pub(super) fn create(&mut self, spec: MountSpec, stored: bool) -> Result<Arc<Record>, Refusal> {
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
        // These do something to what runs, whatever the spec says.
        let acts = matches!(action, Action::Drain | Action::Restart);
        if before.version() == version && !acts {
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
            Act::Drain(wanted) => {
                enable(&mut version, false);
                ending = wanted;
            }
            Act::Restart => {}
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

    /// Ends a mount's lease; nothing, if it has another one meanwhile.
    pub(super) fn expire(&mut self, id: &str, running: &Arc<Running>) {
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
    pub(super) fn check_openness(&self, spec: &MountSpec) -> Result<(), Refusal> {
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

    pub(super) fn insert(&mut self, record: Arc<Record>) {
        self.snapshot.table = self.snapshot.table.with(&record.spec.matches, record.handle.clone());
        self.snapshot.mounts.insert_mut(record.spec.id.clone(), record);
    }

    pub(super) fn batch(self) -> Batch {
        let Self { snapshot, edits, renewed, deeds, .. } = self;
        Batch { snapshot, edits, renewed, deeds }
    }
}

impl Batch {
    pub(super) fn writes(&self) -> impl Iterator<Item = Write> {
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

/// The lease that runs for such a mount, once it begins.
pub(super) fn running(spec: &MountSpec) -> Option<Arc<Running>> {
    spec.lease.filter(|lease| spec.enabled || lease.on_expiry == OnExpiry::Delete).map(|_| Running::new())
}

/// Who makes a panic of ours, for the tests.
#[cfg(test)]
pub(super) const PANICS_WHEN_CHECKED: &str = "panics when checked";
