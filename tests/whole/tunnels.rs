//! Connections that change their protocol: strictly agreed on, and from then on
//! nobody's business but their two ends'.

use crate::common::PATIENCE;
use crate::common::client::{Raw, get, request};
use crate::common::eventually;
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};
use crate::common::process::Standin;
use crate::common::wire::{End, value};
use serde_json::json;
use std::time::Instant;

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const GRANT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn in_front_of(origin: &Origin) -> Standin {
    let standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    standin
}

/// Grants every upgrade and goes on as the script says.
fn granting(script: impl Fn(&mut Conn) + Send + Sync + 'static) -> Origin {
    Origin::serve(move |mut conn| {
        if conn.head().is_some() {
            conn.send(GRANT);
            script(&mut conn);
        }
    })
}

/// Sends back whatever comes, until the client ends.
fn echoing() -> Origin {
    granting(|conn| while conn.echo() {})
}

fn upgraded(standin: &Standin) -> Raw {
    let mut client = Raw::connect(standin.front);
    client.send(ASK);
    assert!(client.head().starts_with(b"HTTP/1.1 101 "));
    client
}

#[test]
fn a_granted_upgrade_carries_bytes_both_ways() {
    let origin = echoing();
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(ASK);
    let head = client.head();
    assert!(head.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
    assert_eq!((value(&head, "Upgrade"), value(&head, "Connection")), (Some("websocket"), Some("upgrade")));
    assert_eq!(value(&head, "Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!((value(&head, "Content-Length"), value(&head, "Transfer-Encoding")), (None, None));
    for message in ["one", "GET / HTTP/1.1\r\n\r\n", "\0\u{ff}"] {
        client.send(message);
        assert_eq!(client.part(message.len()), message.as_bytes());
    }
    let received = origin.received(0);
    assert_eq!((value(&received, "Upgrade"), value(&received, "Connection")), (Some("websocket"), Some("upgrade")));
    assert_eq!(value(&received, "Sec-WebSocket-Key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
}

#[test]
fn what_comes_behind_either_head_is_carried() {
    // B8 row 48
    let origin = Origin::serve(|mut conn| {
        if conn.head().is_some() {
            conn.send(format!("{GRANT}hello"));
            while conn.echo() {}
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(format!("{ASK}early"));
    assert!(client.head().starts_with(b"HTTP/1.1 101 "));
    assert_eq!(client.part(10), b"helloearly");
}

#[test]
fn what_comes_behind_an_upgrade_that_is_not_granted_is_the_next_request() {
    // B8 row 48
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(request.line());
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(format!("{ASK}{}", request("GET", "/next")));
    assert_eq!(client.response().text(), "GET /chat HTTP/1.1");
    assert_eq!(client.response().text(), "GET /next HTTP/1.1");
    assert_eq!(origin.connections(), 1);
}

#[test]
fn each_direction_of_a_tunnel_ends_by_itself() {
    let origin = granting(|conn| {
        let mut all = Vec::new();
        conn.read_to_end(&mut all);
        conn.send(format!("{} bytes", all.len()));
    });
    let standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    client.send("12345");
    client.finish();
    let (rest, end) = client.rest();
    assert_eq!((rest.as_slice(), end), (&b"5 bytes"[..], End::Closed));

    let heard = Gate::new();
    let origin = {
        let heard = heard.clone();
        granting(move |conn| {
            conn.send("that is all");
            conn.finish();
            assert!(conn.expect(b"still heard"));
            heard.arrive();
        })
    };
    let standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    let (rest, end) = client.rest();
    assert_eq!((rest.as_slice(), end), (&b"that is all"[..], End::Closed));
    client.send("still heard");
    heard.wait();
}

#[test]
fn an_end_that_fails_fails_the_other() {
    let gate = Gate::new();
    let origin = {
        let gate = gate.clone();
        Origin::serve(move |mut conn| {
            if conn.head().is_some() {
                conn.send(GRANT);
                gate.wait();
                conn.reset();
            }
        })
    };
    let standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    gate.arrive();
    assert_eq!(client.rest().1, End::Reset);

    let seen = Gate::new();
    let origin = {
        let seen = seen.clone();
        granting(move |conn| {
            conn.until_end();
            seen.arrive();
        })
    };
    let standin = in_front_of(&origin);
    upgraded(&standin).reset();
    seen.wait();
}

#[test]
fn a_101_that_was_not_asked_for_is_a_502() {
    // B9 row 14
    let other = "HTTP/1.1 101 x\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n";
    let unnamed = "HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n";
    let unconnected = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n";
    for (asked, answered) in
        [(ASK, other), (ASK, unnamed), (ASK, unconnected), ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", GRANT)]
    {
        let origin = Origin::sending(answered);
        let standin = in_front_of(&origin);
        let mut client = Raw::connect(standin.front);
        client.send(asked);
        assert_eq!(client.response().status, 502, "{answered:?}");
    }
}

#[test]
fn what_is_no_proper_upgrade_goes_on_as_a_plain_request() {
    // B8 rows 48 and 54
    let origin = Origin::answering("plain");
    let standin = in_front_of(&origin);
    for asked in [
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let mut client = Raw::connect(standin.front);
        client.send(asked);
        assert_eq!(client.response().text(), "plain", "{asked:?}");
    }
    for index in 0..origin.connections() {
        let received = origin.received(index).escape_ascii().to_string().to_lowercase();
        assert!(!received.contains("upgrade") && !received.contains("http2"), "{received}");
    }
}

#[test]
fn tunnels_are_counted_and_bounded_beside_requests() {
    let origin = echoing();
    let plain = Origin::answering("plain");
    let standin = Standin::start();
    let admin = standin.admin();
    let made = admin.put(
        "m",
        &json!({ "kind": "regular", "address": origin.url(), "limits": { "tunnels_max": 1, "concurrent_requests_max": 1 } }),
    );
    assert_eq!(made.status, 201, "{}", made.value);
    admin.mount("/plain", &plain.url());
    let count = || {
        let mount = admin.get("/v1/mounts/m").value;
        (mount["tunnels"].clone(), mount["in_flight"].clone())
    };
    let mut first = upgraded(&standin);
    assert_eq!(count(), (json!(1), json!(0)));
    let mut second = Raw::connect(standin.front);
    second.send(ASK);
    let refused = second.response();
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("1")));
    assert_eq!(second.get("/plain").text(), "plain", "the client keeps its connection");
    first.finish();
    assert_eq!(first.rest().1, End::Closed);
    let mut third = Raw::connect(standin.front);
    // The place comes free when the connection's task has ended.
    loop {
        third.send(ASK);
        let head = third.head();
        if head.starts_with(b"HTTP/1.1 101 ") {
            break;
        }
        let length = value(&head, "Content-Length").unwrap().parse().unwrap();
        third.part(length);
    }
    assert_eq!(count().0, 1);
}

#[test]
fn a_tunnel_that_stands_still_is_closed() {
    let ended = Gate::new();
    let origin = {
        let ended = ended.clone();
        granting(move |conn| {
            conn.until_end();
            ended.arrive();
        })
    };
    let standin = Standin::start();
    let spec = json!({ "kind": "regular", "address": origin.url(), "timeouts": { "tunnel_idle_ms": 300 } });
    assert_eq!(standin.admin().put("m", &spec).status, 201);
    let mut client = upgraded(&standin);
    assert_eq!(client.rest(), (Vec::new(), End::Reset), "it must not look whole");
    ended.wait();
}

#[test]
fn a_tunnel_with_one_end_left_does_not_stand_for_long() {
    let (ended, may_close) = (Gate::new(), Gate::new());
    let origin = {
        let (ended, may_close) = (ended.clone(), may_close.clone());
        granting(move |conn| {
            conn.until_end();
            ended.arrive();
            may_close.wait();
        })
    };
    let standin = in_front_of(&origin);
    let admin = standin.admin();
    let tunnels = || admin.get("/v1/mounts").value["mounts"][0]["tunnels"].clone();
    drop(upgraded(&standin));
    ended.wait();
    assert_eq!(tunnels(), 1, "the upstream may still have something to say");
    let begun = Instant::now();
    while tunnels() != 0 {
        assert!(begun.elapsed() < PATIENCE, "it stands for ever");
    }
    may_close.arrive();
}

#[test]
fn a_tunnel_of_a_deleted_mount_has_its_time_and_is_cut_off() {
    let origin = echoing();
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut client = upgraded(&standin);
    assert_eq!(admin.delete(&format!("{id}?drain_ms=nonsense")).status, 400);
    assert_eq!(admin.delete(&format!("{id}?drain_ms=1000")).status, 204);
    client.send("still carried");
    assert_eq!(client.part(13), b"still carried");
    assert_eq!(get(standin.front, "/").status, 404);
    assert_eq!(client.rest(), (Vec::new(), End::Reset), "it must not look whole");
}

#[test]
fn a_tunnel_has_its_time_when_the_server_stops() {
    let origin = echoing();
    let mut standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    // B4
    standin.term();
    standin.wait_for_line("stopping");
    client.send("still carried");
    assert_eq!(client.part(13), b"still carried");
    client.finish();
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn a_second_signal_cuts_a_tunnel_off() {
    let origin = echoing();
    let mut standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    // B4
    standin.term();
    standin.wait_for_line("stopping");
    standin.term();
    let (rest, end) = client.rest();
    assert!(rest.is_empty() && end != End::Silent, "{end:?}");
    assert_eq!(standin.exit().code(), Some(1));
}

#[test]
fn a_request_of_a_deleted_mount_is_cut_off_so_that_it_shows() {
    let arrived = Gate::new();
    let origin = {
        let arrived = arrived.clone();
        Origin::serve(move |mut conn| {
            if let Some(request) = conn.request() {
                if request.line().contains("/body") {
                    conn.send("HTTP/1.1 200 OK\r\n\r\nsome");
                }
                arrived.arrive();
                conn.until_end();
            }
        })
    };
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut waiting = Raw::connect(standin.front);
    waiting.send(request("GET", "/head"));
    let mut reading = Raw::connect(standin.front);
    reading.send("GET /body HTTP/1.0\r\n\r\n");
    reading.head();
    assert_eq!(reading.part(4), b"some");
    arrived.wait_for(2);
    assert_eq!(admin.delete(&format!("{id}?drain_ms=0")).status, 204);
    assert_eq!(waiting.response().status, 503);
    assert_eq!(reading.rest(), (Vec::new(), End::Reset));
}

#[test]
fn an_end_that_takes_no_more_stops_the_other() {
    const FLOOD: usize = 256 * 1024 * 1024;
    let (stopped, may_go_on) = (Gate::new(), Gate::new());
    let origin = {
        let (stopped, may_go_on) = (stopped.clone(), may_go_on.clone());
        granting(move |conn| {
            let sent = conn.send_until_blocked(FLOOD);
            assert!(sent < FLOOD / 2, "{sent} bytes were taken though nobody read them");
            stopped.arrive();
            may_go_on.wait();
            conn.finish();
        })
    };
    let standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    let before = standin.rss_kib();
    stopped.wait();
    let growth = standin.rss_kib().saturating_sub(before);
    assert!(growth < 4 * 1024, "the memory grew by {growth} KiB");
    may_go_on.arrive();
    let (rest, end) = client.rest();
    assert!(!rest.is_empty() && end == End::Closed, "{end:?}");
}

#[test]
fn an_end_that_goes_is_noticed_though_nobody_reads_from_it() {
    let (blocked, may_go_on) = (Gate::new(), Gate::new());
    let origin = {
        let (blocked, may_go_on) = (blocked.clone(), may_go_on.clone());
        granting(move |_| {
            blocked.arrive();
            may_go_on.wait();
        })
    };
    let standin = in_front_of(&origin);
    let mut client = upgraded(&standin);
    blocked.wait();
    client.send_until_blocked(256 * 1024 * 1024);
    client.reset();
    eventually("the tunnel ends", || standin.admin().get("/v1/mounts").value["mounts"][0]["tunnels"] == 0);
    may_go_on.arrive();
}
