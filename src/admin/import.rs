//! `POST /v1/import`: many mounts in one change, or none.
//!
//! Reads JSON or a Paste Deploy file into specs, asks the registry, and says
//! what was made of what.

use super::app::AdminState;
use super::bulk::{self, Told};
use super::caller::Caller;
use super::guard::Guard;
use super::mutation::{self, Mutation};
use super::problem::Problem;
use super::query::Query;
use crate::exchange::{Exchange, Reply};
use crate::limits::{IMPORT_BODY_BYTES_MAX, PASTE_FILE_BYTES_MAX};
use crate::mount::{Ending, MountSpec};
use crate::paste::{self, ENTRY, Note, Source};
use crate::registry::{Change, Condition, Refusal};
use serde::Serialize;
use serde_json::{Value, json};

/// Does what was asked.
pub async fn perform(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, mutation::PLAIN)?;
    let mutation = Mutation::read(caller, exchange, &query, Ending::Finish)?;
    if mutation.condition != Condition::None {
        return Err(Problem::new(400, "a condition is about one mount; this call is about many"));
    }
    let is_paste = Guard::check_import(&exchange.head.fields)?;
    let mutation = mutation.at(state.bulk.admit()?);
    let (bytes_max, what) =
        if is_paste { (PASTE_FILE_BYTES_MAX, "a Paste Deploy file") } else { (IMPORT_BODY_BYTES_MAX, "an import") };
    let body = bulk::read(exchange, bytes_max, what).await?;
    // Many mounts take a while, and who else asks shall not wait.
    let checks_files = mutation.checks_files;
    let read = move || match is_paste {
        true => read_paste(body),
        false => Ok((bulk::specs_of(&body, checks_files, |_, _| {})?, Vec::new())),
    };
    let (specs, notes) = mutation.work(read).await?;
    // Who sends JSON has the mounts already.
    let shown: Vec<Value> = specs.iter().filter(|_| is_paste).map(|spec| json!(spec)).collect();
    let outcome = mutation.ask(state, Change::Import(specs)).await.map_err(refused)?;
    let reply = move || {
        let told = Told::of(&outcome, false);
        bulk::reply(told.revision, &Answer { told, notes, mounts: shown })
    };
    mutation.work(reply).await
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    notes: Vec<Note>,
    mounts: Vec<Value>,
}

/// A refusal of one mount is one of all.
fn refused(refusal: Refusal) -> Problem {
    let problem = Problem::from(refusal);
    Problem { detail: format!("nothing was imported: {}", problem.detail), ..problem }
}

fn read_paste(body: Vec<u8>) -> Result<(Vec<MountSpec>, Vec<Note>), Problem> {
    let text = String::from_utf8(body).map_err(|_| Problem::new(400, "the file is not UTF-8 text; convert it"))?;
    // Another file that it names would be one of this machine, not the caller's.
    let read = |_: &std::path::Path| Err("no other file is read for the API".to_owned());
    let source = Source { name: "the file", path: None, text: &text, entry: ENTRY, served: false };
    let import = paste::import(source, &read);
    if import.has_errors() {
        return Err(Problem::invalid_paste(&import));
    }
    Ok((import.specs, import.notes))
}
