//! From names to addresses: the system's resolver, asked off the executor.
//!
//! Owns what is known of names, for a moment, since the system tells nobody
//! how long an answer holds, and who may ask it how often at a time. It can
//! stand still for half a minute, so each question has a thread of its own,
//! which ends with its answer, and nobody's questions take the threads of the
//! others. Does not judge addresses: whoever dials one checks it.

use crate::limits::{
    DIAL_ADDRESSES_MAX, LOOKUP_STACK_BYTES, LOOKUPS_KEPT, LOOKUPS_MAX, MOUNT_LOOKUPS_MAX, NAME_KNOWN_MAX,
    NAME_UNKNOWN_MAX, NAMES_REMEMBERED_MAX,
};
use event_listener::{Event, EventListener};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// What a name stands for, in the resolver's order and with the port 0; or why
/// that is not known.
pub type Answer = Result<Arc<[SocketAddr]>, Arc<str>>;

/// On whose behalf a name is looked up: one number for each mount.
pub type Owner = u64;

/// The names of one process.
pub struct Resolver {
    state: Mutex<State>,
    lookup: Lookup,
    now: fn() -> Instant,
}

/// Asks for the addresses of a name, for as long as that takes.
type Lookup = Box<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl Resolver {
    /// One that asks the system.
    #[must_use]
    pub fn system() -> Arc<Self> {
        Self::asking(|name| (name, 0).to_socket_addrs().map(Iterator::collect))
    }

    /// One that asks `lookup`, on a thread that may wait.
    #[must_use]
    pub fn asking(lookup: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), lookup: Box::new(lookup), now: Instant::now })
    }

    /// What that name stands for. All who ask for a name that is being looked
    /// up wait for the one answer. How long is the caller's to bound: the
    /// look-up goes on without it.
    pub async fn resolve(self: &Arc<Self>, name: &Arc<str>, owner: Owner) -> Answer {
        loop {
            let news = match self.state().ask(name, owner, (self.now)()) {
                Asked::Known(answer) => return answer,
                Asked::Wait(news) => news,
                Asked::Begin(news) => {
                    self.begin(name, owner);
                    news
                }
            };
            news.await;
        }
    }

    fn begin(self: &Arc<Self>, name: &Arc<str>, owner: Owner) {
        let (resolver, sought) = (Arc::clone(self), Arc::clone(name));
        let look = move || {
            // A place that is not given back is missing for ever.
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| (resolver.lookup)(&sought)));
            let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("looking it up panicked")));
            let now = (resolver.now)();
            resolver.state().learn(&sought, owner, answer(outcome), now);
        };
        let thread = thread::Builder::new().name("standin-names".into()).stack_size(LOOKUP_STACK_BYTES);
        if let Err(error) = thread.spawn(look) {
            self.state().learn(name, owner, answer(Err(error)), (self.now)());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}

fn answer(outcome: io::Result<Vec<SocketAddr>>) -> Answer {
    match outcome {
        Ok(addresses) if addresses.is_empty() => Err("the name has no address".into()),
        Ok(mut addresses) => {
            addresses.truncate(DIAL_ADDRESSES_MAX);
            Ok(addresses.into())
        }
        Err(error) => Err(error.to_string().into()),
    }
}

/// What is known and what is asked. Knows no threads and no clock.
#[derive(Debug, Default)]
struct State {
    known: Known,
    /// Who looks it up, and who wants to hear.
    sought: HashMap<Arc<str>, Event>,
    /// Those who have look-ups going on.
    owners: HashMap<Owner, Going>,
    /// Look-ups that have ended.
    ended: Event,
}

/// The look-ups of one owner.
#[derive(Debug, Default)]
struct Going {
    count: usize,
    ended: Event,
}

/// What becomes of a question.
enum Asked {
    Known(Answer),
    /// Ask again then.
    Wait(EventListener),
    /// Look it up, and ask again then.
    Begin(EventListener),
}

impl State {
    fn ask(&mut self, name: &Arc<str>, owner: Owner, now: Instant) -> Asked {
        if let Some(answer) = self.known.get(name, now) {
            return Asked::Known(answer);
        }
        if let Some(answered) = self.sought.get(name) {
            return Asked::Wait(answered.listen());
        }
        let free = LOOKUPS_MAX.saturating_sub(self.sought.len());
        let going = self.owners.get(&owner).map_or(0, |going| going.count);
        if let Some(own) = self.owners.get(&owner).filter(|going| going.count >= MOUNT_LOOKUPS_MAX) {
            return Asked::Wait(own.ended.listen());
        }
        // The more somebody has, the more must be left for the others.
        if free <= going * LOOKUPS_KEPT {
            return Asked::Wait(self.ended.listen());
        }
        self.owners.entry(owner).or_default().count += 1;
        Asked::Begin(self.sought.entry(Arc::clone(name)).or_default().listen())
    }

