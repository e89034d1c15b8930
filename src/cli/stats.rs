//! `standin stats`: what the mounts have done.

use super::Failure;
use super::client::{Client, ClientArguments, encoded};
use super::output::{outline, say};
use super::shape::id;
use clap::Args;
use http_types::Method;

#[derive(Debug, Args)]
pub struct StatsArguments {
    /// Of this mount; of all together if none is named
    #[arg(value_parser = id)]
    id: Option<String>,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Prints the numbers.
pub fn run(arguments: StatsArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let path = match &arguments.id {
        Some(id) => format!("/v1/mounts/{}/stats", encoded(id)),
        None => "/v1/stats".to_owned(),
    };
    let stats = client.call(Method::Get, &path, None)?;
    say(&if arguments.json { stats.to_string() } else { outline(&stats) })
}
