//! What an upstream is told of the original request, and what a client is told
//! of the way: `X-Forwarded-*`, `Forwarded`, `Via`, `Host`.

use crate::common::client::{Raw, get};
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::{lines, values};
use serde_json::{Value, json};

/// What a client claims, in fields that our mounts know.
const CLAIMS: &str = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Host: public.example\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /outer\r\nForwarded: for=10.0.0.1\r\nX-Forwarded-Server: s\r\n\
    X-Real-IP: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.2\r\nx-forwarded_prefix: //evil\r\n";

/// The lines about the original request that reach the upstream of a mount
/// below `/p` with that `forwarded`.
fn told(forwarded: Value, claims: &str) -> Vec<String> {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let mount =
        json!({ "kind": "regular", "match": { "path": "/p" }, "address": origin.url(), "forwarded": forwarded });
    let made = standin.admin().post(&mount);
    assert_eq!(made.status, 201, "{}", made.value);
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET /p/x HTTP/1.1\r\nHost: asked.example:8000\r\n{claims}\r\n"));
    assert_eq!(client.response().status, 200);
    let received = origin.received(0);
    let text = lines(&received).into_iter().map(|line| String::from_utf8(line.to_vec()).unwrap());
    let about = |line: &String| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        name.starts_with("x-forwarded") || name == "forwarded" || name == "x-real-ip"
    };
    text.filter(about).collect()
}

#[test]
fn by_default_an_upstream_is_told_facts_and_nothing_that_a_client_claims() {
    let facts = [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: asked.example:8000",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Prefix: /p",
    ];
    assert_eq!(told(json!({}), CLAIMS), facts);
    let all = told(json!({ "x_forwarded": "append", "forwarded": "append" }), CLAIMS);
    assert_eq!(&all[..3], &facts[..3], "a stranger's word is not taken");
    assert_eq!(all[3..5], ["X-Forwarded-Port: 8000".to_owned(), "X-Forwarded-Prefix: /p".into()]);
    assert!(
        all[5].starts_with("Forwarded: for=127.0.0.1;host=\"asked.example:8000\";proto=http;by=_standin-"),
        "{}",
        all[5]
    );
    assert_eq!(all.len(), 6);
}

#[test]
fn a_trusted_peer_is_believed_and_named() {
    let forwarded = json!({ "x_forwarded": "append", "forwarded": "append", "trusted_peers": "10.0.0.0/8 127.0.0.1" });
    let mut lines = told(forwarded, CLAIMS);
    let element = lines.pop().unwrap();
    assert_eq!(
        lines,
        [
            "X-Forwarded-Host: public.example",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Port: 443",
            "X-Forwarded-Server: s",
            "X-Real-IP: 10.0.0.1",
            "X-Forwarded-For: 10.0.0.1, 127.0.0.1",
            "X-Forwarded-Prefix: /outer/p",
        ]
    );
    assert!(element.starts_with("Forwarded: for=10.0.0.1, for=127.0.0.1;host="), "{element}");
    let elsewhere = json!({ "x_forwarded": "append", "trusted_peers": ["10.0.0.0/8"] });
    assert_eq!(told(elsewhere, CLAIMS)[0], "X-Forwarded-For: 127.0.0.1", "only its own network is trusted");
}

#[test]
fn each_field_can_be_kept_left_out_or_passed() {
    assert_eq!(told(json!({ "x_forwarded": "off" }), CLAIMS), [""; 0]);
    let kept = told(json!({ "x_forwarded": "off", "x_forwarded_for": "keep" }), CLAIMS);
    assert_eq!(kept, ["X-Forwarded-For: 10.0.0.1"]);
    let filled = told(json!({ "x_forwarded": "off", "x_forwarded_for": "keep" }), "");
    assert_eq!(filled, ["X-Forwarded-For: 127.0.0.1"]);
    let poisoned =
        told(json!({ "x_forwarded": "off", "x_forwarded_prefix": "keep" }), "X-Forwarded-Prefix: //evil\r\n");
    assert_eq!(poisoned, ["X-Forwarded-Prefix: /p"]);
    let passed = told(json!({ "x_forwarded": "pass", "forwarded": "pass" }), "Forwarded: for=x\r\n");
    assert_eq!(passed, ["Forwarded: for=x"]);
}

#[test]
fn a_transparent_mount_passes_what_came_and_adds_only_who_asked() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let mount = json!({ "kind": "transparent", "force_host": origin.address.to_string() });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let mut client = Raw::connect(standin.front);
    let fields = "b: 1\r\nX-FORWARDED-HOST: h\r\nForwarded: for=x\r\nX-Real-IP: 1.2.3.4\r\nB: 2\r\n";
    client.send(format!("GET /a//b;c?d HTTP/1.1\r\nhOST: any.example\r\n{fields}\r\n"));
    assert_eq!(client.response().status, 200);
    let received = String::from_utf8(origin.received(0)).unwrap();
    let expected =
        format!("GET /a//b;c?d HTTP/1.1\r\nhOST: any.example\r\n{fields}X-Forwarded-For: 127.0.0.1\r\nVia: 1.1 ");
    assert!(received.starts_with(&expected), "{received}");
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: forged\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert_eq!(values(&origin.received(0)[received.len()..], "X-Forwarded-For"), [b"forged"], "as paste.proxy does");
}

