//! `standin stats`: what the mounts have done.

use super::Failure;
use super::client::{Client, ClientArguments, encoded};
use super::output::{outline, say};
use super::shape::id;
use clap::Args;
use http_types::Method;
use serde_json::Value;

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
    let mut stats = client.call(Method::Get, &path, None)?;
    if arguments.json {
        return say(&stats.to_string());
    }
    leave_out_charts(&mut stats);
    say(&outline(&stats))
}

/// Leaves out what is there to be drawn, and nothing to read.
fn leave_out_charts(stats: &mut Value) {
    let Value::Object(members) = stats else { return };
    members.retain(|name, _| !matches!(name.as_str(), "requests_by_second" | "buckets"));
    members.values_mut().for_each(leave_out_charts);
}
