//! Revisions, going back to them, and events.

use crate::common::admin::{Admin, Answer};
use crate::common::client::{Raw, get};
use crate::common::eventually;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

fn regular(path: &str, number: u64) -> Value {
    json!({
        "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:9/",
        "metadata": { "number": number },
    })
}

fn put(admin: &Admin, id: &str, number: u64) {
    let answer = admin.put(id, &regular(&format!("/{id}"), number));
    assert_eq!(answer.status / 100, 2, "{}", answer.value);
}

fn restore(admin: &Admin, revision: u64, query: &str) -> Answer {
    admin.call("POST", &format!("/v1/revisions/{revision}/restore{query}")).send()
}

fn number(admin: &Admin, id: &str) -> Value {
    admin.get(&format!("/v1/mounts/{id}")).value["metadata"]["number"].clone()
}

/// The revisions of a list, page by page.
fn revisions(admin: &Admin, path: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = admin.get(&path);
        assert_eq!(page.status, 200, "{}", page.value);
        let entries = page.value["revisions"].as_array().unwrap();
        found.extend(entries.iter().map(|entry| entry["revision"].as_u64().unwrap()));
        next = page.value["next"].as_str().map(str::to_owned);
    }
    found
}

#[test]
fn every_change_is_told_with_who_when_why_before_and_after() {
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(admin.get("/v1/revisions").value, json!({ "revisions": [], "revision": 0, "oldest": 1, "next": null }));
    let made = admin.call("POST", "/v1/mounts").field("X-Reason", "release 12");
    let mut mount = regular("/orgs", 1);
    mount["id"] = json!("orgs");
    assert_eq!(made.json(&mount).send().status, 201);
    put(&admin, "orgs", 2);
    assert_eq!(admin.delete("orgs").status, 204);
    let entries = admin.get("/v1/revisions").value["revisions"].as_array().unwrap().clone();
    let about: Vec<_> = entries.iter().map(|entry| json!([entry["revision"], entry["action"], entry["why"]])).collect();
    assert_eq!(about, [json!([3, "delete", null]), json!([2, "replace", null]), json!([1, "create", "release 12"])]);
    assert_eq!((&entries[0]["after"], &entries[2]["before"]), (&Value::Null, &Value::Null));
    assert_eq!(entries[0]["before"], entries[1]["after"]);
    assert_eq!(
        (&entries[1]["before"], &entries[1]["after"]["metadata"]),
        (&entries[2]["after"], &json!({ "number": 2 }))
    );
    assert_eq!(admin.get("/v1/revisions/2").value, entries[1]);
    for (path, status) in [
        ("/v1/revisions/0", 404),
        ("/v1/revisions/4", 404),
        ("/v1/revisions/18446744073709551615", 404),
        ("/v1/revisions/x", 404),
        ("/v1/revisions/1?x=1", 400),
        ("/v1/revisions?order=up", 400),
        ("/v1/revisions?limit=0", 400),
        ("/v1/revisions?limit=1001", 400),
        ("/v1/revisions?page=0", 400),
        ("/v1/revisions?since=-1", 400),
        ("/v1/revisions?until=yesterday", 400),
        ("/v1/mounts/nobody/revisions", 404),
    ] {
        assert_eq!(admin.get(path).status, status, "{path}");
    }
    let head = admin.call("HEAD", "/v1/revisions").send();
    assert_eq!(head.status, 200);
}

