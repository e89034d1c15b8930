//! What one connection can make the proxy hold (I9): never more than its
//! buffers, whatever a peer announces, sends or does not take.

use crate::world::World;
use futures_lite::future::poll_fn;
use standin::limits::{READ_BYTES_MAX, REQUEST_HEAD, SEND_BYTES_MAX};
use standin::net::pipe::End;
use std::cell::Cell;
use std::io::IoSlice;
use std::rc::Rc;

const PIPE_BYTES: usize = 1000;

/// What may be under way on both sides and in both buffers of one direction.
const HELD_BYTES_MAX: usize = 2 * PIPE_BYTES + READ_BYTES_MAX + SEND_BYTES_MAX;

/// Far more than that.
const ENDLESS_BYTES: u64 = 4_000_000;

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

/// A world with a client and, once it is dialled, an upstream. They write what
/// they are told, the first bytes once and the rest for ever; who does not
/// write does not read either. Time stands still, so no deadline helps.
fn written(client: (&str, &str), upstream: Option<(&str, &str)>) -> (u64, u64) {
    let mut world = World::new(PIPE_BYTES, || true);
    let (from_client, from_upstream) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let end = world.connect();
    world.tasks.spawn("client", write(end, client.0.to_owned(), client.1.to_owned(), Rc::clone(&from_client)));
    let mut silent = Vec::new();
    loop {
        let has_stepped = world.tasks.step(|_| 0);
        for end in world.dialled() {
            match upstream {
                None => silent.push(end),
                Some((first, rest)) => {
                    let counter = Rc::clone(&from_upstream);
                    world.tasks.spawn("upstream", write(end, first.to_owned(), rest.to_owned(), counter));
                }
            }
        }
        if !has_stepped {
            return (from_client.get(), from_upstream.get());
        }
    }
}

async fn write(end: End, first: String, rest: String, counter: Rc<Cell<u64>>) {
    let mut text = first;
    while counter.get() < ENDLESS_BYTES {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            match poll_fn(|cx| end.poll_write(cx, &[IoSlice::new(bytes)])).await {
                Ok(count) => bytes = &bytes[count..],
                Err(_) => return,
            }
            counter.set(end.written());
        }
        if rest.is_empty() {
            break;
        }
        text.clone_from(&rest);
    }
    // It stays connected.
    std::future::pending::<()>().await;
}

fn assert_bounded(what: &str, bytes: u64) {
    let bytes_max = HELD_BYTES_MAX as u64;
    assert!(bytes <= bytes_max, "{what}: {bytes} bytes were taken, and at most {bytes_max} may be held");
    assert!(bytes > PIPE_BYTES as u64, "{what}: {bytes} bytes, so the proxy was not even reached");
}

#[test]
fn an_upstream_that_does_not_read_holds_back_the_client_however_long_its_content() {
    for (head, content) in [
        ("Content-Length: 9007199254740992\r\n\r\n", "0123456789"),
        ("Transfer-Encoding: chunked\r\n\r\n1fffffffffffff\r\n", "0123456789"),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n", "a;extension=\"0123456789\"\r\n0123456789\r\n"),
    ] {
        let (bytes, _) = written((&format!("{POST}{head}"), content), None);
        assert_bounded(head, bytes);
    }
}

#[test]
fn a_client_that_does_not_read_holds_back_the_upstream_however_long_its_content() {
    for (head, content) in [
        ("Content-Length: 9007199254740992\r\n\r\n", "0123456789"),
        ("Transfer-Encoding: chunked\r\n\r\n1fffffffffffff\r\n", "0123456789"),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("\r\n", "0123456789"),
    ] {
        let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        let (_, bytes) = written((get, ""), Some((&format!("HTTP/1.1 200 OK\r\n{head}"), content)));
        assert_bounded(head, bytes);
    }
}

#[test]
fn pipelined_requests_wait_in_the_pipe() {
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_bounded("requests", written((get, get), None).0);
}

#[test]
fn what_never_ends_is_given_up() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (what, first, rest) in [
        ("a request line", "GET /", "x"),
        ("a field", head, "A: b\r\n"),
        ("a value", "GET / HTTP/1.1\r\nA: ", "x"),
        ("a trailer", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"),
        ("a trailer value", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", "x"),
        ("an extension", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
    ] {
        // Behind the refusal a little is read and thrown away.
        let bytes = written((first, rest), None).0;
        assert!(bytes <= (HELD_BYTES_MAX + REQUEST_HEAD.head_bytes_max) as u64, "{what}: {bytes} bytes");
    }
    for (what, first, rest) in [
        ("a status line", "HTTP/1.1 200 ", "x"),
        ("a field", "HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        ("an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"),
    ] {
        let bytes = written(("GET / HTTP/1.1\r\nHost: h\r\n\r\n", ""), Some((first, rest))).1;
        assert!(bytes <= HELD_BYTES_MAX as u64, "{what}: {bytes} bytes");
    }
}
