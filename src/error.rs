//! Failures: what happened, whose fault it is, and what the client is told.
//!
//! Owns the one table from failure to status, public text and the fate of the
//! client's connection. Public texts never carry internals; the context is for
//! the log. A failure after the reply has begun has no status any more: the
//! connection is aborted (`front::connection`).

use crate::http1::{BodyError, FramingError, HeadError};
use crate::message::target::TargetError;
use crate::net::TlsFault;
use std::borrow::Cow;
use std::fmt;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The request head is malformed or too large.
    RequestHead(HeadError),
    /// The request's framing is malformed or conflicting.
    RequestFraming(FramingError),
    /// The request target is malformed.
    RequestTarget(TargetError),
    /// `Host` is missing, doubled or malformed.
    RequestHost,
    /// `Connection` names a field that the message cannot do without.
    RequestConnection,
    /// `Max-Forwards` is not one whole number.
    RequestMaxForwards,
    /// The request body is malformed or ended early.
    RequestBody(BodyError),
    /// The head ended early.
    HeadTruncated,
    /// The head did not come in time.
    HeadTimeout,
    /// The body stood still for too long.
    BodyTimeout,
    /// The body comes by drops.
    BodyTooSlow,
    /// The body is larger than the mount allows.
    ContentTooLarge,
    /// An expectation other than `100-continue`.
    Expectation,
    /// A method that is not proxied at all.
    MethodRefused,
    /// A method that this mount does not allow; the allowed ones.
    MethodNotAllowed(String),
    /// The same, told as `paste.proxy` tells it.
    Disallowed {
        /// In HTML.
        html: bool,
    },
    /// No valid user and password came; the realm they belong to.
    CredentialsNeeded(String),
    /// Too many wait for their passwords to be checked.
    PasswordsBusy,
    /// The file of passwords or keys cannot be used.
    IdentityFile,
    /// No mount for this host and path.
    NoMount,
    /// An absolute target for a host that is not ours.
    Misdirected,
    /// A transparent mount was asked for a host that it does not serve.
    HostNotAllowed,
    /// All places of the client's address are taken.
    TooManyConnections,
    /// All of the mount's places are taken.
    Saturated,
    /// The same, and as many wait as may.
    QueueFull,
    /// It has waited for a place as long as it may.
    QueueTimeout,
    /// The mount has had its requests for this second; seconds until the next.
    RateExceeded(u32),
    /// All of the mount's places for tunnels are taken.
    TunnelsSaturated,
    /// The mount holds its requests, and this one cannot be held any longer.
    Paused,
    /// The mount takes no more requests, and ends what it has.
    Draining,
    /// The mount takes no requests.
    Disabled,
    /// The mount's actor has failed again and again.
    Failed,
    /// The mount is another one now, or gone: the table knows who answers.
    Moved,
    /// The request's generation of the mount has had its time.
    Cut,
    /// The mount's actor is not running.
    Unavailable,
    /// The upstream's name could not be resolved.
    Resolve,
    /// No connection to the upstream.
    Connect,
    /// No connection to the upstream in time.
    ConnectTimeout,
    /// The upstream has an address that this mount may not reach.
    AddressRefused,
    /// The upstream is our own admin listener.
    OwnAdmin,
    /// The upstream is our own front.
    Loop,
    /// The upstream closed before its answer was whole.
    UpstreamClosed,
    /// The upstream's head is malformed or too large.
    UpstreamHead(HeadError),
    /// The upstream's framing is malformed or conflicting.
    UpstreamFraming(FramingError),
    /// The upstream's body is malformed or ended early.
    UpstreamBody(BodyError),
    /// The upstream's content is not in the coding that it names.
    UpstreamCoding,
    /// Too many interim responses.
    UpstreamInterim,
    /// A 101 that does not grant what was asked for, or nothing was.
    UpstreamUpgrade,
    /// Something is wrong with the upstream's TLS, or with ours towards it.
    UpstreamTls(TlsFault),
    /// The process may not open another connection.
    OutOfDescriptors,
    /// The upstream did not answer in time.
    UpstreamSilent,
    /// The upstream stopped in the middle of its answer.
    UpstreamStalled,
    /// The exchange took longer than its mount allows.
    TotalTimeout,
    /// The client went away.
    ClientGone,
    /// The client takes no more of the reply, or takes it by drops.
    ClientStalled,
    /// A bug of ours.
    Internal,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The client's.
    Client,
    /// The upstream's.
    Upstream,
    /// Ours, or nobody's: a limit, a drain, a bug.
    Proxy,
}

