//! `standin watch` and `standin traffic`: what happens, as it happens.

use super::Failure;
use super::client::{Client, ClientArguments, encoded, with_query};
use super::events::Event;
use super::follow::Follow;
use super::output::plain;
use super::shape::id;
use crate::traffic::Filter;
use clap::Args;
use http_types::Method;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub struct WatchArguments {
    /// Begin behind that revision, 0 for the first one, if the journal still has all since [default: now]
    #[arg(long, value_name = "REVISION")]
    since: Option<u64>,
    /// Of this mount only
    #[arg(long, value_name = "ID", value_parser = id)]
    mount: Option<String>,
    /// Of these types only, as the events are called (repeatable)
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, one event on each line, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct TrafficArguments {
    /// The mount's id
    #[arg(value_parser = id)]
    id: String,
    /// Replies with that status, as in 404 or 5xx (repeatable)
    #[arg(long = "status", value_name = "STATUS")]
    statuses: Vec<String>,
    /// Requests with that method (repeatable)
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// Requests whose path begins so
    #[arg(long, value_name = "PATH")]
    path_prefix: Option<String>,
    /// Requests that took at least so long, in milliseconds
    #[arg(long, value_name = "MS")]
    min_ms: Option<u64>,
    /// One in N of those that are left
    #[arg(long, value_name = "N")]
    sample: Option<u64>,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, one request on each line, for scripts
    #[arg(long)]
    json: bool,
}

/// Prints events until nobody reads them any more.
pub fn watch(arguments: WatchArguments) -> Result<(), Failure> {
    // With a revision to begin with, nothing is lost even if the stream ends
    // before its first event.
    let since = match arguments.since {
        Some(since) => since,
        None => {
            let mounts = Client::find(arguments.client.clone())?.call(Method::Get, "/v1/mounts?limit=1", None)?;
            mounts["revision"].as_u64().unwrap_or(0)
        }
    };
    let types = Some(arguments.types.join(",")).filter(|types| !types.is_empty());
    let filters = [("mount", arguments.mount), ("types", types)];
    let json = arguments.json;
    let follow = Follow {
        arguments: &arguments.client,
        path: with_query("/v1/events", &filters),
        last: Some(since.to_string()),
        // Where the journal stands is nothing that happens.
        line: &|event| (event.name != "hello").then(|| if json { as_json(event) } else { happened(event) }),
    };
    follow.run()
}

/// Prints requests until nobody reads them any more.
pub fn traffic(arguments: TrafficArguments) -> Result<(), Failure> {
    let list = |list: Vec<String>| Some(list.join(",")).filter(|list| !list.is_empty());
    let filters = [
        ("status", list(arguments.statuses)),
        ("method", list(arguments.methods)),
        ("path_prefix", arguments.path_prefix),
        ("min_ms", arguments.min_ms.map(|milliseconds| milliseconds.to_string())),
        ("sample", arguments.sample.map(|number| number.to_string())),
    ];
    for (name, value) in filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))) {
        let told = |why| Failure::Usage(format!("--{}: {why}", name.replace('_', "-")));
        Filter::parse([(name, value)]).map_err(told)?;
    }
    let json = arguments.json;
    let follow = Follow {
        arguments: &arguments.client,
        path: with_query(&format!("/v1/mounts/{}/traffic", encoded(&arguments.id)), &filters),
        last: None,
        line: &|event| Some(if json { as_json(event) } else { passed(event) }),
    };
    follow.run()
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap_or_else(|_| json!(event.data))
}

fn as_json(event: &Event) -> String {
    let id = event.id.as_ref().map(|id| id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number)));
    json!({ "id": id, "event": event.name, "data": data(event) }).to_string()
}

/// A text of that name; none where it is empty.
fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().filter(|text| !text.is_empty()).map(plain)
}

/// An event of the journal, or one of those that are in no journal.
fn happened(event: &Event) -> String {
    let data = data(event);
    let mut line = text(&data, "at").unwrap_or_default();
    if let Some(id) = &event.id {
        line.push_str(&format!("  #{}", plain(id)));
    }
    line.push_str(&format!("  {}", plain(&event.name)));
    let told = ["at", "revision", "mount", "action", "who", "why", "before", "after"];
    line.extend(text(&data, "mount").map(|mount| format!("  {mount}")));
    line.extend(text(&data, "who").map(|who| format!("  by {who}")));
    line.extend(text(&data, "why").map(|why| format!(": {why}")));
    for (name, value) in data.as_object().into_iter().flatten() {
        if !told.contains(&name.as_str()) && !value.is_null() {
            line.push_str(&format!("  {}={}", plain(name), shown(value)));
        }
    }
    line.trim_start().to_owned()
}

/// One request.
fn passed(event: &Event) -> String {
    let data = data(event);
    if !data["method"].is_string() {
        return happened(event);
    }
    let number = |name: &str| data[name].as_u64().unwrap_or(0);
    let status = data["status"].as_u64().map_or_else(|| "---".to_owned(), |status| status.to_string());
    let mut line = format!("{}  {status}", text(&data, "time").unwrap_or_default());
    line.extend(["method", "target"].iter().filter_map(|name| text(&data, name)).map(|text| format!("  {text}")));
    if let Some(total) = data["timing_ms"]["total"].as_f64() {
        line.push_str(&format!("  {total:.1} ms"));
    }
    line.push_str(&format!("  {}/{} bytes", number("received_bytes"), number("sent_bytes")));
    line.extend(text(&data, "client").map(|client| format!("  from {client}")));
    line.extend(text(&data, "upstream").map(|upstream| format!("  at {upstream}")));
    line.extend(text(&data, "failure").map(|failure| format!("  ({failure})")));
    line
}

fn shown(value: &Value) -> String {
    plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, name: &str, data: &Value) -> Event {
        Event { id: id.map(str::to_owned), name: name.into(), data: data.to_string() }
    }

    #[test]
    fn an_event_is_a_line() {
        let journalled = json!({"revision": 7, "at": "T", "who": "ci", "why": "a\nb", "action": "replace", "mount": "a", "after": {}});
        assert_eq!(happened(&event(Some("7"), "replace", &journalled)), "T  #7  replace  a  by ci: a\\nb");
        let runtime = json!({"mount": "a", "state": "failed", "reason": null, "restarts": 2});
        assert_eq!(happened(&event(None, "state", &runtime)), "state  a  state=failed  restarts=2");
        let line: Value = serde_json::from_str(&as_json(&event(Some("7"), "replace", &runtime))).unwrap();
        assert_eq!((&line["id"], &line["event"], &line["data"]), (&json!(7), &json!("replace"), &runtime));
    }

    #[test]
    fn a_request_is_a_line() {
        let request = json!({
            "time": "T", "method": "GET", "target": "/x?\u{1b}", "status": 200, "timing_ms": {"total": 1.25},
            "received_bytes": 0, "sent_bytes": 12, "client": "127.0.0.1", "upstream": null, "failure": null,
        });
        let line = "T  200  GET  /x?\\u{1b}  1.2 ms  0/12 bytes  from 127.0.0.1";
        assert_eq!(passed(&event(None, "request", &request)), line);
        assert_eq!(passed(&event(None, "dropped", &json!({"count": 3}))), "dropped  count=3");
    }
}
