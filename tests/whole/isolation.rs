//! What happens to one mount concerns no other.

use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Sends half of a body, and the other half when it may.
fn in_two_halves(may_go_on: &Gate) -> Origin {
    let may_go_on = may_go_on.clone();
    Origin::serve(move |mut conn| {
        while conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst,");
            may_go_on.wait();
            conn.send("second");
        }
    })
}

/// A client in the middle of a body.
fn in_the_middle(standin: &Standin, path: &str) -> Raw {
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", path));
    client.head();
    assert_eq!(client.part(6), b"first,");
    client
}

#[test]
fn deleting_a_mount_disturbs_neither_its_requests_in_progress_nor_other_mounts() {
    let may_go_on = Gate::new();
    let (a, b) = (in_two_halves(&may_go_on), in_two_halves(&may_go_on));
    let standin = Standin::start();
    let admin = standin.admin();
    let of_a = admin.mount("/a", &a.url());
    admin.mount("/b", &b.url());
    let (mut from_a, mut from_b) = (in_the_middle(&standin, "/a"), in_the_middle(&standin, "/b"));
    assert_eq!(admin.get(&format!("/v1/mounts/{of_a}")).value["in_flight"], 1);

    assert_eq!(admin.delete(&of_a).status, 204);
    assert_eq!(get(standin.front, "/a").status, 404, "new requests find it no more");
    assert_eq!(admin.delete(&of_a).status, 404);

    may_go_on.arrive();
    assert_eq!(from_a.part(6), b"second");
    assert_eq!(from_b.part(6), b"second");
    assert_eq!(from_b.get("/b").text(), "first,second", "the client's connection goes on");
    assert_eq!(from_a.get("/a").status, 404);
    assert_eq!((a.connections(), b.connections()), (1, 1));
}

#[test]
fn a_path_can_be_given_to_another_mount_while_the_old_one_drains() {
    let may_go_on = Gate::new();
    let (old, new) = (in_two_halves(&may_go_on), Origin::answering("new"));
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &old.url());
    let mut in_progress = in_the_middle(&standin, "/a");
    assert_eq!(admin.delete(&id).status, 204);
    let again = json!({ "id": id, "kind": "regular", "match": { "path": "/a" }, "address": new.url() });
    assert_eq!(admin.post(&again).status, 201, "neither its id nor its match is taken");
    assert_eq!(get(standin.front, "/a").text(), "new");
    may_go_on.arrive();
    assert_eq!(in_progress.part(6), b"second");
}

#[test]
fn replacing_a_mount_leaves_the_connections_of_others_alone() {
    let (a, b) = (Origin::answering("a"), Origin::answering("b"));
    let standin = Standin::start();
    let admin = standin.admin();
    let of_a = admin.mount("/a", &a.url());
    admin.mount("/b", &b.url());
    let mut client = Raw::connect(standin.front);
    assert_eq!((client.get("/a").text(), client.get("/b").text()), ("a", "b"));
    let moved = json!({ "kind": "regular", "match": { "path": "/c" }, "address": a.url() });
    assert_eq!(admin.put(&of_a, &moved).status, 200);
    assert_eq!(client.get("/a").status, 404);
    assert_eq!((client.get("/c").text(), client.get("/b").text()), ("a", "b"));
    assert_eq!(b.connections(), 1);
}

#[test]
fn a_replaced_mount_sends_new_requests_to_its_new_upstream() {
    let may_go_on = Gate::new();
    let (old, new) = (in_two_halves(&may_go_on), Origin::answering("new"));
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &old.url());
    let mut in_progress = in_the_middle(&standin, "/a");
    let replaced = json!({ "kind": "regular", "match": { "path": "/a" }, "address": new.url() });
    assert_eq!(admin.put(&id, &replaced).status, 200);
    assert_eq!(get(standin.front, "/a").text(), "new", "in effect once it is acknowledged");
    may_go_on.arrive();
    assert_eq!(in_progress.part(6), b"second");
}

#[test]
fn the_idle_connections_of_a_deleted_mount_are_closed_at_once() {
    let closed = Gate::new();
    let origin = {
        let closed = closed.clone();
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                conn.answer("body");
            }
            closed.arrive();
        })
    };
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    assert_eq!(get(standin.front, "/a").text(), "body");
    let begun = Instant::now();
    assert_eq!(admin.delete(&id).status, 204);
    closed.wait();
    assert!(begun.elapsed() < Duration::from_secs(4), "only the pool's own idle time ended them");
}

#[test]
fn making_and_deleting_mounts_leaves_nothing_behind() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let admin = standin.admin();
    let cycle = |count: usize| {
        let mut client = Raw::connect(standin.front);
        for number in 0..count {
            let id = admin.mount(&format!("/m{number}"), &origin.url());
            assert_eq!(client.get(&format!("/m{number}")).text(), "body");
            assert_eq!(admin.delete(&id).status, 204);
        }
    };
    cycle(50);
    let (files, memory) = (standin.open_files(), standin.rss_kib());
    cycle(500);
    assert!(standin.open_files() < files + 20, "{files} files before, {} after", standin.open_files());
    let growth = standin.rss_kib().saturating_sub(memory);
    assert!(growth < 8 * 1024, "the memory grew by {growth} KiB");
}

