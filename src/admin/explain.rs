//! `POST /v1/explain`: what would become of a request.
//!
//! Owns reading a request that is only told of, and telling who would answer
//! it. The request is admitted, routed and prepared by what does so for
//! traffic; it goes nowhere.

use super::app::AdminState;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::routes::read_json;
use crate::error::{Error, Kind};
use crate::exchange::{Bounds, ClientSide, Exchange, Reply, RequestBody};
use crate::front::admit::admit;
use crate::http1::HeadScan;
use crate::limits::{EXPLAIN_LOST_MAX, REQUEST_HEAD};
use crate::message::{RequestHead, is_token};
use crate::mount::explain::{Line, edits, lines, sent};
use crate::mount::table::Passed;
use crate::mount::{Lifecycle, MountHandle, SpecFault};
use crate::net::{Stream, pipe};
use crate::registry::{Record, Snapshot};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};

/// Does what was asked.
pub async fn perform(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    let query = Query::read(exchange, reading::PLAIN)?;
    let asked = Asked::read(&read_json(exchange).await?)
        .map_err(|faults| Problem { detail: "the request to explain has faults".into(), ..Problem::invalid(faults) })?;
    let snapshot = reading::snapshot(state, &query).await?;
    let mut answer = told(&snapshot, exchange, &asked);
    answer.insert("revision".into(), json!(snapshot.revision));
    Ok(model::json_reply(200, &Value::Object(answer)))
}

/// The request that is told of.
#[derive(Debug)]
struct Asked {
    method: String,
    target: String,
    headers: Vec<Line>,
}

impl Asked {
    fn read(value: &Value) -> Result<Self, Vec<SpecFault>> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, detail: &str| {
            faults.push(SpecFault { pointer: pointer.into(), detail: detail.into() });
        };
        let nothing = Map::new();
        let members = value.as_object().unwrap_or(&nothing);
        if !value.is_object() {
            fault("", "must be an object with url, and perhaps method and headers");
        }
        for name in members.keys().filter(|name| !["method", "url", "headers"].contains(&name.as_str())) {
            let name = name.replace('~', "~0").replace('/', "~1");
            fault(&format!("/{name}"), "unknown field; known are method, url, headers");
        }
        let method = members.get("method").map_or(Some("GET"), Value::as_str).filter(|text| is_token(text.as_bytes()));
        if method.is_none() {
            fault("/method", "must be a method token, as in GET");
        }
        let url = members.get("url").and_then(Value::as_str).and_then(split);
        if url.is_none() && value.is_object() {
            fault("/url", "must be a URL as in http://example.org/path, or a path");
        }
        let mut headers = Vec::new();
        match members.get("headers") {
            None => {}
            Some(Value::Object(named)) => {
                for (name, value) in named {
                    let values = match value {
                        Value::Array(values) => values.iter().map(Value::as_str).collect(),
                        value => vec![value.as_str()],
                    };
                    let is_value = |text: &&str| !text.chars().any(|each| each.is_control() && each != '\t');
                    let values: Option<Vec<&str>> = values.into_iter().map(|value| value.filter(is_value)).collect();
                    match values.filter(|_| is_token(name.as_bytes())) {
                        Some(values) => headers
                            .extend(values.into_iter().map(|value| Line { name: name.clone(), value: value.into() })),
                        None => {
                            let pointer = name.replace('~', "~0").replace('/', "~1");
                            fault(&format!("/headers/{pointer}"), "must be a field name with one value or a list");
                        }
                    }
                }
            }
            Some(_) => fault("/headers", "must be an object of names and values"),
        }
        let (Some(method), Some((host, target))) = (method, url) else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        // The URL says where it goes, as in any client; a field overrules it.
        if !headers.iter().any(|line| line.name.eq_ignore_ascii_case("host")) {
            headers.insert(0, Line { name: "Host".into(), value: host.unwrap_or("localhost").into() });
        }
        Ok(Self { method: method.into(), target, headers })
    }

    /// The head that a client would send, read as any.
    fn head(&self) -> Result<RequestHead, Kind> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for Line { name, value } in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut scan = HeadScan::request(REQUEST_HEAD);
        let len = scan.advance(text.as_bytes()).map_err(Kind::RequestHead)?.ok_or(Kind::HeadTruncated)?;
        scan.take_request(&text.as_bytes()[..len]).map_err(Kind::RequestHead)
    }
}

