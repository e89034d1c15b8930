//! A connection in memory, for the simulation and the fuzzers.
//!
//! Owns what TCP would do between two programs: bounded bytes under way in each
//! direction, ends, half-closes and resets. A program under test never sees a
//! difference; whoever tests it holds the other end, with knobs that a network
//! does not have. Nothing in the proxy itself opens one.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Two connected ends, with room for `capacity` bytes in each direction.
#[must_use]
pub fn pair(capacity: usize) -> (End, End) {
    let (one, other) = (Arc::new(Lane::new(capacity)), Arc::new(Lane::new(capacity)));
    (End { incoming: Arc::clone(&one), outgoing: Arc::clone(&other) }, End { incoming: other, outgoing: one })
}

/// One end. Dropped, it is closed: in order when everything that came was
/// read, else by a reset, as TCP does.
#[derive(Debug)]
pub struct End {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
}

/// One direction.
#[derive(Debug)]
struct Lane {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// How many bytes one read may get; 0 holds everything back.
    read_bytes_max: usize,
    /// How many bytes were ever written.
    written: u64,
    ended: bool,
    reset: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn new(capacity: usize) -> Self {
        let state = State {
            bytes: VecDeque::new(),
            capacity,
            read_bytes_max: usize::MAX,
            written: 0,
            ended: false,
            reset: false,
            reader_gone: false,
            reader: None,
            writer: None,
        };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes both sides, which look at it anew.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let (changed, wakers) = {
            let mut state = self.state();
            let changed = change(&mut state);
            (changed, [state.reader.take(), state.writer.take()])
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
        changed
    }

    fn reset(&self) {
        self.change(|state| {
            state.reset = true;
            state.bytes.clear();
        });
    }
}

impl End {
    /// Reads into `buffer`; 0 is the end of the input.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        {
            let mut state = self.incoming.state();
            if state.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let held_back = state.read_bytes_max == 0;
            if held_back || (state.bytes.is_empty() && !state.ended) {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(self.incoming.change(|state| {
            let count = state.bytes.len().min(buffer.len()).min(state.read_bytes_max);
            for (to, from) in buffer.iter_mut().zip(state.bytes.drain(..count)) {
                *to = from;
            }
            count
        })))
    }

