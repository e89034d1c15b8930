//! A mount as the rest of the proxy sees it.
//!
//! Owns what a request's way through a mount is: its place, its plan, the
//! upstream. While the mount is open its actor has granted credits in advance,
//! and a request spends one without a message; without a credit it asks, and
//! the actor decides. What a mount is to be is a level, not a message: the last
//! wish counts at once, none is lost, nobody waits.

use super::actor::Actor;
use super::identity::Identity;
use super::mailbox::Mailbox;
use super::observer::Observing;
use super::plan::{Afterwards, Plan};
use super::retired::{Remains, Retired};
use super::spec::MountSpec;
use super::state::{Ending, Lifecycle, Wish};
use super::trust;
use crate::error::{Error, Kind};
use crate::exchange::shell::{self, Outcome, Shell};
use crate::exchange::{Credit, Credits, Exchange, Generation, Notes, Watched};
use crate::files::Files;
use crate::identity::Passwords;
use crate::net::{Dialer, Timer};
use crate::policy::rate;
use crate::stats::{Book, Stats};
use crate::traffic;
use crate::upstream::{Backend, Pool};
use arc_swap::ArcSwap;
use event_listener::Event as Signal;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

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
    /// What mounts have done.
    pub book: Arc<Book>,
    /// Who is told when a mount comes into another state.
    pub observer: Observing,
}

/// A running mount as one spec makes it. Clones share both; after a change
/// there is another handle for the same mount.
#[derive(Debug, Clone)]
pub struct MountHandle {
    pub(super) shared: Arc<Shared>,
    /// Found together with the match, so that no request is ever sent where
    /// another match belongs.
    face: Arc<Face>,
}

/// What a mount is since its last change.
#[derive(Debug)]
pub(super) struct Face {
    plan: Plan,
    spec: Arc<MountSpec>,
    paused: bool,
    generation: Arc<Generation>,
    /// It is neither paused nor switched off.
    admits: bool,
}

impl Face {
    pub(super) fn wish(&self) -> Wish {
        Wish { enabled: self.spec.enabled, paused: self.paused }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// What the handles of a mount share with each other and with its actor.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) id: Arc<str>,
    pub(super) credits: Arc<Credits>,
    pub(super) tunnels: Arc<Credits>,
    pub(super) mailbox: Mailbox,
    pub(super) retired: Retired,
    pub(super) environment: Arc<Environment>,
    /// Heard by the actor, and by whoever waits for a generation.
    pub(super) signal: Arc<Signal>,
    /// Nothing before its first request, and so is what it has done.
    upstream: OnceLock<Box<Upstream>>,
    stats: OnceLock<Arc<Stats>>,
    made: Instant,
    /// When the next request comes if all come evenly.
    next_us: AtomicU64,
    // What the registry wants.
    /// The face of the handle that counts, for the actor to take note of.
    pub(super) face: ArcSwap<Face>,
    pub(super) stop: AtomicBool,
    /// Nothing is held any more: nobody would let it go on.
    pub(super) holds_nothing: AtomicBool,
    pub(super) restarts_wanted: AtomicU32,
    // What the actor says of itself.
    pub(super) lifecycle: AtomicU8,
    pub(super) told: Mutex<Told>,
    /// What is wrong with the upstream, as far as requests have shown.
    trouble: Mutex<Option<Box<str>>>,
    in_trouble: AtomicBool,
    #[cfg(test)]
    pub(super) panics_wanted: AtomicU32,
}

/// The way to a mount's upstream.
#[derive(Debug)]
struct Upstream {
    pool: Arc<Pool>,
    client: surf::Client,
}

/// What an actor has said of itself.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) since: SystemTime,
    pub(super) held: usize,
    pub(super) restarts: u32,
}

