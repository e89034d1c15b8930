//! The content of a request, read from the client's connection as the upstream
//! takes it.
//!
//! Owns the reading side of a client connection: its buffer stays with it from
//! request to request, so read-ahead is never lost. The front reads heads from
//! it, the upstream side content; both run in the connection's one task, so
//! the lock is never contended and never held across an await.

use crate::error::{Error, Kind};
use crate::http1::{BodyDecoder, Found, Framing};
use crate::net::{Input, Stream};
use std::io::IoSlice;
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
    /// Interim responses on their way to the client.
    interim: Vec<u8>,
}

impl ClientSide {
    /// The side of that stream, with nothing received yet.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { input: Input::new(stream), decoder: BodyDecoder::new(Framing::None), taken: 0, interim: Vec::new() }
    }

    /// The content of the next request is framed like that.
    pub fn begin(&mut self, framing: Framing) {
        self.decoder = BodyDecoder::new(framing);
        self.taken = 0;
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
                    return Poll::Ready(Ok(len));
                }
                Found::End { skip } => {
                    self.input.consume(skip);
                    return Poll::Ready(Ok(0));
                }
                Found::More { skip } => self.input.consume(skip),
            }
            let count = ready!(self.input.poll_read(cx)).map_err(|error| Error::new(Kind::ClientGone, error))?;
            if count == 0 {
                self.decoder.end_of_input().map_err(|error| Error::from(Kind::RequestBody(error)))?;
            }
        }
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

    /// Sends interim responses as far as the client takes them now.
    fn poll_interim(&mut self, cx: &mut Context<'_>) {
        while !self.interim.is_empty() {
            match self.input.stream().poll_write(cx, &[IoSlice::new(&self.interim)]) {
                Poll::Ready(Ok(count)) if count > 0 => drop(self.interim.drain(..count)),
                // A failure shows again when the final response is written.
                Poll::Ready(_) | Poll::Pending => return,
            }
        }
    }

    /// What of the interim responses was not sent yet; it goes first.
    pub fn take_interim(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.interim)
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

    /// Sends an interim response to the client, now or before the final one.
    pub fn poll_send_interim(&self, cx: &mut Context<'_>, head: &[u8]) {
        let mut side = self.side();
        side.interim.extend_from_slice(head);
        side.poll_interim(cx);
    }

    /// The whole content, if it is at most `bytes_max`; None if it is more.
    pub async fn read_all(&self, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut content = Vec::new();
        loop {
            let count = futures_lite::future::poll_fn(|cx| self.side().poll_content(cx)).await?;
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