#[test]
fn the_history_is_paged_in_both_orders_of_all_and_of_one_mount() {
    let standin = Standin::start();
    let admin = standin.admin();
    for number in 0..12 {
        put(&admin, ["a", "b", "c"][number % 3], number as u64);
    }
    assert_eq!(admin.delete("a").status, 204);
    let newest: Vec<u64> = (1..=13).rev().collect();
    for limit in [1, 5, 13, 100] {
        assert_eq!(revisions(&admin, &format!("/v1/revisions?limit={limit}")), newest);
        let oldest: Vec<u64> = (1..=13).collect();
        assert_eq!(revisions(&admin, &format!("/v1/revisions?order=oldest&limit={limit}")), oldest);
        assert_eq!(revisions(&admin, &format!("/v1/mounts/a/revisions?limit={limit}")), [13, 10, 7, 4, 1]);
        let path = format!("/v1/mounts/b/revisions?order=oldest&since=2&until=8&limit={limit}");
        assert_eq!(revisions(&admin, &path), [5, 8]);
    }
    assert_eq!(revisions(&admin, "/v1/revisions?since=11"), [13, 12]);
    assert_eq!(revisions(&admin, "/v1/mounts/a/revisions?since=13"), [0; 0], "there is one, and it is older");
    let at = admin.get("/v1/revisions/6").value["at"].as_str().unwrap().to_owned();
    let (from, to) = (format!("/v1/revisions?limit=2&since={at}"), format!("/v1/revisions?order=oldest&until={at}"));
    let (later, earlier) = (revisions(&admin, &from), revisions(&admin, &to));
    assert!(later.contains(&6) && later.contains(&13) && earlier.contains(&1) && earlier.contains(&6), "{later:?}");
    assert!(later.len() + earlier.len() >= 14 && later.len() < 13, "{later:?} {earlier:?}");

    let standin = standin.restart();
    assert_eq!(revisions(&standin.admin(), "/v1/revisions?limit=4"), newest);
    assert_eq!(revisions(&standin.admin(), "/v1/mounts/a/revisions"), [13, 10, 7, 4, 1]);
}

#[test]
fn a_mount_becomes_again_what_it_was_and_that_is_a_revision() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let admin = standin.admin();
    let mut mount = regular("/m", 1);
    mount["address"] = json!(origin.url());
    assert_eq!(admin.put("m", &mount).status, 201);
    assert_eq!(admin.call("POST", "/v1/mounts/m/pause").send().status, 200);
    put(&admin, "m", 3);
    assert_eq!(admin.delete("m").status, 204);

    let tried = restore(&admin, 1, "?dry_run=true");
    assert_eq!((tried.status, &tried.value["created"], &tried.value["dry_run"]), (200, &json!(["m"]), &json!(true)));
    assert_eq!((&tried.value["revision"], admin.get("/v1/mounts/m").status), (&json!(4), 404));

    let restored = admin.call("POST", "/v1/revisions/1/restore").field("X-Reason", "too early").send();
    assert_eq!((restored.status, restored.response.field("X-Revision")), (200, Some("5")));
    assert_eq!(restored.value["created"], json!(["m"]));
    assert_eq!(get(standin.front, "/m").text(), "body", "it is in effect when it is answered");
    let entry = admin.get("/v1/revisions/5").value;
    assert_eq!((&entry["action"], &entry["why"]), (&json!("restore"), &json!("too early")));
    assert_eq!(entry["after"], admin.get("/v1/revisions/1").value["after"]);

    let again = restore(&admin, 1, "");
    assert_eq!((&again.value["unchanged"], again.response.field("X-Revision")), (&json!(["m"]), Some("5")));

    // The third revision changed a paused mount, and that it was paused comes back.
    assert_eq!(restore(&admin, 3, "?to=before").value["updated"], json!(["m"]));
    assert_eq!(admin.get("/v1/mounts/m").value["state"], "paused");
    assert_eq!(admin.get("/v1/revisions/6").value["after"]["paused"], true);
    assert_eq!(restore(&admin, 1, "?to=before").value["deleted"], json!(["m"]));
    assert_eq!(admin.get("/v1/mounts/m").status, 404);
}

