//! The content of a request, read from the client's connection as the upstream
//! takes it.
//!
//! Owns the reading side of a client connection: its buffer stays with it from
//! request to request, so read-ahead is never lost. The front reads heads from
//! it, the upstream side content; both run in the connection's one task, so
//! the lock is never contended and never held across an await.

use super::account::Account;
use super::bounds::Bounds;
use super::pace::Pace;
use crate::error::{Error, Kind};
use crate::http1::{BodyDecoder, Found, Framing};
use crate::limits::READ_BYTES;
use crate::message::Fields;
use crate::net::{Deadline, Input, Output, Stream};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// The reading side of a client connection.
#[derive(Debug)]
pub struct ClientSide {
    /// What has come in.
    pub input: Input,
    decoder: BodyDecoder,
    /// Content bytes taken of the current request.
    taken: u64,
    /// What the current exchange may take.
    pub bounds: Bounds,
    /// To whose account the current exchange goes.
    pub account: Account,
    pace: Pace,
    /// Interim responses on their way to the client. Few have any.
    interim: Option<Box<Output>>,
    deadline: Arc<Deadline>,
}

impl ClientSide {
    /// The side of that stream, with nothing received yet.
    #[must_use]
    pub fn new(stream: Stream, deadline: Arc<Deadline>) -> Self {
        Self {
            input: Input::new(stream),
            decoder: BodyDecoder::new(Framing::None),
            taken: 0,
            bounds: Bounds::OWN,
            account: Account::default(),
            pace: Pace::default(),
            interim: None,
            deadline,
        }
    }

    /// The content of the next request is framed like that.
    pub fn begin(&mut self, framing: Framing) {
        self.decoder = BodyDecoder::new(framing);
        self.taken = 0;
        self.bounds = Bounds::OWN;
        self.account.begin();
        self.pace = Pace::default();
    }

    /// How many bytes of content the current request has had.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The trailers behind the content.
    pub fn take_trailers(&mut self) -> Fields {
        self.decoder.take_trailers()
    }

    /// Ready when the client says no more or has gone. What it sends ahead
    /// meanwhile is kept, up to the first size of the buffer; behind that
    /// nothing can be told.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.has_room() {
            if ready!(self.input.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    /// True when no content of the current request is left to read.
    #[must_use]
    pub fn is_body_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// How many bytes of content are at the front of the buffer, after reading
    /// if there are none; 0 is the end of the content.
    pub fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        loop {
            match self.decoder.find(self.input.unread()).map_err(|error| Error::from(Kind::RequestBody(error)))? {
                Found::Data { skip, len } => {
                    self.input.consume(skip);
                    if self.taken.saturating_add(len as u64) > self.bounds.request_body_bytes {
                        return Poll::Ready(Err(Kind::ContentTooLarge.into()));
                    }
                    return Poll::Ready(Ok(len));
                }
                Found::End { skip } => {
                    self.input.consume(skip);
                    return Poll::Ready(Ok(0));
                }
                Found::More { skip } => self.input.consume(skip),
            }
            let Poll::Ready(read) = self.input.poll_read(cx) else {
                self.pace.wait(self.deadline.now_ms());
                return Poll::Pending;
            };
            let count = read.map_err(|error| Error::new(Kind::ClientGone, error))?;
            if !self.pace.moved(count, self.deadline.now_ms(), self.bounds.client_bytes_per_s) {
                return Poll::Ready(Err(Kind::BodyTooSlow.into()));
            }
            if count == 0 {
                self.decoder.end_of_input().map_err(|error| Error::from(Kind::RequestBody(error)))?;
            }
        }
    }

    /// Content is wanted from now on.
    fn wait_for_content(&self) {
        self.deadline.arm(self.bounds.idle);
    }

    /// As [`ClientSide::poll_content`], but no longer than it may stand still.
    fn poll_content_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        match self.poll_content(cx) {
            Poll::Pending if self.deadline.poll(cx).is_ready() => Poll::Ready(Err(Kind::BodyTimeout.into())),
            polled => polled,
        }
    }

    /// True while what is sent ahead is read.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.input.unread().len() < READ_BYTES
    }

    /// Takes `count` bytes of content that [`ClientSide::poll_content`] told.
    pub fn take(&mut self, count: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.input.unread()[..count]);
        self.skip(count);
    }

    /// Drops `count` bytes of content.
    pub fn skip(&mut self, count: usize) {
        self.input.consume(count);
        self.decoder.advance(count);
        self.taken += count as u64;
    }

    /// Sends an interim response to the client as far as it takes it now; the
    /// rest goes before the final response.
    pub fn send_interim(&mut self, cx: &mut Context<'_>, head: &[u8]) -> io::Result<()> {
        let interim = self.interim.get_or_insert_default();
        interim.extend_from_slice(head);
        while !interim.is_empty() {
            match self.input.stream().poll_write(cx, &[IoSlice::new(interim)]) {
                Poll::Ready(written) => drop(interim.drain(..written?)),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// What of the interim responses was not sent yet; it goes first.
    pub fn take_interim(&mut self) -> Option<Box<Output>> {
        self.interim.take()
    }
}

/// The content of one request.
#[derive(Debug, Clone)]
pub struct RequestBody {
    side: Arc<Mutex<ClientSide>>,
}

impl RequestBody {
    /// The content that comes next on that side.
    #[must_use]
    pub fn new(side: Arc<Mutex<ClientSide>>) -> Self {
        Self { side }
    }

    /// The side it comes from. Never held across an await.
    pub fn side(&self) -> MutexGuard<'_, ClientSide> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True once content was taken, so that the request cannot be sent again.
    #[must_use]
    pub fn is_taken_from(&self) -> bool {
        self.side().taken > 0
    }

    /// The whole content, if it is at most `bytes_max`; None if it is more.
    pub async fn read_all(&self, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut content = Vec::new();
        loop {
            self.side().wait_for_content();
            let count = futures_lite::future::poll_fn(|cx| self.side().poll_content_in_time(cx)).await?;
            if count == 0 {
                return Ok(Some(content));
            }
            if content.len() + count > bytes_max {
                return Ok(None);
            }
            self.side().take(count, &mut content);
        }
    }
}
