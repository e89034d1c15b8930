//! The journal in the store: what each revision did, and to which mount.
//!
//! Owns its tables, how long something stays in them, and reading them.
//! Entries come and go in the commit that changes the mounts, so both always
//! tell the same story. Readers wait for nobody, and nobody for them.

use super::history::Entry;
use super::opened::Opened;
use super::store::{META, REVISION_KEY, StoreError};
use crate::limits::{HISTORY_BYTES_MAX, HISTORY_PAGE_BYTES_MAX, HISTORY_REVISIONS_MAX};
use redb::{
    Database, Error, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};
use std::borrow::{Borrow, Cow};
use std::io;
use std::time::SystemTime;

/// What each revision did.
const HISTORY: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("history");
/// The revisions of each mount.
const BY_MOUNT: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("history_by_mount");
/// In META: what all entries together weigh.
const BYTES_KEY: &str = "history_bytes";

/// How much the journal remembers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keep {
    pub revisions_max: u64,
    /// Of all entries together.
    pub bytes_max: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { revisions_max: HISTORY_REVISIONS_MAX, bytes_max: HISTORY_BYTES_MAX }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// Of this mount; none is of all.
    pub mount: Option<&'a str>,
    /// Later than this revision.
    pub after: u64,
    /// Not later than this one.
    pub until: u64,
    /// The order.
    pub newest_first: bool,
    /// How many at most.
    pub count_max: usize,
}

/// Entries, in the order that was asked for.
#[derive(Debug)]
pub struct Page {
    /// Not more than asked for, and fewer where they are large.
    pub entries: Vec<Entry>,
    /// There are further ones behind the last of these.
    pub more: bool,
    /// The first revision that the journal still has; where it has none, the
    /// one that it will have next.
    pub oldest: u64,
}

/// What the store remembers, for reading. Every call blocks.
#[derive(Debug, Clone)]
pub struct Journal {
    opened: Opened,
}

impl Journal {
    pub(super) fn new(opened: Opened) -> Self {
        Self { opened }
    }

    /// What is asked for.
    pub fn read(&self, range: &Range<'_>) -> Result<Page, StoreError> {
        self.opened.with(|database| Self::try_read(database, range))
    }

    fn try_read(database: &Database, range: &Range<'_>) -> Result<Page, Error> {
        let read = database.begin_read()?;
        let oldest = oldest(&read)?;
        let mut page = Page { entries: Vec::new(), more: false, oldest };
        let (first, last) = (range.after.saturating_add(1), range.until);
        if first > last {
            return Ok(page);
        }
        let history = read.open_table(HISTORY)?;
        let mut bytes = 0;
        let mut take = |revision: u64, text: &[u8]| {
            // One is always taken, so that every page leads to the next.
            let is_full = page.entries.len() == range.count_max
                || !page.entries.is_empty() && bytes + text.len() > HISTORY_PAGE_BYTES_MAX;
            if is_full {
                page.more = true;
            } else {
                bytes += text.len();
                page.entries.push(decode(revision, text).map_err(Error::Corrupted)?);
            }
            Ok::<bool, Error>(!is_full)
        };
        match range.mount {
            None => {
                let mut found = history.range(first..=last)?;
                while let Some(entry) = if range.newest_first { found.next_back() } else { found.next() } {
                    let (revision, text) = entry?;
                    if !take(revision.value(), text.value())? {
                        break;
                    }
                }
            }
            Some(mount) => {
                let by_mount = read.open_table(BY_MOUNT)?;
                let mut found = by_mount.range((mount, first)..=(mount, last))?;
                while let Some(key) = if range.newest_first { found.next_back() } else { found.next() } {
                    let (_, revision) = key?.0.value();
                    let Some(text) = history.get(revision)? else { return Err(missing(revision)) };
                    if !take(revision, text.value())? {
                        break;
                    }
                }
            }
        }
        Ok(page)
    }

    /// One revision, if the journal has it.
    pub fn entry(&self, revision: u64) -> Result<Option<Entry>, StoreError> {
        let range = Range {
            mount: None,
            after: revision.saturating_sub(1),
            until: revision,
            newest_first: false,
            count_max: 1,
        };
        Ok(self.read(&range)?.entries.pop().filter(|entry| entry.revision == revision))
    }

