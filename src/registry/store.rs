//! Mounts on disk: redb, one file in the data directory.
//!
//! Owns the file's format and its refusals: what is damaged, or written by a
//! newer version, or in use elsewhere is never opened for writing. A commit
//! that has returned survives the end of the process and of the machine.

use crate::mount::MountSpec;
use crate::mount::spec::{Id, parse};
use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::{Value, json};
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::history::Entry;
use super::overlay::Overlay;
use crate::limits::{HISTORY_REVISIONS_MAX, STORE_CACHE_BYTES};

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const MOUNTS: TableDefinition<&str, &[u8]> = TableDefinition::new("mounts");
/// What each revision did.
const HISTORY: TableDefinition<u64, &[u8]> = TableDefinition::new("history");

const FORMAT_KEY: &str = "format";
const REVISION_KEY: &str = "revision";

/// What this version writes; a higher number is from a newer one.
const FORMAT: u64 = 2;
/// The first one, which had no history and no paused mounts. It is brought up
/// to date when it is opened.
const FORMAT_WITHOUT_HISTORY: u64 = 1;

/// The file's name in the data directory.
const FILE: &str = "standin.redb";

/// The store, open.
#[derive(Debug)]
pub struct Store {
    database: Database,
}

/// A mount as it is stored.
#[derive(Debug, Clone)]
pub struct StoredMount {
    /// What it is.
    pub spec: MountSpec,
    /// It holds its requests.
    pub paused: bool,
    /// The revision that made it so.
    pub revision: u64,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// All that is stored.
#[derive(Debug)]
pub struct Loaded {
    /// The last revision.
    pub revision: u64,
    /// By id.
    pub mounts: Vec<StoredMount>,
}

/// One write of a commit.
#[derive(Debug)]
pub enum Write {
    /// This mount, new or changed.
    Put(Box<StoredMount>),
    /// No mount of that id.
    Delete(String),
}

/// Why the store cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// Another process has it open.
    InUse(PathBuf),
    /// It is not what this program writes.
    Damaged(PathBuf, String),
    /// A newer version has written it.
    Newer(PathBuf, u64),
    /// A mount of the command line and a stored one exclude each other.
    Conflict(String),
    /// A mount may not be served as the settings are.
    Refused(String),
    /// The file system said no.
    Io(io::Error),
    /// A transaction failed.
    Transaction(Box<redb::Error>),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                formatter,
                "{} is in use by another standin; stop that one or choose another --data-dir",
                path.display()
            ),
            Self::Damaged(path, what) => write!(
                formatter,
                "{} is damaged ({what}); it was left as it is. Restore it from a copy, or move it away to begin anew",
                path.display()
            ),
            Self::Newer(path, format) => write!(
                formatter,
                "{} has format {format}, written by a newer standin; this one knows up to {FORMAT}. It was left as it is: use the newer standin, or another --data-dir",
                path.display()
            ),
            Self::Conflict(detail) => {
                write!(formatter, "a mount of the command line clashes with a stored one: {detail}")
            }
            Self::Refused(detail) => formatter.write_str(detail),
            Self::Io(error) => write!(formatter, "the data directory cannot be used: {error}"),
            Self::Transaction(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn transaction(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Transaction(Box::new(error.into()))
}

impl Store {
    /// Opens the store of a data directory, or makes one, and reads it all.
    /// One record that cannot be read is a damaged store.
    pub fn open(directory: &Path) -> Result<(Self, Loaded), StoreError> {
        let path = directory.join(FILE);
        if !path.exists() {
            create(directory, &path)?;
        }
        let loaded = inspect(&path)?;
        match builder().open(&path) {
            Ok(database) => {
                let store = Self { database };
                store.bring_up_to_date().map_err(|error| StoreError::Transaction(Box::new(error)))?;
                Ok((store, loaded))
            }
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse(path)),
            Err(error) => Err(StoreError::Damaged(path, error.to_string())),
        }
    }

    fn bring_up_to_date(&self) -> Result<(), redb::Error> {
        let format = self.database.begin_read()?.open_table(META)?.get(FORMAT_KEY)?.map(|format| format.value());
        if format != Some(FORMAT) {
            let transaction = self.database.begin_write()?;
            transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
            transaction.open_table(HISTORY)?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// Makes all writes and what is remembered of them durable, or none.
    pub fn commit(&self, revision: u64, writes: &[Write], entries: &[Entry]) -> Result<(), StoreError> {
        self.try_commit(revision, writes, entries).map_err(|error| StoreError::Transaction(Box::new(error)))
    }

    fn try_commit(&self, revision: u64, writes: &[Write], entries: &[Entry]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut mounts = transaction.open_table(MOUNTS)?;
            for write in writes {
                match write {
                    Write::Put(mount) => drop(mounts.insert(mount.spec.id.as_str(), encode(mount).as_slice())?),
                    Write::Delete(id) => drop(mounts.remove(id.as_str())?),
                }
            }
            let mut history = transaction.open_table(HISTORY)?;
            for entry in entries {
                history.insert(entry.revision, entry.to_json().to_string().as_bytes())?;
            }
            // What is too old goes as what is new comes.
            while history.first()?.is_some_and(|(oldest, _)| oldest.value() + HISTORY_REVISIONS_MAX <= revision) {
                history.pop_first()?;
            }
            transaction.open_table(META)?.insert(REVISION_KEY, revision)?;
        }
        // The default durability: on disk when this returns.
        transaction.commit()?;
        Ok(())
    }
}

/// Reads the whole file below an overlay. redb repairs what it opens and writes
/// at every opening; a file that we refuse must stay as it was.
fn inspect(path: &Path) -> Result<Loaded, StoreError> {
    let file = File::open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.into())),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let damaged = |what: String| StoreError::Damaged(path.into(), what);
    if file.metadata()?.len() == 0 {
        return Err(damaged("it is empty".into()));
    }
    // What redb cannot read it refuses, sometimes by a panic.
    match catch_unwind(AssertUnwindSafe(|| read(Overlay::of(file)?))) {
        Ok(Ok(Found::Whole(loaded))) => Ok(loaded),
        Ok(Ok(Found::Newer(format))) => Err(StoreError::Newer(path.into(), format)),
        Ok(Ok(Found::Damaged(what))) => Err(damaged(what)),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its pages do not fit together".into())),
    }
}

