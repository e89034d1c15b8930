//! What replies say in the client's terms, and edits of header fields.

use crate::common::admin::Answer;
use crate::common::client::{Raw, Response};
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::wire::{value, values};
use serde_json::{Value, json};

/// What the client asks for.
const PUBLIC: &str = "public.example:8443";

/// An origin that answers `/store/N` with the Nth reply and knows its own
/// address, written `ORIGIN` in them.
fn replying(replies: &[&str]) -> Origin {
    let replies: Vec<String> = replies.iter().map(|&reply| reply.to_owned()).collect();
    Origin::serve(move |mut conn| {
        while let Some(request) = conn.request() {
            let number = request.target().rsplit('/').next().unwrap().parse::<usize>();
            let own = request.field("Host").unwrap().to_owned();
            match number {
                Ok(number) => conn.send(replies[number].replace("ORIGIN", &own)),
                Err(_) => conn.answer(""),
            }
        }
    })
}

/// A mount of that origin's `/store/` below `/shop`, with these members too.
fn mounted(standin: &Standin, origin: &Origin, members: Value) -> Answer {
    let mut mount = json!({
        "id": "shop", "kind": "regular", "match": { "path": "/shop" }, "address": format!("{}store/", origin.url()),
    });
    mount.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    standin.admin().post(&mount)
}

fn rewriting(standin: &Standin, origin: &Origin) {
    let made = mounted(standin, origin, json!({ "rewrite": { "location": true, "cookies": true } }));
    assert_eq!((made.status, &made.value["rewrite"]["location"]), (201, &json!(true)), "{}", made.value);
}