/// Why a request was refused though nothing was wrong with it, in one word that
/// scripts can rely on: `X-Standin-Reason`, the stats and the metrics say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// As many requests as the mount allows are on their way.
    Concurrency,
    /// And as many as it allows wait.
    QueueFull,
    /// It has waited as long as the mount allows.
    QueueTimeout,
    /// Its content is more than the mount allows.
    Body,
    /// As many tunnels as the mount allows are open.
    Tunnels,
    /// As many requests as the mount allows have come this second.
    Rate,
    /// The mount is paused.
    Paused,
    /// The mount is being removed or drained.
    Draining,
    /// The mount is disabled.
    Disabled,
    /// The mount's actor is starting again.
    Restarting,
    /// The mount cannot work.
    Failed,
    /// Too many passwords wait to be checked.
    Passwords,
    /// The process has no file descriptor left.
    Descriptors,
    /// The client's address has too many connections.
    Connections,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Concurrency,
        Self::QueueFull,
        Self::QueueTimeout,
        Self::Body,
        Self::Tunnels,
        Self::Rate,
        Self::Paused,
        Self::Draining,
        Self::Disabled,
        Self::Restarting,
        Self::Failed,
        Self::Passwords,
        Self::Descriptors,
        Self::Connections,
    ];

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::QueueFull => "queue-full",
            Self::QueueTimeout => "queue-timeout",
            Self::Body => "body",
            Self::Tunnels => "tunnels",
            Self::Rate => "rate",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Passwords => "passwords",
            Self::Descriptors => "descriptors",
            Self::Connections => "connections",
        }
    }

    /// The member of the mount that says how much there may be, where one does.
    #[must_use]
    pub fn budget(self) -> Option<&'static str> {
        Some(match self {
            Self::Concurrency => "limits.concurrent_requests_max",
            Self::QueueFull => "limits.queue_max",
            Self::QueueTimeout => "limits.queue_wait_ms_max",
            Self::Body => "limits.request_body_bytes_max",
            Self::Tunnels => "limits.tunnels_max",
            Self::Rate => "limits.requests_per_s_max",
            _ => return None,
        })
    }
}

/// What the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// One sentence, without internals.
    pub text: &'static str,
    /// True when the connection cannot be trusted with another request.
    pub close: bool,
    /// Seconds after which a retry may help.
    pub retry_after_s: Option<u32>,
}

