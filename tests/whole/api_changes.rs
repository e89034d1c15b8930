//! Changes of one mount: conditions, patches, dry runs, and many at once.

use crate::common::admin::{Admin, Answer};
use crate::common::client::get;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Mutex;

fn mount(path: &str) -> Value {
    json!({ "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:1/" })
}

fn under(admin: &Admin, method: &str, id: &str, condition: (&str, &str), content: &Value) -> Answer {
    let call = admin.call(method, &format!("/v1/mounts/{id}")).field(condition.0, condition.1);
    if content.is_null() { call.send() } else { call.json(content).send() }
}

#[test]
fn a_change_is_made_only_under_its_condition() {
    let standin = Standin::start();
    let admin = standin.admin();
    let absent = under(&admin, "PUT", "x", ("If-Match", "*"), &mount("/x"));
    assert_eq!((absent.status, absent.response.field("ETag")), (412, None));
    let made = under(&admin, "PUT", "x", ("If-None-Match", "*"), &mount("/x"));
    assert_eq!((made.status, made.response.field("ETag"), made.number("X-Revision")), (201, Some("\"1\""), 1));
    let again = under(&admin, "PUT", "x", ("If-None-Match", "*"), &mount("/y"));
    assert_eq!((again.status, again.response.field("ETag")), (412, Some("\"1\"")));
    assert!(again.detail().contains("at revision 1 now"), "{}", again.detail());

    assert_eq!(under(&admin, "PUT", "x", ("If-Match", "\"1\""), &mount("/y")).number("X-Revision"), 2);
    for (method, content) in [("PUT", mount("/z")), ("PATCH", json!({ "enabled": false })), ("DELETE", Value::Null)] {
        for tags in ["\"1\"", "W/\"2\"", "\"02\"", "\"x\""] {
            let lost = under(&admin, method, "x", ("If-Match", tags), &content);
            assert_eq!((lost.status, lost.response.field("ETag")), (412, Some("\"2\"")), "{method} {tags}");
        }
        for (name, tags) in [("If-Match", "2"), ("If-None-Match", "\"2\"")] {
            assert_eq!(under(&admin, method, "x", (name, tags), &content).status, 400, "{method} {name}: {tags}");
        }
    }
    for step in ["pause", "resume", "enable", "disable", "drain", "restart"] {
        let lost = admin.call("POST", &format!("/v1/mounts/x/{step}")).field("If-Match", "\"1\"").send();
        assert_eq!(lost.status, 412, "{step}");
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], 2, "nothing was changed");
    assert_eq!(under(&admin, "PATCH", "x", ("If-Match", "\"1\", \"2\""), &json!({ "enabled": false })).status, 200);
    assert_eq!(under(&admin, "DELETE", "x", ("If-Match", "\"3\""), &Value::Null).number("X-Revision"), 4);
    assert_eq!(under(&admin, "DELETE", "x", ("If-Match", "*"), &Value::Null).status, 412);
    assert_eq!(under(&admin, "PATCH", "x", ("If-Match", "*"), &json!({})).status, 412);
    assert_eq!(admin.patch("x", &json!({})).status, 404);
}

#[test]
fn what_a_get_answered_can_be_edited_and_sent_back() {
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(admin.put("x", &mount("/x")).status, 201);
    let shown = admin.get("/v1/mounts/x").value;
    let same = admin.put("x", &shown);
    assert_eq!((same.status, same.number("X-Revision"), &same.value["revision"]), (200, 1, &json!(1)));
    let mut edited = shown;
    edited["limits"]["concurrent_requests_max"] = json!(7);
    let changed = admin.put("x", &edited);
    assert_eq!((changed.number("X-Revision"), &changed.value["created_at"]), (2, &edited["created_at"]));
    let copied = admin.delete("x");
    assert_eq!(copied.status, 204);
    assert_eq!(admin.post(&changed.value).status, 201);
}

