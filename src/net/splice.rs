//! Content that passes from one socket to another without coming into memory.
//!
//! Owns the pipes of the system through which it goes: how many there are, and
//! that each is empty when it is taken up. One that still holds something when
//! its exchange fails is closed with it and never used again. A thread keeps a
//! few empty ones for whatever comes next.

use super::spare::{self, Spare};
use super::stream::Stream;
use crate::limits::{PIPES_MAX, READ_BYTES_MAX, SPARE_PIPES_MAX};
use rustix::pipe::{self, PipeFlags, SpliceFlags};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

/// How many pipes there are.
static PIPES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Pipes with nothing in them that nobody needs for now.
    static SPARE: Spare<Pipe> = const { Spare::new(Vec::new()) };
}

/// What came in on one socket and lies in a pipe on its way to another.
#[derive(Debug)]
pub struct Conduit {
    pipe: Pipe,
    bytes: usize,
}

impl Conduit {
    /// Takes up to `bytes_max` of what comes in on `from`, at most
    /// `limits::READ_BYTES_MAX`. None where that must be read: where it comes in
    /// any other way than plainly over TCP, where it has ended, or where there is
    /// no pipe to be had.
    pub fn poll_take(cx: &mut Context<'_>, from: &Stream, bytes_max: usize) -> Poll<io::Result<Option<Self>>> {
        let Some(socket) = from.plain() else { return Poll::Ready(Ok(None)) };
        let Some(pipe) = Pipe::empty() else { return Poll::Ready(Ok(None)) };
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        // The pipe is empty, so what would block is the socket.
        let take = |socket: &_| Ok(pipe::splice(socket, None, &pipe.end, None, bytes_max, SpliceFlags::NONBLOCK)?);
        let Poll::Ready(taken) = socket.poll_read(cx, bytes_max, take) else {
            pipe.rest();
            return Poll::Pending;
        };
        // Where it took less than there was room for, it may be the pipe that is
        // full: packets take a place each, however small.
        socket.may_read();
        match taken {
            Ok(0) => Poll::Ready(Ok(None)),
            Ok(bytes) => Poll::Ready(Ok(Some(Self { pipe, bytes }))),
            Err(error) if is_refused(&error) => Poll::Ready(Ok(None)),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives some of it to `to`, for which [`Stream::is_plain`] holds.
    pub fn poll_give(&mut self, cx: &mut Context<'_>, to: &Stream) -> Poll<io::Result<usize>> {
        let socket = to.plain().ok_or(io::ErrorKind::Unsupported)?;
        let (start, bytes) = (&self.pipe.start, self.bytes);
        // The pipe is not empty, so what would block is the socket.
        let give = |socket: &_| Ok(pipe::splice(start, None, socket, None, bytes, SpliceFlags::NONBLOCK)?);
        let given = ready!(socket.poll_write(cx, bytes, give))?;
        if given == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        // What stopped it need not be a full socket; the next time tells.
        socket.may_write();
        self.bytes -= given;
        Poll::Ready(Ok(given))
    }

    /// Leaves the pipe to others, if nothing is in it.
    pub fn rest(self) {
        if self.bytes == 0 {
            self.pipe.rest();
        }
    }
}

/// True when it says that there is no such call, not for this socket or not for
/// us, and nothing of the socket itself.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

/// A pipe of the system. It has one of the places for as long as it is open.
#[derive(Debug)]
struct Pipe {
    start: OwnedFd,
    end: OwnedFd,
    _place: Place,
}

impl Pipe {
    /// One with nothing in it, if there is one to be had.
    fn empty() -> Option<Self> {
        spare::take(&SPARE).or_else(Self::open)
    }

    fn open() -> Option<Self> {
        let place = Place::take()?;
        let (start, end) = pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // A user who has many of them is given small ones, slower than memory.
        let bytes = pipe::fcntl_getpipe_size(&end).ok()?;
        (bytes >= READ_BYTES_MAX).then_some(Self { start, end, _place: place })
    }

    fn rest(self) {
        spare::keep(&SPARE, SPARE_PIPES_MAX, self);
    }
}

/// One of the places for pipes.
#[derive(Debug)]
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = PIPES.fetch_add(1, Ordering::Relaxed);
        // One too many is given back at once.
        let place = Self;
        (before < PIPES_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        PIPES.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pipe as memory;
    use futures_lite::future::{block_on, poll_fn};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread;

    /// The places for pipes are those of the whole process.
    struct Alone {
        _guard: MutexGuard<'static, ()>,
    }

    fn alone() -> Alone {
        static ALONE: Mutex<()> = Mutex::new(());
        Alone { _guard: ALONE.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    impl Drop for Alone {
        /// Before the next test, and not when the thread ends.
        fn drop(&mut self) {
            SPARE.with_borrow_mut(Vec::clear);
        }
    }

    fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Stream::tcp(listener.accept().unwrap().0).unwrap(), far)
    }

    fn take(from: &Stream, bytes_max: usize) -> Option<Conduit> {
        block_on(poll_fn(|cx| Conduit::poll_take(cx, from, bytes_max))).unwrap()
    }

    fn give(conduit: &mut Conduit, to: &Stream) -> usize {
        block_on(poll_fn(|cx| conduit.poll_give(cx, to))).unwrap()
    }

    fn spare() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn many_bytes_pass_in_order_however_slowly_they_are_taken() {
        const BYTES: usize = 16 * 1024 * 1024;
        let _alone = alone();
        let ((from, mut source), (to, mut sink)) = (pair(), pair());
        let sent: Vec<u8> = (0..BYTES / 4).flat_map(|number| u32::try_from(number).unwrap().to_le_bytes()).collect();
        let whole = sent.clone();
        let sending = thread::spawn(move || source.write_all(&sent).unwrap());
        let receiving = thread::spawn(move || {
            let (mut received, mut room) = (Vec::new(), vec![0; 40_000]);
            while let count @ 1.. = sink.read(&mut room).unwrap() {
                received.extend_from_slice(&room[..count]);
                thread::yield_now();
            }
            received
        });
        let mut moved = 0;
        while let Some(mut conduit) = take(&from, BYTES - moved) {
            assert!(conduit.bytes() <= READ_BYTES_MAX);
            while conduit.bytes() > 0 {
                moved += give(&mut conduit, &to);
            }
            conduit.rest();
            assert_eq!(spare(), 1, "one after the other takes one pipe");
        }
        drop(to);
        sending.join().unwrap();
        assert!(moved == BYTES && receiving.join().unwrap() == whole);
    }

    #[test]
    fn what_lies_behind_the_content_stays_where_it_is() {
        let _alone = alone();
        let ((from, mut source), (to, mut sink)) = (pair(), pair());
        source.write_all(b"contentnext").unwrap();
        let mut conduit = take(&from, 7).unwrap();
        assert_eq!((conduit.bytes(), give(&mut conduit, &to), conduit.bytes()), (7, 7, 0));
        let mut room = [0; 16];
        let count = block_on(poll_fn(|cx| from.poll_read(cx, &mut room))).unwrap();
        assert_eq!(&room[..count], b"next");
        let count = sink.read(&mut room).unwrap();
        assert_eq!(&room[..count], b"content");
    }

    #[test]
    fn a_pipe_that_holds_something_is_closed_and_an_empty_one_serves_the_next() {
        let _alone = alone();
        let ((from, mut source), (to, mut sink)) = (pair(), pair());
        source.write_all(b"lost").unwrap();
        let lost = take(&from, 100).unwrap();
        lost.rest();
        assert_eq!((spare(), PIPES.load(Ordering::Relaxed)), (0, 0));
        source.write_all(b"found").unwrap();
        let mut found = take(&from, 100).unwrap();
        assert_eq!(give(&mut found, &to), 5);
        found.rest();
        assert_eq!((spare(), PIPES.load(Ordering::Relaxed)), (1, 1));
        let mut room = [0; 16];
        let count = sink.read(&mut room).unwrap();
        assert_eq!(&room[..count], b"found");
        let waiting = block_on(futures_lite::future::poll_once(poll_fn(|cx| Conduit::poll_take(cx, &from, 100))));
        assert!(waiting.is_none() && spare() == 1, "who waits has none");
    }

    #[test]
    fn what_cannot_be_carried_is_to_be_read() {
        let _alone = alone();
        let (near, _far) = memory::pair(16);
        assert!(take(&Stream::pipe(near), 100).is_none(), "not TCP");
        let (from, mut source) = pair();
        let places: Vec<Place> = std::iter::from_fn(Place::take).collect();
        assert_eq!(places.len(), PIPES_MAX);
        source.write_all(b"x").unwrap();
        assert!(take(&from, 100).is_none(), "no place");
        drop(places);
        let mut conduit = take(&from, 100).unwrap();
        assert_eq!(conduit.bytes(), 1);
        drop(source);
        let mut byte = [0];
        assert!(take(&from, 100).is_none(), "an end");
        assert_eq!(block_on(poll_fn(|cx| from.poll_read(cx, &mut byte))).unwrap(), 0);
        let (to, sink) = pair();
        socket2::SockRef::from(&sink).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(sink);
        let given = block_on(poll_fn(|cx| conduit.poll_give(cx, &to)));
        assert!(given.is_err() && conduit.bytes() == 1, "{given:?}");
    }
}
