//! Methods: which are refused, which the proxy answers, and which it passes on.

use super::Stage;
use crate::common::client::{Raw, request};

#[test]
fn methods_that_are_not_proxied_are_refused_with_allow() {
    let stage = Stage::new();
    for (row, sent) in [
        ("B8 row 6", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
        ("B8 row 6", "CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("B8 row 50", "TRACE / HTTP/1.1\r\nHost: h\r\nCookie: secret\r\n\r\n"),
        ("B8 row 50", "TRACE / HTTP/1.1\r\nHost: h\r\nCookie: secret\r\nMax-Forwards: 0\r\n\r\n"),
    ] {
        let response = stage.refused(row, 405, sent);
        assert!(response.field("Allow").unwrap().contains("GET"), "{row}");
        assert!(!response.text().contains("secret"), "{row}: {}", response.text());
    }
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn an_options_that_asks_the_proxy_is_answered_by_it() {
    let stage = Stage::new();
    let mut client = stage.client();
    // B8 row 8, and row 50 for the second.
    for sent in ["OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n"] {
        client.send(sent);
        let answer = client.response();
        assert_eq!((answer.status, answer.field("Connection")), (204, None), "{sent:?}");
        assert!(answer.field("Allow").unwrap().contains("GET"));
    }
    stage.check_that_upstream_heard_nothing();
    assert_eq!(client.get("/").text(), "quiet", "the connection goes on");
}

#[test]
fn any_token_of_32_bytes_is_passed_on_as_a_method() {
    let stage = Stage::new();
    let longest = "M".repeat(32);
    let mut client = stage.client();
    // B8 row 13
    let methods = ["get", "X-FOO", "QUERY", "!#$%&'*+-.^_`|~", &longest];
    for method in methods {
        client.send(request(method, "/"));
        assert_eq!(client.response().text(), "quiet", "{method}");
    }
    let received = String::from_utf8(stage.quiet.received(0)).unwrap();
    let seen: Vec<&str> = received.lines().filter_map(|line| line.strip_suffix(" / HTTP/1.1")).collect();
    assert_eq!(seen, methods);
}

#[test]
fn the_admin_api_takes_only_its_own_methods() {
    let stage = Stage::new();
    let admin = stage.standin.admin();
    // B8 row 13
    for method in ["get", "X-FOO", "QUERY"] {
        let answer = admin.call(method, "/v1/mounts").send();
        assert_eq!((answer.status, answer.response.field("Allow")), (405, Some("GET, HEAD, POST, PUT")), "{method}");
    }
    // B8 rows 6, 14 and 50
    for (status, method, target) in
        [(501, "M".repeat(33).as_str(), "/v1/mounts"), (405, "CONNECT", "h:443"), (405, "TRACE", "/")]
    {
        let mut client = Raw::connect(stage.standin.admin_address());
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (status, Some("close")), "{method}");
        client.expect_closed();
    }
}
