//! What may last how long, and how much there may be: the numbers of a mount,
//! and clients that are gone or might as well be.
//!
//! Table B3 of the specification, where it is not here: heads in
//! `requests::heads` and `faults::heads`, chunk extensions and trailers in
//! `requests::content`, interim responses in `faults::heads`, connecting in
//! `faults::connecting`, retries in `faults::reuse`, requests and connections
//! at a time in `isolation` and `process`, admin content in `guard`, draining
//! in `process` and `tunnels`, and what only the clock shows in `deadlines`.

use crate::common::client::{Raw, get, request};
use crate::common::eventually;
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::{End, value};
use serde_json::{Value, json};

/// A server with that origin behind `/`, under those limits and timeouts.
fn bounded(origin: &Origin, limits: Value, timeouts: Value) -> Standin {
    let standin = Standin::start();
    let spec = json!({ "kind": "regular", "address": origin.url(), "limits": limits, "timeouts": timeouts });
    let made = standin.admin().put("m", &spec);
    assert_eq!(made.status, 201, "{}", made.value);
    standin
}

/// Reads a request, says so, sends something, and waits for the end.
fn holding(sent: &'static str, arrived: &Gate, ended: &Gate) -> Origin {
    let (arrived, ended) = (arrived.clone(), ended.clone());
    Origin::serve(move |mut conn| {
        if conn.request().is_some() {
            conn.send(sent);
            arrived.arrive();
            conn.until_end();
            ended.arrive();
        }
    })
}

#[test]
fn a_client_that_goes_away_while_its_upstream_is_silent_cancels_it() {
    // B9 row 20
    let (arrived, ended) = (Gate::new(), Gate::new());
    let origin = holding("", &arrived, &ended);
    let standin = bounded(&origin, json!({}), json!({}));
    for (number, version) in ["1.1", "1.0"].into_iter().enumerate() {
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET / HTTP/{version}\r\nHost: h\r\n\r\n"));
        arrived.wait_for(number + 1);
        if number == 0 {
            drop(client);
        } else {
            client.reset();
        }
        ended.wait_for(number + 1);
    }
}

#[test]
fn a_client_that_goes_away_while_its_reply_pauses_cancels_it() {
    let (arrived, ended) = (Gate::new(), Gate::new());
    let origin = holding("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", &arrived, &ended);
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    client.head();
    arrived.wait();
    drop(client);
    ended.wait();
}

#[test]
fn a_client_that_says_no_more_is_still_answered_after_a_while() {
    let probed = Gate::new();
    let origin = {
        let probed = probed.clone();
        Origin::serve(move |mut conn| {
            if conn.request().is_some() {
                probed.wait();
                conn.answer("at last");
            }
        })
    };
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    client.finish();
    assert_eq!(client.response().status, 100, "it is asked whether it is there");
    probed.arrive();
    assert_eq!(client.response().text(), "at last");
    client.expect_closed();
}

#[test]
fn what_a_client_sends_ahead_while_it_waits_is_kept() {
    let (arrived, may_answer) = (Gate::new(), Gate::new());
    let origin = {
        let (arrived, may_answer) = (arrived.clone(), may_answer.clone());
        Origin::serve(move |mut conn| {
            while let Some(request) = conn.request() {
                arrived.arrive();
                may_answer.wait();
                conn.answer(request.line());
            }
        })
    };
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/0"));
    arrived.wait();
    for number in 1..1000 {
        client.send(request("GET", &format!("/{number}")));
    }
    may_answer.arrive();
    for number in 0..999 {
        assert_eq!(client.response().text(), format!("GET /{number} HTTP/1.1"));
    }
}

#[test]
fn an_upstream_that_does_not_answer_in_its_time_is_a_504_and_costs_no_connection() {
    // B9 row 18
    let (arrived, ended) = (Gate::new(), Gate::new());
    let origin = holding("", &arrived, &ended);
    let standin = bounded(&origin, json!({}), json!({ "first_byte_ms": 300 }));
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    let response = client.response();
    assert_eq!((response.status, response.field("Connection")), (504, None));
    ended.wait();
    assert_eq!(client.get("/").status, 504);
    assert_eq!((origin.connections(), origin.heads()), (2, 2), "and no request was sent twice");
}

#[test]
fn a_head_that_drips_from_an_upstream_is_a_504_at_the_deadline_of_the_whole() {
    // B9 row 7
    let origin = Origin::serve(|mut conn| {
        if conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\n");
            conn.drip("a");
        }
    });
    let standin = bounded(&origin, json!({}), json!({ "first_byte_ms": 400 }));
    assert_eq!(get(standin.front, "/").status, 504);
}

