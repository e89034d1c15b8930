//! The one writer of the set of mounts.
//!
//! Owns the order of changes. All commands that wait are checked one after
//! the other against the set they would make, stored in one commit, and only
//! then published, acted on and answered. A commit that fails changes nothing.

use super::store::{Loaded, Store, StoreError, StoredMount, Write};
use super::{Change, Imported, Outcome, Record, Refusal, Snapshot};
use crate::limits::REGISTRY_COMMANDS_MAX;
use crate::mount::spec::{Id, parse};
use crate::mount::{Environment, MountHandle, MountSpec, Table};
use crate::oplog;
use crate::stats::Histogram;
use arc_swap::ArcSwap;
use async_channel::{Receiver, Sender};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use std::time::{Instant, SystemTime};

/// A change and who waits for it.
#[derive(Debug)]
pub(super) struct Command {
    pub change: Change,
    pub answer: Sender<Result<Outcome, Refusal>>,
}

/// The thread's state.
pub(super) struct Writer {
    pub store: Store,
    pub environment: Environment,
    pub inbox: Receiver<Command>,
    pub current: Arc<ArcSwap<Snapshot>>,
    pub routes: Arc<ArcSwap<Table>>,
    /// How long commits took.
    pub journal: Arc<Histogram>,
}

/// The set at the start: what is stored, then what the command line adds.
pub(super) fn start(loaded: Loaded, fixed: Vec<MountSpec>, environment: &Environment) -> Result<Snapshot, StoreError> {
    let mut draft = Draft::of(&Snapshot { revision: loaded.revision, ..Snapshot::default() }, environment);
    for mount in loaded.mounts {
        draft.check_openness(&mount.spec).map_err(|refusal| StoreError::Refused(refusal.to_string()))?;
        let spec = Arc::new(mount.spec);
        draft.insert(Arc::new(Record {
            handle: MountHandle::spawn(&spec, environment),
            spec,
            revision: mount.revision,
            created_at: mount.created_at,
            updated_at: mount.updated_at,
            stored: true,
        }));
    }
    for spec in fixed {
        draft.create(spec, false).map_err(|refusal| match refusal {
            Refusal::OpenProxy(_) => StoreError::Refused(refusal.to_string()),
            refusal => StoreError::Conflict(refusal.to_string()),
        })?;
    }
    Ok(draft.snapshot)
}

impl Writer {
    /// Runs until the last handle of the registry is gone.
    pub fn run(self) {
        while let Ok(first) = self.inbox.recv_blocking() {
            let mut commands = vec![first];
            while commands.len() < REGISTRY_COMMANDS_MAX {
                let Ok(command) = self.inbox.try_recv() else { break };
                commands.push(command);
            }
            self.commit(commands);
        }
    }

    fn store(&self, draft: &Draft<'_>) -> Result<(), StoreError> {
        let begun = Instant::now();
        let stored = self.store.commit(draft.snapshot.revision, &draft.writes);
        self.journal.record(begun.elapsed());
        stored
    }

    fn commit(&self, commands: Vec<Command>) {
        let mut draft = Draft::of(&self.current.load(), &self.environment);
        let outcomes: Vec<_> =
            commands.into_iter().map(|command| (draft.apply(command.change), command.answer)).collect();
        let stored = if draft.writes.is_empty() { Ok(()) } else { self.store(&draft) };
        if let Err(error) = stored {
            oplog::error(format_args!("a change could not be stored: {error}"));
            draft.started.iter().for_each(|handle| handle.stop(Duration::ZERO));
            for (_, answer) in outcomes {
                let _ = answer.try_send(Err(Refusal::Storage(error.to_string())));
            }
            return;
        }
        for handle in draft.replaced {
            handle.take_effect();
        }
        self.routes.store(Arc::new(draft.snapshot.table.clone()));
        self.current.store(Arc::new(draft.snapshot));
        draft.stopped.iter().for_each(|(handle, drain)| handle.stop(*drain));
        for (outcome, answer) in outcomes {
            // Whoever asked may have gone; the change is made all the same.
            let _ = answer.try_send(outcome);
        }
    }
}

/// The set that a batch of commands would make, and what is to be done then.
struct Draft<'a> {
    snapshot: Snapshot,
    environment: &'a Environment,
    writes: Vec<Write>,
    started: Vec<MountHandle>,
    replaced: Vec<MountHandle>,
    stopped: Vec<(MountHandle, Duration)>,
}

impl<'a> Draft<'a> {
    fn of(snapshot: &Snapshot, environment: &'a Environment) -> Self {
        Self {
            snapshot: snapshot.clone(),
            environment,
            writes: Vec::new(),
            started: Vec::new(),
            replaced: Vec::new(),
            stopped: Vec::new(),
        }
    }

