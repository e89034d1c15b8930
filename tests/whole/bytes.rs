//! What passes byte for byte, and how framing is translated between the
//! versions.

use crate::common::client::{Delimited, Raw, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::{End, lines};
use serde_json::json;

/// A server whose mount `/` leads to that origin.
fn in_front_of(origin: &Origin) -> Standin {
    let standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    standin
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn a_response_head_comes_through_byte_for_byte() {
    let head: &[u8] =
        b"HTTP/1.1 599 d\xe9j\xc3\xa0 vu \"!\"\r\nzEBRA: 1\r\nSet-Cookie: a=1; Path=/\r\nX-Raw: \xe2\x82\xac\xff\r\n\
        content-LENGTH: 4\r\nSet-Cookie: b=2\r\nAlpha: with  two spaces\r\nEmpty: \r\n\r\n";
    let origin = Origin::sending([head, b"body"].concat());
    let standin = in_front_of(&origin);
    let response = Raw::connect(standin.front).get("/");
    assert_eq!(text(&response.head), text(head));
    assert_eq!(response.text(), "body");
}

#[test]
fn a_request_reaches_a_regular_mount_in_its_own_words() {
    let origin = Origin::answering("");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(
        b"X-FOO /a%2Fb;c=1?x='y' HTTP/1.1\r\nzEBRA: 1\r\nhOsT: standin.test:80\r\nX-Raw: \xe2\x82\xac\r\nCookie: a\r\n\
          cookie: b\r\nAccept-Encoding: gzip\r\n\r\n",
    );
    assert_eq!(client.response().status, 200);
    let received = origin.received(0);
    let mut seen: Vec<String> = lines(&received).into_iter().map(text).collect();
    let via = seen.pop().unwrap();
    assert!(via.starts_with("Via: 1.1 standin-"), "{via}");
    assert_eq!(
        seen,
        [
            "X-FOO /a%2Fb;c=1?x=\\'y\\' HTTP/1.1",
            "zEBRA: 1",
            &format!("hOsT: {}", origin.address),
            "X-Raw: \\xe2\\x82\\xac",
            "Cookie: a",
            "cookie: b",
            "Accept-Encoding: gzip",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Host: standin.test:80",
            "X-Forwarded-Proto: http",
        ]
    );
}

#[test]
fn a_transparent_mount_passes_the_head_as_it_was_sent() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let mount = json!({ "kind": "transparent", "force_host": origin.address.to_string() });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let sent =
        "X-FOO /a%2Fb;c=1?x='y' HTTP/1.1\r\nzEBRA: 1\r\nhOsT: Some.Where.Example:8080\r\nCookie: a\r\ncookie: b\r\n";
    let mut client = Raw::connect(standin.front);
    client.send(format!("{sent}\r\n"));
    assert_eq!(client.response().status, 200);
    let received = String::from_utf8(origin.received(0)).unwrap();
    let added = received.strip_prefix(sent).unwrap_or_else(|| panic!("not as sent: {received}"));
    let names: Vec<&str> = added.split("\r\n").map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["X-Forwarded-For", "Via", "", ""]);
}

#[test]
fn targets_are_joined_without_being_rewritten() {
    // B8 rows 10 and 11
    let origin = Origin::answering("");
    let standin = Standin::start();
    standin.admin().mount("/app", &format!("{}base%20x/", origin.url()));
    let mut client = Raw::connect(standin.front);
    for (target, expected) in [
        ("/app", "/base%20x/"),
        ("/app/", "/base%20x/"),
        ("/app?q", "/base%20x/?q"),
        ("/app/a//b/?", "/base%20x/a//b/?"),
        ("/app/%7Eu%7eu%00", "/base%20x/%7Eu%7eu%00"),
        ("http://standin.test/app/x", "/base%20x/x"),
    ] {
        client.send(request("GET", target));
        assert_eq!(client.response().status, 200, "{target}");
        let received = String::from_utf8(origin.received(0)).unwrap();
        let line = received.lines().rfind(|line| line.starts_with("GET ")).unwrap();
        assert_eq!(line, format!("GET {expected} HTTP/1.1"), "{target}");
    }
    assert_eq!(client.get("/apple").status, 404, "a prefix ends where a segment does");
}

#[test]
fn interim_responses_are_relayed() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let origin = Origin::sending(format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"));
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    assert_eq!(client.get("/").status, 100);
    let hints = client.response();
    assert_eq!(text(&hints.head), "HTTP/1.1 103 Early Hints\\r\\nLink: </a.css>; rel=preload\\r\\n\\r\\n");
    let last = client.response();
    assert_eq!((last.status, last.text()), (200, "body"));
}

