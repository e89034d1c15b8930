//! Mounts on disk: redb, one file in the data directory.
//!
//! Owns the file's format and its refusals: what is damaged, or written by a
//! newer version, or in use elsewhere is never opened for writing. A commit
//! that has returned survives the end of the process and of the machine, and a
//! store that has lost one is refused.

use super::history::Entry;
use super::inspection;
use super::journal::{self, Journal, Keep};
use super::opened::{MODE, Opened};
use super::witness::{self, Witness};
use crate::limits::STORE_CACHE_BYTES;
use crate::mount::MountSpec;
use crate::mount::spec::{Id, parse};
use crate::oplog;
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase, TableDefinition};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Borrow;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const MOUNTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("mounts");

pub(super) const FORMAT_KEY: &str = "format";
pub(super) const REVISION_KEY: &str = "revision";

/// What this version writes; a higher number is from a newer one.
pub(super) const FORMAT: u64 = 2;
/// The first one, which had no journal and no paused mounts. It is brought up
/// to date when it is opened.
pub(super) const FORMAT_WITHOUT_JOURNAL: u64 = 1;

/// The file's name in the data directory.
const FILE: &str = "standin.redb";

/// The store, open.
#[derive(Debug)]
pub struct Store {
    pub(super) opened: Opened,
    pub(super) path: PathBuf,
    pub(super) witness: Witness,
    /// The last revision that was acknowledged.
    pub(super) acknowledged: AtomicU64,
    pub(super) keep: Keep,
}

/// A mount as it is stored.
#[derive(Debug, Clone, Serialize)]
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
    /// More than half of the file is room that nothing uses.
    pub is_mostly_free: bool,
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
    /// It is whole, but not what it was when this revision was acknowledged.
    Behind {
        /// The store.
        path: PathBuf,
        /// Where it ends; none where there is no store at all.
        found: Option<u64>,
        /// Where it should.
        acknowledged: u64,
    },
    /// What says which revision that was is damaged.
    Witness(PathBuf),
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
    /// It has failed before, and could not be opened again yet.
    Closed(String),
    /// A commit failed, and nobody can tell yet whether it was made all the same.
    Unsettled(String),
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
                "{} is damaged ({what}); it was left as it is. Put back a copy of the data directory; or move this \
                 file and {} away, start with no mounts, and send what 'standin export' has kept to 'standin import'. \
                 docs/journal.md says more",
                path.display(),
                beside(path).display()
            ),
            Self::Behind { path, found: Some(found), acknowledged } => write!(
                formatter,
                "{} ends at revision {found}, and revision {acknowledged} was acknowledged: it is damaged, or an old \
                 copy. It was left as it is. Put back a newer copy; or remove {} to go on from revision {found}, \
                 without the changes since. docs/journal.md says more",
                path.display(),
                beside(path).display()
            ),
            Self::Behind { path, found: None, acknowledged } => write!(
                formatter,
                "{} is missing, and revision {acknowledged} was acknowledged. Put it back; or remove {} to begin anew, \
                 with no mounts. docs/journal.md says more",
                path.display(),
                beside(path).display()
            ),
            Self::Witness(path) => write!(
                formatter,
                "{} is damaged, so nobody can tell whether the store beside it has lost its last changes. If you know \
                 that it has not, remove this file and start again. docs/journal.md says more",
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
            Self::Transaction(error) => match &**error {
                // It is opened again before it is used next.
                redb::Error::PreviousIo => formatter.write_str("its disk has just failed; try again"),
                error => write!(formatter, "{error}"),
            },
            Self::Closed(why) => {
                write!(formatter, "its disk has failed, and it cannot be used again yet ({why}); try again later")
            }
            Self::Unsettled(why) => formatter.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Where the store of that data directory is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The witness of that store.
fn beside(path: &Path) -> PathBuf {
    witness::path(path.parent().unwrap_or(Path::new("")))
}

fn transaction(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Transaction(Box::new(error.into()))
}

impl Store {
    /// Opens the store of a data directory, or makes one, and reads it all.
    /// One record that cannot be read is a damaged store.
    pub fn open(directory: &Path) -> Result<(Self, Loaded), StoreError> {
        let path = path(directory);
        let acknowledged = witness::read(directory)?.unwrap_or(0);
        let behind = |found| Err(StoreError::Behind { path: path.clone(), found, acknowledged });
        if !path.exists() {
            if acknowledged > 0 {
                return behind(None);
            }
            create(directory, &path)?;
        }
        let loaded = inspection::inspect(&path)?;
        if loaded.revision < acknowledged {
            return behind(Some(loaded.revision));
        }
        let opened = Opened::open(&path)?;
        if loaded.is_mostly_free
            && let Err(error) = opened.compact()
        {
            // It takes room that the disk may not have, and is as good as it was.
            oplog::error(format_args!("{} could not be made smaller: {error}", path.display()));
        }
        opened.with(bring_up_to_date)?;
        let witness = Witness::open(directory, loaded.revision)?;
        let acknowledged = AtomicU64::new(loaded.revision);
        Ok((Self { opened, path, witness, acknowledged, keep: Keep::default() }, loaded))
    }

    /// What it remembers of each revision.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::new(self.opened.clone())
    }

    /// Makes all writes and what is remembered of them durable, or none. After
    /// [`StoreError::Unsettled`] nothing more may be committed before
    /// [`Store::has_made`] has told which.
    pub(super) fn commit<M: Serialize>(
        &self,
        revision: u64,
        writes: impl IntoIterator<Item: Borrow<Write>>,
        entries: impl IntoIterator<Item: Borrow<Entry<M>>>,
    ) -> Result<(), StoreError> {
        self.check()?;
        let commit = |database: &Database| self.try_commit(database, revision, writes, entries);
        let committed = catch_unwind(AssertUnwindSafe(|| self.opened.with(commit)));
        match committed.unwrap_or_else(|_| Err(StoreError::Unsettled("a mistake of ours".into()))) {
            Ok(()) => {
                self.acknowledge(revision);
                Ok(())
            }
            // It was not even tried.
            Err(error @ StoreError::Closed(_)) => Err(error),
            Err(error) => match self.has_made(revision) {
                Ok(true) => {
                    oplog::warn(format_args!("revision {revision} is stored, after this: {error}"));
                    Ok(())
                }
                Ok(false) => Err(error),
                Err(_) => Err(StoreError::Unsettled(error.to_string())),
            },
        }
    }

    /// True if the commit that failed, of that revision, was made all the same.
    /// An error says that nobody can tell yet.
    pub(super) fn has_made(&self, revision: u64) -> Result<bool, StoreError> {
        self.opened.distrust();
        let is_made = self.opened.with(revision_of)? == revision;
        if is_made {
            self.acknowledge(revision);
        }
        Ok(is_made)
    }

    /// The disk may have lost something since: on what is not what everybody
    /// was told nothing is built.
    fn check(&self) -> Result<(), StoreError> {
        let (found, acknowledged) = (self.opened.with(revision_of)?, self.acknowledged.load(Ordering::Acquire));
        let path = self.path.clone();
        match found {
            found if found == acknowledged => Ok(()),
            found if found < acknowledged => Err(StoreError::Behind { path, found: Some(found), acknowledged }),
            found => Err(StoreError::Damaged(path, format!("it ends at revision {found}, not {acknowledged}"))),
        }
    }

    fn acknowledge(&self, revision: u64) {
        self.acknowledged.store(revision, Ordering::Release);
        if let Err(error) = self.witness.write(revision) {
            // The change is made and durable all the same; only its loss would
            // not be noticed.
            oplog::error(format_args!("the last revision could not be written down beside the store: {error}"));
        }
    }

    fn try_commit<M: Serialize>(
        &self,
        database: &Database,
        revision: u64,
        writes: impl IntoIterator<Item: Borrow<Write>>,
        entries: impl IntoIterator<Item: Borrow<Entry<M>>>,
    ) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        {
            let mut mounts = transaction.open_table(MOUNTS)?;
            for write in writes {
                match write.borrow() {
                    Write::Put(mount) => drop(mounts.insert(mount.spec.id.as_str(), &*encode(mount)?)?),
                    Write::Delete(id) => drop(mounts.remove(id.as_str())?),
                }
            }
            let mut meta = transaction.open_table(META)?;
            meta.insert(REVISION_KEY, revision)?;
            journal::remember(&transaction, &mut meta, entries, self.keep)?;
        }
        // The default durability: on disk when this returns.
        transaction.commit()?;
        Ok(())
    }
}

