//! Hostile upstreams: before the reply has begun the client is told, after
//! that it must not take what it got for the whole.

use crate::common::client::{Broken, Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};
use crate::common::process::Standin;
use crate::common::wire::End;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener};

/// A server with a hostile upstream at `/bad` and a sound one at `/good`.
struct Stage {
    standin: Standin,
    bad: Origin,
    _good: Origin,
}

impl Stage {
    fn new(bad: Origin) -> Self {
        let (standin, good) = (Standin::start(), Origin::answering("good"));
        standin.admin().mount("/good", &good.url());
        standin.admin().mount("/bad", &bad.url());
        Self { standin, bad, _good: good }
    }

    fn client(&self) -> Raw {
        Raw::connect(self.standin.front)
    }

    /// The upstream's fault costs nobody else anything.
    fn check_that_others_are_served(&self) {
        assert_eq!(get(self.standin.front, "/good").text(), "good");
    }
}

#[test]
fn an_upstream_that_is_not_there_costs_a_502_and_no_connection() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stage = Stage::new(Origin::answering(""));
    stage.standin.admin().mount("/nobody", &format!("http://{nobody}/"));
    let mut client = stage.client();
    for _ in 0..3 {
        let response = client.get("/nobody/x");
        assert_eq!((response.status, response.field("Connection")), (502, None));
        assert_eq!(client.get("/good").text(), "good");
    }
}

/// A listening socket whose queue is full: connecting to it gets no answer.
fn deaf() -> (Socket, Vec<Socket>, SocketAddr) {
    let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = tcp();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let waiting = (0..3).map(|_| tcp()).collect::<Vec<_>>();
    for socket in &waiting {
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
    }
    (listener, waiting, address)
}

#[test]
fn an_upstream_that_does_not_accept_costs_a_504_and_no_connection() {
    let (_listener, _waiting, address) = deaf();
    let stage = Stage::new(Origin::answering(""));
    stage.standin.admin().mount("/deaf", &format!("http://{address}/"));
    let mut client = stage.client();
    assert_eq!(client.get("/deaf").status, 504);
    assert_eq!(client.get("/good").text(), "good");
}

const NO_ANSWERS: &[&str] = &[
    "",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "<html>HTTP/0.9</html>",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 2OO OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 000 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 600 OK\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "HTTP/1.1 103 Early Hints",
];

#[test]
fn what_is_no_answer_is_a_502_and_costs_no_connection() {
    let stage = Stage::new(Origin::sending_case(NO_ANSWERS));
    let mut client = stage.client();
    for (number, sent) in NO_ANSWERS.iter().enumerate() {
        let response = client.get(&format!("/bad/{number}"));
        assert_eq!((response.status, response.field("Connection")), (502, None), "{sent:?}");
        assert!(!response.text().contains("127.0.0.1"), "the text is public: {}", response.text());
        assert_eq!(client.get("/good").text(), "good", "{sent:?}");
    }
    assert_eq!(stage.bad.connections(), NO_ANSWERS.len(), "nothing is tried twice on a fresh connection");
    stage.check_that_others_are_served();
}

#[test]
fn a_response_head_beyond_the_bounds_is_a_502() {
    let large = format!("HTTP/1.1 200 OK\r\nA: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(33 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "A: b\r\n".repeat(100));
    for sent in [large, many] {
        let stage = Stage::new(Origin::sending(sent));
        assert_eq!(stage.client().get("/bad").status, 502);
        stage.check_that_others_are_served();
    }
}

#[test]
fn eight_interim_responses_are_relayed_and_a_ninth_is_a_502() {
    let stage = Stage::new(Origin::serve(|mut conn| {
        let count = if conn.request().unwrap().line().contains("/8") { 8 } else { 9 };
        conn.send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count));
        conn.answer("final");
    }));
    for (count, status) in [(8, 200), (9, 502)] {
        let mut client = stage.client();
        client.send(request("GET", &format!("/bad/{count}")));
        for _ in 0..8 {
            assert_eq!(client.response().status, 103);
        }
        assert_eq!(client.response().status, status, "after {count}");
    }
    stage.check_that_others_are_served();
}

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
    for end in [drop as fn(Conn), Conn::reset] {
        let stage = Stage::new(closes_under_a_request(end));
        let mut client = stage.client();
        assert_eq!(client.get("/bad/first").status, 200);
        assert_eq!(client.get("/bad/second").text(), "GET /second HTTP/1.1");
        assert_eq!(stage.bad.connections(), 2);
    }
}

