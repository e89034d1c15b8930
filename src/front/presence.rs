//! Whether a client is still there while it waits.
//!
//! Owns the difference between a client that says no more and one that has
//! gone: both send FIN. Who has only said all it had to say must be answered
//! (RFC 9112 §9.6); who has gone must not keep an upstream busy. A client that
//! has gone answers whatever it is sent with a reset. So, after a moment, it is
//! sent an interim response, which every client of HTTP/1.1 must take
//! (RFC 9110 §15.2). In the middle of a reply nothing can be sent: there, a
//! client that says no more is given up when its upstream pauses too.

use crate::exchange::{ClientSide, RequestBody};
use crate::limits::{HALF_CLOSED_MAX, TICK};
use crate::net::Deadline;
use std::task::{Context, Poll};

/// What is known of the client of one exchange.
#[derive(Debug, Default)]
pub struct Presence {
    half_closed: bool,
    probed: bool,
}

const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Presence {
    /// Ready when the client has gone before its reply has begun. One of
    /// HTTP/1.0 cannot be asked; its upstream's time is bounded all the same.
    pub fn poll_gone(
        &mut self,
        cx: &mut Context<'_>,
        body: &RequestBody,
        deadline: &Deadline,
        takes_interim: bool,
    ) -> Poll<()> {
        let mut side = body.side();
        if self.poll_half_closed(cx, &mut side, deadline, HALF_CLOSED_MAX).is_ready() {
            return Poll::Ready(());
        }
        if !self.half_closed || !deadline.is_nudged() {
            return Poll::Pending;
        }
        if side.input.stream().failure().is_some() {
            return Poll::Ready(());
        }
        if takes_interim && !std::mem::replace(&mut self.probed, true) && side.send_interim(cx, PROBE).is_err() {
            return Poll::Ready(());
        }
        deadline.nudge(TICK);
        Poll::Pending
    }

    /// Ready when the client has gone in the middle of its reply. Asked while
    /// the upstream pauses.
    pub fn poll_gone_in_reply(&mut self, cx: &mut Context<'_>, body: &RequestBody, deadline: &Deadline) -> Poll<()> {
        let mut side = body.side();
        if self.poll_half_closed(cx, &mut side, deadline, PAUSE_MAX).is_ready() {
            return Poll::Ready(());
        }
        if self.half_closed && deadline.is_nudged() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The reply moves on.
    pub fn moved(&self, deadline: &Deadline) {
        if self.half_closed {
            deadline.nudge(PAUSE_MAX);
        }
    }

    /// Ready when the connection has failed. Learns when the client says no
    /// more, and has the task woken `after` that.
    fn poll_half_closed(
        &mut self,
        cx: &mut Context<'_>,
        side: &mut ClientSide,
        deadline: &Deadline,
        after: std::time::Duration,
    ) -> Poll<()> {
        // Whoever takes the content also sees its end.
        if !self.half_closed && side.is_body_done() {
            match side.poll_end(cx) {
                Poll::Pending => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    self.half_closed = true;
                    deadline.nudge(after);
                }
            }
        }
        if self.half_closed {
            deadline.remember(cx);
        }
        Poll::Pending
    }
}

/// How long a reply may pause under a client that says no more.
const PAUSE_MAX: std::time::Duration = HALF_CLOSED_MAX.saturating_mul(2);
