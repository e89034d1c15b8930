//! The list of mounts: pages, filters, orders; and reading what was written.

use crate::common::admin::Admin;
use crate::common::client::get;
use crate::common::contract::check_value;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn mount(id: &str, more: Value) -> Value {
    let mut mount =
        json!({ "id": id, "kind": "regular", "match": { "path": format!("/{id}") }, "address": "http://127.0.0.1:1/" });
    mount.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    mount
}

fn ids(list: &Value) -> Vec<&str> {
    list["mounts"].as_array().unwrap().iter().map(|mount| mount["id"].as_str().unwrap()).collect()
}

/// Every page from that one on, each as its ids.
fn pages(admin: &Admin, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(at) = path {
        let page = admin.get(&at);
        assert_eq!(page.status, 200, "{at}: {}", page.value);
        pages.push(ids(&page.value).into_iter().map(str::to_owned).collect());
        path = page.value["next"].as_str().map(str::to_owned);
    }
    pages
}

#[test]
fn every_mount_is_on_one_page_in_either_direction() {
    let standin = Standin::start();
    let admin = standin.admin();
    let all: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    for id in &all {
        assert_eq!(admin.put(id, &mount(id, json!({ "labels": { "all": "yes" } }))).status, 201);
    }
    let mut back = all.clone();
    back.reverse();
    for (sort, expected) in
        [("id", &all), ("-id", &back), ("created_at", &all), ("-updated_at", &back), ("in_flight", &all)]
    {
        for filter in ["", "&label=all%3Dyes", "&path_prefix=/"] {
            let pages = pages(&admin, &format!("/v1/mounts?limit=10&sort={sort}{filter}"));
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5], "{sort} {filter}");
            assert_eq!(pages.concat(), **expected, "{sort} {filter}");
        }
    }
    let list = admin.get("/v1/mounts?limit=10").value;
    assert_eq!((&list["total"], list["mounts"].as_array().unwrap().len()), (&json!(25), 10));
    assert_eq!(admin.get("/v1/mounts?limit=25").value["next"], Value::Null);
}

#[test]
fn a_page_goes_on_where_the_last_one_ended_whatever_changes_meanwhile() {
    let standin = Standin::start();
    let admin = standin.admin();
    for id in ["b", "d", "f", "h"] {
        assert_eq!(admin.put(id, &mount(id, json!({}))).status, 201);
    }
    let first = admin.get("/v1/mounts?limit=2").value;
    assert_eq!(ids(&first), ["b", "d"]);
    // The last one of the page goes, one comes before and one behind it.
    assert_eq!(admin.delete("d").status, 204);
    for id in ["a", "e"] {
        assert_eq!(admin.put(id, &mount(id, json!({}))).status, 201);
    }
    assert_eq!(ids(&admin.get(first["next"].as_str().unwrap()).value), ["e", "f"]);
}

#[test]
fn filters_take_those_mounts_that_have_it_all() {
    let standin = Standin::start();
    let admin = standin.admin();
    let host = |host: &str, path: &str| json!({ "match": { "host": host, "path": path } });
    for (id, more) in [
        ("any", json!({ "match": { "path": "/a" }, "labels": { "owner": "ci", "app": "x" } })),
        ("deep", json!({ "match": { "path": "/a/b" }, "labels": { "owner": "ci" } })),
        ("near", json!({ "match": { "path": "/ab" }, "labels": { "app": "x y&z" } })),
        ("host", host("h.example.org", "/a")),
        ("wild", host("*.example.org", "/c")),
        ("off", json!({ "enabled": false })),
    ] {
        assert_eq!(admin.put(id, &mount(id, more)).status, 201, "{id}");
    }
    for (filter, expected) in [
        ("host=H.example.org", &["host"][..]),
        ("host=*.example.org", &["wild"]),
        ("host=", &["any", "deep", "near", "off"]),
        ("path_prefix=/a", &["any", "deep", "host"]),
        ("path_prefix=/a/", &["any", "deep", "host"]),
        ("path_prefix=/%61/b", &["deep"]),
        ("label=owner%3Dci", &["any", "deep"]),
        ("label=owner%3Dci&label=app%3Dx", &["any"]),
        ("label=owner=ci&path_prefix=/a/b", &["deep"]),
        ("label=app", &["any", "near"]),
        ("label=app%3Dx+y%26z", &["near"]),
        ("label=nobody", &[]),
        ("search=APP%3DX+owner", &["any"]),
        ("search=x", &["any", "host", "near", "wild"]),
        ("search=example.org/A", &["host"]),
        ("search=+", &["any", "deep", "host", "near", "off", "wild"]),
        ("search=nobody+ci", &[]),
        ("id=wild,nobody,any,wild", &["any", "wild"]),
        ("id=wild,any,off&sort=-id", &["wild", "off", "any"]),
        ("id=any,deep,near&label=owner%3Dci&search=/a/b", &["deep"]),
        ("id=nobody", &[]),
        ("inactive_since=2000-01-01T00:00:00Z", &[]),
        ("inactive_since=2999-01-01T00:00:00Z", &["any", "deep", "host", "near", "off", "wild"]),
    ] {
        let list = admin.get(&format!("/v1/mounts?{filter}")).value;
        assert_eq!((ids(&list).as_slice(), &list["total"]), (expected, &json!(expected.len())), "{filter}");
    }
}

