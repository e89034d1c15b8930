//! The same requests go to Paste, served by waitress, and to Standin. What the
//! one origin behind them gets and what the clients get is compared line by
//! line: equal, or different for a reason that `table` lists.

use super::table::{Case, EVERYWHERE, table};
use crate::common::client::{Raw, Response};
use crate::common::eventually;
use crate::common::gate::Gate;
use crate::common::origin::{Origin, Request};
use crate::common::process::Standin;
use crate::common::scripts::Server;
use crate::common::wire::{End, lines, values};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Which proxies a case goes through. Within each kind the request's host
/// chooses, so any host is left for the first of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    Regular,
    Transparent,
    /// By prefix, and nothing else of the host.
    Mapped,
}

/// What reaches the origin and what reaches the client, as lines to compare:
/// names in lower case, sorted, without what is never the same twice.
#[derive(Debug, Default)]
struct Image {
    request: Vec<String>,
    reply: Vec<String>,
}

/// Fields of a reply that are the host server's own, not Paste's: its clock,
/// and what is between it and the client.
const OF_THE_HOST_SERVER: [&str; 3] = ["date", "connection", "transfer-encoding"];

/// One origin, and both proxies before it.
struct Beside {
    origin: Recorder,
    paste: [Server; 3],
    standin: [Standin; 3],
}

/// An origin that answers each connection's first request as it was last told
/// to, and closes.
struct Recorder {
    origin: Origin,
    answer: Arc<Mutex<Vec<u8>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    closed: Gate,
}

impl Recorder {
    fn start() -> Self {
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let closed = Gate::new();
        let script = {
            let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
            let closed = closed.clone();
            move |mut conn: crate::common::origin::Conn| {
                if let Some(request) = conn.request() {
                    requests.lock().unwrap().push(request);
                    let answer = answer.lock().unwrap().clone();
                    conn.send(answer);
                }
                drop(conn);
                closed.arrive();
            }
        };
        Self { origin: Origin::serve(script), answer, requests, closed }
    }

    fn address(&self) -> SocketAddr {
        self.origin.address
    }

    /// What came while something was done, once all of it is over.
    fn during<T>(&self, answer: &[u8], act: impl FnOnce() -> T) -> (T, Vec<Request>) {
        *self.answer.lock().unwrap() = answer.to_vec();
        let done = act();
        eventually("the origin has closed", || self.closed.count() == self.origin.connections());
        (done, std::mem::take(&mut *self.requests.lock().unwrap()))
    }
}

impl Beside {
    fn start() -> Self {
        let origin = Recorder::start();
        let address = origin.address().to_string();
        let paste = ["regular", "transparent", "mapped"]
            .map(|kind| Server::start_with("../paste/proxies.py", &[kind, &origin.address().to_string()]));
        let standin = [(); 3].map(|()| Standin::start());
        let mount = |standin: &Standin, mut mount: Value, more: Value| {
            let more = more.as_object().unwrap().clone();
            mount.as_object_mut().unwrap().extend(more);
            let made = standin.admin().post(&mount);
            assert_eq!(made.status, 201, "{}", made.value);
        };
        for (host, path, base, more) in [
            (None, "/", "/", json!({})),
            (Some("bare.test"), "/", "", json!({})),
            (Some("base.test"), "/", "/base/", json!({})),
            (Some("unfinished.test"), "/", "/base", json!({})),
            (Some("gate.test"), "/", "/", json!({ "allowed_request_methods": ["GET", "POST"] })),
            (
                Some("suppress.test"),
                "/",
                "/",
                json!({ "suppress_http_headers": ["cookie", "Accept-Encoding", "x-forwarded-for", "content-type"] }),
            ),
        ] {
            let matched = host.map_or(json!({ "path": path }), |host| json!({ "host": host, "path": path }));
            let address = format!("http://{address}{base}");
            let regular = json!({ "kind": "regular", "match": matched, "address": address, "disallowed_status": 400 });
            mount(&standin[0], regular, more);
        }
        for (path, base) in [("/p", "/base/"), ("/q", "")] {
            standin[2].admin().mount(path, &format!("http://{address}{base}"));
        }
        mount(&standin[1], json!({ "kind": "transparent", "force_host": address }), json!({}));
        let named = json!({ "kind": "transparent", "match": { "host": address }, "allowed_hosts": [address] });
        mount(&standin[1], named, json!({}));
        Self { origin, paste, standin }
    }

