//! What is known of one exchange when it has ended.
//!
//! Owns the facts as they are; what of them may be written is the formats' and
//! `redact`'s business. `Authorization` and cookies are never captured at all.

use crate::error::Kind;
use crate::exchange::RequestId;
use crate::http1::BodyError;
use crate::message::Version;
use crate::net::Peer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One exchange.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When the request head was whole, or refused.
    pub time: SystemTime,
    /// Who asked.
    pub client: Peer,
    /// What error answers and the operational log call it.
    pub id: RequestId,
    /// The method token; empty if the head was refused before it was known.
    pub method: Vec<u8>,
    /// The raw target; empty likewise.
    pub target: Vec<u8>,
    /// The version of the request.
    pub version: Version,
    /// `Host` as it came.
    pub host: Option<Vec<u8>>,
    /// `Referer` as it came.
    pub referer: Option<Vec<u8>>,
    /// `User-Agent` as it came.
    pub user_agent: Option<Vec<u8>>,
    /// The mount that answered for it.
    pub mount: Option<Arc<str>>,
    /// The address it was sent on to.
    pub upstream: Option<SocketAddr>,
    /// True when that was on a connection used before.
    pub upstream_reused: bool,
    /// The status that the client was told; 0 if none.
    pub status: u16,
    /// Bytes of request content received.
    pub received_bytes: u64,
    /// Bytes of reply content sent, or bytes sent through a tunnel.
    pub sent_bytes: u64,
    /// How long connecting to the upstream took, where that was done.
    pub connect: Option<Duration>,
    /// From the whole request head to the upstream's response head.
    pub first_byte: Option<Duration>,
    /// From the whole request head to the end.
    pub total: Duration,
    /// How it ended.
    pub end: End,
}

impl Entry {
    /// The memory it takes while it waits, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let optional = [&self.host, &self.referer, &self.user_agent];
        size_of::<Self>()
            + self.method.capacity()
            + self.target.capacity()
            + optional.into_iter().flatten().map(Vec::capacity).sum::<usize>()
    }
}

/// How an exchange ended. The names are part of the log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The whole reply was sent.
    Complete,
    /// The client went away.
    ClientGone,
    /// The client stopped sending or reading.
    ClientSlow,
    /// The upstream could not be reached, or spoke wrongly.
    UpstreamFailed,
    /// The upstream took too long.
    UpstreamSlow,
    /// We answered with an error of our own.
    Refused,
    /// A tunnel that ended.
    Tunnel,
    /// We ended it, because the server or the mount was to stop.
    Cut,
    /// A bug of ours.
    Internal,
}

impl End {
    /// The name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::ClientSlow => "client_slow",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamSlow => "upstream_slow",
            Self::Refused => "refused",
            Self::Tunnel => "tunnel",
            Self::Cut => "cut",
            Self::Internal => "internal",
        }
    }

    /// What a failure makes of the exchange.
    #[must_use]
    pub fn of(kind: &Kind) -> Self {
        match kind {
            Kind::RequestBody(BodyError::Truncated) | Kind::HeadTruncated | Kind::ClientGone => Self::ClientGone,
            Kind::HeadTimeout | Kind::BodyTimeout | Kind::BodyTooSlow | Kind::ClientStalled => Self::ClientSlow,
            Kind::RequestHead(_)
            | Kind::RequestFraming(_)
            | Kind::RequestTarget(_)
            | Kind::RequestHost
            | Kind::RequestConnection
            | Kind::RequestMaxForwards
            | Kind::RequestBody(_)
            | Kind::ContentTooLarge
            | Kind::Expectation
            | Kind::MethodRefused
            | Kind::MethodNotAllowed(_)
            | Kind::Disallowed { .. }
            | Kind::CredentialsNeeded(_)
            | Kind::PasswordsBusy
            | Kind::IdentityFile
            | Kind::NoMount
            | Kind::Misdirected
            | Kind::HostNotAllowed
            | Kind::TooManyConnections
            | Kind::Saturated
            | Kind::TunnelsSaturated
            | Kind::OutOfDescriptors
            | Kind::QueueFull
            | Kind::QueueTimeout
            | Kind::RateExceeded(_)
            | Kind::Paused
            | Kind::Draining
            | Kind::Disabled
            | Kind::Failed
            | Kind::Moved
            | Kind::Unavailable
            | Kind::OwnAdmin
            | Kind::Loop => Self::Refused,
            Kind::Resolve
            | Kind::Connect
            | Kind::AddressRefused
            | Kind::UpstreamTls(_)
            | Kind::UpstreamClosed
            | Kind::UpstreamHead(_)
            | Kind::UpstreamFraming(_)
            | Kind::UpstreamBody(_)
            | Kind::UpstreamCoding
            | Kind::UpstreamInterim
            | Kind::UpstreamUpgrade => Self::UpstreamFailed,
            Kind::ConnectTimeout | Kind::UpstreamSilent | Kind::UpstreamStalled | Kind::TotalTimeout => {
                Self::UpstreamSlow
            }
            Kind::Cut => Self::Cut,
            Kind::Internal => Self::Internal,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `GET /x` from 192.0.2.7 on 23 November 2026, answered with 123 bytes.
    pub(in crate::front::access_log) fn example() -> Entry {
        Entry {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_416_600_042),
            client: Peer::Tcp(SocketAddr::from(([192, 0, 2, 7], 40_000))),
            id: RequestId { instance: 0xabcd, number: 31 },
            method: b"GET".to_vec(),
            target: b"/x".to_vec(),
            version: Version::Http11,
            host: None,
            referer: None,
            user_agent: None,
            mount: None,
            upstream: None,
            upstream_reused: false,
            status: 200,
            received_bytes: 0,
            sent_bytes: 123,
            connect: None,
            first_byte: None,
            total: Duration::from_micros(1500),
            end: End::Complete,
        }
    }

    #[test]
    fn a_failure_says_how_the_exchange_ended() {
        for (kind, end) in [
            (Kind::ClientGone, "client_gone"),
            (Kind::RequestBody(BodyError::Truncated), "client_gone"),
            (Kind::RequestBody(BodyError::Chunk), "refused"),
            (Kind::BodyTimeout, "client_slow"),
            (Kind::NoMount, "refused"),
            (Kind::Saturated, "refused"),
            (Kind::Connect, "upstream_failed"),
            (Kind::ConnectTimeout, "upstream_slow"),
            (Kind::UpstreamStalled, "upstream_slow"),
            (Kind::Internal, "internal"),
        ] {
            assert_eq!(End::of(&kind).name(), end, "{kind:?}");
        }
    }

    #[test]
    fn an_entry_weighs_what_it_holds() {
        let bare = example().bytes();
        let heavy = Entry { referer: Some(vec![b'r'; 1000]), ..example() };
        assert_eq!(heavy.bytes(), bare + 1000);
    }
}
