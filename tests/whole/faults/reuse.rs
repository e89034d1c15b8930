//! Which connections are used again, and which requests are sent again.

use super::Stage;
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};

/// Answers once, then ends the connection when the second request is there.
fn closes_under_a_request(end: fn(Conn)) -> Origin {
    Origin::serve(move |mut conn| {
        while let Some(request) = conn.request() {
            if conn.index == 0 && request.line().contains("second") {
                return end(conn);
            }
            conn.answer(request.line());
        }
    })
}

#[test]
fn a_get_on_a_connection_that_closes_under_it_is_sent_once_more() {
    // B9 row 3
    for end in [drop as fn(Conn), Conn::reset] {
        let stage = Stage::new(closes_under_a_request(end));
        let mut client = stage.client();
        assert_eq!(client.get("/bad/first").status, 200);
        assert_eq!(client.get("/bad/second").text(), "GET /second HTTP/1.1");
        assert_eq!((stage.bad.connections(), stage.bad.heads()), (2, 3));
    }
}

#[test]
fn a_post_on_a_connection_that_closes_under_it_is_not_sent_again() {
    // B9 row 3
    for content in ["", "body"] {
        let stage = Stage::new(closes_under_a_request(drop));
        let mut client = stage.client();
        assert_eq!(client.get("/bad/first").status, 200);
        let length = content.len();
        client.send(format!("POST /bad/second HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{content}"));
        assert_eq!(client.response().status, 502);
        assert_eq!((stage.bad.connections(), stage.bad.heads()), (1, 2), "it may have been done");
        stage.check_that_others_are_served();
    }
}

#[test]
fn a_body_that_is_gone_is_not_sent_again() {
    let stage = Stage::new(closes_under_a_request(drop));
    let mut client = stage.client();
    assert_eq!(client.get("/bad/first").status, 200);
    // B9 row 3: idempotent, but nobody has kept what it sent.
    client.send("PUT /bad/second HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.response().status, 502);
    assert_eq!(stage.bad.heads(), 2);
    stage.check_that_others_are_served();
}

#[test]
fn a_get_is_sent_again_only_once() {
    // B9 rows 3 and 4
    let stage = Stage::new(Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            if request.line().contains("second") {
                return;
            }
            conn.answer("");
        }
    }));
    let mut client = stage.client();
    assert_eq!(client.get("/bad/first").status, 200);
    assert_eq!(client.get("/bad/second").status, 502);
    assert_eq!((stage.bad.connections(), stage.bad.heads()), (2, 3));
}

#[test]
fn on_a_fresh_connection_nothing_is_sent_again() {
    for end in [drop as fn(Conn), Conn::reset] {
        let stage = Stage::new(Origin::serve(move |mut conn| {
            conn.request();
            end(conn);
        }));
        // B9 row 4
        for (count, method) in ["GET", "POST", "PUT", "DELETE", "X-FOO"].into_iter().enumerate() {
            let mut client = stage.client();
            client.send(format!("{method} /bad HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"));
            let response = client.response();
            assert_eq!((response.status, response.field("Connection")), (502, None), "{method}");
            assert_eq!(client.get("/good").text(), "good");
            assert_eq!((stage.bad.connections(), stage.bad.heads()), (count + 1, count + 1), "{method}");
        }
    }
}

#[test]
fn a_connection_that_was_closed_while_idle_is_not_used() {
    let closed = Gate::new();
    let stage = Stage::new({
        let closed = closed.clone();
        Origin::serve(move |mut conn| {
            if let Some(request) = conn.request() {
                conn.answer(request.body);
            }
            drop(conn);
            closed.arrive();
        })
    });
    let mut client = stage.client();
    for count in 1..=3 {
        client.send("POST /bad HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        assert_eq!(client.response().text(), "body");
        closed.wait_for(count);
    }
    assert_eq!(stage.bad.connections(), 3);
}

#[test]
fn what_comes_on_an_idle_connection_is_given_to_nobody() {
    // B9 row 13
    let (answered, poisoned) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        // B9 row 13
        let (answered, poisoned) = (answered.clone(), poisoned.clone());
        Origin::serve(move |mut conn| {
            conn.request();
            conn.answer(format!("answer {}", conn.index));
            if conn.index == 0 {
                answered.wait();
                conn.answer("poison");
                poisoned.arrive();
            }
            conn.until_end();
        })
    });
    let mut client = stage.client();
    assert_eq!(client.get("/bad").text(), "answer 0");
    answered.arrive();
    poisoned.wait();
    assert_eq!(client.get("/bad").text(), "answer 1");
    assert_eq!(stage.bad.connections(), 2);
}

#[test]
fn an_upstream_that_wants_no_more_requests_gets_none() {
    // B9 row 23
    for field in ["Connection: close\r\n", "connection: Foo, CLOSE\r\n"] {
        let stage = Stage::new(Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                conn.send(format!("HTTP/1.1 200 OK\r\n{field}Content-Length: 2\r\n\r\nok"));
            }
        }));
        let mut client = stage.client();
        for _ in 0..2 {
            let response = client.get("/bad");
            assert_eq!((response.text(), response.field("Connection")), ("ok", None));
        }
        assert_eq!(stage.bad.connections(), 2);
    }
}

#[test]
fn a_connection_of_http_1_0_is_used_again_only_if_it_says_so() {
    // B9 row 23
    for (field, connections) in [("", 2), ("Connection: keep-alive\r\n", 1), ("Connection: keep-alive, close\r\n", 2)] {
        let stage = Stage::new(Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                conn.send(format!("HTTP/1.0 200 OK\r\n{field}Content-Length: 2\r\n\r\nok"));
            }
        }));
        let mut client = stage.client();
        for _ in 0..2 {
            let response = client.get("/bad");
            assert_eq!((response.text(), response.field("Connection")), ("ok", None), "{field:?}");
        }
        assert_eq!(stage.bad.connections(), connections, "{field:?}");
    }
}