#[test]
fn a_patch_changes_what_it_names() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mut whole = mount("/x");
    whole["labels"] = json!({ "owner": "ci", "app": "a" });
    whole["limits"] = json!({ "concurrent_requests_max": 5, "tunnels_max": 6 });
    assert_eq!(admin.put("x", &whole).status, 201);
    let patch = json!({
        "match": { "host": "h.example.org" }, "labels": { "app": null, "new": "1" },
        "limits": { "tunnels_max": null }, "metadata": { "a": { "b": [1] } }, "state": "ignored",
    });
    let content = patch.to_string();
    let patched =
        admin.call("PATCH", "/v1/mounts/x").content("application/merge-patch+json", content.as_bytes()).send();
    assert_eq!(patched.status, 200, "{}", patched.value);
    assert_eq!(patched.value["match"], json!({ "host": "h.example.org", "path": "/x" }));
    assert_eq!(patched.value["labels"], json!({ "owner": "ci", "new": "1" }));
    assert_eq!(patched.value["limits"]["concurrent_requests_max"], 5);
    assert_eq!(patched.value["limits"]["tunnels_max"], 256, "null returns a member to its default");
    assert_eq!(patched.value["metadata"], json!({ "a": { "b": [1] } }));
    for nothing in [json!({}), json!({ "enabled": true }), json!({ "revision": 99 })] {
        assert_eq!(admin.patch("x", &nothing).number("X-Revision"), 2, "{nothing}");
    }
    for (pointers, patch) in [
        (&["/id"][..], json!({ "id": "y" })),
        (
            &["/colour", "/address", "/limits/queue_max"],
            json!({ "colour": 1, "address": "x", "limits": { "queue_max": -1 } }),
        ),
        (&["/kind"], json!({ "kind": null })),
        (&[""], json!([])),
        (&["/identity/basic/htpasswd_file"], json!({ "identity": { "basic": { "htpasswd_file": "/nowhere" } } })),
    ] {
        let refused = admin.patch("x", &patch);
        assert_eq!((refused.status, refused.pointers().as_slice()), (422, pointers), "{patch}");
    }
    let typed = admin.call("PATCH", "/v1/mounts/x").content("application/json-patch+json", b"[]").send();
    assert_eq!(typed.status, 415);
    let malformed = admin.call("PATCH", "/v1/mounts/x").content("application/json", b"{").send();
    assert_eq!(malformed.status, 400);
}

/// How many write at the same time.
const WRITERS: usize = 50;

#[test]
fn writers_that_race_with_if_match_lose_no_update_and_see_no_phantom() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mut first = mount("/x");
    first["metadata"] = json!({ "count": 0 });
    assert_eq!(admin.put("x", &first).status, 201);
    const EACH: u64 = 4;
    // What each acknowledged revision has written.
    let written = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (admin, written) = (&admin, &written);
            scope.spawn(move || {
                let mut done = 0;
                let mut seen = 0;
                while done < EACH {
                    let read = admin.get("/v1/mounts/x");
                    let (tag, count) =
                        (read.response.field("ETag").unwrap(), read.value["metadata"]["count"].as_u64().unwrap());
                    let revision = read.value["revision"].as_u64().unwrap();
                    assert!(revision >= seen, "a reader never goes back");
                    seen = revision;
                    let patch = json!({ "metadata": { "count": count + 1 } });
                    // Half of them replace the whole.
                    let answer = if writer % 2 == 0 {
                        under(admin, "PATCH", "x", ("If-Match", tag), &patch)
                    } else {
                        let mut whole = read.value.clone();
                        whole["metadata"]["count"] = json!(count + 1);
                        under(admin, "PUT", "x", ("If-Match", tag), &whole)
                    };
                    match answer.status {
                        200 => {
                            done += 1;
                            seen = answer.number("X-Revision");
                            written.lock().unwrap().push((seen, count + 1));
                        }
                        412 => {}
                        other => panic!("{other}: {}", answer.value),
                    }
                }
            });
        }
    });
    let total = WRITERS as u64 * EACH;
    let mut written = written.into_inner().unwrap();
    written.sort_unstable();
    // Every revision was acknowledged once, and each built on the one before.
    let expected: Vec<(u64, u64)> = (1..=total).map(|count| (1 + count, count)).collect();
    assert_eq!(written, expected);
    let last = admin.get("/v1/mounts/x").value;
    assert_eq!((&last["metadata"]["count"], &last["revision"]), (&json!(total), &json!(total + 1)));
}