#[test]
fn what_the_list_cannot_be_asked_is_refused_with_what_it_can() {
    let standin = Standin::start();
    let admin = standin.admin();
    admin.put("a", &mount("a", json!({})));
    admin.put("b", &mount("b", json!({})));
    let page = admin.get("/v1/mounts?limit=1").value["next"].as_str().unwrap().to_owned();
    for (query, says) in [
        ("?colour=red", "known are host"),
        ("?limit=0", "from 1 to 1000"),
        ("?limit=1001", "from 1 to 1000"),
        ("?limit=1&limit=2", "twice"),
        ("?sort=size", "sort must be one of id"),
        ("?state=happy", "state must be one of starting"),
        ("?state=open,", "state must be one of starting"),
        ("?state=open&state=failed", "twice"),
        ("?search=a+b+c+d+e+f+g+h+i", "at most 8 words"),
        (&format!("?search={}", "%C3%A4".repeat(128)), "at most 255 bytes"),
        ("?id=", "ids with commas"),
        ("?id=a,B", "'B' is none"),
        (&format!("?id=a{}", ",a".repeat(1000)), "more than 1000"),
        ("?fields=", "known are id, kind"),
        ("?fields=id,colour", "'colour'; known are id"),
        ("?inactive_since=yesterday", "a time"),
        ("?path_prefix=a", "begin with /"),
        ("?page=x", "'next'"),
        ("?min_revision=-1", "whole number"),
        (&format!("{}&sort=-id", page.strip_prefix("/v1/mounts").unwrap()), "the same sort"),
    ] {
        let refused = admin.get(&format!("/v1/mounts{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.detail().contains(says), "{query}: {}", refused.detail());
    }
    for (method, path) in [("GET", "/v1/mounts/a?x=1"), ("GET", "/v1/export?x"), ("DELETE", "/v1/mounts/a?drain=1")] {
        assert_eq!(admin.act(method, path).status, 400, "{method} {path}");
    }
}

#[test]
fn a_read_waits_for_the_revision_it_asks_for() {
    let standin = Standin::start();
    let admin = standin.admin();
    let made = admin.put("a", &mount("a", json!({})));
    assert_eq!(made.number("X-Revision"), 1);
    for path in ["/v1/mounts", "/v1/mounts/a", "/v1/export"] {
        assert_eq!(admin.get(&format!("{path}?min_revision=1")).status, 200, "{path}");
    }
    // The reader comes first; the change that it waits for wakes it.
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let began = Instant::now();
            (admin.get("/v1/mounts/b?min_revision=2"), began.elapsed())
        });
        assert_eq!(admin.put("b", &mount("b", json!({}))).status, 201);
        let (read, took) = reading.join().unwrap();
        assert_eq!((read.status, &read.value["id"]), (200, &json!("b")));
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
    let never = admin.get("/v1/mounts?min_revision=99");
    assert_eq!((never.status, never.response.field("Retry-After")), (503, Some("1")));
    assert!(never.detail().contains("revision 99"), "{}", never.detail());
}

