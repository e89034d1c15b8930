//! Bounds that only the clock shows, and that no setting makes shorter. Table
//! B3 of the specification.
//!
//! Each fact takes its ten seconds or more, nearly all of them spent waiting;
//! so one test waits for all of them at the same time.

use crate::common::admin::Admin;
use crate::common::client::{Raw, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::End;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How late something may be on a busy machine.
const LATE_MAX: Duration = Duration::from_secs(8);

/// Between two drops, whoever drips.
const DRIP: Duration = Duration::from_millis(100);

/// One server, as all facts share it.
struct Server {
    front: SocketAddr,
    admin: Admin,
}

/// Runs from one moment to a later one that is looked at.
struct Watch(Instant);

impl Watch {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Asserts that about that much time has passed. The proxy's clock is
    /// coarse, and may have been read a little before ours.
    fn check(&self, what: &str, expected: Duration) {
        let passed = self.0.elapsed();
        let early = Duration::from_millis(500);
        assert!(
            passed + early >= expected && passed <= expected + LATE_MAX,
            "{what} took {passed:?}, not {expected:?}"
        );
    }
}

#[test]
fn what_only_the_clock_shows_holds() {
    let standin = Standin::start();
    let at_rest = standin.at_rest();
    let plain = Origin::answering("plain");
    let server = &Server { front: standin.front, admin: standin.admin() };
    server.admin.mount("/", &plain.url());
    let facts: [fn(&Server); 8] = [
        a_head_that_stands_still_is_a_408,
        a_head_that_drips_is_a_408_all_the_same,
        a_body_that_drips_is_a_408,
        a_reader_at_a_pace_is_served_and_one_by_drops_is_cut_off,
        a_slow_reader_is_not_taken_for_one_that_has_stopped,
        an_idle_connection_stays_in_the_pool_no_longer_than_its_time,
        a_client_that_asks_nothing_more_is_left_without_a_word,
        content_for_the_api_that_does_not_come_is_a_408,
    ];
    std::thread::scope(|scope| {
        for fact in facts {
            scope.spawn(move || fact(server));
        }
    });
    standin.check_at_rest_again(at_rest);
}

/// B8 row 44, B3 head deadline.
fn a_head_that_stands_still_is_a_408(server: &Server) {
    let mut client = Raw::connect(server.front);
    let watch = Watch::start();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n");
    let response = client.response();
    watch.check("the head", Duration::from_secs(10));
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
    client.expect_closed();
}

/// The deadline is of the whole head, not between its bytes.
fn a_head_that_drips_is_a_408_all_the_same(server: &Server) {
    let mut client = Raw::connect(server.front);
    let watch = Watch::start();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nA: ");
    for _ in 0..90 {
        client.send("b");
        std::thread::sleep(DRIP);
    }
    let response = client.response();
    watch.check("the head", Duration::from_secs(10));
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
}

/// B8 row 44, B3 body progress.
fn a_body_that_drips_is_a_408(server: &Server) {
    let ended = Gate::new();
    let origin = {
        let ended = ended.clone();
        Origin::serve(move |mut conn| {
            let Some(head) = conn.head() else { return };
            assert_eq!(conn.body(&head), None, "it is never whole");
            ended.arrive();
        })
    };
    server.admin.mount("/drip", &origin.url());
    let mut client = Raw::connect(server.front);
    let watch = Watch::start();
    client.send("POST /drip HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    // Until the refusal has arrived and the server takes no more.
    while client.try_send("1\r\nx\r\n") && watch.0.elapsed() < Duration::from_secs(10) + LATE_MAX {
        std::thread::sleep(DRIP);
    }
    ended.wait();
    watch.check("the body", Duration::from_secs(10));
    let response = client.response();
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
}

/// Sends content for as long as it is taken.
fn flooding() -> Origin {
    Origin::serve(|mut conn| {
        if conn.request().is_some() {
            conn.answer_short_of("", 1 << 40);
            conn.flood([0; 64 * 1024]);
        }
    })
}

/// A client behind the head of such a reply.
fn in_a_flood(server: &Server, path: &str) -> Raw {
    let mut client = Raw::connect_narrowly(server.front);
    client.send(request("GET", path));
    client.head();
    client
}

/// Takes so many bytes a second, for as long as they come and it may.
fn read(client: &mut Raw, bytes_per_s: usize, longest: Duration) -> Option<End> {
    let begun = Instant::now();
    while begun.elapsed() < longest {
        if let Err(end) = client.try_part(bytes_per_s / 10) {
            return Some(end);
        }
        std::thread::sleep(DRIP);
    }
    None
}

/// B9 row 21, B3 body progress.
fn a_reader_at_a_pace_is_served_and_one_by_drops_is_cut_off(server: &Server) {
    /// Above what the buffers of all systems on the way can hide.
    const BYTES_PER_S_MIN: usize = 1_000_000;
    let origin = flooding();
    let spec = json!({
        "kind": "regular", "match": { "path": "/flood" }, "address": origin.url(),
        "limits": { "client_bytes_per_s_min": BYTES_PER_S_MIN },
    });
    assert_eq!(server.admin.put("flood", &spec).status, 201);
    let begin = || in_a_flood(server, "/flood");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = begin();
            let watch = Watch::start();
            let end = read(&mut client, BYTES_PER_S_MIN / 20, Duration::from_secs(60));
            watch.check("the drops", Duration::from_secs(10));
            assert_eq!(end, Some(End::Reset));
        });
        scope.spawn(|| {
            // More than one window, and well above the least pace.
            let end = read(&mut begin(), BYTES_PER_S_MIN * 5, Duration::from_secs(15));
            assert_eq!(end, None, "it keeps up");
        });
    });
}

