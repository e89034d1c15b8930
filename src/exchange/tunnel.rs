//! Both directions of a connection that has changed its protocol.
//!
//! Owns the order of bytes and the half-close of each direction. What came
//! behind either head goes first; nothing is looked at. Each direction holds
//! back at most one read buffer: a side that takes no more stops the other.
//! Dropped before both sides have ended, it resets the upstream's; the client's
//! is the business of who holds that.

use crate::limits::{BLOCKED_LOOK, HALF_TUNNEL_IDLE_MAX};
use crate::net::{Deadline, Input, Stream};
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Duration;

/// The upstream's end of a tunnel, and how far each direction is.
#[derive(Debug)]
pub struct Tunnel {
    upstream: Input,
    idle: Duration,
    sent: Flow,
    received: Flow,
}

/// How a tunnel ended.
#[derive(Debug)]
pub enum TunnelEnd {
    /// Both sides have said that they are done.
    Finished,
    /// The client's connection failed.
    Client(io::Error),
    /// The upstream's connection failed.
    Upstream(io::Error),
    /// Nothing moved for too long.
    Idle,
}

/// One direction.
#[derive(Debug, Default)]
struct Flow {
    bytes: u64,
    /// The source has ended.
    ended: bool,
    /// And the sink was told.
    finished: bool,
}

impl Drop for Tunnel {
    /// What did not end by itself must not look as if it had.
    fn drop(&mut self) {
        if !(self.sent.finished && self.received.finished) {
            self.upstream.stream().abort();
        }
    }
}

/// Which side of a flow failed.
enum Failure {
    Source(io::Error),
    Sink(io::Error),
}

/// Reads and writes of one direction before others get their turn.
const TURNS_MAX: usize = 32;

impl Tunnel {
    /// One over that upstream connection, which may stand still for `idle`.
    #[must_use]
    pub fn new(upstream: Input, idle: Duration) -> Self {
        // A peer that is gone without a word is found before the idle bound;
        // without the option it is found by that.
        let _ = upstream.stream().keep_alive();
        Self { upstream, idle, sent: Flow::default(), received: Flow::default() }
    }

    /// Carries bytes until the tunnel ends.
    pub fn poll(&mut self, cx: &mut Context<'_>, client: &mut Input, deadline: &Deadline) -> Poll<TunnelEnd> {
        let progress = |tunnel: &Self| (tunnel.bytes(), tunnel.sent.finished, tunnel.received.finished);
        let before = progress(self);
        let (client_stream, upstream_stream) = (client.stream().clone(), self.upstream.stream().clone());
        let sent = self.sent.poll(cx, client, &upstream_stream);
        let received = self.received.poll(cx, &mut self.upstream, &client_stream);
        match (sent, received) {
            (Poll::Ready(Err(Failure::Source(error))), _) | (_, Poll::Ready(Err(Failure::Sink(error)))) => {
                Poll::Ready(TunnelEnd::Client(error))
            }
            (Poll::Ready(Err(Failure::Sink(error))), _) | (_, Poll::Ready(Err(Failure::Source(error)))) => {
                Poll::Ready(TunnelEnd::Upstream(error))
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(TunnelEnd::Finished),
            _ => {
                if before != progress(self) {
                    deadline.arm(self.idle());
                }
                if deadline.poll(cx).is_ready() {
                    return Poll::Ready(TunnelEnd::Idle);
                }
                // A side that is not read from, since the other takes no more,
                // is looked at now and then.
                if deadline.is_nudged() {
                    if let Some(error) = client_stream.failure() {
                        return Poll::Ready(TunnelEnd::Client(error));
                    }
                    if let Some(error) = upstream_stream.failure() {
                        return Poll::Ready(TunnelEnd::Upstream(error));
                    }
                }
                let is_blocked = !client.unread().is_empty() || !self.upstream.unread().is_empty();
                deadline.nudge(if is_blocked { BLOCKED_LOOK } else { Duration::MAX });
                Poll::Pending
            }
        }
    }

    /// Bytes to the upstream and from it.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.sent.bytes, self.received.bytes)
    }

    /// How long it may stand still: not for long once one side has ended,
    /// since that side has most likely gone.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let half = self.sent.finished || self.received.finished;
        if half { self.idle.min(HALF_TUNNEL_IDLE_MAX) } else { self.idle }
    }
}

impl Flow {
    /// Ready once the source has ended and the sink was told.
    fn poll(&mut self, cx: &mut Context<'_>, source: &mut Input, sink: &Stream) -> Poll<Result<(), Failure>> {
        for _ in 0..TURNS_MAX {
            let flushed = sink.poll_flush(cx);
            if !source.unread().is_empty() {
                match sink.poll_write(cx, &[IoSlice::new(source.unread())]) {
                    Poll::Ready(Ok(count)) if count > 0 => {
                        source.consume(count);
                        self.bytes += count as u64;
                    }
                    Poll::Ready(Ok(_)) => return Poll::Ready(Err(Failure::Sink(io::ErrorKind::WriteZero.into()))),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Sink(error))),
                    Poll::Pending => return Poll::Pending,
                }
            } else if let Poll::Ready(Err(error)) = flushed {
                return Poll::Ready(Err(Failure::Sink(error)));
            } else if self.ended {
                if flushed.is_pending() {
                    return Poll::Pending;
                }
                if !std::mem::replace(&mut self.finished, true) {
                    // A sink that is gone already needs no telling.
                    let _ = sink.finish();
                }
                return Poll::Ready(Ok(()));
            } else {
                match source.poll_read(cx) {
                    Poll::Ready(Ok(0)) => self.ended = true,
                    // An end of TLS without a word. What a tunnel carries has
                    // ends of its own, and few care to say this one.
                    Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => self.ended = true,
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Source(error))),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
