//! Many mounts in one call, and what would become of a request.

use crate::common::admin::{Admin, Answer};
use crate::common::client::get;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};

fn mount(id: &str, path: &str) -> Value {
    json!({ "id": id, "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:1/" })
}

fn apply(admin: &Admin, query: &str, mounts: &[Value]) -> Answer {
    admin.call("PUT", &format!("/v1/mounts{query}")).json(&json!({ "mounts": mounts })).send()
}

#[test]
fn an_owner_s_mounts_become_what_is_sent() {
    let origin = Origin::answering("kept");
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(admin.put("free", &mount("free", "/free")).status, 201);
    let mut kept = mount("kept", "/kept");
    kept["address"] = json!(origin.url());
    let first = apply(&admin, "?owner=ci", &[kept.clone(), mount("old", "/old")]);
    assert_eq!((&first.value["created"], first.number("X-Revision")), (&json!(["kept", "old"]), 3));
    assert_eq!(admin.get("/v1/mounts/kept").value["labels"], json!({ "owner": "ci" }));
    assert_eq!(get(standin.front, "/kept").text(), "kept");
    let shown = admin.get("/v1/mounts/kept").value;

    let again = apply(&admin, "?owner=ci&prune=true", &[kept.clone(), mount("old", "/old")]);
    assert_eq!((&again.value["unchanged"], again.number("X-Revision")), (&json!(["kept", "old"]), 3));
    assert_eq!(again.value["changes"], json!([]), "equal input changes nothing");

    // Without prune nothing goes; with it, only what is the owner's.
    let wanted = [shown.clone(), mount("new", "/old")];
    assert_eq!(apply(&admin, "?owner=ci", &wanted).status, 409, "its place is taken by one that stays");
    let dry = apply(&admin, "?owner=ci&prune=true&dry_run=true", &wanted);
    assert_eq!((&dry.value["deleted"], &dry.value["created"]), (&json!(["old"]), &json!(["new"])));
    assert_eq!(dry.value["urls"], json!([{ "match": "/old", "from": "old", "to": "new" }]));
    assert_eq!(admin.get("/v1/mounts").value["revision"], 3);
    let pruned = apply(&admin, "?owner=ci&prune=true", &wanted);
    assert_eq!((&pruned.value["deleted"], &pruned.value["unchanged"]), (&json!(["old"]), &json!(["kept"])));
    assert_eq!(admin.get("/v1/mounts/free").status, 200);
    let same = admin.get("/v1/mounts/kept").value;
    assert_eq!((&same["revision"], &same["generation"]), (&shown["revision"], &shown["generation"]));
    let emptied = apply(&admin, "?owner=ci&prune=true", &[]);
    assert_eq!(emptied.value["deleted"], json!(["kept", "new"]));
    assert_eq!(admin.get("/v1/mounts").value["total"], 1);
}

#[test]
fn an_apply_touches_nobody_else_s_mounts() {
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(admin.put("free", &mount("free", "/free")).status, 201);
    assert_eq!(apply(&admin, "?owner=one", &[mount("a", "/a")]).status, 200);
    for (what, sent) in [
        ("an id of another owner", mount("a", "/x")),
        ("an id of nobody", mount("free", "/x")),
        ("a match of another owner", mount("b", "/a")),
    ] {
        let refused = apply(&admin, "?owner=two&prune=true", &[mount("c", "/c"), sent]);
        assert_eq!(refused.status, 409, "{what}");
        assert!(refused.detail().starts_with("nothing was changed: "), "{}", refused.detail());
    }
    let mut named = mount("d", "/d");
    named["labels"] = json!({ "owner": "one" });
    let refused = apply(&admin, "?owner=two", &[mount("c", "/c"), named]);
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/mounts/1/labels/owner"]));
    assert_eq!(apply(&admin, "", &[]).status, 400);
    assert_eq!(apply(&admin, "?owner=", &[]).status, 400);
    assert_eq!(apply(&admin, "?owner=x&prune=maybe", &[]).status, 400);
    let conditional =
        admin.call("PUT", "/v1/mounts?owner=x").field("If-Match", "*").json(&json!({ "mounts": [] })).send();
    assert_eq!(conditional.status, 400);
    assert_eq!(admin.get("/v1/mounts").value["total"], 2);
}

