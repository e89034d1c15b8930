//! `standin import paste`: mounts from a Paste Deploy file.
//!
//! The file, and those that it names, are read here; the server gets the mounts
//! in one call and makes all of them or none.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{remark, say};
use crate::paste::{self, Import};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct ImportArguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The proxies of a Paste Deploy file (paste.proxy)
    Paste {
        /// The file; FILE#NAME begins with another application than main
        file: String,
        /// Tell what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Does what was asked; the notes go to standard error, what was done to
/// standard output.
pub fn run(arguments: ImportArguments) -> Result<(), Failure> {
    let Command::Paste { file, dry_run } = arguments.command;
    let import = paste::import_file(&file, false).map_err(Failure::Usage)?;
    if !arguments.json || import.has_errors() {
        import.notes.iter().for_each(|note| remark(&note.to_string()));
    }
    if import.has_errors() {
        return Err(Failure::Usage(format!("{file}: {}", import.summary())));
    }
    let client = Client::find(arguments.client)?;
    let path = if dry_run { "/v1/import?dry_run=true" } else { "/v1/import" };
    let mut answer = client.call(Method::Post, path, Some(&json!({ "mounts": import.mounts })))?;
    if arguments.json {
        answer["notes"] = json!(import.notes);
        say(&answer.to_string());
    } else {
        say(&done(&answer, &import, dry_run));
    }
    Ok(())
}

/// What became of which mount, and the sum.
fn done(answer: &Value, import: &Import, dry_run: bool) -> String {
    let mut lines = Vec::new();
    for list in ["created", "updated", "unchanged"] {
        for id in answer[list].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let matches = import.specs.iter().find(|spec| spec.id == id).map(|spec| spec.matches.to_string());
            lines.push(format!("{list:<9}  {id}  {}", matches.unwrap_or_default()));
        }
    }
    lines.push(import.summary() + if dry_run { "; this was a dry run: nothing was changed" } else { "" });
    lines.join("\n")
}
