//! What clients can take of the front: connections, descriptors, time.

use crate::common::PATIENCE;
use crate::common::client::{Raw, get, request};
use crate::common::origin::Origin;
use crate::common::process::Launch;
use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn connections_beyond_the_bound_wait_for_a_place() {
    let origin = Origin::answering("body");
    let standin = Launch::new().with(&["--connections-max", "2"]).start();
    standin.admin().mount("/", &origin.url());
    let mut first = Raw::connect(standin.front);
    let mut second = Raw::connect(standin.front);
    assert_eq!((first.get("/").text(), second.get("/").text()), ("body", "body"));
    let mut third = Raw::connect(standin.front);
    third.send(request("GET", "/"));
    assert_eq!(first.get("/").text(), "body", "those that are in go on");
    drop(first);
    assert_eq!(third.response().text(), "body");
}

#[test]
fn an_address_with_too_many_connections_is_told_so() {
    let origin = Origin::answering("body");
    let mut standin = Launch::new().with(&["--connections-per-address-max", "2"]).start();
    standin.admin().mount("/", &origin.url());
    let mut first = Raw::connect(standin.front);
    let mut second = Raw::connect(standin.front);
    assert_eq!((first.get("/").text(), second.get("/").text()), ("body", "body"));
    for _ in 0..3 {
        // Whatever it sends is not in the way of the answer.
        let mut refused = Raw::connect(standin.front);
        refused.try_send(request("POST", "/").repeat(100));
        let response = refused.response();
        assert_eq!((response.status, response.field("Connection")), (503, Some("close")));
        assert_eq!(response.field("Retry-After"), Some("1"));
        assert!(response.text().contains("too many connections from this address"));
        refused.finish();
        refused.expect_closed();
    }
    assert_eq!(first.get("/").text(), "body", "those that are in go on");
    second.finish();
    second.expect_closed();
    let begun = Instant::now();
    while get(standin.front, "/").status == 503 {
        assert!(begun.elapsed() < Duration::from_secs(8), "its place is not free");
    }
    drop(first);
    standin.term();
    let (status, lines, _) = standin.last_words();
    assert_eq!(status.code(), Some(0));
    let told = lines.iter().filter(|line| line.contains("127.0.0.1 has too many connections")).count();
    assert_eq!(told, 1, "{lines:#?}");
}

#[test]
fn loopback_is_not_bounded_unless_that_was_said() {
    const MORE_THAN_THE_DEFAULT: usize = 300;
    let origin = Origin::answering("body");
    let standin = Launch::new().start();
    standin.admin().mount("/", &origin.url());
    let mut clients: Vec<Raw> = (0..MORE_THAN_THE_DEFAULT).map(|_| Raw::connect(standin.front)).collect();
    assert!(clients.iter_mut().all(|client| client.get("/").text() == "body"));
}

#[test]
fn without_descriptors_it_waits_and_says_so_once() {
    const DESCRIPTORS: usize = 64;
    let origin = Origin::answering("body");
    let mount = format!("/={}", origin.url());
    let limited = format!(r#"ulimit -n {DESCRIPTORS}; exec "$0" "$@""#);
    let mut standin = Launch::new().with(&["--mount", &mount]).through_sh(&limited).start();
    let told = format!("http://{} cannot accept connections", standin.front);
    let mut clients: VecDeque<Raw> = (0..DESCRIPTORS + 30).map(|_| Raw::connect(standin.front)).collect();
    standin.wait_for_line_with(&told);
    // As some go, others come in, and it is the same trouble still.
    for _ in 0..4 {
        clients.drain(..5).for_each(drop);
        let begun = Instant::now();
        while standin.open_files() < DESCRIPTORS {
            assert!(begun.elapsed() < PATIENCE, "nobody comes in");
        }
    }
    let mut last = clients.pop_back().unwrap();
    drop(clients);
    assert_eq!(last.get("/").text(), "body");
    assert_eq!(get(standin.front, "/").text(), "body");
    drop(last);
    standin.term();
    let (status, lines, _) = standin.last_words();
    assert_eq!(status.code(), Some(0));
    assert!(lines.iter().all(|line| !line.contains(&told)), "{lines:#?}");
}

#[test]
fn a_soft_limit_on_descriptors_is_raised() {
    const SOFT: usize = 32;
    let origin = Origin::answering("body");
    let mount = format!("/={}", origin.url());
    let limited = format!(r#"ulimit -Sn {SOFT}; exec "$0" "$@""#);
    let standin = Launch::new().with(&["--mount", &mount]).through_sh(&limited).start();
    let mut clients: Vec<Raw> = (0..2 * SOFT).map(|_| Raw::connect(standin.front)).collect();
    assert!(clients.iter_mut().all(|client| client.get("/").text() == "body"));
}

#[test]
fn the_time_for_a_head_is_for_all_of_it() {
    let standin = Launch::new().with(&["--head-timeout", "1"]).start();
    let mut stream = TcpStream::connect(standin.front).unwrap();
    let mut client = Raw::over(stream.try_clone().unwrap());
    let begun = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX-Drip: ");
    let dripped = std::thread::spawn(move || {
        let mut drops = 0;
        while stream.write_all(b"x").is_ok() {
            drops += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        drops
    });
    let response = client.response();
    let took = begun.elapsed();
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
    assert!((Duration::from_millis(800)..Duration::from_secs(5)).contains(&took), "it took {took:?}");
    drop(client);
    assert!(dripped.join().unwrap() > 3);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let origin = Origin::answering("body");
    let standin = Launch::new().with(&["--idle-timeout", "0.5"]).start();
    standin.admin().mount("/", &origin.url());
    let mut unused = Raw::connect(standin.front);
    let mut used = Raw::connect(standin.front);
    assert_eq!(used.get("/").text(), "body");
    let begun = Instant::now();
    unused.expect_closed();
    used.expect_closed();
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
}

#[test]
fn a_connection_serves_a_thousand_requests() {
    let origin = Origin::answering("body");
    let standin = Launch::new().start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    for number in 1..=1000 {
        let response = client.get("/");
        let expected = (number == 1000).then_some("close");
        assert_eq!((response.text(), response.field("Connection")), ("body", expected), "request {number}");
    }
    client.finish();
    client.expect_closed();
}
