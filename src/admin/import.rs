//! `POST /v1/import`: many mounts in one change, or none.
//!
//! Reads JSON or a Paste Deploy file into specs, asks the registry, and says
//! what was made of what.

use super::app::AdminState;
use super::caller::Caller;
use super::guard::Guard;
use super::json;
use super::model;
use super::problem::Problem;
use super::routes::{apply, asked, file_faults, read_body};
use crate::exchange::{Exchange, Reply};
use crate::limits::{
    ADMIN_BODY_BYTES_MAX, IMPORT_BODY_BYTES_MAX, IMPORT_MOUNTS_MAX, PASTE_FILE_BYTES_MAX, PASTE_NOTES_MAX,
};
use crate::mount::spec::{Id, parse};
use crate::mount::{MountSpec, SpecFault};
use crate::paste::{self, ENTRY, Note, Source};
use crate::registry::{Action, Change, Done};
use serde_json::{Value, json};

/// Does what was asked.
pub async fn perform(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let dry_run = match exchange.query() {
        None | Some(b"dry_run=false") => false,
        Some(b"dry_run=true") => true,
        Some(_) => return Err(Problem::new(400, "the query may be dry_run=true and nothing else")),
    };
    let is_paste = Guard::check_import(&exchange.head.fields)?;
    let (bytes_max, what) =
        if is_paste { (PASTE_FILE_BYTES_MAX, "a Paste Deploy file") } else { (IMPORT_BODY_BYTES_MAX, "an import") };
    let body = read_body(exchange, bytes_max).await?;
    let body = body.ok_or_else(|| Problem::new(413, format!("{what} has at most {bytes_max} bytes")))?;
    // Ten thousand mounts take a while, and who else asks shall not wait.
    let read = move || if is_paste { read_paste(body) } else { Ok((read_list(&body)?, Vec::new())) };
    let (specs, notes) = blocking::unblock(read).await?;
    let shown: Vec<Value> = specs.iter().map(|spec| json!(spec)).collect();
    let request = asked(caller, exchange, Change::Import(specs))?;
    let done = if dry_run {
        let registry = state.registry.clone();
        let preview = blocking::unblock(move || registry.preview(request)).await;
        preview.map(|preview| preview.done).map_err(Problem::from)
    } else {
        apply(state, caller, exchange, request).await
    };
    let done = done.map_err(told)?;
    let answer = json!({
        "dry_run": dry_run,
        "created": ids(&done, Action::Create),
        "updated": ids(&done, Action::Replace),
        "unchanged": done.unchanged.iter().map(|record| record.spec.id.as_str()).collect::<Vec<_>>(),
        "notes": notes,
        "mounts": shown,
    });
    Ok(model::json_reply(200, &answer))
}

/// The mounts to which that was done.
fn ids(done: &Done, action: Action) -> Vec<&str> {
    done.edits.iter().filter(|edit| edit.action == action).map(|edit| edit.id()).collect()
}

/// A refusal of one mount is one of all.
fn told(problem: Problem) -> Problem {
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

fn read_list(body: &[u8]) -> Result<Vec<MountSpec>, Problem> {
    let value = json::read(body)?;
    let list = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("mounts")?.as_array());
    let list =
        list.ok_or_else(|| Problem::new(400, "send {\"mounts\": [...]}, with whole mounts, and nothing else"))?;
    if list.len() > IMPORT_MOUNTS_MAX {
        return Err(Problem::new(413, format!("an import has at most {IMPORT_MOUNTS_MAX} mounts")));
    }
    let mut specs = Vec::with_capacity(list.len());
    let mut faults = Vec::new();
    for (place, value) in list.iter().enumerate() {
        // As many as people read, and no more of one mount than PUT takes.
        if faults.len() >= PASTE_NOTES_MAX {
            break;
        }
        if value.to_string().len() > ADMIN_BODY_BYTES_MAX {
            let detail = format!("a mount has at most {ADMIN_BODY_BYTES_MAX} bytes");
            faults.push((place, SpecFault { pointer: String::new(), detail }));
            continue;
        }
        // No id is made up: sent twice, an import is to do nothing.
        match parse(value, Id::OwnOr("")) {
            Ok(spec) => {
                faults.extend(file_faults(&spec).into_iter().map(|fault| (place, fault)));
                specs.push(spec);
            }
            Err(told) => faults.extend(told.into_iter().map(|fault| (place, fault))),
        }
    }
    if faults.is_empty() { Ok(specs) } else { Err(Problem::invalid_list(&faults)) }
}
