//! Thousands of edits elsewhere, and what is in progress on a mount does not
//! notice: requests, server-sent events, WebSockets.

use crate::common::client::{Raw, request};
use crate::common::origin::{Conn, Origin};
use crate::common::pattern::Pattern;
use crate::common::process::{Launch, Standin};
use crate::common::wire::value;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

const WEBSOCKETS: usize = 1000;

/// Who edits at a time, each on a connection of its own.
const EDITORS: usize = 20;

/// Mounts that each of them makes, changes and deletes one by one.
const CYCLES: usize = 40;

/// Of each of them, until something is done at mount B again.
const EDITS_PER_STEP: usize = 5;

/// Imports that another one makes, and mounts in each: half of them are new,
/// the others move those before.
const IMPORTS: usize = 19;
const IMPORTED: usize = 400;

const GRANT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const ASK: &str = "GET /b/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// An event that each test step asks for.
fn event(number: usize) -> String {
    format!("id: {number}\ndata: event {number} of the stream\n\n")
}

fn content() -> Vec<u8> {
    Pattern::new(7).block(64 * 1024)
}

/// Grants upgrades and echoes, sends an event at each tick, and answers all
/// else with the content.
fn origin(ticks: Receiver<()>) -> Origin {
    let (ticks, content) = (Mutex::new(ticks), content());
    Origin::serve(move |mut conn| {
        while let Some(head) = conn.head() {
            if value(&head, "Upgrade").is_some() {
                conn.send(GRANT);
                while conn.echo() {}
                return;
            }
            if head.starts_with(b"GET /events ") {
                return stream(&mut conn, &ticks.lock().unwrap());
            }
            conn.answer(&content);
        }
    })
}

/// Ends when nobody can tick any more.
fn stream(conn: &mut Conn, ticks: &Receiver<()>) {
    conn.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (number, ()) in ticks.iter().enumerate() {
        conn.send(event(number));
    }
}

/// All that goes on at mount B.
struct Traffic {
    standin: Standin,
    ticks: Sender<()>,
    plain: Raw,
    events: Raw,
    sockets: Vec<Raw>,
    expected: Vec<u8>,
    steps: usize,
}

impl Traffic {
    fn start(standin: Standin, ticks: Sender<()>) -> Self {
        let sockets = (0..WEBSOCKETS).map(|_| {
            let mut socket = Raw::connect(standin.front);
            socket.send(ASK);
            assert!(socket.head().starts_with(b"HTTP/1.1 101 "));
            socket
        });
        let sockets = sockets.collect();
        let mut events = Raw::connect(standin.front);
        events.send(request("GET", "/b/events"));
        assert_eq!(value(&events.head(), "Content-Type"), Some("text/event-stream"));
        let plain = Raw::connect(standin.front);
        Self { standin, ticks, plain, events, sockets, expected: content(), steps: 0 }
    }

    fn echo(&mut self, number: usize) {
        let said = format!("{number} says {}", self.steps);
        let socket = &mut self.sockets[number];
        socket.send(&said);
        assert_eq!(socket.part(said.len()), said.as_bytes(), "WebSocket {number}");
    }

    fn echo_all(&mut self) {
        (0..WEBSOCKETS).for_each(|number| self.echo(number));
    }

    /// One request, one event, and some of the WebSockets.
    fn step(&mut self) {
        let response = self.plain.get("/b/content");
        assert!(response.status == 200 && response.body == self.expected, "request {}", self.steps);
        if response.field("Connection") == Some("close") {
            // It has served as many as a connection does, and says so.
            self.plain = Raw::connect(self.standin.front);
        }
        self.ticks.send(()).unwrap();
        let event = event(self.steps);
        let part = self.next_of_events(event.len());
        assert_eq!(String::from_utf8_lossy(&part), event);
        for next in 0..20 {
            self.echo((self.steps * 20 + next) % WEBSOCKETS);
        }
        self.steps += 1;
    }

    /// The content of the one chunk that an event comes in.
    fn next_of_events(&mut self, length: usize) -> Vec<u8> {
        let head = format!("{length:x}\r\n");
        assert_eq!(self.events.part(head.len()).to_ascii_lowercase(), head.as_bytes());
        let content = self.events.part(length);
        assert_eq!(self.events.part(2), b"\r\n");
        content
    }
}

