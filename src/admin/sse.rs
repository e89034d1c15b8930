//! Server-sent events as an answer of the API (HTML standard §9.2).
//!
//! Owns how an event is written, the body that draws events from a source only
//! as fast as its client takes them, the sign of life while there are none, and
//! how many such bodies there are. One ends when its source does, its client
//! goes, or the listener is to end: a stop waits for none of them.

use super::caller::Caller;
use super::model;
use super::problem::Problem;
use crate::error::Error;
use crate::exchange::{BodyStream, Exchange, Reply, ReplyBody};
use crate::http1::Framing;
use crate::limits::{EVENT_BUFFER_BYTES, EVENT_SILENCE_MAX, EVENT_STREAMS_MAX, EVENTS_PER_TURN_MAX};
use crate::net::{Deadline, Drain, Timer};
use futures_lite::Stream;
use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The media type.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// What says that the stream is alive: a comment, which clients skip.
const SIGN_OF_LIFE: &[u8] = b": \n\n";

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What a client that comes back says it has had last.
    pub id: Option<u64>,
    /// Its type; none is a `message`, or with no data nothing but an id. No line end may be in it.
    pub name: Option<Cow<'static, str>>,
    /// What it says; lines stay lines. All streams that tell it share it.
    pub data: Arc<str>,
    /// For people who read along; clients skip it.
    pub comment: Option<Cow<'static, str>>,
}

impl Event {
    /// An event of that type.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, data: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), data: data.into(), ..Self::default() }
    }

    /// The same with an id.
    #[must_use]
    pub fn with_id(self, id: u64) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Writes it as the client is to read it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(comment) = &self.comment {
            lines(out, "", comment);
        }
        if let Some(id) = self.id {
            lines(out, "id", &id.to_string());
        }
        if let Some(name) = &self.name {
            lines(out, "event", name);
        }
        // Without one the client would not tell anybody of the event, and only
        // keep its id.
        if self.name.is_some() || !self.data.is_empty() {
            lines(out, "data", &self.data);
        }
        out.push(b'\n');
    }
}

/// One line for each line of the value. All three line ends of the format end
/// one here: none can slip through into what the client reads as a field.
fn lines(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut rest = value;
    loop {
        let end = rest.find(['\r', '\n']);
        let line = &rest[..end.unwrap_or(rest.len())];
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
        let Some(end) = end else { return };
        rest = &rest[end..];
        rest = rest.strip_prefix("\r\n").unwrap_or_else(|| &rest[1..]);
    }
}

/// The streams of one listener.
#[derive(Debug, Clone)]
pub struct Streams {
    timer: Arc<Timer>,
    drain: Arc<Drain>,
    open: Arc<AtomicUsize>,
}

impl Streams {
    /// None yet, of the listener with that drain.
    #[must_use]
    pub fn new(timer: Arc<Timer>, drain: Arc<Drain>) -> Self {
        Self { timer, drain, open: Arc::default() }
    }

    /// How many there are.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A place for one more; 503 where there is none. What is told there ends
    /// when its caller's token counts no longer.
    pub fn admit(&self, caller: &Caller) -> Result<Place, Problem> {
        let taken = |open: usize| (open < EVENT_STREAMS_MAX).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => Ok(Place { open: Arc::clone(&self.open), caller: caller.clone() }),
            Err(_) => Err(Problem::new(
                503,
                format!("{EVENT_STREAMS_MAX} streams of events are open, and there may be no more; close one"),
            )),
        }
    }

    /// Has all of them look whether their callers are still let in.
    pub fn look(&self) {
        self.timer.wake_all();
    }

    /// The answer that tells the events of `source` as they come. To HEAD it has
    /// no content, and `source` is dropped.
    #[must_use]
    pub fn reply(
        &self,
        place: Place,
        exchange: &Exchange,
        source: impl Stream<Item = Event> + Send + 'static,
    ) -> Reply {
        let mut reply = Reply::whole(model::head(200, MEDIA_TYPE), Vec::new());
        reply.framing = Framing::Chunked;
        if exchange.head.method() != b"HEAD" {
            let body = EventBody::new(Box::pin(source), self.timer.deadline(), Arc::clone(&self.drain), place);
            reply.body = ReplyBody::Stream(Box::new(body));
        }
        reply
    }
}

/// The place of one open stream, given back when dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<AtomicUsize>,
    caller: Caller,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

type Source = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// The content of such an answer.
struct EventBody {
    /// None once it has ended. Never locked, only owned: a body must be `Sync`,
    /// and few streams are.
    source: Mutex<Option<Source>>,
    buffer: Vec<u8>,
    taken: usize,
    silence: Arc<Deadline>,
    drain: Arc<Drain>,
    place: Place,
}

impl EventBody {
    fn new(source: Source, silence: Arc<Deadline>, drain: Arc<Drain>, place: Place) -> Self {
        silence.arm(EVENT_SILENCE_MAX);
        Self { source: Mutex::new(Some(source)), buffer: Vec::new(), taken: 0, silence, drain, place }
    }