/// Host and target of a URL, the target without its fragment.
fn split(url: &str) -> Option<(Option<&str>, String)> {
    if url.is_empty() || url.chars().any(|each| each.is_control() || each == ' ') {
        return None;
    }
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with('/') || url == "*" {
        return Some((None, url.to_owned()));
    }
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let rest = &url[scheme.len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    // A client sends the slash that is missing.
    let slash = if rest[end..].starts_with('/') { "" } else { "/" };
    Some((Some(&rest[..end]), format!("{slash}{}", &rest[end..])))
}

fn told(snapshot: &Snapshot, call: &Exchange, asked: &Asked) -> Map<String, Value> {
    let mut told = Map::new();
    for name in ["mount", "match", "prefix", "state", "admission", "asks_password", "upstream"] {
        told.insert(name.into(), Value::Null);
    }
    told.insert("lost".into(), json!([]));
    let before = json!({ "method": asked.method, "target": asked.target, "headers": asked.headers });
    told.insert("request".into(), json!({ "before": before, "after": null, "edits": [] }));
    let refusal = tell(&mut told, snapshot, call, asked).err();
    told.insert("refusal".into(), refusal.map_or(Value::Null, |error| shown(&error)));
    told
}

/// Tells as far as the request comes.
fn tell(told: &mut Map<String, Value>, snapshot: &Snapshot, call: &Exchange, asked: &Asked) -> Result<(), Error> {
    let mut head = asked.head()?;
    let admitted = admit(&mut head)?;
    if admitted.asks_proxy {
        return Ok(());
    }
    let before = lines(&head.fields);
    // Nobody is at the other end, and nothing is read from it.
    let (near, _far) = pipe::pair(1);
    let deadline = Arc::clone(&call.deadline);
    let side = ClientSide::new(Stream::pipe(near), Arc::clone(&deadline));
    let mut exchange = Exchange {
        id: call.id,
        head,
        route: admitted.route,
        framing: admitted.framing,
        body: RequestBody::new(Arc::new(Mutex::new(side))),
        peer: call.peer,
        deadline,
        upgrade: admitted.upgrade,
        takes_trailers: false,
        bounds: Bounds::OWN,
        mapping: None,
        outbound: None,
        credit: None,
        tunnel_credit: None,
        notes: None,
    };
    let (host, port, path) = (exchange.host(), exchange.route.port, exchange.path());
    let passed = snapshot.table().along(host, port, path, EXPLAIN_LOST_MAX + 1);
    let nobody = if exchange.route.is_absolute { Kind::Misdirected } else { Kind::NoMount };
    let (winner, lost) = passed.split_first().ok_or(nobody)?;
    let prefix_len = winner.prefix_len;
    told.insert("mount".into(), json!(winner.mount.id()));
    told.insert("prefix".into(), json!(String::from_utf8_lossy(&path[..prefix_len])));
    told.insert("lost".into(), lost.iter().map(|other| loser(snapshot, winner, other)).collect());
    let record = snapshot.mounts.get(winner.mount.id());
    if let Some(record) = record {
        told.insert("match".into(), json!(record.spec.matches.to_string()));
        told.insert("state".into(), json!(record.handle.lifecycle()));
        told.insert("admission".into(), json!(admission(record)));
    }
    let plan = winner.mount.plan();
    told.insert("asks_password".into(), json!(plan.basic().is_some()));
    let sent = sent(plan, &mut exchange, prefix_len);
    if let Ok(sent) = &sent {
        told["request"]["edits"] = json!(edits(&before, &sent.headers));
        told["request"]["after"] = json!({ "method": asked.method, "target": sent.target, "headers": sent.headers });
        told.insert("upstream".into(), json!({ "url": sent.url, "address": sent.address }));
    }
    // Who is not let in is told so first, whatever would be sent.
    match record.and_then(|record| refusal(record)) {
        Some(kind) => Err(kind.into()),
        None => sent.map(drop),
    }
}

/// Why the mount would let no request in now, where that is certain.
fn refusal(record: &Record) -> Option<Kind> {
    if admission(record) != "refused" {
        return None;
    }
    Some(match record.handle.lifecycle() {
        Lifecycle::Draining => Kind::Draining,
        Lifecycle::Disabled => Kind::Disabled,
        Lifecycle::Failed => Kind::Failed,
        Lifecycle::Restarting => Kind::Unavailable,
        Lifecycle::Stopped => Kind::Moved,
        Lifecycle::Open | Lifecycle::Paused | Lifecycle::Starting => Kind::Saturated,
    })
}

fn loser(snapshot: &Snapshot, winner: &Passed<'_, MountHandle>, other: &Passed<'_, MountHandle>) -> Value {
    let id = other.mount.id();
    let matches = snapshot.mounts.get(id).map(|record| record.spec.matches.to_string());
    let why = if other.host == winner.host { "its path is shorter" } else { "its host is less specific" };
    json!({ "id": id, "match": matches, "why": why })
}

/// What the mount would do with one more request now.
fn admission(record: &Record) -> &'static str {
    let limits = record.handle.plan().limits();
    let is_full = record.handle.in_flight() >= u64::from(limits.concurrent_requests_max);
    match record.handle.lifecycle() {
        Lifecycle::Open if !is_full => "admitted",
        Lifecycle::Open if limits.queue_max > 0 => "held",
        lifecycle => admission_in(lifecycle, record.spec.enabled),
    }
}