#[test]
fn what_was_exported_is_imported_elsewhere() {
    let standin = Launch::new().with(&["--mount", "/fixed=http://127.0.0.1:1/"]).start();
    let admin = standin.admin();
    let empty = admin.get("/v1/export").value;
    assert_eq!((&empty["mounts"], &empty["format"]), (&json!([]), &json!(1)));
    // More than what is written at once.
    let many: Vec<Value> = (0..300).map(|number| mount(&format!("m{number:03}"), &format!("/m/{number}"))).collect();
    let made = admin.call("POST", "/v1/import").json(&json!({ "mounts": many })).send();
    assert_eq!((made.status, made.number("X-Revision")), (200, 300));
    assert_eq!(admin.call("HEAD", "/v1/export").send().status, 200);
    let export = admin.get("/v1/export").value;
    assert_eq!((export["mounts"].as_array().unwrap().len(), &export["revision"]), (300, &json!(300)));
    let again = admin.call("POST", "/v1/import").json(&export).send();
    assert_eq!((again.value["unchanged"].as_array().unwrap().len(), again.number("X-Revision")), (300, 300));

    let other = Standin::start();
    let there = other.admin().call("POST", "/v1/import").json(&export).send();
    assert_eq!(there.value["created"].as_array().unwrap().len(), 300);
    assert_eq!(other.admin().get("/v1/export").value["mounts"], export["mounts"]);
    let mut newer = export;
    newer["format"] = json!(2);
    assert_eq!(other.admin().call("POST", "/v1/import").json(&newer).send().status, 400);
}

fn explain(admin: &Admin, asked: &Value) -> Value {
    let answer = admin.call("POST", "/v1/explain").json(asked).send();
    assert_eq!(answer.status, 200, "{}", answer.value);
    answer.value
}

#[test]
fn an_explanation_is_what_the_traffic_does() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(&request.head);
        }
    });
    let standin = Standin::start();
    let admin = standin.admin();
    let orgs = json!({
        "kind": "regular", "match": { "host": "*.example.org", "path": "/orgs" }, "address": format!("{}base/", origin.url()),
        "suppress_http_headers": ["cookie"], "request_headers": { "set": { "X-Mount": "{mount_id}" } },
    });
    assert_eq!(admin.put("orgs", &orgs).status, 201);
    for (id, matches) in [
        ("shorter", json!({ "host": "*.example.org" })),
        ("wider", json!({ "host": "*.org", "path": "/orgs" })),
        ("rest", json!({})),
        ("beside", json!({ "path": "/other" })),
    ] {
        assert_eq!(
            admin.put(id, &json!({ "kind": "regular", "match": matches, "address": "http://127.0.0.1:1/" })).status,
            201
        );
    }
    let target = "/%6Frgs/1;x?full=%20";
    let told = explain(
        &admin,
        &json!({
            "url": format!("http://API.example.org{target}#top"),
            "headers": { "Cookie": "secret=1", "Accept": ["a", "b"], "Connection": "close, X-Hop", "X-Hop": "1" },
        }),
    );
    assert_eq!(
        (&told["mount"], &told["prefix"], &told["match"]),
        (&json!("orgs"), &json!("/%6Frgs"), &json!("*.example.org/orgs"))
    );
    let lost: Vec<(&str, &str)> = told["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lost| (lost["id"].as_str().unwrap(), lost["why"].as_str().unwrap()))
        .collect();
    let host = "its host is less specific";
    assert_eq!(lost, [("shorter", "its path is shorter"), ("wider", host), ("rest", host)]);
    assert_eq!(told["upstream"]["url"], format!("{}base/1;x?full=%20", origin.url()));
    assert_eq!(told["upstream"]["address"], origin.address.to_string());
    assert_eq!(
        (&told["state"], &told["admission"], &told["refusal"]),
        (&json!("open"), &json!("admitted"), &Value::Null)
    );
    let edit = |name: &str| {
        let edits = told["request"]["edits"].as_array().unwrap().iter();
        edits.clone().find(|edit| edit["name"] == name).map(|edit| edit["edit"].as_str().unwrap().to_owned())
    };
    for (name, how) in [
        ("Host", Some("changed")),
        ("Cookie", Some("removed")),
        ("X-Hop", Some("removed")),
        ("Connection", Some("removed")),
        ("X-Mount", Some("added")),
        ("Via", Some("added")),
        ("X-Forwarded-For", Some("added")),
        ("Accept", None),
    ] {
        assert_eq!(edit(name).as_deref(), how, "{name}");
    }

    // The upstream gets what was told, line by line.
    let mut client = crate::common::client::Raw::connect(standin.front);
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: API.example.org\r\nCookie: secret=1\r\nAccept: a\r\nAccept: b\r\n\
         Connection: close, X-Hop\r\nX-Hop: 1\r\n\r\n"
    ));
    let got = client.response().text().to_owned();
    let after = &told["request"]["after"];
    let mut expected =
        format!("{} {} HTTP/1.1\r\n", after["method"].as_str().unwrap(), after["target"].as_str().unwrap());
    for line in after["headers"].as_array().unwrap() {
        expected.push_str(&format!("{}: {}\r\n", line["name"].as_str().unwrap(), line["value"].as_str().unwrap()));
    }
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.trim_end().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&got), sorted(&expected));
}