#[test]
fn interim_responses_are_not_relayed_to_http_1_0() {
    let origin = Origin::sending("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let only = client.response();
    assert_eq!((only.status, only.text()), (200, "body"));
    client.expect_closed();
}

#[test]
fn responses_without_content_keep_their_length_and_the_connection() {
    // B9 row 17
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let line = request.line();
            match line.split(' ').nth(1).unwrap() {
                "/204" => conn.send("HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n"),
                "/204-length" => conn.send("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
                "/304" => conn.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n"),
                "/chunked" => conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                "/head" => conn.send("HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"),
                other => panic!("{other}"),
            }
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(request("HEAD", "/head"));
    assert_eq!(text(&client.response_to_head().head), "HTTP/1.1 200 OK\\r\\nContent-Length: 42\\r\\n\\r\\n");
    client.send(request("HEAD", "/chunked"));
    assert_eq!(client.response_to_head().status, 200);
    assert_eq!(text(&client.get("/304").head), "HTTP/1.1 304 Not Modified\\r\\nContent-Length: 42\\r\\n\\r\\n");
    assert_eq!(
        text(&client.get("/204").head),
        "HTTP/1.1 204 No Content\\r\\nETag: \"x\"\\r\\n\\r\\n".replace('"', "\\\"")
    );
    assert_eq!(client.get("/204-length").field("Content-Length"), None, "RFC 9110 §8.6: no length with 204");
    assert_eq!(client.get("/304").status, 304);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn trailers_are_passed_on_both_ways_where_te_asks_and_the_list_allows() {
    // B8 row 43
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let asked = (request.field("TE").map(str::to_owned), request.field("Connection").map(str::to_owned));
            assert_eq!(asked, (Some("trailers".into()), Some("TE".into())));
            conn.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Etag, Set-Cookie\r\n\r\n\
                 1\r\nx\r\n0\r\nETag: \"1\"\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\ngrpc-status: 0\r\n\r\n",
            );
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(
        "POST / HTTP/1.1\r\nHost: h\r\nTE: trailers, gzip\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\nServer-Timing: a\r\nAuthorization: x\r\nHost: evil\r\nX-Forwarded-For: 1\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(response.trailers, b"ETag: \"1\"\r\ngrpc-status: 0\r\n");
    assert_eq!(response.field("Trailer"), Some("Etag, Set-Cookie"));
    let received = text(&origin.received(0));
    assert!(origin.received(0).ends_with(b"0\r\nServer-Timing: a\r\n\r\n"), "{received}");
    client.send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
    assert_eq!(client.response().body, b"x", "the connection goes on");
}

#[test]
fn a_chunked_response_stays_chunked_and_loses_its_trailers() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         5;ext=\"a;b\"\r\nhello\r\n07\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    let response = client.get("/");
    assert_eq!((response.delimited, response.text()), (Delimited::Chunked, "hello, world"));
    assert_eq!((text(&response.trailers), response.field("Trailer")), (String::new(), None));
}

#[test]
fn a_chunked_request_stays_chunked_and_loses_its_trailers() {
    // B8 rows 41 and 43
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            assert_eq!(request.field("Transfer-Encoding"), Some("chunked"));
            assert_eq!(request.field("Content-Length"), None);
            conn.answer(&request.body);
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n\
         5;ext=1\r\nhello\r\n00007\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    assert_eq!(client.response().text(), "hello, world");
    assert!(!text(&origin.received(0)).contains("X-Sum"));
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "");
}

#[test]
fn a_response_until_close_is_chunked_for_http_1_1_and_until_close_for_http_1_0() {
    // B9 row 16
    let origin = Origin::sending("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for _ in 0..2 {
        let response = client.get("/");
        assert_eq!((response.delimited, response.text()), (Delimited::Chunked, "until the end"));
    }
    let mut old = Raw::connect(standin.front);
    old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = old.response();
    assert_eq!((response.delimited, response.text()), (Delimited::Close, "until the end"));
    assert_eq!(response.field("Transfer-Encoding"), None);
    assert_eq!(response.field("Connection"), Some("close"));
}

