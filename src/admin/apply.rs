//! `PUT /v1/mounts?owner=`: the whole set of one owner, as it is to be.

use super::app::AdminState;
use super::bulk::{self, Told};
use super::caller::Caller;
use super::guard::Guard;
use super::mutation::Mutation;
use super::problem::Problem;
use super::query::Query;
use crate::exchange::{Exchange, Reply};
use crate::limits::IMPORT_BODY_BYTES_MAX;
use crate::mount::spec::keeping::{OWNER, is_label_value};
use crate::mount::{Ending, SpecFault};
use crate::registry::{Change, Condition, Refusal};
use serde::Serialize;
use serde_json::{Value, json};

/// Does what was asked.
pub async fn perform(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, &["owner", "prune", "dry_run"])?;
    let owner = query.get("owner").filter(|owner| !owner.is_empty() && is_label_value(owner));
    let owner = owner
        .ok_or_else(|| {
            Problem::new(400, "say whose mounts these are, as in ?owner=ci: at most 255 printable characters")
        })?
        .to_owned();
    let prune = query.flag("prune")?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    if mutation.condition != Condition::None {
        return Err(Problem::new(400, "a condition is about one mount; this call is about many"));
    }
    // An empty list makes no edits that the registry could refuse.
    if let Some(own) = mutation.origin.owner.as_deref().filter(|own| *own != owner) {
        return Err(Problem::new(403, format!("this token changes only what belongs to '{own}'")));
    }
    Guard::check_json(&exchange.head.fields)?;
    let mutation = mutation.at(state.bulk.admit()?);
    let body = bulk::read(exchange, IMPORT_BODY_BYTES_MAX, "an apply").await?;
    let (whose, checks_files) = (owner.clone(), mutation.checks_files);
    let read = move || bulk::specs_of(&body, checks_files, |mount, faults| own(mount, &whose, faults));
    let specs = mutation.work(read).await?;
    let outcome = mutation.ask(state, Change::Apply { owner: owner.clone(), specs, prune }).await;
    let outcome = outcome.map_err(|refusal| refused(refusal, &owner))?;
    let reply = move || {
        let told = Told::of(&outcome, true);
        bulk::reply(told.revision, &Answer { owner: &owner, told })
    };
    mutation.work(reply).await
}

#[derive(Serialize)]
struct Answer<'a> {
    owner: &'a str,
    #[serde(flatten)]
    told: Told<'a>,
}

/// Names the owner of a mount that names none.
fn own(mount: &mut Value, owner: &str, faults: &mut Vec<SpecFault>) {
    let Some(members) = mount.as_object_mut() else { return };
    let labels = members.entry("labels").or_insert_with(|| json!({}));
    // What is no object is told as such where it is read.
    let Some(labels) = labels.as_object_mut() else { return };
    match labels.get(OWNER) {
        None => drop(labels.insert(OWNER.into(), json!(owner))),
        Some(named) if *named == owner => {}
        Some(_) => faults.push(SpecFault {
            pointer: format!("/labels/{OWNER}"),
            detail: format!("must be '{owner}', whose mounts these are, or be left out"),
        }),
    }
}

/// A mount of that id is somebody else's: a conflict, where nobody is barred.
fn refused(refusal: Refusal, applied: &str) -> Problem {
    let problem = match &refusal {
        Refusal::NotOwner { id, owner } if owner == applied => {
            Problem::new(409, format!("there is a mount '{id}' already, which does not belong to '{owner}'"))
        }
        _ => Problem::from(refusal),
    };
    Problem { detail: format!("nothing was changed: {}", problem.detail), ..problem }
}
