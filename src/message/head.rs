//! Request and response heads: a start line over the same buffer as its fields.
//!
//! Owns the raw bytes of the head and nothing else. Made by `http1::parse`
//! from the wire, or by hand for the proxy's own answers.

use super::fields::{Fields, Index, Span};

/// The HTTP version a message came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, and any later 1.x, which is treated as 1.1 (RFC 9110 §2.5)
    Http11,
}

impl Version {
    /// The version as `Via` names it (RFC 9110 §7.6.3).
    #[must_use]
    pub fn number(self) -> &'static [u8] {
        match self {
            Self::Http10 => b"1.0",
            Self::Http11 => b"1.1",
        }
    }
}

/// The head of a request: any method token, the raw target, the fields.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Span,
    target: Span,
    /// The version it came with.
    pub version: Version,
    /// Its field lines.
    pub fields: Fields,
}

impl RequestHead {
    /// A head whose method and target lie in the buffer of `fields`.
    #[must_use]
    pub fn new(method: Span, target: Span, version: Version, fields: Fields) -> Self {
        Self { method, target, version, fields }
    }

    /// The method token as it came.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.method.of(self.fields.bytes())
    }

    /// The request target as it came.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.target.of(self.fields.bytes())
    }
}

/// The head of a response: any status from 100 to 599, the reason as bytes,
/// the fields.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    reason: Span,
    /// The version it came with.
    pub version: Version,
    /// Its field lines.
    pub fields: Fields,
}

impl ResponseHead {
    /// A head whose reason lies in the buffer of `fields`.
    #[must_use]
    pub fn new(status: u16, reason: Span, version: Version, fields: Fields) -> Self {
        debug_assert!((100..=599).contains(&status));
        Self { status, reason, version, fields }
    }

    /// A head of our own.
    #[must_use]
    pub fn own(status: u16, reason: &str) -> Self {
        let bytes = reason.as_bytes().to_vec();
        let reason = Span::new(0, bytes.len());
        Self::new(status, reason, Version::Http11, Fields::over(bytes, Index::with_room(8)))
    }

    /// The reason phrase as it came.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.reason.of(self.fields.bytes())
    }

    /// True for 1xx (RFC 9110 §15.2).
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// True for methods whose repetition has the effect of one (RFC 9110 §9.2.2).
/// A method we do not know is not idempotent.
#[must_use]
pub fn is_idempotent(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
}
