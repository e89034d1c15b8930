//! The request half: head, where it is meant to go, body, client, deadline.

use super::body::RequestBody;
use super::bounds::Bounds;
use super::credit::Credit;
use super::notes::Notes;
use super::outbound::Outbound;
use crate::http1::Framing;
use crate::message::{RequestHead, Span};
use crate::net::{Deadline, Peer};
use crate::policy::location::Mapping;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One request on its way.
#[derive(Debug)]
pub struct Exchange {
    /// What logs and error answers call it.
    pub id: RequestId,
    /// The head; policies edit its fields, start line and bytes stay.
    pub head: RequestHead,
    /// What its target says.
    pub route: Route,
    /// How its content is delimited.
    pub framing: Framing,
    /// Its content.
    pub body: RequestBody,
    /// Who sent it.
    pub peer: Peer,
    /// When whoever waits for it must stop waiting.
    pub deadline: Arc<Deadline>,
    /// The protocols that the client would change to.
    pub upgrade: Option<Span>,
    /// The client takes trailers, and so does whoever it trusts to say so.
    pub takes_trailers: bool,
    /// What it may take, as its mount says.
    pub bounds: Bounds,
    /// For the URLs of interim responses, where its mount rewrites them.
    pub mapping: Option<Arc<Mapping>>,
    /// Where and how it is sent on, once its mount has said so.
    pub outbound: Option<Outbound>,
    /// Its place among the mount's requests, once it was admitted.
    pub credit: Option<Credit>,
    /// And among the mount's tunnels, if it may become one.
    pub tunnel_credit: Option<Credit>,
    /// For the log, if there is one.
    pub notes: Option<Notes>,
}

/// A name for one request, unique to the process and told apart from another
/// process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    /// Of the process.
    pub instance: u32,
    /// Of the request in it.
    pub number: u64,
}

/// Gives the requests of a process their names, whichever listener they come to.
#[derive(Debug)]
pub struct RequestIds {
    instance: u32,
    given: AtomicU64,
}

impl RequestIds {
    /// For the process of that number.
    #[must_use]
    pub fn new(instance: u32) -> Arc<Self> {
        Arc::new(Self { instance, given: AtomicU64::new(0) })
    }

    /// The name of the next request.
    #[must_use]
    pub fn next(&self) -> RequestId {
        RequestId { instance: self.instance, number: self.given.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}-{:x}", self.instance, self.number)
    }
}

/// What a checked target and Host say, as places in the head.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The host as written, without its port; none in HTTP/1.0 without Host.
    pub host: Option<Span>,
    /// The host with its port as written.
    pub authority: Option<Span>,
    /// The port, where one was written.
    pub port: Option<u16>,
    /// The raw path; empty where an absolute target had none.
    pub path: Span,
    /// The raw path and query.
    pub path_and_query: Span,
    /// True for the absolute form.
    pub is_absolute: bool,
}

impl Exchange {
    /// The bytes of a place in the head.
    #[must_use]
    pub fn bytes(&self, span: Span) -> &[u8] {
        span.of(self.head.fields.bytes())
    }

    /// The raw path, `/` where the target had none.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        match self.bytes(self.route.path) {
            [] => b"/",
            path => path,
        }
    }

    /// The query without its `?`, where there is one.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        let whole = self.bytes(self.route.path_and_query);
        memchr::memchr(b'?', whole).map(|at| &whole[at + 1..])
    }

    /// The host as text; checked to be ASCII when it was parsed.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.route.host.and_then(|span| std::str::from_utf8(self.bytes(span)).ok())
    }
}