    /// The last revision that was made before that time, or at it where `at`
    /// counts, too. As exact as the clock is that they were made by.
    pub fn before(&self, time: SystemTime, at_too: bool) -> Result<u64, StoreError> {
        let last = self.opened.with(|database| revision(&database.begin_read()?))?;
        let (mut before, mut behind) = (self.oldest()? - 1, last + 1);
        while before + 1 < behind {
            let middle = before + (behind - before) / 2;
            let made = self.entry(middle)?.and_then(|entry| humantime::parse_rfc3339(&entry.at).ok());
            // One that has gone meanwhile was made long before.
            let is_before = made.is_none_or(|made| made < time || at_too && made == time);
            if is_before { before = middle } else { behind = middle }
        }
        Ok(before)
    }

    /// The first revision that it still has; where it has none, the one that
    /// it will have next.
    pub fn oldest(&self) -> Result<u64, StoreError> {
        self.opened.with(|database| oldest(&database.begin_read()?))
    }
}

fn oldest(read: &ReadTransaction) -> Result<u64, Error> {
    if let Some((oldest, _)) = read.open_table(HISTORY)?.first()? {
        return Ok(oldest.value());
    }
    Ok(revision(read)? + 1)
}

fn revision(read: &ReadTransaction) -> Result<u64, Error> {
    Ok(read.open_table(META)?.get(REVISION_KEY)?.map_or(0, |revision| revision.value()))
}

/// Makes the tables where there are none.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), Error> {
    transaction.open_table(HISTORY)?;
    transaction.open_table(BY_MOUNT)?;
    transaction.open_table(META)?.insert(BYTES_KEY, 0)?;
    Ok(())
}

/// Keeps those entries; what is too old goes as what is new comes.
pub(super) fn remember<M: Serialize>(
    transaction: &WriteTransaction,
    meta: &mut Table<'_, &'static str, u64>,
    entries: impl IntoIterator<Item: Borrow<Entry<M>>>,
    keep: Keep,
) -> Result<(), Error> {
    let mut history = transaction.open_table(HISTORY)?;
    let mut by_mount = transaction.open_table(BY_MOUNT)?;
    let mut bytes = meta.get(BYTES_KEY)?.map_or(0, |bytes| bytes.value());
    for entry in entries {
        let entry: &Entry<M> = entry.borrow();
        let text = serde_json::to_vec(entry).map_err(io::Error::from)?;
        bytes += text.len() as u64;
        history.insert(entry.revision, &*text)?;
        by_mount.insert((&*entry.mount, entry.revision), ())?;
    }
    while history.len()? > keep.revisions_max || (bytes > keep.bytes_max && history.len()? > 1) {
        let Some((revision, text)) = history.pop_first()? else { break };
        bytes = bytes.saturating_sub(text.value().len() as u64);
        let of = mount_of(text.value()).map_err(|_| missing(revision.value()))?;
        by_mount.remove((&*of, revision.value()))?;
    }
    meta.insert(BYTES_KEY, bytes)?;
    Ok(())
}

/// Reads all of it, and says what does not fit together.
pub(super) fn inspect(read: &ReadTransaction, revision: u64) -> Result<Result<(), String>, Error> {
    let history = read.open_table(HISTORY)?;
    let by_mount = read.open_table(BY_MOUNT)?;
    let (mut bytes, mut before) = (0, None);
    for entry in history.iter()? {
        let (number, text) = entry?;
        let (number, text) = (number.value(), text.value());
        let entry = match decode(number, text) {
            Ok(entry) => entry,
            Err(what) => return Ok(Err(what)),
        };
        if before.is_some_and(|before| before + 1 != number) {
            return Ok(Err(format!("the journal has a hole before revision {number}")));
        }
        if by_mount.get((&*entry.mount, number))?.is_none() {
            return Ok(Err(format!("the journal's index lacks revision {number}")));
        }
        bytes += text.len() as u64;
        before = Some(number);
    }
    let weighed = read.open_table(META)?.get(BYTES_KEY)?.map_or(0, |bytes| bytes.value());
    Ok(match before {
        Some(last) if last != revision => {
            Err(format!("the journal ends at revision {last}, and the mounts stand at {revision}"))
        }
        _ if history.len()? != by_mount.len()? => Err("the journal's index has revisions too many".into()),
        _ if bytes != weighed => Err(format!("the journal has {bytes} bytes, and should have {weighed}")),
        _ => Ok(()),
    })
}