/// How the file is opened: without the gibibyte of cache that is the default,
/// since all that is read again is in memory already.
fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(STORE_CACHE_BYTES);
    builder
}

/// What the file turned out to be.
enum Found {
    Whole(Loaded),
    Newer(u64),
    Damaged(String),
}

fn read(file: Overlay) -> Result<Found, redb::Error> {
    let mut database = builder().create_with_backend(file)?;
    if !database.check_integrity()? {
        return Ok(Found::Damaged("its checksums do not fit".into()));
    }
    let read = database.begin_read()?;
    let meta = read.open_table(META)?;
    match meta.get(FORMAT_KEY)?.map(|format| format.value()) {
        Some(FORMAT | FORMAT_WITHOUT_HISTORY) => {}
        Some(newer) => return Ok(Found::Newer(newer)),
        None => return Ok(Found::Damaged("it has no format number".into())),
    }
    let revision = meta.get(REVISION_KEY)?.map_or(0, |revision| revision.value());
    let mut mounts = Vec::new();
    for entry in read.open_table(MOUNTS)?.iter()? {
        let (id, value) = entry?;
        match decode(id.value(), value.value()) {
            Ok(mount) => mounts.push(mount),
            Err(what) => return Ok(Found::Damaged(format!("mount '{}': {what}", id.value()))),
        }
    }
    Ok(Found::Whole(Loaded { revision, mounts }))
}

/// Makes an empty store under another name and moves it into place whole, so
/// that an empty or half-made file never means "no mounts".
fn create(directory: &Path, path: &Path) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let database = builder().create(&unfinished).map_err(transaction)?;
    let write = database.begin_write().map_err(transaction)?;
    write.open_table(META).map_err(transaction)?.insert(FORMAT_KEY, FORMAT).map_err(transaction)?;
    write.open_table(MOUNTS).map_err(transaction)?;
    write.open_table(HISTORY).map_err(transaction)?;
    write.commit().map_err(transaction)?;
    drop(database);
    std::fs::rename(&unfinished, path)?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn encode(mount: &StoredMount) -> Vec<u8> {
    json!({
        "spec": mount.spec,
        "paused": mount.paused,
        "revision": mount.revision,
        "created_at": mount.created_at,
        "updated_at": mount.updated_at,
    })
    .to_string()
    .into_bytes()
}

