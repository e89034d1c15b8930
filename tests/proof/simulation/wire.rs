//! One end of a connection as a peer of the proxy uses it. Its parser is
//! small, strict and none of the proxy's.

use super::Sim;
use futures_lite::future::poll_fn;
use standin::net::pipe::End;
use std::cell::{Cell, RefCell};
use std::io::IoSlice;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Why it does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The other side said that this is all.
    End,
    /// The connection broke.
    Reset,
    /// This side has had enough.
    Over,
    /// What was to be written has been, as far as the plan wants it.
    Cut,
}

/// Something that changes now and then, and tasks that want to know.
#[derive(Debug, Default)]
pub struct Bell(RefCell<Vec<Waker>>);

impl Bell {
    pub fn ring(&self) {
        self.0.take().into_iter().for_each(Waker::wake);
    }

    pub fn listen(&self, cx: &Context<'_>) {
        self.0.borrow_mut().push(cx.waker().clone());
    }
}

/// Says that this side has had enough.
#[derive(Debug, Default)]
pub struct Over {
    flag: Cell<bool>,
    bell: Bell,
}

impl Over {
    pub fn set(&self) {
        self.flag.set(true);
        self.bell.ring();
    }

    pub fn is_set(&self) -> bool {
        self.flag.get()
    }

    fn poll(&self, cx: &Context<'_>) -> bool {
        self.bell.listen(cx);
        self.flag.get()
    }
}

/// How often one side of a connection pauses: what dawdles at every byte never ends.
const PAUSES_MAX: u8 = 12;

/// The reading side.
pub struct Wire {
    sim: Rc<Sim>,
    end: Rc<End>,
    over: Rc<Over>,
    ahead: Vec<u8>,
    /// Everything that ever came.
    pub all: Vec<u8>,
    /// After so many bytes nothing is read any more.
    pub stops_after: Option<usize>,
    pauses_left: u8,
}

impl Wire {
    pub fn new(sim: &Rc<Sim>, end: &Rc<End>, over: &Rc<Over>) -> Self {
        let (sim, end, over) = (Rc::clone(sim), Rc::clone(end), Rc::clone(over));
        Self { sim, end, over, ahead: Vec::new(), all: Vec::new(), stops_after: None, pauses_left: PAUSES_MAX }
    }

    /// A head: through its empty line.
    pub async fn head(&mut self) -> Result<Vec<u8>, Stop> {
        self.through(b"\r\n\r\n").await
    }

    /// `count` bytes; those that came stay in `into` if the rest does not.
    pub async fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), Stop> {
        let wanted = into.len() + count;
        loop {
            let here = self.ahead.len().min(wanted - into.len());
            into.extend(self.ahead.drain(..here));
            if into.len() == wanted {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    /// A chunked body without its framing.
    pub async fn chunked(&mut self, into: &mut Vec<u8>) -> Result<(), Stop> {
        loop {
            let line = self.through(b"\r\n").await?;
            let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a chunk size: {digits:?}"));
            if size == 0 {
                break;
            }
            self.exactly(size, into).await?;
            let mut end = Vec::new();
            self.exactly(2, &mut end).await?;
            assert_eq!(end, b"\r\n", "a chunk is longer than its size");
        }
        while self.through(b"\r\n").await? != b"\r\n" {}
        Ok(())
    }

    /// Everything until it stops.
    pub async fn until_stop(&mut self, into: &mut Vec<u8>) -> Stop {
        loop {
            into.append(&mut self.ahead);
            if let Err(stop) = self.fill().await {
                return stop;
            }
        }
    }

    /// True when something was read ahead.
    pub fn has_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    async fn through(&mut self, delimiter: &[u8]) -> Result<Vec<u8>, Stop> {
        loop {
            let found = self.ahead.windows(delimiter.len()).position(|window| window == delimiter);
            if let Some(start) = found {
                return Ok(self.ahead.drain(..start + delimiter.len()).collect());
            }
            self.fill().await?;
        }
    }

    /// Reads some bytes.
    pub async fn fill(&mut self) -> Result<(), Stop> {
        self.sim.dawdle(&mut self.pauses_left).await;
        if self.stops_after.is_some_and(|bytes| self.all.len() >= bytes) {
            // Until somebody loses patience.
            self.sim.pause(100_000).await;
            return Err(Stop::Over);
        }
        let mut room = [0; 4096];
        let read = poll_fn(|cx| {
            if self.over.poll(cx) {
                return Poll::Ready(None);
            }
            self.end.poll_read(cx, &mut room).map(Some)
        });
        match read.await {
            None => Err(Stop::Over),
            Some(Ok(0)) => Err(Stop::End),
            Some(Ok(count)) => {
                self.ahead.extend_from_slice(&room[..count]);
                self.all.extend_from_slice(&room[..count]);
                Ok(())
            }
            Some(Err(_)) => Err(Stop::Reset),
        }
    }
}

/// The writing side.
pub struct Pen {
    sim: Rc<Sim>,
    end: Rc<End>,
    over: Rc<Over>,
    /// How many bytes may still be written before [`Stop::Cut`].
    pub left: usize,
    pauses_left: u8,
}

impl Pen {
    pub fn new(sim: &Rc<Sim>, end: &Rc<End>, over: &Rc<Over>) -> Self {
        Self {
            sim: Rc::clone(sim),
            end: Rc::clone(end),
            over: Rc::clone(over),
            left: usize::MAX,
            pauses_left: PAUSES_MAX,
        }
    }

    /// Writes all of it, in pieces as the dice will have them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let is_cut = bytes.len() > self.left;
        let mut rest = &bytes[..bytes.len().min(self.left)];
        let most = self.sim.dice.one_of(&[2, 50, 3000, 100_000]);
        // As few as one byte a read, where that does not take for ever.
        let fewest = 1 + bytes.len() / 500;
        while !rest.is_empty() {
            self.sim.dawdle(&mut self.pauses_left).await;
            let piece = (fewest + self.sim.dice.below(most)).min(rest.len());
            self.end.deliver_at_most(fewest + self.sim.dice.below(most));
            let written = poll_fn(|cx| {
                if self.over.poll(cx) {
                    return Poll::Ready(None);
                }
                self.end.poll_write(cx, &[IoSlice::new(&rest[..piece])]).map(Some)
            });
            match written.await {
                None => return Err(Stop::Over),
                Some(Ok(count)) => {
                    self.left -= count;
                    rest = &rest[count..];
                }
                Some(Err(_)) => return Err(Stop::Reset),
            }
        }
        if is_cut { Err(Stop::Cut) } else { Ok(()) }
    }
}
