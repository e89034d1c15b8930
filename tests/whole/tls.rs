//! Upstreams behind TLS: who is believed, what is refused, and that nothing is
//! lost on the way.

use crate::common::client::{Raw, get};
use crate::common::directory::Directory;
use crate::common::eventually;
use crate::common::nginx::Nginx;
use crate::common::origin::Origin;
use crate::common::pattern::Pattern;
use crate::common::process::Standin;
use crate::common::tls::{Authority, TlsOrigin, Validity};
use crate::common::wire::End;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An authority whose certificate is in a file.
struct Ca {
    authority: Authority,
    directory: Directory,
    file: String,
}

impl Ca {
    fn new() -> Self {
        let (authority, directory) = (Authority::new(), Directory::new());
        let file = authority.write(&directory, "ca.pem").to_str().unwrap().to_owned();
        Self { authority, directory, file }
    }

    fn server(&self, names: &[&str], validity: Validity) -> rustls::ServerConfig {
        self.authority.server(&self.authority.identity(names, validity), false, &[&TLS12, &TLS13])
    }

    /// A server for loopback that is all right.
    fn good(&self) -> rustls::ServerConfig {
        self.server(&["127.0.0.1", "localhost"], Validity::Now)
    }
}

fn put(standin: &Standin, id: &str, origin: &TlsOrigin, tls: &Value) {
    let mount = json!({
        "kind": "regular", "match": { "path": format!("/{id}") }, "address": format!("https://127.0.0.1:{}/", origin.port()),
        "tls": tls,
    });
    let made = standin.admin().put(id, &mount);
    assert!(matches!(made.status, 200 | 201), "{}", made.value);
}

#[test]
fn an_upstream_of_a_private_authority_is_served_over_one_connection() {
    let ca = Ca::new();
    for version in [&TLS12, &TLS13] {
        let identity = ca.authority.identity(&["127.0.0.1"], Validity::Now);
        let origin = TlsOrigin::answering(ca.authority.server(&identity, false, &[version]), "private");
        let standin = Standin::start();
        put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
        let mut client = Raw::connect(standin.front);
        for _ in 0..3 {
            // The tickets that TLS 1.3 sends afterwards end no connection.
            assert_eq!(client.get("/m").text(), "private", "{version:?}");
        }
        assert_eq!(origin.connections(), 1, "{version:?}");
        assert_eq!(origin.names(), [None], "an address is no name to ask for");
    }
}

#[test]
fn an_upstream_that_cannot_be_believed_is_refused_and_told_why() {
    let (ca, stranger) = (Ca::new(), Ca::new());
    let standin = Standin::start();
    let here = &["127.0.0.1"][..];
    for (id, config, told) in [
        ("unknown", stranger.server(here, Validity::Now), "not signed by an authority that is trusted"),
        ("name", ca.server(&["other.example"], Validity::Now), "not for its name"),
        ("expired", ca.server(here, Validity::Past), "has expired"),
        ("future", ca.server(here, Validity::Future), "not valid yet"),
        ("authority", ca.authority.server(ca.authority.own(), false, &[&TLS13]), "is an authority's (CA:TRUE)"),
    ] {
        let origin = TlsOrigin::answering(config, "never");
        put(&standin, id, &origin, &json!({ "ca_file": ca.file }));
        let refused = get(standin.front, &format!("/{id}"));
        assert_eq!(refused.status, 502, "{id}");
        assert!(refused.text().contains(told), "{id}: {}", refused.text());
        assert!(!refused.text().contains(&ca.file), "internals: {}", refused.text());
        assert!(origin.names().is_empty(), "no request was sent");
        // The system's authorities know it no better.
        put(&standin, id, &origin, &json!({}));
        assert_eq!(get(standin.front, &format!("/{id}")).status, 502, "{id}");
        // Who wants it served all the same says so.
        put(&standin, id, &origin, &json!({ "insecure_skip_verify": true }));
        assert_eq!(get(standin.front, &format!("/{id}")).text(), "never", "{id}");
    }
    standin.wait_for_line_with("insecure_skip_verify is on");
}