#[test]
fn a_restore_is_refused_like_any_other_change() {
    let standin = Standin::start();
    let admin = standin.admin();
    put(&admin, "m", 1);
    put(&admin, "m", 2);
    let lost = admin.call("POST", "/v1/revisions/1/restore").field("If-Match", "\"1\"").send();
    assert_eq!((lost.status, number(&admin, "m")), (412, json!(2)));
    let won = admin.call("POST", "/v1/revisions/1/restore").field("If-Match", "\"2\"").send();
    assert_eq!((won.status, number(&admin, "m")), (200, json!(1)));
    assert_eq!(admin.delete("m").status, 204);
    assert_eq!(admin.post(&regular("/m", 9)).status, 201);
    let taken = restore(&admin, 1, "");
    assert_eq!(taken.status, 409, "{}", taken.value);
    assert!(taken.detail().contains("/m"), "{}", taken.detail());
    for (revision, query, status) in
        [(0, "", 404), (6, "", 404), (1, "?to=now", 400), (1, "?all=yes", 400), (1, "?x=", 400), (6, "?all=true", 404)]
    {
        assert_eq!(restore(&admin, revision, query).status, status, "{revision} {query}");
    }
    let both = admin.call("POST", "/v1/revisions/1/restore?all=true").field("If-Match", "*").send();
    assert_eq!(both.status, 400);
    let content = admin.call("POST", "/v1/revisions/1/restore").json(&json!({})).send();
    assert_eq!(content.status, 400);
}

#[test]
fn the_whole_set_becomes_again_what_it_was() {
    let standin = Standin::start();
    let admin = standin.admin();
    for (id, number) in [("a", 1), ("b", 2), ("c", 3)] {
        put(&admin, id, number);
    }
    put(&admin, "a", 4);
    // From here on two change places, one goes, one comes, one is as it was.
    assert_eq!(admin.put("a", &regular("/elsewhere", 5)).status, 200);
    assert_eq!(admin.put("b", &regular("/a", 6)).status, 200);
    assert_eq!(admin.put("a", &regular("/b", 7)).status, 200);
    put(&admin, "new", 8);
    put(&admin, "new", 9);
    assert_eq!(admin.delete("c").status, 204);
    let tried = restore(&admin, 4, "?all=true&dry_run=true");
    assert_eq!((tried.status, &tried.value["revision"]), (200, &json!(10)), "{}", tried.value);
    let restored = restore(&admin, 4, "?all=true").value;
    assert_eq!(
        (&restored["created"], &restored["updated"], &restored["deleted"]),
        (&json!(["c"]), &json!(["a", "b"]), &json!(["new"]))
    );
    assert_eq!(tried.value["changes"], restored["changes"]);
    let mounts = admin.get("/v1/mounts").value["mounts"].as_array().unwrap().clone();
    let now: Vec<_> =
        mounts.iter().map(|mount| json!([mount["id"], mount["match"]["path"], mount["metadata"]["number"]])).collect();
    assert_eq!(now, [json!(["a", "/a", 4]), json!(["b", "/b", 2]), json!(["c", "/c", 3])]);
    let revision = restored["revision"].as_u64().unwrap();
    assert_eq!(restore(&admin, revision, "?all=true").value["revision"], revision, "that is as it is");
    let before = restore(&admin, 1, "?all=true&to=before").value;
    assert_eq!(before["deleted"], json!(["a", "b", "c"]));
}

