//! Request targets: four forms, and no path that two programs could resolve
//! to different places.

use super::Stage;
use crate::common::client::{Raw, request};
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::value;
use serde_json::json;

fn asking(target: &str) -> String {
    request("GET", target)
}

#[test]
fn an_absolute_target_overrules_host_and_must_be_for_a_host_of_ours() {
    let origin = Origin::answering("ours");
    let standin = Standin::start();
    let ours = json!({ "kind": "regular", "match": { "host": "ours.example" }, "address": origin.url() });
    assert_eq!(standin.admin().post(&ours).status, 201);
    let mut client = Raw::connect(standin.front);
    // B8 row 4
    client.send("GET http://ours.example/x?y HTTP/1.1\r\nHost: theirs.example\r\n\r\n");
    assert_eq!(client.response().text(), "ours");
    let received = origin.received(0);
    assert!(received.starts_with(b"GET /x?y HTTP/1.1\r\n"), "{}", received.escape_ascii());
    assert_eq!(value(&received, "Host"), Some(origin.address.to_string().as_str()));
    assert_eq!(value(&received, "X-Forwarded-Host"), Some("ours.example"));
    for target in ["http://theirs.example/", "https://theirs.example/x"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: ours.example\r\n\r\n"));
        assert_eq!(client.response().status, 421, "{target}");
    }
    client.send("GET http://ours.example:99999/ HTTP/1.1\r\nHost: ours.example\r\n\r\n");
    assert_eq!(client.response().status, 400);
    client.expect_closed();
    assert_eq!(origin.heads(), 1);
}

#[test]
fn a_target_has_the_form_that_its_method_takes() {
    let stage = Stage::new();
    // B8 row 5
    stage.all_refused("B8 row 5", 400, &["h:80", "h", "h:80/x", "a/b"].map(asking));
    stage.all_refused(
        "B8 row 5",
        400,
        &["/", "h", "h:", "http://h:443/", "u@h:443"].map(|target| request("CONNECT", target)),
    );
    stage.all_refused("B8 row 7", 400, &[asking("*"), request("OPTIONS", "*/x"), request("OPTIONS", "**")]);
    stage.all_refused(
        "B8 row 4",
        400,
        &["ftp://h/", "http:/h", "http:///x", "http://u@h/", "http://a b/", "x"].map(asking),
    );
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn bytes_that_no_path_can_have_are_refused() {
    let stage = Stage::new();
    for byte in *b"# \"<>\\^`{|}\t\x01\x1f\x7f\0" {
        stage.refused("B8 row 9", 400, asking(&format!("/a{}b", char::from(byte))));
    }
    stage.refused("B8 row 9", 400, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.refused("B8 row 9", 400, b"GET /?\x80 HTTP/1.1\r\nHost: a\r\n\r\n");
    // In a query the row asks for the same; but browsers send these raw there,
    // and no program gives them a meaning, so they pass: see the test below.
    for byte in *b"# \"<>\t\x01\x7f" {
        stage.refused("B8 row 9", 400, asking(&format!("/?a{}b", char::from(byte))));
    }
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn what_browsers_leave_raw_in_a_query_passes() {
    let stage = Stage::new();
    // B8 row 9, on purpose otherwise.
    assert_eq!(stage.answer_to(asking("/?a={b}|c^d`e\\f[g]")).text(), "quiet");
    assert!(stage.quiet.received(0).starts_with(b"GET /?a={b}|c^d`e\\f[g] HTTP/1.1\r\n"));
}

#[test]
fn dot_segments_and_backslashes_are_refused_however_they_are_written() {
    let stage = Stage::new();
    let cases = [
        "/a/../b",
        "/..",
        "/.",
        "/a/./b",
        "/%2e%2e/x",
        "/%2E./x",
        "/.%2e",
        "/a%2f..%2fb",
        "/a%5c..%5cb",
        "/..;x/y",
        "/a\\b",
        "/a\\..\\b",
        "http://h/a/../b",
        "/%2e",
        "/a/%2e%2e",
    ];
    stage.all_refused("B8 row 10", 400, &cases.map(asking));
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn what_is_only_odd_reaches_the_upstream_as_it_came() {
    let stage = Stage::new();
    let targets = [
        // B8 row 10
        "//a//b/",
        "/a%2fb",
        "/a%2Fb",
        "/plain%2fx",
        "/...",
        "/a..b/.c",
        "//plain",
        // B8 row 11
        "/%00",
        "/a%0d%0aX:%20y?%0d%0a",
        "/%zz%",
        "/%25%32%65",
    ];
    let mut client = stage.client();
    for target in targets {
        client.send(asking(target));
        assert_eq!(client.response().text(), "quiet", "{target}");
    }
    let received = stage.quiet.received(0);
    let lines = String::from_utf8(received).unwrap();
    let seen: Vec<&str> =
        lines.lines().filter_map(|line| line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")).collect();
    assert_eq!(seen, targets);
}