impl Kind {
    /// The table. 502: the upstream spoke wrongly or could not be reached;
    /// 503: we refuse; 504: the upstream is too slow; 500: our bug.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let (status, text) = match self {
            Self::RequestHead(HeadError::LineTooLong) => (414, "the request line is longer than 8 KiB"),
            Self::RequestHead(HeadError::HeadTooLarge) => (431, "the request head is larger than 32 KiB"),
            Self::RequestHead(HeadError::TooManyFields) => (431, "the request has more than 100 header fields"),
            Self::RequestHead(HeadError::MethodTooLong) => (501, "the method is longer than 32 bytes"),
            Self::RequestHead(HeadError::Version) => (505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
            Self::RequestHead(HeadError::LineEnd) => (400, "a line of the request head does not end in CRLF"),
            Self::RequestHead(HeadError::Field) => (400, "a header field is malformed"),
            Self::RequestHead(HeadError::StartLine | HeadError::Status) => (400, "the request line is malformed"),
            Self::RequestFraming(FramingError::UnknownCoding) => (501, "the transfer coding is not known"),
            Self::RequestFraming(FramingError::ContentLength) => (400, "Content-Length is malformed or repeated"),
            Self::RequestFraming(FramingError::Both) => {
                (400, "Content-Length and Transfer-Encoding exclude each other")
            }
            Self::RequestFraming(FramingError::TransferEncoding) => (400, "Transfer-Encoding is malformed"),
            Self::RequestTarget(TargetError::Byte) => {
                (400, "the request target has a byte that must be percent-encoded")
            }
            Self::RequestTarget(TargetError::Form) => (400, "the request target does not go with the method"),
            Self::RequestTarget(TargetError::Path) => (400, "the path has a dot segment or a backslash"),
            Self::RequestHost => (400, "the request needs exactly one valid Host field"),
            Self::RequestConnection => (400, "Connection names a field that the message depends on"),
            Self::RequestMaxForwards => (400, "Max-Forwards is not one whole number"),
            Self::RequestBody(BodyError::Truncated) => (400, "the request body ended early"),
            Self::RequestBody(BodyError::TrailerTooLarge) => (431, "the trailer section is too large"),
            Self::RequestBody(BodyError::Chunk | BodyError::Trailer) => (400, "the chunked request body is malformed"),
            Self::HeadTruncated => (400, "the request head ended early"),
            Self::HeadTimeout => (408, "the request head did not arrive in time"),
            Self::BodyTimeout => (408, "the request body stopped arriving"),
            Self::BodyTooSlow => (408, "the request body arrives too slowly"),
            Self::ContentTooLarge => (413, "the request body is larger than this mount allows"),
            Self::Expectation => (417, "only the expectation 100-continue can be met"),
            Self::MethodRefused => (405, "this method is not proxied"),
            Self::MethodNotAllowed(_) => (405, "this method is not allowed here"),
            Self::Disallowed { .. } => (400, "Disallowed"),
            Self::CredentialsNeeded(_) => (401, "this needs a user and password that are known here"),
            Self::PasswordsBusy => (503, "too many passwords wait to be checked"),
            Self::IdentityFile => (500, "a file of passwords or keys that this mount needs cannot be used"),
            Self::NoMount => (404, "no mount answers for this host and path"),
            Self::Misdirected => (421, "no mount answers for the host of this absolute target"),
            Self::HostNotAllowed => (403, "this host may not be reached through this mount"),
            Self::TooManyConnections => (503, "too many connections from this address"),
            Self::Saturated => (503, "too many requests are in progress for this mount"),
            Self::QueueFull => (503, "too many requests wait for this mount"),
            Self::QueueTimeout => (503, "the request has waited too long for its turn at this mount"),
            Self::RateExceeded(_) => (429, "this mount takes no more requests in this second"),
            Self::TunnelsSaturated => (503, "too many tunnels are open through this mount"),
            Self::Paused => (503, "this mount is paused"),
            Self::Draining => (503, "this mount is switched off, and ends what it had"),
            Self::Disabled => (503, "this mount is switched off"),
            Self::Failed => (503, "this mount has failed again and again"),
            Self::Moved => (503, "this mount is being changed"),
            Self::Cut => (503, "this mount ends what it had"),
            Self::Unavailable => (503, "this mount is restarting"),
            Self::Resolve => (502, "the upstream's name could not be resolved"),
            Self::Connect => (502, "the upstream could not be reached"),
            Self::ConnectTimeout => (504, "the upstream did not accept a connection in time"),
            Self::AddressRefused => (502, "the upstream's address may not be reached"),
            Self::OwnAdmin => (403, "the admin interface is not reachable through a mount"),
            Self::Loop => (508, "the request came back to this proxy"),
            Self::UpstreamClosed => (502, "the upstream closed the connection without an answer"),
            Self::UpstreamBody(BodyError::Truncated) => (502, "the upstream's answer ended early"),
            Self::UpstreamHead(_) | Self::UpstreamFraming(_) | Self::UpstreamBody(_) => {
                (502, "the upstream's answer is not valid HTTP")
            }
            Self::UpstreamCoding => (502, "the upstream's content is not in the coding that it names"),
            Self::UpstreamInterim => (502, "the upstream sent too many interim responses"),
            Self::UpstreamUpgrade => (502, "the upstream changed to a protocol that was not asked for"),
            Self::UpstreamTls(fault) => (502, fault.text()),
            Self::OutOfDescriptors => (503, "the proxy has no file descriptor left for a connection to the upstream"),
            Self::UpstreamSilent => (504, "the upstream did not answer in time"),
            Self::UpstreamStalled => (504, "the upstream stopped in the middle of its answer"),
            Self::TotalTimeout => (504, "the request took longer than this mount allows"),
            Self::ClientGone => (499, "the client went away"),
            Self::ClientStalled => (499, "the client stopped reading"),
            Self::Internal => (500, "the proxy made a mistake"),
        };
        let close = matches!(
            self,
            Self::RequestHead(_)
                | Self::RequestFraming(_)
                | Self::RequestTarget(_)
                | Self::RequestHost
                | Self::RequestConnection
                | Self::RequestMaxForwards
                | Self::RequestBody(_)
                | Self::HeadTruncated
                | Self::HeadTimeout
                | Self::BodyTimeout
                | Self::BodyTooSlow
                | Self::ContentTooLarge
                | Self::Cut
                | Self::Expectation
                | Self::MethodRefused
                | Self::TooManyConnections
                | Self::ClientGone
                | Self::ClientStalled
                | Self::Internal
        );
        let retry_after_s = match self {
            Self::RateExceeded(seconds) => Some(*seconds),
            Self::TooManyConnections
            | Self::PasswordsBusy
            | Self::Saturated
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::TunnelsSaturated
            | Self::OutOfDescriptors
            | Self::Unavailable
            | Self::Paused
            | Self::Draining
            | Self::Disabled
            | Self::Failed
            | Self::Moved
            | Self::Cut => Some(1),
            _ => None,
        };
        Answer { status, text, close, retry_after_s }
    }

    /// True where there is no connection to the upstream, whatever is asked.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Resolve | Self::Connect | Self::ConnectTimeout | Self::AddressRefused | Self::UpstreamTls(_)
        )
    }

    /// Why a sound request was refused, where that is what happened.
    #[must_use]
    pub fn refusal(&self) -> Option<Reason> {
        Some(match self {
            Self::Saturated => Reason::Concurrency,
            Self::QueueFull => Reason::QueueFull,
            Self::QueueTimeout => Reason::QueueTimeout,
            Self::RateExceeded(_) => Reason::Rate,
            Self::TunnelsSaturated => Reason::Tunnels,
            Self::ContentTooLarge => Reason::Body,
            Self::Paused => Reason::Paused,
            Self::Disabled => Reason::Disabled,
            Self::Failed => Reason::Failed,
            Self::Draining | Self::Moved | Self::Cut => Reason::Draining,
            Self::Unavailable => Reason::Restarting,
            Self::PasswordsBusy => Reason::Passwords,
            Self::OutOfDescriptors => Reason::Descriptors,
            Self::TooManyConnections => Reason::Connections,
            _ => return None,
        })
    }

    /// The same in one word.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.refusal().map(Reason::name)
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Internal
            | Self::IdentityFile
            | Self::PasswordsBusy
            | Self::TooManyConnections
            | Self::Saturated
            | Self::QueueFull
            | Self::QueueTimeout
            | Self::RateExceeded(_)
            | Self::TunnelsSaturated
            | Self::OutOfDescriptors
            | Self::Paused
            | Self::Draining
            | Self::Disabled
            | Self::Failed
            | Self::Moved
            | Self::Cut
            | Self::Unavailable => Fault::Proxy,
            Self::Resolve
            | Self::Connect
            | Self::ConnectTimeout
            | Self::AddressRefused
            | Self::OwnAdmin
            | Self::Loop
            | Self::UpstreamClosed
            | Self::UpstreamHead(_)
            | Self::UpstreamFraming(_)
            | Self::UpstreamBody(_)
            | Self::UpstreamCoding
            | Self::UpstreamInterim
            | Self::UpstreamUpgrade
            | Self::UpstreamTls(_)
            | Self::UpstreamSilent
            | Self::UpstreamStalled
            | Self::TotalTimeout => Fault::Upstream,
            _ => Fault::Client,
        }
    }
}