    fn apply(&mut self, change: Change) -> Result<Outcome, Refusal> {
        match change {
            Change::Create(spec) => self.create(spec, true).map(Outcome::Created),
            Change::Put(spec) => match self.snapshot.mounts.get(&spec.id).cloned() {
                None => self.create(spec, true).map(Outcome::Created),
                Some(before) => self.replace(&before, spec).map(Outcome::Replaced),
            },
            Change::Import(specs) => self.import(specs).map(Outcome::Imported),
            Change::Delete { id, drain } => self.delete(&id, drain).map(|()| Outcome::Deleted),
        }
    }

    /// Checks all before it changes any; what is as it was keeps its actor and
    /// its revision.
    fn import(&mut self, mut specs: Vec<MountSpec>) -> Result<Imported, Refusal> {
        for spec in &specs {
            self.check_openness(spec)?;
            check_readable(spec)?;
        }
        let imported = self.snapshot.import(&specs)?;
        let unchanged: HashSet<&str> = imported.unchanged.iter().map(String::as_str).collect();
        specs.retain(|spec| !unchanged.contains(spec.id.as_str()));
        let before: Vec<_> = specs.iter().map(|spec| self.snapshot.mounts.get(&spec.id).cloned()).collect();
        // All old places first: one mount may move to where another one was.
        for record in before.iter().flatten() {
            self.snapshot.table = self.snapshot.table.without(&record.spec.matches);
        }
        for (spec, before) in specs.into_iter().zip(before) {
            match before {
                None => drop(self.made(spec, true)),
                Some(before) => drop(self.replaced(&before, spec)),
            }
        }
        Ok(imported)
    }

    fn create(&mut self, spec: MountSpec, stored: bool) -> Result<Arc<Record>, Refusal> {
        if self.snapshot.mounts.contains_key(&spec.id) {
            return Err(Refusal::IdTaken(spec.id));
        }
        self.check_openness(&spec)?;
        check_readable(&spec)?;
        self.check_match(&spec)?;
        Ok(self.made(spec, stored))
    }

    fn made(&mut self, spec: MountSpec, stored: bool) -> Arc<Record> {
        // What is not stored makes no revision: it would be gone at the next start.
        if stored {
            self.snapshot.revision += 1;
        }
        let now = now();
        let spec = Arc::new(spec);
        let handle = MountHandle::spawn(&spec, self.environment);
        self.started.push(handle.clone());
        let record = Arc::new(Record {
            spec,
            handle,
            revision: self.snapshot.revision,
            created_at: now.clone(),
            updated_at: now,
            stored,
        });
        self.write(&record);
        self.insert(Arc::clone(&record));
        record
    }

    fn replace(&mut self, before: &Record, spec: MountSpec) -> Result<Arc<Record>, Refusal> {
        if !before.stored {
            return Err(Refusal::Fixed(spec.id));
        }
        self.check_openness(&spec)?;
        check_readable(&spec)?;
        self.check_match(&spec)?;
        if before.spec.matches != spec.matches {
            self.snapshot.table = self.snapshot.table.without(&before.spec.matches);
        }
        Ok(self.replaced(before, spec))
    }

    fn replaced(&mut self, before: &Record, spec: MountSpec) -> Arc<Record> {
        self.snapshot.revision += 1;
        let spec = Arc::new(spec);
        let record = Arc::new(Record {
            spec: Arc::clone(&spec),
            handle: before.handle.with(&spec),
            revision: self.snapshot.revision,
            created_at: before.created_at.clone(),
            updated_at: now(),
            stored: true,
        });
        self.replaced.push(record.handle.clone());
        self.write(&record);
        self.insert(Arc::clone(&record));
        record
    }

    fn delete(&mut self, id: &str, drain: Duration) -> Result<(), Refusal> {
        let record = self.snapshot.mounts.get(id).ok_or_else(|| Refusal::Unknown(id.into()))?;
        if !record.stored {
            return Err(Refusal::Fixed(id.into()));
        }
        self.stopped.push((record.handle.clone(), drain));
        self.snapshot.table = self.snapshot.table.without(&record.spec.matches);
        self.snapshot.mounts.remove_mut(id);
        self.snapshot.revision += 1;
        self.writes.push(Write::Delete(id.into()));
        Ok(())
    }

