//! `standin mount …`.

use super::Run;
use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::running::{Running, Watch};
use crate::common::{PATIENCE, eventually};
use crate::drain::held;
use serde_json::json;
use std::fs::File;
use std::process::{Command, Stdio};

/// Where nobody is needed.
const NOWHERE: &str = "http://127.0.0.1:9/";

#[test]
fn a_mount_is_changed_and_the_rest_of_it_is_left_alone() {
    let standin = Standin::start();
    let run = &standin.launch;
    let add = ["mount", "add", "/a", NOWHERE, "--id", "a", "--host", "a.example.org", "--label", "app=x"];
    run.done(&[&add[..], &["--label", "owner=me", "--metadata", "{\"n\": [1, null]}"]].concat());
    let before = run.json(&["mount", "show", "a"]);
    assert_eq!(
        (&before["labels"], &before["metadata"]),
        (&json!({"app": "x", "owner": "me"}), &json!({"n": [1, null]}))
    );

    let set = ["mount", "set", "a", "--limit", "tunnels_max=5", "--label", "app=y", "--remove-label", "owner"];
    let told = run.done(&[&set[..], &["--path", "/b", "--set-response-header", "X-A: b"]].concat());
    assert!(told.starts_with("a is open"), "{told}");
    let after = run.json(&["mount", "show", "a"]);
    let changed = ["labels", "limits", "match", "response_headers", "revision", "updated_at"];
    for (name, value) in before.as_object().unwrap() {
        assert!(
            changed.contains(&name.as_str()) || after[name] == *value || name.starts_with("gen"),
            "{name}: {after}"
        );
    }
    assert_eq!(after["labels"], json!({"app": "y"}));
    assert_eq!(after["match"], json!({"host": "a.example.org", "path": "/b"}));
    assert_eq!((&after["limits"]["tunnels_max"], &after["limits"]["queue_max"]), (&json!(5), &json!(0)));

    run.done(&["mount", "set", "a", "--host", "any", "--patch", "{\"labels\": null, \"metadata\": {\"m\": 2}}"]);
    let after = run.json(&["mount", "show", "a"]);
    assert_eq!((&after["match"], &after["labels"]), (&json!({"path": "/b"}), &json!(null)));
    assert_eq!(after["metadata"], json!({"n": [1, null], "m": 2}));

    run.done(&["mount", "set", "a", "--enabled=false"]);
    assert_eq!(run.json(&["mount", "show", "a"])["state"], "disabled");
    let told = run.refused(2, &["mount", "set", "a"]);
    assert!(told.contains("--label"), "{told}");
    let told = run.refused(3, &["mount", "set", "a", "--address", "ftp://h/"]);
    assert!(told.contains("/address"), "{told}");
}

#[test]
fn a_lost_race_exits_with_3_and_changes_nothing() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let first = run.json(&["mount", "show", "a"])["revision"].to_string();
    run.done(&["mount", "set", "a", "--label", "by=me", "--if-revision", &first]);
    let second = run.json(&["mount", "show", "a"])["revision"].to_string();
    for lost in [&["set", "a", "--label", "by=you"][..], &["rm", "a"], &["pause", "a"], &["drain", "a"]] {
        let told = run.refused(3, &[&["mount"], lost, &["--if-revision", &first]].concat());
        assert!(told.contains(&second), "{lost:?}: {told}");
    }
    let mount = run.json(&["mount", "show", "a"]);
    assert_eq!((&mount["labels"]["by"], &mount["state"]), (&json!("me"), &json!("open")));
}

#[test]
fn the_steps_of_a_life_are_commands() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", &origin.url(), "--id", "a"]);
    for (verb, state, status) in [
        ("disable", "disabled", 503),
        ("enable", "open", 200),
        ("drain", "draining", 503),
        ("enable", "open", 200),
        ("restart", "open", 200),
    ] {
        let told = run.done(&["mount", verb, "a"]);
        assert!(told.starts_with("a is "), "{verb}: {told}");
        eventually(verb, || {
            let now = run.json(&["mount", "show", "a"])["state"].clone();
            now == state || state == "draining" && now == "disabled"
        });
        assert_eq!(get(standin.front, "/a").status, status, "{verb}");
    }
    let told = run.done(&["mount", "pause", "a"]);
    assert!(told.starts_with("a is paused"), "{told}");
    assert!(run.done(&["mount", "list"]).contains("paused"));
    run.done(&["mount", "resume", "a"]);
    assert_eq!(get(standin.front, "/a").text(), "body");
    let told = run.refused(3, &["mount", "pause", "nobody"]);
    assert!(told.contains("nobody") && told.contains("standin mount list"), "{told}");
}

