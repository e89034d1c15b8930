//! The coarse clock and the deadlines on it.
//!
//! Owns one thread that ticks, the time as a plain number, and the list of
//! what waits for it. Arming a deadline is one atomic store: no timer is made
//! per request, and the reactor never wakes for one.

use crate::limits::TICK;
use atomic_waker::AtomicWaker;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Something that wants to be told the time now and then.
pub trait Sweep: Send + Sync + 'static {
    /// The coarse time, in milliseconds since the start; false when there is
    /// nothing left to tell it for.
    fn sweep(&self, now_ms: u64) -> bool;

    /// Has whoever waits look around, whatever the time.
    fn wake(&self) {}
}

/// The process's coarse clock.
#[derive(Debug)]
pub struct Timer {
    now_ms: AtomicU64,
    enrolled: Mutex<Vec<Weak<dyn Sweep>>>,
    /// Held by whoever sweeps: two at a time would each see half the list.
    sweeping: Mutex<()>,
}

impl std::fmt::Debug for dyn Sweep {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sweep")
    }
}

impl Timer {
    /// Starts the clock on a thread of its own; it ends when the last handle
    /// is gone.
    pub fn start() -> std::io::Result<Arc<Self>> {
        let timer = Self::manual();
        let weak = Arc::downgrade(&timer);
        let started = Instant::now();
        std::thread::Builder::new().name("standin-timer".into()).spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let Some(timer) = weak.upgrade() else { return };
                timer.now_ms.store(milliseconds(started.elapsed()), Ordering::Relaxed);
                timer.sweep_all();
            }
        })?;
        Ok(timer)
    }

    /// A clock that stands still until [`Timer::advance`], for the simulation
    /// and the fuzzers.
    #[must_use]
    pub fn manual() -> Arc<Self> {
        Arc::new(Self { now_ms: AtomicU64::new(0), enrolled: Mutex::default(), sweeping: Mutex::default() })
    }

    /// Moves a clock of [`Timer::manual`] on and fires what is due.
    pub fn advance(&self, by: Duration) {
        self.now_ms.fetch_add(milliseconds(by), Ordering::Relaxed);
        self.sweep_all();
    }

    /// Milliseconds since the start, at most one tick old.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Has `sweeper` told the time at every tick until it says no or is gone.
    pub fn enrol(&self, sweeper: Weak<dyn Sweep>) {
        self.enrolled().push(sweeper);
    }

    /// A deadline on this clock, not armed.
    #[must_use]
    pub fn deadline(self: &Arc<Self>) -> Arc<Deadline> {
        let deadline = Arc::new(Deadline {
            at_ms: AtomicU64::new(NEVER),
            total_at_ms: AtomicU64::new(NEVER),
            nudge_at_ms: AtomicU64::new(NEVER),
            waker: AtomicWaker::new(),
            timer: Arc::clone(self),
        });
        let sweeper: Weak<dyn Sweep> = Arc::<Deadline>::downgrade(&deadline);
        self.enrol(sweeper);
        deadline
    }

    /// Wakes every task that waits on a deadline, so that it looks around.
    pub fn wake_all(&self) {
        self.each(|sweeper| {
            sweeper.wake();
            true
        });
    }

    fn sweep_all(&self) {
        let now_ms = self.now_ms();
        self.each(|sweeper| sweeper.sweep(now_ms));
    }

    /// Does something to all who are enrolled, and keeps those for whom it
    /// says so.
    fn each(&self, keep: impl Fn(&dyn Sweep) -> bool) {
        let _alone = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, so that a sweeper may enrol others meanwhile.
        let mut sweepers = std::mem::take(&mut *self.enrolled());
        sweepers.retain(|sweeper| sweeper.upgrade().is_some_and(|sweeper| keep(&*sweeper)));
        let mut enrolled = self.enrolled();
        sweepers.append(&mut enrolled);
        *enrolled = sweepers;
    }

    fn enrolled(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Sweep>>> {
        self.enrolled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NEVER: u64 = u64::MAX;

/// The moments that one task waits for, beside whatever else it waits for. One
/// a connection, armed anew for each phase of its life.
#[derive(Debug)]
pub struct Deadline {
    /// When the phase must be over.
    at_ms: AtomicU64,
    /// When the whole exchange must be over.
    total_at_ms: AtomicU64,
    /// When to look around, with nothing lost yet.
    nudge_at_ms: AtomicU64,
    waker: AtomicWaker,
    timer: Arc<Timer>,
}

impl Deadline {
    /// Arms it to fire `after` now, or up to two ticks later.
    pub fn arm(&self, after: Duration) {
        self.at_ms.store(self.moment(after), Ordering::Relaxed);
    }

    /// Has it fire `after` now, whatever it is armed to meanwhile.
    pub fn limit_total(&self, after: Duration) {
        self.total_at_ms.store(self.moment(after), Ordering::Relaxed);
    }

    /// Has the task woken once `after` now, without firing.
    pub fn nudge(&self, after: Duration) {
        self.nudge_at_ms.store(self.moment(after), Ordering::Relaxed);
    }

    /// True once the moment of [`Deadline::nudge`] has come.
    #[must_use]
    pub fn is_nudged(&self) -> bool {
        self.now_ms() >= self.nudge_at_ms.load(Ordering::Relaxed)
    }

    /// It no longer fires, for whatever reason.
    pub fn disarm(&self) {
        for moment in [&self.at_ms, &self.total_at_ms, &self.nudge_at_ms] {
            moment.store(NEVER, Ordering::Relaxed);
        }
    }

    /// Has this task woken at each of its moments.
    pub fn remember(&self, cx: &mut Context<'_>) {
        self.waker.register(cx.waker());
    }

    /// Ready once it has fired; else the task is woken when it does.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.remember(cx);
        if self.now_ms() >= self.at_ms.load(Ordering::Relaxed) || self.is_total_over() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// True when it was the whole exchange that took too long.
    #[must_use]
    pub fn is_total_over(&self) -> bool {
        self.now_ms() >= self.total_at_ms.load(Ordering::Relaxed)
    }

    /// Milliseconds on its clock, at most one tick old.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.timer.now_ms()
    }

    fn moment(&self, after: Duration) -> u64 {
        self.now_ms().saturating_add(milliseconds(after.saturating_add(TICK)))
    }
}

impl Sweep for Deadline {
    fn sweep(&self, now_ms: u64) -> bool {
        let moments = [&self.at_ms, &self.total_at_ms, &self.nudge_at_ms];
        if moments.iter().any(|moment| now_ms >= moment.load(Ordering::Relaxed)) {
            self.waker.wake();
        }
        true
    }

    fn wake(&self) {
        self.waker.wake();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_armed_deadline_fires_and_a_disarmed_one_does_not() {
        let timer = Timer::start().unwrap();
        let (armed, disarmed) = (timer.deadline(), timer.deadline());
        disarmed.arm(Duration::ZERO);
        disarmed.disarm();
        armed.arm(Duration::from_millis(1));
        async_io::block_on(futures_lite::future::poll_fn(|cx| armed.poll(cx)));
        let again =
            async_io::block_on(futures_lite::future::poll_once(futures_lite::future::poll_fn(|cx| disarmed.poll(cx))));
        assert_eq!(again, None);
    }

    #[test]
    fn a_manual_clock_fires_when_it_is_moved() {
        let timer = Timer::manual();
        let deadline = timer.deadline();
        deadline.arm(Duration::from_secs(5));
        let mut nobody = Context::from_waker(std::task::Waker::noop());
        timer.advance(Duration::from_secs(5));
        assert!(deadline.poll(&mut nobody).is_pending(), "up to two ticks late, never early");
        timer.advance(TICK);
        assert!(deadline.poll(&mut nobody).is_ready());
        assert_eq!(timer.now_ms(), 5100);
    }

    #[test]
    fn what_is_gone_is_swept_no_more() {
        let timer = Timer::start().unwrap();
        drop(timer.deadline());
        let kept = timer.deadline();
        timer.sweep_all();
        assert_eq!(timer.enrolled().len(), 1);
        drop(kept);
    }
}
