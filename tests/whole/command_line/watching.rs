//! What happens, as it happens: watch, traffic, and what is known without.

use super::Run;
use crate::common::client::get;
use crate::common::eventually;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use crate::common::running::{Running, Watch};
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

const NOWHERE: &str = "http://127.0.0.1:9/";

fn begin(launch: &Launch, arguments: &[&str]) -> Running {
    Running::start(launch.binary().args(arguments), Watch::Both)
}

/// The next line that is JSON and wanted.
fn event(watching: &Running, wanted: impl Fn(&Value) -> bool) -> Value {
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    let lines = watching.lines_until(|line| read(line).is_some_and(|event| wanted(&event))).unwrap();
    read(lines.last().unwrap()).unwrap()
}

/// Waits until that many streams are open, so that what happens next is told.
fn watched(standin: &Standin, begun: &Running) {
    let file = format!("/proc/{}/net/tcp", begun.id());
    let port = format!(":{:04X}", standin.admin_address().port());
    eventually("the stream is asked for", || {
        let connections = std::fs::read_to_string(&file).unwrap_or_default();
        connections.lines().any(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            columns.get(2).is_some_and(|remote| remote.ends_with(&port)) && columns.get(3) == Some(&"01")
        })
    });
}

#[test]
fn changes_are_told_as_they_are_made() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a", "--reason", "why not"]);
    let (all, of_b) =
        (begin(run, &["watch", "--since", "0", "--json"]), begin(run, &["watch", "--since", "0", "--mount", "b"]));
    let first = event(&all, |event| event["id"] == 1);
    assert_eq!((&first["event"], &first["data"]["mount"]), (&json!("create"), &json!("a")));
    assert_eq!(first["data"]["why"], "why not");
    run.done(&["mount", "add", "/b", NOWHERE, "--id", "b"]);
    assert_eq!(event(&all, |event| event["id"] == 2)["data"]["mount"], "b");
    let lines = of_b.lines_until(|line| line.contains("#2  create  b")).unwrap();
    assert!(lines.iter().all(|line| !line.contains("  a  ")), "{lines:?}");
    run.done(&["mount", "pause", "b"]);
    // What a mount becomes is told beside the change, before or behind it.
    let (changed, became) = (Cell::new(false), Cell::new(false));
    event(&all, |event| {
        let is_paused = event["data"]["state"] == "paused";
        changed.set(changed.get() || event["event"] == "pause" && event["id"] == 3);
        became.set(became.get() || event["event"] == "state" && event["id"].is_null() && is_paused);
        changed.get() && became.get()
    });
}

#[test]
fn watching_goes_on_when_the_server_comes_back_and_misses_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let launch = Launch::with_data_dir().with(&["--listen", "127.0.0.1:0", "--admin", &address]);
    let standin = launch.start();
    let watching = begin(&launch, &["watch", "--json"]);
    watched(&standin, &watching);
    launch.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    event(&watching, |event| event["id"] == 1);
    drop(standin);
    let told = watching.lines_until(|line| line.contains("asking again")).unwrap();
    assert!(told.last().unwrap().contains("behind 1"), "{told:?}");
    let standin = launch.start();
    launch.done(&["mount", "add", "/b", NOWHERE, "--id", "b"]);
    // Neither the first one again, nor anything between.
    assert_eq!(event(&watching, |event| event["id"].is_number())["id"], 2);
    drop(standin);
}

#[test]
fn a_stream_that_is_over_for_good_says_only_why() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let token = run.done(&["token", "add", "short", "--read-only"]);
    let traffic = begin(run, &["traffic", "a"]);
    let watching = begin(run, &["watch", "--token", token.trim()]);
    for (begun, last, why) in [
        (&watching, &["token", "rm", "short"][..], "STANDIN_TOKEN"),
        (&traffic, &["mount", "rm", "a"], "standin mount list"),
    ] {
        watched(&standin, begun);
        run.done(last);
        let lines = begun.lines_until(|line| line.contains(why)).unwrap();
        assert!(lines.iter().all(|line| !line.contains("asking again")), "{lines:?}");
    }
}