/// A connection to the admin API that is used again and again.
struct Editor {
    standin: std::net::SocketAddr,
    token: String,
    connection: Raw,
    edits: usize,
    /// Told now and then that it gets on.
    progress: Sender<()>,
}

impl Editor {
    fn new(standin: &Standin, progress: &Sender<()>) -> Self {
        let address = standin.admin_address();
        let (connection, progress) = (Raw::connect(address), progress.clone());
        Self { standin: address, token: standin.token(), connection, edits: 0, progress }
    }

    fn call(&mut self, method: &str, path: &str, content: &Value, expected: u16) {
        let content = if content.is_null() { String::new() } else { content.to_string() };
        let message = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{content}",
            self.standin,
            self.token,
            content.len()
        );
        self.connection.send(message);
        let response = self.connection.response();
        assert_eq!(response.status, expected, "{method} {path}: {}", response.text());
        if response.field("Connection") == Some("close") {
            self.connection = Raw::connect(self.standin);
        }
    }

    fn edit(&mut self, method: &str, path: &str, content: &Value, expected: u16) {
        self.call(method, path, content, expected);
        self.edits += 1;
        if self.edits.is_multiple_of(EDITS_PER_STEP) {
            self.progress.send(()).unwrap();
        }
    }
}

fn elsewhere(id: &str, path: &str) -> Value {
    json!({ "id": id, "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:9/" })
}

/// Makes, moves and deletes mounts, one by one.
fn edit_one_by_one(mut editor: Editor, number: usize) -> usize {
    for cycle in 0..CYCLES {
        // Beside B, above it and below it in the tree.
        let id = format!("e{number}-{cycle}");
        let (path, moved) = (format!("/e{number}/{cycle}"), format!("/b/below/{number}/{cycle}"));
        editor.edit("POST", "/v1/mounts", &elsewhere(&id, &path), 201);
        editor.edit("PUT", &format!("/v1/mounts/{id}"), &elsewhere(&id, &moved), 200);
        editor.edit("DELETE", &format!("/v1/mounts/{id}"), &Value::Null, 204);
    }
    editor.edits
}

/// Makes many mounts at once, and moves as many at once.
fn import(mut editor: Editor) -> usize {
    for round in 0..IMPORTS {
        let mounts = (0..IMPORTED).map(|number| {
            let id = format!("i{}-{number}", round / 2);
            elsewhere(&id, &format!("/b/imported/{round}/{number}"))
        });
        editor.call("POST", "/v1/import", &json!({ "mounts": mounts.collect::<Vec<_>>() }), 200);
        editor.edits += IMPORTED;
    }
    editor.edits
}

#[test]
fn ten_thousand_edits_elsewhere_drop_nothing() {
    // Both ends of all connections are here.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let (ticks, ticked) = channel();
    let origin = origin(ticked);
    let standin = Launch::new().with(&["--connections-max", "2048"]).start();
    let made = standin.admin().post(&json!({
        "id": "b", "kind": "regular", "match": { "path": "/b" }, "address": origin.url(),
        "limits": { "tunnels_max": WEBSOCKETS },
    }));
    assert_eq!(made.status, 201, "{}", made.value);
    let admin = standin.admin();
    let (progress, progressed) = channel();
    let editors: Vec<_> = (0..=EDITORS).map(|_| Editor::new(&standin, &progress)).collect();
    drop(progress);
    let mut traffic = Traffic::start(standin, ticks);
    traffic.echo_all();

    let edits: usize = std::thread::scope(|scope| {
        let running = editors.into_iter().enumerate().map(|(number, editor)| {
            scope.spawn(move || if number < EDITORS { edit_one_by_one(editor, number) } else { import(editor) })
        });
        let running: Vec<_> = running.collect();
        // Until all editors have ended.
        progressed.iter().for_each(|()| traffic.step());
        running.into_iter().map(|editor| editor.join().unwrap()).sum()
    });

    assert_eq!((edits, traffic.steps), (10_000, 3 * EDITORS * CYCLES / EDITS_PER_STEP));
    traffic.echo_all();
    traffic.step();
    let b = admin.get("/v1/mounts/b").value;
    assert_eq!((&b["tunnels"], &b["restarts"]), (&json!(WEBSOCKETS), &json!(0)));
}