#[test]
fn a_post_on_a_connection_that_closes_under_it_is_not_sent_again() {
    for content in ["", "body"] {
        let stage = Stage::new(closes_under_a_request(drop));
        let mut client = stage.client();
        assert_eq!(client.get("/bad/first").status, 200);
        let length = content.len();
        client.send(format!("POST /bad/second HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{content}"));
        assert_eq!(client.response().status, 502);
        assert_eq!(stage.bad.connections(), 1, "it may have been done");
        stage.check_that_others_are_served();
    }
}

#[test]
fn a_get_is_sent_again_only_once() {
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
    assert_eq!(stage.bad.connections(), 2);
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

/// Every reply that does not end as it said it would.
const CUT_OFF: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nno trailer\r\n\r\n",
];

fn broken(client: &mut Raw, sent: &str) -> Broken {
    match client.try_response() {
        Ok(response) => panic!("taken for whole: {response:?} of {sent:?}"),
        Err(broken) => broken,
    }
}

#[test]
fn a_body_that_is_cut_off_or_malformed_is_cut_off_for_the_client() {
    let stage = Stage::new(Origin::sending_case(CUT_OFF));
    for (number, sent) in CUT_OFF.iter().enumerate() {
        let mut client = stage.client();
        client.send(request("GET", &format!("/bad/{number}")));
        let broken = broken(&mut client, sent);
        assert!(broken.end != End::Silent && broken.body.len() <= 5, "{broken:?} of {sent:?}");
        stage.check_that_others_are_served();
    }
}

#[test]
fn a_body_that_is_cut_off_is_a_reset_for_http_1_0() {
    let stage = Stage::new(Origin::sending_case(CUT_OFF));
    for (number, sent) in CUT_OFF.iter().enumerate() {
        let mut client = stage.client();
        client.send(format!("GET /bad/{number} HTTP/1.0\r\n\r\n"));
        assert_eq!(broken(&mut client, sent).end, End::Reset, "{sent:?}");
    }
    stage.check_that_others_are_served();
}

#[test]
fn a_reset_in_the_middle_of_a_body_cuts_it_off() {
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
    for (method, sent) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"),
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
        client.head();
        assert_eq!(client.get("/bad/next").text(), "own answer", "{sent:?}");
        assert_eq!(stage.bad.connections(), 2, "{sent:?}");
    }
}

#[test]
fn what_comes_on_an_idle_connection_is_given_to_nobody() {
    let (answered, poisoned) = (Gate::new(), Gate::new());
    let stage = Stage::new({
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
fn an_upstream_that_closes_behind_a_part_of_the_request_is_a_502() {
    let stage = Stage::new(Origin::serve(|mut conn| {
        conn.head();
    }));
    let mut client = stage.client();
    client.send("PUT /bad HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    client.try_send([b'x'; 1000]);
    assert_eq!(client.response().status, 502);
    assert_eq!(stage.bad.connections(), 1);
    stage.check_that_others_are_served();
}

#[test]
fn an_upstream_that_wants_no_more_requests_gets_none() {
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
fn a_client_that_goes_away_ends_its_request_upstream() {
    let (begun, ended) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        let (begun, ended) = (begun.clone(), ended.clone());
        Origin::serve(move |mut conn| {
            conn.request();
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            begun.arrive();
            while conn.try_send([0; 64 * 1024]) {}
            ended.arrive();
        })
    });
    let mut client = stage.client();
    client.send(request("GET", "/bad"));
    begun.wait();
    drop(client);
    ended.wait();
    stage.check_that_others_are_served();
}
