//! A mount at work: one actor owns what changes, many requests go past it.
//!
//! Owns the supervised task, the mailbox and the handle. While the mount is
//! open the actor has granted credits in advance, and a request spends one
//! without a message; without a credit it asks, and the actor decides. A new
//! plan and the wish to stop come as a level, not as a message: the last one
//! counts at once, none is lost, nobody waits.

use super::identity::Identity;
use super::observer::Observing;
use super::plan::{Afterwards, Plan};
use super::spec::MountSpec;
use super::state::{Effect, Ending, Event, Lifecycle, State};
use super::trust;
use crate::error::{Error, Kind};
use crate::exchange::{Credit, Credits, shell};
use crate::files::Files;
use crate::identity::Passwords;
use crate::limits::MAILBOX_MESSAGES_MAX;
use crate::net::{Dialer, Timer};
use crate::oplog;
use crate::upstream::Backend;
use arc_swap::ArcSwap;
use async_channel::{Receiver, Sender};
use event_listener::Event as Signal;
use futures_lite::{FutureExt, future};
use http_types::{Request, Response};
use serde::Serialize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// What every mount of the process shares.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Opens upstream connections.
    pub dialer: Dialer,
    /// The coarse clock.
    pub timer: Arc<Timer>,
    /// Our name in `Via`.
    pub pseudonym: Arc<str>,
    /// Files that mounts name.
    pub files: Files,
    /// A mount may go wherever a request wants.
    pub allows_open_proxy: bool,
    /// Passwords that are being checked, or were.
    pub passwords: Arc<Passwords>,
    /// Who is told when a mount comes into another state.
    pub observer: Observing,
}

/// A running mount as one spec makes it. Clones share both; after a change
/// there is another handle for the same mount.
#[derive(Debug, Clone)]
pub struct MountHandle {
    shared: Arc<Shared>,
    /// Found together with the match, so that no request is ever sent where
    /// another match belongs.
    plan: Arc<Plan>,
}

/// How a mount is.
#[derive(Debug, Clone)]
pub struct Status {
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why, where it is not simply open.
    pub reason: Option<String>,
    /// Since when.
    pub since: SystemTime,
    /// Requests that wait to be let in.
    pub held: usize,
    /// How often its actor was started again.
    pub restarts: u32,
    /// How often what it does was changed, and once.
    pub generation: u64,
    /// What is left of what it was before.
    pub generations: Vec<Remains>,
}

/// What is left of an old generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remains {
    /// Which.
    pub generation: u64,
    /// Requests on their way.
    pub requests: u32,
    /// Tunnels.
    pub tunnels: u32,
}

#[derive(Debug)]
struct Shared {
    id: Arc<str>,
    credits: Arc<Credits>,
    tunnels: Arc<Credits>,
    client: surf::Client,
    timer: Arc<Timer>,
    environment: Environment,
    mailbox: Sender<Ask>,
    // What the registry wants.
    /// The plan of the handle that counts, for the actor to take note of.
    plan: ArcSwap<Plan>,
    stop: AtomicBool,
    /// How long what is on its way may go on then.
    drain_ms: AtomicU64,
    wish: Signal,
    // What the actor says of itself.
    lifecycle: AtomicU8,
    restarts: AtomicU32,
    generation: AtomicU64,
    #[cfg(test)]
    panics_wanted: AtomicU32,
}

/// A request without a credit asks for one.
#[derive(Debug)]
struct Ask {
    answer: Sender<Result<Credit, Kind>>,
}

fn plan(spec: &MountSpec, before: Option<&Plan>, environment: &Environment) -> Arc<Plan> {
    let identity = Identity::of(spec, environment);
    let trust = trust::of(spec, before.and_then(Plan::trust), &environment.files);
    Arc::new(Plan::new(spec, Arc::clone(&environment.pseudonym), trust).identified(identity))
}

impl MountHandle {
    /// A mount whose actor does not run yet.
    #[must_use]
    pub fn new(spec: &Arc<MountSpec>, paused: bool, environment: &Environment) -> Self {
        let _ = paused;
        let (mailbox, asks) = async_channel::bounded(MAILBOX_MESSAGES_MAX);
        let backend = Backend::new(environment.dialer.clone(), Arc::clone(&environment.timer));
        let plan = plan(spec, None, environment);
        let state = State::default();
        let shared = Arc::new(Shared {
            id: spec.id.as_str().into(),
            credits: Credits::revoked(),
            tunnels: Credits::revoked(),
            timer: Arc::clone(&environment.timer),
            client: surf::Client::with_http_client(backend),
            environment: environment.clone(),
            plan: ArcSwap::new(Arc::clone(&plan)),
            mailbox,
            stop: AtomicBool::new(false),
            drain_ms: AtomicU64::new(0),
            wish: Signal::new(),
            lifecycle: AtomicU8::new(state.lifecycle as u8),
            restarts: AtomicU32::new(state.restarts),
            generation: AtomicU64::new(state.generation),
            #[cfg(test)]
            panics_wanted: AtomicU32::new(0),
        });
        let actor = Actor {
            shared: Arc::clone(&shared),
            state,
            plan: Arc::clone(&plan),
            asks,
            drain_until: None,
            was_cut: false,
        };
        async_std::task::spawn(actor.supervise());
        Self { shared, plan }
    }

