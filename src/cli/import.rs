//! `standin import`: mounts from an export, or from a Paste Deploy file.
//!
//! The file, and those that it names, are read here; the server gets the mounts
//! in one call and makes all of them or none.

use super::Failure;
use super::changes::{about, read_mounts, summary};
use super::client::{Client, ClientArguments};
use super::mutation::Mutation;
use super::output::remark;
use crate::paste::{self, Import};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub struct ImportArguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// An export, or any JSON with {"mounts": [...]} or an array of mounts; - is standard input
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    mutation: Mutation,
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
        #[command(flatten)]
        mutation: Mutation,
    },
}

/// Does what was asked; the notes go to standard error, what was done to
/// standard output.
pub fn run(arguments: ImportArguments) -> Result<(), Failure> {
    match (arguments.command, arguments.file) {
        (Some(Command::Paste { .. }), Some(_)) => Err(Failure::Usage("name one file".into())),
        // Said before `paste` or behind it, it is said.
        (Some(Command::Paste { file, mutation }), None) => {
            paste(&file, &mutation.or(arguments.mutation), arguments.client, arguments.json)
        }
        (None, Some(file)) => json(&file, &arguments.mutation, arguments.client, arguments.json),
        (None, None) => Err(Failure::Usage("name a file".into())),
    }
}

fn json(file: &Path, mutation: &Mutation, client: ClientArguments, json: bool) -> Result<(), Failure> {
    let mounts = read_mounts(file)?;
    let answer = send(&Client::find(client)?, mutation, &mounts)?;
    mutation.tell(&if json { answer.to_string() } else { summary(&answer, |id| about(&mounts, id), None) })
}

fn paste(file: &str, mutation: &Mutation, client: ClientArguments, json: bool) -> Result<(), Failure> {
    let import = paste::import_file(file, false).map_err(Failure::Usage)?;
    if !json || import.has_errors() {
        import.notes.iter().for_each(|note| remark(&note.to_string()));
    }
    if import.has_errors() {
        return Err(Failure::Usage(format!("{file}: {}", import.summary())));
    }
    let mut answer = send(&Client::find(client)?, mutation, &json!({ "mounts": import.mounts }))?;
    if json {
        answer["notes"] = json!(import.notes);
        return mutation.tell(&answer.to_string());
    }
    mutation.tell(&summary(&answer, |id| matched(&import, id), Some(import.summary())))
}

fn matched(import: &Import, id: &str) -> String {
    import.specs.iter().find(|spec| spec.id == id).map(|spec| spec.matches.to_string()).unwrap_or_default()
}

fn send(client: &Client, mutation: &Mutation, mounts: &Value) -> Result<Value, Failure> {
    mutation.send(client, (Method::Post, "/v1/import"), &[], Some(mounts), None).map(|answer| answer.value)
}
