//! What happens to the mounts, for those who watch.
//!
//! Owns the newest events and where each watcher stands. Revisions are events
//! that the journal keeps; what becomes of a mount by itself is told only to
//! who watches at that moment. Nobody has a queue: a watcher knows its place,
//! finds what came since in a ring that all share, or in the journal what the
//! ring no longer has, and then waits. So it misses no revision and gets none
//! twice, however slow it is.

use super::change::Action;
use super::history::Entry;
use super::journal::{Journal, Page, Range};
use super::operations::Operation;
use super::store::StoreError;
use crate::limits::{EVENTS_LEFT_OUT_MAX, EVENTS_PER_TURN_MAX, EVENTS_REMEMBERED_BYTES_MAX, EVENTS_REMEMBERED_MAX};
use crate::mount::{Observer, Status};
use crate::oplog;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A revision, and what it did.
    Change(Action),
    /// A mount is in another state.
    State,
    /// What a change has left behind has ended.
    Operation,
}

impl Kind {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change(action) => action.as_str(),
            Self::State => "state",
            Self::Operation => "operation",
        }
    }

    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        Action::ALL.into_iter().map(Self::Change).chain([Self::State, Self::Operation])
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.as_str() == word)
    }
}

/// One event. All watchers share it.
#[derive(Debug, Clone)]
pub struct News {
    /// The revision, where it is one.
    pub revision: Option<u64>,
    /// What it is about.
    pub kind: Kind,
    /// Which mount.
    pub mount: Arc<str>,
    /// All of it, as JSON.
    pub text: Arc<str>,
}

impl News {
    fn of<M: Serialize>(entry: &Entry<M>) -> Self {
        Self {
            revision: Some(entry.revision),
            kind: Kind::Change(entry.action),
            mount: Arc::clone(&entry.mount),
            text: json!(entry).to_string().into(),
        }
    }
}

/// What a watcher is told next.
#[derive(Debug, Clone)]
pub enum Told {
    /// An event.
    News(News),
    /// It has had all that it wants up to this revision.
    Reached(u64),
    /// So many events without a revision came too fast to be told.
    Dropped(u64),
    /// Revisions that it has not had are no longer in the journal, which begins
    /// with this one. It gets nothing more.
    Gone(u64),
}

/// Which events a watcher wants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this mount; none is of all.
    pub mount: Option<Arc<str>>,
    /// Of these kinds; none is of all.
    pub kinds: Vec<Kind>,
}

impl Filter {
    fn wants(&self, news: &News) -> bool {
        self.mount.as_ref().is_none_or(|mount| *mount == news.mount)
            && (self.kinds.is_empty() || self.kinds.contains(&news.kind))
    }
}

/// Why nobody can begin to watch there.
#[derive(Debug)]
pub enum Unwatchable {
    /// The journal begins later, with this revision.
    Gone(u64),
    /// There is no such revision yet; this is the last.
    Ahead(u64),
    /// It cannot be read.
    Store(StoreError),
}

/// The newest events.
#[derive(Debug)]
pub struct Hub {
    ring: Mutex<Ring>,
    news: event_listener::Event,
}

#[derive(Debug, Default)]
struct Ring {
    /// The last revision that is in effect.
    revision: u64,
    items: VecDeque<Item>,
    /// How many items came before the first of these.
    gone: u64,
    bytes: usize,
    /// How many items without a revision there have been.
    passing: u64,
    /// Without any, nothing is kept.
    watchers: usize,
}

#[derive(Debug)]
struct Item {
    news: News,
    /// How many without a revision came before it.
    passing_before: u64,
}

/// How far somebody has been told.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The next revision.
    next: u64,
    /// The next item of the ring.
    item: u64,
    /// Items without a revision before that.
    passing: u64,
}

/// What there is at a place.
enum Found {
    Nothing,
    Dropped(u64),
    News(Vec<News>),
    /// Revisions up to this one are in the journal only.
    InJournal(u64),
}

