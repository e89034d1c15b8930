//! What answers look like.

use crate::error::reason;
use crate::exchange::Reply;
use crate::message::ResponseHead;
use crate::mount::MountSpec;
use crate::registry::{Record, Registry, history};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::SystemTime;

/// A mount as the API shows it. It is written straight, without a tree of all
/// that a spec may have.
#[derive(Debug, Serialize)]
pub struct Mount<'a> {
    #[serde(flatten)]
    spec: &'a MountSpec,
    /// What is known of it now.
    #[serde(flatten)]
    pub now: Map<String, Value>,
}

/// A mount with all that is known of it now.
#[must_use]
pub fn mount<'a>(record: &'a Record, registry: &Registry) -> Mount<'a> {
    Mount { spec: &record.spec, now: now(record, registry, |_| true) }
}

/// What is known of a mount now, as far as it is wanted: a table that is read
/// again every few seconds wants little of it.
pub fn now(record: &Record, registry: &Registry, is_wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let handle = &record.handle;
    let status = handle.status();
    let told = |name: &str| {
        Some(match name {
            "revision" => json!(record.revision),
            "created_at" => json!(record.created_at),
            "updated_at" => json!(record.updated_at),
            "state" => json!(status.lifecycle),
            "state_reason" => json!(status.reason),
            "state_since" => json!(instant(status.since)),
            "in_flight" => json!(handle.in_flight()),
            "tunnels" => json!(handle.tunnels()),
            "held" => json!(status.held),
            "restarts" => json!(status.restarts),
            "generation" => json!(status.generation),
            "generations" => json!(status.generations),
            "last_activity_at" => json!(handle.last_activity().map(instant)),
            "lease_expires_at" => json!(instant(registry.lease_expires_at(record)?)),
            "fixed" => json!(!record.stored),
            "links" => json!({ "self": location(record) }),
            _ => return None,
        })
    };
    let wanted = READ_ONLY.into_iter().filter(|name| is_wanted(name));
    wanted.filter_map(|name| Some((name.to_owned(), told(name)?))).collect()
}

/// The members that only answers have. Sent back they are left out, so that
/// what a GET has answered can be edited and sent.
pub const READ_ONLY: [&str; 16] = [
    "revision",
    "created_at",
    "updated_at",
    "state",
    "state_reason",
    "state_since",
    "in_flight",
    "tunnels",
    "held",
    "restarts",
    "generation",
    "generations",
    "last_activity_at",
    "lease_expires_at",
    "fixed",
    "links",
];

/// A mount as it was sent, without what only answers have.
#[must_use]
pub fn as_sent(mut mount: Value) -> Value {
    if let Some(members) = mount.as_object_mut() {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    }
    mount
}

/// A mount as the journal keeps it: what of it can be changed. Null is none.
#[must_use]
pub fn kept(record: Option<&Arc<Record>>) -> Value {
    record.map_or(Value::Null, |record| history::value_of(&record.version()))
}

/// A time as JSON has it, RFC 3339.
#[must_use]
pub fn instant(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Where a mount is found.
#[must_use]
pub fn location(record: &Record) -> String {
    format!("/v1/mounts/{}", record.spec.id)
}

/// A JSON answer.
#[must_use]
pub fn json_reply(status: u16, value: &impl Serialize) -> Reply {
    // Names are strings, so there is nothing that could not be written.
    let content = serde_json::to_vec(value).unwrap_or_default();
    reply(status, "application/json", content)
}

/// An answer of any type.
#[must_use]
pub fn reply(status: u16, media_type: &str, content: Vec<u8>) -> Reply {
    let mut head = head(status, media_type);
    if !matches!(status, 204 | 304) {
        head.fields.push(b"Content-Length", content.len().to_string().as_bytes());
    }
    Reply::whole(head, content)
}

/// The head of an answer of any type, without its length. Browsers take it for
/// nothing else, show it in no frame of others, and keep no copy.
#[must_use]
pub fn head(status: u16, media_type: &str) -> ResponseHead {
    let mut head = ResponseHead::own(status, reason(status));
    let fields = &mut head.fields;
    if !matches!(status, 204 | 304) {
        fields.push(b"Content-Type", media_type.as_bytes());
    }
    fields.push(b"Date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    fields.push(b"Cache-Control", b"no-store");
    fields.push(b"X-Content-Type-Options", b"nosniff");
    fields.push(b"Referrer-Policy", b"no-referrer");
    fields.push(b"Cross-Origin-Resource-Policy", b"same-origin");
    head
}
