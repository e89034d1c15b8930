//! How a failure reads to a client: the table's status and sentence, and the
//! request's id to ask about.

use crate::error::{Error, Kind, reason};
use crate::exchange::{Reply, RequestId};
use crate::message::ResponseHead;
use crate::oplog;
use std::time::SystemTime;

/// The reply for a failure before any reply has begun.
#[must_use]
pub fn reply_to(error: &Error, id: Option<RequestId>) -> Reply {
    let answer = error.kind().answer();
    if answer.status == 500 {
        oplog::error(format_args!("request {}: {error}", id.map(|id| id.to_string()).unwrap_or_default()));
    }
    let reason = reason(answer.status);
    let mut text = format!("{} {reason}: {}.\n", answer.status, answer.text);
    if let Some(id) = id {
        text.push_str(&format!("Request {id}\n"));
    }
    let mut head = ResponseHead::own(answer.status, reason);
    let fields = &mut head.fields;
    let html = *error.kind() == Kind::Disallowed { html: true };
    if html {
        // No part of it comes from the request.
        text = format!("<!DOCTYPE html>\n<title>{} {reason}</title>\n<p>{}</p>\n", answer.status, text.trim_end());
    }
    fields.push(b"Content-Type", if html { b"text/html; charset=utf-8" } else { b"text/plain; charset=utf-8" });
    fields.push(b"Content-Length", text.len().to_string().as_bytes());
    fields.push(b"Date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    if let Kind::MethodNotAllowed(allowed) = error.kind() {
        fields.push(b"Allow", allowed.as_bytes());
    }
    if matches!(error.kind(), Kind::MethodRefused) {
        fields.push(b"Allow", ALLOW);
    }
    if let Kind::CredentialsNeeded(realm) = error.kind() {
        // A realm has no quotes and backslashes.
        fields.push_parts(b"WWW-Authenticate", &[b"Basic realm=\"", realm.as_bytes(), b"\", charset=\"UTF-8\""]);
    }
    if let Some(seconds) = answer.retry_after_s {
        fields.push(b"Retry-After", seconds.to_string().as_bytes());
    }
    if let Some(reason) = error.kind().reason() {
        fields.push(b"X-Standin-Reason", reason.as_bytes());
    }
    let mut reply = Reply::whole(head, text.into_bytes());
    reply.close = answer.close;
    reply
}

/// The reply to `OPTIONS *`, which asks the proxy itself.
#[must_use]
pub fn reply_to_options() -> Reply {
    let mut head = ResponseHead::own(204, reason(204));
    head.fields.push(b"Allow", ALLOW);
    head.fields.push(b"Date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    Reply::whole(head, Vec::new())
}

/// The methods of RFC 9110 that are proxied; so is any other token.
const ALLOW: &[u8] = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