    /// What Paste does and what Standin does.
    fn images(&self, case: &Case) -> [Image; 2] {
        let at = match case.through {
            Through::Regular => 0,
            Through::Transparent => 1,
            Through::Mapped => 2,
        };
        [self.paste[at].address, self.standin[at].front].map(|proxy| self.image(case, proxy))
    }

    fn image(&self, case: &Case, proxy: SocketAddr) -> Image {
        let origin = self.origin.address().to_string();
        let send = replace(&case.send, b"ORIGIN", origin.as_bytes());
        let (reply, requests) = self.origin.during(&case.answer, || exchange(proxy, &send, case));
        assert!(requests.len() <= 1, "{}: sent {} times", case.fact, requests.len());
        let mut image = Image { request: Vec::new(), reply };
        for request in requests {
            image.request = request_lines(&request);
        }
        for line in image.request.iter_mut().chain(&mut image.reply) {
            *line = line.replace(&origin, "ORIGIN").replace(&proxy.to_string(), "PROXY");
        }
        image
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(at) => [&bytes[..at], to, &replace(&bytes[at + from.len()..], from, to)].concat(),
        None => bytes.to_vec(),
    }
}

/// Sends a case's request; the lines of all that comes back.
fn exchange(proxy: SocketAddr, send: &[u8], case: &Case) -> Vec<String> {
    let mut client = Raw::connect(proxy);
    client.send(send);
    if send.starts_with(b"HEAD ") {
        return reply_lines(&client.response_to_head(), case);
    }
    let mut interim = Vec::new();
    loop {
        let Ok(head) = client.try_head() else { return vec!["broken off".to_owned()] };
        if let Some(rest) = head.strip_prefix(b"HTTP/1.0 ") {
            // waitress could not read the request; Paste never saw it.
            return vec![format!("waitress: {}", lines(rest)[0].escape_ascii())];
        }
        let lengths = values(&head, "Content-Length");
        if lengths.len() > 1 || lengths.iter().any(|length| !length.iter().all(u8::is_ascii_digit)) {
            let lengths = lengths.join(&b" and "[..]);
            let line = lines(&head)[0].escape_ascii();
            return vec![format!("{line}, with the length {}", lengths.escape_ascii())];
        }
        match client.response_behind(head) {
            Ok(response) if response.status < 200 && response.status != 101 => {
                interim.push(lines(&response.head)[0].escape_ascii().to_string());
            }
            Ok(response) => return [interim, reply_lines(&response, case)].concat(),
            // How much came before is a matter of timing.
            Err(broken) => {
                assert_ne!(broken.end, End::Silent, "{}", case.fact);
                return vec!["broken off".to_owned()];
            }
        }
    }
}

fn reply_lines(response: &Response, case: &Case) -> Vec<String> {
    // An error page is each one's own: only its status and its kind count.
    let is_own = response.status >= 400 && memchr::memmem::find(&case.answer, &response.body).is_none();
    let mut found = image_of(&response.head, &response.body);
    found.retain(|line| match line.split_once(": ") {
        Some((name, _)) if is_own => matches!(name, "content-type" | "allow"),
        Some((name, _)) => !OF_THE_HOST_SERVER.contains(&name),
        None => true,
    });
    found
}

fn request_lines(request: &Request) -> Vec<String> {
    let mut found = image_of(&request.head, &request.body);
    for line in &mut found {
        if let Some(named) = line.strip_prefix("via: ") {
            *line = format!("via: {}", pseudonym_hidden(named));
        }
    }
    found
}

