//! A reply on its way to the client.
//!
//! Owns what is written when: head and first content together, content straight
//! from where it was received, and whatever is there while its source pauses.
//! And when to give up: a client that takes no more, or has gone, or whose
//! mount is cut off.

use super::presence::{Look, Presence};
use crate::error::{Error, Kind};
use crate::exchange::{Bounds, Credit, Pace, Reply, ReplyBody, RequestBody};
use crate::http1::encode::{self, ChunkHead};
use crate::net::{Deadline, Stream};
use std::io::IoSlice;
use std::task::{Context, Poll};

/// Writes of one reply before other connections get their turn.
const TURNS_MAX: usize = 32;

/// Where a reply goes, and what is noted of it.
pub struct Outgoing<'a> {
    /// The client.
    pub stream: &'a Stream,
    /// Its side of the connection, which tells whether it is still there.
    pub request: &'a RequestBody,
    /// The connection's.
    pub deadline: &'a Deadline,
    /// What is written already and not sent: the head.
    pub out: &'a mut Vec<u8>,
    /// Counts the content that was sent.
    pub sent_bytes: &'a mut u64,
}

/// A reply on its way: pending head or chunk framing, then content.
pub struct ReplyWriter<'a> {
    to: Outgoing<'a>,
    bounds: Bounds,
    pace: Pace,
    presence: Presence,
    out_at: usize,
    chunked: bool,
    /// Content announced and not written.
    data_left: usize,
    ended: bool,
}

impl<'a> ReplyWriter<'a> {
    /// For a reply whose head is in `to.out`.
    pub fn new(to: Outgoing<'a>, bounds: Bounds, mut presence: Presence, chunked: bool) -> Self {
        to.deadline.arm(bounds.idle);
        presence.reply_begins(to.deadline);
        Self { to, bounds, pace: Pace::default(), presence, out_at: 0, chunked, data_left: 0, ended: false }
    }