/// How a mount is.
#[derive(Debug, Clone)]
pub struct Status {
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Why, where it is not simply open, or what is wrong with its upstream.
    pub reason: Option<String>,
    /// Since when it is there in its life.
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

fn plan(spec: &Arc<MountSpec>, before: Option<&Plan>, environment: &Environment) -> Plan {
    let identity = Identity::of(spec, environment);
    let trust = trust::of(spec, before.and_then(Plan::trust), &environment.files);
    Plan::new(spec, Arc::clone(&environment.pseudonym), trust).identified(identity)
}

impl MountHandle {
    /// A mount whose actor does not run yet. Dropped before it is started, it
    /// leaves nothing.
    #[must_use]
    pub fn new(spec: &Arc<MountSpec>, paused: bool, environment: &Arc<Environment>) -> Self {
        let signal = Arc::<Signal>::default();
        let face = Arc::new(Face {
            plan: plan(spec, None, environment),
            spec: Arc::clone(spec),
            paused,
            generation: Generation::new(1, Arc::clone(&signal)),
            admits: spec.enabled && !paused,
        });
        let told = Told { since: SystemTime::now(), held: 0, restarts: 0 };
        let shared = Arc::new(Shared {
            id: spec.id.as_str().into(),
            credits: Credits::revoked(),
            tunnels: Credits::revoked(),
            mailbox: Mailbox::new(Arc::clone(&signal)),
            retired: Retired::default(),
            environment: Arc::clone(environment),
            upstream: OnceLock::new(),
            stats: OnceLock::new(),
            made: Instant::now(),
            next_us: AtomicU64::new(0),
            signal,
            face: ArcSwap::new(Arc::clone(&face)),
            stop: AtomicBool::new(false),
            holds_nothing: AtomicBool::new(false),
            restarts_wanted: AtomicU32::new(0),
            lifecycle: AtomicU8::new(Lifecycle::Starting as u8),
            told: Mutex::new(told),
            trouble: Mutex::new(None),
            in_trouble: AtomicBool::new(false),
            #[cfg(test)]
            panics_wanted: AtomicU32::new(0),
        });
        Self { shared, face }
    }

    /// Starts the actor.
    pub fn start(&self) {
        async_std::task::spawn(Actor::of(&self.shared).supervise());
    }

    /// Finds the exchange its place. [`Kind::Moved`] means that the
    /// mount has changed since it was found: the table knows who answers now.
    pub async fn admit(&self, exchange: &mut Exchange) -> Result<(), Error> {
        let (shared, face) = (&*self.shared, &*self.face);
        shared.count(exchange);
        // One that has a place here from before a change keeps it, if requests are
        // let in at all.
        let kept = exchange.credit.take().filter(|credit| face.admits && credit.is_of(&shared.credits));
        let mut credit = match kept {
            Some(credit) => credit,
            None => shared.place(face, exchange).await?,
        };
        let is_in = credit.enter(&face.generation);
        exchange.credit = Some(credit);
        if !is_in {
            return Err(Kind::Moved.into());
        }
        if let Some(notes) = &exchange.notes {
            notes.note(|facts| facts.mount = Some(Arc::clone(&shared.id)));
        }
        Ok(())
    }

    /// Sends the exchange, which has its place, to the mount and waits for the head
    /// of the reply. `prefix_len` bytes of its raw path were matched.
    pub async fn forward(&self, mut exchange: Box<Exchange>, prefix_len: usize) -> Outcome {
        let (shared, plan) = (&*self.shared, &self.face.plan);
        let afterwards = shared.prepare(plan, &mut exchange, prefix_len).await?;
        let response = shared.upstream().client.send(Shell::Constant.carry(exchange)).await;
        let response = response.map_err(|error| Error::new(Kind::Internal, error))?;
        let mut outcome = shell::outcome(response.into());
        shared.learn(outcome.as_ref().err());
        if let Ok(reply) = &mut outcome {
            plan.finish(reply, afterwards.as_deref());
        }
        outcome
    }

    /// The same mount as another spec makes it. It counts for the requests
    /// that come to the new handle.
    #[must_use]
    pub fn with(&self, spec: &Arc<MountSpec>, paused: bool) -> Self {
        let before = &*self.face;
        let stays = before.spec.serves_like(spec) && (spec.enabled || !before.spec.enabled);
        let generation = if stays {
            Arc::clone(&before.generation)
        } else {
            Generation::new(before.generation.number() + 1, Arc::clone(&self.shared.signal))
        };
        let plan = plan(spec, Some(&before.plan), &self.shared.environment);
        let face = Arc::new(Face { plan, spec: Arc::clone(spec), paused, generation, admits: spec.enabled && !paused });
        Self { shared: Arc::clone(&self.shared), face }
    }

    /// Says that this handle is the one that counts now: its limits are in
    /// effect at once. The generation before it is still to be retired.
    pub fn take_effect(&self) {
        self.shared.face.store(Arc::clone(&self.face));
        self.shared.grant(&self.face.plan);
        self.shared.signal.notify(usize::MAX);
    }

    /// What `before` had goes on in its generation and ends like that; with `all`
    /// whatever else is left of the mount too. To be called when the table has
    /// this handle. Answers what still has something.
    #[must_use]
    pub fn succeed(&self, before: &Self, ending: Ending, all: bool) -> Vec<Arc<Generation>> {
        let (shared, old) = (&*self.shared, &before.face.generation);
        let is_left = !Arc::ptr_eq(&self.face.generation, old) && shared.retired.add(old, ending, Instant::now());
        let left = match (all, is_left) {
            (true, _) => shared.retired.end_all(ending, Instant::now()),
            (false, true) => vec![Arc::clone(old)],
            (false, false) => Vec::new(),
        };
        shared.look(ending);
        left
    }

