//! What one exchange may take: said by its mount, kept by front and upstream.

use crate::limits::{BODY_IDLE_MAX, CONNECT_MAX, FIRST_BYTE_MAX, TUNNEL_IDLE_MAX};
use std::time::Duration;

/// The bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Until the upstream accepts a connection.
    pub connect: Duration,
    /// Until the upstream answers, from when it has the request.
    pub first_byte: Duration,
    /// That content may stand still.
    pub idle: Duration,
    /// That a tunnel may stand still.
    pub tunnel_idle: Duration,
    /// Of the whole exchange.
    pub total: Option<Duration>,
    /// Of the request's content.
    pub request_body_bytes: u64,
    /// What a client must send or take a second while it is waited for.
    pub client_bytes_per_s: u64,
}

impl Bounds {
    /// Where no mount says anything: our own listeners' apps, which bound what
    /// they read themselves.
    pub const OWN: Self = Self {
        connect: CONNECT_MAX,
        first_byte: FIRST_BYTE_MAX,
        idle: BODY_IDLE_MAX,
        tunnel_idle: TUNNEL_IDLE_MAX,
        total: None,
        request_body_bytes: u64::MAX,
        client_bytes_per_s: crate::limits::CLIENT_BYTES_PER_S_MIN as u64,
    };
}
