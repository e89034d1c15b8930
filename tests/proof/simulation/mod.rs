//! Random schedules of clients and upstreams that misbehave, replayable by
//! their seed.
//!
//! Every request carries a token of its own, in its target, its head and every
//! few bytes of its content, and so does the answer to it. Whatever is cut,
//! delayed, repeated or left over, each schedule asserts:
//!
//! - I3: every head that comes out of the proxy has exactly one framing;
//! - I4: content arrives as a prefix of what was sent, and looks complete only
//!   if its sender completed it, in both directions;
//! - I5: what was refused never reaches an upstream, what was accepted reaches
//!   it once, and twice only if its method allows that;
//! - I6: an upstream connection is used again only at a message boundary with
//!   nothing left over;
//! - I7: nobody ever sees a byte of another's request or answer;
//! - I8: once all deadlines have passed, no task, connection or permit is left;
//! - I10: a plain request succeeds afterwards.
//!
//! `STANDIN_SIM_SEED=n` replays one schedule; `STANDIN_SIM_SCHEDULES=n` sets
//! how many are run.

mod client;
mod upstream;
mod wire;

use crate::world::{LONGEST, World};
use futures_lite::future::poll_fn;
use standin::net::Timer;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Random numbers that depend on the seed alone (SplitMix64).
#[derive(Debug)]
pub struct Dice(Cell<u64>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// What a client asks, and what must come of it.
#[derive(Debug)]
pub struct Asked {
    pub token: String,
    pub method: &'static str,
    pub head: Vec<u8>,
    /// Its content as it is on the wire.
    pub body: Vec<u8>,
    pub content_len: usize,
    pub verdict: Verdict,
    pub expects: bool,
    pub is_http10: bool,
    /// It would change the protocol; then its content is what it says there.
    pub upgrades: bool,
    /// The last byte was written.
    pub whole_sent: Cell<bool>,
}

/// What a request deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To be sent on.
    Good,
    /// Its content breaks off in malformed framing: it must never look whole.
    BadBody,
    /// Its head must be refused.
    Refused,
}

/// What an upstream has answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer {
    pub status: u16,
    pub content_len: usize,
    /// The last byte was written, and the end was in order where it matters.
    pub whole: bool,
    /// Something was wrong with it that may cost the client the answer.
    pub spoiled: bool,
}

#[derive(Debug)]
struct Entry {
    asked: Rc<Asked>,
    /// How many heads with its token came to an upstream.
    heads: u32,
    answer: Answer,
}

/// What the schedules came across, so that none of it is missing unnoticed.
#[derive(Debug, Default)]
struct Tally {
    whole: Cell<u64>,
    cut: Cell<u64>,
    own: Cell<u64>,
    interims: Cell<u64>,
    tunnels: Cell<u64>,
    reused: Cell<u64>,
    replayed: Cell<u64>,
    strays: Cell<u64>,
    refused: Cell<u64>,
    requests: Cell<u64>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// What everybody in one schedule shares.
#[derive(Debug)]
pub struct Sim {
    dice: Dice,
    timer: Arc<Timer>,
    ledger: RefCell<BTreeMap<String, Entry>>,
    /// Upstreams behave from now on.
    is_calm: Cell<bool>,
    tally: Rc<Tally>,
    /// Somebody replays this schedule and wants to follow it.
    is_told: bool,
}

impl Sim {
    /// What happened, for whoever replays this schedule.
    fn tell(&self, event: std::fmt::Arguments<'_>) {
        if self.is_told {
            eprintln!("{:>8} ms  {event}", self.timer.now_ms());
        }
    }

    /// Some time.
    async fn pause(&self, ms: usize) {
        let deadline = self.timer.deadline();
        deadline.arm(Duration::from_millis(ms as u64));
        poll_fn(|cx| deadline.poll(cx)).await;
    }

    /// Now and then, some time; not more often than `left` says.
    async fn dawdle(&self, left: &mut u8) {
        if *left > 0 && !self.is_calm.get() && self.dice.once_in(12) {
            *left -= 1;
            self.pause(self.dice.below(1500)).await;
        }
    }

