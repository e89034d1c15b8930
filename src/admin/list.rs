//! `GET /v1/mounts`: page by page, filtered and sorted.
//!
//! Owns what is asked of the list and how a page leads to the next. By id and
//! without a filter a page is read where it is, however many mounts there are;
//! of mounts that are named only these are looked at, else all are once, and no
//! more than a page of them is kept. Either happens on another thread than the
//! one that answers calls.

use super::app::AdminState;
use super::filter::{self, Filter};
use super::members::Members;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::stats::RATE_OVER_S;
use crate::exchange::{Exchange, Reply};
use crate::limits::{LISTED_IDS_MAX, PAGE_MOUNTS, PAGE_MOUNTS_MAX};
use crate::mount::spec::is_id;
use crate::registry::{Record, Registry, Snapshot};
use crate::stats::Stats;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;
use std::time::SystemTime;

const KNOWN: &[&str] = &[
    "host",
    "path_prefix",
    "state",
    "inactive_since",
    "search",
    "id",
    "fields",
    "sort",
    "limit",
    "page",
    "min_revision",
];

/// `GET /v1/mounts`
pub async fn perform(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::of(exchange.query(), KNOWN, &["label"])?;
    let wanted = Wanted::read(&query, state.started_at)?;
    let snapshot = reading::snapshot(state, &query).await?;
    let registry = state.registry.clone();
    let answer = move || model::json_reply(200, &page(&snapshot, &registry, &query, &wanted));
    Ok(blocking::unblock(answer).await)
}

/// What is asked of the list.
#[derive(Debug)]
struct Wanted {
    /// These at most, in order and each once; none is all that there are.
    ids: Option<Vec<String>>,
    filter: Filter,
    /// What is shown of each; none is everything but what must be asked for.
    members: Option<Members>,
    sort: Sort,
    descending: bool,
    limit: usize,
    /// The last mount of the page before.
    after: Option<Key>,
}

/// By what a list is sorted; by id where that is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Id,
    CreatedAt,
    UpdatedAt,
    LastActivityAt,
    InFlight,
    Requests,
    Errors,
    P99,
    RequestsPerS,
}

const SORTS: [(&str, Sort); 9] = [
    ("id", Sort::Id),
    ("created_at", Sort::CreatedAt),
    ("updated_at", Sort::UpdatedAt),
    ("last_activity_at", Sort::LastActivityAt),
    ("in_flight", Sort::InFlight),
    ("requests", Sort::Requests),
    ("errors", Sort::Errors),
    ("p99", Sort::P99),
    ("requests_per_s", Sort::RequestsPerS),
];

/// Where a mount is in a sorted list.
type Key = (u64, String);

impl Wanted {
    fn read(query: &Query, started_at: SystemTime) -> Result<Self, Problem> {
        let named = query.get("sort").unwrap_or("id");
        let (name, descending) = named.strip_prefix('-').map_or((named, false), |name| (name, true));
        let sort = SORTS.iter().find(|(known, _)| *known == name).map(|(_, sort)| *sort).ok_or_else(|| {
            let known = SORTS.map(|(name, _)| name).join(", ");
            Problem::new(400, format!("sort must be one of {known}, with - before it for the other direction"))
        })?;
        let limit = query.number("limit", 1..=PAGE_MOUNTS_MAX as u64)?;
        let limit = limit.map_or(PAGE_MOUNTS, |limit| usize::try_from(limit).unwrap_or(PAGE_MOUNTS_MAX));
        let after = query.get("page").map(|page| cursor(page, named)).transpose()?;
        let filter = Filter::read(query, started_at)?;
        let ids = query.get("id").map(ids).transpose()?;
        let members = query.get("fields").map(Members::read).transpose()?;
        Ok(Self { ids, filter, members, sort, descending, limit, after })
    }

