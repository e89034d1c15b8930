//! Calls about many mounts: reading them, and saying what was made of them.
//!
//! Owns what such a call may cost. The body is kept once; each mount of it is
//! measured before it is read, and what is read of it is dropped when its spec
//! is made, so that a body full of nothing does not become many times its size.

use super::json;
use super::model;
use super::mutation::{Outcome, current, moved};
use super::problem::Problem;
use super::routes::{file_faults, read_body};
use crate::exchange::{Exchange, Reply};
use crate::limits::{ADMIN_BODY_BYTES_MAX, BULK_CALLS_MAX, BULK_FAULTS_MAX, IMPORT_MOUNTS_MAX};
use crate::mount::spec::{Id, parse};
use crate::mount::{MountSpec, SpecFault};
use crate::registry::{Done, Edit};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many such calls there are.
#[derive(Debug, Clone, Default)]
pub struct Bulk {
    open: Arc<AtomicUsize>,
}

/// The place of one of them, given back when its last clone is dropped: what
/// works for a call has one, and goes on when the client leaves.
#[derive(Debug, Clone)]
pub struct Place {
    _taken: Arc<Taken>,
}

#[derive(Debug)]
struct Taken {
    open: Arc<AtomicUsize>,
}

impl Bulk {
    /// A place for one more; 503 where there is none.
    pub fn admit(&self) -> Result<Place, Problem> {
        let taken = |open: usize| (open < BULK_CALLS_MAX).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => Ok(Place { _taken: Arc::new(Taken { open: Arc::clone(&self.open) }) }),
            Err(_) => {
                let detail = format!("{BULK_CALLS_MAX} calls about many mounts are being made already; try again");
                Err(Problem::new(503, detail))
            }
        }
    }
}

/// Does work that takes a while on a thread that may wait. Its place is taken
/// until that has ended, whoever leaves meanwhile.
pub async fn work<T: Send + 'static>(place: Option<Place>, work: impl FnOnce() -> T + Send + 'static) -> T {
    let held = move || {
        let made = work();
        drop(place);
        made
    };
    blocking::unblock(held).await
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The whole body of such a call.
pub async fn read(exchange: &Exchange, bytes_max: usize, what: &str) -> Result<Vec<u8>, Problem> {
    let body = read_body(exchange, bytes_max).await?;
    body.ok_or_else(|| Problem::new(413, format!("{what} has at most {bytes_max} bytes")))
}

/// Which mounts of a list are to be made, or everything that is wrong with
/// them, also with their files if these are to be checked. `mend` sees each as
/// it was sent. Takes the form of an export, too.
pub fn specs_of(
    body: &[u8],
    checks_files: bool,
    mut mend: impl FnMut(&mut Value, &mut Vec<SpecFault>),
) -> Result<Vec<MountSpec>, Problem> {
    let list: List<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Problem::new(400, format!("{error}; send {{\"mounts\": [...]}}")),
        _ => Problem::new(400, format!("malformed JSON: {error}")),
    })?;
    if list.mounts.len() > IMPORT_MOUNTS_MAX {
        return Err(Problem::new(413, format!("one call has at most {IMPORT_MOUNTS_MAX} mounts")));
    }
    let mut specs = Vec::with_capacity(list.mounts.len());
    let mut faults = Vec::new();
    for (place, raw) in list.mounts.iter().enumerate() {
        // As many as people read.
        if faults.len() >= BULK_FAULTS_MAX {
            break;
        }
        // No more of one mount than PUT takes.
        if raw.get().len() > ADMIN_BODY_BYTES_MAX {
            let detail = format!("a mount has at most {ADMIN_BODY_BYTES_MAX} bytes");
            faults.push((place, SpecFault { pointer: String::new(), detail }));
            continue;
        }
        let mut value = model::as_sent(json::read(raw.get().as_bytes())?);
        let mut told = Vec::new();
        mend(&mut value, &mut told);
        // No id is made up: sent twice, the call is to do nothing.
        match parse(&value, Id::OwnOr("")) {
            Ok(spec) => {
                if checks_files {
                    told.extend(file_faults(&spec));
                }
                specs.push(spec);
            }
            Err(more) => told.extend(more),
        }
        faults.extend(told.into_iter().map(|fault| (place, fault)));
    }
    if faults.is_empty() {
        faults = doubles(&specs);
    }
    if faults.is_empty() { Ok(specs) } else { Err(Problem::invalid_list(&faults)) }
}

