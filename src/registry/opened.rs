//! The store's file, and what redb has made of it.
//!
//! Owns the file, its lock, and opening the database anew. After one error of
//! the disk redb takes nothing more from a database that is open, and a disk
//! that was full may have room again a moment later. The lock belongs to the
//! file, which stays open: nobody else comes in between.

use super::store::{StoreError, builder};
use crate::oplog;
use redb::backends::FileBackend;
use redb::{Database, Error, StorageBackend};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Who may read what the mounts hold, credentials among it: this user.
pub(super) const MODE: u32 = 0o600;

/// A database that is opened anew when it has failed. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Opened(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Shared,
    /// None while it cannot be opened again. Whoever uses it only reads this:
    /// nobody waits, except while it is opened anew.
    database: RwLock<Option<Database>>,
    /// It is to be opened anew before it is used again.
    has_failed: AtomicBool,
}

impl Opened {
    /// Opens that file, which must be a store, for this process alone.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.into())),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        if let Err(error) = keep_private(&file) {
            oplog::warn(format_args!("{} may be read by other users: {error}", path.display()));
        }
        let damaged = |what: String| StoreError::Damaged(path.into(), what);
        let backend = FileBackend::new(file).map_err(|error| damaged(error.to_string()))?;
        Self::on(backend).map_err(|error| damaged(error.to_string()))
    }

    /// Opens what is there.
    pub fn on(backend: impl StorageBackend) -> Result<Self, StoreError> {
        let file = Shared(Arc::new(backend));
        let database = file.database()?;
        let inner = Inner { file, database: RwLock::new(Some(database)), has_failed: AtomicBool::new(false) };
        Ok(Self(Arc::new(inner)))
    }

    /// Uses the database, which is opened anew first where it has failed.
    /// [`StoreError::Closed`] says that it was not used.
    pub fn with<T>(&self, used: impl FnOnce(&Database) -> Result<T, Error>) -> Result<T, StoreError> {
        self.heal()?;
        let database = self.0.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &*database else { return Err(StoreError::Closed("it is being opened anew".into())) };
        used(database).map_err(|error| {
            if matches!(error, Error::Io(_) | Error::PreviousIo | Error::TransactionPoisoned) {
                self.distrust();
            }
            StoreError::Transaction(Box::new(error))
        })
    }

    /// Makes the file smaller; it is as good as it was if that fails.
    pub fn compact(&self) -> Result<(), Error> {
        let mut database = self.0.database.write().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &mut *database else { return Ok(()) };
        database.compact().map(drop).map_err(|error| {
            self.distrust();
            error.into()
        })
    }

    /// Has it opened anew before it is used again.
    pub fn distrust(&self) {
        self.0.has_failed.store(true, Ordering::Release);
    }

    fn heal(&self) -> Result<(), StoreError> {
        if !self.0.has_failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut database = self.0.database.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if self.0.has_failed.load(Ordering::Acquire) {
            // What redb cannot go on with it leaves sometimes by a panic.
            let opened = catch_unwind(AssertUnwindSafe(|| {
                *database = None;
                self.0.file.database()
            }));
            *database =
                Some(opened.unwrap_or_else(|_| Err(StoreError::Closed("its pages do not fit together".into())))?);
            self.0.has_failed.store(false, Ordering::Release);
        }
        Ok(())
    }
}

fn keep_private(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o777 & !MODE != 0 { file.set_permissions(Permissions::from_mode(MODE)) } else { Ok(()) }
}

/// The file of one database after the other. None of them closes it, and it
/// has been locked before.
#[derive(Debug, Clone)]
struct Shared(Arc<dyn StorageBackend>);

impl Shared {
    fn database(&self) -> Result<Database, StoreError> {
        // Of nothing redb would make a new database, and nobody asked for one.
        let closed = |error: String| StoreError::Closed(error);
        if self.0.len().map_err(|error| closed(error.to_string()))? == 0 {
            return Err(closed("it is empty".into()));
        }
        builder().create_with_backend(self.clone()).map_err(|error| closed(error.to_string()))
    }
}

impl StorageBackend for Shared {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
}