#[test]
fn patches_at_the_same_time_all_arrive() {
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(admin.put("x", &mount("/x")).status, 201);
    const EACH: u64 = 4;
    let revisions = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (admin, revisions) = (&admin, &revisions);
            scope.spawn(move || {
                // Each counts in a member of its own, and nobody asks whether
                // another was faster.
                for count in 1..=EACH {
                    let patched = admin.patch("x", &json!({ "metadata": { format!("w{writer}"): count } }));
                    assert_eq!(patched.status, 200, "{}", patched.value);
                    revisions.lock().unwrap().push(patched.number("X-Revision"));
                }
            });
        }
    });
    let metadata = admin.get("/v1/mounts/x").value["metadata"].clone();
    let counted: u64 = metadata.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counted, WRITERS as u64 * EACH, "{metadata}");
    let revisions: HashSet<u64> = revisions.into_inner().unwrap().into_iter().collect();
    assert_eq!(revisions.len(), WRITERS * 4, "each made a revision of its own");
}

#[test]
fn a_dry_run_tells_everything_and_changes_nothing() {
    let origin = Origin::answering("kept");
    let standin = Standin::start();
    let admin = standin.admin();
    let mut rest = mount("/");
    rest["address"] = json!(origin.url());
    assert_eq!(admin.put("rest", &rest).status, 201);
    assert_eq!(admin.put("x", &mount("/x")).status, 201);
    assert_eq!(admin.call("POST", "/v1/mounts/x/pause").send().status, 200);
    let now = admin.get("/v1/mounts").value["revision"].clone();
    let dry = |method: &str, path: &str, content: Value| {
        let call = admin.call(method, &format!("{path}{}dry_run=true", if path.contains('?') { "&" } else { "?" }));
        let answer = if content.is_null() { call.send() } else { call.json(&content).send() };
        assert_eq!((answer.status, &answer.value["dry_run"]), (200, &json!(true)), "{method} {path}: {}", answer.value);
        assert_eq!(answer.value["revision"], now, "{method} {path}");
        answer.value
    };
    let url = |matches: &str, from: Option<&str>, to: Option<&str>| json!({ "match": matches, "from": from, "to": to });

    let made = dry("POST", "/v1/mounts", mount("/new"));
    assert_eq!(
        (&made["action"], &made["before"], &made["urls"]),
        (&json!("create"), &Value::Null, &json!([url("/new", Some("rest"), made["id"].as_str())]))
    );
    let moved = dry("PUT", "/v1/mounts/x?mode=kill", mount("/y"));
    assert_eq!((&moved["action"], &moved["id"]), (&json!("replace"), &json!("x")));
    assert_eq!(moved["diff"], json!([{ "op": "replace", "path": "/match/path", "value": "/y" }]));
    assert_eq!((&moved["before"]["match"]["path"], &moved["after"]["match"]["path"]), (&json!("/x"), &json!("/y")));
    assert_eq!(moved["urls"], json!([url("/x", Some("x"), Some("rest")), url("/y", Some("rest"), Some("x"))]));
    let patched = dry("PATCH", "/v1/mounts/x", json!({ "labels": { "a": "b" } }));
    assert_eq!(patched["diff"], json!([{ "op": "add", "path": "/labels", "value": { "a": "b" } }]));
    let gone = dry("DELETE", "/v1/mounts/rest", Value::Null);
    assert_eq!(
        (&gone["action"], &gone["after"], &gone["urls"]),
        (&json!("delete"), &Value::Null, &json!([url("/", Some("rest"), None)]))
    );
    for (step, action) in [
        ("pause", "none"),
        ("resume", "resume"),
        ("enable", "none"),
        ("disable", "disable"),
        ("drain", "drain"),
        ("restart", "restart"),
    ] {
        assert_eq!(dry("POST", &format!("/v1/mounts/x/{step}"), Value::Null)["action"], action, "{step}");
    }
    let resumed = dry("POST", "/v1/mounts/x/resume", Value::Null);
    assert_eq!(resumed["diff"], json!([{ "op": "remove", "path": "/paused" }]));
    let leased = dry("PUT", "/v1/mounts/x/lease", json!({ "ttl_s": 60 }));
    assert_eq!((&leased["action"], &leased["after"]["lease"]["ttl_s"]), (&json!("lease"), &json!(60)));
    let same = dry("PUT", "/v1/mounts/x", mount("/x"));
    assert_eq!((&same["action"], &same["diff"], &same["urls"]), (&json!("none"), &json!([]), &json!([])));
    let list =
        json!({ "mounts": [{ "id": "i", "kind": "regular", "match": { "path": "/i" }, "address": "http://h/" }] });
    let imported = dry("POST", "/v1/import", list.clone());
    assert_eq!(
        (&imported["changes"][0]["action"], &imported["urls"]),
        (&json!("create"), &json!([url("/i", Some("rest"), Some("i"))]))
    );
    assert_eq!(dry("PUT", "/v1/mounts?owner=ci", list)["created"], json!(["i"]));

    // What would be refused is refused.
    let taken = admin.call("POST", "/v1/mounts?dry_run=true").json(&mount("/x")).send();
    assert_eq!(taken.status, 409);
    assert_eq!(admin.call("DELETE", "/v1/mounts/nobody?dry_run=true").send().status, 404);
    let lost = admin.call("DELETE", "/v1/mounts/x?dry_run=true").field("If-Match", "\"1\"").send();
    assert_eq!(lost.status, 412);
    assert_eq!(admin.get("/v1/mounts").value["revision"], now);
    assert_eq!(get(standin.front, "/y").text(), "kept");
}

