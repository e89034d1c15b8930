//! The access log: a line for every exchange, with what happened and nothing
//! that was secret.

use crate::common::PATIENCE;
use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::Value;
use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

/// A server that keeps a log, and where.
fn logging(format: &str) -> (Standin, PathBuf) {
    let launch = Launch::new();
    let path = launch.home().join("access.log");
    let standin = launch.with(&["--access-log", path.to_str().unwrap(), "--access-log-format", format]).start();
    (standin, path)
}

/// The lines, once there are that many.
fn lines(path: &PathBuf, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count && text.ends_with('\n') {
            assert_eq!(lines.len(), count, "{text}");
            return lines;
        }
        assert!(Instant::now() < deadline, "{count} lines were waited for, and there is {text}");
        std::thread::yield_now();
    }
}

fn entries(path: &PathBuf, count: usize) -> Vec<Value> {
    lines(path, count).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_exchange_leaves_its_facts() {
    let origin = Origin::answering("0123456789");
    let (standin, path) = logging("json");
    standin.admin().mount("/app", &origin.url());
    let id = standin.admin().get("/v1/mounts").value["mounts"][0]["id"].clone();
    let mut client = Raw::connect(standin.front);
    client.send(
        "POST /app/x?a=1 HTTP/1.1\r\nHost: h:80\r\nUser-Agent: me\r\nReferer: http://r/\r\nContent-Length: 3\r\n\r\nabc",
    );
    client.response();
    client.get("/app/y");
    let entries = entries(&path, 2);
    let first = &entries[0];
    for (name, expected) in [
        ("method", "POST"),
        ("target", "/app/x?a=1"),
        ("version", "HTTP/1.1"),
        ("host", "h:80"),
        ("user_agent", "me"),
        ("referer", "http://r/"),
        ("client", "127.0.0.1"),
        ("upstream", &origin.address.to_string()),
        ("end", "complete"),
    ] {
        assert_eq!(first[name], expected, "{name} in {first}");
    }
    assert_eq!((&first["mount"], &first["status"]), (&id, &Value::from(200)));
    assert_eq!((&first["received_bytes"], &first["sent_bytes"]), (&3.into(), &10.into()));
    assert_eq!((&first["upstream_reused"], &entries[1]["upstream_reused"]), (&false.into(), &true.into()));
    assert!(first["connect_ms"].is_number() && entries[1]["connect_ms"].is_null());
    let (first_byte, total) = (first["first_byte_ms"].as_f64().unwrap(), first["total_ms"].as_f64().unwrap());
    assert!(0.0 < first_byte && first_byte <= total, "{first}");
    assert_ne!(first["request_id"], entries[1]["request_id"]);
}

#[test]
fn however_an_exchange_ends_it_leaves_one_line_that_says_how() {
    let (arrived, ended) = (Gate::new(), Gate::new());
    let origin = {
        let (arrived, ended) = (arrived.clone(), ended.clone());
        Origin::serve(move |mut conn| {
            let Some(request) = conn.request() else { return };
            let line = request.line();
            if line.contains("/short") {
                conn.answer_short_of("12345", 5);
            } else if line.contains("/tunnel") {
                conn.send("HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n");
                while conn.echo() {}
            } else if line.contains("/silent") {
                arrived.arrive();
                conn.until_end();
                ended.arrive();
            }
        })
    };
    let (standin, path) = logging("json");
    standin.admin().mount("/", &origin.url());
    let seen = Cell::new(0);
    let last = || {
        seen.set(seen.get() + 1);
        entries(&path, seen.get()).pop().unwrap()
    };
    let outcome = |entry: Value| (entry["end"].as_str().unwrap().to_owned(), entry["status"].as_u64());

    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().status, 400);
    let entry = last();
    assert_eq!((&entry["method"], &entry["target"]), (&"GET".into(), &"/".into()), "its head was well-formed");
    assert_eq!(outcome(entry), ("refused".into(), Some(400)));

    let mut client = Raw::connect(standin.front);
    client.send("HEAD  / HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(last()["target"].is_null(), "nothing of it is known");

    let mut client = Raw::connect(standin.front);
    client.send("HEAD / HTTP/1.1\r\nHost: a, b\r\n\r\n");
    assert_eq!(client.response_to_head().status, 400);
    client.expect_closed();
    assert_eq!(outcome(last()), ("refused".into(), Some(400)));

    assert_eq!(get(standin.front, "/closes").status, 502);
    assert_eq!(outcome(last()), ("upstream_failed".into(), Some(502)));

    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/short"));
    client.try_response().unwrap_err();
    let entry = last();
    assert_eq!(entry["sent_bytes"], 5);
    assert_eq!(outcome(entry), ("upstream_failed".into(), Some(200)));

    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/silent"));
    arrived.wait();
    drop(client);
    ended.wait();
    assert_eq!(outcome(last()), ("client_gone".into(), Some(499)));

    let mut client = Raw::connect(standin.front);
    client.send("GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n12345");
    client.head();
    assert_eq!(client.part(5), b"12345");
    client.finish();
    client.rest();
    let entry = last();
    assert_eq!((&entry["sent_bytes"], &entry["received_bytes"]), (&5.into(), &5.into()));
    assert_eq!(outcome(entry), ("tunnel".into(), Some(101)));

    let mut tunnel = Raw::connect(standin.front);
    tunnel.send("GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n12345");
    tunnel.head();
    assert_eq!(tunnel.part(5), b"12345");

    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/silent"));
    arrived.wait_for(2);
    let id = standin.admin().get("/v1/mounts").value["mounts"][0]["id"].as_str().unwrap().to_owned();
    standin.admin().delete(&format!("{id}?drain_ms=0"));
    assert_eq!(client.response().status, 503);
    tunnel.rest();
    let cut = entries(&path, seen.get() + 2);
    let [.., one, other] = &cut[..] else { panic!("two lines") };
    let (of_tunnel, of_request) = if one["status"] == 101 { (one, other) } else { (other, one) };
    assert_eq!((&of_tunnel["sent_bytes"], &of_tunnel["received_bytes"]), (&5.into(), &5.into()));
    assert_eq!(outcome(of_tunnel.clone()), ("cut".into(), Some(101)));
    assert_eq!(outcome(of_request.clone()), ("cut".into(), Some(503)));
}

#[test]
fn a_line_carries_no_secret_and_no_control_byte() {
    let origin = Origin::answering("");
    for format in ["common", "combined", "json"] {
        let (standin, path) = logging(format);
        standin.admin().mount("/", &origin.url());
        let mut client = Raw::connect(standin.front);
        client.send(
            b"GET /x?access_token=SECRET1&b=2 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer SECRET2\r\n\
              Cookie: session=SECRET3\r\nReferer: http://user:SECRET4@h/?sig=SECRET5\r\n\
              User-Agent: \"quote\\ \xff\t end\r\n\r\n",
        );
        assert_eq!(client.response().status, 200);
        client.get("/%0d%0aInjected:%20x");
        let lines = lines(&path, 2);
        for line in &lines {
            assert!(!line.contains("SECRET"), "{line}");
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
        }
        assert!(lines[0].contains("b=2"), "{}", lines[0]);
        assert!(lines[1].contains("%0d%0aInjected"), "{}", lines[1]);
    }
}

#[test]
fn a_log_that_was_moved_away_is_begun_anew_at_sighup() {
    let origin = Origin::answering("");
    let (standin, path) = logging("common");
    standin.admin().mount("/", &origin.url());
    get(standin.front, "/before");
    assert!(lines(&path, 1)[0].contains("/before"));
    let moved = path.with_extension("1");
    std::fs::rename(&path, &moved).unwrap();
    standin.signal("HUP");
    let deadline = Instant::now() + PATIENCE;
    while !path.exists() {
        assert!(Instant::now() < deadline, "the log is not opened again");
        std::thread::yield_now();
    }
    get(standin.front, "/after");
    assert!(lines(&path, 1)[0].contains("/after"));
    assert_eq!(lines(&moved, 1).len(), 1);
}

/// Standard output is for the log alone, or the token of the greeting would be in it.
#[test]
fn a_log_on_standard_output_has_it_for_itself() {
    let origin = Origin::answering("");
    let launch = Launch::new();
    let path = launch.home().join("stdout");
    let mount = format!("/={}", origin.url());
    let apart = format!(r#"exec "$0" "$@" 2>&1 1>{}"#, path.display());
    let mut standin = launch
        .with(&["--mount", &mount, "--access-log", "-", "--access-log-format", "json"])
        .through_sh(&apart)
        .start();
    get(standin.front, "/x");
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    let entries = entries(&path, 1);
    assert_eq!(entries[0]["target"], "/x");
}
