//! The last revision that was acknowledged, in a file beside the store.
//!
//! Owns that file. A store that lost its end can still look whole: as it was
//! some commits ago. Nobody but a witness can tell. It is written after the
//! store and before anybody is answered, so it never says too much.

use super::store::StoreError;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file's name in the data directory.
const FILE: &str = "standin.revision";

/// The file, open.
#[derive(Debug)]
pub struct Witness {
    file: File,
}

/// Where the witness of that data directory is.
#[must_use]
pub fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The revision that was acknowledged last; none where nobody has said so.
pub fn read(directory: &Path) -> Result<Option<u64>, StoreError> {
    let path = path(directory);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(error.into()),
    };
    let revision = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    match revision.filter(|revision| self::text(*revision) == text) {
        Some(revision) => Ok(Some(revision)),
        None => Err(StoreError::Witness(path)),
    }
}

/// The number twice, always as long: a write replaces all of it, and one of
/// them alone is not believed.
fn text(revision: u64) -> String {
    format!("acknowledged {revision:020} {revision:020}\n")
}

impl Witness {
    /// Opens the file of that directory, or makes one that knows of that
    /// revision.
    pub fn open(directory: &Path, revision: u64) -> io::Result<Self> {
        let path = path(directory);
        if !path.exists() {
            // Under another name first: half a file is no witness.
            let unfinished = path.with_extension("new");
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all_at(text(revision).as_bytes(), 0)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(directory)?.sync_all()?;
        }
        Ok(Self { file: OpenOptions::new().write(true).open(&path)? })
    }

    /// Says so durably. The text lies in one sector: it is there or it is not.
    pub fn write(&self, revision: u64) -> io::Result<()> {
        self.file.write_all_at(text(revision).as_bytes(), 0)?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    #[test]
    fn what_was_written_last_is_read() {
        let directory = Directory::new("witness");
        assert_eq!(read(directory.path()).unwrap(), None);
        let witness = Witness::open(directory.path(), 7).unwrap();
        assert_eq!(read(directory.path()).unwrap(), Some(7));
        witness.write(u64::MAX).unwrap();
        witness.write(8).unwrap();
        drop(witness);
        Witness::open(directory.path(), 1).unwrap();
        assert_eq!(read(directory.path()).unwrap(), Some(8), "one that is there is believed");
    }

    #[test]
    fn no_damage_makes_it_say_another_number() {
        let directory = Directory::new("false-witness");
        drop(Witness::open(directory.path(), 1234).unwrap());
        let whole = std::fs::read(path(directory.path())).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            for bytes in [&damaged, &whole[..at]] {
                std::fs::write(path(directory.path()), bytes).unwrap();
                assert!(matches!(read(directory.path()), Err(StoreError::Witness(_))), "{bytes:?}");
            }
        }
    }
}
