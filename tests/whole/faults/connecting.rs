//! Upstreams that cannot be reached.

use super::Stage;
use crate::common::origin::Origin;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener};

#[test]
fn an_upstream_that_is_not_there_costs_a_502_and_no_connection() {
    // B9 row 1
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stage = Stage::new(Origin::answering(""));
    stage.standin.admin().mount("/nobody", &format!("http://{nobody}/"));
    let mut client = stage.client();
    for _ in 0..3 {
        let response = client.get("/nobody/x");
        assert_eq!((response.status, response.field("Connection")), (502, None));
        assert_eq!(client.get("/good").text(), "good");
        // Nothing was sent, so anything may be sent once there is somebody.
        client.send("POST /nobody/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
        assert_eq!(client.response().status, 502);
    }
}

#[test]
fn a_name_that_there_is_not_costs_a_502_and_no_connection() {
    let stage = Stage::new(Origin::answering(""));
    // B9 row 1. No name has a label this long, so nobody needs to be asked.
    let name = format!("{}.test", "x".repeat(64));
    stage.standin.admin().mount("/nowhere", &format!("http://{name}/"));
    let mut client = stage.client();
    let response = client.get("/nowhere");
    assert_eq!((response.status, response.field("Connection")), (502, None));
    assert!(!response.text().contains(&name), "the text is public: {}", response.text());
    assert_eq!(client.get("/good").text(), "good");
}

#[test]
fn the_next_address_of_a_name_is_tried() {
    let origin = Origin::answering("found");
    let stage = Stage::new(Origin::answering(""));
    // B9 row 1: where `localhost` has an IPv6 address too, nobody is there.
    stage.standin.admin().mount("/name", &format!("http://localhost:{}/", origin.address.port()));
    let mut client = stage.client();
    client.send("POST /name HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(client.response().text(), "found");
    assert_eq!(origin.heads(), 1);
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
    // B9 row 2
    let (_listener, _waiting, address) = deaf();
    let stage = Stage::new(Origin::answering(""));
    stage.standin.admin().mount("/deaf", &format!("http://{address}/"));
    let mut client = stage.client();
    assert_eq!(client.get("/deaf").status, 504);
    assert_eq!(client.get("/good").text(), "good");
}