fn revision_of(database: &Database) -> Result<u64, redb::Error> {
    Ok(database.begin_read()?.open_table(META)?.get(REVISION_KEY)?.map_or(0, |revision| revision.value()))
}

fn bring_up_to_date(database: &Database) -> Result<(), redb::Error> {
    let format = database.begin_read()?.open_table(META)?.get(FORMAT_KEY)?.map(|format| format.value());
    if format != Some(FORMAT) {
        let transaction = database.begin_write()?;
        transaction.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
        journal::create(&transaction)?;
        transaction.commit()?;
    }
    Ok(())
}

/// How the file is opened: without the gibibyte of cache that is the default,
/// since all that is read again is in memory already.
pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(STORE_CACHE_BYTES);
    builder
}

/// Makes an empty store under another name and moves it into place whole, so
/// that an empty or half-made file never means "no mounts".
fn create(directory: &Path, path: &Path) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&unfinished)?;
    let database = builder().create_with_backend(FileBackend::new(file).map_err(transaction)?).map_err(transaction)?;
    let write = database.begin_write().map_err(transaction)?;
    write.open_table(META).map_err(transaction)?.insert(FORMAT_KEY, FORMAT).map_err(transaction)?;
    write.open_table(MOUNTS).map_err(transaction)?;
    journal::create(&write).map_err(transaction)?;
    write.commit().map_err(transaction)?;
    drop(database);
    std::fs::rename(&unfinished, path)?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn encode(mount: &StoredMount) -> Result<Vec<u8>, redb::Error> {
    Ok(serde_json::to_vec(mount).map_err(io::Error::from)?)
}

pub(super) fn decode(id: &str, bytes: &[u8]) -> Result<StoredMount, String> {
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
    use serde_json::json;

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
        store.commit(7, &writes, [] as [Entry; 0]).unwrap();
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
        store.commit(8, [Write::Delete("m00001".into())], [] as [Entry; 0]).unwrap();
        drop(store);
        let (_, loaded) = Store::open(directory.path()).unwrap();
        assert_eq!(loaded.revision, 8);
        assert_eq!(loaded.mounts.iter().map(|mount| mount.spec.id.as_str()).collect::<Vec<_>>(), ["m00000", "m00002"]);
        assert_eq!(loaded.mounts[0].spec, stored("m00000").spec);
    }

    #[test]
    fn only_its_user_can_read_what_is_stored() {
        use std::os::unix::fs::PermissionsExt;
        let directory = Directory::new("private");
        let path = filled(&directory, 1);
        let modes = || {
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            (mode(&path), mode(&beside(&path)))
        };
        assert_eq!(modes(), (0o600, 0o600));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Store::open(directory.path()).unwrap();
        assert_eq!(modes(), (0o600, 0o600), "one of an older version is closed to others");
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
