//! `GET /v1/events`: what happens to the mounts, as it happens.
//!
//! Owns where a stream begins, what it leaves out, and how each event reads.

use super::app::AdminState;
use super::caller::Caller;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::sse::Event;
use crate::exchange::{Exchange, Reply};
use crate::limits::REVISION_MAX;
use crate::message::{Fields, parse_digits};
use crate::registry::events::{Filter, Kind, Told, Unwatchable, Watcher};
use futures_lite::{StreamExt, stream};
use serde_json::json;

/// Begins such a stream.
pub async fn perform(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, &["since", "mount", "types", "min_revision"])?;
    let since = match last_event_id(&exchange.head.fields)? {
        Some(last) => Some(last),
        None => query.number("since", 0..=REVISION_MAX)?,
    };
    let filter = Filter { mount: query.get("mount").map(Into::into), kinds: kinds(query.get("types"))? };
    reading::snapshot(state, &query).await?;
    let place = state.streams.admit(caller)?;
    let registry = state.registry.clone();
    let watcher = blocking::unblock(move || registry.watch(since, filter)).await.map_err(unwatchable)?;
    let hello = hello(&watcher, since.is_none());
    let news = stream::unfold(watcher, |mut watcher| async move {
        let told = watcher.next().await?;
        Some((event(told), watcher))
    });
    Ok(state.streams.reply(place, exchange, stream::once(hello).chain(news)))
}

/// The revision that the client had last, as it says when it comes back.
fn last_event_id(fields: &Fields) -> Result<Option<u64>, Problem> {
    let Some(value) = fields.get("Last-Event-ID").filter(|value| !value.is_empty()) else { return Ok(None) };
    match parse_digits(value) {
        Some(last) => Ok(Some(last)),
        None => Err(Problem::new(400, "Last-Event-ID must be the id of an event of this stream, a revision")),
    }
}

/// `types=create,state`: these kinds only.
fn kinds(text: Option<&str>) -> Result<Vec<Kind>, Problem> {
    let mut kinds = Vec::new();
    for word in text.into_iter().flat_map(|text| text.split(',')) {
        let kind = Kind::parse(word).ok_or_else(|| {
            let known: Vec<&str> = Kind::all().map(Kind::as_str).collect();
            Problem::new(400, format!("types takes some of {}, with commas between", known.join(",")))
        })?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn unwatchable(why: Unwatchable) -> Problem {
    match why {
        Unwatchable::Gone(oldest) => Problem::new(
            410,
            format!(
                "the journal begins with revision {oldest}: list the mounts anew, and follow from that list's revision"
            ),
        ),
        Unwatchable::Ahead(revision) => {
            Problem::new(400, format!("there is no such revision yet: {revision} is the last one"))
        }
        Unwatchable::Store(error) => Problem::new(500, format!("the journal cannot be read: {error}")),
    }
}

/// Where the journal stands. Who begins here can come back here: that is its id.
fn hello(watcher: &Watcher, from_now_on: bool) -> Event {
    let text = json!({ "revision": watcher.revision, "oldest": watcher.oldest }).to_string();
    Event { id: from_now_on.then_some(watcher.revision), ..Event::new("hello", text) }
}

fn event(told: Told) -> Event {
    match told {
        Told::News(news) => Event { id: news.revision, ..Event::new(news.kind.as_str(), news.text) },
        Told::Reached(revision) => Event::default().with_id(revision),
        Told::Dropped(count) => Event::new("dropped", json!({ "count": count }).to_string()),
        Told::Gone(oldest) => Event::new("gone", json!({ "oldest": oldest }).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_by_their_words() {
        let names = |text| kinds(Some(text)).map(|kinds| kinds.into_iter().map(Kind::as_str).collect::<Vec<_>>());
        assert_eq!(names("create,state,create").unwrap(), ["create", "state"]);
        assert_eq!(kinds(None).unwrap(), []);
        for bad in ["", "create,", "Create", "create, delete", "hello"] {
            assert!(names(bad).unwrap_err().detail.contains("create,replace,delete"), "{bad}");
        }
    }

    #[test]
    fn where_a_client_was_is_a_number_or_nothing() {
        let read = |value: &str| {
            let mut fields = Fields::default();
            fields.push(b"last-event-id", value.as_bytes());
            last_event_id(&fields).map_err(|problem| problem.status)
        };
        assert_eq!(read("17"), Ok(Some(17)));
        assert_eq!(read(""), Ok(None));
        assert_eq!(last_event_id(&Fields::default()), Ok(None));
        for bad in ["x", "-1", "+1", "1.5", "99999999999999999999999"] {
            assert_eq!(read(bad), Err(400), "{bad}");
        }
    }
}
