//! Where and how a request is sent on: said by its mount, done by upstream.

use crate::identity::Signer;
use crate::message::Span;
use crate::net::dial::Host;
use crate::net::{Reach, Trust};
use std::sync::Arc;

/// One upstream server. Connections are shared only between equal ones.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Its name or address.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// How it is checked, where TLS is spoken.
    pub trust: Option<Arc<Trust>>,
    /// Which addresses it may have.
    pub reach: Reach,
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        let same_trust = match (&self.trust, &other.trust) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same_trust && self.host == other.host && self.port == other.port && self.reach == other.reach
    }
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