fn decode(revision: u64, text: &[u8]) -> Result<Entry, String> {
    let entry =
        serde_json::from_slice(text).map_err(|error| error.to_string()).and_then(|value| Entry::from_json(&value));
    match entry {
        Ok(entry) if entry.revision == revision => Ok(entry),
        Ok(entry) => Err(format!("revision {revision} of the journal says that it is {}", entry.revision)),
        Err(what) => Err(format!("revision {revision} of the journal: {what}")),
    }
}

fn missing(revision: u64) -> Error {
    Error::Corrupted(format!("revision {revision} of the journal cannot be read"))
}

/// The mount of an entry, without the rest.
fn mount_of(text: &[u8]) -> Result<Cow<'_, str>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Of<'a> {
        #[serde(borrow)]
        mount: Cow<'a, str>,
    }
    serde_json::from_slice::<Of<'_>>(text).map(|of| of.mount)
}

#[cfg(test)]
mod tests {
    use super::super::change::Action;
    use super::super::store::Store;
    use super::super::store::Write;
    use super::*;
    use crate::testing::Directory;
    use serde_json::json;

    fn entry(revision: u64, mount: &str) -> Entry {
        Entry {
            revision,
            at: "2026-01-01T00:00:00.000Z".into(),
            who: "test".into(),
            why: revision.is_multiple_of(2).then(|| "even".into()),
            action: Action::Replace,
            mount: mount.into(),
            before: json!({ "id": mount, "n": revision - 1 }),
            after: json!({ "id": mount, "n": revision }),
        }
    }

