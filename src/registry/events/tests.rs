//! What watchers are told, at whatever pace.

use super::super::store::Store;
use super::*;
use crate::testing::Directory;
use async_io::block_on;
use futures_lite::future;
use std::task::{Context, Waker};

/// A store and its hub, and what a writer does with both.
struct World {
    hub: Arc<Hub>,
    store: Store,
    revision: u64,
    _directory: Directory,
}

impl World {
    fn new() -> Self {
        let directory = Directory::new("events");
        let (store, _) = Store::open(directory.path()).unwrap();
        Self { hub: Hub::new(0), store, revision: 0, _directory: directory }
    }

    fn entry(revision: u64) -> Entry {
        Entry {
            revision,
            at: "2026-01-01T00:00:00.000Z".into(),
            who: "test".into(),
            why: None,
            action: if revision.is_multiple_of(2) { Action::Replace } else { Action::Create },
            mount: if revision.is_multiple_of(10) { "ten".into() } else { "m".into() },
            before: Value::Null,
            after: Value::Null,
        }
    }

    fn commit(&mut self, count: u64) {
        let entries: Vec<_> = (self.revision + 1..=self.revision + count).map(Self::entry).collect();
        self.revision += count;
        self.store.commit(self.revision, [] as [crate::registry::store::Write; 0], &entries).unwrap();
        self.hub.publish(self.revision, entries.iter());
    }

    fn watch(&self, since: Option<u64>) -> Watcher {
        self.hub.watch(&self.store.journal(), since, Filter::default()).unwrap()
    }

    fn watchers(&self) -> usize {
        self.hub.ring().watchers
    }
}

/// The revision of each event, or what else it is.
fn next(watcher: &mut Watcher, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..count {
        told.push(match block_on(watcher.next()) {
            Some(Told::News(News { revision: Some(revision), .. })) => revision.to_string(),
            Some(Told::News(news)) => news.kind.as_str().to_owned(),
            Some(Told::Reached(revision)) => format!("reached {revision}"),
            Some(Told::Dropped(count)) => format!("dropped {count}"),
            Some(Told::Gone(oldest)) => format!("gone {oldest}"),
            None => "end".to_owned(),
        });
    }
    told
}

