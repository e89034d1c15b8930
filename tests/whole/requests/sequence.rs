//! Several requests on one connection, and how it ends.

use super::Stage;
use crate::common::client::{Raw, get, request};
use crate::common::origin::Origin;
use crate::common::process::Launch;
use crate::common::wire::End;

fn echo() -> Origin {
    Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer([request.line().as_bytes(), b" ", &request.body].concat());
        }
    })
}

#[test]
fn a_malformed_request_behind_a_sound_one_is_refused_after_it() {
    // B8 row 51
    let stage = Stage::new();
    let mut client = stage.client();
    let plain = request("GET", "/plain");
    client.send(format!("{plain}GET / HTTP/1.1\r\nHost : h\r\n\r\n{plain}"));
    assert_eq!(client.response().text(), "plain");
    let refused = client.response();
    assert_eq!((refused.status, refused.field("Connection")), (400, Some("close")));
    client.expect_closed();
    assert_eq!(stage.quiet.connections(), 0);
}

#[test]
fn requests_split_anywhere_are_the_same_requests() {
    let stage = Stage::before(echo());
    let first = "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n";
    let second = "PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nworld";
    let sent = [first, second].concat();
    let mut client = stage.client();
    // B8 rows 52 and 53. The two parts may meet again on the way; that every
    // split gives the same is proved on the parsers themselves.
    for at in 1..sent.len() {
        client.send(&sent[..at]);
        std::thread::yield_now();
        client.send(&sent[at..]);
        assert_eq!(client.response().text(), "POST /1 HTTP/1.1 hello", "split at {at}");
        assert_eq!(client.response().text(), "PUT /2 HTTP/1.1 world", "split at {at}");
    }
    assert_eq!(stage.quiet.heads(), 2 * (sent.len() - 1));
}

#[test]
fn a_client_that_says_nothing_leaves_no_trace() {
    let launch = Launch::new();
    let log = launch.home().join("access.log");
    let standin = launch.with(&["--access-log", log.to_str().unwrap()]).start();
    let origin = Origin::answering("body");
    standin.admin().mount("/", &origin.url());
    // B8 row 55: said nothing and left, in either way.
    for _ in 0..3 {
        let mut silent = Raw::connect(standin.front);
        silent.finish();
        silent.expect_closed();
        Raw::connect(standin.front).reset();
    }
    assert_eq!(get(standin.front, "/").text(), "body");
    let written = || std::fs::read_to_string(&log).unwrap_or_default();
    crate::common::eventually("the last request is logged", || written().ends_with('\n'));
    assert_eq!(written().lines().count(), 1, "{}", written());
    assert_eq!(standin.launch.complaints(), "");
}

#[test]
fn half_a_head_is_refused_when_no_more_can_come() {
    let stage = Stage::new();
    // B8 row 55
    for half in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n", "\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r"]
    {
        let mut client = stage.client();
        client.send(half);
        client.finish();
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (400, Some("close")), "{half:?}");
        assert_eq!(client.rest(), (Vec::new(), End::Closed), "{half:?}");
    }
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn whatever_was_asked_before_the_client_said_no_more_is_answered() {
    let stage = Stage::before(echo());
    let mut client = stage.client();
    // B8 row 55
    client.send([request("GET", "/1"), request("GET", "/2"), request("GET", "/3")].concat());
    client.finish();
    for number in 1..=3 {
        assert_eq!(client.response().text(), format!("GET /{number} HTTP/1.1 "));
    }
    client.expect_closed();
}