/// A failure with its context. One word wide: it travels in every result.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    context: String,
}

impl Error {
    /// A failure, with what the log should say besides.
    #[must_use]
    pub fn new(kind: Kind, context: impl fmt::Display) -> Self {
        Self(Box::new(Inner { kind, context: context.to_string() }))
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The same in words, for who may know internals.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match &*self.0.context {
            "" => self.0.kind.answer().text.into(),
            _ => self.to_string().into(),
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self::new(kind, "")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.kind.answer().text)?;
        if !self.0.context.is_empty() {
            write!(formatter, ": {}", self.0.context)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The reason phrases of the statuses we answer ourselves.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_split_by_whose_fault_it_is() {
        assert_eq!(Kind::Connect.answer().status, 502);
        assert_eq!(Kind::ConnectTimeout.answer().status, 504);
        assert_eq!(Kind::UpstreamSilent.answer().status, 504);
        assert_eq!(Kind::Saturated.answer().status, 503);
        assert_eq!(Kind::Internal.answer().status, 500);
        assert_eq!(Kind::Saturated.answer().retry_after_s, Some(1));
        assert!(!Kind::Connect.answer().close, "an upstream's fault costs the client nothing");
        assert!(Kind::RequestFraming(FramingError::Both).answer().close);
        assert_eq!(Kind::UpstreamClosed.fault(), Fault::Upstream);
        assert_eq!(Kind::NoMount.fault(), Fault::Client);
    }

    #[test]
    fn refusals_have_a_reason_of_their_own_and_other_failures_none() {
        assert_eq!(Kind::Saturated.reason(), Some("concurrency"));
        assert_eq!(Kind::Connect.reason(), None);
        let mut names = Reason::ALL.map(Reason::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number, "the counters are found by it");
        }
    }
}
