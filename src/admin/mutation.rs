//! What all mutations have in common.
//!
//! Owns what any of them may say besides what it is about: whether it is only
//! tried, under which condition it is made, who asks and why, what becomes of
//! the requests that began before; and how all of them are answered.

use super::app::AdminState;
use super::audit::Trail;
use super::bulk::{self, Place};
use super::caller::Caller;
use super::model;
use super::problem::Problem;
use super::query::Query;
use crate::exchange::{Exchange, Reply};
use crate::limits::{MOUNT_DRAIN_MAX, SETTING_MAX};
use crate::message::{Fields, parse_digits};
use crate::mount::Ending;
use crate::registry::{Action as Did, Change, Condition, Done, Edit, Origin, Preview, Refusal, Request};
use futures_lite::future;
use serde_json::{Value, json};
use std::time::Duration;

/// What a mutation without an ending may have in its query.
pub const PLAIN: &[&str] = &["dry_run"];

/// What a mutation may have whose mount can still have requests.
pub const WITH_ENDING: &[&str] = &["dry_run", "mode", "drain_ms"];

/// How a change is asked for.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// It is tried and told, and not made.
    pub dry_run: bool,
    /// What becomes of what began before.
    pub ending: Ending,
    /// What must hold for it to be made.
    pub condition: Condition,
    /// Who asks, and why.
    pub origin: Origin,
    /// The files of this machine that a mount names are looked at. Who may not
    /// have them used is told nothing of them.
    pub checks_files: bool,
    /// The call, for the trail that it leaves.
    call: String,
    /// Of a call about many mounts.
    place: Option<Place>,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is made, durable and in effect.
    Made(Done),
    /// It could be made.
    Tried(Preview),
}

impl Mutation {
    /// Reads it; `ending` is what counts where the query says nothing.
    pub fn read(caller: &Caller, exchange: &Exchange, query: &Query, ending: Ending) -> Result<Self, Problem> {
        let fields = &exchange.head.fields;
        let dry_run = query.flag("dry_run")?;
        if !dry_run {
            caller.may_write()?;
        }
        let [method, path] = [exchange.head.method(), exchange.path()].map(String::from_utf8_lossy);
        Ok(Self {
            dry_run,
            checks_files: caller.may_write().is_ok(),
            call: format!("{method} {path}"),
            ending: read_ending(query, ending)?,
            condition: read_condition(fields)?,
            origin: caller.origin(fields)?,
            place: None,
        })
    }

    /// The same, which has that place among the calls about many mounts until
    /// it is made, whoever leaves meanwhile.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Does work of this call that takes a while.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        bulk::work(self.place.clone(), work).await
    }

    /// The same, if that holds.
    #[must_use]
    pub fn under(&self, condition: Condition) -> Self {
        Self { condition, ..self.clone() }
    }

    /// Makes the change, or tries it.
    pub async fn ask(&self, state: &AdminState, change: Change) -> Result<Outcome, Refusal> {
        let request = Request { change, condition: self.condition.clone(), origin: self.origin.clone() };
        let registry = state.registry.clone();
        if self.dry_run {
            return self.work(move || registry.preview(request)).await.map(Outcome::Tried);
        }
        // Every change of the mounts that somebody asks for goes through here.
        let trail = Trail::begin(&self.origin, &self.call);
        let made = if self.place.is_some() {
            self.work(move || future::block_on(registry.change(request))).await
        } else {
            registry.change(request).await
        };
        trail.end(&made);
        made.map(Outcome::Made)
    }

    /// The same, answered with the one mount that it was about.
    pub async fn perform(&self, state: &AdminState, change: Change) -> Result<Reply, Problem> {
        Ok(reply(state, &self.ask(state, change).await?))
    }
}

/// The answer to a change of one mount.
#[must_use]
pub fn reply(state: &AdminState, outcome: &Outcome) -> Reply {
    let done = match outcome {
        Outcome::Made(done) => done,
        Outcome::Tried(preview) => return tried(preview),
    };
    let created = done.edits.last().is_some_and(|edit| edit.action == Did::Create);
    let mut reply = match done.mount() {
        None => model::reply(204, "", Vec::new()),
        Some(record) => {
            let mut mount = model::mount(record, &state.registry);
            if let Some(edit) = done.edits.last()
                && state.registry.operation(edit.revision).is_some_and(|operation| !operation.is_done())
            {
                mount.now["links"]["operation"] = json!(format!("/v1/operations/{}", edit.revision));
            }
            let mut reply = model::json_reply(if created { 201 } else { 200 }, &mount);
            if created {
                reply.head.fields.push(b"Location", model::location(record).as_bytes());
            }
            tagged(reply, record.revision)
        }
    };
    reply.head.fields.push(b"X-Revision", done.revision.to_string().as_bytes());
    reply
}