#[test]
fn a_peer_that_speaks_no_tls_or_breaks_off_is_a_bad_gateway() {
    let plain = Origin::serve(|mut conn| {
        conn.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        conn.until_end();
    });
    let closing = Origin::serve(drop);
    let standin = Standin::start();
    for (path, port) in [("/plain", plain.address.port()), ("/closing", closing.address.port())] {
        standin.admin().mount(path, &format!("https://127.0.0.1:{port}/"));
        let refused = get(standin.front, path);
        assert_eq!(refused.status, 502);
        assert!(refused.text().contains("no TLS connection"), "{}", refused.text());
    }
}

#[test]
fn a_handshake_takes_no_longer_than_a_connection_may() {
    let (gate, release) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let silent = Origin::serve(move |conn| {
        // Held until the test is over.
        let _ = gate.lock().unwrap().send(());
        let mut conn = conn;
        conn.until_end();
    });
    let standin = Standin::start();
    let mount = json!({
        "kind": "regular", "address": format!("https://{}/", silent.address), "timeouts": { "connect_ms": 200 },
    });
    assert_eq!(standin.admin().post(&mount).status, 201);
    assert_eq!(get(standin.front, "/").status, 504);
    assert!(release.recv().is_ok());
}

#[test]
fn a_name_is_asked_for_and_can_be_another() {
    let ca = Ca::new();
    let origin = TlsOrigin::answering(ca.server(&["inner.example", "localhost"], Validity::Now), "named");
    let standin = Standin::start();
    put(&standin, "other", &origin, &json!({ "ca_file": ca.file, "server_name": "inner.example" }));
    assert_eq!(get(standin.front, "/other").text(), "named");
    let by_name = json!({
        "kind": "regular", "match": { "path": "/local" }, "address": format!("https://localhost:{}/", origin.port()),
        "tls": { "ca_file": ca.file },
    });
    assert_eq!(standin.admin().post(&by_name).status, 201);
    assert_eq!(get(standin.front, "/local").text(), "named");
    assert_eq!(origin.names(), [Some("inner.example".into()), Some("localhost".into())]);
}

#[test]
fn a_transparent_mount_speaks_tls_where_it_is_forced() {
    let ca = Ca::new();
    let origin = TlsOrigin::serve(ca.good(), |mut conn| {
        while let Some(head) = conn.head() {
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len()));
        }
    });
    let standin = Standin::start();
    let tls = json!({ "ca_file": ca.file });
    let authority = format!("127.0.0.1:{}", origin.port());
    for (id, member, value, host) in [
        ("forced", "force_host", json!(authority), "any.example"),
        ("named", "allowed_hosts", json!([authority]), authority.as_str()),
    ] {
        let mut mount = json!({
            "kind": "transparent", "match": { "path": format!("/{id}") }, "force_scheme": "https", "tls": tls,
        });
        mount[member] = value;
        assert_eq!(standin.admin().put(id, &mount).status, 201);
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /{id} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let answer = client.response();
        assert!(answer.text().starts_with(&format!("GET /{id} HTTP/1.1\r\nHost: {host}\r\n")), "{}", answer.text());
    }
    assert_eq!(origin.connections(), 2);
}

#[test]
fn a_client_certificate_is_shown_where_there_is_one() {
    let ca = Ca::new();
    let server = ca.authority.identity(&["127.0.0.1"], Validity::Now);
    let (certificate, key) = ca.authority.identity(&["proxy"], Validity::Now).write(&ca.directory, "client");
    let (_, other_key) = ca.authority.identity(&["proxy"], Validity::Now).write(&ca.directory, "other");
    let standin = Standin::start();
    for version in [&TLS12, &TLS13] {
        let origin = TlsOrigin::answering(ca.authority.server(&server, true, &[version]), "known");
        put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
        let refused = get(standin.front, "/m");
        assert_eq!(refused.status, 502);
        assert!(refused.text().contains("client certificate"), "{version:?}: {}", refused.text());
        let both = json!({ "ca_file": ca.file, "client_certificate_file": certificate, "client_key_file": key });
        put(&standin, "m", &origin, &both);
        assert_eq!(get(standin.front, "/m").text(), "known", "{version:?}");
    }
    let mount = json!({
        "kind": "regular", "address": "https://127.0.0.1:1/",
        "tls": { "client_certificate_file": certificate, "client_key_file": other_key },
    });
    let refused = standin.admin().post(&mount);
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/tls/client_key_file"]), "{}", refused.value);
}

