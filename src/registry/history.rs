//! What the journal keeps of each revision.
//!
//! Owns the entry and how it is written. Entries are ordered by revision; the
//! store keeps them beside the mounts, in the same commit.

use super::change::{Action, Edit, Origin, Version};
use crate::mount::spec::{Id, parse};
use crate::mount::{MountSpec, SpecFault};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// One revision, which is stored and shown so; with its mounts as they were
/// read, or as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry<M = Value> {
    /// Its number.
    pub revision: u64,
    /// When it was made, RFC 3339.
    pub at: Arc<str>,
    /// Who made it.
    pub who: Arc<str>,
    /// Why, if that was said.
    pub why: Option<Arc<str>>,
    /// What it did.
    pub action: Action,
    /// The mount that it changed.
    pub mount: Arc<str>,
    /// The mount before; null where there was none. A paused one has `paused`.
    pub before: M,
    /// The mount after; null where it is gone.
    pub after: M,
}

/// An edit that somebody made: what an entry is written from. A change of many
/// mounts has as many, and most of their entries are never needed.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub edit: Edit,
    pub origin: Arc<Origin>,
    /// When, RFC 3339.
    pub at: Arc<str>,
}

impl Deed {
    /// What the journal keeps of it.
    pub fn entry(&self) -> Entry<Option<Kept<'_>>> {
        let Self { edit, origin, at } = self;
        Entry {
            revision: edit.revision,
            at: Arc::clone(at),
            who: Arc::clone(&origin.who),
            why: origin.why.as_deref().map(Into::into),
            action: edit.action,
            mount: edit.id().into(),
            before: edit.before.as_deref().map(|record| Kept { spec: &record.spec, paused: record.paused }),
            after: edit.after.as_deref().map(|record| Kept { spec: &record.spec, paused: record.paused }),
        }
    }
}

impl Entry {
    /// From what was stored; the error says what is missing.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let text = |name: &str| value[name].as_str().map(Arc::<str>::from).ok_or_else(|| format!("{name} is missing"));
        let action = text("action")?;
        Ok(Self {
            revision: value["revision"].as_u64().ok_or("revision is missing")?,
            at: text("at")?,
            who: text("who")?,
            why: value["why"].as_str().map(Into::into),
            action: Action::ALL
                .into_iter()
                .find(|known| known.as_str() == &*action)
                .ok_or_else(|| format!("the action '{action}' is not known"))?,
            mount: text("mount")?,
            before: value["before"].clone(),
            after: value["after"].clone(),
        })
    }
}

/// A mount as the journal writes it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Kept<'a> {
    #[serde(flatten)]
    spec: &'a MountSpec,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
}

/// The same, as a value.
#[must_use]
pub fn value_of(version: &Version) -> Value {
    json!(Kept { spec: &version.spec, paused: version.paused })
}

/// The mount that was written so; the error says what of it is not valid any
/// more.
pub fn version_of(id: &str, mut value: Value) -> Result<Option<Version>, Vec<SpecFault>> {
    if value.is_null() {
        return Ok(None);
    }
    let paused = value.as_object_mut().and_then(|members| members.shift_remove("paused"));
    let spec = parse(&value, Id::Given(id))?;
    Ok(Some(Version { spec: Arc::new(spec), paused: paused == Some(Value::Bool(true)) }))
}
