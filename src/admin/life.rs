//! The steps of a mount's life that somebody asks for, and its lease.

use super::app::AdminState;
use super::caller::Caller;
use super::model;
use super::mutation::{self, Mutation, Outcome, tagged};
use super::problem::Problem;
use super::query::Query;
use super::routes::{has_content, no_content, read_json};
use crate::exchange::{Exchange, Reply};
use crate::mount::spec::keeping::{self, Lease};
use crate::mount::{Ending, SpecFault};
use crate::registry::{Act, Change, Record, Refusal};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::SystemTime;

/// `POST /v1/mounts/{id}/pause` and so on.
pub async fn act(
    state: &AdminState,
    caller: &Caller,
    act: Act,
    id: &str,
    exchange: &Exchange,
) -> Result<Reply, Problem> {
    let drains = matches!(act, Act::Drain(_));
    let query = Query::read(exchange, if drains { mutation::WITH_ENDING } else { mutation::PLAIN })?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::DRAIN)?;
    no_content(exchange).await?;
    let act = if drains { Act::Drain(mutation.ending) } else { act };
    mutation.perform(state, Change::Act(id.into(), act)).await
}

/// `PUT /v1/mounts/{id}/lease`: begins it anew. Only another lease is a change
/// of the mount.
pub async fn lease(state: &AdminState, caller: &Caller, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::PLAIN)?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    let sent = if has_content(exchange) { read_json(exchange).await? } else { Value::Null };
    let snapshot = state.registry.snapshot();
    let record = snapshot.mounts.get(id).ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
    let Some(wanted) = wanted(record.spec.lease, &sent)? else { return Err(Refusal::NoLease(id.into()).into()) };
    if Some(wanted) == record.spec.lease && !mutation.dry_run {
        let (record, lease, expires) = state.registry.renew(id, &mutation.condition, &mutation.origin)?;
        return Ok(leased(&record, lease, Some(expires), state.registry.snapshot().revision));
    }
    match mutation.ask(state, Change::Act(id.into(), Act::Lease(wanted))).await? {
        outcome @ Outcome::Tried(_) => Ok(mutation::reply(state, &outcome)),
        Outcome::Made(done) => {
            let record = done.mount().ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
            Ok(leased(record, wanted, state.registry.lease_expires_at(record), done.revision))
        }
    }
}

/// The lease that was asked for: what is not said stays.
fn wanted(now: Option<Lease>, sent: &Value) -> Result<Option<Lease>, Problem> {
    let nothing = Map::new();
    let members = match sent {
        Value::Null => &nothing,
        Value::Object(members) => members,
        _ => {
            let detail = "a lease is an object with ttl_s and on_expiry".into();
            return Err(Problem::invalid(vec![SpecFault { pointer: String::new(), detail }]));
        }
    };
    if members.is_empty() {
        return Ok(now);
    }
    let mut lease = json!(now).as_object().cloned().unwrap_or_default();
    lease.extend(members.clone());
    keeping::parse_lease(&Value::Object(lease)).map(Some).map_err(Problem::invalid)
}

fn leased(record: &Arc<Record>, lease: Lease, expires: Option<SystemTime>, revision: u64) -> Reply {
    let answer = json!({
        "id": record.spec.id,
        "ttl_s": lease.ttl_s,
        "on_expiry": lease.on_expiry,
        "expires_at": expires.map(model::instant),
    });
    let mut reply = tagged(model::json_reply(200, &answer), record.revision);
    reply.head.fields.push(b"X-Revision", revision.to_string().as_bytes());
    reply
}