/// What two mounts of one list cannot both have.
fn doubles(specs: &[MountSpec]) -> Vec<(usize, SpecFault)> {
    let (mut ids, mut matches) = (HashMap::new(), HashMap::new());
    let mut faults = Vec::new();
    for (place, spec) in specs.iter().enumerate() {
        let twice = [
            ids.insert(spec.id.as_str(), place).map(|first| ("/id", first)),
            matches.insert(&spec.matches, place).map(|first| ("/match", first)),
        ];
        faults.extend(twice.into_iter().flatten().map(|(pointer, first)| {
            let detail = format!("is that of /mounts/{first} in this list too; each mount needs its own");
            (place, SpecFault { pointer: pointer.into(), detail })
        }));
        if faults.len() >= BULK_FAULTS_MAX {
            break;
        }
    }
    faults
}

/// What was made of which mount, or would be.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    dry_run: bool,
    /// The last revision that it made, or the one there is.
    pub revision: u64,
    created: Vec<&'a str>,
    updated: Vec<&'a str>,
    unchanged: Vec<&'a str>,
    /// Of an apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<Vec<&'a str>>,
    /// As text: as values, those of many mounts take ten times as much.
    changes: Vec<Box<RawValue>>,
    urls: Value,
}

impl<'a> Told<'a> {
    /// Takes a while where they are many.
    #[must_use]
    pub fn of(outcome: &'a Outcome, may_delete: bool) -> Self {
        let (done, revision, urls) = match outcome {
            Outcome::Made(done) => (done, done.revision, json!([])),
            Outcome::Tried(preview) => (&preview.done, current(preview), moved(preview)),
        };
        Self {
            dry_run: matches!(outcome, Outcome::Tried(_)),
            revision,
            created: ids(done, |edit| edit.before.is_none()),
            updated: ids(done, |edit| edit.before.is_some() && edit.after.is_some()),
            unchanged: done.unchanged.iter().map(|record| record.spec.id.as_str()).collect(),
            deleted: may_delete.then(|| ids(done, |edit| edit.after.is_none())),
            changes: done.edits.iter().filter_map(change).collect(),
            urls,
        }
    }
}

/// The answer that says so.
pub fn reply(revision: u64, answer: &impl Serialize) -> Result<Reply, Problem> {
    let text = serde_json::to_vec(answer).map_err(|error| Problem::new(500, error.to_string()))?;
    let mut reply = model::reply(200, "application/json", text);
    reply.head.fields.push(b"X-Revision", revision.to_string().as_bytes());
    Ok(reply)
}

/// What changes of one mount: a JSON Patch of what can be changed of it.
fn change(edit: &Edit) -> Option<Box<RawValue>> {
    let (before, after) = (model::kept(edit.before.as_ref()), model::kept(edit.after.as_ref()));
    let change = json!({ "id": edit.id(), "action": edit.action, "diff": json_patch::diff(&before, &after) });
    // What is JSON already can be written.
    serde_json::value::to_raw_value(&change).ok()
}

/// The mounts of some edits.
fn ids(done: &Done, which: impl Fn(&Edit) -> bool) -> Vec<&str> {
    done.edits.iter().filter(|edit| which(edit)).map(Edit::id).collect()
}

/// Mounts as they are sent, or as an export has them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct List<'a> {
    #[serde(borrow)]
    mounts: Mounts<'a>,
    #[serde(default, rename = "format", deserialize_with = "known_format")]
    _format: (),
    #[serde(default, rename = "revision", borrow)]
    _revision: Option<&'a RawValue>,
    #[serde(default, rename = "exported_at", borrow)]
    _exported_at: Option<&'a RawValue>,
}

/// The form of exports that is understood.
pub const FORMAT: u64 = 1;

fn known_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match u64::deserialize(deserializer)? {
        FORMAT => Ok(()),
        other => Err(D::Error::custom(format!("an export of format {other} is not known here, only {FORMAT} is"))),
    }
}

/// Where each mount lies in the body.
struct Mounts<'a>(Vec<&'a RawValue>);

