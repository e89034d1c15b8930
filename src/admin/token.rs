//! The bearer token: made at the first start, kept in the data directory.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use subtle::ConstantTimeEq;

/// The file's name in the data directory.
pub const FILE: &str = "token";

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
        let path = directory.join(FILE);
        match Self::load(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::random()?;
                // Whole or not at all: under another name first.
                let unfinished = path.with_extension("new");
                let _ = std::fs::remove_file(&unfinished);
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
                writeln!(file, "{}", token.0)?;
                file.sync_all()?;
                std::fs::rename(&unfinished, &path)?;
                Ok(token)
            }
            loaded => loaded,
        }
    }

    /// The token of a data directory.
    pub fn load(directory: &Path) -> io::Result<Self> {
        let file = File::open(directory.join(FILE))?;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            let detail = format!("the token file is readable by others (mode {:03o}); chmod 600 it", mode & 0o777);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, detail));
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
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

    fn random() -> io::Result<Self> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Compares in a time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }

    /// The secret itself, for whoever must send or show it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
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
        assert_eq!(made.reveal().len(), 64);
        let path = directory.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Token::load(directory.path()).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = Token::new("secret-secret-secret-secret-secret".into());
        assert!(token.matches(b"secret-secret-secret-secret-secret"));
        assert!(!token.matches(b"secret-secret-secret-secret-secre"));
        assert!(!token.matches(b""));
        assert!(!format!("{token:?}").contains("secret"));
    }
}