impl Hub {
    /// At that revision.
    #[must_use]
    pub fn new(revision: u64) -> Arc<Self> {
        let ring = Mutex::new(Ring { revision, ..Ring::default() });
        Arc::new(Self { ring, news: event_listener::Event::new() })
    }

    /// Revisions that are in effect now, in their order.
    pub(super) fn publish<M: Serialize>(&self, revision: u64, entries: impl ExactSizeIterator<Item: Borrow<Entry<M>>>) {
        if entries.len() == 0 {
            return;
        }
        // Of more than the ring takes the first ones would be gone at once, and
        // all that came before them.
        let older = entries.len().saturating_sub(EVENTS_REMEMBERED_MAX);
        let is_watched = self.ring().watchers > 0;
        let newest = entries.skip(older).map(|entry| News::of::<M>(entry.borrow()));
        let news: Vec<News> = if is_watched { newest.collect() } else { Vec::new() };
        {
            let mut ring = self.ring();
            // Who began to watch meanwhile finds them in the journal.
            ring.revision = revision;
            news.into_iter().for_each(|news| ring.push(news));
        }
        self.news.notify(usize::MAX);
    }

    /// Something happened that makes no revision. `about` is an object; the
    /// mount and the time are put before its members.
    pub fn tell(&self, kind: Kind, mount: &str, about: Value) {
        if self.ring().watchers == 0 {
            return;
        }
        let mut value =
            json!({ "at": humantime::format_rfc3339_millis(SystemTime::now()).to_string(), "mount": mount });
        if let (Value::Object(value), Value::Object(about)) = (&mut value, about) {
            value.extend(about);
        }
        let news = News { revision: None, kind, mount: mount.into(), text: value.to_string().into() };
        self.ring().push(news);
        self.news.notify(usize::MAX);
    }

    /// Waits for the end of what a change has left behind, and tells of it. As
    /// many wait as there are requests and tunnels of old generations at most.
    pub(super) async fn tell_end(self: Arc<Self>, operation: Operation) {
        operation.done().await;
        if let Some(about) = &operation.about {
            let ended = json!({
                "operation": operation.revision,
                "kind": about.action,
                "mode": about.ending.as_str(),
                "cut": operation.was_cut(),
            });
            self.tell(Kind::Operation, &about.mount, ended);
        }
    }

    /// Watches from now on, or from behind that revision on. Blocks.
    pub(super) fn watch(
        self: &Arc<Self>,
        journal: &Journal,
        since: Option<u64>,
        filter: Filter,
    ) -> Result<Watcher, Unwatchable> {
        let (place, revision) = {
            let mut ring = self.ring();
            ring.watchers += 1;
            let since = since.unwrap_or(ring.revision);
            (Place { next: since.saturating_add(1), item: ring.end(), passing: ring.passing }, ring.revision)
        };
        // From here on it counts as a watcher, until it is dropped.
        let mut watcher = Watcher {
            hub: Arc::clone(self),
            journal: journal.clone(),
            filter,
            place,
            told: place.next - 1,
            ready: VecDeque::new(),
            is_over: false,
            revision,
            oldest: 0,
        };
        if place.next > revision.saturating_add(1) {
            return Err(Unwatchable::Ahead(revision));
        }
        watcher.oldest = journal.oldest().map_err(Unwatchable::Store)?;
        if place.next < watcher.oldest { Err(Unwatchable::Gone(watcher.oldest)) } else { Ok(watcher) }
    }

    /// No code that can panic runs under this lock.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Hub {
    fn told(&self, id: &str, status: &Status) {
        let about = json!({
            "state": status.lifecycle,
            "state_reason": status.reason,
            "state_since": humantime::format_rfc3339_millis(status.since).to_string(),
            "restarts": status.restarts,
            "generation": status.generation,
        });
        self.tell(Kind::State, id, about);
    }
}

impl Ring {
    /// The number of the item that comes next.
    fn end(&self) -> u64 {
        self.gone + self.items.len() as u64
    }