#[test]
fn steps_of_a_life_say_what_they_did() {
    let standin = Launch::new().with(&["--mount", "/fixed=http://127.0.0.1:1/"]).start();
    let admin = standin.admin();
    assert_eq!(admin.put("x", &mount("/x")).status, 201);
    let step = |name: &str| admin.call("POST", &format!("/v1/mounts/x/{name}")).send();
    let mut revision = 1;
    for (name, enabled, changes) in [
        ("resume", true, false),
        ("pause", true, true),
        ("pause", true, false),
        ("resume", true, true),
        ("enable", true, false),
        ("disable", false, true),
        ("disable", false, false),
        ("pause", false, false),
        ("enable", true, true),
        ("drain", false, true),
        ("enable", true, true),
        ("restart", true, true),
    ] {
        let done = step(name);
        if (name, enabled) == ("pause", false) {
            assert_eq!(done.status, 409, "{name}");
            continue;
        }
        revision += u64::from(changes);
        assert_eq!((done.status, done.number("X-Revision")), (200, revision), "{name}: {}", done.value);
        assert_eq!((&done.value["enabled"], &done.value["revision"]), (&json!(enabled), &json!(revision)), "{name}");
    }
    let fixed = admin.get("/v1/mounts").value["mounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|mount| mount["fixed"] == true)
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for name in ["pause", "disable", "drain", "restart"] {
        assert_eq!(admin.call("POST", &format!("/v1/mounts/{fixed}/{name}")).send().status, 409, "{name}");
        assert_eq!(admin.call("POST", &format!("/v1/mounts/nobody/{name}")).send().status, 404, "{name}");
    }
    for (query, content) in [("?mode=kill", None), ("?x=1", None), ("", Some(json!({})))] {
        let call = admin.call("POST", &format!("/v1/mounts/x/pause{query}"));
        let refused = content.map_or_else(|| call.clone().send(), |content| call.clone().json(&content).send());
        assert_eq!(refused.status, 400, "{query}");
    }
    for query in ["?mode=finish", "?mode=kill", "?drain_ms=5", "?mode=deadline&drain_ms=0"] {
        assert_eq!(admin.call("POST", &format!("/v1/mounts/x/drain{query}")).send().status, 200, "{query}");
    }
    for query in ["?mode=later", "?mode=kill&drain_ms=5", "?drain_ms=x"] {
        assert_eq!(admin.call("POST", &format!("/v1/mounts/x/drain{query}")).send().status, 400, "{query}");
        assert_eq!(admin.call("DELETE", &format!("/v1/mounts/x{query}")).send().status, 400, "{query}");
    }
}

#[test]
fn a_lease_is_renewed_without_a_revision_and_changed_with_one() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mut leased = mount("/x");
    leased["lease"] = json!({ "ttl_s": 600, "on_expiry": "disable" });
    let made = admin.put("x", &leased);
    let before = made.value["lease_expires_at"].as_str().unwrap().to_owned();
    let renew = |content: Value| {
        let call = admin.call("PUT", "/v1/mounts/x/lease");
        if content.is_null() { call.send() } else { call.json(&content).send() }
    };
    let renewed = renew(Value::Null);
    assert_eq!((renewed.status, renewed.number("X-Revision")), (200, 1));
    assert!(renewed.value["expires_at"].as_str().unwrap() >= before.as_str());
    assert_eq!((&renewed.value["ttl_s"], &renewed.value["on_expiry"]), (&json!(600), &json!("disable")));
    assert_eq!(renew(json!({})).number("X-Revision"), 1);
    assert_eq!(renew(json!({ "ttl_s": 600 })).number("X-Revision"), 1);
    let longer = renew(json!({ "ttl_s": 6000 }));
    assert_eq!((longer.number("X-Revision"), &longer.value["on_expiry"]), (2, &json!("disable")));
    assert!(longer.value["expires_at"].as_str() > renewed.value["expires_at"].as_str());
    assert_eq!(renew(json!({ "on_expiry": "drain" })).value["ttl_s"], 6000);
    assert_eq!(admin.get("/v1/mounts/x").value["lease"], json!({ "ttl_s": 6000, "on_expiry": "drain" }));
    for (pointer, content) in [
        ("/ttl_s", json!({ "ttl_s": 0 })),
        ("/on_expiry", json!({ "on_expiry": "x" })),
        ("/x", json!({ "x": 1 })),
        ("", json!([])),
    ] {
        let refused = renew(content);
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]));
    }
    let lost = admin.call("PUT", "/v1/mounts/x/lease").field("If-Match", "\"1\"").send();
    assert_eq!(lost.status, 412);
    assert_eq!(admin.put("y", &mount("/y")).status, 201);
    assert_eq!(admin.call("PUT", "/v1/mounts/y/lease").send().status, 409, "it has none");
    assert_eq!(
        admin.call("PUT", "/v1/mounts/y/lease").json(&json!({ "on_expiry": "delete" })).send().pointers(),
        ["/ttl_s"]
    );
    assert_eq!(admin.call("PUT", "/v1/mounts/y/lease").json(&json!({ "ttl_s": 60 })).send().status, 200);
    assert_eq!(admin.call("PUT", "/v1/mounts/z/lease").send().status, 404);
}