#[test]
fn a_dry_run_tells_the_change_and_makes_none() {
    let standin = Standin::start();
    let run = &standin.launch;
    let told = run.done(&["mount", "add", "/a", NOWHERE, "--id", "a", "--dry-run"]);
    assert!(told.contains("would create a") && told.contains("*/a go to a instead of nobody"), "{told}");
    assert!(run.done(&["mount", "list"]).contains("no mounts yet"));
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let revision = run.json(&["mount", "show", "a"])["revision"].clone();
    let told = run.done(&["mount", "set", "a", "--limit", "tunnels_max=7", "--dry-run"]);
    assert!(told.contains("/limits/tunnels_max: 256 -> 7"), "{told}");
    let told = run.done(&["mount", "rm", "a", "--dry-run"]);
    assert!(told.contains("would delete a") && told.contains("nobody instead of a"), "{told}");
    for step in ["pause", "disable", "drain"] {
        let told = run.json(&["mount", step, "a", "--dry-run"]);
        assert_eq!((&told["dry_run"], &told["id"]), (&json!(true), &json!("a")), "{step}: {told}");
    }
    let mount = run.json(&["mount", "show", "a"]);
    assert_eq!((&mount["revision"], &mount["state"]), (&revision, &json!("open")));
}

/// A command that goes on while the test does.
fn begin(standin: &Standin, arguments: &[&str]) -> Running {
    Running::start(standin.launch.binary().args(arguments), Watch::Both)
}

#[test]
fn a_command_that_waits_returns_when_nothing_is_left() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let (old, new) = (held(&arrived, &may_go_on), Origin::answering("new"));
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", &old.url(), "--id", "a"]);
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/a/x"));
    arrived.wait();
    let mut waiting = begin(&standin, &["mount", "set", "a", "--address", &new.url(), "--wait", "--json"]);
    eventually("the new one is there", || run.json(&["mount", "show", "a"])["address"] == new.url());
    assert_eq!(get(standin.front, "/a").text(), "new");
    let left = run.json(&["mount", "show", "a"])["generations"].clone();
    assert_eq!(left[0]["requests"], 1, "{left}");
    may_go_on.arrive();
    assert_eq!(client.response().text(), "first,second");
    let (status, told) = waiting.finish(PATIENCE);
    assert!(status.success(), "{told}");
    let mount: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&mount["operation"]["state"], &mount["operation"]["cut"]), (&json!("done"), &json!(false)), "{told}");
}

#[test]
fn what_is_cut_off_is_told_and_is_no_failure() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = held(&arrived, &may_go_on);
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", &origin.url(), "--id", "a"]);
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/a/half"));
    arrived.wait();
    let told = run.done(&["mount", "rm", "a", "--mode", "kill", "--wait"]);
    assert_eq!(told, "a is removed; what was left of it was cut off\n");
    may_go_on.arrive();
    assert!(client.try_response().is_err(), "it was cut off");
    assert_eq!(run.json(&["mount", "list"])["mounts"], json!([]));
}

/// Runs a program on a terminal.
const ON_A_TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

#[test]
fn progress_is_shown_on_a_terminal_and_nowhere_else() {
    for through in [&["python3", "-c", ON_A_TERMINAL][..], &[]] {
        let (arrived, may_go_on) = (Gate::new(), Gate::new());
        let origin = held(&arrived, &may_go_on);
        let standin = Standin::start();
        standin.launch.done(&["mount", "add", "/a", &origin.url(), "--id", "a"]);
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", "/a"));
        arrived.wait();
        let binary = standin.launch.binary();
        let shown = standin.launch.home().join("shown");
        let file = File::create(&shown).unwrap();
        let mut command = Command::new("env");
        command.envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(through).arg(binary.get_program()).args(["mount", "rm", "a", "--wait", "--mode", "finish"]);
        command.stdin(Stdio::null()).stderr(file.try_clone().unwrap()).stdout(file);
        let mut waiting = command.spawn().unwrap();
        let told = || std::fs::read_to_string(&shown).unwrap();
        if !through.is_empty() {
            eventually("its progress is shown", || told().contains("1 request and 0 tunnels left"));
        }
        may_go_on.arrive();
        assert_eq!(client.response().text(), "first,second");
        eventually("it has ended", || waiting.try_wait().unwrap().is_some());
        assert!(waiting.wait().unwrap().success() && told().contains("a is removed"), "{}", told());
        assert!(!through.is_empty() || told() == "a is removed\n", "{:?}", told());
    }
}

