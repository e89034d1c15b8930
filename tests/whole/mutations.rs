//! Messages with random faults in them: whatever is made of them, nobody loses
//! count of where a message ends. Every seed is fixed, so a failure comes again.

use crate::common::client::{Raw, get, request};
use crate::common::origin::{Conn, Origin};
use crate::common::pattern::Pattern;
use crate::common::process::Standin;
use crate::common::wire::{End, lines, values};
use serde_json::{Value, json};

/// What faults are made of.
const PIECES: [&[u8]; 24] = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"\x7f",
    b"\xff",
    b"0",
    b"1",
    b"9",
    b"f",
    b"%2e%2e/",
    b"/",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: x\r\n",
    b"chunked",
    b"HTTP/1.1",
    b"GET / HTTP/1.1\r\nHost: hidden\r\n\r\n",
];

/// That message with one to three faults.
fn mutated(message: &[u8], random: &mut Pattern) -> Vec<u8> {
    let mut message = message.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(message.len());
        let piece = PIECES[random.below(PIECES.len())];
        let removed = [0, 1, piece.len()][random.below(3)].min(message.len() - at);
        let inserted: &[u8] = if random.below(4) == 0 { b"" } else { piece };
        message.splice(at..at + removed, inserted.iter().copied());
        if message.is_empty() {
            break;
        }
    }
    message
}

/// What reaches an upstream is sound, whatever it was made of.
fn check_sound(head: &[u8]) {
    let told = head.escape_ascii();
    let lines = lines(head);
    assert_eq!(lines[0].split(|byte| *byte == b' ').count(), 3, "{told}");
    assert!(lines[0].ends_with(b" HTTP/1.1"), "{told}");
    assert!(!head.iter().any(|byte| matches!(byte, 0 | 0x7f)), "{told}");
    let count = |name| values(head, name).len();
    assert_eq!(count("Host"), 1, "{told}");
    assert!(count("Content-Length") + count("Transfer-Encoding") <= 1, "{told}");
    for line in &lines[1..] {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or_else(|| panic!("no field: {told}"));
        let name = &line[..colon];
        assert!(!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic()), "{told}");
        assert!(!line.contains(&b'\r') && !line.contains(&b'\n'), "{told}");
    }
}

#[test]
fn mutated_requests_reach_the_upstream_sound_or_not_at_all() {
    let origin = Origin::serve(|mut conn| {
        while let Some(head) = conn.head() {
            check_sound(&head);
            let Some(body) = conn.body(&head) else { return };
            conn.answer(body);
        }
    });
    let standin = Standin::start();
    let at_rest = standin.at_rest();
    standin.admin().mount("/", &origin.url());
    let bases: [&[u8]; 4] = [
        b"GET /a/b?c HTTP/1.1\r\nHost: standin.test\r\nAccept: */*\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: standin.test\r\nContent-Length: 11\r\n\r\nhello world",
        b"POST /a HTTP/1.1\r\nHost: standin.test\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n",
        b"GET /1 HTTP/1.1\r\nHost: standin.test\r\n\r\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ];
    let mut random = Pattern::new(1);
    let mut answers = 0;
    for round in 0..3000 {
        let sent = mutated(bases[round % bases.len()], &mut random);
        let mut client = Raw::connect(standin.front);
        client.try_send(&sent);
        client.finish();
        let end = loop {
            match client.try_response() {
                // Asked whether it is there, since it has said all that it will.
                Ok(response) if response.status == 100 => {}
                Ok(response) => {
                    assert!(matches!(response.status, 200..=599), "{}", sent.escape_ascii());
                    answers += 1;
                }
                Err(broken) => break broken.end,
            }
        };
        assert_ne!(end, End::Silent, "round {round}: {}", sent.escape_ascii());
    }
    assert!(origin.heads() <= answers, "{} requests were made of {answers}", origin.heads());
    assert_eq!(get(standin.front, "/").status, 200);
    standin.check_at_rest_again(at_rest);
}

#[test]
fn mutated_responses_do_not_reach_the_next_request() {
    let bases: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    ];
    let mut random = Pattern::new(2);
    let cases: Vec<Vec<u8>> = (0..2000).map(|round| mutated(bases[round % bases.len()], &mut random)).collect();
    let (bad, good) = (Origin::sending_case(&cases), Origin::answering("good"));
    let standin = Standin::start();
    let at_rest = standin.at_rest();
    standin.admin().mount("/bad", &bad.url());
    standin.admin().mount("/good", &good.url());
    for (number, sent) in cases.iter().enumerate() {
        let told = sent.escape_ascii();
        let mut client = Raw::connect(standin.front);
        client.send([request("GET", &format!("/bad/{number}")), request("GET", "/good")].concat());
        let last = loop {
            match client.try_response() {
                Ok(response) if response.status < 200 => {}
                other => break other,
            }
        };
        match last {
            Ok(response) if response.field("Connection").is_none() => {
                assert_eq!(client.response().text(), "good", "case {number}: {told}");
            }
            Ok(_) => client.expect_closed(),
            Err(broken) => assert_ne!(broken.end, End::Silent, "case {number}: {told}"),
        }
    }
    assert_eq!(bad.heads(), cases.len(), "nothing was sent again");
    standin.check_at_rest_again(at_rest);
}