#[test]
fn an_operation_is_waited_for_until_nothing_remains() {
    let gate = crate::common::gate::Gate::default();
    let origin = {
        let gate = gate.clone();
        Origin::serve(move |mut conn| {
            while conn.request().is_some() {
                gate.wait();
                conn.answer("late");
            }
        })
    };
    let standin = Standin::start();
    let admin = standin.admin();
    let mut slow = mount("/slow");
    slow["address"] = json!(origin.url());
    assert_eq!(admin.put("x", &slow).status, 201);
    let mut client = crate::common::client::Raw::connect(standin.front);
    client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    origin.wait_for_connections(1);
    let drained = admin.call("POST", "/v1/mounts/x/drain?mode=finish").send();
    let operation = drained.value["links"]["operation"].as_str().unwrap().to_owned();
    assert_eq!(operation, format!("/v1/operations/{}", drained.number("X-Revision")));
    let running = admin.get(&format!("{operation}?wait_ms=1")).value;
    assert_eq!(
        (&running["state"], &running["requests"], &running["mode"]),
        (&json!("running"), &json!(1), &json!("finish"))
    );
    assert_eq!((&running["mount"], &running["kind"], &running["cut"]), (&json!("x"), &json!("drain"), &json!(false)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| admin.get(&format!("{operation}?wait_ms=60000")).value);
        gate.arrive();
        let done = waiting.join().unwrap();
        assert_eq!((&done["state"], &done["requests"]), (&json!("done"), &json!(0)));
    });
    assert_eq!(client.response().text(), "late");
    // One that began nothing has ended; one to come is not there.
    assert_eq!(admin.get("/v1/operations/1").value["state"], "done");
    for (path, status) in [("3", 404), ("x", 404), ("1?wait_ms=60001", 400), ("1?wait=1", 400)] {
        assert_eq!(admin.get(&format!("/v1/operations/{path}")).status, status, "{path}");
    }
}

#[test]
fn a_mount_without_an_id_in_its_path_is_made_under_no_condition() {
    let standin = Standin::start();
    let admin = standin.admin();
    for (name, tags) in [("If-Match", "*"), ("If-Match", "\"1\""), ("If-None-Match", "*")] {
        let refused = admin.call("POST", "/v1/mounts").field(name, tags).json(&mount("/a")).send();
        assert_eq!(refused.status, 400, "{name}: {}", refused.value);
        assert!(refused.detail().contains("PUT /v1/mounts/{id}"), "{}", refused.detail());
    }
    assert_eq!(admin.post(&mount("/a")).status, 201);
}