fn expect_nothing(watcher: &mut Watcher) {
    let mut next = std::pin::pin!(watcher.next());
    let polled = future::Future::poll(next.as_mut(), &mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "{polled:?}");
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn who_watches_from_now_on_is_told_what_comes_and_nothing_else() {
    let mut world = World::new();
    world.commit(3);
    let mut watcher = world.watch(None);
    assert_eq!((watcher.revision, watcher.oldest), (3, 1));
    expect_nothing(&mut watcher);
    world.commit(2);
    world.hub.tell(Kind::State, "m", json!({}));
    world.commit(1);
    assert_eq!(next(&mut watcher, 4), ["4", "5", "state", "6"]);
    expect_nothing(&mut watcher);
}

#[test]
fn who_comes_back_gets_every_revision_once_from_the_journal_and_then_from_memory() {
    let mut world = World::new();
    world.commit(500);
    let mut first = world.watch(Some(0));
    let mut second = world.watch(Some(490));
    world.commit(20);
    assert_eq!(next(&mut first, 520), numbers(1..=520));
    assert_eq!(next(&mut second, 30), numbers(491..=520));
    expect_nothing(&mut first);
    expect_nothing(&mut second);
}

#[test]
fn who_is_slower_than_the_ring_is_told_what_was_dropped_and_misses_no_revision() {
    let mut world = World::new();
    let mut slow = world.watch(None);
    world.hub.tell(Kind::Operation, "m", json!({}));
    world.hub.tell(Kind::State, "m", json!({}));
    let many = EVENTS_REMEMBERED_MAX as u64 + 10;
    world.commit(many);
    world.hub.tell(Kind::State, "m", json!({}));
    let mut expected = vec!["dropped 2".to_owned()];
    expected.extend(numbers(1..=many));
    expected.push("state".into());
    assert_eq!(next(&mut slow, expected.len()), expected);
    expect_nothing(&mut slow);
    let ring = world.hub.ring();
    assert_eq!(ring.items.len(), EVENTS_REMEMBERED_MAX);
}

#[test]
fn the_ring_is_bounded_by_weight_too_and_empty_when_nobody_watches() {
    let world = World::new();
    world.hub.tell(Kind::State, "m", json!({}));
    assert_eq!(world.hub.ring().items.len(), 0);
    let watcher = world.watch(None);
    for _ in 0..20 {
        world.hub.tell(Kind::State, "m", json!({ "large": "x".repeat(EVENTS_REMEMBERED_BYTES_MAX / 8) }));
    }
    assert_eq!(world.hub.ring().items.len(), 7);
    assert!(world.hub.ring().bytes <= EVENTS_REMEMBERED_BYTES_MAX);
    drop(watcher);
    let ring = world.hub.ring();
    assert_eq!((ring.items.len(), ring.bytes, ring.watchers), (0, 0, 0));
}

#[test]
fn what_the_journal_no_longer_has_or_has_not_yet_cannot_be_watched() {
    let mut world = World::new();
    world.store.keep.revisions_max = 10;
    world.commit(15);
    let watch = |since| world.hub.watch(&world.store.journal(), Some(since), Filter::default());
    assert!(matches!(watch(4), Err(Unwatchable::Gone(6))));
    assert!(matches!(watch(16), Err(Unwatchable::Ahead(15))));
    assert!(matches!(watch(u64::MAX), Err(Unwatchable::Ahead(15))));
    assert_eq!(world.watchers(), 0, "who was refused is none");
    assert_eq!(next(&mut watch(5).unwrap(), 10), numbers(6..=15));
    expect_nothing(&mut watch(15).unwrap());
}

#[test]
fn who_is_slower_than_the_journal_is_told_so_and_ends() {
    let mut world = World::new();
    world.store.keep.revisions_max = 10;
    let mut watcher = world.watch(None);
    let steps = EVENTS_REMEMBERED_MAX as u64 / 8 + 2;
    for _ in 0..steps {
        world.commit(8);
    }
    assert_eq!(next(&mut watcher, 2), [format!("gone {}", steps * 8 - 9), "end".into()]);
}

#[test]
fn a_filter_leaves_only_what_is_wanted_from_the_journal_and_from_memory() {
    let mut world = World::new();
    world.commit(40);
    let wants = |mount: Option<&str>, words: &[&str]| {
        let kinds = words.iter().map(|word| Kind::parse(word).unwrap()).collect();
        let filter = Filter { mount: mount.map(Into::into), kinds };
        world.hub.watch(&world.store.journal(), Some(15), filter).unwrap()
    };
    let mut of_mount = wants(Some("ten"), &[]);
    let mut of_kind = wants(None, &["create", "state"]);
    let mut of_both = wants(Some("m"), &["operation"]);
    world.hub.tell(Kind::State, "m", json!({}));
    world.hub.tell(Kind::Operation, "m", json!({}));
    world.commit(10);
    assert_eq!(next(&mut of_mount, 4), ["20", "30", "40", "50"]);
    expect_nothing(&mut of_mount);
    let odd = |from: u64, to: u64| (from..to).step_by(2).map(|number| number.to_string());
    let expected: Vec<_> = odd(17, 40).chain(["state".into()]).chain(odd(41, 50)).collect();
    assert_eq!(next(&mut of_kind, expected.len()), expected);
    assert_eq!(next(&mut of_both, 1), ["operation"]);
    expect_nothing(&mut of_both);
    assert_eq!(Kind::parse("nothing"), None);
}

#[test]
fn who_wants_little_is_told_now_and_then_where_it_stands_and_can_come_back_there() {
    let mut world = World::new();
    world.store.keep.revisions_max = 100;
    let filter = || Filter { mount: Some("ten".into()), kinds: vec![Kind::Change(Action::Create)] };
    let mut watcher = world.hub.watch(&world.store.journal(), None, filter()).unwrap();
    let mut last = 0;
    for _ in 0..30 {
        world.commit(EVENTS_LEFT_OUT_MAX / 2);
        world.commit(EVENTS_LEFT_OUT_MAX / 2);
        last += EVENTS_LEFT_OUT_MAX;
        assert_eq!(next(&mut watcher, 1), [format!("reached {last}")], "of what is in memory");
        expect_nothing(&mut watcher);
    }
    world.commit(EVENTS_LEFT_OUT_MAX - 1);
    expect_nothing(&mut watcher);
    drop(watcher);
    let mut again = world.hub.watch(&world.store.journal(), Some(last), filter()).unwrap();
    world.commit(1);
    assert_eq!(next(&mut again, 1), [format!("reached {}", last + EVENTS_LEFT_OUT_MAX)], "and of the journal");
    expect_nothing(&mut again);
}

#[test]
fn a_hundred_watchers_at_their_own_pace_all_get_all() {
    let mut world = World::new();
    world.commit(100);
    let watchers: Vec<_> = (0..100).map(|since| world.watch(Some(since))).collect();
    std::thread::scope(|scope| {
        for (since, mut watcher) in watchers.into_iter().enumerate() {
            scope.spawn(move || {
                let first = since as u64 + 1;
                assert_eq!(next(&mut watcher, 1100 - since), numbers(first..=1100));
            });
        }
        for _ in 0..100 {
            world.commit(10);
        }
    });
    assert_eq!(world.watchers(), 0);
}
