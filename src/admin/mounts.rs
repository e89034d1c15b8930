//! One mount: shown, made, replaced, patched, removed.

use super::app::AdminState;
use super::caller::Caller;
use super::guard::Guard;
use super::json;
use super::model;
use super::mutation::{self, Mutation};
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::routes::{file_faults, no_content, read_body, read_json};
use crate::exchange::{Exchange, Reply};
use crate::limits::{ADMIN_BODY_BYTES_MAX, PATCH_ATTEMPTS_MAX};
use crate::mount::spec::{Id, parse};
use crate::mount::{Ending, MountSpec};
use crate::registry::{Change, Condition, Refusal};
use serde_json::{Value, json};

/// `GET /v1/mounts/{id}`
pub async fn show(state: &AdminState, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, reading::PLAIN)?;
    let snapshot = reading::snapshot(state, &query).await?;
    let record = snapshot.mounts.get(id).ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
    reading::reply(exchange, record.revision, || model::mount(record, &state.registry))
}

/// `POST /v1/mounts`
pub async fn create(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::PLAIN)?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    if mutation.condition != Condition::None {
        let detail = "a new mount has nothing to compare: leave If-Match and If-None-Match out, or PUT /v1/mounts/{id}";
        return Err(Problem::new(400, detail));
    }
    let made_up = random_id()?;
    let spec = read_spec(exchange, Id::OwnOr(&made_up), &mutation).await?;
    mutation.perform(state, Change::Create(Box::new(spec))).await
}

/// `PUT /v1/mounts/{id}`
pub async fn put(state: &AdminState, caller: &Caller, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::WITH_ENDING)?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    let spec = read_spec(exchange, Id::Given(id), &mutation).await?;
    mutation.perform(state, Change::Put(Box::new(spec), mutation.ending)).await
}

/// `DELETE /v1/mounts/{id}`
pub async fn delete(state: &AdminState, caller: &Caller, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::WITH_ENDING)?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::DRAIN)?;
    no_content(exchange).await?;
    mutation.perform(state, Change::Delete(id.into(), mutation.ending)).await
}

/// `PATCH /v1/mounts/{id}`: a merge patch (RFC 7396), merged onto the mount as
/// it is, and made only if it still is so then; else merged anew.
pub async fn patch(state: &AdminState, caller: &Caller, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::WITH_ENDING)?;
    let asked = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    Guard::check_patch(&exchange.head.fields)?;
    let body = read_body(exchange, ADMIN_BODY_BYTES_MAX).await?;
    let body = body.ok_or_else(|| Problem::new(413, format!("a patch has at most {ADMIN_BODY_BYTES_MAX} bytes")))?;
    let patch = model::as_sent(json::read(&body)?);
    for _ in 0..PATCH_ATTEMPTS_MAX {
        let snapshot = state.registry.snapshot();
        let record = snapshot.mounts.get(id);
        asked.condition.check(id, record.map(|record| record.revision))?;
        let record = record.ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
        let mut value = json!(*record.spec);
        json_patch::merge(&mut value, &patch);
        let spec = check_files(parse(&value, Id::Given(id)).map_err(Problem::invalid)?, &asked).await?;
        let condition = Condition::Revision([record.revision].into_iter().collect());
        let mutation = asked.under(condition);
        match mutation.ask(state, Change::Put(Box::new(spec), asked.ending)).await {
            Ok(outcome) => return Ok(mutation::reply(state, &outcome)),
            // Whoever asked for one revision is told by the check above.
            Err(Refusal::Condition { .. }) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Busy.into())
}

async fn read_spec(exchange: &Exchange, id: Id<'_>, mutation: &Mutation) -> Result<MountSpec, Problem> {
    let sent: Value = model::as_sent(read_json(exchange).await?);
    check_files(parse(&sent, id).map_err(Problem::invalid)?, mutation).await
}

/// Refuses a mount whose files cannot be used, while somebody listens. Reading
/// them may take a while, so another thread does.
async fn check_files(spec: MountSpec, mutation: &Mutation) -> Result<MountSpec, Problem> {
    if !mutation.checks_files || spec.identity.is_none() && spec.tls.is_none() {
        return Ok(spec);
    }
    let check = move || match file_faults(&spec) {
        faults if faults.is_empty() => Ok(spec),
        faults => Err(Problem::invalid(faults)),
    };
    blocking::unblock(check).await
}

/// An id for a mount that came without one.
fn random_id() -> Result<String, Problem> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(500, error.to_string()))?;
    Ok(bytes.iter().fold("m-".to_owned(), |id, byte| format!("{id}{byte:02x}")))
}