    fn check_openness(&self, spec: &MountSpec) -> Result<(), Refusal> {
        check_openness(spec, self.environment.allows_open_proxy)
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

    fn write(&mut self, record: &Record) {
        if record.stored {
            self.writes.push(Write::Put(Box::new(StoredMount {
                spec: (*record.spec).clone(),
                revision: record.revision,
                created_at: record.created_at.clone(),
                updated_at: record.updated_at.clone(),
            })));
        }
    }
}

/// What goes anywhere is for this machine only, unless somebody said so.
pub(super) fn check_openness(spec: &MountSpec, allows_open_proxy: bool) -> Result<(), Refusal> {
    let refused = spec.is_open() && !allows_open_proxy;
    if refused { Err(Refusal::OpenProxy(spec.id.clone())) } else { Ok(()) }
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
            book: Arc::default(),
        };
        Registry::open(directory, fixed, environment)
    }

    fn change(registry: &Registry, change: Change) -> Result<Outcome, Refusal> {
        async_io::block_on(registry.change(change))
    }

    fn finds(registry: &Registry, path: &str) -> Option<String> {
        let routes = registry.routes().load_full();
        routes.find(None, None, path.as_bytes()).map(|found| found.mount.id().to_owned())
    }

    fn delete(id: &str) -> Change {
        Change::Delete { id: id.into(), drain: Duration::ZERO }
    }

    #[test]
    fn changes_are_in_effect_when_they_are_answered_and_survive_a_restart() {
        let directory = crate::testing::Directory::new("registry");
        let registry = open(directory.path(), vec![]).unwrap();
        assert!(matches!(change(&registry, Change::Create(spec("a", "/a"))), Ok(Outcome::Created(_))));
        assert_eq!(finds(&registry, "/a/x"), Some("a".into()));
        assert!(matches!(change(&registry, Change::Put(spec("a", "/moved"))), Ok(Outcome::Replaced(_))));
        assert_eq!((finds(&registry, "/a"), finds(&registry, "/moved")), (None, Some("a".into())));
        assert!(matches!(change(&registry, Change::Put(spec("b", "/a"))), Ok(Outcome::Created(_))));
        assert!(matches!(change(&registry, delete("a")), Ok(Outcome::Deleted)));
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
            book: Arc::default(),
            allows_open_proxy,
        };
        let fenced = Registry::open(directory.path(), vec![], allowing(false)).unwrap();
        let refused = Refusal::OpenProxy("any".into());
        assert_eq!(change(&fenced, Change::Create(open_one())).unwrap_err(), refused);
        assert_eq!(change(&fenced, Change::Put(open_one())).unwrap_err(), refused);
        assert_eq!(change(&fenced, Change::Import(vec![open_one()])).unwrap_err(), refused);
        assert_eq!(fenced.preview_import(&[open_one()]).unwrap_err(), refused);
        drop(fenced);
        let allowed = crate::testing::until_ok(|| Registry::open(directory.path(), vec![], allowing(true)));
        change(&allowed, Change::Create(open_one())).unwrap();
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
            change(&registry, Change::Create(spec(id, path))).unwrap();
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
        let Ok(Outcome::Imported(imported)) = change(&registry, Change::Import(wanted.clone())) else { panic!() };
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let expected = Imported { created: ids(&["new"]), updated: ids(&["a", "b", "c"]), unchanged: ids(&["d"]) };
        assert_eq!(imported, expected);
        let found = ["/a", "/b", "/c", "/d", "/e"].map(|path| finds(&registry, path).unwrap());
        assert_eq!(found, ["b", "a", "new", "d", "c"]);
        let after = registry.snapshot();
        assert_eq!(after.mounts.get("d").unwrap().revision, before.mounts.get("d").unwrap().revision);
        let Ok(Outcome::Imported(again)) = change(&registry, Change::Import(wanted)) else { panic!() };
        assert_eq!((again.unchanged.len(), again.created.len(), again.updated.len()), (5, 0, 0));
        assert_eq!(registry.snapshot().revision, after.revision);
        drop(registry);
        let again = crate::testing::until_ok(|| open(directory.path(), vec![]));
        assert_eq!(["/a", "/b", "/c", "/d", "/e"].map(|path| finds(&again, path).unwrap()), found);
    }

    #[test]
    fn what_is_taken_or_missing_is_refused_by_name() {
        let directory = crate::testing::Directory::new("refusals");
        let registry = open(directory.path(), vec![spec("fixed", "/fixed")]).unwrap();
        change(&registry, Change::Create(spec("a", "/a"))).unwrap();
        change(&registry, Change::Create(spec("b", "/b"))).unwrap();
        let refusal = |asked| change(&registry, asked).unwrap_err();
        let taken = Refusal::MatchTaken { matches: "/a".into(), by: "a".into() };
        assert_eq!(refusal(Change::Create(spec("a", "/x"))), Refusal::IdTaken("a".into()));
        assert_eq!(refusal(Change::Create(spec("c", "/a"))), taken);
        assert_eq!(refusal(Change::Put(spec("b", "/a"))), taken);
        assert_eq!(refusal(delete("nobody")), Refusal::Unknown("nobody".into()));
        assert_eq!(refusal(delete("fixed")), Refusal::Fixed("fixed".into()));
        assert_eq!(refusal(Change::Put(spec("fixed", "/x"))), Refusal::Fixed("fixed".into()));
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