#[test]
fn a_reply_that_stands_still_is_cut_off() {
    // B9 row 19
    let (arrived, ended) = (Gate::new(), Gate::new());
    let origin = holding("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", &arrived, &ended);
    let standin = bounded(&origin, json!({}), json!({ "idle_ms": 300 }));
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    let broken = client.try_response().unwrap_err();
    assert_eq!((broken.body.as_slice(), broken.end), (&b"12345"[..], End::Reset));
    ended.wait();
}

#[test]
fn a_request_body_that_stands_still_is_a_408_and_never_whole_upstream() {
    let ended = Gate::new();
    let origin = {
        let ended = ended.clone();
        Origin::serve(move |mut conn| {
            let head = conn.head().unwrap();
            assert_eq!(conn.body(&head), None);
            ended.arrive();
        })
    };
    let standin = bounded(&origin, json!({}), json!({ "idle_ms": 300 }));
    let mut client = Raw::connect(standin.front);
    // B8 rows 44 and 56
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\nsome");
    let response = client.response();
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
    ended.wait();
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let response = client.response();
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
    ended.wait_for(2);
}

#[test]
fn an_expected_body_that_never_comes_is_a_408() {
    let origin = Origin::serve(|mut conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            conn.until_end();
        }
    });
    let standin = bounded(&origin, json!({}), json!({ "idle_ms": 300 }));
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.response().status, 100);
    let response = client.response();
    assert_eq!((response.status, response.field("Connection")), (408, Some("close")));
}

#[test]
fn an_exchange_that_takes_too_long_in_all_ends_however_it_moves() {
    let origin = Origin::serve(|mut conn| {
        if let Some(request) = conn.request() {
            if request.line().contains("/silent") {
                return conn.until_end();
            }
            conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            conn.drip("1\r\nx\r\n");
        }
    });
    let standin = bounded(&origin, json!({}), json!({ "total_ms": 400 }));
    assert_eq!(get(standin.front, "/silent").status, 504);
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/drip"));
    assert_eq!(client.try_response().unwrap_err().end, End::Reset);
}

#[test]
fn a_body_beyond_the_limit_of_its_mount_is_a_413() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(request.body);
        }
    });
    let standin = bounded(&origin, json!({ "request_body_bytes_max": 5 }), json!({}));
    let post = |sent: &str| {
        let mut client = Raw::connect(standin.front);
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\n{sent}"));
        client.response()
    };
    assert_eq!(post("Content-Length: 5\r\n\r\n12345").text(), "12345");
    assert_eq!(post("Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n3\r\n345\r\n0\r\n\r\n").text(), "12345");
    let length = post("Content-Length: 6\r\n\r\n");
    assert_eq!((length.status, length.field("Connection")), (413, Some("close")));
    let chunked = post("Transfer-Encoding: chunked\r\n\r\n2\r\n12\r\n4\r\n3456\r\n0\r\n\r\n");
    assert_eq!((chunked.status, chunked.field("Connection")), (413, Some("close")));
}

#[test]
fn limits_count_from_the_next_request_on() {
    let (arrived, may_answer) = (Gate::new(), Gate::new());
    let origin = {
        let (arrived, may_answer) = (arrived.clone(), may_answer.clone());
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                arrived.arrive();
                may_answer.wait();
                conn.answer("done");
            }
        })
    };
    let standin = bounded(&origin, json!({ "concurrent_requests_max": 1 }), json!({}));
    let mut first = Raw::connect(standin.front);
    first.send(request("GET", "/"));
    arrived.wait();
    assert_eq!(get(standin.front, "/").status, 503);
    let spec = json!({ "kind": "regular", "address": origin.url(), "limits": { "concurrent_requests_max": 2 } });
    let changed = standin.admin().put("m", &spec);
    assert_eq!(changed.value["limits"]["concurrent_requests_max"], 2);
    let mut second = Raw::connect(standin.front);
    second.send(request("GET", "/"));
    arrived.wait_for(2);
    may_answer.arrive();
    assert_eq!((first.response().text(), second.response().text()), ("done", "done"));
}

#[test]
fn a_pooled_connection_is_used_no_longer_than_its_upstream_says() {
    // B9 row 23
    let closed = Gate::new();
    let origin = {
        let closed = closed.clone();
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                conn.send("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n");
            }
            closed.arrive();
        })
    };
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.get("/");
    client.get("/");
    assert_eq!(origin.connections(), 1);
    closed.wait();
    client.get("/");
    assert_eq!(origin.connections(), 2);
}