    fn mount(revision: u64) -> &'static str {
        ["a", "b", "ab"][usize::try_from(revision % 3).unwrap()]
    }

    /// A store of which each commit made `each` revisions, up to that one.
    fn filled(directory: &Directory, keep: Keep, until: u64, each: u64) -> Store {
        let (mut store, loaded) = Store::open(directory.path()).unwrap();
        store.keep = keep;
        let mut revision = loaded.revision;
        while revision < until {
            let entries: Vec<Entry> =
                (revision + 1..=revision + each).map(|number| entry(number, mount(number))).collect();
            revision += each;
            store.commit(revision, [] as [Write; 0], &entries).unwrap();
        }
        store
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.entries.iter().map(|entry| entry.revision).collect()
    }

    fn range(mount: Option<&str>, after: u64, until: u64, newest_first: bool) -> Range<'_> {
        Range { mount, after, until, newest_first, count_max: 100 }
    }

    #[test]
    fn entries_are_read_in_both_orders_of_all_and_of_one_mount() {
        let directory = Directory::new("journal");
        let journal = filled(&directory, Keep::default(), 12, 4).journal();
        let read = |range: Range<'_>| numbers(&journal.read(&range).unwrap());
        assert_eq!(read(range(None, 3, 7, false)), [4, 5, 6, 7]);
        assert_eq!(read(range(None, 3, 7, true)), [7, 6, 5, 4]);
        assert_eq!(read(range(Some("a"), 0, u64::MAX, false)), [3, 6, 9, 12]);
        assert_eq!(read(range(Some("a"), 3, 11, true)), [9, 6]);
        assert_eq!(read(range(Some("nobody"), 0, u64::MAX, false)), [0; 0]);
        assert_eq!(read(range(None, 7, 7, false)), [0; 0]);
        assert_eq!(read(range(None, 12, u64::MAX, false)), [0; 0]);
        assert_eq!(journal.entry(5).unwrap(), Some(entry(5, "ab")));
        assert_eq!((journal.entry(0).unwrap(), journal.entry(13).unwrap()), (None, None));
    }

    #[test]
    fn what_was_made_before_a_time_is_found() {
        let directory = Directory::new("times");
        let (store, _) = Store::open(directory.path()).unwrap();
        let at = |second: u64| format!("2026-01-01T00:00:{second:02}.000Z");
        let entries: Vec<_> =
            (1..=20).map(|number| Entry { at: at(number * 2).into(), ..entry(number, "a") }).collect();
        store.commit(20, [] as [Write; 0], &entries).unwrap();
        let journal = store.journal();
        let before =
            |second: u64, at_too| journal.before(humantime::parse_rfc3339(&at(second)).unwrap(), at_too).unwrap();
        assert_eq!((before(0, true), before(2, false), before(2, true), before(3, false)), (0, 0, 1, 1));
        assert_eq!((before(20, false), before(20, true), before(59, false)), (9, 10, 20));
    }

    #[test]
    fn a_page_is_full_by_number_or_by_weight_and_always_has_one() {
        let directory = Directory::new("pages");
        let store = filled(&directory, Keep::default(), 5, 5);
        let journal = store.journal();
        let page = journal.read(&Range { count_max: 2, ..range(Some("ab"), 0, 9, false) }).unwrap();
        assert_eq!((numbers(&page), page.more), (vec![2, 5], false));
        let page = journal.read(&Range { count_max: 2, ..range(None, 0, 9, true) }).unwrap();
        assert_eq!((numbers(&page), page.more), (vec![5, 4], true));
        let large = |revision| Entry { before: json!("x".repeat(HISTORY_PAGE_BYTES_MAX)), ..entry(revision, "a") };
        store.commit(7, [] as [Write; 0], &[large(6), large(7)]).unwrap();
        let page = journal.read(&range(None, 5, 7, false)).unwrap();
        assert_eq!((numbers(&page), page.more), (vec![6], true));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_weigh_too_much() {
        let directory = Directory::new("pruned");
        let store = filled(&directory, Keep { revisions_max: 10, ..Keep::default() }, 35, 7);
        let journal = store.journal();
        assert_eq!(journal.oldest().unwrap(), 26);
        assert_eq!(numbers(&journal.read(&range(Some("a"), 0, u64::MAX, false)).unwrap()), [27, 30, 33]);
        drop((store, journal));
        let weight = json!(entry(40, "ab")).to_string().len() as u64;
        let keep = Keep { bytes_max: weight * 3, ..Keep::default() };
        let again = || crate::testing::until_ok(|| Store::open(directory.path()));
        let (mut store, _) = again();
        store.keep = keep;
        store.commit(36, [] as [Write; 0], &[entry(36, "a")]).unwrap();
        let oldest = store.journal().oldest().unwrap();
        assert!((34..=35).contains(&oldest), "{oldest}");
        store.keep.bytes_max = 1;
        store.commit(37, [] as [Write; 0], &[entry(37, "b")]).unwrap();
        assert_eq!(store.journal().oldest().unwrap(), 37, "the last one always stays");
        drop(store);
        assert_eq!(again().1.revision, 37, "the counters still fit");
    }

    #[test]
    fn a_journal_without_entries_begins_with_the_next_revision() {
        let directory = Directory::new("empty-journal");
        let (store, _) = Store::open(directory.path()).unwrap();
        assert_eq!(store.journal().oldest().unwrap(), 1);
        store.commit(7, [] as [Write; 0], [] as [Entry; 0]).unwrap();
        assert_eq!(store.journal().oldest().unwrap(), 8);
    }

    #[test]
    fn what_does_not_fit_together_is_damage_and_is_named() {
        type Break = fn(&WriteTransaction);
        let breaks: [(Break, &str); 6] = [
            (|write| drop(write.open_table(HISTORY).unwrap().insert(3, b"{}".as_slice()).unwrap()), "revision 3"),
            (|write| drop(write.open_table(HISTORY).unwrap().remove(3).unwrap()), "hole before revision 4"),
            (|write| drop(write.open_table(HISTORY).unwrap().pop_last().unwrap()), "ends at revision 5"),
            (|write| drop(write.open_table(BY_MOUNT).unwrap().pop_last().unwrap()), "lacks revision 4"),
            (|write| drop(write.open_table(BY_MOUNT).unwrap().insert(("c", 9), ()).unwrap()), "too many"),
            (|write| drop(write.open_table(META).unwrap().insert(BYTES_KEY, 1).unwrap()), "should have 1"),
        ];
        for (break_it, told) in breaks {
            let directory = Directory::new("misfit");
            drop(filled(&directory, Keep::default(), 6, 6));
            let path = directory.path().join("standin.redb");
            let database = crate::testing::until_ok(|| Database::open(&path));
            let write = database.begin_write().unwrap();
            break_it(&write);
            write.commit().unwrap();
            drop(database);
            let refused = crate::testing::until_ok(|| match Store::open(directory.path()) {
                Err(StoreError::InUse(path)) => Err(path),
                other => Ok(other.unwrap_err().to_string()),
            });
            assert!(refused.contains(told), "{told}: {refused}");
        }
    }
}
