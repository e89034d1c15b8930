//! What a service manager hands over and is told.

use crate::common::PATIENCE;
use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Launch;
use crate::common::programs::curl_output;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn sockets_that_are_handed_over_are_listened_on() {
    let origin = Origin::answering("body");
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap();
    let launch = Launch::with_data_dir();
    let path = launch.home().join("admin.sock");
    let mount = format!("/={}", origin.url());
    let ignored = ["--listen", "nonsense", "--admin", "nonsense", "--mount", &mount];
    let mut standin = launch.with(&ignored).inheriting(front, Some(path.to_str().unwrap())).start();
    assert_eq!(standin.front, address, "it says where it listens");
    assert_eq!(get(address, "/").text(), "body");
    let told = curl_output(&["--unix-socket", path.to_str().unwrap(), "http://localhost/readyz"]);
    assert_eq!(told, br#"{"status":"ok"}"#);
    let listed = standin.launch.run(&["mount", "list"]);
    assert!(listed.status.success(), "the command line finds it: {listed:?}");
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    assert!(path.exists(), "the socket's file is not ours");
}

#[test]
fn what_cannot_be_listened_on_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let of_unix = UnixDatagram::unbound().unwrap();
    let launches = [Launch::new().inheriting(connected, None), Launch::new().inheriting(of_unix, None)];
    for launch in launches {
        let refused = launch.try_start().unwrap_err();
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("LISTEN_FDS") && refused.stderr.contains("TCP"), "{}", refused.stderr);
    }
}

#[test]
fn the_admin_api_can_be_on_a_port_that_is_handed_over() {
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let standin = Launch::with_data_dir().inheriting(front, Some("127.0.0.1")).start();
    assert_eq!(standin.admin().get("/v1/mounts").status, 200);
}

#[test]
fn who_queues_at_an_inherited_socket_is_served_by_the_successor() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let slow = {
        let (arrived, may_go_on) = (arrived.clone(), may_go_on.clone());
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                arrived.arrive();
                may_go_on.wait();
                conn.answer("predecessor");
            }
        })
    };
    let next = Origin::answering("successor");
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap();
    let launch = |origin: &Origin| {
        let mount = format!("/={}", origin.url());
        let arguments = ["--admin", "127.0.0.1:0", "--connections-max", "1", "--mount", &mount];
        Launch::with_data_dir().with(&arguments).inheriting(front.try_clone().unwrap(), None)
    };
    let mut predecessor = launch(&slow).start();
    let mut served = Raw::connect(address);
    served.send(request("GET", "/"));
    arrived.wait();
    let mut queued = Raw::connect(address);
    queued.send(request("GET", "/"));
    predecessor.term();
    predecessor.wait_for_line("stopping");
    may_go_on.arrive();
    assert_eq!(served.response().text(), "predecessor");
    assert_eq!(predecessor.exit().code(), Some(0));
    let _successor = launch(&next).start();
    assert_eq!(queued.response().text(), "successor");
}

#[test]
fn a_restart_behind_a_socket_that_is_handed_over_refuses_nobody() {
    const CLIENTS: usize = 4;
    let origin = Origin::answering("body");
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap();
    let mount = format!("/={}", origin.url());
    let launch = Launch::with_data_dir().with(&["--admin", "127.0.0.1:0", "--mount", &mount]).inheriting(front, None);
    let mut standin = launch.start();
    let (answered, is_over) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (answered, is_over) = (answered.clone(), Arc::clone(&is_over));
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Acquire) {
                    assert_eq!(get(address, "/").text(), "body");
                    answered.arrive();
                }
            })
        })
        .collect();
    for round in 1..=3 {
        answered.wait_for(round * 100);
        standin.term();
        assert_eq!(standin.exit().code(), Some(0));
        // This one comes while nobody accepts.
        let mut queued = Raw::connect(address);
        queued.send(request("GET", "/"));
        standin = launch.start();
        assert_eq!(queued.response().text(), "body");
    }
    let so_far = answered.count();
    answered.wait_for(so_far + 100);
    is_over.store(true, Ordering::Release);
    for client in clients {
        client.join().expect("a client was refused or cut off");
    }
}

#[test]
fn the_service_manager_is_told_of_start_and_stop() {
    let launch = Launch::new();
    let path = launch.home().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut room = [0; 256];
        let count = manager.recv(&mut room).unwrap();
        String::from_utf8(room[..count].to_vec()).unwrap()
    };
    let mut standin = launch.env("NOTIFY_SOCKET", path.to_str().unwrap()).start();
    assert_eq!(told(), "READY=1\n");
    assert_eq!(standin.admin().get("/readyz").status, 200);
    standin.term();
    assert_eq!(told(), "STOPPING=1\n");
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn a_service_manager_that_is_not_there_is_no_reason_to_end() {
    let launch = Launch::new();
    let nobody = launch.home().join("nobody");
    let mut standin = launch.env("NOTIFY_SOCKET", nobody.to_str().unwrap()).start();
    standin.wait_for_line_with("NOTIFY_SOCKET");
    assert_eq!(standin.admin().get("/healthz").status, 200);
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
}