    /// Sends the exchange in a shell to the mount and waits for the head of the
    /// reply. `prefix_len` bytes of its raw path were matched.
    pub async fn forward(&self, mut shell: Request, prefix_len: usize) -> Response {
        let shared = &*self.shared;
        let afterwards = match shared.admit(&self.plan, &mut shell, prefix_len).await {
            Ok(afterwards) => afterwards,
            Err(error) => return shell::carry_back(Err(error)),
        };
        match shared.client.send(shell).await {
            Ok(response) => {
                let mut response: Response = response.into();
                shell::edit_reply(&mut response, |reply| self.plan.finish(reply, afterwards.as_deref()));
                response
            }
            Err(error) => shell::carry_back(Err(Error::new(Kind::Internal, error))),
        }
    }

    /// The same mount as another spec makes it. It counts for the requests
    /// that come to the new handle.
    #[must_use]
    pub fn with(&self, spec: &Arc<MountSpec>, paused: bool) -> Self {
        let _ = paused;
        let plan = plan(spec, Some(&self.plan), &self.shared.environment);
        Self { shared: Arc::clone(&self.shared), plan }
    }

    /// Starts the actor.
    pub fn start(&self) {}

    /// No new requests for this handle; those that it has end like that.
    pub fn retire(&self, ending: Ending) {
        let _ = ending;
    }

    /// Starts the actor anew.
    pub fn restart(&self) {}

    /// Says that this handle is the one that counts now: its limits are in
    /// effect at once.
    pub fn take_effect(&self) {
        self.shared.plan.store(Arc::clone(&self.plan));
        self.shared.grant(&self.plan);
        self.shared.wish.notify(usize::MAX);
    }

    /// No new requests; the actor ends when the last one has, or was cut off
    /// after `drain`.
    pub fn stop(&self, ending: Ending) {
        let drain = match ending {
            Ending::Finish => Duration::MAX,
            Ending::Deadline(drain) => drain,
            Ending::Kill => Duration::ZERO,
        };
        self.shared.drain_ms.store(u64::try_from(drain.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wish.notify(usize::MAX);
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            lifecycle: self.lifecycle(),
            reason: None,
            since: SystemTime::UNIX_EPOCH,
            held: 0,
            restarts: self.restarts(),
            generation: self.generation(),
            generations: Vec::new(),
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle::from_u8(self.shared.lifecycle.load(Ordering::Relaxed))
    }

    /// How many requests are on their way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.shared.credits.in_flight()
    }

    /// How many tunnels are open, or about to be.
    #[must_use]
    pub fn tunnels(&self) -> u64 {
        self.shared.tunnels.in_flight()
    }

    /// How often its actor was started again.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.shared.restarts.load(Ordering::Relaxed)
    }

    /// How many specs it has had.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Spends a credit on the exchange and makes it ready to be sent.
    async fn admit(
        &self,
        plan: &Plan,
        shell: &mut Request,
        prefix_len: usize,
    ) -> Result<Option<Box<Afterwards>>, Error> {
        let exchange = shell::exchange(shell)?;
        exchange.credit = Some(match self.credits.spend() {
            Some(credit) => credit,
            None => self.ask().await?,
        });
        if let Some(notes) = &exchange.notes {
            notes.note(|facts| facts.mount = Some(Arc::clone(&self.id)));
        }
        let user = match plan.basic() {
            // On the heap, so that it costs nothing where it is not asked for.
            Some(basic) => Some(Box::pin(basic.authenticate(&exchange.head.fields)).await?),
            None => None,
        };
        let afterwards = plan.prepare(exchange, prefix_len, user.as_deref())?;
        if exchange.upgrade.is_some() {
            exchange.tunnel_credit = Some(self.tunnels.spend().ok_or(Kind::TunnelsSaturated)?);
        }
        if let Some(total) = exchange.bounds.total {
            exchange.deadline.limit_total(total);
        }
        Ok(afterwards)
    }

