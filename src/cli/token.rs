//! `standin token add|list|rm`: who may call the admin API of a running proxy.

use super::Failure;
use super::client::{Client, ClientArguments, encoded};
use super::output::{emit, remark, say, table};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct TokenArguments {
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
    /// Make a token and print it, this once
    Add {
        /// What it is called, also in the log and in the history of changes
        name: String,
        /// It changes nothing
        #[arg(long)]
        read_only: bool,
        /// It changes only mounts whose label `owner` is this
        #[arg(long, value_name = "LABEL")]
        owner: Option<String>,
    },
    /// List all tokens
    List,
    /// Revoke a token: it counts no longer, at once
    Rm {
        /// Its name
        name: String,
    },
}

/// Runs the command.
pub fn run(arguments: TokenArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let json = arguments.json;
    match arguments.command {
        Command::Add { name, read_only, owner } => {
            let wanted = json!({ "name": name, "read_only": read_only, "owner": owner });
            let made = client.call(Method::Post, "/v1/tokens", Some(&wanted))?;
            let shown = if json {
                emit(&made.to_string())
            } else {
                remark(&format!("the token '{name}', which {}; it is not shown again:", may(&made)));
                emit(made["token"].as_str().unwrap_or_default())
            };
            // Also where nobody reads it any more: nobody has it then.
            shown.map_err(|error| {
                Failure::Failed(format!(
                    "the token '{name}' is made, but its value could not be written ({error}) and is lost; \
                     revoke it: standin token rm {name}"
                ))
            })
        }
        Command::List => {
            let list = client.call(Method::Get, "/v1/tokens", None)?;
            say(&if json { list.to_string() } else { overview(&list) })
        }
        Command::Rm { name } => {
            client.call(Method::Delete, &format!("/v1/tokens/{}", encoded(&name)), None)?;
            if json { Ok(()) } else { say(&format!("{name} is revoked")) }
        }
    }
}

fn overview(list: &Value) -> String {
    let mut rows = vec![["NAME", "RIGHTS", "MADE", "LAST USED"].map(String::from).to_vec()];
    for token in list["tokens"].as_array().into_iter().flatten() {
        let text = |name: &str| token[name].as_str().map(str::to_owned);
        let last_used = text("last_used_at").unwrap_or_else(|| "not since the start".into());
        rows.push(vec![
            text("name").unwrap_or_default(),
            may(token),
            text("created_at").unwrap_or_default(),
            last_used,
        ]);
    }
    table(&rows)
}

/// What a token is limited to.
fn may(token: &Value) -> String {
    match (token["read_only"] == true, token["owner"].as_str()) {
        (true, _) => "may read".into(),
        (false, Some(owner)) => format!("may read, and change mounts of {owner}"),
        (false, None) => "may do everything".into(),
    }
}
