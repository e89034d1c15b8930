//! `GET /v1/operations/{id}`: what remains of a mount as it was before a change,
//! and waiting until nothing does.

use super::app::AdminState;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use crate::exchange::{Exchange, Reply};
use crate::limits::OPERATION_WAIT_MAX;
use crate::message::parse_digits;
use crate::registry::Operation;
use futures_lite::future;
use serde_json::{Value, json};
use std::time::Duration;

/// `GET /v1/operations/{id}`
pub async fn show(state: &AdminState, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let longest = u64::try_from(OPERATION_WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
    let query = Query::read(exchange, &["wait_ms", "min_revision"])?;
    let wait = query.number("wait_ms", 0..=longest)?.map(Duration::from_millis);
    reading::snapshot(state, &query).await?;
    let revision = parse_digits(id.as_bytes());
    let operation = revision.and_then(|revision| state.registry.operation(revision)).ok_or_else(|| {
        let now = state.registry.snapshot().revision;
        Problem::new(404, format!("there is no operation '{id}': one has the revision that began it, up to {now}"))
    })?;
    if let Some(wait) = wait.filter(|_| !operation.is_done()) {
        let too_late = async {
            async_io::Timer::after(wait).await;
        };
        future::or(operation.done(), too_late).await;
    }
    Ok(model::json_reply(200, &shown(&operation)))
}

/// What is not known any more has ended.
fn shown(operation: &Operation) -> Value {
    let (requests, tunnels) = operation.remains();
    let about = operation.about.as_deref();
    json!({
        "id": operation.revision,
        "mount": about.map(|about| about.mount.as_str()),
        "kind": about.map(|about| about.action),
        "state": if operation.is_done() { "done" } else { "running" },
        "mode": about.map(|about| about.ending.as_str()),
        "requests": requests,
        "tunnels": tunnels,
        "started_at": about.map(|about| model::instant(about.started_at)),
        "deadline_at": operation.deadline_at().map(model::instant),
        "cut": operation.was_cut(),
    })
}
