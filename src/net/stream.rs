//! One connected byte stream, whichever transport carries it.
//!
//! Owns the socket. Clones share it, so one task may hold its reading and its
//! writing side in different rooms; only one task polls a stream.

use super::reactor::Watched;
use super::{pipe, tls};
use crate::limits::{TUNNEL_KEEP_ALIVE, UNSENT_BYTES_MAX};
use futures_lite::future;
use rustix::net::{RecvFlags, SendFlags};
use smallvec::SmallVec;
use std::io::{self, IoSlice, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A connected stream.
#[derive(Debug, Clone)]
pub struct Stream {
    socket: Arc<Socket>,
}

#[derive(Debug)]
enum Socket {
    Tcp(Watched<TcpStream>),
    Unix(Watched<UnixStream>),
    Pipe(pipe::End),
    Tls(Box<tls::Session>),
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
    /// A TCP stream that sends without waiting for more (`TCP_NODELAY`), and
    /// takes no more than the peer is about to: else megabytes would wait in
    /// the system, and a peer that reads slowly would look like one that does
    /// not read at all.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::prepare(&stream)?;
        Ok(Self::new(Socket::Tcp(Watched::connected(stream))))
    }

    /// Opens a TCP stream; no time is set for that.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = Watched::connecting(TcpStream::from(mio::net::TcpStream::connect(address)?));
        loop {
            future::poll_fn(|cx| stream.poll_writable(cx)).await?;
            if let Some(error) = stream.get_ref().take_error()? {
                return Err(error);
            }
            match stream.get_ref().peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
                Ok(_) => break,
            }
        }
        stream.may_write();
        Self::prepare(stream.get_ref())?;
        Ok(Self::new(Socket::Tcp(stream)))
    }

    fn prepare(stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
    }

    /// A Unix stream.
    pub fn unix(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(Socket::Unix(Watched::connected(stream))))
    }

    /// A connection in memory, for the simulation and the fuzzers.
    #[must_use]
    pub fn pipe(end: pipe::End) -> Self {
        Self::new(Socket::Pipe(end))
    }

    /// A session over another stream.
    #[must_use]
    pub fn tls(session: tls::Session) -> Self {
        Self::new(Socket::Tls(Box::new(session)))
    }

    fn new(socket: Socket) -> Self {
        Self { socket: Arc::new(socket) }
    }

    /// Reads into `buffer`; 0 is the end of the input.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let room = buffer.len();
        match &*self.socket {
            Socket::Tcp(stream) => stream.poll_read(cx, room, |stream| read(stream, buffer)),
            Socket::Unix(stream) => stream.poll_read(cx, room, |stream| read(stream, buffer)),
            Socket::Pipe(end) => end.poll_read(cx, buffer),
            Socket::Tls(session) => session.poll_read(cx, buffer),
        }
    }

    /// Writes some of the slices.
    pub fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &*self.socket {
            Socket::Tcp(stream) => stream.poll_write(cx, len(slices), |stream| write(stream, slices)),
            Socket::Unix(stream) => stream.poll_write(cx, len(slices), |stream| write(stream, slices)),
            Socket::Pipe(end) => end.poll_write(cx, slices),
            Socket::Tls(session) => session.poll_write(cx, slices),
        }
    }

    /// True where content on the socket is as it is, so that a [`Conduit`] can
    /// carry it.
    ///
    /// [`Conduit`]: super::Conduit
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain().is_some()
    }

    pub(super) fn plain(&self) -> Option<&Watched<TcpStream>> {
        match &*self.socket {
            Socket::Tcp(stream) => Some(stream),
            Socket::Unix(_) | Socket::Pipe(_) | Socket::Tls(_) => None,
        }
    }

    /// Ready once all that was written is with the system, which it is at once
    /// where nothing encrypts it on the way.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.socket {
            Socket::Tcp(_) | Socket::Unix(_) | Socket::Pipe(_) => Poll::Ready(Ok(())),
            Socket::Tls(session) => session.poll_flush(cx),
        }
    }

    /// Reads what is there, and does not wait for more.
    pub fn read_at_once(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        let room = buffer.len();
        match &*self.socket {
            Socket::Tcp(stream) => stream.read_at_once(room, |stream| read(stream, buffer)),
            Socket::Unix(stream) => stream.read_at_once(room, |stream| read(stream, buffer)),
            Socket::Pipe(_) | Socket::Tls(_) => match self.poll_read(&mut nobody, buffer) {
                Poll::Ready(read) => read,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            },
        }
    }

    /// True while nothing has come that was not asked for: no byte, no end, no
    /// error. What is not quiet must not be used for a new request.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let peeked = match &*self.socket {
            Socket::Tcp(stream) => stream.get_ref().peek(&mut byte),
            Socket::Unix(stream) => {
                socket2::SockRef::from(stream.get_ref()).peek(&mut [std::mem::MaybeUninit::uninit()])
            }
            Socket::Pipe(end) => return end.is_quiet(),
            Socket::Tls(session) => return session.is_quiet(),
        };
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The same as far as this thread has heard, which asks the system for all its
    /// sockets at once. Only where it can't tell is the system asked for this one.
    #[must_use]
    pub fn is_quiet_so_far(&self) -> bool {
        match &*self.socket {
            Socket::Tcp(stream) if stream.is_known_empty() => true,
            Socket::Unix(stream) if stream.is_known_empty() => true,
            _ => self.is_quiet(),
        }
    }

    /// Where the other end is, for TCP.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        match &*self.socket {
            Socket::Tcp(stream) => stream.get_ref().peer_addr().ok(),
            Socket::Unix(_) | Socket::Pipe(_) => None,
            Socket::Tls(session) => session.inner().peer_address(),
        }
    }

    /// Why the connection has failed, if it has and nobody was told yet. A
    /// reset behind an end of the input shows nowhere else.
    #[must_use]
    pub fn failure(&self) -> Option<io::Error> {
        let failure = match &*self.socket {
            Socket::Tcp(stream) => stream.get_ref().take_error(),
            Socket::Unix(stream) => stream.get_ref().take_error(),
            Socket::Pipe(end) => Ok(end.failure()),
            Socket::Tls(session) => return session.inner().failure(),
        };
        failure.unwrap_or_else(Some)
    }

    /// Has the system ask now and then whether the peer is still there.
    pub fn keep_alive(&self) -> io::Result<()> {
        match &*self.socket {
            Socket::Tcp(stream) => {
                let every = socket2::TcpKeepalive::new().with_time(TUNNEL_KEEP_ALIVE);
                socket2::SockRef::from(stream.get_ref()).set_tcp_keepalive(&every)
            }
            // A process that ends closes its end.
            Socket::Unix(_) | Socket::Pipe(_) => Ok(()),
            Socket::Tls(session) => session.inner().keep_alive(),
        }
    }

    /// Says that nothing more will be written.
    pub fn finish(&self) -> io::Result<()> {
        match &*self.socket {
            Socket::Tcp(stream) => stream.get_ref().shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.get_ref().shutdown(Shutdown::Write),
            Socket::Pipe(end) => end.finish(),
            Socket::Tls(session) => session.finish(),
        }
    }

    /// Ends the stream so that the peer sees a failure and not an end: TCP
    /// resets.
    pub fn abort(&self) {
        match &*self.socket {
            Socket::Tcp(stream) => {
                let _ = socket2::SockRef::from(stream.get_ref()).set_linger(Some(std::time::Duration::ZERO));
            }
            Socket::Unix(stream) => {
                let _ = stream.get_ref().shutdown(Shutdown::Both);
            }
            Socket::Pipe(end) => end.reset(),
            Socket::Tls(session) => session.inner().abort(),
        }
    }
}

/// To send one slice is cheaper than to write several, and to copy a few bytes is
/// cheaper than that.
const COPIED_BYTES_MAX: usize = 1024;

fn write(mut socket: impl Write + AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [only] => send(socket, only),
        _ if len(slices) <= COPIED_BYTES_MAX => {
            let mut whole = SmallVec::<[u8; COPIED_BYTES_MAX]>::new();
            slices.iter().for_each(|slice| whole.extend_from_slice(slice));
            send(socket, &whole)
        }
        _ => socket.write_vectored(slices),
    }
}

// Past the C library, whose wrappers of these two keep account of cancellation
// points for threads that nobody cancels.

fn read(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(socket, buffer, RecvFlags::empty())?;
    Ok(count)
}

fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)?)
}

fn len(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}
