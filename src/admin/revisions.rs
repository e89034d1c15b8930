//! Calls about revisions: looking back, and going back.
//!
//! Owns the pages of the history, and which versions a restore asks for. The
//! journal is read on threads that may wait for the disk.

use super::app::AdminState;
use super::bulk::{self, Told};
use super::caller::Caller;
use super::model;
use super::mutation::Mutation;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::routes::{file_faults, no_content};
use crate::exchange::{Exchange, Reply};
use crate::limits::{HISTORY_PAGE, HISTORY_PAGE_MAX, RESTORE_ATTEMPTS_MAX, REVISION_MAX};
use crate::message::parse_digits;
use crate::mount::Ending;
use crate::registry::history::version_of;
use crate::registry::journal::{Journal, Range};
use crate::registry::store::StoreError;
use crate::registry::{Change, Condition, Refusal, Version};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

const PAGES: &[&str] = &["since", "until", "order", "limit", "page", "min_revision"];

/// `GET /v1/revisions`, and with a mount `GET /v1/mounts/{id}/revisions`.
pub async fn list(state: &AdminState, mount: Option<&str>, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, PAGES)?;
    let snapshot = reading::snapshot(state, &query).await?;
    let newest_first = match query.get("order") {
        None | Some("newest") => true,
        Some("oldest") => false,
        Some(_) => return Err(Problem::new(400, "order must be newest or oldest, which come first then")),
    };
    let since = Since::read(&query, "since")?;
    let until = Since::read(&query, "until")?;
    let count_max = query.number("limit", 1..=HISTORY_PAGE_MAX as u64)?;
    let count_max = count_max.map_or(HISTORY_PAGE, |count| usize::try_from(count).unwrap_or(HISTORY_PAGE_MAX));
    let behind = query.number("page", 1..=REVISION_MAX)?;
    let journal = state.registry.history();
    let wanted = mount.map(str::to_owned);
    let read = move || {
        let after = since.map_or(Ok(0), |since| since.revision(&journal, false))?;
        let until = until.map_or(Ok(REVISION_MAX), |until| until.revision(&journal, true))?;
        // A page goes on behind the last entry of the one before.
        let (first, last) = match behind {
            Some(behind) if newest_first => (after, until.min(behind - 1)),
            Some(behind) => (after.max(behind), until),
            None => (after, until),
        };
        let range = Range { mount: wanted.as_deref(), after: first, until: last, newest_first, count_max };
        let page = journal.read(&range)?;
        let any = Range { after: 0, until: u64::MAX, count_max: 1, ..range };
        let is_known = !page.entries.is_empty() || !journal.read(&any)?.entries.is_empty();
        Ok((page, is_known, after, until))
    };
    let (page, is_known, after, until) = blocking::unblock(read).await.map_err(unreadable)?;
    if let Some(id) = mount
        && !is_known
        && !snapshot.mounts.contains_key(id)
    {
        return Err(Refusal::Unknown(id.into()).into());
    }
    let next = page.entries.last().filter(|_| page.more).map(|last| {
        let (path, last) = (String::from_utf8_lossy(exchange.path()), last.revision);
        let order = if newest_first { "newest" } else { "oldest" };
        format!("{path}?since={after}&until={until}&order={order}&limit={count_max}&page={last}")
    });
    let entries: Vec<Value> = page.entries.iter().map(|entry| json!(entry)).collect();
    let answer = json!({ "revisions": entries, "revision": snapshot.revision, "oldest": page.oldest, "next": next });
    Ok(model::json_reply(200, &answer))
}

/// Where a list begins or ends.
#[derive(Debug, Clone, Copy)]
enum Since {
    Revision(u64),
    Time(SystemTime),
}

impl Since {
    fn read(query: &Query, name: &str) -> Result<Option<Self>, Problem> {
        let Some(text) = query.get(name) else { return Ok(None) };
        let revision = parse_digits(text.as_bytes()).filter(|revision| *revision <= REVISION_MAX).map(Self::Revision);
        let read = revision.or_else(|| time(text).map(Self::Time));
        read.map(Some).ok_or_else(|| {
            let detail = format!("{name} must be a revision, or a time (RFC 3339) as in 2030-01-31T12:00:00Z");
            Problem::new(400, detail)
        })
    }

