//! Hostile clients: what is refused reaches no upstream, and what is admitted
//! carries nothing that the upstream could take for something else.

use crate::common::client::{Raw, get, request};
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::{End, lines, values};
use serde_json::json;

/// A server with an upstream at `/` that should hear nothing, and one at
/// `/plain` for the request afterwards.
struct Stage {
    standin: Standin,
    quiet: Origin,
    _plain: Origin,
}

impl Stage {
    fn new() -> Self {
        Self::before(Origin::answering("quiet"))
    }

    fn before(quiet: Origin) -> Self {
        let (standin, plain) = (Standin::start(), Origin::answering("plain"));
        standin.admin().mount("/", &quiet.url());
        standin.admin().mount("/plain", &plain.url());
        Self { standin, quiet, _plain: plain }
    }

    fn client(&self) -> Raw {
        Raw::connect(self.standin.front)
    }

    /// Sends that, and expects that status and the end of the connection.
    fn refused(&self, sent: &[u8], status: u16) -> crate::common::client::Response {
        let told = sent[..sent.len().min(200)].escape_ascii().to_string();
        let mut client = self.client();
        client.try_send(sent);
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (status, Some("close")), "{told}");
        let (rest, end) = client.rest();
        assert_eq!((rest.escape_ascii().to_string().as_str(), end), ("", End::Closed), "{told}");
        assert_eq!(get(self.standin.front, "/plain").text(), "plain", "afterwards: {told}");
        response
    }
}

fn table(stage: &Stage, cases: &[(u16, &str)]) {
    for (status, sent) in cases {
        stage.refused(sent.as_bytes(), *status);
    }
    assert_eq!(stage.quiet.connections(), 0, "no byte of it reaches the upstream");
}