    /// Of all mounts with their keys those of the page and one more, with the
    /// keys that they were chosen by.
    fn choose<'a, T>(&self, keyed: impl Iterator<Item = ((u64, &'a str), T)>) -> Vec<((u64, &'a str), T)> {
        let behind = keyed.filter(|(key, _)| self.is_behind(*key));
        if self.descending {
            let reversed = first(behind.map(|(key, mount)| (Reverse(key), mount)), self.limit + 1);
            reversed.into_iter().map(|(Reverse(key), mount)| (key, mount)).collect()
        } else {
            first(behind, self.limit + 1)
        }
    }

    /// True for a mount that comes behind the pages before.
    fn is_behind(&self, key: (u64, &str)) -> bool {
        self.after.as_ref().is_none_or(|(value, id)| match self.descending {
            false => key > (*value, id),
            true => key < (*value, id),
        })
    }
}

impl Sort {
    fn value(self, record: &Record) -> u64 {
        let (handle, stats) = (&record.handle, record.handle.stats());
        match self {
            Self::Id => 0,
            Self::CreatedAt => millis(filter::parsed(&record.created_at)),
            Self::UpdatedAt => millis(filter::parsed(&record.updated_at)),
            // One that has something to do is busy now.
            Self::LastActivityAt if handle.in_flight() + handle.tunnels() > 0 => u64::MAX,
            Self::LastActivityAt => stats.map_or(0, Stats::last_ms),
            Self::InFlight => handle.in_flight(),
            Self::Requests => stats.map_or(0, Stats::requests),
            Self::Errors => stats.map_or(0, Stats::errors),
            Self::P99 => {
                let p99 = stats.and_then(|stats| stats.quantile(0.99));
                p99.map_or(0, |p99| u64::try_from(p99.as_micros()).unwrap_or(u64::MAX))
            }
            Self::RequestsPerS => stats.map_or(0, |stats| stats.in_last(RATE_OVER_S)),
        }
    }
}

/// The ids of `id`, in order and each once.
fn ids(text: &str) -> Result<Vec<String>, Problem> {
    let mut ids: Vec<String> = text.split(',').take(LISTED_IDS_MAX + 1).map(str::to_owned).collect();
    if ids.len() > LISTED_IDS_MAX {
        return Err(Problem::new(400, format!("id names more than {LISTED_IDS_MAX} mounts; ask more than once")));
    }
    if let Some(other) = ids.iter().find(|id| !is_id(id)) {
        let detail = format!("id must be ids with commas between, and '{}' is none", other.escape_default());
        return Err(Problem::new(400, detail));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One page, what is behind it, and how many there are.
fn page(snapshot: &Snapshot, registry: &Registry, query: &Query, wanted: &Wanted) -> Value {
    let is_plain = wanted.sort == Sort::Id && wanted.filter == Filter::default();
    let (records, total) = match &wanted.ids {
        Some(ids) => looked_for(ids.iter().filter_map(|id| snapshot.mounts.get(id)), wanted),
        None if is_plain => in_place(snapshot, wanted),
        None => looked_for(snapshot.mounts.values(), wanted),
    };
    let show = |record| match &wanted.members {
        Some(members) => members.of(record, registry),
        None => json!(model::mount(record, registry)),
    };
    let shown: Vec<Value> = records.iter().take(wanted.limit).map(|(_, record)| show(record)).collect();
    let last = records.get(wanted.limit).and(records.get(wanted.limit - 1));
    let next = last.map(|(value, record)| next(query, (*value, &record.spec.id)));
    json!({ "mounts": shown, "revision": snapshot.revision, "total": total, "next": next })
}

/// A mount and by what it was put in its place. Read again, that may be another
/// one: requests are counted meanwhile.
type Placed = (u64, Arc<Record>);

/// The page and one more, found by its id.
fn in_place(snapshot: &Snapshot, wanted: &Wanted) -> (Vec<Placed>, usize) {
    let mounts = &snapshot.mounts;
    let after = wanted.after.as_ref().map(|(_, id)| id.as_str());
    let count = wanted.limit + 1;
    let of = |(_, record): (&String, &Arc<Record>)| (0, Arc::clone(record));
    let records = if wanted.descending {
        mounts.range::<str, _>((Unbounded, after.map_or(Unbounded, Excluded))).rev().take(count).map(of).collect()
    } else {
        mounts.range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded)).take(count).map(of).collect()
    };
    (records, mounts.size())
}