    /// Ready once all of it is with the client's system.
    pub fn poll(&mut self, cx: &mut Context<'_>, reply: &mut Reply) -> Poll<Result<(), Error>> {
        let body = &mut reply.body;
        for _ in 0..TURNS_MAX {
            if self.data_left == 0 && !self.ended {
                // The head goes with the first content, and so that is read.
                let is_bare = !self.chunked && self.out_at == self.to.out.len() && self.to.stream.is_plain();
                match if is_bare { body.poll_fill_any(cx) } else { body.poll_fill(cx) } {
                    Poll::Ready(Ok(0)) => {
                        self.ended = true;
                        if self.chunked {
                            encode::last_chunk(self.to.out, &body.take_trailers());
                        }
                    }
                    Poll::Ready(Ok(count)) => {
                        self.data_left = count;
                        if self.chunked {
                            self.to.out.extend_from_slice(ChunkHead::new(count).as_bytes());
                        }
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    // What is pending goes out while the source pauses.
                    Poll::Pending if self.out_at == self.to.out.len() => {
                        if reply.credit.as_ref().is_some_and(Credit::is_cut) {
                            return Poll::Ready(Err(Kind::Cut.into()));
                        }
                        match self.presence.look(cx, self.to.request, self.to.deadline) {
                            Look::Gone => return Poll::Ready(Err(Kind::ClientGone.into())),
                            // The size of the next chunk may begin with a zero.
                            Look::Ask if self.chunked => self.to.out.push(b'0'),
                            Look::Ask | Look::There => return Poll::Pending,
                        }
                    }
                    Poll::Pending => {}
                }
            }
            if self.out_at == self.to.out.len() && self.data_left == 0 {
                if self.ended {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            match self.poll_write(cx, body) {
                Poll::Ready(Ok(written)) => {
                    if !self.pace.moved(written, self.to.deadline.now_ms(), self.bounds.client_bytes_per_s) {
                        return Poll::Ready(Err(Error::new(Kind::ClientStalled, "it reads too slowly")));
                    }
                    self.presence.moved(self.to.deadline);
                    self.to.deadline.arm(self.bounds.idle);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::new(Kind::ClientGone, error))),
                Poll::Pending => {
                    self.pace.wait(self.to.deadline.now_ms());
                    body.poll_drive(cx);
                    if self.to.deadline.poll(cx).is_ready() {
                        let total = self.to.deadline.is_total_over();
                        let kind = if total { Kind::TotalTimeout } else { Kind::ClientStalled };
                        return Poll::Ready(Err(kind.into()));
                    }
                    if reply.credit.as_ref().is_some_and(Credit::is_cut) {
                        return Poll::Ready(Err(Kind::Cut.into()));
                    }
                    return Poll::Pending;
                }
            }
        }
        // Both sides are quicker than we are.
        if self.to.deadline.is_total_over() {
            return Poll::Ready(Err(Kind::TotalTimeout.into()));
        }
        if reply.credit.as_ref().is_some_and(Credit::is_cut) {
            return Poll::Ready(Err(Kind::Cut.into()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes once: what is pending, content, and the end of its chunk.
    fn poll_write(&mut self, cx: &mut Context<'_>, body: &mut ReplyBody) -> Poll<std::io::Result<usize>> {
        const CHUNK_END: &[u8] = b"\r\n";
        if let Some(conduit) = body.conduit() {
            let written = std::task::ready!(conduit.poll_give(cx, self.to.stream))?;
            self.content_written(body, written);
            return Poll::Ready(Ok(written));
        }
        let pending = &self.to.out[self.out_at..];
        let content = &body.data()[..self.data_left];
        let chunk_end = if self.chunked && self.data_left > 0 { CHUNK_END } else { b"" };
        let slices = [IoSlice::new(pending), IoSlice::new(content), IoSlice::new(chunk_end)];
        let all_written = std::task::ready!(self.to.stream.poll_write(cx, &slices))?;
        let mut written = all_written;
        if written == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
        }
        let of_pending = written.min(pending.len());
        self.out_at += of_pending;
        written -= of_pending;
        if self.out_at == self.to.out.len() {
            self.to.out.clear();
            self.out_at = 0;
        }
        let of_content = written.min(self.data_left);
        if of_content > 0 {
            self.content_written(body, of_content);
            written -= of_content;
            if self.data_left == 0 {
                self.to.out.extend_from_slice(&chunk_end[written..]);
            }
        }
        Poll::Ready(Ok(all_written))
    }

    fn content_written(&mut self, body: &mut ReplyBody, count: usize) {
        body.consume(count);
        self.data_left -= count;
        *self.to.sent_bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{BodyStream, ClientSide};
    use crate::message::ResponseHead;
    use crate::net::{Timer, pipe};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    /// Content without an end, all of it there.
    #[derive(Debug)]
    struct Endless;

    impl BodyStream for Endless {
        fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Result<usize, Error>> {
            Poll::Ready(Ok(1))
        }

        fn data(&self) -> &[u8] {
            b"x"
        }

        fn consume(&mut self, _: usize) {}

        fn poll_drive(&mut self, _: &mut Context<'_>) {}
    }

    struct Woken(AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Regression: where both sides were quicker than the proxy, one reply kept
    /// its thread to itself.
    #[test]
    fn a_reply_that_need_never_wait_lets_others_have_their_turn() {
        let timer = Timer::manual();
        let (near, far) = pipe::pair(1 << 20);
        let stream = Stream::pipe(near);
        let deadline = timer.deadline();
        let side = ClientSide::new(stream.clone(), Arc::clone(&deadline));
        let request = RequestBody::new(Arc::new(Mutex::new(side)));
        let (mut out, mut sent_bytes) = (Vec::new(), 0);
        let to = Outgoing {
            stream: &stream,
            request: &request,
            deadline: &deadline,
            out: &mut out,
            sent_bytes: &mut sent_bytes,
        };
        let mut writer = ReplyWriter::new(to, Bounds::OWN, Presence::default(), false);
        let mut reply = Reply::whole(ResponseHead::own(200, "OK"), Vec::new());
        reply.body = ReplyBody::Stream(Box::new(Endless));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = std::task::Waker::from(Arc::clone(&woken));
        assert!(writer.poll(&mut Context::from_waker(&waker), &mut reply).is_pending());
        assert!(woken.0.load(Ordering::Relaxed), "it goes on after them");
        assert_eq!(far.unread(), TURNS_MAX);
        deadline.limit_total(std::time::Duration::ZERO);
        timer.advance(std::time::Duration::from_secs(1));
        let over = writer.poll(&mut Context::from_waker(&waker), &mut reply);
        assert!(
            matches!(over, Poll::Ready(Err(error)) if *error.kind() == Kind::TotalTimeout),
            "nor does it miss its end"
        );
    }
}
