//! Whether a client's connection goes on after a reply (RFC 9112 §9.3).
//!
//! Owns what of a request that depends on, and how it is told. Knows no socket.

use crate::exchange::{Reply, ReplyBody};
use crate::http1::encode::Persistence;
use crate::http1::{ReplyFraming, framing};
use crate::message::Version;

/// What of a request its reply depends on.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its version.
    pub version: Version,
    /// It wants no content.
    pub is_head: bool,
    /// It would send another request on the same connection.
    pub persistent: bool,
}

/// How a connection goes on after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With the next request.
    Request,
    /// It ends; the client may still be sending.
    Linger,
    /// It ends; the client has sent all.
    Close,
    /// It was a tunnel, whose ends have said all themselves.
    Over,
}

impl Client {
    /// How the content of that reply is delimited for it.
    pub fn framing(self, reply: &Reply) -> ReplyFraming {
        let method: &[u8] = if self.is_head { b"HEAD" } else { b"" };
        framing::reply(self.version, method, reply.head.status, reply.framing)
    }

    /// What the head of that reply says of its connection, which is kept or not.
    pub fn persistence(self, reply: &Reply, keep: bool) -> Persistence {
        match (keep, self.version) {
            _ if matches!(reply.body, ReplyBody::Tunnel(_)) => Persistence::Upgrade,
            (true, Version::Http11) => Persistence::Implied,
            (true, Version::Http10) => Persistence::KeepAlive,
            (false, _) => Persistence::Close,
        }
    }

    /// How the connection goes on that was kept or not, where the content of its
    /// request has all come or not.
    pub fn next(self, keep: bool, body_done: bool) -> Next {
        match (keep, self.persistent) {
            (true, _) => Next::Request,
            (false, false) if body_done => Next::Close,
            (false, _) => Next::Linger,
        }
    }
}
