//! `GET /v1/mounts/{id}/traffic`: the requests of one mount as they end.
//!
//! Owns the stream of events from a mount's tap to one client. What the client
//! is too slow for is left out, and it is told how many that were.

use super::app::AdminState;
use super::caller::Caller;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::sse::Event;
use crate::exchange::{Exchange, Reply};
use crate::mount::Lifecycle;
use crate::registry::Refusal;
use crate::stats::Stats;
use crate::traffic::{Entry, Filter, Watcher};
use async_channel::Receiver;
use futures_lite::Stream;
use serde_json::json;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

const KNOWN: &[&str] = &["status", "method", "path_prefix", "min_ms", "sample", "min_revision"];

/// `GET /v1/mounts/{id}/traffic`
pub(super) async fn perform(
    state: &AdminState,
    caller: &Caller,
    id: &str,
    exchange: &Exchange,
) -> Result<Reply, Problem> {
    let query = Query::read(exchange, KNOWN)?;
    let filter = filter(&query)?;
    let snapshot = reading::snapshot(state, &query).await?;
    let record = snapshot.mounts.get(id).ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
    let place = state.streams.admit(caller)?;
    let stats = Arc::clone(record.handle.counted());
    let watching = Watching::begin(stats, filter);
    if record.handle.lifecycle() == Lifecycle::Stopped {
        // Its end may have been before there was anything to close.
        watching.stats.tap().close();
    }
    Ok(state.streams.reply(place, exchange, watching))
}

/// What of them is wanted.
fn filter(query: &Query) -> Result<Filter, Problem> {
    let mut parameters: Vec<(&str, &str)> = query.pairs().collect();
    parameters.retain(|(name, _)| *name != "min_revision");
    Filter::parse(parameters).map_err(|refused| Problem::new(400, refused))
}

/// The events of one who watches.
struct Watching {
    stats: Arc<Stats>,
    watcher: Arc<Watcher>,
    entries: Pin<Box<Receiver<Arc<Entry>>>>,
}

impl Watching {
    fn begin(stats: Arc<Stats>, filter: Filter) -> Self {
        let watcher = stats.tap().watch(filter);
        let entries = Box::pin(watcher.entries());
        Self { stats, watcher, entries }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stats.tap().leave(&self.watcher);
    }
}

impl Stream for Watching {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let dropped = self.watcher.take_dropped();
        if dropped > 0 {
            return Poll::Ready(Some(Event::new("dropped", json!({ "count": dropped }).to_string())));
        }
        let next = std::task::ready!(self.entries.as_mut().poll_next(cx));
        Poll::Ready(next.map(|entry| {
            self.watcher.took(&entry);
            Event::new("request", entry.to_json().to_string())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TRAFFIC_QUEUE_ENTRIES_MAX;
    use crate::message::Fields;
    use crate::stats::Book;
    use futures_lite::{StreamExt, future};

    #[test]
    fn a_filter_is_read_from_the_query() {
        let filter = |raw: &[u8]| Query::of(Some(raw), KNOWN, &[]).and_then(|query| filter(&query));
        assert_eq!(filter(b"").unwrap(), Filter::default());
        assert_eq!(filter(b"min_revision=7").unwrap(), Filter::default());
        let wanted = Filter::parse([("path_prefix", "/a b"), ("status", "2xx")]).unwrap();
        assert_eq!(filter(b"path_prefix=/a%20b&&status=2xx").unwrap(), wanted);
        assert_eq!(filter(b"sample=0").unwrap_err().status, 400);
        assert_eq!(filter(b"\xff").unwrap_err().status, 400);
        assert!(filter(b"status=2xx&status=5xx").unwrap_err().detail.contains("twice"));
    }

    #[test]
    fn what_was_left_out_is_told_and_who_leaves_watches_no_more() {
        let stats = Book::default().begin(&"m".into());
        let mut watching = Watching::begin(Arc::clone(&stats), Filter::default());
        let offer = || {
            let entry = Entry::begin(&"m".into(), "1".into(), b"GET", b"/", &Fields::default());
            stats.tap().offer(entry, b"/");
        };
        (0..TRAFFIC_QUEUE_ENTRIES_MAX + 2).for_each(|_| offer());
        let mut next = || future::block_on(future::poll_once(watching.next())).flatten();
        assert_eq!(next().unwrap(), Event::new("dropped", r#"{"count":2}"#));
        let told: Vec<Event> = std::iter::from_fn(&mut next).collect();
        assert_eq!(told.len(), TRAFFIC_QUEUE_ENTRIES_MAX);
        assert!(told[0].data.contains(r#""method":"GET""#), "{}", told[0].data);
        assert!(stats.tap().is_watched());
        drop(watching);
        assert!(!stats.tap().is_watched());
    }
}
