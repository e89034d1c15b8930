//! What a request costs that does not depend on the machine: calls of the
//! allocator on its whole way, through tide, the plan, surf and the backend.

use crate::world::World;
use standin::net::pipe::End;
use std::io::IoSlice;
use std::task::{Context, Poll, Waker};

/// As many as there are: four futures on the way through tide and surf and three
/// pieces that those two make besides; the exchange, the reply and what is under
/// way at the upstream; two heads of two pieces each. Whoever adds one says why.
const ALLOCATIONS_MAX: u64 = 14;

const REQUEST: &[u8] =
    b"GET /some/path?and=query HTTP/1.1\r\nHost: example.org\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

fn write(end: &End, bytes: &[u8]) {
    let written = end.poll_write(&mut Context::from_waker(Waker::noop()), &[IoSlice::new(bytes)]);
    assert!(matches!(written, Poll::Ready(Ok(count)) if count == bytes.len()), "{written:?}");
}

fn read(end: &End) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let read = end.poll_read(&mut Context::from_waker(Waker::noop()), &mut bytes);
    let Poll::Ready(Ok(count)) = read else { panic!("nothing came: {read:?}") };
    bytes.truncate(count);
    bytes
}

#[test]
fn a_request_takes_few_pieces_of_memory() {
    let mut world = World::new(1 << 16, || true);
    let client = world.connect();
    let mut upstream = None;
    for number in 0..20 {
        write(&client, REQUEST);
        let there = allocation_counter::measure(|| while world.tasks.step(|_| 0) {});
        let upstream = upstream.get_or_insert_with(|| world.dialled().remove(0));
        // It is dialled once, and that goes on in a step of its own.
        while world.tasks.step(|_| 0) {}
        assert!(read(upstream).starts_with(b"GET /some/path?and=query HTTP/1.1\r\n"));
        write(upstream, RESPONSE);
        let back = allocation_counter::measure(|| while world.tasks.step(|_| 0) {});
        assert!(read(&client).ends_with(b"\r\n\r\nhello"));
        let count = there.count_total + back.count_total;
        // The first ones fill what serves again.
        if number >= 10 {
            assert!(count <= ALLOCATIONS_MAX, "request {number} took {count} pieces, more than {ALLOCATIONS_MAX}");
            assert_eq!(there.count_current + back.count_current, 0, "request {number} has left something");
        }
    }
}
