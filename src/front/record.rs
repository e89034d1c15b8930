//! What one exchange leaves in the access log.
//!
//! Owns the entry from the head of the request to the end of the reply, however
//! that comes: it is written when the record is dropped, so an exchange that is
//! cut off or panics leaves its line too.

use super::access_log::{AccessLog, End, Entry};
use crate::exchange::{Notes, RequestBody, RequestId};
use crate::message::{Known, RequestHead, Version};
use crate::net::Peer;
use std::time::{Duration, SystemTime};

/// The entry of an exchange that goes on.
#[derive(Debug)]
pub struct Record {
    log: AccessLog,
    notes: Notes,
    body: RequestBody,
    /// Gone once it is written.
    entry: Option<Box<Entry>>,
}

impl Record {
    /// Of a request with that head; none where the head was refused.
    #[must_use]
    pub fn begin(log: &AccessLog, client: Peer, id: RequestId, head: Option<&RequestHead>, body: &RequestBody) -> Self {
        let field = |name| head.and_then(|head| head.fields.get(name)).map(<[u8]>::to_vec);
        let entry = Entry {
            time: SystemTime::now(),
            client,
            id,
            method: head.map(|head| head.method().to_vec()).unwrap_or_default(),
            target: head.map(|head| head.target().to_vec()).unwrap_or_default(),
            version: head.map_or(Version::Http11, |head| head.version),
            host: head.and_then(|head| head.fields.first(Known::Host)).map(<[u8]>::to_vec),
            referer: field("referer"),
            user_agent: field("user-agent"),
            mount: None,
            upstream: None,
            upstream_reused: false,
            status: 0,
            received_bytes: 0,
            sent_bytes: 0,
            connect: None,
            first_byte: None,
            total: Duration::ZERO,
            end: End::Cut,
        };
        Self { log: log.clone(), notes: Notes::begin(), body: body.clone(), entry: Some(Box::new(entry)) }
    }

    /// Where the other rooms note what they know.
    #[must_use]
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// The client is told that status.
    pub fn told(&mut self, status: u16) {
        self.edit(|entry| entry.status = status);
    }

    /// So many bytes of content were sent, and so many received besides the
    /// request's content.
    pub fn moved(&mut self, sent_bytes: u64, received_bytes: u64) {
        self.edit(|entry| {
            entry.sent_bytes += sent_bytes;
            entry.received_bytes += received_bytes;
        });
    }

    /// It ended like that.
    pub fn ended(&mut self, end: End) {
        self.edit(|entry| entry.end = end);
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Entry)) {
        if let Some(entry) = &mut self.entry {
            edit(entry);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(mut entry) = self.entry.take() else { return };
        let facts = self.notes.facts();
        entry.mount = facts.mount;
        entry.upstream = facts.upstream;
        entry.upstream_reused = facts.upstream_reused;
        entry.connect = facts.connect;
        entry.first_byte = facts.first_byte;
        entry.total = self.notes.elapsed();
        entry.received_bytes += self.body.side().taken();
        if std::thread::panicking() {
            entry.end = End::Internal;
        }
        self.log.log(entry);
    }
}
