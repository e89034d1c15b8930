//! Exchanges that end before both sides have said all.

use super::Stage;
use crate::common::client::request;
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::wire::End;

#[test]
fn an_early_answer_is_relayed_at_once_and_ends_both_connections() {
    let (relayed, ended) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        let (relayed, ended) = (relayed.clone(), ended.clone());
        Origin::serve(move |mut conn| {
            while let Some(head) = conn.head() {
                if head.starts_with(b"GET ") {
                    conn.answer("fresh");
                    continue;
                }
                let status = String::from_utf8(head).unwrap()["PUT /".len()..][..3].to_owned();
                conn.send(format!("HTTP/1.1 {status} Early\r\nContent-Length: 5\r\n\r\nearly"));
                relayed.wait();
                // It takes the rest: what ends the exchange is the answer.
                conn.until_end();
                return ended.arrive();
            }
        })
    });
    // B9 row 15
    for (number, status) in [413, 401, 200].into_iter().enumerate() {
        let mut client = stage.client();
        client.send(format!("PUT /bad/{status} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n"));
        client.send([b'x'; 100_000]);
        let response = client.response();
        assert_eq!((response.status, response.text(), response.field("Connection")), (status, "early", Some("close")));
        relayed.arrive();
        ended.wait_for(number + 1);
        client.try_send([b'x'; 1000]);
        assert_ne!(client.rest().1, End::Silent, "the rest of the body is not waited for");
        assert_eq!(stage.client().get("/bad").text(), "fresh", "the mount works");
        stage.check_that_others_are_served();
    }
    // The GET behind each may have found the connection of the GET before.
    assert_eq!(stage.bad.heads(), 6);
}

#[test]
fn an_upstream_that_closes_behind_a_part_of_the_request_is_a_502() {
    // B9 row 15, without an answer
    let stage = Stage::new(Origin::serve(|mut conn| {
        conn.head();
    }));
    let mut client = stage.client();
    client.send("PUT /bad HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    client.try_send([b'x'; 1000]);
    assert_eq!(client.response().status, 502);
    assert_eq!(stage.bad.heads(), 1);
    stage.check_that_others_are_served();
}

#[test]
fn a_client_that_goes_away_ends_its_request_upstream() {
    // B9 row 20
    let (begun, ended) = (Gate::new(), Gate::new());
    let stage = Stage::new({
        let (begun, ended) = (begun.clone(), ended.clone());
        Origin::serve(move |mut conn| {
            conn.request();
            conn.answer_short_of("", 1_000_000_000);
            begun.arrive();
            conn.flood([0; 64 * 1024]);
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