#[test]
fn via_is_told_upstream_and_where_asked_downstream() {
    let origin = Origin::sending("HTTP/1.0 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 0\r\n\r\n");
    let standin = Standin::start();
    let admin = standin.admin();
    let via = |id: &str, forwarded: Value| {
        let mount = json!({
            "kind": "regular", "match": { "path": format!("/{id}") }, "address": origin.url(), "forwarded": forwarded,
        });
        assert_eq!(admin.put(id, &mount).status, 201);
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /{id} HTTP/1.0\r\nHost: h\r\nVia: 1.1 outer\r\n\r\n"));
        let head = client.head();
        let text = |values: Vec<&[u8]>| -> Vec<String> {
            let without_instance = |value: &[u8]| value.split(|byte| *byte == b'-').next().unwrap().to_vec();
            values.into_iter().map(|value| String::from_utf8(without_instance(value)).unwrap()).collect()
        };
        let sent = origin.received(origin.connections() - 1);
        (text(values(&sent, "Via")), text(values(&head, "Via")))
    };
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    // Each message came in a version of its own.
    assert_eq!(via("default", json!({})), (list(&["1.1 outer", "1.0 standin"]), list(&["1.1 inner"])));
    assert_eq!(
        via("both", json!({ "via_response": "on" })),
        (list(&["1.1 outer", "1.0 standin"]), list(&["1.1 inner", "1.0 standin"]))
    );
    assert_eq!(via("off", json!({ "via": "off" })), (list(&["1.1 outer"]), list(&["1.1 inner"])));
    assert_eq!(via("block", json!({ "via": "block", "via_response": "block" })), (list(&[]), list(&[])));
}

#[test]
fn a_regular_mount_can_keep_the_host_and_the_whole_path() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    let admin = standin.admin();
    for (id, members, target, host) in [
        ("plain", json!({}), "/base/x?q", origin.address.to_string()),
        ("kept", json!({ "host_header": "preserve", "strip_prefix": false }), "/base/kept/x?q", "asked.example".into()),
        ("other", json!({ "host_header": "other.example:81" }), "/base/x?q", "other.example:81".into()),
    ] {
        let mut mount = json!({
            "kind": "regular", "match": { "path": format!("/{id}") }, "address": format!("{}base/", origin.url()),
        });
        mount.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(admin.put(id, &mount).status, 201);
        let before = origin.connections();
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /{id}/x?q HTTP/1.1\r\nHost: asked.example\r\n\r\n"));
        assert_eq!(client.response().status, 200);
        let received = origin.received(before);
        assert_eq!(lines(&received)[0], format!("GET {target} HTTP/1.1").as_bytes());
        assert_eq!(values(&received, "Host"), [host.as_bytes()]);
        let prefix = values(&received, "X-Forwarded-Prefix");
        let expected = format!("/{id}");
        assert_eq!(prefix, if id == "kept" { vec![] } else { vec![expected.as_bytes()] });
        assert_eq!(admin.delete(id).status, 204);
    }
}

#[test]
fn a_mount_can_refuse_methods_as_paste_does() {
    let origin = Origin::answering("passed");
    let standin = Standin::start();
    let mount = json!({
        "kind": "regular", "address": origin.url(), "allowed_request_methods": "GET  POST\n", "disallowed_status": 400,
    });
    let made = standin.admin().post(&mount);
    assert_eq!(made.value["allowed_request_methods"], json!(["GET", "POST"]), "words, as in paste.proxy");
    let mut client = Raw::connect(standin.front);
    for (accept, media_type) in [
        ("", "text/plain; charset=utf-8"),
        ("Accept: text/html\r\n", "text/html; charset=utf-8"),
        ("Accept: */*\r\n", "text/html; charset=utf-8"),
        ("Accept: TEXT/HTML\r\n", "text/plain; charset=utf-8"),
    ] {
        client.send(format!("DELETE / HTTP/1.1\r\nHost: h\r\n{accept}\r\n"));
        let refused = client.response();
        assert_eq!((refused.status, refused.field("Content-Type")), (400, Some(media_type)), "{accept}");
        assert!(refused.text().contains("Disallowed") && refused.field("Allow").is_none(), "{}", refused.text());
    }
    assert_eq!(get(standin.front, "/").text(), "passed");
    assert_eq!(origin.heads(), 1);
}

#[test]
fn an_open_mount_reaches_public_addresses_only() {
    let origin = Origin::answering("inside");
    let standin = Standin::start();
    let port = origin.address.port();
    let mount = json!({ "kind": "transparent", "allowed_hosts": [format!("*:{port}")] });
    assert_eq!(standin.admin().post(&mount).status, 201, "the front is this machine's alone");
    for host in ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433", "0"] {
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"));
        assert_eq!(client.response().status, 403, "{host}");
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_special_network_is_reached_only_where_it_is_named() {
    let origin = Origin::answering("here");
    let standin = Standin::start();
    let admin = standin.admin();
    // What this machine makes of the unspecified address is itself.
    for (path, port, named, status) in [
        ("/no", origin.address.port(), json!([]), 502),
        ("/yes", origin.address.port(), json!("0.0.0.0/8"), 200),
        ("/own", standin.admin_address().port(), json!("0.0.0.0/8"), 403),
    ] {
        let mount = json!({
            "kind": "regular", "match": { "path": path }, "address": format!("http://0.0.0.0:{port}/"),
            "allow_addresses": named,
        });
        assert_eq!(admin.post(&mount).status, 201);
        let answer = get(standin.front, path);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(origin.connections(), 1);
    let malformed = json!({ "kind": "regular", "address": "http://h/", "allow_addresses": ["10.0.0.0/33", "x"] });
    assert_eq!(admin.post(&malformed).pointers(), ["/allow_addresses/0", "/allow_addresses/1"]);
}