#[test]
fn a_mount_that_is_known_already_is_not_sent_again() {
    let standin = Standin::start();
    let admin = standin.admin();
    admin.put("a", &mount("a", json!({})));
    let ask = |tags: &str| admin.call("GET", "/v1/mounts/a").field("If-None-Match", tags).send();
    let shown = admin.get("/v1/mounts/a");
    assert_eq!((shown.response.field("ETag"), &shown.value["revision"]), (Some("\"1\""), &json!(1)));
    for tags in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
        let known = ask(tags);
        assert_eq!((known.status, known.response.field("ETag"), known.response.body.len()), (304, Some("\"1\""), 0));
    }
    assert_eq!(ask("\"2\"").status, 200);
    assert_eq!(ask("1").status, 400);
    let head = admin.call("HEAD", "/v1/mounts/a").field("If-None-Match", "\"1\"").send();
    assert_eq!(head.status, 304);
    assert_eq!(admin.patch("a", &json!({ "labels": { "x": "y" } })).status, 200);
    assert_eq!((ask("\"1\"").status, ask("\"2\"").status), (200, 304));
}

#[test]
fn mounts_are_sorted_by_what_they_have_done() {
    let origin = Origin::answering("done");
    let standin = Standin::start();
    let admin = standin.admin();
    for (id, requests) in [("much", 3), ("none", 0), ("some", 1)] {
        let address = origin.url();
        assert_eq!(admin.put(id, &mount(id, json!({ "address": address }))).status, 201);
        for _ in 0..requests {
            assert_eq!(get(standin.front, &format!("/{id}")).text(), "done");
        }
    }
    let enabled = admin.patch("some", &json!({ "enabled": false }));
    assert_eq!(enabled.status, 200);
    // What was counted last shows last.
    crate::common::eventually("all requests are counted", || {
        ids(&admin.get("/v1/mounts?sort=-requests").value) == ["much", "some", "none"]
    });
    crate::common::eventually("it is disabled", || ids(&admin.get("/v1/mounts?state=disabled").value) == ["some"]);
    for (query, expected) in [
        ("sort=requests", &["none", "some", "much"][..]),
        ("sort=requests&limit=1", &["none"]),
        ("sort=last_activity_at", &["none", "much", "some"]),
        ("sort=errors", &["much", "none", "some"]),
        ("state=disabled", &["some"]),
        ("state=open&sort=-id", &["none", "much"]),
        ("state=paused", &[]),
        ("state=paused,disabled", &["some"]),
        ("state=disabled,open", &["much", "none", "some"]),
    ] {
        assert_eq!(ids(&admin.get(&format!("/v1/mounts?{query}")).value), expected, "{query}");
    }
    let slowest = admin.get("/v1/mounts?sort=p99&limit=1").value;
    assert_eq!((ids(&slowest), &slowest["total"]), (vec!["none"], &json!(3)));
    assert_eq!(pages(&admin, "/v1/mounts?sort=-last_activity_at&limit=1").concat(), ["some", "much", "none"]);
}

#[test]
fn a_list_of_names_goes_on_from_page_to_page() {
    let standin = Standin::start();
    let admin = standin.admin();
    for id in ["a", "b", "c", "d", "e"] {
        assert_eq!(admin.put(id, &mount(id, json!({}))).status, 201);
    }
    assert_eq!(
        pages(&admin, "/v1/mounts?id=e,c,x,a&limit=2&fields=id&state=starting,open"),
        [vec!["a", "c"], vec!["e"]]
    );
    assert_eq!(admin.get("/v1/mounts?id=e,c,x,a&limit=1").value["total"], 3);
}

#[test]
fn a_list_shows_the_members_that_are_asked_for() {
    let standin = Standin::start();
    let admin = standin.admin();
    let plain = admin.put("plain", &mount("plain", json!({})));
    let more = json!({ "labels": { "app": "x" }, "lease": { "ttl_s": 600 }, "metadata": { "note": 1 } });
    assert_eq!((plain.status, admin.put("more", &mount("more", more)).status), (201, 201));
    let wide =
        json!({ "id": "wide", "kind": "transparent", "match": { "path": "/wide" }, "allowed_hosts": ["h.example"] });
    assert_eq!(admin.put("wide", &wide).status, 201);
    crate::common::eventually("all are open", || admin.get("/v1/mounts?state=open").value["total"] == 3);
    // Without fields a mount is whole, and what it has done is not there.
    let whole = admin.get("/v1/mounts").value["mounts"].clone();
    whole.as_array().unwrap().iter().for_each(|mount| check_value("Mount", mount));
    let shown = |fields: &str| admin.get(&format!("/v1/mounts?fields={fields}")).value["mounts"].clone();
    assert_eq!(shown("id"), json!([{ "id": "more" }, { "id": "plain" }, { "id": "wide" }]));
    assert_eq!(
        shown("labels,state,lease"),
        json!([
            { "id": "more", "labels": { "app": "x" }, "lease": { "ttl_s": 600, "on_expiry": "delete" }, "state": "open" },
            { "id": "plain", "state": "open" },
            { "id": "wide", "state": "open" },
        ])
    );
    // All that can be asked for is what a whole mount has, and its numbers.
    let known = admin.get("/v1/mounts?fields=x");
    let (_, known) = known.detail().split_once("known are ").unwrap();
    let mut all = shown(&known.replace(", ", ","));
    for mount in all.as_array_mut().unwrap() {
        let stats = mount.as_object_mut().unwrap().remove("stats").unwrap();
        assert_eq!(
            (&stats["requests"], &stats["p50_ms"], &stats["requests_per_s"]),
            (&json!(0), &Value::Null, &json!(0.0))
        );
    }
    assert_eq!(all, whole);
}

