//! A source of content that does what a test says.

use crate::error::{Error, Kind};
use crate::exchange::BodyStream;
use crate::http1::BodyError;
use crate::message::Fields;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

/// What a source does next.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// This is there.
    Data(Vec<u8>),
    /// It has nothing now.
    Pause,
    /// It breaks off.
    Break,
}

/// A source that does those steps, and then ends.
#[derive(Debug)]
pub(super) struct Script {
    steps: VecDeque<Step>,
    trailers: Fields,
    /// How much it has said that there is: no more may be taken.
    told: usize,
}

impl Script {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Box<Self> {
        let steps = steps.into_iter().filter(|step| !matches!(step, Step::Data(data) if data.is_empty()));
        Box::new(Self { steps: steps.collect(), trailers: Fields::default(), told: 0 })
    }

    /// Content in pieces of that size.
    pub(super) fn pieces(content: &[u8], size: usize) -> Box<Self> {
        Self::new(content.chunks(size).map(|piece| Step::Data(piece.to_vec())))
    }

    pub(super) fn with_trailers(mut self: Box<Self>, names: &[&str]) -> Box<Self> {
        names.iter().for_each(|name| self.trailers.push(name.as_bytes(), b"x"));
        self
    }
}

impl BodyStream for Script {
    fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        match self.steps.front() {
            Some(Step::Data(data)) => {
                self.told = data.len();
                Poll::Ready(Ok(self.told))
            }
            Some(Step::Pause) => {
                self.steps.pop_front();
                Poll::Pending
            }
            Some(Step::Break) => Poll::Ready(Err(Kind::UpstreamBody(BodyError::Truncated).into())),
            None => Poll::Ready(Ok(0)),
        }
    }

    fn data(&self) -> &[u8] {
        if let Some(Step::Data(data)) = self.steps.front() { &data[..self.told] } else { &[] }
    }

    fn consume(&mut self, count: usize) {
        assert!((1..=self.told).contains(&count), "consumed what is not there");
        self.told -= count;
        if let Some(Step::Data(data)) = self.steps.front_mut() {
            data.drain(..count);
            if data.is_empty() {
                self.steps.pop_front();
            }
        }
    }

    fn poll_drive(&mut self, _: &mut Context<'_>) {}

    fn take_trailers(&mut self) -> Fields {
        std::mem::take(&mut self.trailers)
    }
}

/// What comes out before each pause, and how it ends. `take_max` bytes are
/// taken at a time.
pub(super) fn drain(body: &mut dyn BodyStream, take_max: usize) -> (Vec<Vec<u8>>, Result<(), Error>) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut parts = vec![Vec::new()];
    loop {
        match body.poll_fill(&mut cx) {
            Poll::Pending => parts.push(Vec::new()),
            Poll::Ready(Ok(0)) => return (parts, Ok(())),
            Poll::Ready(Ok(count)) => {
                assert_eq!(body.data().len(), count, "what is there is what was told");
                let taken = count.min(take_max);
                parts.last_mut().expect("one at least").extend_from_slice(&body.data()[..taken]);
                body.consume(taken);
            }
            Poll::Ready(Err(error)) => return (parts, Err(error)),
        }
    }
}
