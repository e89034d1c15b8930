//! Which sockets have something for us: one reactor a thread.
//!
//! Owns the thread's wait for its sockets and for its wake-ups. A socket is told
//! to the system once, for as long as it lives (edge-triggered), and what is known
//! of it is a flag that its readers and writers look at: no request asks the
//! system to watch anything. It belongs to the thread whose task waited for it
//! first, and moves when a task of another one waits.

use super::stint::Stint;
use atomic_waker::AtomicWaker;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll as System, Registry, Token};
use slab::Slab;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread;
use std::time::{Duration, Instant};

/// Events taken from the system at a time; more come the next time.
const EVENTS_MAX: usize = 1024;

/// Where a thread is woken that waits for its sockets.
const WOKEN: Token = Token(usize::MAX);

/// The numbers of reactors begin behind that of none.
static REACTORS: AtomicUsize = AtomicUsize::new(1);

thread_local! {
    static HERE: RefCell<Option<Arc<Reactor>>> = const { RefCell::new(None) };
}

/// A thread's sockets, and the way to wake it.
#[derive(Debug)]
pub struct Reactor {
    /// Never 0.
    number: usize,
    registry: Registry,
    watches: Mutex<Slab<Arc<Watch>>>,
    wakeup: mio::Waker,
    /// Its thread has something to do.
    is_woken: AtomicBool,
    /// It waits, or is about to.
    is_waiting: AtomicBool,
}

/// The number of this thread's reactor; 0 where it has none.
#[must_use]
pub fn here() -> usize {
    HERE.with_borrow(|here| here.as_ref().map_or(0, |reactor| reactor.number))
}

/// Does something with this thread's reactor. A thread without one shares one
/// that runs on a thread of its own.
fn with_reactor<T>(run: impl FnOnce(&Arc<Reactor>) -> io::Result<T>) -> io::Result<T> {
    HERE.with_borrow(|here| match here {
        Some(reactor) => run(reactor),
        None => run(shared()?),
    })
}

fn shared() -> io::Result<&'static Arc<Reactor>> {
    static SHARED: OnceLock<Arc<Reactor>> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(reactor) = SHARED.get() {
        return Ok(reactor);
    }
    let driver = Driver::new()?;
    let reactor = Arc::clone(&driver.reactor);
    std::thread::Builder::new()
        .name("standin-io".into())
        .spawn(move || driver.block_on(futures_lite::future::pending::<()>()))?;
    Ok(SHARED.get_or_init(|| reactor))
}

impl Reactor {
    /// Told apart from all others by it; 0 is none.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    fn watches(&self) -> MutexGuard<'_, Slab<Arc<Watch>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn adopt(self: &Arc<Self>, watch: &Arc<Watch>, socket: RawFd) -> io::Result<Home> {
        let key = self.watches().insert(Arc::clone(watch));
        let home = Home { reactor: Arc::clone(self), key };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut SourceFd(&socket), Token(key), interest)?;
        Ok(home)
    }

    /// Has its own thread look at what there is to do before it waits. Only that
    /// thread may go by a look at the flag: what another one brings is sure to be
    /// seen only if it has written to the flag after that.
    pub fn stay_awake(&self) {
        if !self.is_woken.load(Ordering::Relaxed) {
            self.is_woken.swap(true, Ordering::SeqCst);
        }
    }
}

impl Wake for Reactor {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Either we see that it waits, or it sees that it is woken.
        if !self.is_woken.swap(true, Ordering::SeqCst) && self.is_waiting.load(Ordering::SeqCst) {
            // It cannot fail but for want of memory, and the next one is heard.
            let _ = self.wakeup.wake();
        }
    }
}

/// What a thread turns: its reactor and room for what the system says.
#[derive(Debug)]
pub struct Driver {
    reactor: Arc<Reactor>,
    system: System,
    events: Events,
    wakers: Vec<Waker>,
    stint: Stint,
}