#[test]
fn a_list_tells_and_sorts_by_what_mounts_do_now() {
    let origin = Origin::answering("done");
    let standin = Standin::start();
    let admin = standin.admin();
    for (id, requests) in [("none", 0), ("slow", 1), ("fast", 3)] {
        assert_eq!(admin.put(id, &mount(id, json!({ "address": origin.url() }))).status, 201);
        for _ in 0..requests {
            assert_eq!(get(standin.front, &format!("/{id}")).text(), "done");
        }
    }
    // They count from the next second on, for ten.
    crate::common::eventually("the second is over", || {
        let list = admin.get("/v1/mounts?sort=-requests_per_s&fields=stats").value;
        let rates: Vec<_> = list["mounts"].as_array().unwrap().iter().map(|m| &m["stats"]["requests_per_s"]).collect();
        ids(&list) == ["fast", "slow", "none"] && rates == [&json!(0.3), &json!(0.1), &json!(0.0)]
    });
    assert_eq!(pages(&admin, "/v1/mounts?sort=requests_per_s&limit=1&fields=id").concat(), ["none", "slow", "fast"]);
    let list = admin.get("/v1/mounts?id=fast,none&fields=stats").value;
    let (fast, none) = (&list["mounts"][0]["stats"], &list["mounts"][1]["stats"]);
    assert_eq!((&fast["requests"], &fast["errors"], &fast["sent_bytes"]), (&json!(3), &json!(0), &json!(12)));
    assert!(fast["p50_ms"].as_f64().unwrap() > 0.0 && fast["p99_ms"].as_f64() >= fast["p50_ms"].as_f64(), "{fast}");
    assert_eq!((&none["requests"], &none["p99_ms"], &none["sent_bytes"]), (&json!(0), &Value::Null, &json!(0)));
    let alone = admin.get("/v1/mounts/fast/stats").value;
    assert_eq!((&alone["latency_ms"]["p50"], &alone["latency_ms"]["p99"]), (&fast["p50_ms"], &fast["p99_ms"]));
}

#[test]
fn every_call_that_reads_takes_min_revision_and_nothing_unknown() {
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", "http://127.0.0.1:9/");
    let paths = [
        "/v1/mounts".to_owned(),
        format!("/v1/mounts/{id}"),
        format!("/v1/mounts/{id}/stats"),
        format!("/v1/mounts/{id}/revisions"),
        "/v1/export".into(),
        "/v1/operations/1".into(),
        "/v1/revisions".into(),
        "/v1/revisions/1".into(),
        "/v1/stats".into(),
        "/v1/tokens".into(),
    ];
    for path in &paths {
        assert_eq!(admin.get(&format!("{path}?min_revision=1")).status, 200, "{path}");
    }
    let streams = [format!("/v1/mounts/{id}/traffic"), "/v1/events".into()];
    for path in paths.iter().chain(&streams) {
        for query in ["min_revision=x", "min_revision=1&min_revision=1", "colour=1"] {
            assert_eq!(admin.get(&format!("{path}?{query}")).status, 400, "{path}?{query}");
        }
    }
    assert_eq!(admin.get("/metrics?colour=1").status, 400);
    for path in ["/healthz", "/readyz", "/openapi.yaml"] {
        assert_eq!(admin.get(&format!("{path}?colour=1")).status, 200, "{path}");
    }
}