/// Answers with the token of the request, or goes wrong on the way.
fn unreliable(mut conn: Conn) {
    let mut random = Pattern::new(1000 + conn.index as u64);
    while let Some(request) = conn.request() {
        let token = request.line();
        let body = format!("{token} {}", "x".repeat(random.below(40_000)));
        match random.below(12) {
            0 => return,
            1 => return conn.reset(),
            2 => return conn.answer_short_of(&body, 1),
            3 => {
                return conn
                    .send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}", body.len()));
            }
            4 => return conn.send(format!("HTTP/1.1 200 OK\r\n\r\n{body}")),
            5 => {
                // In one segment: what comes after the next request was sent
                // cannot be told from its answer.
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token} ", token.len() + 1);
                conn.send(answer.repeat(2));
            }
            6 => conn.send(format!(
                "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: {}\r\n\r\n{token} ",
                token.len() + 1
            )),
            7 => return conn.send("HTTP/1.1 nonsense\r\n\r\n"),
            _ => conn.answer(&body),
        }
    }
}

#[test]
fn among_faults_and_cancels_no_answer_reaches_another_request() {
    let origin = Origin::serve(unreliable);
    let standin = Standin::start();
    let at_rest = standin.at_rest();
    standin.admin().mount("/", &origin.url());
    let front = standin.front;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                let mut random = Pattern::new(thread);
                let mut client = Raw::connect(front);
                for number in 0..600 {
                    let target = format!("/{thread}-{number}");
                    client.send(request("GET", &target));
                    if random.below(8) == 0 {
                        // Gone in the middle of it.
                        client = Raw::connect(front);
                        continue;
                    }
                    let last = loop {
                        match client.try_response() {
                            Ok(response) if response.status < 200 => {}
                            other => break other,
                        }
                    };
                    match last {
                        Ok(response) if matches!(response.status, 200 | 404) => {
                            let token = format!("GET {target} HTTP/1.1 ");
                            assert!(response.text().starts_with(&token), "{target} got {}", response.text());
                            assert!(!response.text()[token.len()..].contains("GET"), "{target} got two answers");
                        }
                        Ok(response) => assert_eq!(response.status, 502, "{target}"),
                        Err(broken) => {
                            assert_ne!(broken.end, End::Silent, "{target}");
                            client = Raw::connect(front);
                        }
                    }
                }
            });
        }
    });
    standin.check_at_rest_again(at_rest);
}