impl Driver {
    /// With a reactor that no thread has yet.
    pub fn new() -> io::Result<Self> {
        let system = System::new()?;
        let reactor = Reactor {
            number: REACTORS.fetch_add(1, Ordering::Relaxed),
            registry: system.registry().try_clone()?,
            watches: Mutex::default(),
            wakeup: mio::Waker::new(system.registry(), WOKEN)?,
            is_woken: AtomicBool::new(false),
            is_waiting: AtomicBool::new(false),
        };
        let stint = Stint::begin(Instant::now());
        let events = Events::with_capacity(EVENTS_MAX);
        Ok(Self { reactor: Arc::new(reactor), system, events, wakers: Vec::new(), stint })
    }

    /// Its reactor.
    #[must_use]
    pub fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Runs `future` to its end on this thread, which has this reactor meanwhile.
    pub fn block_on<T>(mut self, future: impl Future<Output = T>) -> io::Result<T> {
        let _here = Here::begin(&self.reactor);
        let waker = Waker::from(Arc::clone(&self.reactor));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            // Whatever woke it until now is seen by this poll.
            self.reactor.is_woken.swap(false, Ordering::SeqCst);
            if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
                return Ok(done);
            }
            self.turn()?;
        }
    }

    /// Hears what the system has to say, and waits for it while there is nothing
    /// else to do.
    fn turn(&mut self) -> io::Result<()> {
        let mut asked = Instant::now();
        if self.stint.is_over(asked) {
            thread::yield_now();
            asked = Instant::now();
            self.stint = Stint::begin(asked);
        }
        let reactor = &*self.reactor;
        reactor.is_waiting.store(true, Ordering::SeqCst);
        let at_once = reactor.is_woken.load(Ordering::SeqCst).then_some(Duration::ZERO);
        let polled = self.system.poll(&mut self.events, at_once);
        reactor.is_waiting.store(false, Ordering::SeqCst);
        self.stint.paused(asked, Instant::now());
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        {
            let watches = reactor.watches();
            for event in &self.events {
                // One that has gone meanwhile is known no more, or another has
                // its place: that one looks once in vain.
                if let Some(watch) = watches.get(event.token().0) {
                    watch.hear(event, &mut self.wakers);
                }
            }
        }
        // Without the lock: who is woken may end, and its sockets with it.
        self.wakers.drain(..).for_each(Waker::wake);
        Ok(())
    }
}

/// While it lives, this thread has that reactor.
struct Here {
    before: Option<Arc<Reactor>>,
}

impl Here {
    fn begin(reactor: &Arc<Reactor>) -> Self {
        Self { before: HERE.replace(Some(Arc::clone(reactor))) }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.set(self.before.take());
    }
}

/// What is known of one socket.
#[derive(Debug)]
struct Watch {
    reading: Way,
    writing: Way,
    /// No more will come, so that reading never has to wait.
    has_ended: AtomicBool,
    /// The number of the reactor that has it, or 0.
    home_number: AtomicUsize,
    home: Mutex<Option<Home>>,
}

/// One of the two ways of a socket.
#[derive(Debug)]
struct Way {
    /// Reading, or writing, may succeed.
    is_open: AtomicBool,
    /// Whoever waits for that.
    waiting: AtomicWaker,
}

impl Way {
    fn new(is_open: bool) -> Self {
        Self { is_open: AtomicBool::new(is_open), waiting: AtomicWaker::new() }
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    /// True if it was open. It is closed from now on, so that an opening that
    /// comes while somebody goes it is not lost.
    fn enter(&self) -> bool {
        self.is_open.swap(false, Ordering::AcqRel)
    }
}

/// The place of a watch.
#[derive(Debug)]
struct Home {
    reactor: Arc<Reactor>,
    key: usize,
}

impl Drop for Home {
    fn drop(&mut self) {
        let gone = self.reactor.watches().try_remove(self.key);
        drop(gone);
    }
}

impl Watch {
    fn hear(&self, event: &mio::event::Event, wakers: &mut Vec<Waker>) {
        if event.is_read_closed() || event.is_error() {
            self.has_ended.store(true, Ordering::Release);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.reading.open();
            wakers.extend(self.reading.waiting.take());
        }
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            self.writing.open();
            wakers.extend(self.writing.waiting.take());
        }
    }