fn ask(client: &mut Raw, host: &str, target: &str) -> Response {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

#[test]
fn the_urls_of_every_field_are_rewritten_on_every_status() {
    let cases = [
        (200, "Content-Location: http://ORIGIN/store/x", "http://public.example:8443/shop/x"),
        (201, "lOCATION: http://ORIGIN/store/new?q=/store/#f", "http://public.example:8443/shop/new?q=/store/#f"),
        (302, "Location: http://ORIGIN/store", "http://public.example:8443/shop"),
        (302, "Location: //ORIGIN/store/x", "//public.example:8443/shop/x"),
        (302, "Location: /store/x", "/shop/x"),
        (302, "Location: /store/a/../b", "/shop/b"),
        (404, "Refresh: 5; url=/store/x", "5; url=/shop/x"),
        (200, "URI: <http://ORIGIN/store/x>", "<http://public.example:8443/shop/x>"),
        (502, "Destination: /store/x", "/shop/x"),
        (
            200,
            "Link: </store/a>; rel=next; title=\"</store/a>, <\", <b>",
            "</shop/a>; rel=next; title=\"</store/a>, <\", <b>",
        ),
        // None of these is the upstream's, or below its base.
        (302, "Location: x/../y?q", "x/../y?q"),
        (302, "Location: /stored", "/stored"),
        (302, "Location: /store/../admin", "/store/../admin"),
        (302, "Location: https://ORIGIN/store/x", "https://ORIGIN/store/x"),
        (302, "Location: http://ORIGIN.evil/store/x", "http://ORIGIN.evil/store/x"),
        (302, "Location: http://u@ORIGIN/store/x", "http://u@ORIGIN/store/x"),
        (302, "Location: http://public.example:8443/elsewhere", "http://public.example:8443/elsewhere"),
        (200, "X-Location: /store/x", "/store/x"),
    ];
    let replies =
        cases.map(|(status, line, _)| format!("HTTP/1.1 {status} Odd\r\nA: 1\r\n{line}\r\nContent-Length: 0\r\n\r\n"));
    let origin = replying(&replies.each_ref().map(String::as_str));
    let standin = Standin::start();
    rewriting(&standin, &origin);
    let own = origin.address.to_string();
    let mut client = Raw::connect(standin.front);
    for (number, (status, line, expected)) in cases.iter().enumerate() {
        let name = line.split(':').next().unwrap();
        let expected = expected.replace("ORIGIN", &own);
        let answer = ask(&mut client, PUBLIC, &format!("/shop/{number}"));
        let head = format!("HTTP/1.1 {status} Odd\r\nA: 1\r\n{name}: {expected}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(String::from_utf8(answer.head).unwrap(), head, "{line}");
    }
}

#[test]
fn without_being_asked_to_nothing_is_rewritten() {
    let origin = replying(&[
        "HTTP/1.1 302 Found\r\nLocation: /store/x\r\nSet-Cookie: a=b; Path=/store\r\nContent-Length: 0\r\n\r\n",
    ]);
    let standin = Standin::start();
    mounted(&standin, &origin, json!({}));
    let answer = ask(&mut Raw::connect(standin.front), PUBLIC, "/shop/0");
    assert_eq!((answer.field("Location"), answer.field("Set-Cookie")), (Some("/store/x"), Some("a=b; Path=/store")));
}

#[test]
fn early_hints_are_rewritten_too() {
    let origin = replying(&["HTTP/1.1 103 Early Hints\r\nLink: </store/a.css>; rel=preload\r\n\r\n\
        HTTP/1.1 200 OK\r\nLink: </store/a.css>; rel=preload\r\nContent-Length: 0\r\n\r\n"]);
    let standin = Standin::start();
    rewriting(&standin, &origin);
    let mut client = Raw::connect(standin.front);
    let hints = ask(&mut client, PUBLIC, "/shop/0");
    assert_eq!((hints.status, hints.field("Link")), (103, Some("</shop/a.css>; rel=preload")));
    assert_eq!(client.response().field("Link"), Some("</shop/a.css>; rel=preload"));
}

#[test]
fn cookies_are_rewritten_one_by_one() {
    let origin = replying(&["HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/store/; HttpOnly\r\n\
        set-cookie: path=/store; Domain=127.0.0.1; Path=/store/cart\r\nSet-Cookie: c=3; Path=/\r\nContent-Length: 0\r\n\r\n"]);
    let standin = Standin::start();
    rewriting(&standin, &origin);
    let mut client = Raw::connect(standin.front);
    let cookies = |host, client: &mut Raw| {
        let answer = ask(client, host, "/shop/0");
        values(&answer.head, "Set-Cookie")
            .iter()
            .map(|cookie| String::from_utf8(cookie.to_vec()).unwrap())
            .collect::<Vec<_>>()
    };
    let [first, last] = ["a=1; Path=/shop; HttpOnly", "c=3; Path=/"];
    assert_eq!(cookies(PUBLIC, &mut client), [first, "path=/store; Domain=public.example; Path=/shop/cart", last]);
    assert_eq!(cookies("localhost:8080", &mut client), [first, "path=/store; Path=/shop/cart", last]);
}

#[test]
fn each_kind_of_mount_has_its_own_space() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let location = request.field("X-Say").unwrap().to_owned();
            conn.send(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let standin = Standin::start();
    let own = origin.address;
    let rewrite = json!({ "location": true });
    let mount = |id: &str, mut mount: Value| {
        mount["rewrite"] = rewrite.clone();
        mount["match"] = json!({ "host": format!("{id}.example"), "path": if id == "kept" { "/shop" } else { "/" } });
        let made = standin.admin().put(id, &mount);
        assert_eq!(made.status, 201, "{}", made.value);
    };
    let address = format!("http://{own}/store/");
    mount("root", json!({ "kind": "regular", "address": address }));
    mount("kept", json!({ "kind": "regular", "address": address, "strip_prefix": false }));
    mount("preserved", json!({ "kind": "regular", "address": address, "host_header": "preserve" }));
    mount("literal", json!({ "kind": "regular", "address": address, "host_header": "inner.example" }));
    mount("forced", json!({ "kind": "transparent", "force_host": own.to_string() }));
    for (id, said, expected) in [
        ("root", "/store".into(), "/"),
        ("root", format!("http://{own}/store/x"), "http://root.example/x"),
        ("root", "/store//evil.example/".into(), "/.//evil.example/"),
        ("kept", "/store/shop/x".into(), "/shop/x"),
        ("kept", format!("http://{own}/store/elsewhere"), "http://kept.example/elsewhere"),
        ("preserved", "http://preserved.example/store/x".into(), "http://preserved.example/x"),
        ("literal", "http://inner.example/store/x".into(), "http://literal.example/x"),
        ("forced", format!("http://{own}/x"), "http://forced.example/x"),
        ("forced", "http://forced.example/x".into(), "http://forced.example/x"),
    ] {
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /shop/ HTTP/1.1\r\nHost: {id}.example\r\nX-Say: {said}\r\n\r\n"));
        assert_eq!(client.response().field("Location"), Some(expected), "{id} {said}");
    }
    // HTTP/1.0 without a Host: the client alone knows whom it asks.
    let old = json!({ "kind": "regular", "match": { "path": "/old" }, "address": address, "rewrite": rewrite });
    assert_eq!(standin.admin().put("old", &old).status, 201);
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET /old/ HTTP/1.0\r\nX-Say: http://{own}/store/x\r\n\r\n"));
    assert_eq!(client.response().field("Location"), Some("/old/x"));
}

#[test]
fn behind_a_trusted_proxy_the_public_space_is_the_one_before_it() {
    let origin = replying(&["HTTP/1.1 302 Found\r\nLocation: http://ORIGIN/store/x\r\n\
        Set-Cookie: a=b; Path=/store/x; Domain=127.0.0.1\r\nContent-Length: 0\r\n\r\n"]);
    let standin = Standin::start();
    for (id, trusted) in [("believed", json!(["127.0.0.1"])), ("doubted", json!(["10.0.0.0/8"]))] {
        let mount = json!({
            "kind": "regular", "match": { "host": format!("{id}.example"), "path": "/shop" },
            "address": format!("{}store/", origin.url()), "rewrite": { "location": true, "cookies": true },
            "forwarded": { "x_forwarded": "append", "trusted_peers": trusted },
        });
        assert_eq!(standin.admin().put(id, &mount).status, 201);
    }
    for (host, location, cookie) in [
        ("believed.example", "https://outer.example/eu/shop/x", "a=b; Path=/eu/shop/x; Domain=outer.example"),
        ("doubted.example", "http://doubted.example/shop/x", "a=b; Path=/shop/x; Domain=doubted.example"),
    ] {
        let mut client = Raw::connect(standin.front);
        client.send(format!(
            "GET /shop/0 HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.example\r\n\
             X-Forwarded-Prefix: /eu\r\n\r\n"
        ));
        let answer = client.response();
        assert_eq!((answer.field("Location"), answer.field("Set-Cookie")), (Some(location), Some(cookie)));
    }
}

#[test]
fn a_move_names_its_destination_in_the_clients_terms() {
    let origin = Origin::answering("");
    let standin = Standin::start();
    rewriting(&standin, &origin);
    let own = origin.address;
    let mut client = Raw::connect(standin.front);
    let cases = [
        (format!("http://{PUBLIC}/shop/b%20c"), format!("http://{own}/store/b%20c")),
        ("/shop/b".into(), "/store/b".into()),
        (format!("http://{PUBLIC}/elsewhere"), format!("http://{PUBLIC}/elsewhere")),
        ("http://other.example/shop/b".into(), "http://other.example/shop/b".into()),
        ("/shop/../store/b".into(), "/shop/../store/b".into()),
    ];
    for (sent, _) in &cases {
        client.send(format!("MOVE /shop/a HTTP/1.1\r\nHost: {PUBLIC}\r\nDestination: {sent}\r\nOverwrite: F\r\n\r\n"));
        assert_eq!(client.response().status, 200);
    }
    let received = origin.received(0);
    let seen: Vec<_> =
        received.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"Destination: ")).collect();
    let expected: Vec<_> = cases.iter().map(|(_, expected)| format!("{expected}\r")).collect();
    assert_eq!(seen.iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect::<Vec<_>>(), expected);
}

