//! The lives of mounts, with real requests: what is let in, what waits, what is
//! refused and how, and what leases do.

use crate::common::admin::{Admin, Answer};
use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::{Value, json};

fn step(admin: &Admin, id: &str, step: &str) -> Value {
    let answer = admin.call("POST", &format!("/v1/mounts/{id}/{step}")).send();
    assert_eq!(answer.status, 200, "{}", answer.value);
    answer.value
}

fn patch(admin: &Admin, id: &str, members: &Value) -> Answer {
    let answer = admin.call("PATCH", &format!("/v1/mounts/{id}")).json(members).send();
    assert_eq!(answer.status, 200, "{}", answer.value);
    answer
}

fn show(admin: &Admin, id: &str) -> Value {
    admin.get(&format!("/v1/mounts/{id}")).value
}

/// Asks until the mount is like that: what it waits for happens in the server,
/// and nothing tells of it but the mount itself.
fn until(admin: &Admin, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let mount = show(admin, id);
        if is_so(&mount) {
            return mount;
        }
        std::thread::yield_now();
    }
}

fn actions(admin: &Admin, id: &str) -> Vec<String> {
    let revisions = admin.get(&format!("/v1/mounts/{id}/revisions?order=oldest")).value;
    let list = revisions["revisions"].as_array().unwrap().clone();
    list.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

/// Answers once it may.
fn waiting(may_answer: &Gate) -> Origin {
    let may_answer = may_answer.clone();
    Origin::serve(move |mut conn| {
        while conn.request().is_some() {
            may_answer.wait();
            conn.answer("done");
        }
    })
}

#[test]
fn a_paused_mount_holds_what_comes_and_lets_it_go_on() {
    let origin = Origin::answering("here");
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    assert_eq!(step(&admin, &id, "pause")["state"], "paused");
    let mut held: Vec<Raw> = (0..3).map(|_| Raw::connect(standin.front)).collect();
    held.iter_mut().for_each(|client| client.send(request("GET", "/a")));
    let mount = until(&admin, &id, |mount| mount["held"] == 3);
    assert_eq!((&mount["state"], &mount["in_flight"]), (&json!("paused"), &json!(0)));
    assert_eq!(origin.heads(), 0, "the upstream has heard of none of them");
    assert_eq!(step(&admin, &id, "resume")["state"], "open");
    assert!(held.iter_mut().all(|client| client.response().text() == "here"));
    assert_eq!(get(standin.front, "/a").text(), "here");
    assert_eq!(actions(&admin, &id), ["create", "pause", "resume"]);
}

#[test]
fn a_mount_is_as_it_was_wished_after_a_kill_too() {
    let origin = Origin::answering("here");
    let standin = Standin::start();
    let admin = standin.admin();
    let (paused, off) = (admin.mount("/a", &origin.url()), admin.mount("/b", &origin.url()));
    step(&admin, &paused, "pause");
    step(&admin, &off, "disable");
    let standin = standin.restart();
    let admin = standin.admin();
    until(&admin, &paused, |mount| mount["state"] == "paused");
    until(&admin, &off, |mount| mount["state"] == "disabled");
    let refused = get(standin.front, "/b");
    assert_eq!((refused.status, refused.field("X-Standin-Reason")), (503, Some("disabled")));
    assert_eq!(refused.field("Retry-After"), Some("1"));
    let asked = json!({ "method": "GET", "url": "http://127.0.0.1/b" });
    let explained = admin.call("POST", "/v1/explain").json(&asked).send().value;
    assert_eq!((&explained["admission"], &explained["refusal"]["status"]), (&json!("refused"), &json!(503)));
}

#[test]
fn what_is_held_is_refused_when_the_proxy_stops() {
    let mut standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", "http://127.0.0.1:9/");
    step(&admin, &id, "pause");
    let mut held = Raw::connect(standin.front);
    held.send(request("GET", "/a"));
    until(&admin, &id, |mount| mount["held"] == 1);
    standin.term();
    let refused = held.response();
    assert_eq!((refused.status, refused.field("X-Standin-Reason")), (503, Some("paused")));
    assert!(standin.exit().success());
}

#[test]
fn a_disabled_mount_answers_once_it_is_enabled_whatever_was_done_to_it_meanwhile() {
    let origin = Origin::answering("here");
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    for steps in [["drain", "drain"], ["disable", "restart"], ["drain", "pause-is-refused"]] {
        for name in steps {
            if name == "pause-is-refused" {
                let refused = admin.call("POST", &format!("/v1/mounts/{id}/pause")).send();
                assert_eq!(refused.status, 409, "{}", refused.value);
            } else {
                step(&admin, &id, name);
            }
        }
        patch(&admin, &id, &json!({ "labels": { "steps": steps.join("-") } }));
        assert_eq!(get(standin.front, "/a").status, 503);
        step(&admin, &id, "enable");
        assert_eq!(get(standin.front, "/a").text(), "here", "{steps:?}");
    }
}

#[test]
fn a_drain_is_over_when_its_last_request_has_ended() {
    let may_answer = Gate::new();
    let origin = waiting(&may_answer);
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    let mut last = Raw::connect(standin.front);
    last.send(request("GET", "/a"));
    until(&admin, &id, |mount| mount["in_flight"] == 1);
    let draining = step(&admin, &id, "drain?mode=finish");
    assert_eq!(draining["state"], "draining");
    let operation = draining["links"]["operation"].as_str().unwrap().to_owned();
    let running = admin.get(&operation).value;
    assert_eq!((&running["state"], &running["requests"]), (&json!("running"), &json!(1)));
    // Edits of what is switched off are no operations.
    patch(&admin, &id, &json!({ "labels": { "a": "b" } }));
    assert!(show(&admin, &id)["links"].get("operation").is_none());
    may_answer.arrive();
    assert_eq!(last.response().text(), "done");
    assert_eq!(admin.get(&format!("{operation}?wait_ms=20000")).value["state"], "done");
    until(&admin, &id, |mount| mount["state"] == "disabled");
}

#[test]
fn what_is_over_a_budget_is_refused_with_its_reason_and_when_to_come_again() {
    let may_answer = Gate::new();
    let origin = waiting(&may_answer);
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    let limits = json!({ "concurrent_requests_max": 1, "queue_max": 1, "queue_wait_ms_max": 60_000 });
    patch(&admin, &id, &json!({ "limits": limits }));
    let (mut first, mut second) = (Raw::connect(standin.front), Raw::connect(standin.front));
    first.send(request("GET", "/a"));
    until(&admin, &id, |mount| mount["in_flight"] == 1);
    second.send(request("GET", "/a"));
    until(&admin, &id, |mount| mount["held"] == 1);
    let refused = |reason: &str, status: u16| {
        let response = get(standin.front, "/a");
        assert_eq!((response.status, response.field("X-Standin-Reason")), (status, Some(reason)));
        assert!(response.field("Retry-After").is_some());
    };
    refused("queue-full", 503);
    // All of them are numbers: nothing that runs is touched.
    patch(&admin, &id, &json!({ "limits": { "queue_max": 0, "queue_wait_ms_max": 0 } }));
    refused("concurrency", 503);
    patch(&admin, &id, &json!({ "limits": { "queue_max": 5, "queue_wait_ms_max": 1 } }));
    refused("queue-timeout", 503);
    let mount = show(&admin, &id);
    assert_eq!((&mount["generation"], &mount["in_flight"]), (&json!(1), &json!(1)));
    may_answer.arrive();
    assert_eq!(first.response().text(), "done");
    assert_eq!(second.response().text(), "done", "it may wait as long as was said when it came");
    let limits =
        json!({ "concurrent_requests_max": 9, "queue_max": 0, "queue_wait_ms_max": 0, "requests_per_s_max": 1 });
    patch(&admin, &id, &json!({ "limits": limits }));
    let statuses: Vec<u16> = (0..9).map(|_| get(standin.front, "/a").status).collect();
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    patch(&admin, &id, &json!({ "limits": { "requests_per_s_max": null } }));
    assert_eq!(get(standin.front, "/a").status, 200);
}

#[test]
fn a_lease_runs_out_once_and_does_what_it_says() {
    let origin = Origin::answering("here");
    let standin = Standin::start();
    let admin = standin.admin();
    for (on_expiry, path) in [("disable", "/a"), ("drain", "/b"), ("delete", "/c")] {
        let id = admin.mount(path, &origin.url());
        patch(&admin, &id, &json!({ "lease": { "ttl_s": 1, "on_expiry": on_expiry } }));
        let mut events = admin.call("GET", &format!("/v1/events?since=0&mount={id}&types=expire")).events();
        while events.next().name != "expire" {}
        assert_eq!(actions(&admin, &id), ["create", "replace", "expire"]);
        if on_expiry == "delete" {
            assert_eq!(get(standin.front, path).status, 404);
            continue;
        }
        assert_eq!(get(standin.front, path).status, 503);
        let late = admin.call("PUT", &format!("/v1/mounts/{id}/lease")).send();
        assert_eq!(late.status, 409, "{}", late.value);
        let another = admin.call("PUT", &format!("/v1/mounts/{id}/lease")).json(&json!({ "ttl_s": 60 })).send();
        assert_eq!(another.status, 409, "it would not run: {}", another.value);
        step(&admin, &id, "enable");
        assert!(show(&admin, &id)["lease_expires_at"].is_string(), "it begins anew");
        assert_eq!(get(standin.front, path).text(), "here");
    }
}

#[test]
fn thousands_of_renewals_make_no_revision_and_outlive_a_kill() {
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", "http://127.0.0.1:9/");
    let leased = patch(&admin, &id, &json!({ "lease": { "ttl_s": 3600 } }));
    let revision = leased.value["revision"].clone();
    let mut client = Raw::connect(standin.admin_address());
    let token = standin.token();
    for _ in 0..2000 {
        client.send(format!(
            "PUT /v1/mounts/{id}/lease HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
        ));
        let response = client.response();
        assert_eq!(response.status, 200);
        if response.field("Connection") == Some("close") {
            client = Raw::connect(standin.admin_address());
        }
    }
    assert_eq!(show(&admin, &id)["revision"], revision);
    let before = show(&admin, &id)["lease_expires_at"].as_str().unwrap().to_owned();
    let standin = standin.restart();
    let after = show(&standin.admin(), &id)["lease_expires_at"].as_str().unwrap().to_owned();
    assert!(after >= before, "{after} is earlier than was said: {before}");
}

#[test]
fn a_change_that_is_refused_renews_no_lease() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mount = |path: &str| json!({ "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:9/", "lease": { "ttl_s": 3600 }, "labels": { "owner": "other" } });
    assert_eq!(admin.put("a", &mount("/a")).status, 201);
    assert_eq!(admin.put("b", &mount("/b")).status, 201);
    let made = admin.call("POST", "/v1/tokens").json(&json!({ "name": "ci", "owner": "ci" })).send();
    let bearer = format!("Bearer {}", made.value["token"].as_str().unwrap());
    let before = show(&admin, "a")["lease_expires_at"].clone();
    let (mut changed, mut clash) = (mount("/a"), mount("/b"));
    changed["metadata"] = json!({ "x": 1 });
    changed["id"] = json!("a");
    clash["id"] = json!("c");
    let import = admin.call("POST", "/v1/import").json(&json!({ "mounts": [changed, clash] })).send();
    assert_eq!(import.status, 409, "{}", import.value);
    for (method, path, content) in [
        ("PUT", "/v1/mounts/a", Some(mount("/a"))),
        ("POST", "/v1/mounts/a/resume", None),
        ("PUT", "/v1/mounts/a/lease", None),
    ] {
        let call = admin.call(method, path).field("Authorization", &bearer);
        let answer = if let Some(content) = &content { call.json(content) } else { call }.send();
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.value);
    }
    assert_eq!(show(&admin, "a")["lease_expires_at"].as_str().unwrap()[..19], before.as_str().unwrap()[..19]);
}