/// The answer to a change of one mount that was not made.
fn tried(preview: &Preview) -> Reply {
    let done = &preview.done;
    let (edit, same) = (done.edits.last(), done.unchanged.first());
    let before = edit.map_or(same, |edit| edit.before.as_ref());
    let after = edit.map_or(same, |edit| edit.after.as_ref());
    let (before, after) = (model::kept(before), model::kept(after));
    let id = edit.map(Edit::id).or_else(|| same.map(|record| record.spec.id.as_str()));
    let revision = current(preview);
    let answer = json!({
        "dry_run": true,
        "action": edit.map_or("none", |edit| edit.action.as_str()),
        "id": id,
        "diff": json_patch::diff(&before, &after),
        "before": before,
        "after": after,
        "urls": moved(preview),
        "revision": revision,
    });
    let mut reply = model::json_reply(200, &answer);
    reply.head.fields.push(b"X-Revision", revision.to_string().as_bytes());
    reply
}

/// The revision that a preview began with: each edit would make one.
#[must_use]
pub fn current(preview: &Preview) -> u64 {
    preview.done.revision - preview.done.edits.len() as u64
}

/// URLs that another mount would answer.
#[must_use]
pub fn moved(preview: &Preview) -> Value {
    let moved = preview.moved.iter();
    moved.map(|moved| json!({ "match": moved.matches, "from": moved.from, "to": moved.to })).collect()
}

/// An answer about one mount, with the revision that made it what it is.
#[must_use]
pub fn tagged(mut reply: Reply, revision: u64) -> Reply {
    reply.head.fields.push(b"ETag", format!("\"{revision}\"").as_bytes());
    reply
}

const DRAIN_MS_MAX: u64 = SETTING_MAX.as_secs() * 1000;

fn read_ending(query: &Query, default: Ending) -> Result<Ending, Problem> {
    let drain = query.number("drain_ms", 0..=DRAIN_MS_MAX)?.map(Duration::from_millis);
    match (query.get("mode"), drain) {
        (None, None) => Ok(default),
        (None | Some("deadline"), drain) => Ok(Ending::Deadline(drain.unwrap_or(MOUNT_DRAIN_MAX))),
        (Some("finish"), None) => Ok(Ending::Finish),
        (Some("kill"), None) => Ok(Ending::Kill),
        (Some("finish" | "kill"), Some(_)) => Err(Problem::new(400, "drain_ms goes with mode=deadline only")),
        (Some(_), _) => Err(Problem::new(400, "mode must be finish, deadline or kill")),
    }
}

/// `If-Match` and `If-None-Match` of a change (RFC 9110 §13.1).
fn read_condition(fields: &Fields) -> Result<Condition, Problem> {
    match (Tags::read(fields, "If-Match")?, Tags::read(fields, "If-None-Match")?) {
        (None, None) => Ok(Condition::None),
        (Some(Tags::Any), None) => Ok(Condition::Exists),
        // Compared strongly: a weak one never matches, nor does one not ours.
        (Some(Tags::List(tags)), None) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            Ok(Condition::Revision(strong.filter_map(|tag| tag.revision).collect()))
        }
        (None, Some(Tags::Any)) => Ok(Condition::Absent),
        (None, Some(Tags::List(_))) => {
            Err(Problem::new(400, "If-None-Match of a change must be *: the mount must not be there yet"))
        }
        (Some(_), Some(_)) => Err(Problem::new(400, "send If-Match or If-None-Match, not both")),
    }
}

/// Entity tags as a condition names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`
    Any,
    /// Some of them.
    List(Vec<Tag>),
}

/// One entity tag (RFC 9110 §8.8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// It was written with `W/`.
    pub weak: bool,
    /// The revision that it names; none where it is not one of ours.
    pub revision: Option<u64>,
}

