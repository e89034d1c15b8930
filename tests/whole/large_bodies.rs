//! Bodies that pass through a pipe of the system and never come into memory:
//! whole, in order, counted, and cut off like any other.
//!
//! That they do pass so is seen from outside: a server that has carried none
//! has no pipe, and afterwards it keeps one for the next.

use crate::common::PATIENCE;
use crate::common::client::{Delimited, Raw, request};
use crate::common::eventually;
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};
use crate::common::pattern::Pattern;
use crate::common::process::{Launch, Standin};
use crate::common::wire::End;
use serde_json::json;
use std::time::Instant;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What `src/limits.rs` says of pipes, each of which has two ends.
const PIPES_MAX: usize = 128;

/// What each of its threads may keep of them.
const SPARE_PIPES_MAX: usize = 4;

/// The content that an origin here sends.
fn content(size: usize) -> Vec<u8> {
    Pattern::new(size as u64).block(size)
}

/// Answers a request for `/5` with five bytes.
fn sized() -> Origin {
    Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(content(request.target()[1..].parse().unwrap()));
        }
    })
}

fn in_front_of(origin: &Origin) -> Standin {
    let standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    standin
}

/// Sends the head of a reply of `size` bytes and the first `sent` of them.
fn send_part(conn: &mut Conn, size: usize, sent: usize) {
    conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"));
    conn.send(&content(size)[..sent]);
}

#[test]
fn a_large_body_passes_through_a_pipe_and_both_connections_go_on() {
    let origin = sized();
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    let before = standin.open_pipe_ends();
    // Of the last one hardly more than the least is left behind its first part.
    for size in [9 * MIB + 7, 3, MIB, 0, 65 * KIB, 82 * KIB] {
        let response = client.get(&format!("/{size}"));
        assert_eq!((response.status, response.delimited), (200, Delimited::Length));
        assert!(response.body == content(size), "{size} bytes are not as they were sent");
    }
    assert_eq!(origin.connections(), 1);
    assert_eq!(standin.open_pipe_ends(), before + 2, "one body at a time takes one pipe");
}

#[test]
fn a_large_body_for_http_1_0_is_whole_and_ends_by_its_length() {
    let origin = sized();
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET /{MIB} HTTP/1.0\r\n\r\n"));
    let response = client.response();
    assert!(response.delimited == Delimited::Length && response.body == content(MIB));
    client.expect_closed();
}

#[test]
fn other_bodies_come_into_memory_and_are_whole() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            match request.target().as_str() {
                "/chunked" => {
                    let chunk = [b"100000\r\n", &*content(MIB), b"\r\n"].concat();
                    conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                    conn.send([&*chunk, &chunk, b"0\r\n\r\n"].concat());
                }
                "/close" => {
                    conn.send("HTTP/1.1 200 OK\r\n\r\n");
                    conn.send(content(MIB));
                    return;
                }
                "/" => {
                    conn.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {MIB}\r\n\r\n"));
                    conn.send(content(MIB));
                }
                "/small" => conn.answer(content(60 * KIB)),
                other => panic!("{other}"),
            }
        }
    });
    let standin = in_front_of(&origin);
    let rules = json!([{ "media_types": ["text/plain"], "from": "in none of it", "to": "x" }]);
    let rewritten = json!({
        "kind": "regular", "match": { "path": "/rewritten" }, "address": origin.url(), "rewrite": { "body": rules },
    });
    let made = standin.admin().post(&rewritten);
    assert_eq!(made.status, 201, "{}", made.value);
    let mut client = Raw::connect(standin.front);
    let before = standin.open_pipe_ends();
    let whole = content(MIB);
    assert!(client.get("/chunked").body == [&*whole, &whole].concat());
    assert!(client.get("/close").body == whole);
    assert!(client.get("/small").body == content(60 * KIB));
    assert!(client.get("/rewritten").body == whole);
    assert_eq!(standin.open_pipe_ends(), before);
    assert!(client.get("/").body == whole, "the connection goes on");
    assert_eq!(standin.open_pipe_ends(), before + 2);
}

#[test]
fn each_byte_is_counted_and_only_once() {
    let origin = sized();
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut events = admin.call("GET", &format!("/v1/mounts/{id}/traffic")).events();
    let mut client = Raw::connect(standin.front);
    let size = 3 * MIB + 1;
    assert_eq!(client.get(&format!("/{size}")).body.len(), size);
    let told = events.next();
    assert_eq!((told.name.as_str(), &told.data["sent_bytes"]), ("request", &json!(size)), "{told:?}");
    let stats = admin.get(&format!("/v1/mounts/{id}/stats")).value;
    assert_eq!(stats["sent_bytes"], json!(size));
}

#[test]
fn a_reader_by_small_steps_gets_all_while_others_are_served() {
    let origin = sized();
    let standin = in_front_of(&origin);
    let size = 6 * MIB;
    let mut slow = Raw::connect_narrowly(standin.front);
    slow.send(request("GET", &format!("/{size}")));
    slow.head();
    let whole = content(size);
    let mut quick = Raw::connect(standin.front);
    for (number, part) in whole.chunks(MIB / 8).enumerate() {
        assert!(slow.part(part.len()) == part, "part {number} differs");
        assert!(quick.get(&format!("/{MIB}")).body == content(MIB));
    }
    assert_eq!(slow.get("/1").body, content(1));
}

