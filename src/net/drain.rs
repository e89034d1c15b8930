//! How a listener ends: it is announced, nothing new comes, what runs may
//! finish, and what is left is cut off.
//!
//! Owns the word "stop", the count of open connections and the wait for none.

use super::listen::Task;
use super::timer::{Deadline, Timer};
use event_listener::Event;
use futures_lite::future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// The life of one listener and its connections.
#[derive(Debug)]
pub struct Drain {
    ending: AtomicBool,
    draining: AtomicBool,
    cut: AtomicBool,
    open: AtomicUsize,
    open_max: usize,
    changed: Event,
    timer: Arc<Timer>,
}

impl Drain {
    /// A listener that may have `open_max` connections.
    #[must_use]
    pub fn new(open_max: usize, timer: Arc<Timer>) -> Arc<Self> {
        Arc::new(Self {
            ending: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            open_max,
            changed: Event::new(),
            timer,
        })
    }

    /// Lets it be known that it is going to end. Everything is served as
    /// before; balancers have time to look elsewhere.
    pub fn announce(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// True once it is known that it is going to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// True once it is to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// How many there may be.
    #[must_use]
    pub fn open_max(&self) -> usize {
        self.open_max
    }

    /// No new connections; idle ones close, busy ones finish their request.
    pub fn begin(&self) {
        self.announce();
        self.draining.store(true, Ordering::Release);
        self.changed.notify(usize::MAX);
        self.timer.wake_all();
    }

    /// Ends every connection wherever it is, so that no client takes half a
    /// reply for the whole. Tells how many were open.
    pub fn cut(&self) -> usize {
        self.begin();
        let open = self.open();
        self.cut.store(true, Ordering::Release);
        self.timer.wake_all();
        open
    }

    /// The life of a connection, which ends early when all are cut off. By its
    /// deadline the clock finds its task. What is `held` is held as long.
    pub fn until_cut<T: Send + Unpin>(
        self: &Arc<Self>,
        life: Task,
        deadline: Arc<Deadline>,
        held: T,
    ) -> impl Future<Output = ()> + Send + use<T> {
        UntilCut { life, drain: Arc::clone(self), deadline, _held: held }
    }

    /// Waits until it is to end.
    pub async fn begun(&self) {
        self.until(|| self.is_draining()).await;
    }

    /// Waits until no connection is open.
    pub async fn finished(&self) {
        self.until(|| self.open() == 0).await;
    }

    /// Waits until there is a place for one more connection; false once it is
    /// to end.
    pub async fn has_place(&self) -> bool {
        self.until(|| self.is_draining() || self.open() < self.open_max).await;
        !self.is_draining()
    }

    /// The place of one more connection, for the one who accepts them.
    #[must_use]
    pub fn admit(self: &Arc<Self>) -> Permit {
        self.open.fetch_add(1, Ordering::AcqRel);
        Permit { drain: Arc::clone(self), deadline: self.timer.deadline() }
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            if condition() {
                return;
            }
            let changed = self.changed.listen();
            if condition() {
                return;
            }
            changed.await;
        }
    }

    /// `accept` unless it is to end first.
    pub async fn unless_begun<T>(&self, accept: impl Future<Output = T>) -> Option<T> {
        let stop = async {
            self.begun().await;
            None
        };
        future::or(stop, async { Some(accept.await) }).await
    }
}

/// The place of one open connection, and its deadline.
#[derive(Debug)]
pub struct Permit {
    drain: Arc<Drain>,
    deadline: Arc<Deadline>,
}

impl Permit {
    /// The listener it belongs to.
    #[must_use]
    pub fn drain(&self) -> &Drain {
        &self.drain
    }

    /// The one deadline of the connection.
    #[must_use]
    pub fn deadline(&self) -> &Arc<Deadline> {
        &self.deadline
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let before = self.drain.open.fetch_sub(1, Ordering::AcqRel);
        if before == 1 || before >= self.drain.open_max {
            self.drain.changed.notify(usize::MAX);
        }
    }
}

/// Outermost around a connection: whatever that waits for inside, this looks
/// first whether it is over. Dropping the life does the rest.
struct UntilCut<T> {
    life: Task,
    drain: Arc<Drain>,
    deadline: Arc<Deadline>,
    _held: T,
}

impl<T: Unpin> Future for UntilCut<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Before the look, so that a cut that comes after it wakes this task.
        self.deadline.remember(cx);
        if self.drain.cut.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.life.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_bounded_and_waited_for() {
        async_io::block_on(async {
            let drain = Drain::new(1, Timer::start().unwrap());
            assert!(drain.has_place().await);
            let permit = drain.admit();
            assert!(future::poll_once(drain.has_place()).await.is_none(), "the only place is taken");
            drain.begin();
            assert!(!drain.has_place().await, "nothing new while draining");
            assert!(future::poll_once(drain.finished()).await.is_none());
            drop(permit);
            drain.finished().await;
        });
    }

    #[test]
    fn what_waits_for_ever_ends_when_it_is_cut_off() {
        let drain = Drain::new(1, Timer::start().unwrap());
        let permit = drain.admit();
        let (saying, said) = std::sync::mpsc::channel();
        let deadline = Arc::clone(permit.deadline());
        let waiting = Box::pin(async move {
            saying.send("waits").unwrap();
            future::pending::<()>().await;
        });
        let life = drain.until_cut(waiting, deadline, permit);
        std::thread::spawn(|| async_io::block_on(life));
        assert_eq!(said.recv(), Ok("waits"));
        drain.begin();
        assert_eq!(drain.open(), 1, "a drain waits for it");
        assert_eq!(drain.cut(), 1);
        let dropped = said.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(dropped, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
        async_io::block_on(drain.finished());
    }
}