impl Tags {
    /// Those of every line of that name.
    pub fn read(fields: &Fields, name: &str) -> Result<Option<Self>, Problem> {
        let malformed = || Problem::new(400, format!("{name} must be *, or tags as in \"17\" with commas between"));
        let mut tags = None;
        for line in fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes())) {
            let read = Self::parse(line.value).ok_or_else(malformed)?;
            tags = match (tags, read) {
                (None, read) => Some(read),
                (Some(Self::List(mut tags)), Self::List(more)) => {
                    tags.extend(more);
                    Some(Self::List(tags))
                }
                (Some(_), _) => return Err(malformed()),
            };
        }
        Ok(tags)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        if value == b"*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value.trim_ascii();
        loop {
            let weak = rest.starts_with(b"W/");
            let opaque = if weak { &rest[2..] } else { rest }.strip_prefix(b"\"")?;
            let end = memchr::memchr(b'"', opaque)?;
            let (tag, behind) = (&opaque[..end], opaque[end + 1..].trim_ascii_start());
            if tag.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
                return None;
            }
            // Spelled as we spell it: `"07"` is another tag than `"7"`.
            let revision = parse_digits(tag).filter(|number| number.to_string().as_bytes() == tag);
            tags.push(Tag { weak, revision });
            if behind.is_empty() {
                return Some(Self::List(tags));
            }
            rest = behind.strip_prefix(b",")?.trim_ascii_start();
        }
    }

    /// `If-None-Match` of a GET: true where the client has that revision already.
    #[must_use]
    pub fn names(&self, revision: u64) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| tag.revision == Some(revision)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn condition(lines: &[(&str, &str)]) -> Result<Condition, u16> {
        read_condition(&fields(lines)).map_err(|problem| problem.status)
    }

    fn revisions(numbers: &[u64]) -> Result<Condition, u16> {
        Ok(Condition::Revision(numbers.iter().copied().collect()))
    }

    #[test]
    fn conditions_are_read_as_tags() {
        assert_eq!(condition(&[]), Ok(Condition::None));
        assert_eq!(condition(&[("If-Match", "*")]), Ok(Condition::Exists));
        assert_eq!(condition(&[("If-None-Match", "*")]), Ok(Condition::Absent));
        assert_eq!(condition(&[("if-match", "\"7\"")]), revisions(&[7]));
        assert_eq!(condition(&[("If-Match", "\"7\" ,\"8\""), ("If-Match", "\"9\"")]), revisions(&[7, 8, 9]));
    }

    #[test]
    fn what_is_weak_or_not_ours_never_matches() {
        assert_eq!(condition(&[("If-Match", "W/\"7\"")]), revisions(&[]));
        assert_eq!(condition(&[("If-Match", "\"abc\", \"07\", \"\", \"a,b\", \"8\"")]), revisions(&[8]));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in ["", "7", "\"7", "7\"", "\"7\" \"8\"", "\"7\",", ",\"7\"", "*, \"7\"", "w/\"7\"", "\"a b\""] {
            assert_eq!(condition(&[("If-Match", bad)]), Err(400), "{bad}");
        }
        assert_eq!(condition(&[("If-Match", "*"), ("If-Match", "\"7\"")]), Err(400));
        assert_eq!(condition(&[("If-None-Match", "\"7\"")]), Err(400));
        assert_eq!(condition(&[("If-Match", "\"7\""), ("If-None-Match", "*")]), Err(400));
    }

    #[test]
    fn a_get_takes_weak_tags_too() {
        let tags = |value: &str| Tags::read(&fields(&[("If-None-Match", value)]), "If-None-Match").unwrap().unwrap();
        assert!(tags("\"7\"").names(7) && tags("\"6\", W/\"7\"").names(7) && tags("*").names(7));
        assert!(!tags("\"6\"").names(7));
    }

    #[test]
    fn how_the_rest_ends_is_read() {
        let ending = |raw: &str| {
            let query = Query::of(Some(raw.as_bytes()), WITH_ENDING, &[]).unwrap();
            read_ending(&query, Ending::Finish).map_err(|problem| problem.status)
        };
        let deadline = |ms| Ok(Ending::Deadline(Duration::from_millis(ms)));
        assert_eq!(ending(""), Ok(Ending::Finish));
        assert_eq!(ending("mode=finish"), Ok(Ending::Finish));
        assert_eq!(ending("mode=kill"), Ok(Ending::Kill));
        assert_eq!(ending("mode=deadline"), deadline(20_000));
        assert_eq!(ending("mode=deadline&drain_ms=5"), deadline(5));
        assert_eq!(ending("drain_ms=0"), deadline(0));
        for bad in ["mode=x", "mode=", "mode=kill&drain_ms=1", "mode=finish&drain_ms=1", "drain_ms=86400001"] {
            assert_eq!(ending(bad), Err(400), "{bad}");
        }
    }
}