#[test]
fn an_upstream_that_pauses_is_waited_for_and_one_that_stops_is_seen() {
    const SIZE: usize = 4 * MIB;
    for cut in ["end", "reset"] {
        let (read, gone) = (Gate::new(), Gate::new());
        let origin = Origin::serve({
            let (read, gone) = (read.clone(), gone.clone());
            move |mut conn| {
                conn.request();
                let whole = content(SIZE);
                send_part(&mut conn, SIZE, MIB);
                // Each pause is one: all that was sent has been read.
                for (pause, part) in (1..).zip(whole[MIB..2 * MIB].chunks(MIB / 4)) {
                    read.wait_for(pause);
                    conn.send(part);
                }
                read.wait_for(5);
                if cut == "reset" {
                    conn.reset()
                } else {
                    drop(conn)
                }
                gone.arrive();
            }
        });
        let standin = in_front_of(&origin);
        let before = standin.open_pipe_ends();
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", "/"));
        client.head();
        let mut received = client.part(MIB);
        for _ in 0..4 {
            read.arrive();
            received.extend(client.part(MIB / 4));
        }
        assert!(received == content(SIZE)[..2 * MIB], "{cut}");
        assert!(standin.open_pipe_ends() > before, "{cut}");
        read.arrive();
        gone.wait();
        let (rest, end) = client.rest();
        assert_eq!((rest.len(), end), (0, End::Reset), "{cut}: the client must not take this for the whole");
    }
}

#[test]
fn a_client_that_goes_away_in_the_middle_ends_the_upstream_connection() {
    for leaves in ["end", "reset"] {
        let ended = Gate::new();
        let origin = Origin::serve({
            let ended = ended.clone();
            move |mut conn| {
                if conn.request().is_some() {
                    conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
                    conn.flood(content(MIB));
                    ended.arrive();
                }
            }
        });
        let standin = in_front_of(&origin);
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", "/"));
        client.head();
        assert!(client.part(MIB) == content(MIB));
        if leaves == "reset" {
            client.reset()
        } else {
            drop(client)
        }
        ended.wait();
        // What lay in its pipe has gone with it.
        let mut next = Raw::connect(standin.front);
        next.send(request("GET", "/"));
        next.head();
        assert!(next.part(MIB) == content(MIB), "{leaves}");
    }
}

#[test]
fn what_comes_behind_a_large_body_is_not_delivered_and_ends_the_connection() {
    let origin = Origin::serve(|mut conn| {
        while conn.request().is_some() {
            send_part(&mut conn, MIB, MIB - 10);
            // With the last bytes in one packet, so that it is there when they are.
            conn.send([&content(MIB)[MIB - 10..], b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"].concat());
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for _ in 0..10 {
        assert!(client.get("/").body == content(MIB));
    }
    assert_eq!(origin.connections(), 10);
}

#[test]
fn more_readers_than_there_are_pipes_get_all_in_the_end() {
    const READERS: usize = PIPES_MAX + 40;
    let origin = sized();
    let standin = in_front_of(&origin);
    let size = 3 * MIB / 2;
    let (before, whole) = (standin.open_pipe_ends(), content(size));
    let mut readers: Vec<Raw> = (0..READERS)
        .map(|_| {
            let mut reader = Raw::connect_narrowly(standin.front);
            reader.send(request("GET", &format!("/{size}")));
            reader.head();
            reader
        })
        .collect();
    eventually("all pipes are taken", || standin.open_pipe_ends() >= before + 2 * PIPES_MAX);
    for reader in &mut readers {
        assert!(reader.part(size) == whole);
        assert!(standin.open_pipe_ends() <= before + 2 * PIPES_MAX);
    }
    let threads = std::thread::available_parallelism().unwrap().get();
    assert!(standin.open_pipe_ends() <= before + 2 * SPARE_PIPES_MAX * threads, "few are kept");
    assert_eq!(readers[0].get("/1").body, content(1));
}

#[test]
fn without_descriptors_for_a_pipe_a_large_body_is_copied() {
    const DESCRIPTORS: usize = 64;
    let origin = sized();
    let mount = format!("/={}", origin.url());
    let limited = format!(r#"ulimit -n {DESCRIPTORS}; exec "$0" "$@""#);
    let standin = Launch::new().with(&["--mount", &mount]).through_sh(&limited).start();
    let mut first = Raw::connect(standin.front);
    assert_eq!(first.get("/1").body, content(1), "its upstream connection waits for the next request");
    let before = standin.open_pipe_ends();
    let _others: Vec<Raw> = (0..DESCRIPTORS).map(|_| Raw::connect(standin.front)).collect();
    let begun = Instant::now();
    while standin.open_files() < DESCRIPTORS {
        assert!(begun.elapsed() < PATIENCE, "there are descriptors left");
    }
    let size = 4 * MIB;
    assert!(first.get(&format!("/{size}")).body == content(size));
    assert_eq!((standin.open_pipe_ends(), origin.connections()), (before, 1));
}