#[test]
fn a_chunked_response_is_until_close_for_http_1_0() {
    let origin = Origin::sending("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let standin = in_front_of(&origin);
    let mut old = Raw::connect(standin.front);
    old.send("GET / HTTP/1.0\r\n\r\n");
    let response = old.response();
    assert_eq!((response.delimited, response.text()), (Delimited::Close, "hello"));
}

#[test]
fn http_1_0_is_kept_alive_only_when_asked() {
    // B8 row 20
    let origin = Origin::answering("body");
    let standin = in_front_of(&origin);
    let mut kept = Raw::connect(standin.front);
    for _ in 0..2 {
        kept.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let response = kept.response();
        assert_eq!((response.text(), response.field("Connection")), ("body", Some("keep-alive")));
    }
    let mut plain = Raw::connect(standin.front);
    plain.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(plain.response().text(), "body");
    plain.expect_closed();
    let received = text(&origin.received(0));
    assert!(received.starts_with("GET / HTTP/1.1\\r\\nHost: "), "a 1.0 request goes on as 1.1: {received}");
}

#[test]
fn http_1_1_is_closed_when_asked() {
    let origin = Origin::answering("body");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let response = client.response();
    assert_eq!((response.text(), response.field("Connection")), ("body", Some("close")));
    client.expect_closed();
}

#[test]
fn a_client_that_half_closes_is_still_answered() {
    // B8 row 55
    let origin = Origin::answering("body");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    client.finish();
    assert_eq!(client.response().text(), "body");
    client.expect_closed();
}

/// Answers with what it got.
fn echo() -> Origin {
    Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let line = request.line();
            conn.answer([line.as_bytes(), b" | ", &request.body].concat());
        }
    })
}

#[test]
fn one_and_a_half_requests_in_one_segment_are_two_requests() {
    // B8 row 52
    let origin = echo();
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client
        .send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nfirstPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Le");
    assert_eq!(client.response().text(), "POST /1 HTTP/1.1 | first");
    client.send("ngth: 6\r\n\r\nsec");
    client.send("ondGET /3 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    for expected in ["POST /2 HTTP/1.1 | second", "GET /3 HTTP/1.1 | ", "GET /4 HTTP/1.1 | "] {
        assert_eq!(client.response().text(), expected);
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_the_same_request() {
    // B8 row 53
    let origin = echo();
    let standin = in_front_of(&origin);
    let sent = "PUT /x?y HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 12\r\nX-Z: \t1\r\n\r\nhello, world";
    let mut client = Raw::connect(standin.front);
    client.send(sent);
    assert_eq!(client.response().text(), "PUT /x?y HTTP/1.1 | hello, world");
    let once = origin.received(0);
    for byte in sent.bytes() {
        client.send([byte]);
    }
    assert_eq!(client.response().text(), "PUT /x?y HTTP/1.1 | hello, world");
    let twice = origin.received(0);
    assert_eq!(text(&twice), text(&once.repeat(2)));

    let chunked = "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n7\r\n, world\r\n0\r\nT: 1\r\n\r\n";
    for byte in chunked.bytes() {
        client.send([byte]);
    }
    assert_eq!(client.response().text(), "PUT /x HTTP/1.1 | hello, world");
}

#[test]
fn an_expectation_is_met_by_the_origin() {
    // B8 row 46
    let origin = Origin::serve(|mut conn| {
        while let Some(head) = conn.head() {
            assert!(text(&head).contains("Expect: 100-continue"));
            conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            let body = conn.body(&head).unwrap();
            conn.answer(body);
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for _ in 0..2 {
        client.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(client.response().status, 100);
        client.send("body");
        assert_eq!(client.response().text(), "body");
    }
}

#[test]
fn an_origin_that_refuses_an_expectation_is_heard_before_the_body() {
    // B8 row 46
    let origin = Origin::serve(|mut conn| {
        conn.head();
        conn.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
        conn.until_end();
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.text(), response.field("Connection")), (417, "no", Some("close")));
    client.expect_closed();
}

#[test]
fn an_early_answer_arrives_while_the_body_is_being_sent() {
    // B9 row 15
    let answered = Gate::new();
    let origin = {
        let answered = answered.clone();
        Origin::serve(move |mut conn| {
            conn.head();
            conn.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntoo much");
            answered.wait();
        })
    };
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
    client.send([b'x'; 100_000]);
    let response = client.response();
    assert_eq!((response.status, response.text(), response.field("Connection")), (413, "too much", Some("close")));
    client.try_send([b'x'; 1000]);
    assert_ne!(client.rest().1, End::Silent, "the rest of the body is not waited for");
    answered.arrive();
    assert_eq!(origin.connections(), 1);
}

#[test]
fn both_directions_flow_at_the_same_time() {
    let origin = Origin::serve(|mut conn| {
        let head = conn.head().unwrap();
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst,");
        let body = conn.body(&head).unwrap();
        conn.send(body);
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n");
    client.head();
    assert_eq!(text(&client.part(6)), "first,");
    client.send("second");
    assert_eq!(text(&client.part(6)), "second");
}

#[test]
fn a_426_says_which_protocol_is_wanted() {
    let origin = Origin::sending(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: a/1\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
    );
    let standin = in_front_of(&origin);
    let response = Raw::connect(standin.front).get("/");
    assert_eq!((response.status, response.field("Upgrade")), (426, Some("a/1")));
}