    /// The revision; for a time the last one before it, or at it where that
    /// counts, too.
    fn revision(self, journal: &Journal, at_too: bool) -> Result<u64, StoreError> {
        match self {
            Self::Revision(revision) => Ok(revision),
            Self::Time(time) => journal.before(time, at_too),
        }
    }
}

/// `GET /v1/revisions/{revision}`.
pub async fn show(state: &AdminState, revision: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, reading::PLAIN)?;
    let revision = number(revision)?;
    let current = reading::snapshot(state, &query).await?.revision;
    let journal = state.registry.history();
    let read = move || match journal.entry(revision).map_err(unreadable)? {
        Some(entry) if revision <= current => Ok(json!(entry)),
        _ => Err(missing(revision, current, journal.oldest().map_err(unreadable)?)),
    };
    Ok(model::json_reply(200, &blocking::unblock(read).await?))
}

/// `POST /v1/revisions/{revision}/restore`.
pub async fn restore(
    state: &AdminState,
    caller: &Caller,
    revision: &str,
    exchange: &Exchange,
) -> Result<Reply, Problem> {
    let query = Query::read(exchange, &["to", "all", "dry_run"])?;
    let mut mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    no_content(exchange).await?;
    let revision = number(revision)?;
    let to_before = match query.get("to") {
        None | Some("after") => false,
        Some("before") => true,
        Some(_) => return Err(Problem::new(400, "to must be after or before: as the revision made it, or found it")),
    };
    let is_all = query.flag("all")?;
    if is_all && mutation.condition != Condition::None {
        return Err(Problem::new(400, "a condition is about one mount; this call is about many"));
    }
    if is_all {
        mutation = mutation.at(state.bulk.admit()?);
    }
    let checks_files = mutation.checks_files;
    for _ in 0..RESTORE_ATTEMPTS_MAX {
        let (journal, current) = (state.registry.history(), state.registry.snapshot().revision);
        let find = move || {
            let found = if is_all {
                all(&journal, revision, to_before, current)?
            } else {
                BTreeMap::from([one(&journal, revision, to_before, current)?])
            };
            versions(found, revision, checks_files)
        };
        let versions = mutation.work(find).await?;
        let change = Change::Restore { versions, at: is_all.then_some(current) };
        match mutation.ask(state, change).await {
            // What was to be undone has become more meanwhile.
            Err(Refusal::Overtaken) => {}
            Err(refusal) => return Err(refusal.into()),
            Ok(outcome) => {
                let reply = move || {
                    let told = Told::of(&outcome, true);
                    bulk::reply(told.revision, &told)
                };
                return mutation.work(reply).await;
            }
        }
    }
    Err(Refusal::Overtaken.into())
}

/// A time as RFC 3339 has it. What was before 1970 was before every revision.
fn time(text: &str) -> Option<SystemTime> {
    let (local, offset_s) = match text.strip_suffix('Z') {
        Some(local) => (local, 0),
        None => {
            let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
            let (hours, minutes) = offset.get(1..)?.split_once(':')?;
            let two = |digits: &str| parse_digits(digits.as_bytes()).filter(|_| digits.len() == 2);
            let [hours, minutes] = [hours, minutes].map(two);
            let offset_s = (hours.filter(|hours| *hours < 24)? * 60 + minutes.filter(|minutes| *minutes < 60)?) * 60;
            let offset_s = i64::try_from(offset_s).ok()?;
            (local, if offset.starts_with('-') { -offset_s } else { offset.starts_with('+').then_some(offset_s)? })
        }
    };
    let is_early = local.get(..4)? < "1970" && local.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    // Any year with a 29th of February will do to see whether the rest is right.
    let known = if is_early { format!("1972{}Z", &local[4..]) } else { format!("{local}Z") };
    let time = humantime::parse_rfc3339(&known).ok()?;
    let offset = Duration::from_secs(offset_s.unsigned_abs());
    let shifted = if offset_s < 0 { time.checked_add(offset) } else { time.checked_sub(offset) };
    if is_early { Some(SystemTime::UNIX_EPOCH) } else { shifted }
}

type Found = (String, Value);