#[test]
fn fields_are_set_added_and_removed_both_ways() {
    let origin = replying(&["HTTP/1.1 200 OK\r\nX-Powered-By: it\r\nCache-Control: no-store\r\nVary: a\r\n\
        Location: /store/x\r\nContent-Length: 0\r\n\r\n"]);
    let standin = Standin::start();
    let edits = json!({
        "rewrite": { "location": true },
        "request_headers": {
            "set": { "X-Who": "{client_address} at {host} by {mount_id}, {request_id}", "Via": "{{us}}" },
            "add": { "Accept": "b/b" },
            "remove": ["Cookie", "X-Forwarded-For"],
        },
        "response_headers": {
            "set": { "cache-control": "max-age=5" },
            "add": { "Vary": "b", "Content-Location": "/store/ours" },
            "remove": ["x-powered-by"],
        },
    });
    let made = mounted(&standin, &origin, edits.clone());
    assert_eq!((made.status, &made.value["request_headers"]), (201, &edits["request_headers"]), "{}", made.value);
    let mut client = Raw::connect(standin.front);
    client.send(format!(
        "GET /shop/0 HTTP/1.1\r\nHost: {PUBLIC}\r\nx-who: me\r\nX-WHO: root\r\nAccept: a/a\r\ncookie: secret\r\n\r\n"
    ));
    let answer = client.response();
    let seen = |name| {
        values(&answer.head, name).iter().map(|value| String::from_utf8(value.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(seen("Cache-Control"), ["max-age=5"]);
    assert_eq!(seen("Vary"), ["a", "b"]);
    assert_eq!(seen("X-Powered-By"), [""; 0]);
    assert_eq!((seen("Location"), seen("Content-Location")), (vec!["/shop/x".into()], vec!["/store/ours".into()]));
    let received = origin.received(0);
    let who = value(&received, "X-Who").unwrap();
    let id = who.strip_prefix("127.0.0.1 at public.example:8443 by shop, ").unwrap();
    assert!(id.len() > 9 && id.as_bytes()[8] == b'-', "{id}");
    assert_eq!(values(&received, "X-Who").len(), 1, "a client cannot say it");
    assert_eq!(value(&received, "Via"), Some("{us}"));
    assert_eq!(values(&received, "Accept"), [b"a/a", b"b/b"]);
    assert_eq!((value(&received, "Cookie"), value(&received, "X-Forwarded-For")), (None, None));
    // The same name as in the log and in error answers: it counts up.
    assert_eq!(
        client.get("/nothing").text().lines().last().unwrap().split('-').next(),
        id.split('-').next().map(|instance| format!("Request {instance}")).as_deref()
    );
}

#[test]
fn edits_that_would_break_a_message_are_refused() {
    let standin = Standin::start();
    let admin = standin.admin();
    let refused = |members: Value| {
        let mut mount = json!({ "kind": "regular", "address": "http://127.0.0.1:9/" });
        mount.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = admin.post(&mount);
        assert_eq!(answer.status, 422, "{}", answer.value);
        answer.pointers().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for name in ["Connection", "transfer_encoding", "CONTENT-LENGTH", "TE", "Upgrade", "Keep-Alive", "Proxy-Connection"]
    {
        assert_eq!(
            refused(json!({ "request_headers": { "set": { name: "x" } } })),
            [format!("/request_headers/set/{name}")]
        );
        assert_eq!(refused(json!({ "response_headers": { "remove": [name] } })), ["/response_headers/remove/0"]);
    }
    assert_eq!(
        refused(json!({
            "request_headers": { "set": { "Host": "h", "X": "a\r\nY: b" }, "add": { "X": "{me}", "a b": "" }, "replace": {} },
            "response_headers": { "set": { "A": "1", "a": "2" }, "remove": 5 },
            "rewrite": { "location": "yes" },
        })),
        [
            "/rewrite/location",
            "/request_headers/replace",
            "/request_headers/set/Host",
            "/request_headers/set/X",
            "/request_headers/add/X",
            "/request_headers/add/a b",
            "/response_headers/remove",
            "/response_headers/set/a",
        ]
    );
}

#[test]
fn the_command_line_says_the_same() {
    let standin = Standin::start();
    let origin = replying(&[]);
    let run = |arguments: &[&str]| {
        standin.launch.run(&[&["mount", "add", "/shop", &origin.url(), "--json"], arguments].concat())
    };
    let added = run(&[
        "--rewrite-location",
        "--rewrite-cookies",
        "--set-request-header",
        "X-Id: {request_id}",
        "--remove-request-header",
        "Cookie",
        "--set-response-header",
        "X-Url:http://{host}/",
        "--remove-response-header",
        "Server",
    ]);
    let shown: Value = serde_json::from_slice(&added.stdout).unwrap();
    assert_eq!((&shown["rewrite"]["location"], &shown["rewrite"]["cookies"]), (&json!(true), &json!(true)));
    assert_eq!(shown["request_headers"], json!({ "set": { "X-Id": "{request_id}" }, "remove": ["Cookie"] }));
    assert_eq!(shown["response_headers"], json!({ "set": { "X-Url": "http://{host}/" }, "remove": ["Server"] }));
    let refused = run(&["--set-request-header", "nothing"]);
    assert_eq!(refused.status.code(), Some(2));
}