    /// Writes what the source has, up to what the buffer may hold.
    fn draw(&mut self, cx: &mut Context<'_>) {
        let source = self.source.get_mut().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..EVENTS_PER_TURN_MAX {
            let Some(events) = source else { return };
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(event)) => event.encode(&mut self.buffer),
                Poll::Ready(None) => *source = None,
                Poll::Pending => return,
            }
            if self.buffer.len() >= EVENT_BUFFER_BYTES {
                return;
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        self.source.get_mut().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl BodyStream for EventBody {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
            // A drain wakes every connection, and so does who revokes a token.
            if self.drain.is_draining() || !self.place.caller.is_let_in() {
                return Poll::Ready(Ok(0));
            }
            self.draw(cx);
            if !self.buffer.is_empty() {
                self.silence.arm(EVENT_SILENCE_MAX);
            } else if self.has_ended() {
                return Poll::Ready(Ok(0));
            } else if self.silence.poll(cx).is_ready() {
                self.buffer.extend_from_slice(SIGN_OF_LIFE);
                self.silence.arm(EVENT_SILENCE_MAX);
            } else {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(self.buffer.len() - self.taken))
    }

    fn data(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
    }

    /// The source waits with the client.
    fn poll_drive(&mut self, _: &mut Context<'_>) {}
}

impl fmt::Debug for EventBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventBody").field("buffered", &(self.buffer.len() - self.taken)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::stream;
    use std::task::Waker;

    fn text(event: &Event) -> String {
        let mut out = Vec::new();
        event.encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn streams(timer: &Arc<Timer>) -> Streams {
        Streams::new(Arc::clone(timer), Drain::new(1, Arc::clone(timer)))
    }

    fn body(streams: &Streams, source: impl Stream<Item = Event> + Send + 'static) -> EventBody {
        let place = streams.admit(&Caller::anyone()).unwrap();
        EventBody::new(Box::pin(source), streams.timer.deadline(), Arc::clone(&streams.drain), place)
    }

    /// What comes next; none while there is nothing.
    fn next(body: &mut EventBody) -> Option<String> {
        let Poll::Ready(filled) = body.poll_fill(&mut Context::from_waker(Waker::noop())) else { return None };
        let count = filled.unwrap();
        assert_eq!(count, body.data().len());
        let text = String::from_utf8(body.data().to_vec()).unwrap();
        body.consume(count);
        Some(text)
    }

    #[test]
    fn an_event_is_its_fields_and_an_empty_line() {
        assert_eq!(text(&Event::new("change", "{}").with_id(7)), "id: 7\nevent: change\ndata: {}\n\n");
        assert_eq!(text(&Event { data: "x".into(), ..Event::default() }), "data: x\n\n");
        assert_eq!(text(&Event::default().with_id(7)), "id: 7\n\n");
        let commented = Event { comment: Some("why".into()), ..Event::new("a", "") };
        assert_eq!(text(&commented), ": why\nevent: a\ndata: \n\n");
    }

    #[test]
    fn no_line_of_the_data_becomes_a_field_or_another_event() {
        let event = Event::new("a", "one\nid: 9\r\ndata: x\r\rend\n");
        assert_eq!(text(&event), "event: a\ndata: one\ndata: id: 9\ndata: data: x\ndata: \ndata: end\ndata: \n\n");
        assert_eq!(text(&Event::new("a\n\nid: 9", "x")), "event: a\nevent: \nevent: id: 9\ndata: x\n\n");
    }

    #[test]
    fn a_stream_tells_what_there_is_and_ends_with_its_source() {
        let streams = streams(&Timer::manual());
        let (sender, receiver) = async_channel::unbounded();
        let mut body = body(&streams, receiver);
        assert_eq!(next(&mut body), None);
        sender.try_send(Event::new("a", "1")).unwrap();
        sender.try_send(Event::new("b", "2")).unwrap();
        assert_eq!(next(&mut body).unwrap(), "event: a\ndata: 1\n\nevent: b\ndata: 2\n\n");
        assert_eq!(next(&mut body), None);
        drop(sender);
        assert_eq!(next(&mut body).unwrap(), "");
    }

    #[test]
    fn a_source_without_end_is_taken_a_buffer_at_a_time() {
        let streams = streams(&Timer::manual());
        let large = Event::new("a", "x".repeat(EVENT_BUFFER_BYTES / 3));
        let mut many = body(&streams, stream::repeat(large));
        let filled = next(&mut many).unwrap().len();
        assert!((EVENT_BUFFER_BYTES..EVENT_BUFFER_BYTES * 2).contains(&filled), "{filled}");
        let mut small = body(&streams, stream::repeat(Event::new("a", "")));
        assert_eq!(next(&mut small).unwrap().matches("event").count(), EVENTS_PER_TURN_MAX);
    }

    #[test]
    fn a_silent_stream_says_now_and_then_that_it_is_alive() {
        let timer = Timer::manual();
        let streams = streams(&timer);
        let (sender, receiver) = async_channel::unbounded();
        let mut body = body(&streams, receiver);
        let almost = EVENT_SILENCE_MAX - crate::limits::TICK;
        timer.advance(almost);
        assert_eq!(next(&mut body), None);
        sender.try_send(Event::new("a", "1")).unwrap();
        assert!(next(&mut body).is_some());
        timer.advance(almost);
        assert_eq!(next(&mut body), None, "what was told a moment ago is life enough");
        timer.advance(crate::limits::TICK * 2);
        assert_eq!(next(&mut body).unwrap(), ": \n\n");
        assert_eq!(next(&mut body), None);
    }

    #[test]
    fn a_drain_ends_it_whatever_its_source_has() {
        let streams = streams(&Timer::manual());
        let mut body = body(&streams, stream::repeat(Event::default()));
        assert!(!next(&mut body).unwrap().is_empty());
        streams.drain.begin();
        assert_eq!(next(&mut body).unwrap(), "");
    }

    #[test]
    fn there_are_only_so_many_and_places_come_free() {
        let streams = streams(&Timer::manual());
        let mut places: Vec<Place> =
            (0..EVENT_STREAMS_MAX).map(|_| streams.admit(&Caller::anyone()).unwrap()).collect();
        assert_eq!(streams.admit(&Caller::anyone()).unwrap_err().status, 503);
        places.pop();
        assert_eq!(streams.open(), EVENT_STREAMS_MAX - 1);
        assert!(streams.admit(&Caller::anyone()).is_ok());
    }
}