/// The mount of one revision.
fn one(journal: &Journal, revision: u64, to_before: bool, current: u64) -> Result<Found, Problem> {
    let entry = journal.entry(revision).map_err(unreadable)?.filter(|_| revision <= current);
    match entry {
        Some(entry) => Ok((entry.mount.to_string(), if to_before { entry.before } else { entry.after })),
        None => Err(missing(revision, current, journal.oldest().map_err(unreadable)?)),
    }
}

/// Every mount that has changed since, as it was then: what its first change
/// since found.
fn all(journal: &Journal, revision: u64, to_before: bool, current: u64) -> Result<BTreeMap<String, Value>, Problem> {
    if revision > current || to_before && revision == 0 {
        return Err(missing(revision, current, 1));
    }
    let mut found = BTreeMap::new();
    let mut after = revision - u64::from(to_before);
    loop {
        let range = Range { mount: None, after, until: current, newest_first: false, count_max: HISTORY_PAGE_MAX };
        let page = journal.read(&range).map_err(unreadable)?;
        if page.oldest > after + 1 {
            return Err(missing(revision, current, page.oldest));
        }
        for entry in page.entries {
            after = entry.revision;
            if !found.contains_key(&*entry.mount) {
                found.insert(entry.mount.to_string(), entry.before);
            }
        }
        if !page.more {
            return Ok(found);
        }
    }
}

/// What was valid then may not be so any more.
fn versions(
    found: BTreeMap<String, Value>,
    revision: u64,
    checks_files: bool,
) -> Result<Vec<(String, Option<Version>)>, Problem> {
    let mut versions = Vec::with_capacity(found.len());
    let mut faults = Vec::new();
    for (id, value) in found {
        match version_of(&id, value) {
            Ok(version) => {
                let checked = version.as_ref().filter(|_| checks_files);
                let of_files = checked.map_or_else(Vec::new, |version| file_faults(&version.spec));
                faults.extend(of_files.into_iter().map(|fault| (id.clone(), fault)));
                versions.push((id, version));
            }
            Err(told) => faults.extend(told.into_iter().map(|fault| (id.clone(), fault))),
        }
    }
    if faults.is_empty() {
        return Ok(versions);
    }
    let told = faults.iter().map(
        |(id, fault)| json!({ "pointer": "", "detail": format!("mount '{id}' {} {}", fault.pointer, fault.detail) }),
    );
    Err(Problem {
        faults: told.collect(),
        ..Problem::new(422, format!("nothing was restored: what revision {revision} had is not valid any more"))
    })
}

fn number(text: &str) -> Result<u64, Problem> {
    parse_digits(text.as_bytes()).ok_or_else(|| Problem::new(404, "a revision is a number"))
}

/// Gone for good, or not there yet.
fn missing(revision: u64, current: u64, oldest: u64) -> Problem {
    if revision > 0 && revision < oldest {
        return Problem::new(410, format!("the journal begins with revision {oldest}, and has {revision} no longer"));
    }
    Problem::new(404, format!("there is no revision {revision}; {current} is the last one"))
}

fn unreadable(error: StoreError) -> Problem {
    Problem::new(500, format!("the journal cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_zone() {
        let read = |text: &str| time(text).map(|time| humantime::format_rfc3339_seconds(time).to_string());
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(read("2030-01-31T12:00:00Z"), is("2030-01-31T12:00:00Z"));
        assert_eq!(read("2030-01-31T12:00:00.250+01:30"), is("2030-01-31T10:30:00Z"));
        assert_eq!(read("2030-01-31T12:00:00-02:00"), is("2030-01-31T14:00:00Z"));
        assert_eq!(read("0060-02-29T09:41:17.537+20:17"), is("1970-01-01T00:00:00Z"));
        for bad in [
            "",
            "Z",
            "+01:00",
            "2030",
            "2030-01-31",
            "2030-01-31T12:00:00",
            "2030-02-31T12:00:00Z",
            "1960-01-01T25:00:00Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in ["*01:00", "+24:00", "+01:60", "+1:000", "+-1:00", "ä1:00"] {
            assert_eq!(read(&format!("2030-01-31T12:00:00{bad}")), None, "{bad}");
        }
    }
}
