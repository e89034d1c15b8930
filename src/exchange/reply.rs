//! The reply half: a head, and content as it comes.

use super::credit::Credit;
use super::tunnel::Tunnel;
use crate::error::Error;
use crate::http1::Framing;
use crate::message::{Fields, ResponseHead};
use crate::net::Conduit;
use std::fmt;
use std::task::{Context, Poll};

/// A reply on its way to the client.
#[derive(Debug)]
pub struct Reply {
    /// Its head; the framing fields in it are only hints.
    pub head: ResponseHead,
    /// How its content is delimited where it comes from.
    pub framing: Framing,
    /// Its content.
    pub body: ReplyBody,
    /// Its place among the mount's requests, until the last byte.
    pub credit: Option<Credit>,
    /// True when the connection to the client must not be used again.
    pub close: bool,
    /// Trailers may be passed on.
    pub takes_trailers: bool,
}

impl Reply {
    /// A whole reply of our own.
    #[must_use]
    pub fn whole(head: ResponseHead, content: Vec<u8>) -> Self {
        let framing = Framing::Length(content.len() as u64);
        Self {
            head,
            framing,
            body: ReplyBody::Bytes { content, at: 0 },
            credit: None,
            close: false,
            takes_trailers: false,
        }
    }
}

/// Content that arrives bit by bit. One task polls it.
pub trait BodyStream: fmt::Debug + Send + Sync {
    /// Waits until content is there and tells how much; 0 is its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>>;
    /// The same for a taker who can also take it from [`BodyStream::conduit`].
    fn poll_fill_any(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        self.poll_fill(cx)
    }
    /// What holds the content that is there, if that is not in memory.
    fn conduit(&mut self) -> Option<&mut Conduit> {
        None
    }
    /// The content that is there.
    fn data(&self) -> &[u8];
    /// Drops `count` bytes of it from the front; out of a conduit they were
    /// given already.
    fn consume(&mut self, count: usize);
    /// Keeps the request going while the client takes no more of the reply.
    fn poll_drive(&mut self, cx: &mut Context<'_>);
    /// The trailers to pass on, once the content has ended.
    fn take_trailers(&mut self) -> Fields {
        Fields::default()
    }
}

/// Where the content of a reply comes from.
#[derive(Debug)]
pub enum ReplyBody {
    /// From memory.
    Bytes {
        /// All of it.
        content: Vec<u8>,
        /// How much has gone.
        at: usize,
    },
    /// From an upstream connection.
    Stream(Box<dyn BodyStream>),
    /// None: behind the head the connection is a tunnel.
    Tunnel(Box<Tunnel>),
}

impl ReplyBody {
    /// No content.
    pub const NONE: Self = Self::Bytes { content: Vec::new(), at: 0 };

    /// See [`BodyStream::poll_fill`].
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        match self {
            Self::Bytes { content, at } => Poll::Ready(Ok(content.len() - *at)),
            Self::Stream(stream) => stream.poll_fill(cx),
            Self::Tunnel(_) => Poll::Ready(Ok(0)),
        }
    }

    /// See [`BodyStream::poll_fill_any`].
    pub fn poll_fill_any(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        match self {
            Self::Stream(stream) => stream.poll_fill_any(cx),
            Self::Bytes { .. } | Self::Tunnel(_) => self.poll_fill(cx),
        }
    }

    /// See [`BodyStream::conduit`].
    pub fn conduit(&mut self) -> Option<&mut Conduit> {
        match self {
            Self::Stream(stream) => stream.conduit(),
            Self::Bytes { .. } | Self::Tunnel(_) => None,
        }
    }

    /// See [`BodyStream::data`].
    #[must_use]
    pub fn data(&self) -> &[u8] {
        match self {
            Self::Bytes { content, at } => &content[*at..],
            Self::Stream(stream) => stream.data(),
            Self::Tunnel(_) => &[],
        }
    }

    /// See [`BodyStream::consume`].
    pub fn consume(&mut self, count: usize) {
        match self {
            Self::Bytes { at, .. } => *at += count,
            Self::Stream(stream) => stream.consume(count),
            Self::Tunnel(_) => debug_assert_eq!(count, 0),
        }
    }

    /// See [`BodyStream::poll_drive`].
    pub fn poll_drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Stream(stream) = self {
            stream.poll_drive(cx);
        }
    }

    /// See [`BodyStream::take_trailers`].
    pub fn take_trailers(&mut self) -> Fields {
        match self {
            Self::Stream(stream) => stream.take_trailers(),
            Self::Bytes { .. } | Self::Tunnel(_) => Fields::default(),
        }
    }
}