#[test]
fn an_old_version_can_be_ruled_out() {
    let ca = Ca::new();
    let identity = ca.authority.identity(&["127.0.0.1"], Validity::Now);
    let origin = TlsOrigin::answering(ca.authority.server(&identity, false, &[&TLS12]), "old");
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file, "min_version": "1.3" }));
    let refused = get(standin.front, "/m");
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("no version of TLS that is allowed"), "{}", refused.text());
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file, "min_version": "1.2" }));
    assert_eq!(get(standin.front, "/m").text(), "old");
}

#[test]
fn files_that_cannot_be_used_are_told_when_the_mount_is_made() {
    let ca = Ca::new();
    let nonsense = ca.directory.join("nonsense");
    std::fs::write(&nonsense, "secret nonsense").unwrap();
    let standin = Standin::start();
    let admin = standin.admin();
    for (tls, pointers) in [
        (json!({ "ca_file": "/nowhere/ca.pem" }), vec!["/tls/ca_file"]),
        (json!({ "ca_file": nonsense }), vec!["/tls/ca_file"]),
        (json!({ "ca_file": ca.directory.path() }), vec!["/tls/ca_file"]),
        (json!({ "ca_file": "relative.pem" }), vec!["/tls/ca_file"]),
        (json!({ "client_key_file": nonsense }), vec!["/tls"]),
        (json!({ "server_name": "a:1" }), vec!["/tls/server_name"]),
        (json!({ "min_version": "1.1", "x": 1 }), vec!["/tls/x", "/tls/min_version"]),
    ] {
        let refused = admin.post(&json!({ "kind": "regular", "address": "https://127.0.0.1:1/", "tls": tls }));
        assert_eq!((refused.status, refused.pointers()), (422, pointers), "{tls}: {}", refused.value);
        assert!(!refused.value.to_string().contains("secret"), "what a file holds is nobody's business");
    }
    let plain = admin.post(&json!({ "kind": "regular", "address": "http://127.0.0.1:1/", "tls": {} }));
    assert_eq!(plain.pointers(), ["/tls"], "it would not be in effect");
}

#[test]
fn a_mount_whose_file_has_gone_is_loaded_and_says_so() {
    let ca = Ca::new();
    let origin = TlsOrigin::answering(ca.good(), "here");
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    assert_eq!(get(standin.front, "/m").text(), "here");
    std::fs::remove_file(&ca.file).unwrap();
    assert_eq!(get(standin.front, "/m").text(), "here", "what was read counts");
    let standin = standin.restart();
    let refused = get(standin.front, "/m");
    assert_eq!(refused.status, 502);
    assert!(refused.text().contains("the proxy's own TLS files"), "{}", refused.text());
    ca.authority.write(&ca.directory, "ca.pem");
    eventually("the file is there again", || get(standin.front, "/m").status == 200);
}

#[test]
fn connections_are_shared_only_where_the_same_is_believed() {
    let (ca, other) = (Ca::new(), Ca::new());
    let origin = TlsOrigin::answering(ca.good(), "here");
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    assert_eq!(get(standin.front, "/m").text(), "here");
    // An edit of something else leaves the connection.
    let mut mount = standin.admin().get("/v1/mounts/m").value;
    let read_only =
        ["revision", "created_at", "updated_at", "state", "in_flight", "tunnels", "restarts", "generation", "links"];
    read_only.iter().for_each(|name| drop(mount.as_object_mut().unwrap().remove(*name)));
    mount["traceparent"] = json!("ensure");
    assert_eq!(standin.admin().put("m", &mount).status, 200);
    assert_eq!(get(standin.front, "/m").text(), "here");
    assert_eq!(origin.connections(), 1);
    // One of the trust does not.
    put(&standin, "m", &origin, &json!({ "ca_file": other.file }));
    assert_eq!(get(standin.front, "/m").status, 502);
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    assert_eq!(get(standin.front, "/m").text(), "here");
    assert_eq!(origin.connections(), 3);
    // Nor does another content of the file.
    other.authority.write(&ca.directory, "ca.pem");
    eventually("the new authority counts", || get(standin.front, "/m").status == 502);
}