#[test]
fn a_trace_goes_on_and_begins_where_it_is_asked_for() {
    let origin = Origin::answering("");
    let standin = bounded(&origin, json!({}), json!({}));
    let spec = json!({ "kind": "regular", "address": origin.url(), "traceparent": "ensure" });
    assert_eq!(standin.admin().put("m", &spec).status, 200);
    let mut client = Raw::connect(standin.front);
    let came = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nTraceparent: {came}\r\nTracestate: a=1\r\n\r\n"));
    client.response();
    client.send("GET / HTTP/1.1\r\nHost: h\r\ntraceparent: nonsense\r\ntracestate: a=1\r\n\r\n");
    client.response();
    let received = origin.received(0);
    let second = received.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(value(&received[..second], "traceparent"), Some(came));
    assert_eq!(value(&received[..second], "tracestate"), Some("a=1"));
    let made = value(&received[second..], "traceparent").unwrap();
    assert!(made.len() == 55 && made.starts_with("00-") && made.ends_with("-00"), "{made}");
    assert_eq!(value(&received[second..], "tracestate"), None);
}

#[test]
fn an_options_request_goes_as_many_hops_as_it_may() {
    // B8 row 50
    let origin = Origin::answering("from the origin");
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.send("OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n");
    let here = client.response();
    assert_eq!(here.status, 204);
    assert!(here.field("Allow").unwrap().contains("OPTIONS"));
    client.send("OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 7\r\n\r\n");
    assert_eq!(client.response().text(), "from the origin");
    assert_eq!(value(&origin.received(0), "Max-Forwards"), Some("6"));
    client.send("OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: -1\r\n\r\n");
    assert_eq!(client.response().status, 400);
}

/// B8 row 55, in the middle of a reply: what is sent to see whether the client
/// is there must not show in the content.
#[test]
fn a_client_that_says_no_more_gets_the_rest_of_a_reply_that_pauses() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let chunked = request.line().contains("/chunked");
            let (head, parts) = if chunked {
                ("Transfer-Encoding: chunked", ["5\r\nhello\r\n", "5\r\nworld\r\n0\r\n\r\n"])
            } else {
                ("Content-Length: 10", ["hello", "world"])
            };
            conn.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{}", parts[0]));
            std::thread::sleep(std::time::Duration::from_millis(1500));
            conn.send(parts[1]);
        }
    });
    let standin = bounded(&origin, json!({}), json!({}));
    for path in ["/chunked", "/length"] {
        let mut client = Raw::connect(standin.front);
        client.send([request("GET", path), request("GET", "/chunked")].concat());
        client.finish();
        assert_eq!(client.response().text(), "helloworld", "{path}");
        assert_eq!(client.response().text(), "helloworld", "pipelined behind {path}");
        client.expect_closed();
    }
}

#[test]
fn a_client_that_resets_while_nobody_reads_its_content_cancels_its_request() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = {
        let (arrived, may_go_on) = (arrived.clone(), may_go_on.clone());
        Origin::serve(move |mut conn| {
            conn.head();
            arrived.arrive();
            may_go_on.wait();
        })
    };
    let standin = bounded(&origin, json!({}), json!({ "idle_ms": 600_000, "first_byte_ms": 600_000 }));
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
    arrived.wait();
    client.send_until_blocked(256 * 1024 * 1024);
    client.reset();
    eventually("the request ends", || standin.admin().get("/v1/mounts/m").value["in_flight"] == 0);
    may_go_on.arrive();
}

/// Regression: content that a client rightly did not send cost it the answer.
#[test]
fn an_answer_without_the_expected_100_goes_on_though_the_content_never_comes() {
    let (half_sent, may_go_on) = (Gate::new(), Gate::new());
    let origin = {
        let (half_sent, may_go_on) = (half_sent.clone(), may_go_on.clone());
        Origin::serve(move |mut conn| {
            if conn.head().is_some() {
                conn.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                half_sent.arrive();
                may_go_on.wait();
                conn.send("world");
            }
        })
    };
    let standin = bounded(&origin, json!({}), json!({}));
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    half_sent.wait();
    client.head();
    assert_eq!(client.part(5), b"hello");
    client.finish();
    may_go_on.arrive();
    assert_eq!(client.part(5), b"world");
    client.expect_closed();
}
