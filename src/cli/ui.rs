//! `standin ui`: the link to the web page, which carries the token.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{remark, say};
use crate::net::Endpoint;
use clap::Args;
use serde_json::json;
use std::process::{Command, Stdio};

#[derive(Debug, Args)]
pub struct UiArguments {
    /// Also open it with xdg-open; as an argument of that program, the link can be seen by other users of the machine
    /// for a moment
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Prints the link. The token stands behind the `#`: it is sent to nobody.
pub fn run(arguments: UiArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    if let Endpoint::Unix(_) = client.endpoint() {
        return Err(Failure::Failed(format!(
            "{} is a socket that no browser opens; serve the admin API on an address too, as in --admin 127.0.0.1:8081",
            client.endpoint()
        )));
    }
    let link = format!("{}/#token={}", client.endpoint(), client.token().reveal());
    say(&if arguments.json { json!({ "url": link }).to_string() } else { link.clone() })?;
    if arguments.open {
        let opened = Command::new("xdg-open").arg(&link).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match opened {
            Ok(status) if status.success() => {}
            Ok(_) => remark("xdg-open could not open it; open the link yourself"),
            Err(error) => remark(&format!("xdg-open cannot be run ({error}); open the link yourself")),
        }
    }
    Ok(())
}
