//! The one writer of the set of mounts.
//!
//! Owns the order of changes. All commands that wait are checked one after
//! the other against the set they would make, stored in one commit, and only
//! then published, acted on and answered. A commit that fails changes nothing.

use super::change::{Action, Done, Edit, Refusal, Request, Version};
use super::draft::{Batch, Draft, running};
use super::events::Hub;
use super::history::Deed;
use super::lease::{Clock, Leases, Running};
use super::operations::Operations;
use super::store::{Loaded, Store, StoreError};
use super::{Record, Snapshot};
use crate::exchange::Generation;
use crate::limits::{HISTORY_REVISIONS_MAX, LEASE_RETRY, LEASES_ENDED_MAX, REGISTRY_COMMANDS_MAX};
use crate::mount::{Environment, MountHandle, MountSpec, Table};
use crate::oplog;
use crate::stats::Histogram;
use arc_swap::ArcSwap;
use async_channel::{Receiver, RecvError, Sender};
use event_listener::Event;
use futures_lite::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    pub commit_times: Arc<Histogram>,
    /// What may have been stored or not.
    pub unsettled: Option<Batch>,
    /// The leases that this batch ends.
    pub over: Vec<(String, Arc<Running>)>,
    /// What is in effect is not what is stored: from here on no panic leaves
    /// anything to go on with.
    pub is_publishing: bool,
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
        self.commit_times.record(begun.elapsed());
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
const PANICS_WHEN_PUBLISHED: &str = "panics when published";

fn same_lease(before: Option<&Record>, after: &Record) -> bool {
    match (before.and_then(|before| before.lease.as_ref()), &after.lease) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (_, after) => after.is_none(),
    }
}

/// Begins a mount's lease, for its whole time.
fn begin(leases: &mut Leases, clock: &Clock, record: &Record) {
    if let (Some(lease), Some(running)) = (record.spec.lease, &record.lease) {
        running.begin(clock, Duration::from_secs(lease.ttl_s.into()));
        leases.watch(&record.spec.id, running);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Registry;
    use super::super::change::{Change, Condition, Origin};
    use super::super::draft::PANICS_WHEN_CHECKED;
    use super::*;
    use crate::files::Files;
    use crate::identity::Passwords;
    use crate::mount::Ending;
    use crate::mount::Observing;
    use crate::mount::spec::keeping;
    use crate::mount::spec::{Id, parse};
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
