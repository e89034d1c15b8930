//! Whether a store may be used: read to its end before it is opened.
//!
//! Owns the reading below an overlay, and what is said of one that is damaged.

use super::journal;
use super::overlay::Overlay;
use super::store::{
    FORMAT, FORMAT_KEY, FORMAT_WITHOUT_JOURNAL, Loaded, META, MOUNTS, REVISION_KEY, StoreError, builder, decode,
};
use crate::limits::COMPACT_BYTES_MIN;
use redb::{ReadableDatabase, ReadableTable};
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Reads the whole file below an overlay. redb repairs what it opens and writes
/// at every opening; a file that we refuse must stay as it was.
pub(super) fn inspect(path: &Path) -> Result<Loaded, StoreError> {
    let file = File::open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.into())),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let len = file.metadata()?.len();
    let damaged = |what: String| StoreError::Damaged(path.into(), what);
    if len == 0 {
        return Err(damaged("it is empty".into()));
    }
    // What redb cannot read it refuses, sometimes by a panic.
    match catch_unwind(AssertUnwindSafe(|| read(Overlay::of(file)?, len))) {
        Ok(Ok(Found::Whole(loaded))) => Ok(loaded),
        Ok(Ok(Found::Newer(format))) => Err(StoreError::Newer(path.into(), format)),
        Ok(Ok(Found::Damaged(what))) => Err(damaged(what)),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its pages do not fit together".into())),
    }
}

/// What the file turned out to be.
enum Found {
    Whole(Loaded),
    Newer(u64),
    Damaged(String),
}

fn read(file: Overlay, len: u64) -> Result<Found, redb::Error> {
    let mut database = builder().create_with_backend(file)?;
    if !database.check_integrity()? {
        return Ok(Found::Damaged("its checksums do not fit".into()));
    }
    let read = database.begin_read()?;
    let meta = read.open_table(META)?;
    let format = meta.get(FORMAT_KEY)?.map(|format| format.value());
    match format {
        Some(FORMAT | FORMAT_WITHOUT_JOURNAL) => {}
        Some(newer) => return Ok(Found::Newer(newer)),
        None => return Ok(Found::Damaged("it has no format number".into())),
    }
    let revision = meta.get(REVISION_KEY)?.map_or(0, |revision| revision.value());
    if format == Some(FORMAT)
        && let Err(what) = journal::inspect(&read, revision)?
    {
        return Ok(Found::Damaged(what));
    }
    let mut mounts = Vec::new();
    for entry in read.open_table(MOUNTS)?.iter()? {
        let (id, value) = entry?;
        match decode(id.value(), value.value()) {
            Ok(mount) if mount.revision <= revision => mounts.push(mount),
            Ok(mount) => {
                return Ok(Found::Damaged(format!(
                    "mount '{}' is of revision {}, after the last",
                    id.value(),
                    mount.revision
                )));
            }
            Err(what) => return Ok(Found::Damaged(format!("mount '{}': {what}", id.value()))),
        }
    }
    let used = database.begin_write()?.stats()?;
    let used = used.allocated_pages().saturating_mul(used.page_size() as u64);
    let is_mostly_free = len > COMPACT_BYTES_MIN && used.saturating_mul(2) < len;
    Ok(Found::Whole(Loaded { revision, mounts, is_mostly_free }))
}