    /// Enters one of its ways once that is open; whoever polls is woken then.
    fn poll(self: &Arc<Self>, way: &Way, socket: RawFd, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if way.enter() {
            return Poll::Ready(Ok(()));
        }
        way.waiting.register(cx.waker());
        self.stay(socket)?;
        if way.enter() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Has it watched by this thread's reactor.
    fn stay(self: &Arc<Self>, socket: RawFd) -> io::Result<()> {
        with_reactor(|reactor| {
            if self.home_number.load(Ordering::Acquire) == reactor.number {
                return Ok(());
            }
            let mut home = self.home.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(before) = home.take() {
                before.reactor.registry.deregister(&mut SourceFd(&socket))?;
            }
            // What it is ready for now is told anew.
            *home = Some(reactor.adopt(self, socket)?);
            self.home_number.store(reactor.number, Ordering::Release);
            Ok(())
        })
    }
}

/// A socket that never blocks, and what is known of it. One task at a time reads
/// from it and one writes to it.
#[derive(Debug)]
pub struct Watched<S: AsRawFd> {
    socket: S,
    watch: Arc<Watch>,
}

impl<S: AsRawFd> Watched<S> {
    /// A connected socket, set not to block.
    pub fn connected(socket: S) -> Self {
        Self::new(socket, true)
    }

    /// A socket that is being connected: it is writable when that has ended.
    pub fn connecting(socket: S) -> Self {
        Self::new(socket, false)
    }

    fn new(socket: S, is_connected: bool) -> Self {
        let watch = Watch {
            reading: Way::new(true),
            writing: Way::new(is_connected),
            has_ended: AtomicBool::new(false),
            home_number: AtomicUsize::new(0),
            home: Mutex::new(None),
        };
        Self { socket, watch: Arc::new(watch) }
    }

    /// The socket.
    pub fn get_ref(&self) -> &S {
        &self.socket
    }

    /// Reads with `read` up to `room` bytes once that may succeed.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        mut read: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.watch.poll(&self.watch.reading, self.socket.as_raw_fd(), cx))?;
            match self.read_at_once(room, &mut read) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// The same, without waiting.
    pub fn read_at_once(&self, room: usize, mut read: impl FnMut(&S) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match read(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => {
                    let may_give_more = match &done {
                        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
                        // With less than there was room for it has given all, and
                        // says so when there is more; but an end was said already.
                        Ok(count) => *count == 0 || *count == room || self.watch.has_ended.load(Ordering::Acquire),
                    };
                    if may_give_more {
                        self.watch.reading.open();
                    }
                    return done;
                }
            }
        }
    }

    /// True when it has been read empty, and this thread would have heard of
    /// anything that came before it last asked the system, and has not.
    pub fn is_known_empty(&self) -> bool {
        let home = self.watch.home_number.load(Ordering::Acquire);
        home != 0
            && home == here()
            && !self.watch.reading.is_open.load(Ordering::Acquire)
            && !self.watch.has_ended.load(Ordering::Acquire)
    }

    /// Reading may succeed.
    pub fn may_read(&self) {
        self.watch.reading.open();
    }

    /// Writes with `write` up to `bytes` bytes once that may succeed.
    pub fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: usize,
        mut write: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_writable(cx))?;
            match write(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.may_write(),
                done => {
                    // Having taken less, it is full, and says so when it is not.
                    if !done.as_ref().is_ok_and(|count| *count < bytes) {
                        self.may_write();
                    }
                    return Poll::Ready(done);
                }
            }
        }
    }

    /// Ready once writing may succeed; it is then taken for not writable until it
    /// has succeeded.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch.poll(&self.watch.writing, self.socket.as_raw_fd(), cx)
    }

    /// Writing may succeed.
    pub fn may_write(&self) {
        self.watch.writing.open();
    }
}

