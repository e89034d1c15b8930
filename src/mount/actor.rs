//! The actor of a mount: the one owner of its life.
//!
//! Owns the supervised task, who waits to be let in, and when. It waits for
//! something to happen, takes it in ([`super::state`]), and does what follows;
//! nothing else changes what a mount does with requests that find no credit.

use super::handle::{Face, Shared};
use super::mailbox::Ask;
use super::queue::Queue;
use super::state::{Admission, Effect, Event, Lifecycle, State};
use crate::error::Kind;
use crate::limits::{HELD_MAX, HELD_REQUESTS_MAX, RELEASE_STEP, RELEASE_STEPS, RESTART_STEADY};
use crate::oplog;
use event_listener::EventListener;
use futures_lite::{FutureExt, future};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// One mount's actor.
pub(super) struct Actor {
    shared: Arc<Shared>,
    state: State,
    /// The face that it has taken note of.
    face: Arc<Face>,
    /// Requests for a restart that it has met.
    restarts_met: u32,
    held: Queue<Ask>,
    /// What was held is let go step by step.
    release: Option<Release>,
    /// When it begins to run, again.
    start_at: Option<Instant>,
    started: Instant,
    /// Old generations had something when it looked last.
    remains: bool,
}

/// How what was held is let go on.
struct Release {
    steps_left: usize,
    next: Instant,
}

