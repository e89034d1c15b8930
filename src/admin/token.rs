//! A bearer token: a random secret, and the first one's file in the data
//! directory, made at the first start.
//!
//! Owns also how files of secrets are read and written. Which tokens are let in
//! is `tokens`' business.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The file's name in the data directory.
pub const FILE: &str = "token";

const PREFIX: &str = "standin_";
const RANDOM_BYTES: usize = 32;
const FILE_BYTES_MAX: u64 = 4096;

/// A secret that is never shown by accident.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl Token {
    /// The token of a data directory; made if there is none yet.
    pub fn load_or_create(directory: &Path) -> io::Result<Self> {
        match Self::load(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::random()?;
                save(&directory.join(FILE), format!("{}\n", token.0).as_bytes())?;
                Ok(token)
            }
            loaded => loaded,
        }
    }

    /// The token of a data directory.
    pub fn load(directory: &Path) -> io::Result<Self> {
        let text = read_private(&directory.join(FILE), FILE_BYTES_MAX)?;
        let text = text.trim();
        if text.len() < RANDOM_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the token file holds fewer than {RANDOM_BYTES} characters; remove it to have a new one made"),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// A token from somewhere else.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// A new one, which says whose it is to who finds it in a place where it
    /// should not be.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(format!("{PREFIX}{}", hex(&bytes))))
    }

    /// The secret itself, for whoever must send or show it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Bytes as people write them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of a file that nobody else may read, or have read.
pub(super) fn read_private(path: &Path, bytes_max: u64) -> io::Result<String> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        let detail = format!("the file is open to others (mode {:03o}); chmod 600 it", mode & 0o777);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, detail));
    }
    let mut text = String::new();
    file.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the file has more than {bytes_max} bytes")));
    }
    Ok(text)
}

/// Why a file is not saved.
#[derive(Debug)]
pub(super) enum Unsaved {
    /// It is as it was.
    Unchanged(io::Error),
    /// It is changed, but a power cut may take that back.
    Volatile(io::Error),
}

impl From<io::Error> for Unsaved {
    fn from(error: io::Error) -> Self {
        Self::Unchanged(error)
    }
}

impl From<Unsaved> for io::Error {
    fn from(unsaved: Unsaved) -> Self {
        match unsaved {
            Unsaved::Unchanged(error) | Unsaved::Volatile(error) => error,
        }
    }
}

/// Puts a file that nobody else may read in place of the one there is: whole,
/// or not at all, and durably.
pub(super) fn save(path: &Path, content: &[u8]) -> Result<(), Unsaved> {
    let unfinished = path.with_extension("new");
    // Left by a process that ended in the middle.
    let _ = std::fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(directory) => File::open(directory).and_then(|directory| directory.sync_all()).map_err(Unsaved::Volatile),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    #[test]
    fn a_token_is_made_once_and_only_for_its_owner() {
        let directory = Directory::new("token");
        let made = Token::load_or_create(directory.path()).unwrap();
        let again = Token::load_or_create(directory.path()).unwrap();
        assert_eq!(made.reveal(), again.reveal());
        assert_eq!(made.reveal().len(), PREFIX.len() + 64);
        let path = directory.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Token::load(directory.path()).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_token_is_not_shown_by_accident() {
        assert!(!format!("{:?}", Token::new("secret".into())).contains("secret"));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let directory = Directory::new("save");
        let path = directory.path().join("file.json");
        std::fs::write(path.with_extension("new"), "of one that ended in the middle").unwrap();
        save(&path, b"one").unwrap();
        let before = File::open(&path).unwrap();
        save(&path, b"two").unwrap();
        assert_eq!(read_private(&path, 3).unwrap(), "two");
        assert_eq!(io::read_to_string(before).unwrap(), "one", "who has it open still has all of it");
        assert_eq!(read_private(&path, 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