#[test]
fn malformed_heads_are_refused_and_reach_no_upstream() {
    table(
        &Stage::new(),
        &[
            (400, "GET / HTTP/1.1\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a?\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
            (400, "GET / HTTP/1.1\nHost: a\n\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nA(: b\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\0\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nA: \x7f\r\n\r\n"),
            (400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, "GET / \r\n\r\n"),
            (400, "GET /\r\n\r\n"),
            (400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, "GET / http/1.1\r\nHost: a\r\n\r\n"),
            (400, "GET / HTTP/01.1\r\nHost: a\r\n\r\n"),
            (400, "GET / HTTP/1\r\nHost: a\r\n\r\n"),
            (400, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, "\x16\x03\x01\x02\x00\x01\x00\x01\u{7c}\x03\x03"),
            (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
            (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            (417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"),
            (400, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n"),
            (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: content-length\r\n\r\nx"),
        ],
    );
}

#[test]
fn ambiguous_framing_is_refused_and_reaches_no_upstream() {
    let post = |fields: &str, body: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}");
    let cases: Vec<(u16, String)> = [
        (400, "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
        (400, "Content-Length: 5\r\nContent-Length: 5", "hello"),
        (400, "Content-Length: 5\r\nContent-Length: 6", "hello"),
        (400, "Content-Length: 5, 5", "hello"),
        (400, "Content-Length: +5", "hello"),
        (400, "Content-Length: -5", "hello"),
        (400, "Content-Length: 0x5", "hello"),
        (400, "Content-Length: 5 5", "hello"),
        (400, "Content-Length: 5;", "hello"),
        (400, "Content-Length:", "hello"),
        (400, "Content-Length: 18446744073709551621", "hello"),
        (400, "Transfer-Encoding: identity", "hello"),
        (400, "Transfer-Encoding: gzip", "hello"),
        (400, "Transfer-Encoding: xchunked", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked, gzip", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked, chunked", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
        (400, "Transfer-Encoding: ,chunked", "0\r\n\r\n"),
        (400, "Transfer-Encoding: chunked;q=1", "0\r\n\r\n"),
        (400, "Transfer-Encoding:", "0\r\n\r\n"),
        (501, "Transfer-Encoding: gzip, chunked", "0\r\n\r\n"),
    ]
    .map(|(status, fields, body)| (status, post(fields, body)))
    .into();
    let mut borrowed: Vec<(u16, &str)> = cases.iter().map(|(status, sent)| (*status, sent.as_str())).collect();
    borrowed.push((400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    table(&Stage::new(), &borrowed);
}

#[test]
fn targets_that_could_mean_two_things_are_refused_and_reach_no_upstream() {
    let stage = Stage::new();
    for target in [
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
        "/a#b",
        "/a\"b",
        "/a<b>",
        "/a^b",
        "/a`b",
        "/a{b}",
        "/a|b",
        "/?a#b",
        "*",
        "h:80",
        "ftp://h/",
        "x",
        "http://u@h/",
        "http:///x",
        "http://a b/",
    ] {
        stage.refused(request("GET", target).as_bytes(), 400);
    }
    stage.refused(b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    stage.refused(b"OPTIONS */x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    stage.refused(b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_eq!(stage.quiet.connections(), 0);
}

#[test]
fn heads_beyond_the_bounds_are_refused_and_reach_no_upstream() {
    let stage = Stage::new();
    let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9 * 1024));
    stage.refused(line.as_bytes(), 414);
    stage.refused("x".repeat(10_000).as_bytes(), 414);
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(33 * 1024));
    stage.refused(large.as_bytes(), 431);
    let unfinished = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}", "x".repeat(40 * 1024));
    stage.refused(unfinished.as_bytes(), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100));
    stage.refused(many.as_bytes(), 431);
    stage.refused(request(&"M".repeat(33), "/").as_bytes(), 501);
    assert_eq!(stage.quiet.connections(), 0);

    let just_fits = format!("GET /{} HTTP/1.1\r\nHost: a\r\n{}\r\n", "x".repeat(8000), "A: b\r\n".repeat(98));
    let mut client = stage.client();
    client.send(just_fits);
    assert_eq!(client.response().text(), "quiet");
}

#[test]
fn methods_that_are_not_proxied_are_refused_with_allow() {
    let stage = Stage::new();
    for sent in ["CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"] {
        let response = stage.refused(sent.as_bytes(), 405);
        assert!(response.field("Allow").unwrap().contains("GET"));
    }
    let mut client = stage.client();
    client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    let about_the_proxy = client.response();
    assert_eq!(about_the_proxy.status, 204);
    assert!(about_the_proxy.field("Allow").unwrap().contains("GET"));
    assert_eq!(stage.quiet.connections(), 0);
    assert_eq!(client.get("/").text(), "quiet");
}

#[test]
fn a_malformed_request_behind_a_sound_one_is_refused_after_it() {
    let stage = Stage::new();
    let mut client = stage.client();
    client.send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost : h\r\n\r\nGET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.response().text(), "plain");
    let refused = client.response();
    assert_eq!((refused.status, refused.field("Connection")), (400, Some("close")));
    client.expect_closed();
    assert_eq!(stage.quiet.connections(), 0);
}

#[test]
fn a_malformed_chunk_is_refused_and_the_upstream_sees_no_whole_body() {
    let stage = Stage::before(Origin::serve(|mut conn| {
        assert!(conn.request().is_none(), "a whole request came of a malformed one");
    }));
    for body in [
        "zz\r\n",
        "\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a=\x01\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nx",
        "5\r\nhello\r\n0\r\nContent Length: 5\r\n\r\n",
        "5\r\nhello\r\nzz\r\n",
    ] {
        let sent = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        stage.refused(sent.as_bytes(), 400);
    }
    let trailers = format!("0\r\nA: {}\r\n\r\n", "x".repeat(9 * 1024));
    let sent = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{trailers}");
    stage.refused(sent.as_bytes(), 431);
}

#[test]
fn a_body_that_ends_early_is_never_whole_upstream() {
    let stage = Stage::before(Origin::serve(|mut conn| {
        assert!(conn.request().is_none(), "half a body was taken for whole");
    }));
    for sent in [
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = stage.client();
        client.send(sent);
        stage.quiet.wait_for_connections(1);
        client.finish();
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (400, Some("close")), "{sent:?}");
        client.expect_closed();
    }
    assert_eq!(get(stage.standin.front, "/plain").text(), "plain");
}

#[test]
fn a_head_that_does_not_come_whole_is_a_408_in_the_end() {
    let stage = Stage::new();
    stage.refused(b"GET / HTTP/1.1\r\nHost: h\r\n", 408);
    assert_eq!(stage.quiet.connections(), 0);
}

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
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("OPTIONS / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("X-FOO / HTTP/1.1\r\nHost: h\r\nContent-Length: 004\r\n\r\nbody", "4 body"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "0 "),
        ("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "none "),
        ("POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", "4 body"),
        ("GET / HTTP/1.9\r\nHost: h\r\n\r\n", "none "),
    ] {
        client.send(sent);
        assert_eq!(client.response().text(), expected, "{sent:?}");
    }
}

#[test]
fn fields_of_one_connection_stay_on_it() {
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

#[test]
fn a_mount_to_the_proxy_itself_is_refused() {
    let stage = Stage::new();
    let admin = stage.standin.admin();
    let (front_port, admin_port) = (stage.standin.front.port(), stage.standin.admin_address().port());
    for (number, host) in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"].into_iter().enumerate() {
        admin.mount(&format!("/front{number}"), &format!("http://{host}:{front_port}/"));
        admin.mount(&format!("/admin{number}"), &format!("http://{host}:{admin_port}/"));
        assert_eq!(get(stage.standin.front, &format!("/front{number}/plain")).status, 508, "{host}");
        assert_eq!(get(stage.standin.front, &format!("/admin{number}/healthz")).status, 403, "{host}");
    }
    let transparent = json!({
        "kind": "transparent", "match": { "host": "127.0.0.1" }, "allowed_hosts": [format!("127.0.0.1:{admin_port}")],
    });
    assert_eq!(admin.post(&transparent).status, 201);
    let mut client = stage.client();
    client.send(format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{admin_port}\r\n\r\n"));
    assert_eq!(client.response().status, 403);
}

#[test]
fn a_request_that_came_through_here_before_is_a_loop() {
    let stage = Stage::new();
    let mut client = stage.client();
    assert_eq!(client.get("/").text(), "quiet");
    let received = stage.quiet.received(0);
    let via = values(&received, "Via")[0].escape_ascii().to_string();
    client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 fred\r\nVia: {via}\r\n\r\n"));
    assert_eq!(client.response().status, 508);
}
