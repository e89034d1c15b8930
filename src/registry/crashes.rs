//! What becomes of the store when the machine stops, or somebody damages it.
//!
//! Owns a disk that fails where the test says, and damages at seeded places:
//! whatever happens, a store that opens has all that was acknowledged.

use super::Registry;
use super::change::{Action, Change, Condition, Origin, Refusal, Request};
use super::history::Entry;
use super::inspection::inspect;
use super::journal::{Keep, Range};
use super::opened::Opened;
use super::store::{self, FORMAT_KEY, Loaded, META, MOUNTS, REVISION_KEY, Store, StoreError, StoredMount, Write};
use super::witness::{self, Witness};
use crate::files::Files;
use crate::identity::Passwords;
use crate::limits::COMPACT_BYTES_MIN;
use crate::mount::spec::{Id, parse};
use crate::mount::{Ending, Environment, Observing};
use crate::net::{Dialer, OwnListeners, Timer};
use crate::testing::{Directory, Random, until_ok};
use async_io::block_on;
use redb::{Database, StorageBackend};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Error;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// What is there, by id: the revision that made it so.
type Mounts = BTreeMap<String, u64>;

/// Each revision puts or deletes one of few mounts, so that places are used
/// again and again.
fn change(revision: u64, mounts: &mut Mounts, random: &mut Random, filler: usize) -> (Write, Entry) {
    let id = format!("m{}", random.below(20));
    let gone = mounts.contains_key(&id) && random.below(3) == 0;
    let (write, action) = if gone {
        mounts.remove(&id);
        (Write::Delete(id.clone()), Action::Delete)
    } else {
        mounts.insert(id.clone(), revision);
        let value = json!({
            "kind": "regular", "match": { "path": format!("/{id}") }, "address": "http://127.0.0.1:9/",
            "metadata": { "filler": "x".repeat(random.below(filler)) },
        });
        let mount = StoredMount {
            spec: parse(&value, Id::OwnOr(&id)).unwrap(),
            paused: false,
            revision,
            created_at: "2026-01-01T00:00:00.000Z".into(),
            updated_at: "2026-01-01T00:00:00.000Z".into(),
        };
        (Write::Put(Box::new(mount)), Action::Replace)
    };
    let entry = Entry {
        revision,
        at: "2026-01-01T00:00:00.000Z".into(),
        who: "test".into(),
        why: None,
        action,
        mount: id.into(),
        before: json!(null),
        after: json!({ "filler": "x".repeat(random.below(filler)) }),
    };
    (write, entry)
}

/// The set after each revision.
fn make(store: &Store, from: u64, count: u64, mounts: &mut Mounts, random: &mut Random) -> Vec<Mounts> {
    let mut states = Vec::new();
    for revision in from + 1..=from + count {
        let (write, entry) = change(revision, mounts, random, 2000);
        store.commit(revision, &[write], &[entry]).unwrap();
        states.push(mounts.clone());
    }
    states
}

fn mounts(loaded: &Loaded) -> Mounts {
    loaded.mounts.iter().map(|mount| (mount.spec.id.clone(), mount.revision)).collect()
}

fn check_journal(store: &Store, oldest: u64, revision: u64) {
    let journal = store.journal();
    assert_eq!(journal.oldest().unwrap(), oldest);
    let mut after = oldest - 1;
    while after < revision {
        let range = Range { mount: None, after, until: revision, newest_first: false, count_max: 1000 };
        for entry in journal.read(&range).unwrap().entries {
            after += 1;
            assert_eq!(entry.revision, after);
        }
    }
}

/// A data directory with those bytes as its store.
fn with_store(name: &str, bytes: &[u8], acknowledged: u64) -> Directory {
    let directory = Directory::new(name);
    std::fs::write(store::path(directory.path()), bytes).unwrap();
    drop(Witness::open(directory.path(), acknowledged).unwrap());
    directory
}

fn read(directory: &Path) -> Vec<u8> {
    std::fs::read(store::path(directory)).unwrap()
}

