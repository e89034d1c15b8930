//! `GET /v1/export`: all mounts, for an import.
//!
//! Owns the form of an export and the body that writes it mount by mount, as
//! fast as its client takes it, from one snapshot.

use super::app::AdminState;
use super::bulk::FORMAT;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use crate::error::Error;
use crate::exchange::{BodyStream, Exchange, Reply, ReplyBody};
use crate::http1::Framing;
use crate::limits::EXPORT_BUFFER_BYTES;
use crate::registry::Snapshot;
use serde_json::json;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

/// Does what was asked.
pub async fn perform(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, reading::PLAIN)?;
    let snapshot = reading::snapshot(state, &query).await?;
    let mut reply = Reply::whole(model::head(200, "application/json"), Vec::new());
    reply.framing = Framing::Chunked;
    if exchange.head.method() != b"HEAD" {
        reply.body = ReplyBody::Stream(Box::new(Export::of(snapshot)));
    }
    Ok(reply)
}

/// The content of an export.
#[derive(Debug)]
struct Export {
    snapshot: Arc<Snapshot>,
    /// The last mount that was looked at.
    after: Option<String>,
    has_written: bool,
    has_ended: bool,
    buffer: Vec<u8>,
    taken: usize,
}

impl Export {
    fn of(snapshot: Arc<Snapshot>) -> Self {
        let (revision, at) = (snapshot.revision, model::instant(SystemTime::now()));
        let head = format!(r#"{{"format":{FORMAT},"revision":{revision},"exported_at":{},"mounts":["#, json!(at));
        Self { snapshot, after: None, has_written: false, has_ended: false, buffer: head.into(), taken: 0 }
    }

    /// Writes what comes next, up to what the buffer may hold. What is given at
    /// the start is left out: an import could not make it.
    fn draw(&mut self) {
        let after = self.after.take();
        let from = after.as_deref().map_or(Unbounded, Excluded);
        for (id, record) in self.snapshot.mounts.range::<str, _>((from, Unbounded)) {
            if record.stored {
                if std::mem::replace(&mut self.has_written, true) {
                    self.buffer.push(b',');
                }
                self.buffer.extend_from_slice(json!(*record.spec).to_string().as_bytes());
            }
            if self.buffer.len() >= EXPORT_BUFFER_BYTES {
                self.after = Some(id.clone());
                return;
            }
        }
        self.buffer.extend_from_slice(b"]}");
        self.has_ended = true;
    }
}

impl BodyStream for Export {
    fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
            if !self.has_ended {
                self.draw();
            }
        }
        Poll::Ready(Ok(self.buffer.len() - self.taken))
    }

    fn data(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }

    /// Nothing is under way.
    fn poll_drive(&mut self, _: &mut Context<'_>) {}
}
