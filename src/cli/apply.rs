//! `standin apply`: the whole set of one owner, from a file.

use super::Failure;
use super::changes::{about, read_mounts, summary};
use super::client::{Client, ClientArguments};
use super::mutation::Mutation;
use crate::mount::spec::keeping::OWNER;
use clap::Args;
use http_types::Method;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The file: JSON, {"mounts": [...]} or the bare array; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Whose set this is [default: the label owner, where all mounts of the file have the same]
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Remove the owner's mounts that are not in the file
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    mutation: Mutation,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Makes the owner's set what the file says; tells what that took.
pub fn run(arguments: ApplyArguments) -> Result<(), Failure> {
    let mounts = read_mounts(&arguments.file)?;
    let owner = match arguments.owner {
        Some(owner) => owner,
        None => common_owner(&mounts).ok_or_else(|| {
            Failure::Usage("say whose mounts these are: --owner NAME, or the label owner on each of them".into())
        })?,
    };
    let client = Client::find(arguments.client)?;
    let query = [("owner", Some(owner)), ("prune", arguments.prune.then(|| "true".to_owned()))];
    let answer = arguments.mutation.send(&client, (Method::Put, "/v1/mounts"), &query, Some(&mounts), None)?.value;
    let told = if arguments.json { answer.to_string() } else { summary(&answer, |id| about(&mounts, id), None) };
    arguments.mutation.tell(&told)
}

/// The owner that all of them name.
fn common_owner(mounts: &Value) -> Option<String> {
    let mut owners = mounts["mounts"].as_array()?.iter().map(|mount| mount["labels"][OWNER].as_str());
    let first = owners.next()??;
    owners.all(|owner| owner == Some(first)).then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_owner_is_the_one_that_all_name() {
        let mounts = |labels: &[Value]| {
            let mounts: Vec<Value> = labels.iter().map(|labels| json!({ "labels": labels })).collect();
            common_owner(&json!({ "mounts": mounts }))
        };
        let ci = json!({"owner": "ci"});
        assert_eq!(mounts(&[ci.clone(), ci.clone()]), Some("ci".to_owned()));
        assert_eq!(mounts(&[ci.clone(), json!({"owner": "me"})]), None);
        assert_eq!(mounts(&[ci, Value::Null]), None);
        assert_eq!(mounts(&[]), None);
    }
}
