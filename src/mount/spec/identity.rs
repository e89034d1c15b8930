//! Whom an upstream is told that it serves: a mount's `identity`.
//!
//! Owns the names and the defaults. Files are named here and read elsewhere.

use super::reader::Reader;
use serde::Serialize;
use serde_json::Value;

/// Where an identity comes from, and how the upstream is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {}

impl Reader {
    /// Reads `identity`.
    pub(super) fn identity(&mut self, value: Option<&Value>) -> Option<Identity> {
        self.object(value, "/identity", &[])?;
        Some(Identity {})
    }
}
