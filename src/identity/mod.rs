//! Who asks, and how an upstream can believe it.
//!
//! Owns the files of passwords and keys, the checking of passwords, and the
//! signing of requests at the time they are sent. Knows no mounts: `mount`
//! says what is demanded and told, `upstream` has each attempt signed.

pub mod basic;
pub mod htpasswd;
pub mod keys;
pub mod passwords;
pub mod signer;

pub use basic::Basic;
pub use keys::Keys;
pub use passwords::Passwords;
pub use signer::Signer;
