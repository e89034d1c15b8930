//! `standin mount list`: which mounts there are, page by page.

use super::Failure;
use super::client::{Client, with_query};
use super::mutation::answers_for;
use super::output::{say, table};
use super::shape::instant;
use crate::limits::LISTED_PAGES_MAX;
use crate::mount::Lifecycle;
use clap::{Args, ValueEnum};
use http_types::Method;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Those for that host, as the mounts have it
    #[arg(long)]
    host: Option<String>,
    /// Those whose path begins so
    #[arg(long, value_name = "PATH")]
    path_prefix: Option<String>,
    /// Those with that label (repeatable)
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// Those in that state (repeatable: or in that one)
    #[arg(long = "state", value_name = "STATE", value_parser = Lifecycle::WORDS)]
    states: Vec<String>,
    /// Those that nobody has asked since: an instant (RFC 3339), or how long ago, as in 2h
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    inactive_since: Option<String>,
    /// Those in which each of these words occurs: in the id, match, upstream or a label as NAME=VALUE
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// In which order
    #[arg(long)]
    sort: Option<Sort>,
    /// The other way round
    #[arg(long, requires = "sort")]
    descending: bool,
    /// No more than that many, from the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Go on where an answer ended: its `next`
    #[arg(long, value_name = "NEXT", conflicts_with_all = ["host", "path_prefix", "labels", "states", "search", "sort"])]
    page: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Sort {
    Id,
    CreatedAt,
    UpdatedAt,
    LastActivityAt,
    InFlight,
    Requests,
    Errors,
    P99,
    RequestsPerS,
}

/// How many mounts one answer has at most.
const PAGE_MAX: u64 = 1000;

/// Prints the mounts.
pub fn list(client: &Client, arguments: &ListArguments, json: bool) -> Result<(), Failure> {
    let list = gather(client, arguments)?;
    say(&if json { list.to_string() } else { overview(&list, arguments) })
}

/// As many pages as it takes, as one answer.
fn gather(client: &Client, arguments: &ListArguments) -> Result<Value, Failure> {
    let wanted = arguments.limit.unwrap_or(u64::MAX);
    let mut path = match &arguments.page {
        Some(next) if next.starts_with("/v1/mounts?") => next.clone(),
        Some(next) => with_query("/v1/mounts", &[("page", Some(next.clone()))]),
        None => first(arguments, wanted.min(PAGE_MAX)),
    };
    let mut mounts: Vec<Value> = Vec::new();
    for _ in 0..LISTED_PAGES_MAX {
        let mut page = client.call(Method::Get, &path, None)?;
        if let Value::Array(further) = page["mounts"].take() {
            mounts.extend(further);
        }
        let next = page["next"].as_str().map(str::to_owned);
        match next {
            Some(next) if (mounts.len() as u64) < wanted && next != path => path = next,
            _ => {
                page["mounts"] = json!(mounts);
                return Ok(page);
            }
        }
    }
    Err(Failure::Failed(format!("the list has more than {LISTED_PAGES_MAX} pages; give a --limit")))
}

fn first(arguments: &ListArguments, limit: u64) -> String {
    let sort = arguments.sort.and_then(|sort| {
        let name = sort.to_possible_value()?.get_name().to_owned();
        Some(format!("{}{name}", if arguments.descending { "-" } else { "" }))
    });
    let parameters = [
        ("host", arguments.host.clone()),
        ("path_prefix", arguments.path_prefix.clone()),
        ("state", (!arguments.states.is_empty()).then(|| arguments.states.join(","))),
        ("inactive_since", arguments.inactive_since.clone()),
        ("search", arguments.search.clone()),
        ("sort", sort),
        ("limit", Some(limit.to_string())),
    ];
    let labels = arguments.labels.iter().map(|label| ("label", Some(label.clone())));
    with_query("/v1/mounts", &parameters.into_iter().chain(labels).collect::<Vec<_>>())
}

impl ListArguments {
    fn is_filtered(&self) -> bool {
        self.host.is_some()
            || self.path_prefix.is_some()
            || !self.labels.is_empty()
            || !self.states.is_empty()
            || self.search.is_some()
            || self.inactive_since.is_some()
            || self.page.is_some()
    }
}

fn overview(list: &Value, arguments: &ListArguments) -> String {
    let mut rows = vec![["ID", "ANSWERS FOR", "UPSTREAM", "STATE", "IN FLIGHT", "TUNNELS"].map(String::from).to_vec()];
    for mount in list["mounts"].as_array().into_iter().flatten() {
        rows.push(vec![
            text(&mount["id"]),
            answers_for(&mount["match"]),
            upstream(mount),
            text(&mount["state"]),
            text(&mount["in_flight"]),
            text(&mount["tunnels"]),
        ]);
    }
    match rows.len() - 1 {
        0 if arguments.is_filtered() => "No mount is like that.".into(),
        0 => "There are no mounts yet. Add one: standin mount add /app http://127.0.0.1:9000/".into(),
        shown => match list["total"].as_u64().filter(|total| *total > shown as u64 && arguments.limit.is_some()) {
            Some(total) => format!("{}\n{shown} of {total}", table(&rows)),
            None => table(&rows),
        },
    }
}

fn upstream(mount: &Value) -> String {
    let unchecked = mount["tls"]["insecure_skip_verify"] == true;
    format!("{}{}", goes_to(mount), if unchecked { " (certificate not checked!)" } else { "" })
}

fn goes_to(mount: &Value) -> String {
    if let Some(address) = mount["address"].as_str() {
        return address.to_owned();
    }
    let by = if mount["force_scheme"] == "https" { " by https" } else { "" };
    match mount["force_host"].as_str() {
        Some(host) => format!("as given, to {host}{by}"),
        None => {
            let hosts: Vec<String> = mount["allowed_hosts"].as_array().into_iter().flatten().map(text).collect();
            format!("as given, to {}{by}", hosts.join(" "))
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        list: ListArguments,
    }

    #[test]
    fn the_filters_are_the_query() {
        let first = |arguments: &[&str]| first(&Line::parse_from([&["x"], arguments].concat()).list, 1000);
        assert_eq!(first(&[]), "/v1/mounts?limit=1000");
        let filters = ["--label", "a=b", "--label", "c=d", "--path-prefix", "/x y", "--sort", "p99", "--descending"];
        assert_eq!(first(&filters), "/v1/mounts?path_prefix=%2Fx%20y&sort=-p99&limit=1000&label=a=b&label=c=d");
        assert_eq!(first(&["--inactive-since", "2030-01-31T12:00:00Z"]), {
            "/v1/mounts?inactive_since=2030-01-31T12:00:00Z&limit=1000"
        });
        let states = ["--state", "failed", "--state", "restarting", "--search", "a b", "--sort", "requests_per_s"];
        assert_eq!(first(&states), "/v1/mounts?state=failed,restarting&search=a%20b&sort=requests_per_s&limit=1000");
        assert!(Line::try_parse_from(["x", "--inactive-since", "lately"]).is_err());
    }
}