    /// No new requests; the actor ends when what there is has ended. Answers
    /// what still has something.
    #[must_use]
    pub fn stop(&self, ending: Ending) -> Vec<Arc<Generation>> {
        let shared = &*self.shared;
        shared.retired.add(&self.face.generation, ending, Instant::now());
        let left = shared.retired.end_all(ending, Instant::now());
        shared.stop.store(true, Ordering::Release);
        shared.look(ending);
        left
    }

    /// Starts the actor anew, with upstream connections of its own.
    pub fn restart(&self) {
        self.shared.restarts_wanted.fetch_add(1, Ordering::AcqRel);
        self.shared.signal.notify(usize::MAX);
    }

    /// Refuses what is held and all that would be: the proxy is to stop, and
    /// nobody will resume the mount before.
    pub fn refuse_held(&self) {
        self.shared.holds_nothing.store(true, Ordering::Release);
        self.shared.signal.notify(usize::MAX);
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Has its actor panic once.
    #[cfg(test)]
    pub fn panic_once(&self) {
        self.shared.panics_wanted.fetch_add(1, Ordering::AcqRel);
        self.shared.signal.notify(usize::MAX);
    }

    #[cfg(test)]
    pub(super) fn face(&self) -> &Arc<Face> {
        &self.face
    }

    #[cfg(test)]
    pub(super) fn admits(&self) -> bool {
        self.face.admits
    }

    #[cfg(test)]
    pub(super) fn enter(&self, credit: &mut Credit) -> bool {
        credit.enter(&self.face.generation)
    }

    /// Its plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.face.plan
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status(&self.face, self.lifecycle())
    }

    /// Where it is in its life. What was wished counts, though its actor may
    /// take note of it a moment later.
    #[must_use]
    pub fn lifecycle(&self) -> Lifecycle {
        let shared = &*self.shared;
        let stopping = shared.stop.load(Ordering::Acquire);
        shared.lifecycle().seen(stopping, shared.face.load().wish(), !shared.retired.is_empty())
    }

    /// What it has done; none before its first request.
    #[must_use]
    pub fn stats(&self) -> Option<&Stats> {
        self.shared.stats.get().map(|stats| &**stats)
    }

    /// The same, for who wants to watch a mount that nobody has asked yet.
    #[must_use]
    pub fn counted(&self) -> &Arc<Stats> {
        self.shared.counted()
    }

    /// When it had something to do last: now, while it has. None before its
    /// first request.
    #[must_use]
    pub fn last_activity(&self) -> Option<SystemTime> {
        match self.in_flight() + self.tunnels() {
            0 => self.stats()?.last_activity(),
            _ => Some(SystemTime::now()),
        }
    }

    /// Its connections to upstreams.
    #[must_use]
    pub fn pool(&self) -> Option<&Pool> {
        self.shared.upstream.get().map(|upstream| &*upstream.pool)
    }

    /// How often its actor was started again.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.shared.told().restarts
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
}

impl Shared {
    /// How the mount is, as that face has it, in that state.
    pub(super) fn status(&self, face: &Face, lifecycle: Lifecycle) -> Status {
        let told = self.told().clone();
        let stopping = self.stop.load(Ordering::Acquire);
        let trouble = || self.trouble().as_deref().map(str::to_owned);
        Status {
            lifecycle,
            reason: lifecycle.reason(stopping).map(str::to_owned).or_else(trouble),
            since: if lifecycle == self.lifecycle() { told.since } else { SystemTime::now() },
            held: told.held,
            restarts: told.restarts,
            generation: face.generation.number(),
            generations: self.retired.remains(),
        }
    }

    fn upstream(&self) -> &Upstream {
        self.upstream.get_or_init(|| {
            let environment = &self.environment;
            let backend = Backend::new(environment.dialer.clone(), Arc::clone(&environment.timer));
            Box::new(Upstream { pool: backend.pool(), client: surf::Client::with_http_client(backend) })
        })
    }

    pub(super) fn counted(&self) -> &Arc<Stats> {
        self.stats.get_or_init(|| self.environment.book.begin(&self.id))
    }

