//! How the process stops: who is served to the end, who is cut off, and what
//! each of them sees.

use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use crate::common::wire::End;
use std::time::{Duration, Instant};

/// What nobody has to wait for takes less; the drain's deadline is far above.
pub(crate) const PROMPT: Duration = Duration::from_secs(8);

#[test]
fn a_server_with_idle_connections_stops_at_once() {
    let origin = Origin::answering("body");
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut idle = Raw::connect(standin.front);
    assert_eq!(idle.get("/").text(), "body");
    let mut unused = Raw::connect(standin.front);
    let begun = Instant::now();
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    assert!(begun.elapsed() < PROMPT, "it took {:?}", begun.elapsed());
    idle.expect_closed();
    unused.expect_closed();
}

/// Regression: a drain that began while a connection was being accepted was not
/// noticed by it, or reset it in the kernel's queue.
#[test]
fn whoever_asked_before_the_signal_is_answered() {
    let origin = Origin::answering("body");
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut clients: Vec<Raw> = (0..50).map(|_| Raw::connect(standin.front)).collect();
    for client in &mut clients {
        client.send(request("GET", "/"));
    }
    standin.term();
    for client in &mut clients {
        assert_eq!(client.response().text(), "body");
        client.expect_closed();
    }
    assert_eq!(standin.exit().code(), Some(0));
}

/// Sends a head and half of a body for `/half`; nothing yet for anything else.
pub(crate) fn held(arrived: &Gate, may_go_on: &Gate) -> Origin {
    let (arrived, may_go_on) = (arrived.clone(), may_go_on.clone());
    Origin::serve(move |mut conn| {
        while let Some(request) = conn.request() {
            let half = request.line().contains("/half");
            if half {
                conn.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nfirst,");
            }
            arrived.arrive();
            may_go_on.wait();
            if half {
                conn.send("second");
            } else {
                conn.answer("first,second");
            }
        }
    })
}

#[test]
fn requests_in_progress_finish_before_the_server_stops() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = held(&arrived, &may_go_on);
    let mut standin = Standin::start();
    let admin = standin.admin();
    admin.mount("/", &origin.url());
    let mut clients: Vec<Raw> = ["/half", "/none"]
        .map(|path| {
            let mut client = Raw::connect(standin.front);
            client.send(request("GET", path));
            client
        })
        .into();
    arrived.wait_for(2);
    assert_eq!(admin.get("/readyz").status, 200);
    standin.term();
    standin.wait_for_line("stopping");
    let begun = Instant::now();
    while admin.get("/readyz").status != 503 {
        assert!(begun.elapsed() < PROMPT, "it is still ready");
    }
    assert_eq!(admin.get("/readyz").value["status"], "draining");
    assert_eq!(admin.get("/healthz").status, 200);
    may_go_on.arrive();
    let half = clients[0].response();
    assert_eq!(half.text(), "first,second");
    let none = clients[1].response();
    assert_eq!((none.text(), none.field("Connection")), ("first,second", Some("close")));
    clients.iter_mut().for_each(Raw::expect_closed);
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = held(&arrived, &may_go_on);
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/none"));
    arrived.wait();
    standin.term();
    standin.wait_for_line("stopping");
    let begun = Instant::now();
    standin.term();
    assert_eq!(standin.exit().code(), Some(1));
    assert!(begun.elapsed() < PROMPT, "it took {:?}", begun.elapsed());
    assert!(client.try_response().is_err());
    may_go_on.arrive();
}

#[test]
fn an_upload_in_progress_is_taken_to_its_end() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(request.body);
        }
    });
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nfirst,");
    origin.wait_for_connections(1);
    standin.signal("INT");
    standin.wait_for_line("stopping");
    client.send("second");
    let response = client.response();
    assert_eq!((response.text(), response.field("Connection")), ("first,second", Some("close")));
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn with_a_delay_it_is_not_ready_first_and_serves_on() {
    let origin = Origin::answering("body");
    let mut standin = Launch::new().with(&["--drain-delay", "3"]).start();
    let admin = standin.admin();
    admin.mount("/", &origin.url());
    let mut kept = Raw::connect(standin.front);
    assert_eq!(kept.get("/").text(), "body");
    let begun = Instant::now();
    standin.term();
    standin.wait_for_line("stopping");
    let unready = admin.get("/readyz");
    assert_eq!((unready.status, &unready.value["status"]), (503, &"draining".into()));
    let new = get(standin.front, "/");
    assert_eq!((new.text(), new.field("Connection")), ("body", None), "it is not draining yet");
    assert_eq!(kept.get("/").text(), "body");
    kept.expect_closed();
    assert!(begun.elapsed() > Duration::from_secs(2), "it waited {:?} only", begun.elapsed());
    assert_eq!(standin.exit().code(), Some(0));
}

