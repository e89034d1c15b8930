//! What was acknowledged is there after the process has ended, however it did.

use crate::common::admin::Admin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::time::SystemTime;

/// What of a mount must survive: all but what is said of its actor.
fn durable(mount: &Value) -> Value {
    let mut kept = mount.as_object().unwrap().clone();
    for name in ["state", "state_reason", "state_since", "in_flight", "restarts", "generation"] {
        kept.remove(name).unwrap();
    }
    Value::Object(kept)
}

/// All mounts, page by page.
fn stored(admin: &Admin) -> BTreeMap<String, Value> {
    let mut stored = BTreeMap::new();
    let mut next = Some("/v1/mounts?limit=1000".to_owned());
    while let Some(path) = next {
        let page = admin.get(&path).value;
        let mounts = page["mounts"].as_array().unwrap();
        stored.extend(mounts.iter().map(|mount| (mount["id"].as_str().unwrap().to_owned(), durable(mount))));
        next = page["next"].as_str().map(str::to_owned);
    }
    stored
}

/// Makes mounts until the server is gone, and tells of each that was
/// acknowledged.
fn make_mounts(admin: &Admin, name: &str, acknowledged: &Sender<Value>) {
    for number in 0..500 {
        let mount = json!({
            "id": format!("{name}-{number}"), "kind": "regular", "match": { "path": format!("/{name}/{number}") },
            "address": format!("http://127.0.0.1:{}/", 1000 + number),
        });
        match admin.call("POST", "/v1/mounts").json(&mount).try_send() {
            Some(answer) => {
                assert_eq!(answer.status, 201, "{}", answer.value);
                acknowledged.send(durable(&answer.value)).unwrap();
            }
            None => return,
        }
    }
}

#[test]
fn every_acknowledged_mount_survives_a_kill() {
    const WRITERS: usize = 2;
    let mut standin = Standin::start();
    let mut expected = BTreeMap::new();
    for round in 0..3 {
        let admin = standin.admin();
        let (sender, acknowledged) = channel();
        // Somewhere among the thousand creates.
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
        let kill_at = 100 + (nanos / 1000 % 700) as usize;
        let before = expected.len();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (admin, sender) = (admin.clone(), sender.clone());
                scope.spawn(move || make_mounts(&admin, &format!("r{round}w{writer}"), &sender));
            }
            drop(sender);
            for mount in acknowledged.iter().take(kill_at) {
                expected.insert(mount["id"].as_str().unwrap().to_owned(), mount);
            }
            standin.kill9();
            expected.extend(acknowledged.iter().map(|mount| (mount["id"].as_str().unwrap().to_owned(), mount)));
        });
        assert!(expected.len() >= before + 100);
        standin = standin.launch.start();
        let mut found = stored(&standin.admin());
        for (id, mount) in &expected {
            assert_eq!(found.remove(id).as_ref(), Some(mount), "killed at {kill_at}: {id}");
        }
        assert!(found.len() <= WRITERS, "more than what was on its way: {found:?}");
        expected.extend(found);
    }
}

#[test]
fn mounts_and_the_token_survive_a_restart() {
    let standin = Standin::start();
    let (admin, token) = (standin.admin(), standin.token());
    let first = admin.mount("/first", "http://127.0.0.1:1/");
    let second = admin.mount("/second", "http://127.0.0.1:2/");
    admin.mount("/third", "http://127.0.0.1:3/");
    let transparent = json!({
        "id": "t", "kind": "transparent", "match": { "host": "*.example.org" }, "allowed_hosts": ["a.example.org:81"],
        "allowed_request_methods": ["GET"], "suppress_http_headers": ["Cookie"],
    });
    assert_eq!(admin.post(&transparent).status, 201);
    let changed = json!({ "kind": "regular", "match": { "path": "/changed" }, "address": "http://127.0.0.1:9/x" });
    assert_eq!(admin.put(&first, &changed).status, 200);
    assert_eq!(admin.delete(&second).status, 204);
    let (before, revision) = (stored(&admin), admin.get("/v1/mounts").value["revision"].clone());
    assert_eq!(before.len(), 3);

    let standin = standin.restart();
    assert_eq!(standin.token(), token);
    assert_eq!(stored(&standin.admin()), before);
    assert_eq!(standin.admin().get("/v1/mounts").value["revision"], revision);
    standin.admin().mount("/second", "http://127.0.0.1:2/");
}

fn store(launch: &Launch) -> std::path::PathBuf {
    launch.data_dir().join("standin.redb")
}

/// The store is not touched, and the message names it.
fn expect_refused(launch: &Launch, what: &str) {
    let before = std::fs::read(store(launch)).unwrap();
    let refused = launch.try_start().expect_err(what);
    assert_eq!(refused.code, Some(1), "{what}");
    assert!(refused.stderr.contains(store(launch).to_str().unwrap()), "{what}: {}", refused.stderr);
    assert!(std::fs::read(store(launch)).unwrap() == before, "{what}: the store was written to");
}

#[test]
fn a_store_that_is_none_is_refused_and_left_as_it_is() {
    let launch = Launch::new();
    std::fs::create_dir(launch.data_dir()).unwrap();
    for content in ["", "not a store", &"garbage ".repeat(10_000)] {
        std::fs::write(store(&launch), content).unwrap();
        expect_refused(&launch, &content[..content.len().min(20)]);
    }
}

#[test]
fn a_damaged_store_is_refused_and_left_as_it_is() {
    let mut standin = Standin::start();
    standin.admin().mount("/a", "http://127.0.0.1:1/");
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    let launch = standin.launch.clone();
    let whole = std::fs::read(store(&launch)).unwrap();

    std::fs::write(store(&launch), &whole[..whole.len() / 2]).unwrap();
    expect_refused(&launch, "half of the store");

    let mut zeroed = whole.clone();
    zeroed[4096..8192].fill(0);
    zeroed[..64].fill(0);
    std::fs::write(store(&launch), zeroed).unwrap();
    expect_refused(&launch, "a store without its head");

    std::fs::write(store(&launch), whole).unwrap();
    assert_eq!(stored(&launch.start().admin()).len(), 1, "the copy brings all back");
}

#[test]
fn a_data_directory_serves_one_process() {
    let standin = Standin::start();
    standin.admin().mount("/a", "http://127.0.0.1:1/");
    let refused = standin.launch.try_start().unwrap_err();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("in use") && refused.stderr.contains("--data-dir"), "{}", refused.stderr);
    assert_eq!(stored(&standin.admin()).len(), 1, "the first one goes on");
    let listed = standin.launch.run(&["mount", "list"]);
    assert!(listed.status.success(), "the command line still finds the first one");
}
