//! Edits of a message's fields: a mount's `request_headers` and
//! `response_headers`.
//!
//! Owns the names, and which fields nobody may edit.

use super::reader::Reader;
use serde::Serialize;
use serde_json::{Map, Value};

/// Fields to set, to add and to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Edits {}

impl Reader {
    /// Reads the edits of that name.
    pub(super) fn edits(&mut self, object: &Map<String, Value>, name: &str) -> Edits {
        self.object(object.get(name), &format!("/{name}"), &["set", "add", "remove"]);
        Edits {}
    }
}