#[test]
fn a_stream_ends_with_who_reads_it() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    // Nothing more happens, so only the closed pipe can tell.
    for arguments in [&["watch", "--since", "0"][..], &["traffic", "a"]] {
        let mut command = run.binary();
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        if arguments[0] == "watch" {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            assert!(line.contains("create"), "{line}");
        }
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn ctrl_c_ends_a_stream_as_it_ends_any_program() {
    let standin = Standin::start();
    let mut watching = begin(&standin.launch, &["watch"]);
    watched(&standin, &watching);
    watching.signal("INT");
    assert_eq!(watching.exit().signal(), Some(2), "shells say 130");
}

#[test]
fn what_cannot_be_watched_is_told_at_once() {
    let standin = Standin::start();
    let run = &standin.launch;
    let told = run.refused(3, &["traffic", "nobody"]);
    assert!(told.contains("nobody"), "{told}");
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let wrong =
        [("--status", "red"), ("--status", "9xx"), ("--sample", "0"), ("--path-prefix", "a"), ("--method", "(")];
    for (name, value) in wrong {
        let told = run.refused(2, &["traffic", "a", name, value]);
        assert!(told.contains(&format!("{name}: ")), "{name} {value}: {told}");
    }
    assert!(run.refused(3, &["watch", "--type", "nonsense"]).contains("types takes"));
    assert!(run.refused(1, &["watch", "--server", "http://127.0.0.1:9"]).contains("standin serve"));
}

#[test]
fn requests_are_told_as_they_end() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", &origin.url(), "--id", "a"]);
    let watching = [
        begin(run, &["traffic", "a", "--json", "--path-prefix", "/a/wanted", "--method", "GET"]),
        begin(run, &["traffic", "a", "--status", "2xx"]),
    ];
    for watching in &watching {
        // It is asked for from the first request on that is told.
        eventually("the stream is open", || {
            assert_eq!(get(standin.front, "/a/wanted/first?token=secret").status, 200);
            watching.line_that_came().is_some_and(|line| line.contains("/a/wanted/first"))
        });
    }
    // One after the other: each is told when it has ended, which is after its client has its answer.
    assert_eq!(get(standin.front, "/a/other").status, 200);
    let mut lines = watching[1].lines_until(|line| line.contains("  200  GET  /a/other  ")).unwrap();
    assert_eq!(get(standin.front, "/a/wanted/last").status, 200);
    let last = event(&watching[0], |event| !event["data"]["target"].as_str().unwrap_or_default().contains("first"));
    assert_eq!((&last["data"]["target"], &last["data"]["status"]), (&json!("/a/wanted/last"), &json!(200)));
    lines.extend(watching[1].lines_until(|line| line.contains("/a/wanted/last")).unwrap());
    assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
}

#[test]
fn who_answers_a_request_and_why_is_explained() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", "http://127.0.0.1:9/base/", "--id", "a", "--host", "x.org"]);
    run.done(&["mount", "add", "/", NOWHERE, "--id", "rest"]);
    let told = run.done(&["explain", "http://x.org/a/b?c", "--header", "X-Real-IP: 1.2.3.4"]);
    for part in ["a answers, for x.org/a", "not rest, for */:", "http://127.0.0.1:9/base/b?c", "GET /base/b?c"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(run.json(&["explain", "http://y.org/a/b"])["mount"], "rest");
    run.done(&["mount", "rm", "rest"]);
    let told = run.done(&["explain", "/nothing", "--method", "POST"]);
    assert!(told.starts_with("no mount answers\nit is refused with 404"), "{told}");
    assert!(run.refused(3, &["explain", "ftp://h/"]).contains("/url"));
}

#[test]
fn the_numbers_of_a_mount_and_of_all_are_told() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", &origin.url(), "--id", "a"]);
    for _ in 0..3 {
        assert_eq!(get(standin.front, "/a").text(), "body");
    }
    eventually("the requests are counted", || run.json(&["stats", "a"])["requests"]["total"] == 3);
    let told = run.done(&["stats", "a"]);
    assert!(told.contains("requests") && !told.contains("below") && !told.contains("by_second"), "{told}");
    assert!(run.json(&["stats"]).is_object());
    assert!(run.refused(3, &["stats", "nobody"]).contains("nobody"));
}
