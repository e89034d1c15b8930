//! What is no answer: every one a 502 that costs the client nothing.

use super::Stage;
use crate::common::client::request;
use crate::common::origin::Origin;

/// Heads that are wrong whatever comes behind them.
const MALFORMED: &[&str] = &[
    // B9 row 5
    "SSH-2.0-OpenSSH_9.2\r\n",
    "<html>HTTP/0.9</html>",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "http/1.1 200 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1\t200 OK\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "\x15\x03\x01\x00\x02\x02\x16",
    // B9 row 6
    "HTTP/1.1 000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 99 OK\r\n\r\n",
    "HTTP/1.1 600 OK\r\n\r\n",
    "HTTP/1.1 999 OK\r\n\r\n",
    "HTTP/1.1 2OO OK\r\n\r\n",
    "HTTP/1.1 2 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 +20 OK\r\n\r\n",
    "HTTP/1.1 -200 OK\r\n\r\n",
    // B9 row 8
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA\t: b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\x01c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\x7fc\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n",
    // B9 row 9
    "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // B9 row 14
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
];

/// Heads that are wrong because they end where they do.
const CUT_SHORT: &[&str] = &[
    // B9 row 4
    "",
    // B9 row 5
    "HTTP",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    // B9 row 14
    "HTTP/1.1 103 Early Hints",
];

#[test]
fn what_is_no_answer_is_a_502_and_costs_no_connection() {
    let cases = [MALFORMED, CUT_SHORT].concat();
    let stage = Stage::new(Origin::sending_case(&cases));
    let mut client = stage.client();
    for (number, sent) in cases.iter().enumerate() {
        let response = client.get(&format!("/bad/{number}"));
        assert_eq!((response.status, response.field("Connection")), (502, None), "{sent:?}");
        assert!(!response.text().contains("127.0.0.1"), "the text is public: {}", response.text());
        assert_eq!(client.get("/good").text(), "good", "{sent:?}");
    }
    assert_eq!(stage.bad.heads(), cases.len(), "nothing is tried twice on a fresh connection");
    stage.check_that_others_are_served();
}

#[test]
fn a_connection_with_nonsense_on_it_is_not_used_again() {
    let stage = Stage::new(Origin::sending_case_and_staying(MALFORMED));
    let mut client = stage.client();
    for (number, sent) in MALFORMED.iter().enumerate() {
        assert_eq!(client.get("/bad/next").text(), "/next", "before {sent:?}");
        assert_eq!(client.get(&format!("/bad/{number}")).status, 502, "{sent:?}");
    }
    assert_eq!(stage.bad.connections(), MALFORMED.len());
    assert_eq!(stage.bad.heads(), 2 * MALFORMED.len(), "nonsense is no reason to ask again");
}

#[test]
fn any_status_from_200_to_599_passes() {
    let statuses = [200, 226, 299, 399, 418, 451, 499, 500, 508, 599];
    let cases = statuses.map(|status| format!("HTTP/1.1 {status} Odd\r\nContent-Length: 2\r\n\r\nok"));
    let stage = Stage::new(Origin::sending_case_and_staying(&cases));
    let mut client = stage.client();
    // B9 row 6
    for (number, status) in statuses.into_iter().enumerate() {
        let response = client.get(&format!("/bad/{number}"));
        assert_eq!((response.status, response.text()), (status, "ok"));
    }
    assert_eq!(stage.bad.connections(), 1);
}

#[test]
fn a_response_head_at_the_bounds_passes_and_one_beyond_is_a_502() {
    const LINE: usize = 8 * 1024;
    const HEAD: usize = 32 * 1024;
    let with_line_of = |bytes: usize| {
        format!("HTTP/1.1 200 {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(bytes - "HTTP/1.1 200 ".len()))
    };
    let with_head_of = |bytes: usize| {
        let frame = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: {}\r\n\r\n", "x".repeat(bytes - frame))
    };
    let with_fields =
        |count: usize| format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "A: b\r\n".repeat(count - 1));
    // B9 row 7, B3
    let cases = [
        (200, with_line_of(LINE)),
        (502, with_line_of(LINE + 1)),
        (502, format!("HTTP/1.1 200 {}", "x".repeat(LINE))),
        (200, with_head_of(HEAD)),
        (502, with_head_of(HEAD + 1)),
        (502, format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(HEAD))),
        (200, with_fields(100)),
        (502, with_fields(101)),
    ];
    let stage = Stage::new(Origin::sending_case_and_staying(&cases.each_ref().map(|(_, sent)| sent)));
    let mut client = stage.client();
    for (number, (status, sent)) in cases.iter().enumerate() {
        assert_eq!(client.get(&format!("/bad/{number}")).status, *status, "case {number}, {} bytes", sent.len());
    }
    stage.check_that_others_are_served();
}

#[test]
fn a_head_without_an_end_is_a_502_and_costs_no_memory() {
    let stage = Stage::new(Origin::serve(|mut conn| {
        if conn.request().is_some() {
            conn.send("HTTP/1.1 200 OK\r\n");
            conn.flood("A: b\r\n".repeat(10_000));
        }
    }));
    // B9 row 7
    for _ in 0..4 {
        assert_eq!(stage.client().get("/bad").status, 502);
    }
    stage.check_that_others_are_served();
}

/// An interim response that says nothing.
const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\n\r\n";

#[test]
fn eight_interim_responses_are_relayed_and_a_ninth_is_a_502() {
    let stage = Stage::new(Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            match request.target().as_str() {
                "/8" => conn.send(INTERIM.repeat(8)),
                "/9" => conn.send(INTERIM.repeat(9)),
                _ => conn.flood(INTERIM),
            }
            conn.answer("final");
        }
    }));
    // B9 row 14, B3
    for (target, status) in [("/bad/8", 200), ("/bad/9", 502), ("/bad/endless", 502)] {
        let mut client = stage.client();
        client.send(request("GET", target));
        for _ in 0..8 {
            assert_eq!(client.response().status, 103);
        }
        let last = client.response();
        assert_eq!((last.status, last.field("Connection")), (status, None), "{target}");
        assert_eq!(client.get("/good").text(), "good", "{target}");
    }
    assert_eq!(stage.bad.heads(), 3, "an interim response is an answer: nothing is sent again");
    stage.check_that_others_are_served();
}

#[test]
fn interim_responses_and_no_final_one_are_a_502() {
    let stage = Stage::new(Origin::sending(INTERIM.repeat(2)));
    let mut client = stage.client();
    // B9 row 14
    client.send(request("GET", "/bad"));
    for status in [103, 103, 502] {
        assert_eq!(client.response().status, status);
    }
    assert_eq!(client.get("/good").text(), "good");
    assert_eq!(stage.bad.heads(), 1);
}