#[test]
fn a_restore_of_all_takes_its_place_among_the_calls_about_many_mounts() {
    let standin = Standin::start();
    let admin = standin.admin();
    put(&admin, "a", 1);
    let made = admin.call("POST", "/v1/tokens").json(&json!({ "name": "reader", "read_only": true })).send();
    let reader = admin.with_token(made.value["token"].as_str().unwrap());
    let imports: Vec<Raw> = (0..2).map(|_| begun_import(&standin)).collect();
    eventually("two imports have their places", || restore(&admin, 0, "?all=true&dry_run=true").status == 503);
    for admin in [&admin, &reader] {
        let refused = restore(admin, 0, "?all=true&dry_run=true");
        assert_eq!((refused.status, refused.response.field("Retry-After").is_some()), (503, true), "{}", refused.value);
    }
    assert_eq!(restore(&reader, 1, "?dry_run=true").status, 200, "one mount is no such call");
    for mut import in imports {
        import.send(r#"{"mounts":[]}"#);
        assert_eq!(import.response().status, 200);
    }
    assert_eq!(restore(&reader, 0, "?all=true&dry_run=true").value["deleted"], json!(["a"]));
}

/// An import whose content does not come.
fn begun_import(standin: &Standin) -> Raw {
    let mut client = Raw::connect(standin.admin_address());
    client.send(format!(
        "POST /v1/import HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 13\r\n\r\n",
        standin.token()
    ));
    client
}

fn mount_of_many(number: u64) -> Value {
    let mut mount = regular(&format!("/{number}"), number);
    mount["id"] = json!(format!("m{number}"));
    mount
}

#[test]
fn what_the_journal_no_longer_has_is_gone_for_all_calls() {
    let standin = Standin::start();
    let admin = standin.admin();
    put(&admin, "first", 1);
    let numbers: Vec<u64> = (0..10_020).collect();
    for part in numbers.chunks(334) {
        let mounts: Vec<_> = part.iter().map(|number| mount_of_many(*number)).collect();
        assert_eq!(admin.call("POST", "/v1/import").json(&json!({ "mounts": mounts })).send().status, 200);
    }
    let oldest = admin.get("/v1/revisions?limit=1").value["oldest"].as_u64().unwrap();
    assert_eq!(oldest, 22);
    for path in ["/v1/revisions/1", "/v1/events?since=0", "/v1/events?since=20"] {
        let gone = admin.get(path);
        assert_eq!(gone.status, 410, "{path}");
        assert!(gone.detail().contains("22"), "{}", gone.detail());
    }
    assert_eq!(restore(&admin, 1, "").status, 410);
    assert_eq!(restore(&admin, 20, "?all=true").status, 410);
    assert_eq!(restore(&admin, 9_921, "?all=true&dry_run=true").value["deleted"].as_array().unwrap().len(), 100);
    assert_eq!(revisions(&admin, "/v1/mounts/first/revisions"), [0; 0]);
    let mut events = admin.call("GET", "/v1/events?since=9921").events();
    for revision in 9_922..=10_021 {
        assert_eq!(events.next_revision(), revision);
    }
}

#[test]
fn events_begin_now_or_behind_a_revision_and_go_on_over_restarts() {
    let standin = Standin::start();
    let admin = standin.admin();
    put(&admin, "a", 1);
    put(&admin, "b", 2);
    let mut now = admin.call("GET", "/v1/events").events();
    let hello = now.next();
    assert_eq!((hello.name.as_str(), hello.revision()), ("hello", Some(2)));
    assert_eq!(hello.data, json!({ "revision": 2, "oldest": 1 }));
    let mut all = admin.call("GET", "/v1/events?since=0").events();
    assert_eq!(all.next().id, None, "who knows where it is keeps its place");
    put(&admin, "a", 3);
    assert_eq!(now.next_revision(), 3);
    assert_eq!([all.next_revision(), all.next_revision(), all.next_revision()], [1, 2, 3]);

    let standin = standin.restart();
    let admin = standin.admin();
    assert!(all.try_next().is_err());
    put(&admin, "c", 4);
    let call = admin.call("GET", "/v1/events?since=0").field("Last-Event-ID", "2");
    let mut again = call.events();
    assert_eq!([again.next_revision(), again.next_revision()], [3, 4], "the header counts");
    let entry = admin.get("/v1/revisions/4").value;
    let mut last = admin.call("GET", "/v1/events?since=3&mount=c&types=create").events();
    assert_eq!(last.next().name, "hello");
    assert_eq!(last.next().data, entry);

    for (path, id) in [
        ("?since=5", ""),
        ("", "5"),
        ("", "x"),
        ("?since=x", ""),
        ("?types=x", ""),
        ("?type=create", ""),
        ("?types=", ""),
    ] {
        let refused = admin.call("GET", &format!("/v1/events{path}")).field("Last-Event-ID", id).send();
        assert_eq!(refused.status, 400, "{path} {id}");
    }
    let head = admin.call("HEAD", "/v1/events").send();
    assert_eq!((head.status, head.response.field("Content-Type")), (200, Some("text/event-stream")));
}

#[test]
fn a_filter_leaves_only_what_is_wanted() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mut of_b = admin.call("GET", "/v1/events?mount=b").events();
    let mut deletes = admin.call("GET", "/v1/events?types=delete%2Cpause").events();
    let mut states = admin.call("GET", "/v1/events?types=state&mount=b").events();
    for events in [&mut of_b, &mut deletes, &mut states] {
        assert_eq!(events.next().name, "hello");
    }
    put(&admin, "a", 1);
    put(&admin, "b", 2);
    assert_eq!(admin.call("POST", "/v1/mounts/b/pause").send().status, 200);
    assert_eq!(admin.delete("a").status, 204);
    assert_eq!([of_b.next_revision(), of_b.next_revision()], [2, 3]);
    assert_eq!([deletes.next_revision(), deletes.next_revision()], [3, 4]);
    loop {
        let event = states.next();
        assert_eq!((event.name.as_str(), event.id, &event.data["mount"]), ("state", None, &json!("b")));
        if event.data["state"] == "paused" {
            break;
        }
    }
}