#[test]
fn a_damaged_store_has_all_that_was_acknowledged_or_is_refused() {
    let directory = Directory::new("damages");
    let (mut random, mut expected) = (Random::new(1), Mounts::new());
    let (store, _) = Store::open(directory.path()).unwrap();
    make(&store, 0, 60, &mut expected, &mut random);
    // As a kill leaves it, and as a proper end does.
    let killed = read(directory.path());
    drop(store);
    let ended = read(directory.path());
    let mut refused = 0;
    for whole in [&killed, &ended] {
        for number in (0..500).step_by(3) {
            let mut damaged = whole.clone();
            let at = match number {
                // Bytes of the head in turn: it says which half of the file counts.
                0..320 => number,
                _ => random.below(whole.len()),
            };
            match number {
                0..400 => damaged[at] ^= 1 << random.below(8),
                // At any byte, and at the end of a page.
                _ if number % 2 == 0 => damaged.truncate(at),
                _ => damaged.truncate(at & !4095),
            }
            let directory = with_store("damage", &damaged, 60);
            match Store::open(directory.path()) {
                Ok((store, loaded)) => {
                    assert_eq!((loaded.revision, mounts(&loaded)), (60, expected.clone()), "{number} at {at}");
                    check_journal(&store, 1, 60);
                }
                Err(error @ (StoreError::Damaged(..) | StoreError::Behind { .. } | StoreError::Newer(..))) => {
                    let told = error.to_string();
                    assert!(told.contains("standin.redb"), "{told}");
                    assert!(read(directory.path()) == damaged, "{number} at {at}: it was written to");
                    refused += 1;
                }
                Err(error) => panic!("{number} at {at}: {error}"),
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_store_that_is_missing_or_old_is_refused_and_the_message_says_what_to_remove() {
    let directory = Directory::new("old");
    let (mut random, mut expected) = (Random::new(2), Mounts::new());
    let (store, _) = Store::open(directory.path()).unwrap();
    make(&store, 0, 3, &mut expected, &mut random);
    let old = read(directory.path());
    make(&store, 3, 2, &mut expected, &mut random);
    drop(store);
    let refusal = || {
        until_ok(|| match Store::open(directory.path()) {
            Err(StoreError::InUse(path)) => Err(path),
            other => Ok(other.unwrap_err().to_string()),
        })
    };
    std::fs::write(store::path(directory.path()), old).unwrap();
    let told = refusal();
    assert!(told.contains("ends at revision 3, and revision 5 was acknowledged"), "{told}");
    let witness = witness::path(directory.path());
    assert!(told.contains(witness.to_str().unwrap()), "{told}");
    std::fs::remove_file(store::path(directory.path())).unwrap();
    assert!(refusal().contains("is missing, and revision 5 was acknowledged"));
    std::fs::write(&witness, "acknowledged").unwrap();
    assert!(refusal().contains(witness.to_str().unwrap()));
    std::fs::remove_file(&witness).unwrap();
    assert_eq!(Store::open(directory.path()).unwrap().1.revision, 0, "whoever was told to begin anew can");
}

/// A disk that stops after so many steps. What was not synchronised by then is
/// there or not, write by write.
#[derive(Debug)]
struct Disk(Mutex<Platter>);

#[derive(Debug)]
struct Platter {
    durable: Vec<u8>,
    now: Vec<u8>,
    pending: Vec<Step>,
    steps_left: usize,
    /// Then so many fail, and it works again.
    failures_left: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Length(u64),
    Write(u64, Vec<u8>),
}

impl Step {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
            Self::Write(offset, data) => {
                let at = usize::try_from(*offset).unwrap();
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[at..at + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Disk {
    fn new(bytes: Vec<u8>, steps_left: usize) -> Arc<Self> {
        let (durable, pending) = (bytes.clone(), Vec::new());
        Arc::new(Self(Mutex::new(Platter { durable, now: bytes, pending, steps_left, failures_left: usize::MAX })))
    }

    fn fail(&self, after: usize, times: usize) {
        let mut platter = self.0.lock().unwrap();
        (platter.steps_left, platter.failures_left) = (after, times);
    }

    fn step(&self, step: Option<Step>) -> Result<(), Error> {
        let mut platter = self.0.lock().unwrap();
        match platter.steps_left.checked_sub(1) {
            Some(left) => platter.steps_left = left,
            None if platter.failures_left > 0 => {
                platter.failures_left -= 1;
                return Err(Error::other("the disk has stopped"));
            }
            None => {}
        }
        match step {
            Some(step) => {
                step.apply(&mut platter.now);
                platter.pending.push(step);
            }
            None => {
                platter.durable = platter.now.clone();
                platter.pending.clear();
            }
        }
        Ok(())
    }

    /// What is found after the power has gone. Lengths are the file system's,
    /// and come in their order.
    fn found(&self, random: &mut Random) -> Vec<u8> {
        let platter = self.0.lock().unwrap();
        let mut found = platter.durable.clone();
        for step in &platter.pending {
            if matches!(step, Step::Length(_)) || random.below(2) == 0 {
                step.apply(&mut found);
            }
        }
        found
    }
}

#[derive(Debug)]
struct On(Arc<Disk>);

impl StorageBackend for On {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.0.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let platter = self.0.0.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        let there = platter.now.get(at..at + out.len()).ok_or_else(|| Error::other("past the end"))?;
        out.copy_from_slice(there);
        Ok(())
    }

    fn set_len(&self, length: u64) -> Result<(), Error> {
        self.0.step(Some(Step::Length(length)))
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.0.step(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.0.step(Some(Step::Write(offset, data.to_vec())))
    }
}

#[test]
fn a_disk_that_stops_at_any_step_of_a_commit_loses_nothing_acknowledged() {
    let directory = Directory::new("power");
    let (store, _) = Store::open(directory.path()).unwrap();
    let mut begun = Mounts::new();
    make(&store, 0, 10, &mut begun, &mut Random::new(3));
    drop(store);
    let bytes = read(directory.path());
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let disk = Disk::new(bytes.clone(), 5 + random.below(250));
        let Ok(opened) = Opened::on(On(Arc::clone(&disk))) else { continue };
        let elsewhere = Directory::new("power-witness");
        let witness = Witness::open(elsewhere.path(), 10).unwrap();
        let store = Store {
            opened,
            path: store::path(elsewhere.path()),
            witness,
            acknowledged: AtomicU64::new(10),
            keep: Keep { revisions_max: 15, ..Keep::default() },
        };
        let (mut mounts_now, mut acknowledged, mut states) = (begun.clone(), 10, vec![begun.clone()]);
        loop {
            let (write, entry) = change(acknowledged + 1, &mut mounts_now, &mut random, 2000);
            states.push(mounts_now.clone());
            if store.commit(acknowledged + 1, &[write], &[entry]).is_err() {
                break;
            }
            acknowledged += 1;
        }
        drop(store);
        let found = with_store("power-found", &disk.found(&mut random), acknowledged);
        let (store, loaded) = Store::open(found.path()).unwrap_or_else(|error| panic!("{seed}: {error}"));
        // The one that was on its way may have arrived.
        assert!((acknowledged..=acknowledged + 1).contains(&loaded.revision), "{seed}");
        let made = usize::try_from(loaded.revision - 10).unwrap();
        assert_eq!(mounts(&loaded), states[made], "{seed}");
        check_journal(&store, loaded.revision.saturating_sub(15) + 1, loaded.revision);
    }
}

/// A store on such a disk, with ten revisions.
fn on_disk(elsewhere: &Directory) -> (Arc<Disk>, Store, Loaded, Mounts) {
    let mut begun = Mounts::new();
    let (store, _) = Store::open(elsewhere.path()).unwrap();
    make(&store, 0, 10, &mut begun, &mut Random::new(7));
    drop(store);
    let path = store::path(elsewhere.path());
    let loaded = inspect(&path).unwrap();
    let disk = Disk::new(std::fs::read(&path).unwrap(), usize::MAX);
    let opened = Opened::on(On(Arc::clone(&disk))).unwrap();
    let witness = Witness::open(elsewhere.path(), 10).unwrap();
    let store = Store { opened, path, witness, acknowledged: AtomicU64::new(10), keep: Keep::default() };
    (disk, store, loaded, begun)
}

#[test]
fn a_disk_that_fails_for_a_moment_costs_no_more_than_the_changes_of_that_moment() {
    let elsewhere = Directory::new("moment");
    let (disk, store, _, mut expected) = on_disk(&elsewhere);
    let (mut random, mut revision) = (Random::new(8), 10);
    let (mut made, mut refused, mut unsettled, mut made_all_the_same) = (0, 0, 0, 0);
    for number in 0..240 {
        let mut after = expected.clone();
        let (write, entry) = change(revision + 1, &mut after, &mut random, 2000);
        disk.fail(number % 40, [1, 2, 4, 1000][number / 40 % 4]);
        let committed = store.commit(revision + 1, [&write], [&entry]);
        disk.fail(usize::MAX, 0);
        let is_made = match committed {
            Ok(()) => {
                made += 1;
                true
            }
            Err(StoreError::Unsettled(_)) => {
                unsettled += 1;
                let is_made = store.has_made(revision + 1).unwrap();
                made_all_the_same += u32::from(is_made);
                is_made
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains("re-open"), "{error}");
                false
            }
        };
        if is_made {
            revision += 1;
            expected = after;
        }
        check_journal(&store, 1, revision);
    }
    drop(store);
    let found = with_store("moment-found", &disk.found(&mut random), revision);
    let (store, loaded) = Store::open(found.path()).unwrap();
    assert_eq!((loaded.revision, mounts(&loaded)), (revision, expected));
    check_journal(&store, 1, revision);
    assert!(made > 20 && refused > 10 && unsettled > 10, "{made} {refused} {unsettled} {made_all_the_same}");
}

#[test]
fn changes_work_again_once_the_disk_does_and_what_was_stored_after_all_is_in_effect() {
    let elsewhere = Directory::new("again");
    let (disk, store, loaded, _) = on_disk(&elsewhere);
    let registry = Registry::over(store, loaded, vec![], testing_environment()).unwrap();
    let put = |number: u64| {
        let value =
            json!({"kind": "regular", "match": {"path": "/x"}, "address": format!("http://127.0.0.1:{number}/")});
        let change = Change::Put(Box::new(parse(&value, Id::OwnOr("x")).unwrap()), Ending::Finish);
        block_on(registry.change(Request { change, condition: Condition::None, origin: Origin::own("test") }))
    };
    let mut kept = 10;
    for number in 0..120 {
        disk.fail(number % 40, usize::MAX);
        let first = put(1000 + number as u64);
        let told =
            registry.history().read(&Range { mount: None, after: 0, until: 99, newest_first: true, count_max: 1 });
        if let Err(error) = told {
            assert!(error.to_string().contains("try again"), "{error}");
        }
        let second = put(2000 + number as u64);
        disk.fail(usize::MAX, 0);
        let third = put(3000 + number as u64).unwrap();
        kept += u64::from(first.is_ok()) + u64::from(second.is_ok()) + 1;
        // One that was said to be in doubt may have been made besides, and then
        // it is in the history as it is in the set.
        assert!((kept..=kept + 1).contains(&third.revision), "{number}: {} {kept}", third.revision);
        if third.revision > kept {
            assert!(matches!(first, Err(Refusal::Unsettled(_))) || matches!(second, Err(Refusal::Unsettled(_))));
        }
        kept = third.revision;
        assert_eq!(registry.snapshot().revision, kept);
        assert_eq!(
            registry.history().entry(kept).unwrap().unwrap().after["address"],
            format!("http://127.0.0.1:{}/", 3000 + number)
        );
    }
    let all = Range { mount: None, after: 0, until: kept, newest_first: false, count_max: 1000 };
    let history = registry.history().read(&all).unwrap().entries;
    assert_eq!(history.len() as u64, kept, "no revision is missing");
    for (before, after) in history.iter().zip(&history[1..]).filter(|(_, after)| &*after.mount == "x") {
        assert!(&*before.mount != "x" || before.after == after.before, "revision {}", after.revision);
    }
}

fn testing_environment() -> Environment {
    Environment {
        dialer: Dialer::new(OwnListeners::default()),
        timer: Timer::start().unwrap(),
        pseudonym: "test".into(),
        files: Files::default(),
        allows_open_proxy: false,
        passwords: Passwords::new().unwrap(),
        observer: Observing::default(),
        book: Arc::default(),
    }
}

/// A store with much in it once, and little now.
fn mostly_free(directory: &Directory) -> (Vec<u8>, u64, Mounts) {
    let (mut random, mut expected) = (Random::new(4), Mounts::new());
    let (mut store, _) = Store::open(directory.path()).unwrap();
    let large: Vec<_> = (1..=1500).map(|revision| change(revision, &mut expected, &mut random, 12_000)).collect();
    let (writes, entries): (Vec<_>, Vec<_>) = large.into_iter().unzip();
    store.commit(1500, &writes, &entries).unwrap();
    store.keep.revisions_max = 20;
    make(&store, 1500, 5, &mut expected, &mut random);
    let bytes = read(directory.path());
    (bytes, 1505, expected)
}

#[test]
fn a_store_that_is_mostly_free_is_made_smaller_when_it_is_opened() {
    let directory = Directory::new("compact");
    let (bytes, revision, expected) = mostly_free(&directory);
    assert!(bytes.len() as u64 > COMPACT_BYTES_MIN, "{}", bytes.len());
    let copy = with_store("compact-copy", &bytes, revision);
    let (store, loaded) = Store::open(copy.path()).unwrap();
    assert_eq!((loaded.revision, mounts(&loaded)), (revision, expected));
    check_journal(&store, revision - 19, revision);
    drop(store);
    let smaller = read(copy.path()).len();
    assert!(smaller * 4 < bytes.len(), "{} became {smaller}", bytes.len());
}

#[test]
fn a_disk_that_stops_while_a_store_is_made_smaller_loses_nothing() {
    let directory = Directory::new("compact-crash");
    let (bytes, revision, expected) = mostly_free(&directory);
    let mut stopped = 0;
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let disk = Disk::new(bytes.clone(), 10 + random.below(200));
        match Database::builder().create_with_backend(On(Arc::clone(&disk))) {
            Ok(mut database) => stopped += u32::from(database.compact().is_err()),
            Err(_) => stopped += 1,
        }
        let found = with_store("compact-found", &disk.found(&mut random), revision);
        let (store, loaded) = Store::open(found.path()).unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert_eq!((loaded.revision, mounts(&loaded)), (revision, expected.clone()), "{seed}");
        check_journal(&store, revision - 19, revision);
    }
    assert!(stopped > 5, "{stopped}");
}

#[test]
fn the_file_stops_growing_under_endless_edits() {
    let directory = Directory::new("endless");
    let (mut random, mut expected) = (Random::new(5), Mounts::new());
    let (mut store, _) = Store::open(directory.path()).unwrap();
    store.keep = Keep { revisions_max: 100, ..Keep::default() };
    let mut sizes = Vec::new();
    for batch in 0..200 {
        let edits: Vec<_> =
            (1..=50).map(|number| change(batch * 50 + number, &mut expected, &mut random, 2000)).collect();
        let (writes, entries): (Vec<_>, Vec<_>) = edits.into_iter().unzip();
        store.commit(batch * 50 + 50, &writes, &entries).unwrap();
        sizes.push(std::fs::metadata(store::path(directory.path())).unwrap().len());
    }
    let (early, late) = (sizes[..40].iter().max().unwrap(), sizes[40..].iter().max().unwrap());
    assert!(late <= early, "{early} bytes after 2000 edits, {late} after 10000");
}

#[test]
fn a_store_of_the_first_format_is_brought_up_to_date() {
    let directory = Directory::new("first-format");
    let mount = change(7, &mut Mounts::new(), &mut Random::new(6), 10).0;
    let Write::Put(mount) = mount else { panic!("a mount") };
    let stored = json!({
        "spec": mount.spec, "revision": 7, "created_at": mount.created_at, "updated_at": mount.updated_at,
    });
    let database = Database::create(store::path(directory.path())).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(META).unwrap().insert(FORMAT_KEY, 1).unwrap();
    write.open_table(META).unwrap().insert(REVISION_KEY, 7).unwrap();
    write.open_table(MOUNTS).unwrap().insert(&*mount.spec.id, stored.to_string().as_bytes()).unwrap();
    write.commit().unwrap();
    drop(database);
    for revision in 7..9 {
        let (store, loaded) = until_ok(|| Store::open(directory.path()));
        assert_eq!((loaded.revision, loaded.mounts.len()), (revision, 1));
        assert_eq!(store.journal().oldest().unwrap(), 8);
        make(&store, revision, 1, &mut mounts(&loaded), &mut Random::new(6));
        check_journal(&store, 8, revision + 1);
    }
}
