//! TLS towards upstreams: a session over a [`Stream`], and what can be wrong
//! with it.
//!
//! Owns the moving of records between rustls, which knows no sockets, and the
//! stream under it. Who is trusted is said by the configuration it is given.

use super::stream::Stream;
use crate::limits::TLS_BUFFER_BYTES_MAX;
use futures_lite::future;
use rustls::client::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// What is wrong with an upstream's TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// Its certificate leads to no authority that is trusted.
    Untrusted,
    /// Its certificate is for another name.
    Name,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate is an authority's, which may not be a server's.
    Authority,
    /// It has revoked its certificate.
    Revoked,
    /// It wants a certificate of ours, or a better one.
    ClientCertificate,
    /// It speaks no version or cipher that we do.
    Version,
    /// Something else: it speaks no TLS, or breaks off.
    Handshake,
    /// Our own files for it cannot be used.
    Setup,
}

impl TlsFault {
    /// In one sentence, for clients.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Untrusted => "the upstream's certificate is not signed by an authority that is trusted",
            Self::Name => "the upstream's certificate is not for its name",
            Self::Expired => "the upstream's certificate has expired",
            Self::NotYetValid => "the upstream's certificate is not valid yet",
            Self::Authority => {
                "the upstream's certificate is an authority's (CA:TRUE), which may not be a server's: issue one with CA:FALSE"
            }
            Self::Revoked => "the upstream's certificate was revoked",
            Self::ClientCertificate => "the upstream asks for a client certificate, or does not take the one it got",
            Self::Version => "the upstream speaks no version of TLS that is allowed",
            Self::Handshake => "no TLS connection to the upstream could be made",
            Self::Setup => "the proxy's own TLS files for the upstream cannot be used",
        }
    }

    /// What an error of a session means; none where it is the transport's.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref::<rustls::Error>().map(Self::of)
    }

    fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(fault) => match fault {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::Name,
                CertificateError::Revoked => Self::Revoked,
                // The library has no name of its own for it.
                CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Self::Authority,
                _ => Self::Untrusted,
            },
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied => Self::ClientCertificate,
                AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => Self::Version,
                _ => Self::Handshake,
            },
            rustls::Error::PeerIncompatible(_) => Self::Version,
            _ => Self::Handshake,
        }
    }
}

/// A TLS session over a stream. One task polls it, as any stream.
pub struct Session {
    inner: Stream,
    state: Mutex<ClientConnection>,
}

/// Makes the session and shakes hands, without a bound in time.
pub async fn connect(
    inner: Stream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<Stream, (TlsFault, io::Error)> {
    let faulty = |error: io::Error| (TlsFault::of_io(&error).unwrap_or(TlsFault::Handshake), error);
    let mut connection = ClientConnection::new(config, name).map_err(|error| faulty(io::Error::other(error)))?;
    connection.set_buffer_limit(Some(TLS_BUFFER_BYTES_MAX));
    let session = Session { inner, state: Mutex::new(connection) };
    future::poll_fn(|cx| session.poll_handshake(cx)).await.map_err(faulty)?;
    Ok(Stream::tls(session))
}

impl Session {
    /// The stream under it.
    #[must_use]
    pub fn inner(&self) -> &Stream {
        &self.inner
    }

    /// Never held while anything waits.
    fn state(&self) -> MutexGuard<'_, ClientConnection> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_handshake(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        while state.is_handshaking() {
            let flushed = self.poll_flush_state(cx, &mut state)?;
            if state.wants_read() {
                ready!(self.poll_receive(cx, &mut state))?;
                continue;
            }
            ready!(flushed);
            if !state.wants_read() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in what has come; an end of the input without a word is found by
    /// the reader.
    fn poll_receive(&self, cx: &mut Context<'_>, state: &mut ClientConnection) -> Poll<io::Result<()>> {
        let received = match state.read_tls(&mut Wire { stream: &self.inner, cx }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            received => received?,
        };
        if received == 0 && state.is_handshaking() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.understand(cx, state)?;
        Poll::Ready(Ok(()))
    }

    fn understand(&self, cx: &mut Context<'_>, state: &mut ClientConnection) -> io::Result<()> {
        state.process_new_packets().map(drop).map_err(|error| {
            // The alert that says why goes out if it can.
            let _ = self.poll_flush_state(cx, state);
            io::Error::new(io::ErrorKind::InvalidData, error)
        })
    }

    /// Sends what is encrypted, as far as the transport takes it.
    fn poll_flush_state(&self, cx: &mut Context<'_>, state: &mut ClientConnection) -> io::Result<Poll<()>> {
        while state.wants_write() {
            match state.write_tls(&mut Wire { stream: &self.inner, cx }) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Poll::Pending),
                Err(error) => return Err(error),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Reads plaintext; 0 is the end that the peer has said. An end that it
    /// has not said may be anybody's doing, and is an error.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        // Whoever waits for an answer must have sent the question. That nothing
        // can be sent any more is told to whoever writes.
        let _ = self.poll_flush_state(cx, &mut state);
        for _ in 0..TURNS_MAX {
            match state.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
            ready!(self.poll_receive(cx, &mut state))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes plaintext; it is sent as far as the transport takes it, and the
    /// rest with the next read, write or flush.
    pub fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        loop {
            let flushed = self.poll_flush_state(cx, &mut state)?;
            let taken = state.writer().write_vectored(slices)?;
            if taken > 0 || slices.iter().all(|slice| slice.is_empty()) {
                if flushed.is_ready() {
                    let _ = self.poll_flush_state(cx, &mut state)?;
                }
                return Poll::Ready(Ok(taken));
            }
            ready!(flushed);
        }
    }

    /// Ready once all that was taken is with the transport.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state();
        self.poll_flush_state(cx, &mut state)?.map(Ok)
    }

    /// True while the peer has said nothing that is meant for us: tickets and
    /// key updates are between the sessions.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let mut state = self.state();
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        // A few records at most come by themselves; more mean no good.
        for _ in 0..RECORDS_WHEN_QUIET_MAX {
            if !matches!(state.reader().read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return false;
            }
            if self.inner.is_quiet() {
                return true;
            }
            let received = state.read_tls(&mut AtOnce { stream: &self.inner });
            if !matches!(received, Ok(count) if count > 0) || self.understand(&mut nobody, &mut state).is_err() {
                return false;
            }
        }
        false
    }

    /// Says that nothing more will be written. All that was written must have
    /// been flushed before.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.state();
        state.send_close_notify();
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        let _ = self.poll_flush_state(&mut nobody, &mut state);
        self.inner.finish()
    }
}

/// Records in a row that bring nothing to read before others get their turn.
const TURNS_MAX: usize = 32;

/// Reads of one look at an idle session.
const RECORDS_WHEN_QUIET_MAX: usize = 8;

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The stream as rustls calls it: what would wait is told, and the task is
/// woken when it need not any more.
struct Wire<'a, 'b> {
    stream: &'a Stream,
    cx: &'a mut Context<'b>,
}

fn at_once<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        at_once(self.stream.poll_read(self.cx, buffer))
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        at_once(self.stream.poll_write(self.cx, &[IoSlice::new(bytes)]))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        at_once(self.stream.poll_write(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The stream, when nobody waits for it.
struct AtOnce<'a> {
    stream: &'a Stream,
}

impl Read for AtOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read_at_once(buffer)
    }
}
