//! What is told of one exchange.
//!
//! Owns its facts as whoever watches gets them. Secrets are replaced before
//! anything is kept, so none waits in a queue.

use crate::limits::TRAFFIC_HEAD_BYTES_MAX;
use crate::message::Fields;
use crate::message::redact::{may_name_secret, redact_strictly};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What stands in the place of a secret.
const MASK: &str = "…";

/// Browsers can send a token in no other field when they open a WebSocket.
const WEBSOCKET_PROTOCOL: &[u8] = b"Sec-WebSocket-Protocol";

/// One exchange.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When its request head was whole.
    pub time: SystemTime,
    /// What error answers and logs call it.
    pub id: String,
    /// The mount that answered for it.
    pub mount: Arc<str>,
    /// Who asked; none on a Unix socket.
    pub client: Option<IpAddr>,
    /// The method.
    pub method: String,
    /// The raw target, without secrets.
    pub target: String,
    /// The fields of the request, as they came.
    request: Head,
    /// The status that the client was told; 0 if none.
    pub status: u16,
    /// The fields of the reply, as they were sent.
    reply: Head,
    /// Why it was refused, or whose fault it was that it failed.
    pub failure: Option<&'static str>,
    /// How long what took.
    pub timing: Timing,
    /// Content from the client, or through a tunnel to the upstream.
    pub received_bytes: u64,
    /// Content to the client, or through a tunnel from the upstream.
    pub sent_bytes: u64,
    /// The address it was sent on to.
    pub upstream: Option<SocketAddr>,
    /// That was on a connection used before.
    pub reused: bool,
    /// How it ended, as the access log says it.
    pub end: &'static str,
}

/// How long the parts of an exchange took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Waiting for a place among the mount's requests, where it waited.
    pub queued: Option<Duration>,
    /// Opening a connection to the upstream, where one was opened.
    pub connect: Option<Duration>,
    /// From the whole request head to that of the answer.
    pub first_byte: Option<Duration>,
    /// To the last byte.
    pub total: Duration,
}

impl Entry {
    /// Of a request with that method, target and fields; what comes later is
    /// not known yet.
    #[must_use]
    pub fn begin(mount: &Arc<str>, id: String, method: &[u8], target: &[u8], fields: &Fields) -> Self {
        Self {
            time: SystemTime::now(),
            id,
            mount: Arc::clone(mount),
            client: None,
            method: text(method),
            target: shown_target(target),
            request: Head::of(fields),
            status: 0,
            reply: Head::default(),
            failure: None,
            timing: Timing::default(),
            received_bytes: 0,
            sent_bytes: 0,
            upstream: None,
            reused: false,
            end: "",
        }
    }

    /// The reply begins, with those fields.
    pub fn replied(&mut self, fields: &Fields) {
        self.reply = Head::of(fields);
    }

    /// The memory it takes while it waits, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.id.len()
            + self.method.len()
            + self.target.len()
            + self.request.bytes
            + self.reply.bytes
    }

    /// As whoever watches gets it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "time": humantime::format_rfc3339_millis(self.time).to_string(),
            "request_id": self.id,
            "mount": &*self.mount,
            "client": self.client,
            "method": self.method,
            "target": self.target,
            "status": (self.status != 0).then_some(self.status),
            "failure": self.failure,
            "timing_ms": {
                "queued": self.timing.queued.map(milliseconds),
                "connect": self.timing.connect.map(milliseconds),
                "first_byte": self.timing.first_byte.map(milliseconds),
                "total": milliseconds(self.timing.total),
            },
            "received_bytes": self.received_bytes,
            "sent_bytes": self.sent_bytes,
            "upstream": self.upstream,
            "reused": self.reused,
            "end": self.end,
            "request_headers": self.request.to_json(),
            "response_headers": self.reply.to_json(),
        })
    }
}

/// The raw target, without secrets.
pub(super) fn shown_target(target: &[u8]) -> String {
    text(&redact_strictly(target))
}

/// With the microseconds, as the access log has them.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// The fields of a head that are told, without secrets.
#[derive(Debug, Clone, Default)]
struct Head {
    fields: Vec<(String, String)>,
    /// How many found no room.
    left_out: usize,
    bytes: usize,
}

impl Head {
    /// Those of a head, as many as there is room for.
    fn of(fields: &Fields) -> Self {
        let mut head = Self::default();
        for field in fields.iter() {
            let weight = field.name.len() + field.value.len() + size_of::<(String, String)>();
            if head.bytes + weight > TRAFFIC_HEAD_BYTES_MAX {
                head.left_out += 1;
                continue;
            }
            head.bytes += weight;
            head.fields.push((text(field.name), text(&shown(field.name, field.value))));
        }
        head
    }

    fn to_json(&self) -> Value {
        let mut fields: Vec<Value> = self.fields.iter().map(|(name, value)| json!([name, value])).collect();
        if self.left_out > 0 {
            fields.push(json!([MASK, format!("{} more", self.left_out)]));
        }
        Value::Array(fields)
    }
}

/// What of a field's value is nobody's secret.
fn shown<'a>(name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
    if may_name_secret(name) || name.eq_ignore_ascii_case(WEBSOCKET_PROTOCOL) {
        return Cow::Borrowed(MASK.as_bytes());
    }
    // An address, of `Referer` and `Location` and whoever has one besides.
    let is_address = value.contains(&b'?') || memchr::memmem::find(value, b"://").is_some();
    if is_address { redact_strictly(value) } else { Cow::Borrowed(value) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[(&str, &str)]) -> Value {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        Head::of(&fields).to_json()
    }

    #[test]
    fn secrets_are_not_told() {
        let secrets = [
            "Authorization",
            "cookie",
            "Set-Cookie",
            "Proxy-Authorization",
            "X-Api-Key",
            "X-CSRF-Token",
            "X-My-Secret-Thing",
            "Password",
            "X-Session-Id",
            "X-Forwarded-Authorization",
            "X-Auth-User",
            "X-Hub-Signature-256",
            "X-CSRF",
            "X-OTP",
            "Set-Cookie2",
            "sec-websocket-protocol",
        ];
        for name in secrets {
            assert_eq!(head(&[(name, "hunter2")]), json!([[name, "…"]]));
        }
        let referer = head(&[("Referer", "https://h/x?my_key_1=a&b=c"), ("Location", "http://u:p@h/")]);
        assert_eq!(referer, json!([["Referer", "https://h/x?my_key_1=…&b=c"], ["Location", "http://…@h/"]]));
        let entry =
            Entry::begin(&"m".into(), "1".into(), b"GET", b"/x?tokens=a&b=c&user[secretly]=d", &Fields::default());
        assert_eq!(entry.target, "/x?tokens=…&b=c&user[secretly]=…");
    }

    #[test]
    fn what_is_no_secret_is_told_in_order() {
        let told = head(&[("Host", "h"), ("Accept", "a=b;q=1"), ("Host", "g"), ("X-Odd", "\u{e9}")]);
        assert_eq!(told, json!([["Host", "h"], ["Accept", "a=b;q=1"], ["Host", "g"], ["X-Odd", "\u{e9}"]]));
    }

    #[test]
    fn a_large_head_is_not_kept_whole() {
        let large = "x".repeat(TRAFFIC_HEAD_BYTES_MAX);
        assert_eq!(head(&[("A", &large), ("B", "b"), ("C", &large)]), json!([["B", "b"], ["…", "2 more"]]));
    }
}