/// The requests that one mount may have in progress.
const IN_FLIGHT_MAX: usize = 256;

#[test]
fn a_saturated_mount_refuses_and_others_go_on() {
    // B9 row 22
    let (arrived, may_answer) = (Gate::new(), Gate::new());
    let held = {
        let (arrived, may_answer) = (arrived.clone(), may_answer.clone());
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                arrived.arrive();
                may_answer.wait();
                conn.answer("at last");
            }
        })
    };
    let other = Origin::answering("other");
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/held", &held.url());
    admin.mount("/other", &other.url());

    let mut clients: Vec<Raw> = (0..IN_FLIGHT_MAX)
        .map(|_| {
            let mut client = Raw::connect(standin.front);
            client.send(request("GET", "/held"));
            client
        })
        .collect();
    arrived.wait_for(IN_FLIGHT_MAX);
    assert_eq!(admin.get(&format!("/v1/mounts/{id}")).value["in_flight"], IN_FLIGHT_MAX);

    let mut one_more = Raw::connect(standin.front);
    let refused = one_more.get("/held");
    assert_eq!((refused.status, refused.field("Retry-After")), (503, Some("1")));
    assert_eq!(one_more.get("/other").text(), "other", "the client keeps its connection");

    may_answer.arrive();
    for client in &mut clients {
        assert_eq!(client.response().text(), "at last");
    }
    assert_eq!(one_more.get("/held").text(), "at last");
    assert_eq!(held.connections(), IN_FLIGHT_MAX);
}

#[test]
fn changes_while_requests_flow_lose_none() {
    let (a, b) = (Origin::answering("same"), Origin::answering("same"));
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &a.url());
    let front = standin.front;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = Raw::connect(front);
                    for number in 0..500 {
                        let response = client.get("/a");
                        assert_eq!((response.status, response.text()), (200, "same"), "request {number}");
                    }
                })
            })
            .collect();
        let mut changes = 0;
        while clients.iter().any(|client| !client.is_finished()) {
            let url = if changes % 2 == 0 { b.url() } else { a.url() };
            let mount = json!({ "kind": "regular", "match": { "path": "/a" }, "address": url });
            assert_eq!(admin.put(&id, &mount).status, 200);
            changes += 1;
        }
    });
}

/// Regression: the plan was read apart from the match, and a request could be
/// sent where another match of the same mount belongs.
#[test]
fn a_request_never_goes_where_another_match_belongs() {
    const CHANGES: usize = 300;
    let origin = || {
        Origin::serve(|mut conn| {
            while let Some(request) = conn.request() {
                conn.answer(request.line());
            }
        })
    };
    let (one, other) = (origin(), origin());
    let standin = Standin::start();
    let admin = standin.admin();
    let put = |path: &str, base: String| {
        let spec = json!({ "kind": "regular", "match": { "path": path }, "address": base });
        assert!(matches!(admin.put("m", &spec).status, 200 | 201));
    };
    put("/a", format!("{}one/", one.url()));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for path in ["/a/x", "/b/x", "/a/x"] {
            let is_over = &is_over;
            let front = standin.front;
            scope.spawn(move || {
                let expected = if path == "/a/x" { "GET /one/x HTTP/1.1" } else { "GET /other/x HTTP/1.1" };
                while !is_over.load(Ordering::Acquire) {
                    let mut client = Raw::connect(front);
                    for _ in 0..500 {
                        let response = client.get(path);
                        assert!(response.status == 404 || response.text() == expected, "{path}: {}", response.text());
                    }
                }
            });
        }
        for change in 0..CHANGES {
            match change % 2 {
                0 => put("/b", format!("{}other/", other.url())),
                _ => put("/a", format!("{}one/", one.url())),
            }
        }
        is_over.store(true, Ordering::Release);
    });
}

/// Regression: whoever was woken to look around also swept all pools.
#[test]
fn cutting_off_a_mount_leaves_the_idle_connections_of_others_alone() {
    let arrived = Gate::new();
    let held = {
        let arrived = arrived.clone();
        Origin::serve(move |mut conn| {
            if conn.request().is_some() {
                arrived.arrive();
                conn.until_end();
            }
        })
    };
    let other = Origin::answering("other");
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/held", &held.url());
    admin.mount("/other", &other.url());
    let mut client = Raw::connect(standin.front);
    assert_eq!(client.get("/other").text(), "other");
    let mut waiting = Raw::connect(standin.front);
    waiting.send(request("GET", "/held"));
    arrived.wait();
    assert_eq!(admin.delete(&format!("{id}?drain_ms=0")).status, 204);
    assert_eq!(waiting.response().status, 503, "it is cut off");
    assert_eq!(client.get("/other").text(), "other");
    assert_eq!(other.connections(), 1);
}