impl Actor {
    /// The actor of that mount, about to start.
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        let face = shared.face.load_full();
        let now = Instant::now();
        Self {
            shared: Arc::clone(shared),
            state: State::new(face.wish()),
            face,
            restarts_met: 0,
            held: Queue::default(),
            release: None,
            start_at: Some(now),
            started: now,
            remains: false,
        }
    }

    /// Runs until the mount is stopped, and again after every panic.
    pub(super) async fn supervise(mut self) {
        self.shared.tunnels.open();
        while AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
            let after_long = self.start_at.is_none() && self.started.elapsed() >= RESTART_STEADY;
            oplog::error(format_args!("mount {}: its actor panicked", self.shared.id));
            self.take_in(Event::Panicked { after_long });
            self.shared.counted().restarted();
        }
    }

    async fn run(&mut self) {
        while self.state.lifecycle != Lifecycle::Stopped {
            // Before it looks, so that nothing is missed that comes meanwhile.
            let signal = self.shared.signal.listen();
            if let Some(event) = self.happened() {
                self.take_in(event);
                continue;
            }
            let asks = self.shared.mailbox.take();
            if asks.is_empty() {
                self.wait(signal).await;
            } else {
                // Who asks may have seen a wish that came since.
                while let Some(event) = self.happened() {
                    self.take_in(event);
                }
                self.decide(asks);
            }
        }
        self.shared.mailbox.close();
        self.shared.close_book();
    }

    /// What happened? Nothing is lost by looking once more.
    fn happened(&mut self) -> Option<Event> {
        let shared = &*self.shared;
        #[cfg(test)]
        if shared.panics_wanted.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
            // Without the words of a panic, of which a test may want many.
            std::panic::resume_unwind(Box::new("as the test wished"));
        }
        if shared.stop.load(Ordering::Acquire) && !self.state.is_stopping() {
            self.remains = !shared.retired.is_empty();
            self.state.apply(Event::Remains(self.remains));
            return Some(Event::StopRequested);
        }
        let face = shared.face.load_full();
        if !Arc::ptr_eq(&face, &self.face) {
            self.face = face;
            return Some(Event::Wished(self.face.wish()));
        }
        let wanted = shared.restarts_wanted.load(Ordering::Acquire);
        if wanted != self.restarts_met {
            self.restarts_met = wanted;
            return Some(Event::RestartRequested);
        }
        let remains = !shared.retired.is_empty();
        if remains != self.remains {
            self.remains = remains;
            return Some(Event::Remains(remains));
        }
        let now = Instant::now();
        if self.start_at.is_some_and(|start| start <= now) {
            self.start_at = None;
            self.started = now;
            return Some(Event::Started);
        }
        None
    }

    /// Waits until there is something to do, and does what needs no event.
    async fn wait(&mut self, signal: EventListener) {
        match self.next_end() {
            None if self.held.is_empty() => signal.await,
            // On the heap: most mounts wait for nothing.
            end => {
                let returned = self.shared.credits.returned();
                self.go_on(Instant::now());
                let timer = async {
                    match end {
                        Some(end) => drop(async_io::Timer::at(end).await),
                        None => future::pending().await,
                    }
                };
                Box::pin(future::or(signal, future::or(returned, timer))).await;
            }
        }
        self.go_on(Instant::now());
    }

    /// When there is something to do by the clock.
    fn next_end(&self) -> Option<Instant> {
        let release = self.release.as_ref().filter(|_| self.admits()).map(|release| release.next);
        [self.start_at, self.held.first_end(), release, self.shared.retired.first_end()].into_iter().flatten().min()
    }

    /// What becomes of requests now.
    fn admission(&self) -> Admission {
        match self.state.admission() {
            Admission::Hold(kind) if self.shared.holds_nothing.load(Ordering::Acquire) => Admission::Refuse(kind),
            admission => admission,
        }
    }

    fn admits(&self) -> bool {
        self.admission() == Admission::Admit
    }

    /// What now?
    fn take_in(&mut self, event: Event) {
        let before = self.state.lifecycle;
        match self.state.apply(event) {
            Effect::None => {}
            Effect::RestartAfter(pause) => self.start_at = Some(Instant::now() + pause),
            Effect::Renew => {
                self.start_at = None;
                self.started = Instant::now();
                self.shared.forget_connections();
            }
        }
        let now = Instant::now();
        if before == Lifecycle::Paused && self.admits() && !self.held.is_empty() {
            self.release = Some(Release { steps_left: RELEASE_STEPS, next: now });
        }
        self.shared.grant(self.face.plan());
        self.go_on(now);
    }

    /// Does with those who wait what the state and the clock say.
    fn go_on(&mut self, now: Instant) {
        if self.shared.retired.cut_due(now) {
            self.shared.environment.timer.wake_all();
        }
        let admission = self.admission();
        let late = if let Admission::Hold(kind) = &admission { kind.clone() } else { Kind::QueueTimeout };
        for ask in self.held.expired(now) {
            ask.decide(Err(late.clone()));
        }
        let credits = &self.shared.credits;
        match admission {
            Admission::Admit => self.admit(now),
            Admission::Hold(_) => credits.revoke(),
            Admission::Refuse(kind) => {
                credits.revoke();
                while let Some(ask) = self.held.pop() {
                    ask.decide(Err(kind.clone()));
                }
            }
        }
        self.tell();
    }

    /// Lets in who waits, as there are places and in steps; once nobody waits,
    /// whoever comes finds a credit without asking.
    fn admit(&mut self, now: Instant) {
        let mut most = match &mut self.release {
            Some(release) if release.steps_left > 0 && release.next > now => 0,
            Some(release) if release.steps_left > 0 => {
                let step = self.held.len().div_ceil(release.steps_left);
                *release = Release { steps_left: release.steps_left - 1, next: now + RELEASE_STEP };
                step
            }
            // They wait for nothing but their places from now on.
            _ => {
                self.release = None;
                usize::MAX
            }
        };
        self.held.skip(Ask::is_there);
        while most > 0 && !self.held.is_empty() {
            let Some(credit) = self.shared.credits.spend_revoked() else { break };
            let Some(ask) = self.held.pop() else { break };
            ask.decide(Ok(credit));
            most -= 1;
            self.held.skip(Ask::is_there);
        }
        if self.held.is_empty() {
            self.release = None;
            self.shared.credits.open();
        }
    }

    /// What becomes of those who ask.
    fn decide(&mut self, asks: Vec<Ask>) {
        let now = Instant::now();
        for ask in asks {
            self.decide_one(ask, now);
        }
        self.go_on(now);
    }

    fn decide_one(&mut self, ask: Ask, now: Instant) {
        let limits = self.face.plan().limits();
        let queue = (limits.queue_max as usize, Duration::from_millis(limits.queue_wait_ms_max.into()));
        let ((most, longest), full) = match self.admission() {
            Admission::Refuse(kind) => return ask.decide(Err(kind)),
            Admission::Hold(kind) => (holds(queue), kind),
            Admission::Admit => {
                // What was held goes step by step; who comes now is what comes
                // always, and need not wait for that.
                if (self.held.is_empty() || self.release.is_some())
                    && let Some(credit) = self.shared.credits.spend_revoked()
                {
                    return ask.decide(Ok(credit));
                }
                (queue, if queue.0 == 0 { Kind::Saturated } else { Kind::QueueFull })
            }
        };
        if self.held.len() >= most {
            self.held.retain(Ask::is_there);
        }
        if self.held.len() >= most {
            return ask.decide(Err(full));
        }
        // From now on everybody asks, so that nobody overtakes.
        self.shared.credits.revoke();
        self.held.push(ask, now + longest);
    }

    /// Says of itself what it is, once that is so.
    fn tell(&self) {
        let shared = &*self.shared;
        let lifecycle = self.state.lifecycle;
        let mut told = shared.told();
        let before = shared.lifecycle.swap(lifecycle as u8, Ordering::AcqRel);
        if before != lifecycle as u8 {
            told.since = SystemTime::now();
        }
        let is_news = before != lifecycle as u8 || told.restarts != self.state.restarts;
        told.held = self.held.len();
        told.restarts = self.state.restarts;
        drop(told);
        if is_news {
            shared.environment.observer.tell(&shared.id, &shared.status(&self.face, lifecycle));
        }
    }
}

/// How many a mount holds that lets nobody in, and how long.
fn holds((queue, wait): (usize, Duration)) -> (usize, Duration) {
    (queue.max(HELD_REQUESTS_MAX), wait.max(HELD_MAX))
}

#[cfg(test)]
mod tests;
