//! What is admitted: framed whatever the method, without anything that was for
//! one hop or that only the proxy may say.

use super::Stage;
use crate::common::client::request;
use crate::common::origin::Origin;
use crate::common::wire::{lines, value, values};

#[test]
fn content_is_framed_whatever_the_method() {
    let stage = Stage::before(Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let length = request.field("Content-Length").unwrap_or("none").to_owned();
            conn.answer([length.as_bytes(), b" ", &request.body].concat());
        }
    }));
    let mut client = stage.client();
    for (sent, expected) in [
        // B8 row 45
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("OPTIONS / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        // B8 row 31
        ("X-FOO / HTTP/1.1\r\nHost: h\r\nContent-Length: 004\r\n\r\nbody", "4 body"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "0 "),
        ("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "none "),
        ("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        // B8 row 16
        ("GET / HTTP/1.9\r\nHost: h\r\n\r\n", "none "),
    ] {
        client.send(sent);
        assert_eq!(client.response().text(), expected, "{sent:?}");
    }
}

#[test]
fn a_head_with_content_is_answered_without_and_the_connection_goes_on() {
    let stage = Stage::before(Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            assert_eq!(request.body, b"body");
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        }
    }));
    let mut client = stage.client();
    // B8 row 45
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        assert_eq!(client.response_to_head().field("Content-Length"), Some("9"));
    }
    assert_eq!(stage.quiet.connections(), 1);
}

#[test]
fn content_that_no_upstream_reads_is_drained_or_ends_the_connection() {
    let stage = Stage::new();
    let mut client = stage.client();
    // B8 row 45: our own answer comes first, and the small body with the head.
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!((client.response().status, client.get("/").text()), (204, "quiet"));
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nbody");
    let ended = client.response();
    assert_eq!((ended.status, ended.field("Connection")), (204, Some("close")));
    client.expect_closed();
}

#[test]
fn later_minor_versions_are_taken_for_1_1() {
    let stage = Stage::new();
    let mut client = stage.client();
    // B8 row 16
    for minor in 1..=9 {
        client.send(format!("GET /{minor} HTTP/1.{minor}\r\nHost: h\r\n\r\n"));
        let response = client.response();
        assert!(response.head.starts_with(b"HTTP/1.1 200 OK\r\n"), "1.{minor}");
        assert_eq!((response.text(), response.field("Connection")), ("quiet", None), "1.{minor}");
    }
    let received = String::from_utf8(stage.quiet.received(0)).unwrap();
    assert_eq!(received.matches(" HTTP/1.1\r\n").count(), 9, "{received}");
}

#[test]
fn http_1_0_needs_no_host_and_goes_on_as_1_1() {
    let stage = Stage::new();
    // B8 row 20
    let mut client = stage.client();
    client.send("GET / HTTP/1.0\r\n\r\n");
    let response = client.response();
    assert_eq!((response.text(), response.field("Connection")), ("quiet", Some("close")));
    client.expect_closed();
    let received = stage.quiet.received(0);
    assert!(received.starts_with(b"GET / HTTP/1.1\r\n"), "{}", received.escape_ascii());
    assert_eq!(value(&received, "Host"), Some(stage.quiet.address.to_string().as_str()));
    assert_eq!((value(&received, "Connection"), value(&received, "X-Forwarded-Host")), (None, None));
    let mut kept = stage.client();
    for _ in 0..2 {
        kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(kept.response().field("Connection"), Some("keep-alive"));
    }
}

#[test]
fn up_to_two_empty_lines_before_a_request_are_skipped() {
    let stage = Stage::new();
    let mut client = stage.client();
    // B8 row 21
    for lines in ["", "\r\n", "\r\n\r\n"] {
        client.send(lines.to_owned() + &request("GET", "/"));
        assert_eq!(client.response().text(), "quiet", "{lines:?}");
    }
}

#[test]
fn fields_of_one_connection_stay_on_it() {
    // B8 rows 29, 49 and 54
    let stage = Stage::new();
    let mut client = stage.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Hop, TE\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         TE: gzip\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Connection: keep-alive\r\n\
         Proxy-Authorization: Basic x\r\nProxy: http://evil/\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\
         X-Kept: 1\r\n\r\n",
    );
    assert_eq!(client.response().text(), "quiet");
    let received = stage.quiet.received(0);
    let names: Vec<String> = lines(&received)[1..]
        .iter()
        .map(|line| String::from_utf8_lossy(line.split(|byte| *byte == b':').next().unwrap()).into_owned())
        .collect();
    assert_eq!(names, ["Host", "X-Kept", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"]);
}

#[test]
fn a_client_cannot_have_the_fields_removed_that_say_who_it_is() {
    let stage = Stage::new();
    // B8 row 49
    let sent = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Hop, Authorization, X-Forwarded-For, \
                X-Forwarded-Host, X-Forwarded-Proto, Via, Forwarded, X-Real-IP, TE\r\nAuthorization: Basic x\r\n\
                X-Forwarded-For: 6.6.6.6\r\nX-Hop: 1\r\nX-Real-IP: 6.6.6.6\r\n\r\n";
    assert_eq!(stage.answer_to(sent).text(), "quiet");
    let received = stage.quiet.received(0);
    for (name, expected) in [
        ("Authorization", Some("Basic x")),
        ("X-Forwarded-For", Some("127.0.0.1")),
        ("X-Forwarded-Host", Some("h")),
        ("X-Forwarded-Proto", Some("http")),
        ("X-Hop", None),
        ("Connection", None),
        ("TE", None),
    ] {
        assert_eq!(value(&received, name), expected, "{name}");
    }
    assert!(value(&received, "Via").is_some());
}

#[test]
fn bytes_beyond_ascii_in_a_value_are_kept() {
    let stage = Stage::new();
    let odd: Vec<u8> = (0x80..=0xff).collect();
    // B8 row 27
    let sent = [b"GET / HTTP/1.1\r\nHost: h\r\nX-Odd: a\tb ", &odd[..], b"\r\n\r\n"].concat();
    assert_eq!(stage.answer_to(sent).text(), "quiet");
    assert_eq!(values(&stage.quiet.received(0), "X-Odd"), [[b"a\tb ", &odd[..]].concat()]);
}

#[test]
fn what_a_client_says_of_itself_is_overwritten() {
    let stage = Stage::new();
    let mut client = stage.client();
    client.send(
        "GET / HTTP/1.1\r\nHost: real.example\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\n\
         x-forwarded-proto: https\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nVia: 1.0 fred\r\n\r\n",
    );
    assert_eq!(client.response().text(), "quiet");
    let received = stage.quiet.received(0);
    let of =
        |name: &str| values(&received, name).iter().map(|value| value.escape_ascii().to_string()).collect::<Vec<_>>();
    assert_eq!(of("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(of("X-Forwarded-Host"), ["real.example"]);
    assert_eq!(of("X-Forwarded-Proto"), ["http"]);
    assert_eq!(of("Forwarded"), Vec::<String>::new());
    assert_eq!(of("Via")[0], "1.0 fred");
    assert_eq!(of("Via").len(), 2);
}
