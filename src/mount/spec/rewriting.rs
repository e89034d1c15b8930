//! What is rewritten in replies: a mount's `rewrite`.
//!
//! Owns the names and the defaults.

use super::reader::Reader;
use serde::Serialize;
use serde_json::Value;

/// What is rewritten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rewriting {
    /// URLs in `Location` and its like.
    pub location: bool,
    /// `Path` and `Domain` of cookies.
    pub cookies: bool,
}

impl Reader {
    /// Reads `rewrite`.
    pub(super) fn rewriting(&mut self, value: Option<&Value>) -> Rewriting {
        let Some(object) = self.object(value, "/rewrite", &["location", "cookies", "body"]) else {
            return Rewriting::default();
        };
        Rewriting {
            location: self.boolean(object, "/rewrite", "location").unwrap_or_default(),
            cookies: self.boolean(object, "/rewrite", "cookies").unwrap_or_default(),
        }
    }
}