#[test]
fn what_would_be_refused_is_told_as_the_client_would_be() {
    let standin = Standin::start();
    let admin = standin.admin();
    let closed = json!({
        "kind": "transparent", "match": { "path": "/t" }, "allowed_hosts": ["in.example.org"], "allowed_request_methods": ["GET"],
    });
    assert_eq!(admin.put("t", &closed).status, 201);
    for (status, mount, asked) in [
        (404, Value::Null, json!({ "url": "http://h/nothing" })),
        (400, Value::Null, json!({ "url": "http://h/t/../x" })),
        (405, Value::Null, json!({ "url": "http://h/t", "method": "TRACE" })),
        (
            400,
            Value::Null,
            json!({ "url": "http://h/t", "headers": { "Content-Length": "1", "Transfer-Encoding": "chunked" } }),
        ),
        (400, Value::Null, json!({ "url": "http://h/t", "headers": { "Host": ["a", "b"] } })),
        (414, Value::Null, json!({ "url": format!("http://h/{}", "x".repeat(9000)) })),
        (403, json!("t"), json!({ "url": "http://h/t" })),
        (405, json!("t"), json!({ "url": "http://in.example.org/t", "method": "POST" })),
    ] {
        let told = explain(&admin, &asked);
        assert_eq!((&told["refusal"]["status"], &told["mount"]), (&json!(status), &mount), "{asked}");
        assert_eq!((&told["upstream"], &told["request"]["after"]), (&Value::Null, &Value::Null), "{asked}");
    }
    let itself = explain(&admin, &json!({ "url": "*", "method": "OPTIONS" }));
    assert_eq!((&itself["mount"], &itself["refusal"]), (&Value::Null, &Value::Null));
    let passed = explain(&admin, &json!({ "url": "http://in.example.org/t" }));
    assert_eq!(passed["upstream"], json!({ "url": "http://in.example.org/t", "address": "in.example.org:80" }));
    assert_eq!(admin.get("/v1/mounts/t").value["in_flight"], 0);
    for asked in [json!([]), json!({}), json!({ "url": "h" }), json!({ "url": "/", "colour": 1 })] {
        assert_eq!(admin.call("POST", "/v1/explain").json(&asked).send().status, 422, "{asked}");
    }
}

#[test]
fn an_explanation_shows_no_secret_that_is_made_for_the_upstream() {
    let standin = Standin::start();
    let admin = standin.admin();
    let home = standin.launch.home();
    let keys = home.join("keys");
    std::fs::write(&keys, "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    let users = home.join("users");
    std::fs::write(&users, format!("ann:{}\n", bcrypt::hash("x", 4).unwrap())).unwrap();
    let signed = json!({
        "kind": "regular", "address": "http://127.0.0.1:1/",
        "identity": { "sign": { "keys_file": keys, "key_id": "k1" }, "basic": { "htpasswd_file": users } },
    });
    let made = admin.put("signed", &signed);
    assert_eq!(made.status, 201, "{}", made.value);
    let told = explain(&admin, &json!({ "url": "http://h/", "headers": { "Authorization": "Basic YW5uOng=" } }));
    assert_eq!((&told["asks_password"], &told["refusal"]), (&json!(true), &Value::Null), "{told}");
    let after = told["request"]["after"].to_string();
    assert!(!after.contains("YW5uOng=") && !after.contains("hmac") && !after.contains("k1"), "{after}");
    let edits = told["request"]["edits"].to_string();
    assert!(edits.contains("Signature-Input") && edits.contains("Authorization"), "{edits}");
}

#[test]
fn what_is_twice_in_one_list_is_told_by_its_place() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mount = |id: &str, path: &str| json!({ "id": id, "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:9/" });
    let list = json!({ "mounts": [mount("a", "/a"), mount("a", "/b"), mount("c", "/a")] });
    for (method, path) in [("POST", "/v1/import"), ("PUT", "/v1/mounts?owner=ci")] {
        let refused = admin.call(method, path).json(&list).send();
        assert_eq!(refused.status, 422, "{}", refused.value);
        assert_eq!(refused.pointers(), ["/mounts/1/id", "/mounts/2/match"]);
    }
}
