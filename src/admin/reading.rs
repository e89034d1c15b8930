//! What all calls have in common that read the mounts.
//!
//! Owns waiting for the revision that a caller has heard of, and telling it
//! that it has the answer already.

use super::app::AdminState;
use super::model;
use super::mutation::{Tags, tagged};
use super::problem::Problem;
use super::query::Query;
use crate::exchange::{Exchange, Reply};
use crate::limits::REVISION_WAIT_MAX;
use crate::registry::Snapshot;
use futures_lite::future;
use serde::Serialize;
use std::sync::Arc;

/// What a call that reads may have in its query.
pub const PLAIN: &[&str] = &["min_revision"];

/// The set to read from: that of now, or of `min_revision` once it is there.
pub async fn snapshot(state: &AdminState, query: &Query) -> Result<Arc<Snapshot>, Problem> {
    let Some(revision) = query.number("min_revision", 0..=u64::MAX)? else { return Ok(state.registry.snapshot()) };
    let reached = async { Some(state.registry.reached(revision).await) };
    let too_late = async {
        async_io::Timer::after(REVISION_WAIT_MAX).await;
        None
    };
    future::or(reached, too_late).await.ok_or_else(|| {
        let now = state.registry.snapshot().revision;
        Problem::new(503, format!("revision {revision} is not there yet, the mounts are at {now}; ask again"))
    })
}

/// One mount or what belongs to it, unless the client has that revision.
pub fn reply<T: Serialize>(exchange: &Exchange, revision: u64, shown: impl FnOnce() -> T) -> Result<Reply, Problem> {
    let tags = Tags::read(&exchange.head.fields, "If-None-Match")?;
    let reply = match tags.is_some_and(|tags| tags.names(revision)) {
        true => model::reply(304, "", Vec::new()),
        false => model::json_reply(200, &shown()),
    };
    Ok(tagged(reply, revision))
}