/// The same of a mount that has no place for it, by its state alone.
fn admission_in(lifecycle: Lifecycle, enabled: bool) -> &'static str {
    match lifecycle {
        Lifecycle::Starting | Lifecycle::Paused => "held",
        // Which one, the count of failures in a row says, which only the actor has.
        Lifecycle::Restarting if enabled => "held_or_refused",
        _ => "refused",
    }
}

fn shown(error: &Error) -> Value {
    json!({ "status": error.kind().answer().status, "detail": error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Asked, Vec<String>> {
        Asked::read(&value).map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn a_request_is_read_as_a_client_would_send_it() {
        let head = |value: Value| {
            let asked = read(value).unwrap();
            let head = asked.head().unwrap();
            let host = head.fields.get("Host").map(|host| String::from_utf8_lossy(host).into_owned());
            (asked.method, asked.target, host.unwrap())
        };
        let expected = |method: &str, target: &str, host: &str| (method.to_owned(), target.to_owned(), host.to_owned());
        assert_eq!(head(json!({"url": "http://h.org:81/a?b#c"})), expected("GET", "/a?b", "h.org:81"));
        assert_eq!(head(json!({"url": "HTTPS://h.org", "method": "POST"})), expected("POST", "/", "h.org"));
        assert_eq!(head(json!({"url": "http://h.org?q"})), expected("GET", "/?q", "h.org"));
        assert_eq!(head(json!({"url": "/a"})), expected("GET", "/a", "localhost"));
        let named = json!({"url": "http://h.org/", "headers": {"host": "other", "X": ["1", "2"]}});
        assert_eq!(head(named.clone()), expected("GET", "/", "other"));
        assert_eq!(read(named).unwrap().headers.len(), 3);
    }

    #[test]
    fn a_mount_that_restarts_is_not_said_to_refuse_what_it_may_hold() {
        assert_eq!(admission_in(Lifecycle::Restarting, true), "held_or_refused");
        assert_eq!(admission_in(Lifecycle::Restarting, false), "refused");
        assert_eq!(admission_in(Lifecycle::Starting, true), "held");
        for lifecycle in [Lifecycle::Open, Lifecycle::Draining, Lifecycle::Disabled, Lifecycle::Failed] {
            assert_eq!(admission_in(lifecycle, true), "refused", "{lifecycle:?}");
        }
    }

    #[test]
    fn no_line_can_be_smuggled_in_and_every_fault_is_told() {
        assert_eq!(read(json!([])).unwrap_err(), [""]);
        assert_eq!(read(json!({})).unwrap_err(), ["/url"]);
        for url in ["", "h.org", "http://h/ HTTP/1.1", "/a\r\nX: y", "ftp://h/"] {
            assert_eq!(read(json!({ "url": url })).unwrap_err(), ["/url"], "{url}");
        }
        let wrong = json!({
            "url": 5, "method": "A B", "x/y": 1, "headers": {"a b": "x", "X": "a\nb", "Y": [1]},
        });
        let pointers = ["/x~1y", "/method", "/url", "/headers/a b", "/headers/X", "/headers/Y"];
        assert_eq!(read(wrong).unwrap_err(), pointers);
        assert_eq!(read(json!({"url": "/", "headers": 5})).unwrap_err(), ["/headers"]);
    }
}