#[test]
fn a_lease_is_renewed_changed_and_ended() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a", "--lease", "1h:disable"]);
    assert_eq!(run.json(&["mount", "show", "a"])["lease"], json!({"ttl_s": 3600, "on_expiry": "disable"}));
    let told = run.done(&["mount", "renew", "a"]);
    assert!(told.starts_with("the lease of a runs until 20") && told.ends_with("disable\n"), "{told}");
    assert_eq!(run.json(&["mount", "renew", "a", "--lease", "90"])["ttl_s"], 90);
    assert_eq!(run.json(&["mount", "show", "a"])["lease"]["ttl_s"], 90);
    run.done(&["mount", "set", "a", "--lease", "off"]);
    for more in [&[][..], &["--dry-run"]] {
        let told = run.refused(3, &[&["mount", "renew", "a"], more].concat());
        assert!(told.contains("standin mount enable a") && told.contains("standin mount set a --lease"), "{told}");
        assert!(!told.contains("PUT") && !told.contains("ttl_s"), "{told}");
    }
    assert!(run.refused(2, &["mount", "renew", "a", "--lease", "off"]).contains("mount set a --lease off"));
    run.done(&["mount", "set", "a", "--lease", "1"]);
    eventually("the lease has ended", || run.output(&["mount", "show", "a"]).status.code() == Some(3));
}

#[test]
fn lists_are_filtered_sorted_and_put_together_from_pages() {
    let standin = Standin::start();
    let run = &standin.launch;
    let mounts: Vec<_> = (0..1203)
        .map(|number| {
            json!({
                "id": format!("m{number:04}"), "kind": "regular", "match": {"path": format!("/x/{number}")},
                "address": NOWHERE, "labels": {"parity": if number % 2 == 0 { "even" } else { "odd" }},
            })
        })
        .collect();
    let file = run.home().join("many.json");
    std::fs::write(&file, json!(mounts).to_string()).unwrap();
    assert_eq!(run.json(&["import", file.to_str().unwrap()])["created"].as_array().unwrap().len(), 1203);
    let ids = |arguments: &[&str]| {
        let list = run.json(&[&["mount", "list"], arguments].concat());
        let mounts = list["mounts"].as_array().unwrap().iter();
        (mounts.map(|mount| mount["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), list)
    };
    let (all, list) = ids(&[]);
    assert_eq!((all.len(), &list["total"], &list["next"]), (1203, &json!(1203), &json!(null)));
    assert!(all.is_sorted());
    assert_eq!(ids(&["--label", "parity=odd"]).0.len(), 601);
    assert_eq!(ids(&["--path-prefix", "/x/7"]).0, ["m0007"]);
    assert_eq!(ids(&["--state", "paused"]).0, Vec::<String>::new());
    assert_eq!(ids(&["--search", "PARITY=odd /x/77"]).0, ["m0077", "m0771", "m0773", "m0775", "m0777", "m0779"]);
    run.done(&["mount", "pause", "m0003"]);
    run.done(&["mount", "disable", "m0001"]);
    eventually("both are named", || ids(&["--state", "paused", "--state", "disabled"]).0 == ["m0001", "m0003"]);
    run.done(&["mount", "resume", "m0003"]);
    run.done(&["mount", "enable", "m0001"]);
    eventually("none is paused", || ids(&["--state", "paused"]).0.is_empty());
    assert!(run.done(&["mount", "list", "--state", "paused"]).contains("No mount is like that"));
    let (first, list) = ids(&["--sort", "id", "--descending", "--limit", "2"]);
    assert_eq!(first, ["m1202", "m1201"]);
    let (second, _) = ids(&["--page", list["next"].as_str().unwrap(), "--limit", "2"]);
    assert_eq!(second, ["m1200", "m1199"]);
    let shown = run.done(&["mount", "list", "--limit", "2"]);
    assert!(shown.ends_with("2 of 1203\n"), "{shown}");
    assert!(run.refused(2, &["mount", "list", "--state", "asleep"]).contains("draining"));
    for state in ["starting", "open", "paused", "draining", "disabled", "restarting", "failed"] {
        run.done(&["mount", "list", "--state", state]);
    }
}

#[test]
fn no_argument_of_one_mount_reaches_another_path() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    for id in ["a?x", "a/lease", "../mounts/a", "a#", "..", "%61"] {
        for command in [&["mount", "rm"][..], &["mount", "show"], &["stats"], &["traffic"], &["revisions"]] {
            let told = run.refused(2, &[command, &[id]].concat());
            assert!(told.contains("begins with a letter or digit"), "{id}: {told}");
        }
    }
    run.done(&["token", "add", "b"]);
    for name in ["../mounts/a", "b?x", "b/"] {
        run.refused(3, &["token", "rm", name]);
    }
    run.done(&["token", "rm", "b"]);
    assert_eq!(run.json(&["mount", "show", "a"])["id"], "a");
}
