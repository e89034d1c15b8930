//! Whether a client is still there while it waits.
//!
//! Owns the difference between a client that says no more and one that has
//! gone: both send FIN. Who has only said all it had to say must be answered
//! (RFC 9112 §9.6); who has gone must not keep an upstream busy. A client that
//! has gone answers whatever it is sent with a reset; so, after a moment, it is
//! sent something that means nothing. What that can be depends on how far its
//! reply is, and is the caller's to know.

use crate::exchange::RequestBody;
use crate::limits::{BLOCKED_LOOK, TICK, UNWATCHED_MAX};
use crate::net::Deadline;
use std::task::{Context, Poll};
use std::time::Duration;

/// What is known of the client of one exchange.
#[derive(Debug, Default)]
pub struct Presence {
    /// Nothing has moved for a moment, and so it is watched.
    watched: bool,
    /// It says no more.
    half_closed: bool,
    /// It was sent something to see whether it is there.
    asked: bool,
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
    /// Something has moved: for a moment nobody need look, and most exchanges
    /// are over by then.
    pub fn moved(&mut self, deadline: &Deadline) {
        self.watched = false;
        deadline.nudge(UNWATCHED_MAX);
    }

    /// The reply begins: the client may be asked once more, in another way.
    pub fn reply_begins(&mut self, deadline: &Deadline) {
        self.asked = false;
        self.moved(deadline);
    }

    /// Looks while nothing moves; the task is woken for the next look.
    pub fn look(&mut self, cx: &mut Context<'_>, body: &RequestBody, deadline: &Deadline) -> Look {
        deadline.remember(cx);
        let is_time = deadline.is_nudged();
        if !self.watched && !is_time {
            return Look::There;
        }
        self.watched = true;
        let mut side = body.side();
        if !self.half_closed {
            // Whoever takes the content also sees its end.
            let ended = if side.is_body_done() { side.poll_end(cx) } else { Poll::Pending };
            match ended {
                Poll::Ready(Err(_)) => return Look::Gone,
                Poll::Ready(Ok(())) => self.half_closed = true,
                Poll::Pending => {
                    // What nobody reads, because it finds no room, shows a
                    // reset in no other way.
                    let is_unread = !side.is_body_done() || !side.has_room();
                    if is_unread && is_time && side.input.stream().failure().is_some() {
                        return Look::Gone;
                    }
                    deadline.nudge(if is_unread { BLOCKED_LOOK } else { Duration::MAX });
                    return Look::There;
                }
            }
        }
        if side.input.stream().failure().is_some() {
            return Look::Gone;
        }
        deadline.nudge(TICK);
        if std::mem::replace(&mut self.asked, true) { Look::There } else { Look::Ask }
    }
}
