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
            match self.happened() {
                Some(event) => self.take_in(event),
                None => self.wait().await,
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
    async fn wait(&mut self) {
        let shared = Arc::clone(&self.shared);
        let signal = shared.signal.listen();
        // What came before somebody listened.
        let asks = shared.mailbox.take();
        if !asks.is_empty() {
            // Who asks may have seen a wish that we have not.
            while let Some(event) = self.happened() {
                self.take_in(event);
            }
            return self.decide(asks);
        }
        if self.is_changed() {
            return;
        }
        match self.next_end() {
            None if self.held.is_empty() => signal.await,
            // On the heap: most mounts wait for nothing.
            end => {
                let returned = shared.credits.returned();
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

    /// Something that `happened` would find.
    fn is_changed(&self) -> bool {
        let shared = &*self.shared;
        (shared.stop.load(Ordering::Acquire) && !self.state.is_stopping())
            || !Arc::ptr_eq(&shared.face.load(), &self.face)
            || shared.restarts_wanted.load(Ordering::Acquire) != self.restarts_met
            || shared.retired.is_empty() == self.remains
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
mod tests {
    use super::super::handle::{Environment, MountHandle};
    use super::super::observer::Observing;
    use super::super::spec::{Id, MountSpec, parse};
    use super::super::state::Ending;
    use super::*;
    use crate::error::Error;
    use crate::exchange::Credit;
    use crate::files::Files;
    use crate::identity::Passwords;
    use crate::limits::MOUNT_REQUESTS_MAX;
    use crate::net::{Dialer, OwnListeners, Timer};
    use serde_json::{Value, json};

    fn environment() -> Environment {
        Environment {
            dialer: Dialer::new(OwnListeners::default()),
            timer: Timer::start().unwrap(),
            pseudonym: "test".into(),
            files: Files::default(),
            allows_open_proxy: false,
            passwords: Passwords::new().unwrap(),
            book: Arc::default(),
            observer: Observing::default(),
        }
    }

    fn spec(members: Value) -> Arc<MountSpec> {
        let mut value = json!({"kind": "regular", "address": "http://127.0.0.1:9/"});
        value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Arc::new(parse(&value, Id::OwnOr("m")).unwrap())
    }

    fn limited(concurrent: u32, queue: u32, wait_ms: u32) -> Arc<MountSpec> {
        let limits = json!({"concurrent_requests_max": concurrent, "queue_max": queue, "queue_wait_ms_max": wait_ms});
        spec(json!({ "limits": limits }))
    }

    fn spawn(spec: &Arc<MountSpec>) -> MountHandle {
        let handle = MountHandle::new(spec, false, &Arc::new(environment()));
        handle.start();
        handle
    }

    /// What `MountHandle::admit` does, without an exchange.
    async fn credit(handle: &MountHandle) -> Result<Credit, Error> {
        let spent = if handle.admits() { handle.shared.credits.spend() } else { None };
        let mut credit = match spent {
            Some(credit) => credit,
            None => handle.shared.mailbox.ask().await?,
        };
        if handle.enter(&mut credit) { Ok(credit) } else { Err(Kind::Moved.into()) }
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            future::yield_now().await;
        }
    }

    async fn refusal(handle: &MountHandle) -> Kind {
        credit(handle).await.unwrap_err().kind().clone()
    }

    fn change(handle: &MountHandle, spec: &Arc<MountSpec>, paused: bool, ending: Ending) -> MountHandle {
        let changed = handle.with(spec, paused);
        changed.take_effect();
        let all = handle.face().wish().enabled && !spec.enabled;
        drop(changed.succeed(handle, ending, all));
        changed
    }

    #[test]
    fn requests_past_the_limit_are_refused_and_places_come_free() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            let mut credits = Vec::new();
            for _ in 0..MOUNT_REQUESTS_MAX {
                credits.push(credit(&handle).await.unwrap());
            }
            assert_eq!(refusal(&handle).await, Kind::Saturated);
            assert_eq!(handle.in_flight(), u64::from(MOUNT_REQUESTS_MAX));
            credits.pop();
            credits.push(credit(&handle).await.unwrap());
        });
    }

    #[test]
    fn requests_wait_in_the_order_of_their_coming_for_as_long_as_they_may() {
        async_io::block_on(async {
            let handle = spawn(&limited(1, 2, 600_000));
            let first = credit(&handle).await.unwrap();
            let (mut second, mut third) = (Box::pin(credit(&handle)), Box::pin(credit(&handle)));
            assert!(future::poll_once(&mut second).await.is_none());
            assert!(future::poll_once(&mut third).await.is_none());
            until(|| handle.status().held == 2).await;
            assert_eq!(refusal(&handle).await, Kind::QueueFull);
            drop(first);
            let second = second.await.unwrap();
            assert!(future::poll_once(&mut third).await.is_none(), "one place, one request");
            drop(second);
            drop(third.await.unwrap());
            until(|| handle.status().held == 0).await;
            let _alone = credit(&handle).await.unwrap();
            let short = change(&handle, &limited(1, 2, 1), false, Ending::Finish);
            until(|| Arc::ptr_eq(&handle.shared.face.load(), short.face())).await;
            assert_eq!(refusal(&short).await, Kind::QueueTimeout);
            assert_eq!(short.status().generation, 1, "budgets are no new generation");
        });
    }

    #[test]
    fn who_has_gone_keeps_no_place_in_the_queue() {
        async_io::block_on(async {
            let handle = spawn(&limited(1, 1, 600_000));
            let first = credit(&handle).await.unwrap();
            let mut gone = Box::pin(credit(&handle));
            assert!(future::poll_once(&mut gone).await.is_none());
            until(|| handle.status().held == 1).await;
            drop(gone);
            let mut waits = Box::pin(credit(&handle));
            assert!(future::poll_once(&mut waits).await.is_none());
            drop(first);
            assert!(waits.await.is_ok());
        });
    }

    #[test]
    fn a_paused_mount_holds_requests_and_lets_them_go_step_by_step() {
        async_io::block_on(async {
            let spec = spec(json!({}));
            let handle = spawn(&spec);
            until(|| handle.lifecycle() == Lifecycle::Open).await;
            let paused = change(&handle, &spec, true, Ending::Finish);
            until(|| paused.lifecycle() == Lifecycle::Paused).await;
            let mut held: Vec<_> = (0..HELD_REQUESTS_MAX).map(|_| Box::pin(credit(&paused))).collect();
            for request in &mut held {
                assert!(future::poll_once(request).await.is_none());
            }
            until(|| paused.status().held == HELD_REQUESTS_MAX).await;
            assert_eq!(refusal(&paused).await, Kind::Paused);
            let begun = Instant::now();
            let open = change(&paused, &spec, false, Ending::Finish);
            for request in held {
                drop(request.await.unwrap());
            }
            let steps = u32::try_from(RELEASE_STEPS).unwrap() - 1;
            assert!(begun.elapsed() >= RELEASE_STEP * steps, "not all at once");
            until(|| open.status().held == 0).await;
            assert!(open.shared.credits.spend().is_some(), "nobody need ask any more");
            assert_eq!(open.status().generation, 1);
        });
    }

    #[test]
    fn what_is_held_is_refused_when_the_proxy_is_to_stop() {
        async_io::block_on(async {
            let spec = spec(json!({}));
            let handle = spawn(&spec);
            until(|| handle.lifecycle() == Lifecycle::Open).await;
            let paused = change(&handle, &spec, true, Ending::Finish);
            let mut held = Box::pin(refusal(&paused));
            assert!(future::poll_once(&mut held).await.is_none());
            until(|| paused.status().held == 1).await;
            paused.refuse_held();
            assert_eq!((held.await, refusal(&paused).await), (Kind::Paused, Kind::Paused));
        });
    }

    #[test]
    fn a_replaced_mount_keeps_what_it_had_in_its_old_generation() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            let old = credit(&handle).await.unwrap();
            let changed = handle.with(&spec(json!({"address": "http://127.0.0.1:10/"})), false);
            assert!(credit(&handle).await.is_ok(), "it does not count yet");
            changed.take_effect();
            let left = changed.succeed(&handle, Ending::Finish, false);
            assert_eq!(refusal(&handle).await, Kind::Moved, "who found the old one looks again");
            let new = credit(&changed).await.unwrap();
            let remains = changed.status().generations;
            assert_eq!((remains.len(), remains[0].generation, remains[0].requests), (1, 1, 1));
            assert_eq!((left.len(), changed.status().generation, changed.in_flight()), (1, 2, 2));
            assert!(!old.is_cut() && !new.is_cut());
            drop(old);
            left[0].over().await;
            assert!(changed.status().generations.is_empty());
        });
    }

    #[test]
    fn an_old_generation_is_cut_off_when_that_is_wished() {
        async_io::block_on(async {
            let mut handle = spawn(&spec(json!({})));
            for (port, ending) in [(10, Ending::Kill), (11, Ending::Deadline(Duration::from_millis(1)))] {
                let old = credit(&handle).await.unwrap();
                let address = format!("http://127.0.0.1:{port}/");
                handle = change(&handle, &spec(json!({ "address": address })), false, ending);
                let new = credit(&handle).await.unwrap();
                until(|| old.is_cut()).await;
                assert!(!new.is_cut());
            }
        });
    }

    #[test]
    fn a_drained_mount_is_disabled_when_the_last_request_has_ended() {
        async_io::block_on(async {
            let open = spec(json!({}));
            let handle = spawn(&open);
            let last = credit(&handle).await.unwrap();
            let off = change(&handle, &spec(json!({"enabled": false})), false, Ending::DRAIN);
            until(|| off.lifecycle() == Lifecycle::Draining).await;
            assert_eq!(refusal(&off).await, Kind::Draining);
            drop(last);
            until(|| off.lifecycle() == Lifecycle::Disabled).await;
            assert_eq!(refusal(&off).await, Kind::Disabled);
            let again = change(&off, &open, false, Ending::Finish);
            until(|| again.lifecycle() == Lifecycle::Open).await;
            assert!(credit(&again).await.is_ok());
        });
    }

    #[test]
    fn a_disabled_mount_that_is_edited_or_drained_again_answers_when_it_is_enabled() {
        async_io::block_on(async {
            let open = spec(json!({}));
            let handle = spawn(&open);
            let last = credit(&handle).await.unwrap();
            let off = spec(json!({"enabled": false}));
            let mut now = change(&handle, &off, false, Ending::Finish);
            let labelled = spec(json!({"enabled": false, "labels": {"a": "b"}}));
            now = change(&now, &labelled, false, Ending::Finish);
            let again = now.with(&off, false);
            again.take_effect();
            assert_eq!(again.succeed(&now, Ending::Kill, true).len(), 1, "what there was, and nothing else");
            assert!(last.is_cut());
            let open = change(&again, &open, false, Ending::Finish);
            assert!(credit(&open).await.is_ok());
            assert_eq!(open.status().generation, 2);
        });
    }

    #[test]
    fn who_held_a_place_when_a_mount_was_switched_off_asks_again() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            until(|| handle.lifecycle() == Lifecycle::Open).await;
            let mut early = handle.shared.credits.spend().unwrap();
            let off = change(&handle, &spec(json!({"enabled": false})), false, Ending::Kill);
            assert!(!handle.enter(&mut early), "its generation is retired");
            assert!(!off.admits(), "so it is not taken into the new one either");
        });
    }

    #[test]
    fn who_comes_after_a_pause_is_not_slowed_down_by_it() {
        async_io::block_on(async {
            let spec = spec(json!({}));
            let handle = spawn(&spec);
            until(|| handle.lifecycle() == Lifecycle::Open).await;
            let paused = change(&handle, &spec, true, Ending::Finish);
            let mut held = Box::pin(credit(&paused));
            let mut second = Box::pin(credit(&paused));
            assert!(future::poll_once(&mut held).await.is_none() && future::poll_once(&mut second).await.is_none());
            until(|| paused.status().held == 2).await;
            let open = change(&paused, &spec, false, Ending::Finish);
            let begun = Instant::now();
            for _ in 0..200 {
                drop(credit(&open).await.unwrap());
            }
            let longest = RELEASE_STEP * u32::try_from(RELEASE_STEPS).unwrap();
            assert!(begun.elapsed() < longest * 5, "{:?}", begun.elapsed());
            drop((held.await.unwrap(), second.await.unwrap()));
        });
    }

    #[test]
    fn a_stopped_mount_lets_its_requests_finish_and_ends() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            let last = credit(&handle).await.unwrap();
            assert_eq!(handle.stop(Ending::Finish).len(), 1);
            until(|| handle.lifecycle() == Lifecycle::Draining).await;
            assert_eq!(refusal(&handle).await, Kind::Moved);
            assert_eq!(handle.in_flight(), 1);
            drop(last);
            until(|| handle.lifecycle() == Lifecycle::Stopped).await;
            assert_eq!(refusal(&handle).await, Kind::Moved);
        });
    }

    #[test]
    fn what_a_stopped_mount_still_has_is_cut_off_after_its_time() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            let last = credit(&handle).await.unwrap();
            assert!(!last.is_cut());
            drop(handle.stop(Ending::Deadline(Duration::from_millis(1))));
            until(|| last.is_cut()).await;
            assert_eq!(handle.lifecycle(), Lifecycle::Draining);
            drop(last);
            until(|| handle.lifecycle() == Lifecycle::Stopped).await;
        });
    }

    #[test]
    fn a_panic_restarts_the_actor_and_nobody_else_notices() {
        async_io::block_on(async {
            let (broken, other) = (spawn(&spec(json!({}))), spawn(&spec(json!({}))));
            let on_its_way = credit(&broken).await.unwrap();
            let elsewhere = credit(&other).await.unwrap();
            broken.shared.panics_wanted.store(2, Ordering::Release);
            broken.shared.signal.notify(usize::MAX);
            until(|| broken.status().restarts == 2).await;
            assert_eq!(broken.in_flight(), 1, "the request on its way goes on");
            // Asked while the actor is down: it waits.
            assert!(credit(&broken).await.is_ok());
            until(|| broken.lifecycle() == Lifecycle::Open).await;
            assert_eq!((other.status().restarts, other.lifecycle()), (0, Lifecycle::Open));
            drop((on_its_way, elsewhere));
        });
    }

    #[test]
    fn a_restart_that_is_wished_ends_a_pause_after_failures_and_hurts_nobody() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            let on_its_way = credit(&handle).await.unwrap();
            // The pause after the last of these is longer than anybody waits here.
            handle.shared.panics_wanted.store(9, Ordering::Release);
            until(|| {
                handle.shared.signal.notify(usize::MAX);
                handle.shared.panics_wanted.load(Ordering::Acquire) == 0 && handle.restarts() == 9
            })
            .await;
            handle.restart();
            until(|| handle.lifecycle() == Lifecycle::Open).await;
            assert_eq!(handle.restarts(), 9, "only failures count");
            assert!(!on_its_way.is_cut());
            assert!(credit(&handle).await.is_ok());
        });
    }

    #[test]
    fn a_new_spec_counts_at_once() {
        async_io::block_on(async {
            let handle = spawn(&spec(json!({})));
            drop(credit(&handle).await.unwrap());
            let changed = handle.with(&limited(0, 0, 0), false);
            assert!(credit(&handle).await.is_ok(), "it does not count yet");
            changed.take_effect();
            assert_eq!(refusal(&changed).await, Kind::Saturated);
        });
    }
}