impl<S: AsRawFd> Drop for Watched<S> {
    /// Closing the socket ends what the system knows of it.
    fn drop(&mut self) {
        drop(self.watch.home.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
        Driver::new()?.block_on(future)
    }
    use futures_lite::future;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn pair() -> (Watched<UnixStream>, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        (Watched::connected(near), far)
    }

    async fn read(socket: &Watched<UnixStream>, room: usize) -> Vec<u8> {
        let mut buffer = vec![0; room];
        let count = future::poll_fn(|cx| socket.poll_read(cx, room, |mut socket| socket.read(&mut buffer))).await;
        buffer.truncate(count.unwrap());
        buffer
    }

    fn is_pending(socket: &Watched<UnixStream>) -> bool {
        future::block_on(future::poll_once(read(socket, 16))).is_none()
    }

    #[test]
    fn what_comes_is_heard_wherever_its_reader_waits_and_when_it_moves() {
        let (near, mut far) = pair();
        for round in 0..3u8 {
            // A thread with a reactor of its own, one that shares one, and again.
            let write = |far: &mut UnixStream| far.write_all(&[round; 3]).unwrap();
            assert!(is_pending(&near));
            let heard = block_on(async {
                assert!(future::poll_once(read(&near, 2)).await.is_none());
                write(&mut far);
                [read(&near, 2).await, read(&near, 2).await].concat()
            });
            assert_eq!(heard.unwrap(), [round; 3]);
            assert!(is_pending(&near));
            write(&mut far);
            assert_eq!(future::block_on(async { [read(&near, 2).await, read(&near, 2).await].concat() }), [round; 3]);
        }
    }

    #[test]
    fn a_socket_is_known_to_be_empty_only_where_more_would_have_been_heard() {
        let (near, mut far) = pair();
        let known = |near: &Watched<UnixStream>| near.is_known_empty();
        assert!(!known(&near), "nobody has looked");
        let driver = Driver::new().unwrap();
        let heard = driver.block_on(async {
            assert!(future::poll_once(read(&near, 4)).await.is_none());
            assert!(known(&near), "read empty");
            far.write_all(b"abcd").unwrap();
            future::yield_now().await;
            assert!(!known(&near), "something came");
            read(&near, 4).await;
            assert!(!known(&near), "there may be more than fits");
            assert!(future::poll_once(read(&near, 4)).await.is_none());
            far.write_all(b"ab").unwrap();
            read(&near, 4).await;
            assert!(known(&near), "all was read");
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(!known(&near), "another thread hears nothing")).join().unwrap();
            });
            drop(far);
            future::yield_now().await;
            assert!(!known(&near), "its end came");
            assert_eq!(read(&near, 4).await, b"");
            assert!(!known(&near), "it stays ended");
        });
        heard.unwrap();
    }

    #[test]
    fn an_end_behind_the_last_bytes_is_heard() {
        let (near, mut far) = pair();
        let heard = block_on(async {
            assert!(future::poll_once(read(&near, 16)).await.is_none());
            far.write_all(b"last").unwrap();
            drop(far);
            [read(&near, 16).await, read(&near, 16).await, read(&near, 16).await]
        });
        assert_eq!(heard.unwrap(), [b"last".to_vec(), vec![], vec![]]);
    }

    #[test]
    fn a_writer_that_was_held_up_goes_on_when_there_is_room() {
        let (near, mut far) = pair();
        const BYTES: usize = 4 << 20;
        let reading = std::thread::spawn(move || {
            let mut all = vec![0; BYTES];
            far.read_exact(&mut all).map(|()| all)
        });
        let content: Vec<u8> = (0..BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect();
        block_on(async {
            let mut at = 0;
            while at < BYTES {
                let left = &content[at..];
                at += future::poll_fn(|cx| near.poll_write(cx, left.len(), |mut socket| socket.write(left)))
                    .await
                    .unwrap();
            }
        })
        .unwrap();
        assert!(reading.join().unwrap().unwrap() == content);
    }

    #[test]
    fn a_thread_that_waits_is_woken_from_another_one() {
        let (sender, receiver) = async_channel::bounded::<u32>(1);
        let sending = std::thread::spawn(move || {
            for number in 0..1000 {
                sender.send_blocking(number).unwrap();
            }
        });
        let sum = block_on(async {
            let mut sum = 0;
            while let Ok(number) = receiver.recv().await {
                sum += number;
            }
            sum
        });
        assert_eq!(sum.unwrap(), 499_500);
        sending.join().unwrap();
    }

    #[test]
    fn a_socket_that_is_gone_leaves_nothing() {
        let driver = Driver::new().unwrap();
        let reactor = Arc::clone(&driver.reactor);
        driver
            .block_on(async {
                let (near, _far) = pair();
                assert!(future::poll_once(read(&near, 1)).await.is_none());
                assert_eq!(reactor.watches().len(), 1);
                drop(near);
                assert!(reactor.watches().is_empty());
            })
            .unwrap();
    }
}