    fn learn(&mut self, name: &Arc<str>, owner: Owner, answer: Answer, now: Instant) {
        self.known.insert(Arc::clone(name), answer, now);
        if let Some(answered) = self.sought.remove(name) {
            answered.notify(usize::MAX);
        }
        if let Some(own) = self.owners.get_mut(&owner) {
            own.count -= 1;
            own.ended.notify(usize::MAX);
            if own.count == 0 {
                self.owners.remove(&owner);
            }
        }
        self.ended.notify(usize::MAX);
    }
}

/// The answers that came last, and until when they hold. Two halves: when the
/// younger one is full it becomes the older, and that one is forgotten.
#[derive(Debug, Default)]
struct Known {
    younger: HashMap<Arc<str>, (Answer, Instant)>,
    older: HashMap<Arc<str>, (Answer, Instant)>,
}

impl Known {
    fn get(&self, name: &str, now: Instant) -> Option<Answer> {
        let (answer, until) = self.younger.get(name).or_else(|| self.older.get(name))?;
        (now < *until).then(|| answer.clone())
    }

    fn insert(&mut self, name: Arc<str>, answer: Answer, now: Instant) {
        if self.younger.len() >= NAMES_REMEMBERED_MAX / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        let until = now + if answer.is_ok() { NAME_KNOWN_MAX } else { NAME_UNKNOWN_MAX };
        self.younger.insert(name, (answer, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_channel::{Receiver, Sender};
    use futures_lite::future;
    use std::time::Duration;

    /// A resolver whose look-ups say that they have begun and then wait to be
    /// told the answer.
    struct Scripted {
        resolver: Arc<Resolver>,
        begun: Receiver<(String, Sender<io::Result<Vec<SocketAddr>>>)>,
    }

    impl Scripted {
        fn new() -> Self {
            let (begin, begun) = async_channel::unbounded();
            let lookup = move |name: &str| {
                let (answer, answered) = async_channel::bounded(1);
                begin.send_blocking((name.to_owned(), answer)).unwrap();
                answered.recv_blocking().unwrap()
            };
            // On a busy machine an answer could be too old before it is used.
            let resolver = Resolver { state: Mutex::default(), lookup: Box::new(lookup), now: stopped };
            Self { resolver: Arc::new(resolver), begun }
        }

        /// Asks as far as it goes without an answer.
        fn ask(&self, name: &str, owner: Owner) -> Question {
            let (resolver, name) = (Arc::clone(&self.resolver), Arc::from(name));
            let mut question: Question = Box::pin(async move { resolver.resolve(&name, owner).await });
            assert!(is_open(&mut question));
            question
        }

        /// The look-up that begins next.
        fn next(&self) -> (String, Sender<io::Result<Vec<SocketAddr>>>) {
            self.begun.recv_blocking().unwrap()
        }

        fn going(&self) -> usize {
            self.resolver.state().sought.len()
        }
    }

    type Question = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn is_open(question: &mut Question) -> bool {
        future::block_on(future::poll_once(question)).is_none()
    }

    /// A clock that does not go.
    fn stopped() -> Instant {
        static MOMENT: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *MOMENT.get_or_init(Instant::now)
    }

    fn address(last: u8) -> SocketAddr {
        ([192, 0, 2, last], 0).into()
    }

    fn tell(answer: &Sender<io::Result<Vec<SocketAddr>>>, last: u8) {
        answer.send_blocking(Ok(vec![address(last)])).unwrap();
    }

    fn told(question: Question) -> SocketAddr {
        future::block_on(question).unwrap()[0]
    }

    #[test]
    fn all_who_ask_for_a_name_wait_for_one_look_up() {
        let scripted = Scripted::new();
        let questions: Vec<_> = (0..9).map(|owner| scripted.ask("a.test", owner)).collect();
        let (name, answer) = scripted.next();
        assert_eq!((name.as_str(), scripted.going()), ("a.test", 1));
        tell(&answer, 1);
        for question in questions {
            assert_eq!(told(question), address(1));
        }
        let again = Box::pin(async move { scripted.resolver.resolve(&"a.test".into(), 77).await });
        assert_eq!(told(again), address(1), "known, so nobody need be asked");
    }

    #[test]
    fn stuck_look_ups_of_one_mount_hold_up_no_other() {
        let scripted = Scripted::new();
        let names: Vec<String> = (0..=MOUNT_LOOKUPS_MAX).map(|number| format!("stuck{number}.test")).collect();
        let mut stuck: Vec<_> = names.iter().map(|name| scripted.ask(name, 1)).collect();
        let answers: Vec<_> = (0..MOUNT_LOOKUPS_MAX).map(|_| scripted.next()).collect();
        assert_eq!(scripted.going(), MOUNT_LOOKUPS_MAX, "the last one waits for its turn");
        let other = scripted.ask("other.test", 2);
        tell(&scripted.next().1, 2);
        assert_eq!(told(other), address(2));
        // Even a name that the first one waits to ask for.
        let same = scripted.ask(&names[MOUNT_LOOKUPS_MAX], 2);
        tell(&scripted.next().1, 3);
        assert_eq!(told(same), address(3));
        tell(&answers[0].1, 4);
        assert_eq!(told(stuck.pop().unwrap()), address(3), "its turn came, and the answer is there");
        for (_, answer) in &answers[1..] {
            tell(answer, 5);
        }
        for question in stuck {
            told(question);
        }
        assert_eq!(scripted.going(), 0);
        assert!(scripted.resolver.state().owners.is_empty(), "nothing is kept of who asks nothing");
    }

    #[test]
    fn who_gives_up_leaves_the_look_up_to_the_next() {
        let scripted = Scripted::new();
        drop(scripted.ask("slow.test", 1));
        let (_, answer) = scripted.next();
        let next = scripted.ask("slow.test", 2);
        assert_eq!(scripted.going(), 1);
        tell(&answer, 9);
        assert_eq!(told(next), address(9));
    }

    #[test]
    fn a_look_up_that_panics_gives_its_place_back() {
        let resolver = Resolver::asking(|_| panic!("as the test wished"));
        for _ in 0..2 * MOUNT_LOOKUPS_MAX {
            let told = future::block_on(resolver.resolve(&"a.test".into(), 1));
            assert_eq!(told.unwrap_err().as_ref(), "looking it up panicked");
            resolver.state().known = Known::default();
        }
        assert!(resolver.state().owners.is_empty());
    }

    #[test]
    fn the_last_places_are_for_those_who_have_fewest() {
        let mut state = State::default();
        let now = Instant::now();
        let mut begins = |name: String, owner| matches!(state.ask(&name.into(), owner, now), Asked::Begin(_));
        // Each takes what it can, and as many as are left take one.
        for owner in 0.. {
            let taken = (0..=MOUNT_LOOKUPS_MAX).take_while(|number| begins(format!("{owner}-{number}"), owner)).count();
            if taken == 1 {
                break;
            }
            assert!(taken <= MOUNT_LOOKUPS_MAX);
        }
        let rest = (1000..).take_while(|owner| begins(format!("{owner}"), *owner)).count();
        assert_eq!(rest, LOOKUPS_KEPT - 1);
        assert_eq!(state.sought.len(), LOOKUPS_MAX);
        // A place comes free: a newcomer takes it, not who has one.
        state.learn(&"0-0".into(), 0, Err("gone".into()), now);
        assert!(matches!(state.ask(&"more".into(), 1000, now), Asked::Wait(_)));
        assert!(matches!(state.ask(&"new".into(), 5000, now), Asked::Begin(_)));
    }

    #[test]
    fn an_answer_holds_for_a_moment_and_a_failure_for_less() {
        let (mut known, now) = (Known::default(), Instant::now());
        known.insert("good".into(), Ok([address(1)].into()), now);
        known.insert("bad".into(), Err("no such name".into()), now);
        let just_before = |moment: Duration| now + moment - Duration::from_millis(1);
        assert!(known.get("good", just_before(NAME_KNOWN_MAX)).unwrap().is_ok());
        assert_eq!(known.get("good", now + NAME_KNOWN_MAX), None);
        assert!(known.get("bad", just_before(NAME_UNKNOWN_MAX)).unwrap().is_err());
        assert_eq!(known.get("bad", now + NAME_UNKNOWN_MAX), None);
    }

    #[test]
    fn no_more_names_are_remembered_than_may_be() {
        let (mut known, now) = (Known::default(), Instant::now());
        for number in 0..2 * NAMES_REMEMBERED_MAX {
            known.insert(number.to_string().into(), Err("no such name".into()), now);
            assert!(known.younger.len() + known.older.len() <= NAMES_REMEMBERED_MAX);
            assert!(known.get(&number.to_string(), now).is_some());
        }
        assert_eq!(known.get("0", now), None);
    }
}