    /// As many at a time as the plan allows.
    fn grant(&self, plan: &Plan) {
        let limits = plan.limits();
        self.credits.grant(limits.concurrent_requests_max);
        self.tunnels.grant(limits.tunnels_max);
    }

    fn revoke(&self) {
        self.credits.revoke();
        self.tunnels.revoke();
    }

    async fn ask(&self) -> Result<Credit, Error> {
        let (answer, answered) = async_channel::bounded(1);
        self.mailbox.try_send(Ask { answer }).map_err(|error| match error {
            async_channel::TrySendError::Full(_) => Error::from(Kind::Saturated),
            async_channel::TrySendError::Closed(_) => Error::from(Kind::Draining),
        })?;
        match answered.recv().await {
            Ok(decided) => decided.map_err(Error::from),
            Err(_) => Err(Kind::Unavailable.into()),
        }
    }
}

struct Actor {
    shared: Arc<Shared>,
    state: State,
    /// The plan that it has taken note of.
    plan: Arc<Plan>,
    asks: Receiver<Ask>,
    /// When what is left is told to end.
    drain_until: Option<Instant>,
    /// It was.
    was_cut: bool,
}

/// What the actor woke up for.
enum Input {
    Ask(Ask),
    Other(Event),
}

impl Actor {
    /// Runs until the mount is stopped, and again after every panic.
    async fn supervise(mut self) {
        while AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
            self.shared.revoke();
            let Effect::RestartAfter(pause) = self.state.apply(Event::Panicked) else { return };
            self.tell();
            oplog::error(format_args!("mount {}: its actor panicked; starting it again in {pause:?}", self.shared.id));
            async_io::Timer::after(pause).await;
        }
    }

    async fn run(&mut self) {
        self.perform(Input::Other(Event::Started));
        while self.state.lifecycle != Lifecycle::Stopped {
            let input = self.next().await;
            self.perform(input);
        }
    }

    /// What happened?
    async fn next(&self) -> Input {
        let shared = &*self.shared;
        loop {
            let wish = shared.wish.listen();
            #[cfg(test)]
            if shared
                .panics_wanted
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
                .is_ok()
            {
                panic!("as the test wished");
            }
            if shared.stop.load(Ordering::Acquire) && !self.state.is_stopping() {
                return Input::Other(Event::StopRequested);
            }
            if !Arc::ptr_eq(&shared.plan.load(), &self.plan) {
                return Input::Other(Event::SpecChanged);
            }
            let asked = async { self.asks.recv().await.ok().map(Input::Ask) };
            let idle = async {
                if !self.state.is_stopping() {
                    future::pending::<()>().await;
                }
                let overdue = async {
                    match self.drain_until.filter(|_| !self.was_cut) {
                        Some(until) => drop(async_io::Timer::at(until).await),
                        None => future::pending().await,
                    }
                    Event::Overdue
                };
                let idle = async {
                    shared.credits.idle().await;
                    shared.tunnels.idle().await;
                    Event::Idle
                };
                Some(Input::Other(future::or(idle, overdue).await))
            };
            let wished = async {
                wish.await;
                None
            };
            if let Some(input) = future::or(asked, future::or(idle, wished)).await {
                return input;
            }
        }
    }

    /// What now?
    fn perform(&mut self, input: Input) {
        let (event, ask) = match input {
            Input::Ask(ask) => (Event::Asked, Some(ask)),
            Input::Other(event) => (event, None),
        };
        let answer = |decided| {
            if let Some(ask) = &ask {
                // Whoever asked may have gone.
                let _ = ask.answer.try_send(decided);
            }
        };
        let shared = Arc::clone(&self.shared);
        match self.state.apply(event) {
            Effect::None | Effect::End | Effect::RestartAfter(_) => {}
            Effect::Open => {
                shared.grant(&shared.plan.load());
                shared.credits.open();
                shared.tunnels.open();
            }
            Effect::Revoke => {
                let drain = Duration::from_millis(shared.drain_ms.load(Ordering::Acquire));
                // None is later than the clock can tell.
                self.drain_until = self.drain_until.or_else(|| Instant::now().checked_add(drain));
                shared.revoke();
            }
            Effect::AdmitOrRefuse(kind) => answer(shared.credits.spend().ok_or(kind)),
            Effect::Refuse(kind) => answer(Err(kind)),
            Effect::TakeNote => {
                self.plan = shared.plan.load_full();
                shared.grant(&self.plan);
            }
            Effect::Cut => {
                self.was_cut = true;
                shared.credits.cut();
                shared.tunnels.cut();
                shared.timer.wake_all();
            }
        }
        self.tell();
    }

    /// Says of itself what it is, once that is so.
    fn tell(&self) {
        self.shared.lifecycle.store(self.state.lifecycle as u8, Ordering::Relaxed);
        self.shared.restarts.store(self.state.restarts, Ordering::Relaxed);
        self.shared.generation.store(self.state.generation, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{Id, parse};
    use super::*;
    use crate::limits::MOUNT_REQUESTS_MAX;
    use crate::net::OwnListeners;
    use serde_json::json;

    fn environment() -> Environment {
        Environment {
            dialer: Dialer::new(OwnListeners::default()),
            timer: Timer::start().unwrap(),
            pseudonym: "test".into(),
            files: Files::default(),
            allows_open_proxy: false,
            passwords: Passwords::new().unwrap(),
            observer: Observing::default(),
        }
    }

    fn spawn(environment: &Environment) -> MountHandle {
        let spec = parse(&json!({"kind": "regular", "address": "http://127.0.0.1:9/"}), Id::OwnOr("m")).unwrap();
        MountHandle::new(&Arc::new(spec), false, environment)
    }

    async fn credit(handle: &MountHandle) -> Result<Credit, Error> {
        match handle.shared.credits.spend() {
            Some(credit) => Ok(credit),
            None => handle.shared.ask().await,
        }
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            future::yield_now().await;
        }
    }

    #[test]
    fn requests_past_the_limit_are_refused_and_places_come_free() {
        async_io::block_on(async {
            let handle = spawn(&environment());
            let mut credits = Vec::new();
            for _ in 0..MOUNT_REQUESTS_MAX {
                credits.push(credit(&handle).await.unwrap());
            }
            assert_eq!(credit(&handle).await.unwrap_err().kind(), &Kind::Saturated);
            assert_eq!(handle.in_flight(), u64::from(MOUNT_REQUESTS_MAX));
            credits.pop();
            credits.push(credit(&handle).await.unwrap());
        });
    }

    #[test]
    fn a_stopped_mount_lets_its_requests_finish_and_ends() {
        async_io::block_on(async {
            let handle = spawn(&environment());
            let last = credit(&handle).await.unwrap();
            handle.stop(Ending::Finish);
            until(|| handle.lifecycle() == Lifecycle::Draining).await;
            assert_eq!(credit(&handle).await.unwrap_err().kind(), &Kind::Draining);
            assert_eq!(handle.in_flight(), 1);
            drop(last);
            until(|| handle.lifecycle() == Lifecycle::Stopped).await;
        });
    }

    #[test]
    fn what_a_stopped_mount_still_has_is_cut_off_after_its_time() {
        async_io::block_on(async {
            let handle = spawn(&environment());
            let last = credit(&handle).await.unwrap();
            assert!(!last.is_cut());
            handle.stop(Ending::Deadline(Duration::from_millis(1)));
            until(|| last.is_cut()).await;
            assert_eq!(handle.lifecycle(), Lifecycle::Draining);
            drop(last);
            until(|| handle.lifecycle() == Lifecycle::Stopped).await;
        });
    }

    #[test]
    fn a_panic_restarts_the_actor_and_nobody_else_notices() {
        async_io::block_on(async {
            let environment = environment();
            let (broken, other) = (spawn(&environment), spawn(&environment));
            let on_its_way = credit(&broken).await.unwrap();
            let elsewhere = credit(&other).await.unwrap();
            broken.shared.panics_wanted.store(2, Ordering::Release);
            broken.shared.wish.notify(usize::MAX);
            until(|| broken.restarts() == 1).await;
            assert_eq!(broken.in_flight(), 1, "the request on its way goes on");
            // Asked while the actor is down; the mailbox survives.
            assert!(credit(&broken).await.is_ok());
            assert_eq!(broken.restarts(), 2);
            assert_eq!(broken.lifecycle(), Lifecycle::Open);
            assert_eq!((other.restarts(), other.lifecycle()), (0, Lifecycle::Open));
            drop((on_its_way, elsewhere));
        });
    }

    #[test]
    fn a_new_spec_counts_without_a_new_actor() {
        async_io::block_on(async {
            let handle = spawn(&environment());
            let limits = json!({"concurrent_requests_max": 0});
            let spec = json!({"kind": "regular", "address": "http://127.0.0.1:10/", "limits": limits});
            let changed = handle.with(&Arc::new(parse(&spec, Id::OwnOr("m")).unwrap()), false);
            assert!(credit(&handle).await.is_ok(), "it does not count yet");
            changed.take_effect();
            assert_eq!(credit(&handle).await.unwrap_err().kind(), &Kind::Saturated, "it counts at once");
            until(|| handle.generation() == 2).await;
        });
    }
}
