//! Waiting for what a change has left behind: requests and tunnels in progress.

use super::Failure;
use super::client::{Client, with_query};
use super::output::Progress;
use crate::limits::{OPERATION_LOOK_MS, OPERATION_WAIT_MS};
use http_types::Method;
use serde_json::Value;

/// Waits until nothing is left, telling how much still is where somebody sees
/// it. It ends with the operation: a deadline is the operation's own.
pub fn wait(client: &Client, path: &str) -> Result<Value, Failure> {
    let progress = Progress::new();
    let wait_ms = if progress.is_shown() { OPERATION_LOOK_MS } else { OPERATION_WAIT_MS };
    let path = with_query(path, &[("wait_ms", Some(wait_ms.to_string()))]);
    loop {
        let operation = client.call(Method::Get, &path, None)?;
        if operation["state"] != "running" {
            return Ok(operation);
        }
        progress.tell(&remaining(&operation));
    }
}

/// Where the operation of a changed mount is; none where nothing was left.
#[must_use]
pub fn of(mount: &Value) -> Option<&str> {
    mount["links"]["operation"].as_str()
}

/// Where the operation that a revision began is.
#[must_use]
pub fn of_revision(revision: u64) -> String {
    format!("/v1/operations/{revision}")
}

/// What is still there, in words.
#[must_use]
pub fn remaining(operation: &Value) -> String {
    let until = operation["deadline_at"].as_str().map(|at| format!(", until {at}")).unwrap_or_default();
    format!("{} left{until}", counted(operation))
}

/// What became of it, in words to put behind others; nothing where all finished.
#[must_use]
pub fn cut(operation: &Value) -> &'static str {
    if operation["cut"] == true { "; what was left of it was cut off" } else { "" }
}

/// Requests and tunnels, counted.
#[must_use]
pub fn counted(value: &Value) -> String {
    let count = |name: &str, noun: &str| {
        let number = value[name].as_u64().unwrap_or(0);
        format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
    };
    format!("{} and {}", count("requests", "request"), count("tunnels", "tunnel"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_is_told_in_words() {
        let running = json!({"requests": 1, "tunnels": 2, "deadline_at": "2030-01-01T00:00:00Z"});
        assert_eq!(remaining(&running), "1 request and 2 tunnels left, until 2030-01-01T00:00:00Z");
        assert_eq!(remaining(&json!({"requests": 0, "tunnels": 1})), "0 requests and 1 tunnel left");
        assert_eq!(cut(&json!({"cut": false})), "");
        assert_eq!(cut(&json!({"cut": true})), "; what was left of it was cut off");
    }
}
