//! One connected byte stream, whichever transport carries it.
//!
//! Owns the socket. Clones share it, so one task may hold its reading and its
//! writing side in different rooms; only one task polls a stream.

use async_io::Async;
use futures_lite::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A connected stream.
#[derive(Debug, Clone)]
pub enum Stream {
    /// TCP, with `TCP_NODELAY`.
    Tcp(Arc<Async<TcpStream>>),
    /// A Unix socket.
    Unix(Arc<Async<UnixStream>>),
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address and port.
    Tcp(SocketAddr),
    /// A process on this machine.
    Unix,
}

impl Peer {
    /// The address, where there is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix => None,
        }
    }
}

impl Stream {
    /// A TCP stream that sends without waiting for more (`TCP_NODELAY`).
    pub fn tcp(stream: Async<TcpStream>) -> io::Result<Self> {
        stream.get_ref().set_nodelay(true)?;
        Ok(Self::Tcp(Arc::new(stream)))
    }

    /// A Unix stream.
    #[must_use]
    pub fn unix(stream: Async<UnixStream>) -> Self {
        Self::Unix(Arc::new(stream))
    }

    /// Reads into `buffer`; 0 is the end of the input.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(&mut &**stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(&mut &**stream).poll_read(cx, buffer),
        }
    }

    /// Writes some of the slices.
    pub fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(&mut &**stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(&mut &**stream).poll_write_vectored(cx, slices),
        }
    }

    /// True while nothing has come that was not asked for: no byte, no end, no
    /// error. What is not quiet must not be used for a new request.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let peeked = match self {
            Self::Tcp(stream) => stream.get_ref().peek(&mut byte),
            Self::Unix(stream) => socket2::SockRef::from(stream.get_ref()).peek(&mut [std::mem::MaybeUninit::uninit()]),
        };
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says that nothing more will be written.
    pub fn finish(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.get_ref().shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.get_ref().shutdown(Shutdown::Write),
        }
    }

    /// Ends the stream so that the peer sees a failure and not an end: TCP
    /// resets.
    pub fn abort(&self) {
        match self {
            Self::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream.get_ref()).set_linger(Some(std::time::Duration::ZERO));
            }
            Self::Unix(stream) => {
                let _ = stream.get_ref().shutdown(Shutdown::Both);
            }
        }
    }
}
