//! Whether a client is still there while it waits.
//!
//! Owns the difference between a client that says no more and one that has
//! gone: both send FIN. Who has only said all it had to say must be answered
//! (RFC 9112 §9.6); who has gone must not keep an upstream busy. A client that
//! has gone answers whatever it is sent with a reset; so, after a moment, it is
//! sent something that means nothing. What that can be depends on how far its
//! reply is, and is the caller's to know.

use crate::exchange::RequestBody;
use crate::limits::{BLOCKED_LOOK, HALF_CLOSED_MAX, TICK};
use crate::net::Deadline;
use std::task::{Context, Poll};
use std::time::Duration;

/// What is known of the client of one exchange.
#[derive(Debug, Default)]
pub struct Presence {
    /// It says no more.
    half_closed: bool,
    /// It was sent something to see whether it is there.
    asked: bool,
    /// Nobody reads from it, because what it sends finds no room.
    unread: bool,
}

/// What a look at the client's side has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is there, or nobody can tell.
    There,
    /// It says no more: send it something, and its answer will tell.
    Ask,
    /// It has gone.
    Gone,
}

impl Presence {
    /// Looks while nothing moves; the task is woken for the next look.
    pub fn look(&mut self, cx: &mut Context<'_>, body: &RequestBody, deadline: &Deadline) -> Look {
        let mut side = body.side();
        if !self.half_closed {
            // Whoever takes the content also sees its end.
            let ended = if side.is_body_done() { side.poll_end(cx) } else { Poll::Pending };
            match ended {
                Poll::Ready(Err(_)) => return Look::Gone,
                Poll::Ready(Ok(())) => {
                    self.half_closed = true;
                    deadline.nudge(HALF_CLOSED_MAX);
                }
                Poll::Pending => {
                    let unread = !side.is_body_done() || !side.has_room();
                    if unread != self.unread {
                        self.unread = unread;
                        deadline.nudge(if unread { BLOCKED_LOOK } else { Duration::MAX });
                    }
                    if !unread {
                        return Look::There;
                    }
                }
            }
        }
        deadline.remember(cx);
        if !deadline.is_nudged() {
            return Look::There;
        }
        if side.input.stream().failure().is_some() {
            return Look::Gone;
        }
        if !self.half_closed {
            deadline.nudge(BLOCKED_LOOK);
            return Look::There;
        }
        deadline.nudge(TICK);
        if std::mem::replace(&mut self.asked, true) { Look::There } else { Look::Ask }
    }

    /// The reply has begun: the client may be asked in another way.
    pub fn reply_begins(&mut self, deadline: &Deadline) {
        self.asked = false;
        self.moved(deadline);
    }

    /// Something has moved, so that nobody need ask for now.
    pub fn moved(&self, deadline: &Deadline) {
        if self.half_closed {
            deadline.nudge(HALF_CLOSED_MAX);
        }
    }
}
