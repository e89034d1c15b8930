//! What each member of a mount does to requests.

use crate::common::client::{Raw, get, request};
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::json;

fn ask(standin: &Standin, host: &str, target: &str) -> (u16, String) {
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    let response = client.response();
    (response.status, response.text().to_owned())
}

fn says(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

#[test]
fn without_a_mount_there_is_nothing() {
    let standin = Standin::start();
    let mut client = Raw::connect(standin.front);
    let nothing = client.get("/");
    assert_eq!((nothing.status, nothing.field("Content-Type")), (404, Some("text/plain; charset=utf-8")));
    assert_eq!(client.get("/").status, 404, "the connection goes on");
    client.send(request("HEAD", "/"));
    let head = client.response_to_head();
    assert_eq!(head.status, 404);
    assert_eq!(client.get("http://elsewhere.example/").status, 421);
}

#[test]
fn the_longest_path_of_the_closest_host_answers() {
    let names = ["any", "any-app", "any-app-deep", "host", "host-app", "below", "port"];
    let origins = names.map(Origin::answering);
    let standin = Standin::start();
    let matches = [
        json!({}),
        json!({ "path": "/app" }),
        json!({ "path": "/app/deep/" }),
        json!({ "host": "a.example.org" }),
        json!({ "host": "a.example.org", "path": "/app" }),
        json!({ "host": "*.example.org" }),
        json!({ "host": "a.example.org:8080" }),
    ];
    for (origin, matched) in origins.iter().zip(&matches) {
        let mount = json!({ "kind": "regular", "match": matched, "address": origin.url() });
        assert_eq!(standin.admin().post(&mount).status, 201, "{matched}");
    }
    for (host, target, expected) in [
        ("other", "/", "any"),
        ("other", "/app", "any-app"),
        ("other", "/app/x", "any-app"),
        ("other", "/apple", "any"),
        ("other", "/app/deep", "any-app-deep"),
        ("other", "/app/deeper", "any-app"),
        ("a.example.org", "/", "host"),
        ("A.Example.ORG", "/x", "host"),
        ("a.example.org", "/app/deep", "host-app"),
        ("b.example.org", "/app", "below"),
        ("example.org", "/app", "any-app"),
        ("a.example.org:8080", "/", "port"),
        ("other", "http://a.example.org/app", "host-app"),
    ] {
        assert_eq!(ask(&standin, host, target), says(expected), "{host} {target}");
    }
}

#[test]
fn only_the_allowed_methods_pass() {
    let origin = Origin::answering("passed");
    let standin = Standin::start();
    let mount = json!({ "kind": "regular", "address": origin.url(), "allowed_request_methods": ["GET", "post"] });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let mut client = Raw::connect(standin.front);
    for method in ["GET", "POST"] {
        client.send(request(method, "/"));
        assert_eq!(client.response().text(), "passed");
    }
    client.send(request("DELETE", "/"));
    let refused = client.response();
    assert_eq!((refused.status, refused.field("Allow")), (405, Some("GET, post")));
    client.send(request("HEAD", "/"));
    assert_eq!(client.response_to_head().status, 405);
    assert_eq!(client.get("/").text(), "passed");
}

#[test]
fn suppressed_fields_do_not_reach_the_upstream() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let mount = json!({
        "kind": "regular", "address": origin.url(),
        "suppress_http_headers": ["Cookie", "X-Forwarded-For", "Host", "Content-Length"],
    });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let mut client = Raw::connect(standin.front);
    client.send(
        "POST / HTTP/1.1\r\nHost: h\r\ncookie: secret\r\nX-Kept: 1\r\nCOOKIE: secret\r\nContent-Length: 4\r\n\r\nbody",
    );
    assert_eq!(client.response().status, 200);
    let received = String::from_utf8(origin.received(0)).unwrap();
    assert!(!received.contains("secret"), "{received}");
    assert!(received.contains("X-Kept: 1\r\n") && received.contains("Host: "), "{received}");
    assert!(
        received.ends_with("\r\n\r\nbody") && received.contains("Content-Length: 4\r\n"),
        "framing stays: {received}"
    );
}

#[test]
fn a_transparent_mount_reaches_only_the_hosts_it_allows() {
    let (one, two) = (Origin::answering("one"), Origin::answering("two"));
    let standin = Standin::start();
    let mount = json!({ "kind": "transparent", "allowed_hosts": [one.address.to_string(), two.address.to_string()] });
    assert_eq!(standin.admin().post(&mount).status, 201);
    assert_eq!(ask(&standin, &one.address.to_string(), "/"), says("one"));
    assert_eq!(ask(&standin, &two.address.to_string(), "/"), says("two"));
    assert_eq!(ask(&standin, "ignored", &format!("http://{}/", two.address)), says("two"));
    let port = one.address.port();
    for host in
        ["127.0.0.1".to_owned(), "evil.example".into(), format!("127.0.0.2:{port}"), format!("localhost:{port}")]
    {
        assert_eq!(ask(&standin, &host, "/").0, 403, "{host}");
    }
    let mut old = Raw::connect(standin.front);
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.response().status, 403);
}

#[test]
fn a_forced_host_can_have_a_list_of_names_too() {
    let origin = Origin::answering("forced");
    let standin = Standin::start();
    let mount =
        json!({ "kind": "transparent", "force_host": origin.address.to_string(), "allowed_hosts": ["a.example"] });
    assert_eq!(standin.admin().post(&mount).status, 201);
    assert_eq!(ask(&standin, "a.example", "/"), says("forced"));
    assert_eq!(ask(&standin, "b.example", "/").0, 403);
}

#[test]
fn an_absolute_target_overrules_host() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let mount = json!({ "kind": "transparent", "force_host": origin.address.to_string() });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let mut client = Raw::connect(standin.front);
    client.send("GET http://target.example?q HTTP/1.1\r\nA: 1\r\nHost: other.example\r\n\r\n");
    assert_eq!(client.response().status, 200);
    let received = String::from_utf8(origin.received(0)).unwrap();
    assert!(received.starts_with("GET /?q HTTP/1.1\r\nA: 1\r\nHost: target.example\r\n"), "{received}");
}

#[test]
fn a_mount_can_be_made_before_its_upstream_is_there() {
    let standin = Standin::start();
    let origin = Origin::answering("there now");
    let address = origin.address;
    drop(origin);
    standin.admin().mount("/later", &format!("http://{address}/"));
    assert_eq!(get(standin.front, "/later").status, 502);
    let late = std::net::TcpListener::bind(address).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = late.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthere now").unwrap();
        stream
    });
    assert_eq!(get(standin.front, "/later").text(), "there now");
    drop(serving.join().unwrap());
}