/// Sends a head without a length and some of a body, and no more.
fn endless() -> Origin {
    Origin::serve(|mut conn| {
        if conn.request().is_some() {
            conn.send("HTTP/1.0 200 OK\r\n\r\nhalf");
            conn.until_end();
        }
    })
}

/// A client that has half of a reply whose end would be the connection's.
fn with_half_a_reply(standin: &Standin, origin: &Origin) -> Raw {
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
    client.head();
    assert_eq!(client.part(4), b"half");
    client
}

#[test]
fn what_is_cut_off_at_the_deadline_does_not_look_whole() {
    let origin = endless();
    let mut standin = Launch::new().with(&["--drain-timeout", "0.5"]).start();
    let mut client = with_half_a_reply(&standin, &origin);
    standin.term();
    assert_eq!(client.rest(), (Vec::new(), End::Reset));
    let (status, _, told) = standin.last_words();
    assert_eq!(status.code(), Some(1));
    assert!(told.contains("1 connection was cut off"), "{told}");
}

#[test]
fn what_is_cut_off_by_a_second_signal_does_not_look_whole() {
    for delay in ["0", "60"] {
        let origin = endless();
        let mut standin = Launch::new().with(&["--drain-delay", delay]).start();
        let mut client = with_half_a_reply(&standin, &origin);
        standin.term();
        standin.wait_for_line("stopping");
        let begun = Instant::now();
        standin.term();
        assert_eq!(client.rest(), (Vec::new(), End::Reset), "with a delay of {delay} s");
        assert_eq!(standin.exit().code(), Some(1));
        assert!(begun.elapsed() < PROMPT, "it took {:?}", begun.elapsed());
    }
}

/// It had connected before the signal, and cannot know of it.
#[test]
fn a_tunnel_has_until_the_deadline() {
    let origin = Origin::serve(|mut conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n");
            while conn.echo() {}
        }
    });
    let mut standin = Launch::new().with(&["--drain-timeout", "1"]).start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n");
    assert!(client.head().starts_with(b"HTTP/1.1 101 "));
    standin.term();
    standin.wait_for_line("stopping");
    client.send("still carried");
    assert_eq!(client.part(13), b"still carried");
    assert_eq!(client.rest(), (Vec::new(), End::Reset), "it must not look whole");
    assert_eq!(standin.exit().code(), Some(1), "it was cut off");
}

#[test]
fn a_connection_that_had_no_request_yet_may_still_send_its_first() {
    let origin = Origin::answering("body");
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut early = Raw::connect(standin.front);
    assert_eq!(get(standin.front, "/").text(), "body", "so the one before is accepted");
    standin.term();
    standin.wait_for_line("stopping");
    let response = early.get("/");
    assert_eq!((response.text(), response.field("Connection")), ("body", Some("close")));
    assert_eq!(standin.exit().code(), Some(0));
}

/// Regression: it ended like an idle connection, without a word.
#[test]
fn a_request_without_an_answer_is_reset_at_the_deadline() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = held(&arrived, &may_go_on);
    let mut standin = Launch::new().with(&["--drain-timeout", "0.2"]).start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    arrived.wait();
    standin.term();
    assert_eq!(client.rest(), (Vec::new(), End::Reset));
    assert_eq!(standin.exit().code(), Some(1));
    may_go_on.arrive();
}

/// Regression: the accept loop's own place was counted as a connection.
#[test]
fn nobody_is_cut_off_where_there_is_nobody() {
    for _ in 0..5 {
        let mut standin = Launch::new().with(&["--drain-timeout", "0"]).start();
        standin.term();
        assert_eq!(standin.exit().code(), Some(0));
    }
}