#[test]
fn large_content_passes_whole_both_ways() {
    const LENGTH: usize = 9 * 1024 * 1024 + 7;
    let ca = Ca::new();
    let origin = TlsOrigin::serve(ca.good(), |mut conn| {
        while let Some(head) = conn.head() {
            assert!(head.contains(&format!("Content-Length: {LENGTH}\r\n")), "{head}");
            let body = conn.body(LENGTH);
            conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"));
            conn.send(body);
        }
    });
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    let mut content = vec![0; LENGTH];
    let mut random = Pattern::new(5);
    content.iter_mut().for_each(|byte| *byte = u8::try_from(random.below(256)).unwrap());
    let mut client = Raw::connect(standin.front);
    for _ in 0..2 {
        client.send(format!("POST /m HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\n"));
        client.send(&content);
        let answer = client.response();
        assert!(answer.body == content, "{} of {LENGTH} bytes, or others", answer.body.len());
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn what_an_upstream_says_bit_by_bit_arrives_bit_by_bit() {
    let ca = Ca::new();
    let heard = Arc::new(AtomicBool::new(false));
    let (told, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let origin = TlsOrigin::serve(ca.good(), move |mut conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            conn.send("7\r\ndata: 1\r\n");
            wait.lock().unwrap().recv().unwrap();
            conn.send("7\r\ndata: 2\r\n0\r\n\r\n");
        }
    });
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    let mut client = Raw::connect(standin.front);
    client.send("GET /m HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head();
    assert_eq!(client.part(12), b"7\r\ndata: 1\r\n");
    heard.store(true, Ordering::Release);
    told.send(()).unwrap();
    assert_eq!(client.part(17), b"7\r\ndata: 2\r\n0\r\n\r\n");
}

#[test]
fn a_real_server_is_served_over_tls() {
    let ca = Ca::new();
    let nginx = Nginx::with_tls(&ca.authority.identity(&["127.0.0.1"], Validity::Now));
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(nginx.file("large"), &content).unwrap();
    let standin = Standin::start();
    let mount = json!({
        "kind": "regular", "address": format!("https://{}/", nginx.address), "tls": { "ca_file": ca.file },
    });
    assert_eq!(standin.admin().post(&mount).status, 201);
    let mut client = Raw::connect(standin.front);
    for _ in 0..3 {
        assert!(client.get("/large").body == content);
    }
    client.send("PUT /upload/x HTTP/1.1\r\nHost: h\r\nContent-Length: 12000000\r\n\r\n");
    client.send(&content);
    assert_eq!(client.response().status, 201);
    assert!(std::fs::read(nginx.file("upload/x")).unwrap() == content);
}

#[test]
fn an_end_that_the_upstream_has_not_said_is_not_taken_for_one() {
    let ca = Ca::new();
    let standin = Standin::start();
    for (id, framing, says_so, whole) in [
        ("length", "Content-Length: 9\r\n", true, false),
        ("chunked", "Transfer-Encoding: chunked\r\n", true, false),
        ("close-said", "", true, true),
        ("close-cut", "", false, false),
    ] {
        let origin = TlsOrigin::serve(ca.good(), move |mut conn| {
            if conn.head().is_some() {
                conn.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n3\r\nab"));
                if says_so {
                    conn.close();
                }
            }
        });
        put(&standin, id, &origin, &json!({ "ca_file": ca.file }));
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /{id} HTTP/1.0\r\nHost: h\r\n\r\n"));
        let (_, end) = client.rest();
        assert_eq!(end, if whole { End::Closed } else { End::Reset }, "{id}");
    }
}

#[test]
fn a_tunnel_goes_through_tls() {
    let ca = Ca::new();
    let origin = TlsOrigin::serve(ca.good(), |mut conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello");
            let said = conn.body(4);
            conn.send(said);
            conn.close();
        }
    });
    let standin = Standin::start();
    put(&standin, "m", &origin, &json!({ "ca_file": ca.file }));
    let mut client = Raw::connect(standin.front);
    client.send("GET /m HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(client.head().starts_with(b"HTTP/1.1 101 "));
    assert_eq!(client.part(5), b"hello");
    client.send("ping");
    assert_eq!(client.part(4), b"ping");
    client.finish();
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
}
