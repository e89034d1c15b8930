//! `standin revisions` and `standin restore`: what was changed by whom, and
//! making it as it was.

use super::Failure;
use super::changes::summary;
use super::client::{Client, ClientArguments, encoded, with_query};
use super::mutation::{Condition, Mutation};
use super::output::{say, table};
use super::shape::id;
use crate::limits::LISTED_PAGES_MAX;
use clap::{Args, ValueEnum};
use http_types::Method;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct RevisionsArguments {
    /// Of this mount only
    #[arg(value_parser = id)]
    id: Option<String>,
    /// Later than this revision
    #[arg(long, value_name = "REVISION")]
    since: Option<u64>,
    /// Not later than this one
    #[arg(long, value_name = "REVISION")]
    until: Option<u64>,
    /// No more than that many, from the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, with each mount before and after, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The revision
    revision: u64,
    /// As it was after the revision, or before it
    #[arg(long, value_name = "WHEN", default_value = "after")]
    to: Side,
    /// Not only the mount that the revision changed, but the whole set
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    mutation: Mutation,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    After,
    Before,
}

/// How many revisions one answer has at most.
const PAGE_MAX: u64 = 1000;

/// Prints the history.
pub fn list(arguments: RevisionsArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let path = match &arguments.id {
        Some(id) => format!("/v1/mounts/{}/revisions", encoded(id)),
        None => "/v1/revisions".to_owned(),
    };
    let parameters = [
        ("since", arguments.since.map(|revision| revision.to_string())),
        ("until", arguments.until.map(|revision| revision.to_string())),
        ("limit", Some(arguments.limit.min(PAGE_MAX).to_string())),
    ];
    let mut path = with_query(&path, &parameters);
    let mut revisions: Vec<Value> = Vec::new();
    for _ in 0..LISTED_PAGES_MAX {
        let mut page = client.call(Method::Get, &path, None)?;
        if let Value::Array(further) = page["revisions"].take() {
            revisions.extend(further);
        }
        let next = page["next"].as_str().map(str::to_owned);
        match next {
            Some(next) if (revisions.len() as u64) < arguments.limit && next != path => path = next,
            _ => {
                revisions.truncate(usize::try_from(arguments.limit).unwrap_or(usize::MAX));
                page["revisions"] = json!(revisions);
                return say(&if arguments.json { page.to_string() } else { history(&page) });
            }
        }
    }
    Err(Failure::Failed(format!("the history has more than {LISTED_PAGES_MAX} pages; give a smaller --limit")))
}

fn history(page: &Value) -> String {
    let mut rows = vec![["REVISION", "AT", "WHO", "ACTION", "MOUNT", "WHY"].map(String::from).to_vec()];
    for entry in page["revisions"].as_array().into_iter().flatten() {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let number = entry["revision"].to_string();
        rows.push(vec![number, text("at"), text("who"), text("action"), text("mount"), text("why")]);
    }
    if rows.len() == 1 { "Nothing was changed then.".into() } else { table(&rows) }
}

/// Makes a mount, or all of them, as they were: as a new revision.
pub fn restore(arguments: RestoreArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let path = format!("/v1/revisions/{}/restore", arguments.revision);
    let query = [
        ("to", (arguments.to == Side::Before).then(|| "before".to_owned())),
        ("all", arguments.all.then(|| "true".to_owned())),
    ];
    let (call, condition) = ((Method::Post, &*path), Some(&arguments.condition));
    let answer = arguments.mutation.send(&client, call, &query, None, condition)?.value;
    let told = if arguments.json { answer.to_string() } else { summary(&answer, |_| String::new(), None) };
    arguments.mutation.tell(&told)
}
