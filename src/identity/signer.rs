//! Signing requests at the time they are sent.
//!
//! Owns the clock and the chance that a signature needs. `upstream` asks for
//! one at every attempt, so that no two ever have the same.

use super::keys::{Keys, is_open_to_others};
use crate::error::{Error, Kind};
use crate::files::{self, Content, Files, Watched};
use crate::message::Fields;
use crate::oplog;
use crate::policy::signature::{self, Message, Parameters, Signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How one mount's requests are signed.
#[derive(Debug)]
pub struct Signer {
    keys: Arc<Watched<Keys>>,
    terms: Terms,
}

/// What a mount says about it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Which key of the file.
    pub key_id: String,
    /// How long a signature may be believed.
    pub expires: Duration,
    /// What for.
    pub tag: String,
    /// The fields that are covered where they are there, in lower case.
    pub names: Vec<Box<str>>,
    /// The port that goes without saying in `Host`.
    pub default_port: u16,
}

/// Bytes of chance in each signature.
const NONCE_BYTES: usize = 16;

impl Signer {
    /// With the keys of that file, now or as soon as it can be read.
    #[must_use]
    pub fn open(path: &Path, terms: Terms, files: &Files) -> Self {
        let signer = Self { keys: files.open(path, Keys::parse), terms };
        if let Err(error) = find(&signer.keys.current(), path, &signer.terms.key_id) {
            oplog::error(format_args!("{error}; requests that it should sign are refused"));
        } else if is_open_to_others(path) {
            oplog::warn(format_args!("{}: others than its owner may read it; chmod 600", path.display()));
        }
        signer
    }

    /// The fields that are covered where they are there, in lower case.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.terms.names
    }

    /// Signs a request that is sent now: its method, `Host`, target and fields.
    pub fn sign(&self, method: &[u8], host: &[u8], target: [&[u8]; 2], fields: &Fields) -> Result<Signature, Error> {
        let keys = self.keys.current();
        let key = find(&keys, self.keys.path(), &self.terms.key_id);
        let key = key.map_err(|error| Error::new(Kind::IdentityFile, error))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| Error::new(Kind::Internal, error))?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| Error::new(Kind::Internal, error))?;
        let parameters = Parameters {
            created: now.as_secs(),
            expires: now.saturating_add(self.terms.expires).as_secs(),
            nonce: &URL_SAFE_NO_PAD.encode(nonce),
            key_id: &self.terms.key_id,
            tag: &self.terms.tag,
        };
        let message = Message { method, host, default_port: self.terms.default_port, target, fields };
        let signed = signature::sign(&message, &self.terms.names, &parameters, key);
        signed.ok_or_else(|| Error::new(Kind::Internal, "a covered field is no plain text"))
    }
}

/// The key of that name; the error says what to do.
fn find<'a>(keys: &'a Content<Keys>, path: &Path, id: &str) -> Result<&'a hmac::Key, String> {
    let keys = keys.as_ref().map_err(Clone::clone)?;
    keys.get(id).ok_or_else(|| format!("{}: has no key '{id}'; add it there, or name another one", path.display()))
}

/// Reads that file once, and looks for the key.
pub fn check(path: &Path, key_id: &str) -> Result<(), KeyFault> {
    let keys = files::read(path, Keys::parse).map_err(KeyFault::File)?;
    find(&Ok(Arc::new(keys)), path, key_id).map(|_| ()).map_err(KeyFault::Id)
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFault {
    /// Its file.
    File(String),
    /// Its name.
    Id(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    fn terms(key_id: &str) -> Terms {
        Terms {
            key_id: key_id.into(),
            expires: Duration::from_secs(30),
            tag: "t".into(),
            names: ["x-user".into()].into(),
            default_port: 80,
        }
    }

    fn sign(signer: &Signer) -> Result<Signature, Kind> {
        let mut fields = Fields::default();
        fields.push(b"X-User", b"ann");
        signer.sign(b"GET", b"h", [b"/", b""], &fields).map_err(|error| error.kind().clone())
    }

    #[test]
    fn the_same_request_is_never_signed_the_same_way() {
        let directory = Directory::new("signer");
        let path = directory.path().join("keys");
        std::fs::write(&path, "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
        let signer = Signer::open(&path, terms("k1"), &Files::default());
        let (first, second) = (sign(&signer).unwrap(), sign(&signer).unwrap());
        assert_ne!(first.signature, second.signature);
        let shape = "standin=(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-user\");created=";
        assert!(first.input.starts_with(shape), "{}", first.input);
    }

    #[test]
    fn without_its_key_nothing_is_signed() {
        let directory = Directory::new("no-key");
        let path = directory.path().join("keys");
        let missing = Signer::open(&path, terms("k1"), &Files::default());
        assert_eq!(sign(&missing), Err(Kind::IdentityFile));
        assert!(matches!(check(&path, "k1"), Err(KeyFault::File(_))));
        std::fs::write(&path, "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
        assert_eq!(sign(&Signer::open(&path, terms("k2"), &Files::default())), Err(Kind::IdentityFile));
        assert_eq!(check(&path, "k1"), Ok(()));
        assert!(matches!(check(&path, "k2"), Err(KeyFault::Id(text)) if text.contains("no key 'k2'")));
    }
}
