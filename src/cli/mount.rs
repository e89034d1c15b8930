//! `standin mount add|list|show|rm`: the mounts of a running proxy.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{say, table};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub struct MountArguments {
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
    /// Add a mount: PATH and URL for a regular one, PATH and --transparent for the other kind
    Add(Box<AddArguments>),
    /// List all mounts
    List,
    /// Show a mount
    Show {
        /// Its id
        id: String,
    },
    /// Remove a mount; its requests in progress finish
    Rm {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The path prefix it answers for
    path: String,
    /// The base address of its upstream, as in http://127.0.0.1:9000/
    #[arg(required_unless_present = "transparent", conflicts_with = "transparent")]
    url: Option<String>,
    /// Its id; one is made up if not given
    #[arg(long)]
    id: Option<String>,
    /// The host it answers for: example.org, *.example.org, example.org:8080
    #[arg(long)]
    host: Option<String>,
    /// A method to pass on; without any, all are (repeatable)
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// A header field not to pass on (repeatable)
    #[arg(long = "suppress", value_name = "NAME")]
    suppressed: Vec<String>,
    /// Send requests as they are, to the host that they name
    #[arg(long)]
    transparent: bool,
    /// Connect here, whatever host a request names
    #[arg(long, value_name = "HOST[:PORT]", requires = "transparent")]
    force_host: Option<String>,
    /// A host that requests may name (repeatable)
    #[arg(long = "allowed-host", value_name = "HOST[:PORT]", requires = "transparent")]
    allowed_hosts: Vec<String>,
}

/// Does what was asked and prints the answer.
pub fn run(arguments: MountArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let json = arguments.json;
    match arguments.command {
        Command::Add(add) => {
            let mount = client.call(Method::Post, "/v1/mounts", Some(&body(*add)))?;
            let line = format!("{} answers for {}", text(&mount["id"]), answers_for(&mount));
            say(&if json { mount.to_string() } else { line });
        }
        Command::List => {
            let list = client.call(Method::Get, "/v1/mounts", None)?;
            say(&if json { list.to_string() } else { overview(&list) });
        }
        Command::Show { id } => {
            let mount = client.call(Method::Get, &format!("/v1/mounts/{id}"), None)?;
            say(&if json { mount.to_string() } else { format!("{mount:#}") });
        }
        Command::Rm { id } => {
            client.call(Method::Delete, &format!("/v1/mounts/{id}"), None)?;
            if !json {
                say(&format!("{id} is removed"));
            }
        }
    }
    Ok(())
}

fn body(add: AddArguments) -> Value {
    let mut mount = Map::new();
    let mut set = |name: &str, value: Value| drop(mount.insert(name.into(), value));
    set("kind", json!(if add.transparent { "transparent" } else { "regular" }));
    let mut matches = json!({ "path": add.path });
    if let Some(host) = add.host {
        matches["host"] = json!(host);
    }
    set("match", matches);
    set("allowed_request_methods", json!(add.methods));
    set("suppress_http_headers", json!(add.suppressed));
    for (name, value) in [("id", add.id), ("address", add.url), ("force_host", add.force_host)] {
        if let Some(value) = value {
            set(name, json!(value));
        }
    }
    if !add.allowed_hosts.is_empty() {
        set("allowed_hosts", json!(add.allowed_hosts));
    }
    Value::Object(mount)
}

fn overview(list: &Value) -> String {
    let mut rows = vec![["ID", "ANSWERS FOR", "UPSTREAM", "STATE", "IN FLIGHT"].map(String::from).to_vec()];
    for mount in list["mounts"].as_array().into_iter().flatten() {
        rows.push(vec![
            text(&mount["id"]),
            answers_for(mount),
            upstream(mount),
            text(&mount["state"]),
            text(&mount["in_flight"]),
        ]);
    }
    if rows.len() == 1 {
        return "There are no mounts yet. Add one: standin mount add /app http://127.0.0.1:9000/".into();
    }
    table(&rows)
}

fn answers_for(mount: &Value) -> String {
    let matches = &mount["match"];
    format!("{}{}", matches["host"].as_str().unwrap_or("*"), text(&matches["path"]))
}

fn upstream(mount: &Value) -> String {
    if let Some(address) = mount["address"].as_str() {
        return address.to_owned();
    }
    match mount["force_host"].as_str() {
        Some(host) => format!("as given, to {host}"),
        None => {
            let hosts: Vec<String> = mount["allowed_hosts"].as_array().into_iter().flatten().map(text).collect();
            format!("as given, to {}", hosts.join(" "))
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