fn decode(id: &str, bytes: &[u8]) -> Result<StoredMount, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let spec = parse(&value["spec"], Id::Given(id)).map_err(|faults| {
        faults.first().map_or_else(String::new, |fault| format!("{} {}", fault.pointer, fault.detail))
    })?;
    let text = |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name} is missing"));
    Ok(StoredMount {
        spec,
        paused: value["paused"] == true,
        revision: value["revision"].as_u64().ok_or("revision is missing")?,
        created_at: text("created_at")?,
        updated_at: text("updated_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    fn stored(id: &str) -> StoredMount {
        let value = json!({"kind": "regular", "match": {"path": format!("/{id}")}, "address": "http://127.0.0.1:9/"});
        StoredMount {
            spec: parse(&value, Id::OwnOr(id)).unwrap(),
            paused: false,
            revision: 7,
            created_at: "2026-01-01T00:00:00.000Z".into(),
            updated_at: "2026-01-02T00:00:00.000Z".into(),
        }
    }

    fn filled(directory: &Directory, mounts: usize) -> PathBuf {
        let (store, _) = Store::open(directory.path()).unwrap();
        let writes: Vec<_> = (0..mounts).map(|number| Write::Put(Box::new(stored(&format!("m{number:05}"))))).collect();
        store.commit(7, &writes, &[]).unwrap();
        directory.path().join(FILE)
    }

    fn refusal(directory: &Directory) -> StoreError {
        match Store::open(directory.path()) {
            Err(error) => error,
            Ok(_) => panic!("a damaged store was opened"),
        }
    }

    #[test]
    fn what_is_committed_is_read_again() {
        let directory = Directory::new("store");
        filled(&directory, 3);
        let (store, _) = Store::open(directory.path()).unwrap();
        store.commit(8, &[Write::Delete("m00001".into())], &[]).unwrap();
        drop(store);
        let (_, loaded) = Store::open(directory.path()).unwrap();
        assert_eq!(loaded.revision, 8);
        assert_eq!(loaded.mounts.iter().map(|mount| mount.spec.id.as_str()).collect::<Vec<_>>(), ["m00000", "m00002"]);
        assert_eq!(loaded.mounts[0].spec, stored("m00000").spec);
    }

    #[test]
    fn a_store_in_use_is_refused() {
        let directory = Directory::new("in-use");
        let _open = Store::open(directory.path()).unwrap();
        assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse(_))));
    }

    #[test]
    fn a_newer_store_is_refused_and_left_as_it_is() {
        let directory = Directory::new("newer");
        let path = filled(&directory, 1);
        let database = Database::open(&path).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(META).unwrap().insert(FORMAT_KEY, FORMAT + 1).unwrap();
        write.commit().unwrap();
        drop(database);
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(refusal(&directory), StoreError::Newer(_, 3)));
        assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    }

    #[test]
    fn a_damaged_store_is_refused_and_left_as_it_is() {
        let directory = Directory::new("damaged");
        let path = filled(&directory, 500);
        let whole = std::fs::read(&path).unwrap();
        let mut zeroed = whole.clone();
        zeroed[4096..].fill(0);
        let mut magic = whole.clone();
        magic[..16].fill(b'x');
        let mut json = whole.clone();
        let at = whole.windows(10).position(|window| window == b"created_at").unwrap();
        json[at..at + 10].copy_from_slice(b"\0reated_at");
        let mut flipped = whole.clone();
        flipped[at + 20] ^= 1;
        for (name, bytes) in [
            ("empty", vec![]),
            ("text", b"hello".to_vec()),
            ("cut short", whole[..whole.len() / 2].to_vec()),
            ("cut to a page", whole[..4096].to_vec()),
            ("zeroed", zeroed),
            ("wrong magic", magic),
            ("a broken record", json),
            ("one flipped bit", flipped),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let error = refusal(&directory);
            assert!(matches!(error, StoreError::Damaged(..)), "{name}: {error}");
            assert!(std::fs::read(&path).unwrap() == bytes, "{name}: the file was changed");
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(Store::open(directory.path()).unwrap().1.mounts.len(), 500);
    }
}