/// The pseudonym is another one in every process.
fn pseudonym_hidden(via: &str) -> String {
    let word = |word: &str| if word.starts_with("standin-") { "STANDIN".to_owned() } else { word.to_owned() };
    via.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The start line, the fields in the order of their names, the body.
fn image_of(head: &[u8], body: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = lines(head).into_iter().map(|line| line.escape_ascii().to_string()).collect();
    let mut fields: Vec<String> = found
        .split_off(1)
        .into_iter()
        .map(|line| match line.split_once(':') {
            Some((name, value)) => format!("{}: {}", name.to_ascii_lowercase(), value.trim()),
            None => line,
        })
        .collect();
    fields.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    found.extend(fields);
    if !body.is_empty() {
        found.push(format!("body: {}", body.escape_ascii()));
    }
    found
}

/// What only one of both has: `P> line` is what only Paste sent to the origin,
/// `S> line` only Standin; `P< line` and `S< line` is what their clients got.
/// Where only one sends at all, or the statuses differ, the first line tells.
fn differences(case: &Case, [paste, standin]: &[Image; 2]) -> Vec<String> {
    let mut found = Vec::new();
    match (paste.request.first(), standin.request.first()) {
        (Some(line), None) => found.push(format!("P> {line}")),
        (None, Some(line)) => found.push(format!("S> {line}")),
        _ => only(&mut found, '>', &paste.request, &standin.request),
    }
    match (&paste.reply[0], &standin.reply[0]) {
        (first, other) if first == other => only(&mut found, '<', &paste.reply, &standin.reply),
        (first, other) => found.extend([format!("P< {first}"), format!("S< {other}")]),
    }
    let host = lines(&case.send).into_iter().find_map(|line| line.strip_prefix(b"Host: "));
    let host = format!("x-forwarded-host: {}", host.unwrap_or_default().escape_ascii());
    found.iter().map(|line| line.replace(&host, "x-forwarded-host: HOST")).collect()
}

fn only(found: &mut Vec<String>, way: char, paste: &[String], standin: &[String]) {
    let lacks = |other: &[String], line: &String| !other.contains(line);
    found.extend(paste.iter().filter(|line| lacks(standin, line)).map(|line| format!("P{way} {line}")));
    found.extend(standin.iter().filter(|line| lacks(paste, line)).map(|line| format!("S{way} {line}")));
}

/// The lines that the table lists for a case.
fn listed(case: &Case, [paste, standin]: &[Image; 2]) -> Vec<String> {
    let own = case.differs.iter().flat_map(|(_, lines)| *lines).map(|line| (*line).to_owned());
    let both_sent = !paste.request.is_empty() && !standin.request.is_empty();
    let general = EVERYWHERE.iter().filter(|general| both_sent && (general.when)(case));
    own.chain(general.map(|general| general.line.to_owned())).collect()
}

#[test]
fn standin_does_what_paste_does_or_differs_for_a_listed_reason() {
    let beside = Beside::start();
    let mut wrong = Vec::new();
    for case in &table() {
        let images = beside.images(case);
        let (found, listed) = (differences(case, &images), listed(case, &images));
        let unlisted = found.iter().filter(|line| !listed.contains(line)).map(|line| format!("  not listed: {line}"));
        let absent = listed.iter().filter(|line| !found.contains(line)).map(|line| format!("  only listed: {line}"));
        let told: Vec<String> = unlisted.chain(absent).collect();
        if !told.is_empty() {
            wrong.push(format!("{}\n{}", case.fact, told.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_difference_has_a_reason_and_every_case_another_name() {
    let table = table();
    for case in &table {
        assert_eq!(table.iter().filter(|other| other.fact == case.fact).count(), 1, "{}", case.fact);
        for (because, lines) in case.differs {
            assert!(!because.is_empty() && !lines.is_empty(), "{}", case.fact);
        }
    }
}