    fn entry<T>(&self, token: &str, look: impl FnOnce(&mut Entry) -> T) -> T {
        let mut ledger = self.ledger.borrow_mut();
        look(ledger.get_mut(token).unwrap_or_else(|| panic!("nobody sent the token {token:?}")))
    }
}

/// The name of one request: the client's number, and its own.
fn token(client: usize, request: usize) -> String {
    format!("tok{client:02}{request:02}x")
}

/// Content that says whose it is.
fn content(token: &str, len: usize) -> Vec<u8> {
    token.bytes().cycle().take(len).collect()
}

/// The tokens in some bytes.
fn tokens(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes
        .windows(8)
        .filter(|window| window.starts_with(b"tok") && window[3..7].iter().all(u8::is_ascii_digit) && window[7] == b'x')
        .map(|window| String::from_utf8(window.to_vec()).unwrap())
}

/// How many schedules a test run takes: some seconds' worth.
const SCHEDULES: u64 = if cfg!(debug_assertions) { 200 } else { 2000 };

/// Tells which schedule it was when an assertion fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the schedule that failed: STANDIN_SIM_SEED={}", self.0);
        }
    }
}

fn run(seed: u64, tally: &Rc<Tally>, is_told: bool) {
    let _told = Seed(seed);
    let dice = Dice::new(seed);
    let refusals = AtomicU64::new(dice.next());
    let refuses = dice.once_in(8);
    let calm_dialling = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_calm = Arc::clone(&calm_dialling);
    let accepts = move || {
        let dice = Dice::new(refusals.fetch_add(1, Ordering::Relaxed));
        is_calm.load(Ordering::Relaxed) || !(refuses && dice.once_in(2))
    };
    let mut world = World::new(dice.one_of(&[5, 100, 4096, 65536]), accepts);
    let sim = Rc::new(Sim {
        dice,
        timer: Arc::clone(&world.timer),
        ledger: RefCell::default(),
        is_calm: Cell::new(false),
        tally: Rc::clone(tally),
        is_told,
    });
    for number in 0..1 + sim.dice.below(4) {
        client::Plan::rolled(&sim, number).spawn(&sim, &mut world);
    }
    settle(&sim, &mut world, |names| names.contains(&"client"));
    // A plain request, on a new connection, to an upstream that behaves.
    sim.is_calm.set(true);
    calm_dialling.store(true, Ordering::Relaxed);
    client::Plan::plain(&sim, 99).spawn(&sim, &mut world);
    settle(&sim, &mut world, |names| names.contains(&"client"));
    let answered = sim.entry(&token(99, 0), |entry| entry.answer);
    assert!(answered.whole && !answered.spoiled, "a plain request was not answered: {answered:?}");
    settle(&sim, &mut world, |names| !names.is_empty());
    assert_eq!(world.drain.open(), 0, "a connection that has ended keeps its permit");
}

/// Runs until only what may be left is left, and no longer than everything
/// may take together.
fn settle(sim: &Rc<Sim>, world: &mut World, goes_on: impl Fn(&[&'static str]) -> bool) {
    // Now and then time goes on though somebody could, as on a busy machine.
    let mut busy_left = 10;
    let latest_ms = world.timer.now_ms() + 8 * u64::try_from(LONGEST.as_millis()).unwrap();
    while goes_on(&world.tasks.names()) {
        let has_stepped = world.tasks.step(|count| sim.dice.below(count));
        for end in world.dialled() {
            world.tasks.spawn("upstream", upstream::serve(Rc::clone(sim), end));
        }
        let is_busy = busy_left > 0 && sim.dice.once_in(100);
        if is_busy {
            busy_left -= 1;
        }
        if !has_stepped || is_busy {
            world.timer.advance(Duration::from_millis(100 + sim.dice.below(900) as u64));
        }
        assert!(world.timer.now_ms() < latest_ms, "these tasks do not end: {:?}", world.tasks.names());
    }
}

#[test]
fn nothing_is_mixed_up_lost_or_left_over_in_any_schedule() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let tally = Rc::new(Tally::default());
    if let Some(seed) = number("STANDIN_SIM_SEED") {
        return run(seed, &tally, true);
    }
    let schedules = number("STANDIN_SIM_SCHEDULES").unwrap_or(SCHEDULES);
    for seed in 0..schedules {
        run(seed, &tally, false);
    }
    eprintln!("{schedules} schedules: {tally:?}");
    let Tally { whole, cut, own, interims, tunnels, reused, replayed, strays, refused, requests } = &*tally;
    if schedules >= 1000 {
        for seen in [whole, cut, own, interims, tunnels, reused, replayed, strays, refused, requests] {
            assert!(seen.get() >= schedules / 100, "the schedules hardly came across something: {tally:?}");
        }
    }
}