impl<'a> std::ops::Deref for Mounts<'a> {
    type Target = [&'a RawValue];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Mounts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Places;

        impl<'de> Visitor<'de> for Places {
            type Value = Vec<&'de RawValue>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of mounts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut places = Vec::new();
                // One too many is kept, to be told of; the others are not.
                while let Some(place) = list.next_element()? {
                    if places.len() <= IMPORT_MOUNTS_MAX {
                        places.push(place);
                    }
                }
                Ok(places)
            }
        }

        deserializer.deserialize_seq(Places).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    fn read(body: &str) -> Result<Vec<String>, Problem> {
        let specs = specs_of(body.as_bytes(), true, |_, _| {})?;
        Ok(specs.into_iter().map(|spec| spec.id).collect())
    }

    fn refused(body: &str) -> (u16, String) {
        let problem = read(body).unwrap_err();
        (problem.status, problem.detail)
    }

    const MOUNT: &str = r#"{"id": "a", "kind": "regular", "address": "http://h/", "revision": 7, "state": "open"}"#;

    #[test]
    fn a_list_and_an_export_are_read() {
        assert_eq!(read(&format!(r#"{{"mounts": [{MOUNT}]}}"#)).unwrap(), ["a"]);
        let export =
            format!(r#"{{"format": 1, "revision": 9, "exported_at": "2030-01-01T00:00:00Z", "mounts": [{MOUNT}]}}"#);
        assert_eq!(read(&export).unwrap(), ["a"]);
        assert_eq!(read(r#"{"mounts": []}"#).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_list_is_refused_with_a_reason() {
        for body in ["", "{", "[]", "{}", "5", r#"{"mounts": {}}"#, r#"{"mounts": [], "colour": 1}"#] {
            assert_eq!(refused(body).0, 400, "{body}");
        }
        let newer = refused(r#"{"format": 2, "mounts": []}"#);
        assert!(newer.0 == 400 && newer.1.contains("format 2"), "{newer:?}");
    }

    #[test]
    fn a_list_is_bounded_in_number_and_in_the_size_of_each() {
        let many = format!(r#"{{"mounts": [{}]}}"#, vec!["1"; IMPORT_MOUNTS_MAX + 5].join(","));
        assert_eq!(refused(&many).0, 413);
        let large = format!(r#"{{"mounts": [{{"metadata": "{}"}}]}}"#, "x".repeat(ADMIN_BODY_BYTES_MAX));
        let problem = read(&large).unwrap_err();
        assert_eq!((problem.status, problem.faults[0]["pointer"].as_str()), (422, Some("/mounts/0")));
        let deep = format!(r#"{{"mounts": [{}]}}"#, "[".repeat(100_000));
        assert_eq!(refused(&deep).0, 400);
        let wrong = format!(r#"{{"mounts": [{}]}}"#, vec!["1"; 50_000].join(","));
        assert_eq!(read(&wrong).unwrap_err().faults.len(), BULK_FAULTS_MAX);
    }

    #[test]
    fn there_are_only_so_many_at_a_time() {
        let bulk = Bulk::default();
        let mut places: Vec<Place> = (0..BULK_CALLS_MAX).map(|_| bulk.admit().unwrap()).collect();
        assert_eq!(bulk.admit().unwrap_err().status, 503);
        places.pop();
        assert!(bulk.admit().is_ok());
    }

    #[test]
    fn a_place_is_taken_until_its_work_has_ended_also_when_the_client_leaves() {
        let bulk = Bulk::default();
        let others: Vec<Place> = (1..BULK_CALLS_MAX).map(|_| bulk.admit().unwrap()).collect();
        let place = bulk.admit().unwrap();
        let (begins, begun) = mpsc::channel();
        let (goes_on, waits) = mpsc::channel::<()>();
        let mut call = Box::pin(work(Some(place), move || {
            begins.send(()).unwrap();
            waits.recv().unwrap();
        }));
        assert!(future::block_on(future::poll_once(&mut call)).is_none());
        begun.recv().unwrap();
        drop(call);
        assert_eq!(bulk.admit().unwrap_err().status, 503, "its work goes on");
        goes_on.send(()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while bulk.admit().is_err() {
            assert!(Instant::now() < deadline, "the place was not given back");
            std::thread::yield_now();
        }
        drop(others);
    }
}