    /// Has the exchange count among this mount's, however it ends.
    fn count(&self, exchange: &mut Exchange) {
        let stats = self.counted();
        exchange.body.side().account.charge(stats);
        if stats.tap().is_watched() && stats.tap().wants(exchange.head.method(), exchange.path()) {
            let notes = exchange.notes.get_or_insert_with(Notes::begin).clone();
            let head = &exchange.head;
            let mut entry =
                traffic::Entry::begin(&self.id, exchange.id.to_string(), head.method(), head.target(), &head.fields);
            entry.client = exchange.peer.ip();
            let watched = Watched { entry, path: exchange.path().to_vec(), notes };
            exchange.body.side().account.watch(Box::new(watched));
        }
    }

    /// Nobody counts for it any more: whoever watches it has seen all.
    pub(super) fn close_book(&self) {
        self.stats.get().into_iter().for_each(|stats| stats.tap().close());
    }

    /// A place for the exchange, at once or when the actor says so.
    async fn place(&self, face: &Face, exchange: &Exchange) -> Result<Credit, Error> {
        if let Some(per_s) = face.plan.limits().requests_per_s_max {
            self.pace(per_s)?;
        }
        // Where nobody is let in for now, the actor says so, once it knows.
        if face.admits
            && let Some(credit) = self.credits.spend()
        {
            return Ok(credit);
        }
        // On the heap, so that it costs nothing where nobody has to ask.
        Ok(Box::pin(self.ask(exchange.notes.as_ref())).await?)
    }

    /// Asks the actor, and notes how long that took where somebody wants to know.
    async fn ask(&self, notes: Option<&Notes>) -> Result<Credit, Kind> {
        let begun = notes.map(Notes::elapsed);
        let decided = self.mailbox.ask().await;
        if let (Some(notes), Some(begun)) = (notes, begun) {
            notes.note(|facts| facts.queued = Some(notes.elapsed().saturating_sub(begun)));
        }
        decided
    }

    /// Refuses what is more than so many requests a second.
    fn pace(&self, per_s: u32) -> Result<(), Kind> {
        let now_us = u64::try_from(self.made.elapsed().as_micros()).unwrap_or(u64::MAX);
        let next = |next_us| rate::admit(next_us, now_us, per_s).ok();
        match self.next_us.fetch_update(Ordering::AcqRel, Ordering::Acquire, next) {
            Ok(_) => Ok(()),
            Err(next_us) => {
                let early_us = rate::admit(next_us, now_us, per_s).err().unwrap_or(0);
                Err(Kind::RateExceeded(u32::try_from(early_us.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)))
            }
        }
    }

    async fn prepare(
        &self,
        plan: &Plan,
        exchange: &mut Exchange,
        prefix_len: usize,
    ) -> Result<Option<Box<Afterwards>>, Error> {
        let user = match plan.basic() {
            // On the heap, so that it costs nothing where it is not asked for.
            Some(basic) => Some(Box::pin(basic.authenticate(&exchange.head.fields)).await?),
            None => None,
        };
        let afterwards = plan.prepare(exchange, prefix_len, user.as_deref())?;
        if let (Some(_), Some(request)) = (&exchange.upgrade, &exchange.credit) {
            let mut tunnel = self.tunnels.spend().ok_or(Kind::TunnelsSaturated)?;
            tunnel.follow(request);
            exchange.tunnel_credit = Some(tunnel);
        }
        if let Some(total) = exchange.bounds.total {
            exchange.deadline.limit_total(total);
        }
        Ok(afterwards)
    }

    /// Keeps in mind whether the upstream can be reached, for whoever asks how
    /// the mount is.
    fn learn(&self, error: Option<&Error>) {
        match error {
            Some(error) if error.kind().is_unreachable() => {
                *self.trouble() = Some(format!("at the last request {error}").into());
                self.in_trouble.store(true, Ordering::Release);
            }
            Some(_) => {}
            None if self.in_trouble.load(Ordering::Relaxed) => {
                self.in_trouble.store(false, Ordering::Release);
                *self.trouble() = None;
            }
            None => {}
        }
    }

    /// As many at a time as the plan allows.
    pub(super) fn grant(&self, plan: &Plan) {
        let limits = plan.limits();
        self.credits.grant(limits.concurrent_requests_max);
        self.tunnels.grant(limits.tunnels_max);
    }

    /// Has all look who may be concerned by generations that end.
    fn look(&self, ending: Ending) {
        if ending == Ending::Kill {
            self.environment.timer.wake_all();
        }
        self.signal.notify(usize::MAX);
    }

    /// Closes what is idle towards the upstream.
    pub(super) fn forget_connections(&self) {
        if let Some(upstream) = self.upstream.get() {
            upstream.pool.forget();
        }
    }

    /// Where the actor was when it looked last.
    fn lifecycle(&self) -> Lifecycle {
        Lifecycle::from_u8(self.lifecycle.load(Ordering::Acquire))
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