/// A value for a member of a mount, sound or not.
fn some_value(random: &mut Pattern) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!(""),
        json!("/"),
        json!("/a"),
        json!("/a/../b"),
        json!("/%2e"),
        json!("http://h/"),
        json!("http://h:1/x"),
        json!("HTTP://H"),
        json!("https://h/"),
        json!("http://"),
        json!("http://h/ä"),
        json!("http://h/%zz"),
        json!("http://[::1]:80/"),
        json!("http://h:/"),
        json!("regular"),
        json!("transparent"),
        json!("*.example.org"),
        json!("example.org:80"),
        json!("ä.example"),
        json!("h\u{0}"),
        json!("[::1]"),
        json!("127.0.0.1:1"),
        json!("http"),
        json!("x"),
        json!("x".repeat(3000)),
        json!([]),
        json!(["GET"]),
        json!(["a b"]),
        json!([5]),
        json!(["*.x.org:80", "y.org"]),
        json!(vec!["GET"; 300]),
        json!({}),
        json!({ "path": "/a" }),
        json!({ "path": "/a", "host": "H.org" }),
        json!({ "path": 5 }),
        json!({ "x": "y" }),
        json!(true),
        json!(400),
        json!("10.0.0.0/8 ::1"),
        json!({ "x_forwarded": "append", "via": "block", "trusted_peers": ["10.0.0.0/8"] }),
        json!({ "location": true, "cookies": 1, "body": [{ "media_types": "text/*", "from": "a", "to": "" }] }),
        json!({ "set": { "A": "{host}", "a b": "", "Content-Length": "1" }, "add": { "B": "{nobody}" }, "remove": "C D" }),
        json!({ "ca_file": "/nowhere", "server_name": "h:1", "min_version": "1.3", "insecure_skip_verify": true }),
        json!({ "basic": { "htpasswd_file": "/nowhere" }, "headers": { "X-User": "{user}" }, "sign": { "key_id": "k" } }),
    ];
    values[random.below(values.len())].clone()
}

#[test]
fn any_json_is_answered_as_the_contract_says() {
    const NAMES: [&str; 27] = [
        "enabled",
        "lease",
        "labels",
        "metadata",
        "id",
        "kind",
        "match",
        "address",
        "allowed_request_methods",
        "suppress_http_headers",
        "force_host",
        "force_scheme",
        "allowed_hosts",
        "strip_prefix",
        "host_header",
        "disallowed_status",
        "allow_addresses",
        "tls",
        "forwarded",
        "identity",
        "rewrite",
        "request_headers",
        "response_headers",
        "traceparent",
        "limits",
        "timeouts",
        "other",
    ];
    let standin = Standin::start();
    let admin = standin.admin();
    let bases = [
        json!({ "kind": "regular", "address": "http://127.0.0.1:1/" }),
        json!({ "kind": "transparent", "force_host": "127.0.0.1:1" }),
        json!({ "kind": "transparent", "allowed_hosts": ["a.example.org"] }),
    ];
    let mut random = Pattern::new(3);
    let mut accepted = 0;
    for round in 0..6000 {
        let mut mount = bases[round % bases.len()].clone();
        for _ in 0..=random.below(2) {
            mount[NAMES[random.below(NAMES.len())]] = some_value(&mut random);
        }
        let answer = if random.below(2) == 0 { admin.post(&mount) } else { admin.put("x", &mount) };
        match answer.status {
            200 | 201 => {
                accepted += 1;
                let id = answer.value["id"].as_str().unwrap();
                assert_eq!(admin.get(&format!("/v1/mounts/{id}")).value["address"], answer.value["address"]);
                assert_eq!(admin.delete(id).status, 204, "{mount}");
            }
            status => assert_eq!(status, 422, "{mount}"),
        }
    }
    assert!(accepted > 100, "only {accepted} were accepted");
    assert_eq!(standin.restart().admin().get("/v1/mounts").value["mounts"], json!([]));
}