#[test]
fn the_end_of_what_a_change_has_left_behind_is_an_event() {
    let origin = Origin::serve(|mut conn| {
        conn.head();
        conn.until_end();
    });
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/m", &origin.url());
    let mut events = admin.call("GET", "/v1/events?types=operation").events();
    assert_eq!(events.next().name, "hello");
    let mut client = crate::common::client::Raw::connect(standin.front);
    client.send(crate::common::client::request("GET", "/m"));
    crate::common::eventually("the request is on its way", || {
        admin.get(&format!("/v1/mounts/{id}")).value["in_flight"] == 1
    });
    assert_eq!(admin.call("DELETE", &format!("/v1/mounts/{id}?mode=kill")).send().status, 204);
    let ended = events.next();
    assert_eq!((ended.name.as_str(), ended.id), ("operation", None));
    assert_eq!(
        (&ended.data["operation"], &ended.data["mode"], &ended.data["kind"], &ended.data["cut"]),
        (&json!(2), &json!("kill"), &json!("delete"), &json!(true))
    );
}

#[test]
fn a_stream_ends_with_the_proxy_and_with_its_token() {
    let mut standin = Standin::start();
    let admin = standin.admin();
    let made = admin.call("POST", "/v1/tokens").json(&json!({ "name": "watcher", "read_only": true })).send();
    assert_eq!(made.status, 201, "{}", made.value);
    let bearer = format!("Bearer {}", made.value["token"].as_str().unwrap());
    let mut revoked = admin.call("GET", "/v1/events").field("Authorization", &bearer).events();
    let mut kept = admin.call("GET", "/v1/events").events();
    for events in [&mut revoked, &mut kept] {
        assert_eq!(events.next().name, "hello");
    }
    assert_eq!(admin.call("DELETE", "/v1/tokens/watcher").send().status, 204);
    put(&admin, "a", 1);
    revoked.expect_end();
    assert_eq!(kept.next_revision(), 1);
    standin.term();
    while kept.try_next().is_ok() {}
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn who_comes_back_after_every_kill_has_each_revision_once() {
    let mut standin = Standin::start();
    let mut seen: Vec<u64> = Vec::new();
    for round in 0..3 {
        let admin = standin.admin();
        let is_killed = AtomicBool::new(false);
        let last = seen.last().copied().unwrap_or(0);
        let mut events = admin.call("GET", "/v1/events?since=0").field("Last-Event-ID", &last.to_string()).events();
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (admin, is_killed) = (admin.clone(), &is_killed);
                scope.spawn(move || {
                    for number in 0.. {
                        let id = format!("r{round}w{writer}");
                        let call =
                            admin.call("PUT", &format!("/v1/mounts/{id}")).json(&regular(&format!("/{id}"), number));
                        if call.try_send().is_none() {
                            assert!(is_killed.load(Ordering::Acquire));
                            return;
                        }
                    }
                });
            }
            while seen.len() < (round + 1) * 100 {
                seen.push(events.next_revision());
            }
            is_killed.store(true, Ordering::Release);
            standin.kill9();
            while let Ok(event) = events.try_next() {
                seen.extend(event.revision());
            }
        });
        standin = standin.launch.start();
    }
    let admin = standin.admin();
    let mut events = admin.call("GET", &format!("/v1/events?since={}", seen.last().unwrap())).events();
    let last = admin.get("/v1/revisions?limit=1").value["revision"].as_u64().unwrap();
    while seen.last() != Some(&last) {
        seen.push(events.next_revision());
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
}
