//! Bodies that do not end as they said they would, or do not end there.

use super::{Stage, broken};
use crate::common::client::request;
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::wire::End;

/// Every reply that does not end as it said it would.
const CUT_OFF: &[&str] = &[
    // B9 row 10
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    // B9 row 11
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
];

/// Every reply that goes wrong, whatever comes behind it.
const MALFORMED: &[&str] = &[
    // B9 row 11
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nno trailer\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA : b\r\n\r\n",
];

#[test]
fn a_body_that_is_cut_off_or_malformed_is_cut_off_for_the_client() {
    let cases = [CUT_OFF, MALFORMED].concat();
    let stage = Stage::new(Origin::sending_case(&cases));
    for (number, sent) in cases.iter().enumerate() {
        let mut client = stage.client();
        client.send(request("GET", &format!("/bad/{number}")));
        let broken = broken(&mut client, sent);
        assert!(broken.end != End::Silent && broken.body.len() <= 5, "{broken:?} of {sent:?}");
        stage.check_that_others_are_served();
    }
    assert_eq!(stage.bad.heads(), cases.len());
}

#[test]
fn a_body_that_is_cut_off_is_a_reset_for_http_1_0() {
    let cases = [CUT_OFF, MALFORMED].concat();
    let stage = Stage::new(Origin::sending_case(&cases));
    for (number, sent) in cases.iter().enumerate() {
        let mut client = stage.client();
        client.send(format!("GET /bad/{number} HTTP/1.0\r\n\r\n"));
        assert_eq!(broken(&mut client, sent).end, End::Reset, "{sent:?}");
    }
    stage.check_that_others_are_served();
}

#[test]
fn a_connection_with_a_malformed_body_on_it_is_not_used_again() {
    let stage = Stage::new(Origin::sending_case_and_staying(MALFORMED));
    // B9 row 11
    for (number, sent) in MALFORMED.iter().enumerate() {
        let mut client = stage.client();
        assert_eq!(client.get("/bad/next").text(), "/next", "before {sent:?}");
        client.send(request("GET", &format!("/bad/{number}")));
        broken(&mut client, sent);
    }
    assert_eq!(stage.bad.connections(), MALFORMED.len());
    assert_eq!(stage.bad.heads(), 2 * MALFORMED.len());
}

#[test]
fn a_reset_in_the_middle_of_a_body_cuts_it_off() {
    // B9 row 10
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let relayed = Gate::new();
        let stage = Stage::new({
            let relayed = relayed.clone();
            Origin::serve(move |mut conn| {
                conn.request();
                conn.send(head);
                conn.send("hello");
                relayed.wait();
                conn.reset();
            })
        });
        let mut client = stage.client();
        client.send(request("GET", "/bad"));
        let head_seen = client.head();
        let chunked = String::from_utf8(head_seen).unwrap().contains("chunked");
        assert_eq!(client.part(if chunked { "5\r\nhello\r\n".len() } else { 5 }).len() % 5, 0);
        relayed.arrive();
        let (rest, end) = client.rest();
        assert_eq!(rest, b"", "{head:?}");
        assert_ne!(end, End::Silent, "{head:?}");
        stage.check_that_others_are_served();
    }
}

#[test]
fn what_comes_behind_a_body_is_not_delivered_and_ends_the_connection() {
    // B9 row 12
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    for end in ["Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"] {
        let stage = Stage::new(Origin::serve(move |mut conn| {
            while let Some(request) = conn.request() {
                if request.line().contains("poisoned") {
                    conn.send(format!("HTTP/1.1 200 OK\r\n{end}{extra}"));
                } else {
                    conn.answer("own answer");
                }
            }
        }));
        let mut client = stage.client();
        assert_eq!(client.get("/bad/poisoned").text(), "ok");
        assert_eq!(client.get("/bad/next").text(), "own answer");
        assert_eq!(client.get("/bad/other").text(), "own answer");
        assert_eq!(stage.bad.connections(), 2);
    }
}

#[test]
fn content_where_there_can_be_none_ends_the_connection() {
    // B9 row 17
    for (method, sent) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\npoison"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n"),
    ] {
        let stage = Stage::new(Origin::serve(move |mut conn| {
            while let Some(request) = conn.request() {
                if request.line().contains("poisoned") {
                    conn.send(sent);
                } else {
                    conn.answer("own answer");
                }
            }
        }));
        let mut client = stage.client();
        client.send(request(method, "/bad/poisoned"));
        let head = client.head().escape_ascii().to_string();
        assert_eq!(head.contains("Content-Length"), sent.contains("Content-Length") && !sent.contains("204"), "{head}");
        assert!(!head.contains("Connection"), "{head}");
        assert_eq!(client.get("/bad/next").text(), "own answer", "{sent:?}");
        assert_eq!(stage.bad.connections(), 2, "{sent:?}");
    }
}

#[test]
fn a_client_that_does_not_read_stops_its_upstream() {
    const FLOOD: usize = 256 * 1024 * 1024;
    let (stopped, may_end) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        let (stopped, may_end) = (stopped.clone(), may_end.clone());
        Origin::serve(move |mut conn| {
            if conn.request().is_some() {
                conn.send("HTTP/1.1 200 OK\r\n\r\n");
                let sent = conn.send_until_blocked(FLOOD);
                assert!(sent < FLOOD / 2, "{sent} bytes were taken though nobody read them");
                stopped.arrive();
                may_end.wait();
            }
        })
    });
    // B9 row 21. What this may cost is asserted at the end of every test.
    let mut client = stage.client();
    client.send(request("GET", "/bad"));
    client.head();
    stopped.wait();
    stage.check_that_others_are_served();
    may_end.arrive();
    client.finish();
    let (rest, end) = client.rest();
    assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "{} bytes, {end:?}", rest.len());
}

#[test]
fn an_upstream_that_does_not_read_stops_its_client() {
    const FLOOD: usize = 256 * 1024 * 1024;
    let (begun, may_end) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        let (begun, may_end) = (begun.clone(), may_end.clone());
        Origin::serve(move |mut conn| {
            if conn.head().is_some() {
                begun.arrive();
                may_end.wait();
            }
        })
    });
    let mut client = stage.client();
    client.send(format!("PUT /bad HTTP/1.1\r\nHost: h\r\nContent-Length: {FLOOD}\r\n\r\n"));
    begun.wait();
    let sent = client.send_until_blocked(FLOOD);
    assert!(sent < FLOOD / 2, "{sent} bytes were taken though nobody read them");
    stage.check_that_others_are_served();
    may_end.arrive();
    assert_eq!(client.response().status, 502);
}