    fn push(&mut self, news: News) {
        self.bytes += news.text.len();
        let item = Item { passing_before: self.passing, news };
        self.passing += u64::from(item.news.revision.is_none());
        self.items.push_back(item);
        while self.items.len() > EVENTS_REMEMBERED_MAX || self.bytes > EVENTS_REMEMBERED_BYTES_MAX {
            let Some(item) = self.items.pop_front() else { return };
            self.bytes -= item.news.text.len();
            self.gone += 1;
        }
    }

    fn leave(&mut self) {
        self.watchers -= 1;
        if self.watchers == 0 {
            self.gone = self.end();
            self.items = VecDeque::new();
            self.bytes = 0;
        }
    }

    /// What is next at that place, which moves on behind it.
    fn look(&self, place: &mut Place) -> Found {
        if place.item < self.gone {
            let passing = self.items.front().map_or(self.passing, |item| item.passing_before);
            let dropped = passing - place.passing;
            (place.item, place.passing) = (self.gone, passing);
            if dropped > 0 {
                return Found::Dropped(dropped);
            }
        }
        let skipped = usize::try_from(place.item - self.gone).unwrap_or(usize::MAX);
        let here = self.items.iter().skip(skipped).map(|item| &item.news);
        let first = here.clone().find_map(|news| news.revision).unwrap_or(self.revision + 1);
        if place.next < first {
            return Found::InJournal(first - 1);
        }
        let mut found = Vec::new();
        for news in here.take(EVENTS_PER_TURN_MAX) {
            place.item += 1;
            match news.revision {
                // The journal has told it.
                Some(revision) if revision < place.next => continue,
                Some(revision) => place.next = revision + 1,
                None => place.passing += 1,
            }
            found.push(news.clone());
        }
        if found.is_empty() && place.item == self.end() { Found::Nothing } else { Found::News(found) }
    }
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watcher {
    hub: Arc<Hub>,
    journal: Journal,
    filter: Filter,
    place: Place,
    /// The last revision that it was told of.
    told: u64,
    /// Not more than one look finds.
    ready: VecDeque<Told>,
    is_over: bool,
    /// The last revision when it began.
    pub revision: u64,
    /// The first one that the journal had then.
    pub oldest: u64,
}

impl Watcher {
    /// What comes next; none when there is nothing more to wait for.
    pub async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(told);
            }
            if self.is_over {
                return None;
            }
            // Before the look: what comes after it must be heard.
            let heard = self.hub.news.listen();
            let found = self.hub.ring().look(&mut self.place);
            match found {
                Found::Nothing => heard.await,
                Found::Dropped(count) => self.ready.push_back(Told::Dropped(count)),
                Found::News(news) => self.take(news),
                Found::InJournal(until) => self.replay(until).await,
            }
        }
    }

    fn take(&mut self, news: Vec<News>) {
        for news in news.into_iter().filter(|news| self.filter.wants(news)) {
            self.told = news.revision.unwrap_or(self.told);
            self.ready.push_back(Told::News(news));
        }
        // Who comes back must not be taken for one who has missed all that.
        let reached = self.place.next - 1;
        if reached.saturating_sub(self.told) >= EVENTS_LEFT_OUT_MAX {
            self.told = reached;
            self.ready.push_back(Told::Reached(reached));
        }
    }

    async fn replay(&mut self, until: u64) {
        let (journal, mount, after) = (self.journal.clone(), self.filter.mount.clone(), self.place.next - 1);
        let read = move || {
            let range =
                Range { mount: mount.as_deref(), after, until, newest_first: false, count_max: EVENTS_PER_TURN_MAX };
            journal.read(&range)
        };
        match blocking::unblock(read).await {
            Ok(Page { oldest, .. }) if oldest > after + 1 => {
                self.ready.push_back(Told::Gone(oldest));
                self.is_over = true;
            }
            Ok(page) => {
                let last = page.entries.last().map(|entry| entry.revision).filter(|_| page.more);
                self.place.next = last.unwrap_or(until) + 1;
                self.take(page.entries.iter().map(News::of).collect());
            }
            Err(error) => {
                oplog::error(format_args!("the journal cannot be read: {error}"));
                self.is_over = true;
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.hub.ring().leave();
    }
}

#[cfg(test)]
mod tests;