/// The page and one more, of those that the filter takes.
fn looked_for<'a>(records: impl Iterator<Item = &'a Arc<Record>>, wanted: &Wanted) -> (Vec<Placed>, usize) {
    let (mut sieve, mut total) = (wanted.filter.sieve(), 0);
    let found = records.filter(|record| sieve.takes(record)).inspect(|_| total += 1);
    let keyed = found.map(|record| ((wanted.sort.value(record), record.spec.id.as_str()), record));
    let chosen = wanted.choose(keyed);
    (chosen.into_iter().map(|((value, _), record)| (value, Arc::clone(record))).collect(), total)
}

/// Those with the least keys, in their order.
fn first<K: Ord, T>(keyed: impl Iterator<Item = (K, T)>, count: usize) -> Vec<(K, T)> {
    struct Entry<K, T>(K, T);
    impl<K: Ord, T> PartialEq for Entry<K, T> {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl<K: Ord, T> Eq for Entry<K, T> {}
    impl<K: Ord, T> PartialOrd for Entry<K, T> {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl<K: Ord, T> Ord for Entry<K, T> {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    let mut heap = BinaryHeap::with_capacity(count + 1);
    for (key, record) in keyed {
        if heap.len() == count && heap.peek().is_some_and(|Entry(last, _)| key >= *last) {
            continue;
        }
        heap.push(Entry(key, record));
        if heap.len() > count {
            heap.pop();
        }
    }
    heap.into_sorted_vec().into_iter().map(|Entry(key, record)| (key, record)).collect()
}

/// The path of the page behind that mount: the same list, from there on. Where
/// mounts come, go or change places meanwhile, no other is told twice or left
/// out.
fn next(query: &Query, (value, id): (u64, &str)) -> String {
    let mut path = String::from("/v1/mounts?");
    for (name, text) in query.pairs().filter(|(name, _)| !matches!(*name, "page" | "min_revision")) {
        path.push_str(name);
        path.push('=');
        encode(text, &mut path);
        path.push('&');
    }
    let sort = query.get("sort").unwrap_or("id");
    path.push_str("page=");
    path.push_str(&URL_SAFE_NO_PAD.encode(format!("{sort} {value} {id}")));
    path
}

/// Where the page goes on that a cursor names.
fn cursor(page: &str, sort: &str) -> Result<Key, Problem> {
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(page).ok()?).ok()?;
        let mut parts = text.splitn(3, ' ');
        let is_ours = parts.next()? == sort;
        let value = parts.next()?.parse().ok()?;
        parts.next().filter(|_| is_ours).map(|id| (value, id.to_owned()))
    };
    read().ok_or_else(|| Problem::new(400, "page must come from the 'next' of a list with the same sort"))
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_page_goes_on_behind_the_key_that_its_last_mount_was_chosen_by() {
        let counters: Vec<(String, Cell<u64>)> = (0..9).map(|at| (format!("m{at}"), Cell::new(at % 3))).collect();
        // Whoever is looked at becomes busy at once, as `last_activity_at` tells it.
        let read = |counter: &Cell<u64>| counter.replace(u64::MAX);
        for (sort, expected, value) in
            [("last_activity_at", ["m0", "m3", "m6"], 0), ("-last_activity_at", ["m8", "m5", "m2"], 2)]
        {
            counters.iter().zip(0_u64..).for_each(|((_, counter), at)| counter.set(at % 3));
            let raw = format!("sort={sort}&limit=2");
            let query = Query::of(Some(raw.as_bytes()), KNOWN, &[]).unwrap();
            let first = Wanted::read(&query, SystemTime::UNIX_EPOCH).unwrap();
            let keyed = counters.iter().map(|(id, counter)| ((read(counter), id.as_str()), ()));
            let chosen = first.choose(keyed);
            let told: Vec<&str> = chosen.iter().map(|((_, id), ())| *id).collect();
            assert_eq!(told, expected);
            let path = next(&query, chosen[1].0);
            let raw = path.strip_prefix("/v1/mounts?").unwrap();
            let query = Query::of(Some(raw.as_bytes()), KNOWN, &[]).unwrap();
            let second = Wanted::read(&query, SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(second.after, Some((value, told[1].to_owned())));
        }
    }
}
