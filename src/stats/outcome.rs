//! How an exchange has ended, as far as that is counted. Pure.

use crate::error::{Fault, Kind, Reason};
use std::time::{Duration, Instant};

/// What clients were told, in classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A switch to another protocol: a tunnel.
    Informational,
    /// 2xx
    Successful,
    /// 3xx
    Redirection,
    /// 4xx
    ClientError,
    /// 5xx
    ServerError,
    /// Nothing: the client had gone, or the exchange was cut off.
    Unanswered,
}

impl Class {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Informational,
        Self::Successful,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::Unanswered,
    ];

    /// The class of a status; 0 is none.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            100..=199 => Self::Informational,
            200..=299 => Self::Successful,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            500.. => Self::ServerError,
            _ => Self::Unanswered,
        }
    }

    /// As answers and metrics write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::Unanswered => "none",
        }
    }
}

/// What went wrong with an exchange, as far as it is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The upstream's fault.
    Upstream,
    /// The client's.
    Client,
    /// Ours: a file, a bug, a stop.
    Proxy,
    /// It was refused.
    Refused(Reason),
}

impl Failure {
    /// Those with a number of their own; refusals are counted by reason.
    pub const APART: [Self; 3] = [Self::Upstream, Self::Client, Self::Proxy];

    /// What a failure counts as.
    #[must_use]
    pub fn of(kind: &Kind) -> Self {
        match (kind.refusal(), kind.fault()) {
            (Some(reason), _) => Self::Refused(reason),
            (None, Fault::Upstream) => Self::Upstream,
            (None, Fault::Client) => Self::Client,
            (None, Fault::Proxy) => Self::Proxy,
        }
    }

    /// As answers and metrics write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Client => "client",
            Self::Proxy => "proxy",
            Self::Refused(reason) => reason.name(),
        }
    }
}

/// An exchange that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// What the client was told; 0 if nothing.
    pub status: u16,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// From the whole request head to the last byte.
    pub took: Duration,
    /// When that was.
    pub at: Instant,
}

impl Finished {
    /// True where the client did not get what it should have, and it was not
    /// its own fault.
    #[must_use]
    pub fn is_error(&self) -> bool {
        Class::of(self.status) == Class::ServerError || self.failure.is_some_and(|failure| failure != Failure::Client)
    }
}
