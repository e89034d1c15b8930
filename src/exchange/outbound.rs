//! Where and how a request is sent on: said by its mount, done by upstream.

use crate::identity::Signer;
use crate::message::Span;
use crate::net::Reach;
use crate::net::dial::Host;
use std::sync::Arc;

/// One upstream server. Connections are shared only between equal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its name or address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Which addresses it may have.
    pub reach: Reach,
}

/// How one request is written to its upstream.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// Where to.
    pub destination: Arc<Destination>,
    /// The target begins with this,
    pub target_base: Arc<[u8]>,
    /// and goes on with these bytes of the head.
    pub target_rest: Span,
    /// The `Host` to send; none leaves the client's own.
    pub host: Option<Arc<[u8]>>,
    /// Signs each attempt, where the mount says so.
    pub signer: Option<Arc<Signer>>,
}