/// B9 row 21: what the system holds back must not hide that it reads.
fn a_slow_reader_is_not_taken_for_one_that_has_stopped(server: &Server) {
    let origin = flooding();
    let spec = json!({
        "kind": "regular", "match": { "path": "/slow" }, "address": origin.url(), "timeouts": { "idle_ms": 3000 },
    });
    assert_eq!(server.admin.put("slow", &spec).status, 201);
    assert_eq!(read(&mut in_a_flood(server, "/slow"), 100_000, Duration::from_secs(12)), None);
}

/// B3 keep-alive idle, of the pool.
fn an_idle_connection_stays_in_the_pool_no_longer_than_its_time(server: &Server) {
    let closed = Gate::new();
    let origin = {
        let closed = closed.clone();
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                // A wish beyond ours changes nothing.
                conn.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=60\r\nContent-Length: 0\r\n\r\n");
            }
            closed.arrive();
        })
    };
    server.admin.mount("/pool", &origin.url());
    let mut client = Raw::connect(server.front);
    client.get("/pool");
    client.get("/pool");
    let watch = Watch::start();
    closed.wait();
    watch.check("the pool", Duration::from_secs(5));
    assert_eq!(client.get("/pool").status, 200);
    assert_eq!(origin.connections(), 2);
}

/// B3 keep-alive idle, of clients.
fn a_client_that_asks_nothing_more_is_left_without_a_word(server: &Server) {
    let mut silent = Raw::connect(server.front);
    let mut content = Raw::connect(server.front);
    let watch = Watch::start();
    assert_eq!(content.get("/").text(), "plain");
    // Longer than a test usually waits: nothing comes in the first part.
    for client in [&mut silent, &mut content] {
        while client.try_part(1) == Err(End::Silent) {
            assert!(watch.0.elapsed() < Duration::from_secs(30) + LATE_MAX, "it is kept for ever");
        }
        watch.check("the rest", Duration::from_secs(30));
        client.expect_closed();
    }
}

/// The API's content has its time like any other.
fn content_for_the_api_that_does_not_come_is_a_408(server: &Server) {
    let watch = Watch::start();
    let sent = server.admin.call("POST", "/v1/mounts").json(&json!({})).announcing(50);
    assert_eq!(sent.status, 408);
    watch.check("the content", Duration::from_secs(30));
}