    /// Writes some of the slices. What is written to an end that is gone is
    /// taken, as TCP takes it, and answered by a reset.
    pub fn poll_write(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let reader_gone = {
            let mut state = self.outgoing.state();
            if state.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if state.ended {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if !state.reader_gone && state.bytes.len() >= state.capacity {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.reader_gone
        };
        if reader_gone {
            self.reset();
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        Poll::Ready(Ok(self.outgoing.change(|state| {
            let before = state.bytes.len();
            for slice in slices {
                let room = state.capacity - state.bytes.len();
                state.bytes.extend(slice.iter().take(room));
            }
            let count = state.bytes.len() - before;
            state.written += count as u64;
            count
        })))
    }

    /// True while a read would wait: no byte, no end, no reset.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let state = self.incoming.state();
        state.bytes.is_empty() && !state.ended && !state.reset
    }

    /// The failure of the connection, if it was broken.
    #[must_use]
    pub fn failure(&self) -> Option<io::Error> {
        self.incoming.state().reset.then(|| io::ErrorKind::ConnectionReset.into())
    }

    /// Says that nothing more will be written.
    pub fn finish(&self) -> io::Result<()> {
        self.outgoing.change(|state| {
            state.ended = true;
            if state.reset { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
        })
    }

    /// Breaks the connection: from now on reads and writes of both ends fail,
    /// and what was under way is lost.
    pub fn reset(&self) {
        self.incoming.reset();
        self.outgoing.reset();
    }

    /// From now on the other end gets at most so many bytes in one read; none
    /// at all, not even an end, while it is 0.
    pub fn deliver_at_most(&self, bytes: usize) {
        self.outgoing.change(|state| state.read_bytes_max = bytes);
    }

    /// How many bytes have come that were not read here.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.incoming.state().bytes.len()
    }

    /// How many bytes written here the other end has not read.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.outgoing.state().bytes.len()
    }

    /// How many bytes were written here since the beginning.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.outgoing.state().written
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let all_read = self.incoming.change(|state| {
            state.reader_gone = true;
            state.bytes.is_empty()
        });
        if all_read {
            let _ = self.finish();
        } else {
            self.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    fn read(end: &End) -> Option<Result<Vec<u8>, ErrorKind>> {
        let mut buffer = [0; 8];
        match end.poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(read) => Some(read.map(|count| buffer[..count].to_vec()).map_err(|error| error.kind())),
            Poll::Pending => None,
        }
    }

    fn write(end: &End, bytes: &[u8]) -> Option<Result<usize, ErrorKind>> {
        match end.poll_write(&mut Context::from_waker(Waker::noop()), &[IoSlice::new(bytes)]) {
            Poll::Ready(written) => Some(written.map_err(|error| error.kind())),
            Poll::Pending => None,
        }
    }

    #[test]
    fn bytes_pass_in_order_within_the_capacity_and_the_wanted_pieces() {
        let (near, far) = pair(4);
        assert_eq!(write(&near, b"abcdef"), Some(Ok(4)));
        assert_eq!(write(&near, b"ef"), None);
        assert!(!far.is_quiet() && far.unread() == 4 && near.under_way() == 4);
        near.deliver_at_most(0);
        assert_eq!(read(&far), None);
        near.deliver_at_most(3);
        assert_eq!(read(&far), Some(Ok(b"abc".to_vec())));
        assert_eq!(read(&far), Some(Ok(b"d".to_vec())));
        assert_eq!(read(&far), None);
        assert_eq!(near.written(), 4);
    }

    #[test]
    fn a_half_close_is_an_end_behind_the_bytes_and_the_other_direction_goes_on() {
        let (near, far) = pair(8);
        assert_eq!(write(&near, b"ab"), Some(Ok(2)));
        near.finish().unwrap();
        assert_eq!(write(&near, b"c"), Some(Err(ErrorKind::BrokenPipe)));
        assert_eq!(read(&far), Some(Ok(b"ab".to_vec())));
        assert_eq!(read(&far), Some(Ok(vec![])));
        assert_eq!(write(&far, b"x"), Some(Ok(1)));
        assert_eq!(read(&near), Some(Ok(b"x".to_vec())));
    }

    #[test]
    fn a_reset_fails_both_ends_and_loses_what_was_under_way() {
        let (near, far) = pair(8);
        assert_eq!(write(&near, b"ab"), Some(Ok(2)));
        near.reset();
        assert!(!far.is_quiet());
        for end in [&near, &far] {
            assert_eq!(read(end), Some(Err(ErrorKind::ConnectionReset)));
            assert_eq!(write(end, b"x"), Some(Err(ErrorKind::ConnectionReset)));
        }
    }

    #[test]
    fn a_drop_closes_and_unread_bytes_make_it_a_reset() {
        let (near, far) = pair(8);
        drop(near);
        assert_eq!(read(&far), Some(Ok(vec![])));
        assert_eq!(write(&far, b"a"), Some(Ok(1)), "taken, for the sender cannot know yet");
        assert_eq!(write(&far, b"b"), Some(Err(ErrorKind::ConnectionReset)));
        let (near, far) = pair(8);
        assert_eq!(write(&far, b"a"), Some(Ok(1)));
        drop(near);
        assert_eq!(read(&far), Some(Err(ErrorKind::ConnectionReset)));
    }

    #[test]
    fn who_waits_is_woken() {
        async_io::block_on(async {
            use futures_lite::future::{poll_fn, zip};
            let (near, far) = pair(1);
            let sent = async {
                for byte in 0..100_u8 {
                    assert_eq!(poll_fn(|cx| near.poll_write(cx, &[IoSlice::new(&[byte])])).await.unwrap(), 1);
                }
                near.finish().unwrap();
            };
            let received = async {
                let mut all = Vec::new();
                let mut buffer = [0; 4];
                loop {
                    match poll_fn(|cx| far.poll_read(cx, &mut buffer)).await.unwrap() {
                        0 => return all,
                        count => all.extend_from_slice(&buffer[..count]),
                    }
                }
            };
            assert_eq!(zip(sent, received).await.1, (0..100).collect::<Vec<u8>>());
        });
    }
}
