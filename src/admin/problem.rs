//! Errors of the API: one shape everywhere (RFC 9457).

use crate::error::reason;
use crate::exchange::{Reply, RequestId};
use crate::message::Fields;
use crate::mount::SpecFault;
use crate::paste::{Import, Note, Severity};
use crate::registry::Refusal;
use serde_json::{Value, json};

/// An error of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// What is wrong with each part of what was sent.
    pub faults: Vec<Value>,
    /// The methods that would do, for 405.
    pub allow: Option<&'static str>,
    /// Seconds to wait before trying again, where that may help.
    pub retry_after_s: Option<u64>,
    /// The revision that the mount is at now, for 412.
    pub revision: Option<u64>,
}

impl Problem {
    /// A problem of that status.
    #[must_use]
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        let retry_after_s = (status == 503).then_some(1);
        Self { status, detail: detail.into(), faults: Vec::new(), allow: None, retry_after_s, revision: None }
    }

    /// A mount that is not valid.
    #[must_use]
    pub fn invalid(faults: Vec<SpecFault>) -> Self {
        let detail = match faults.len() {
            1 => "the mount has one fault".to_owned(),
            count => format!("the mount has {count} faults"),
        };
        Self { faults: faults.iter().map(|fault| json!(fault)).collect(), ..Self::new(422, detail) }
    }

    /// Mounts of a list that are not valid, each with its place in the list.
    #[must_use]
    pub fn invalid_list(faults: &[(usize, SpecFault)]) -> Self {
        let told = |(place, fault): &(usize, SpecFault)| json!({ "pointer": format!("/mounts/{place}{}", fault.pointer), "detail": fault.detail });
        let detail = format!("nothing was changed; faults of the mounts: {}", faults.len());
        Self { faults: faults.iter().map(told).collect(), ..Self::new(422, detail) }
    }

    /// A Paste Deploy file that no mounts can be made of.
    #[must_use]
    pub fn invalid_paste(import: &Import) -> Self {
        let told = |note: &Note| json!({ "pointer": "", "line": note.line.max(1), "detail": note.text });
        let faults = import.notes_of(Severity::Error).map(told).collect();
        Self { faults, ..Self::new(422, format!("nothing was imported: {}", import.summary())) }
    }

    /// The reply that says so.
    #[must_use]
    pub fn into_reply(self, id: RequestId) -> Reply {
        let mut body = json!({
            "type": "about:blank",
            "title": reason(self.status),
            "status": self.status,
            "detail": self.detail,
            "request_id": id.to_string(),
        });
        if !self.faults.is_empty() {
            body["errors"] = json!(self.faults);
        }
        let mut reply = super::model::reply(self.status, "application/problem+json", body.to_string().into_bytes());
        let fields: &mut Fields = &mut reply.head.fields;
        if let Some(allow) = self.allow {
            fields.push(b"Allow", allow.as_bytes());
        }
        if let Some(seconds) = self.retry_after_s {
            fields.push(b"Retry-After", seconds.to_string().as_bytes());
        }
        if self.status == 401 {
            fields.push(b"WWW-Authenticate", b"Bearer");
        }
        if let Some(revision) = self.revision {
            fields.push(b"ETag", format!("\"{revision}\"").as_bytes());
        }
        reply
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let status = match refusal {
            Refusal::OpenProxy(_) => {
                return Self::invalid(vec![SpecFault { pointer: "/allowed_hosts".into(), detail }]);
            }
            Refusal::Unknown(_) => 404,
            Refusal::IdTaken(_)
            | Refusal::MatchTaken { .. }
            | Refusal::Fixed(_)
            | Refusal::NoLease(_)
            | Refusal::State(_) => 409,
            Refusal::Condition { revision, .. } => return Self { revision, ..Self::new(412, detail) },
            Refusal::NotOwner { .. } => 403,
            Refusal::Storage(_) | Refusal::Unsettled(_) | Refusal::Stopped => 500,
            Refusal::Overtaken | Refusal::Busy => 503,
        };
        Self::new(status, detail)
    }
}
