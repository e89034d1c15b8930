//! Many mounts at once: apply, export and import, the history.

use super::Run;
use crate::common::client::get;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

const NOWHERE: &str = "http://127.0.0.1:9/";

fn mount(id: &str, address: &str) -> Value {
    json!({ "id": id, "kind": "regular", "match": { "path": format!("/{id}") }, "address": address })
}

fn file(launch: &Launch, name: &str, content: &Value) -> PathBuf {
    let path = launch.home().join(name);
    std::fs::write(&path, content.to_string()).unwrap();
    path
}

#[test]
fn a_file_is_the_whole_set_of_its_owner() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/theirs", NOWHERE, "--id", "theirs", "--label", "owner=them"]);
    let set = file(run, "set.json", &json!({ "mounts": [mount("a", NOWHERE), mount("b", NOWHERE)] }));
    let apply = ["apply", "-f", set.to_str().unwrap(), "--owner", "ci"];
    let told = run.done(&[&apply[..], &["--dry-run"]].concat());
    assert!(told.contains("created    a  */a") && told.contains("nothing was changed"), "{told}");
    assert_eq!(run.json(&["mount", "list"])["mounts"].as_array().unwrap().len(), 1);
    let told = run.done(&apply);
    assert_eq!(told, "created    a  */a\ncreated    b  */b\n2 created, 0 updated, 0 unchanged, 0 deleted\n");
    assert_eq!(run.json(&["mount", "show", "a"])["labels"]["owner"], "ci");
    let revision = run.json(&["mount", "list"])["revision"].clone();
    assert_eq!(run.json(&apply)["unchanged"], json!(["a", "b"]));
    assert_eq!(run.json(&["mount", "list"])["revision"], revision, "the same again changes nothing");

    let mut changed = mount("a", NOWHERE);
    changed["limits"] = json!({ "tunnels_max": 3 });
    file(run, "set.json", &json!([changed, mount("c", NOWHERE)]));
    assert_eq!(run.json(&apply)["deleted"], json!([]), "only where that is asked for");
    file(run, "set.json", &json!([mount("c", NOWHERE)]));
    let told = run.done(&[&apply[..], &["--prune", "--dry-run"]].concat());
    assert!(told.contains("deleted    a") && told.contains("*/a go to nobody instead of a"), "{told}");
    let told = run.json(&[&apply[..], &["--prune"]].concat());
    assert_eq!((&told["deleted"], &told["unchanged"]), (&json!(["a", "b"]), &json!(["c"])));
    let left = run.json(&["mount", "list"]);
    let left: Vec<&Value> = left["mounts"].as_array().unwrap().iter().map(|mount| &mount["id"]).collect();
    assert_eq!(left, ["c", "theirs"]);

    file(run, "set.json", &json!([mount("theirs", NOWHERE)]));
    assert!(run.refused(3, &apply).contains("theirs"), "what others own is never touched");
}

#[test]
fn what_is_applied_may_come_from_a_pipe_and_say_its_owner_itself() {
    let standin = Standin::start();
    let run = &standin.launch;
    let mut own = mount("a", NOWHERE);
    own["labels"] = json!({ "owner": "me" });
    let mut apply = run.binary();
    apply.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut applying = apply.spawn().unwrap();
    applying.stdin.take().unwrap().write_all(json!([own]).to_string().as_bytes()).unwrap();
    let output = applying.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("created    a"));
    let nobody = file(run, "nobody.json", &json!([mount("b", NOWHERE)]));
    assert!(run.refused(2, &["apply", "-f", nobody.to_str().unwrap()]).contains("--owner"));
    let broken = file(run, "broken.json", &json!({ "mount": [] }));
    let told = run.refused(2, &["apply", "-f", broken.to_str().unwrap(), "--owner", "me"]);
    assert!(told.contains("broken.json") && told.contains("mounts"), "{told}");
    assert!(run.refused(2, &["apply", "-f", "/nowhere.json", "--owner", "me"]).contains("/nowhere.json"));
}

#[test]
fn a_paste_deploy_file_is_known_where_an_export_is_wanted() {
    let run = Launch::bare();
    for (name, text) in [("proxy.ini", "x"), ("proxy.conf", "[app:main]\nuse = egg:Paste#proxy\n")] {
        let path = run.home().join(name);
        std::fs::write(&path, text).unwrap();
        let told = run.refused(2, &["import", path.to_str().unwrap()]);
        assert!(told.contains("standin import paste"), "{name}: {told}");
    }
}

#[test]
fn an_export_makes_the_same_mounts_elsewhere() {
    let origin = Origin::answering("body");
    let (one, other) = (Standin::start(), Standin::start());
    let run = &one.launch;
    run.done(&["mount", "add", "/a", &origin.url(), "--id", "a", "--label", "app=x", "--metadata", "{\"k\": 1}"]);
    run.done(&["mount", "add", "/b", &origin.url(), "--id", "b", "--lease", "1h"]);
    let path = run.home().join("all.json");
    let written = run.output(&["export", path.to_str().unwrap()]);
    assert!(written.status.success());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let export: Value = serde_json::from_str(&run.done(&["export"])).unwrap();
    let in_file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&export["format"], &export["mounts"]), (&json!(1), &in_file["mounts"]));
    assert_eq!(run.json(&["export"])["mounts"], export["mounts"]);

    let told = other.launch.done(&["import", path.to_str().unwrap(), "--dry-run"]);
    assert!(told.contains("created    a  */a") && told.contains("nothing was changed"), "{told}");
    assert_eq!(get(other.front, "/a").status, 404);
    let told = other.launch.done(&["import", path.to_str().unwrap(), "--reason", "moving"]);
    assert!(told.starts_with("created    a  */a\ncreated    b  */b\n"), "{told}");
    assert_eq!(get(other.front, "/a").text(), "body");
    assert_eq!(other.launch.json(&["export"])["mounts"], export["mounts"]);
    let told = other.launch.done(&["import", path.to_str().unwrap()]);
    assert!(told.contains("2 unchanged"), "{told}");
    assert!(run.refused(1, &["export", "/nowhere/all.json"]).contains("/nowhere"));
}

#[test]
fn what_was_changed_by_whom_and_why_is_told_and_can_be_taken_back() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a", "--reason", "the first one"]);
    run.done(&["mount", "add", "/b", NOWHERE, "--id", "b"]);
    run.done(&["mount", "set", "a", "--limit", "tunnels_max=7", "--reason", "fewer tunnels"]);
    let history = run.json(&["revisions"]);
    let numbers: Vec<u64> =
        history["revisions"].as_array().unwrap().iter().map(|entry| entry["revision"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1], "the newest first");
    assert_eq!(history["revisions"][0]["why"], "fewer tunnels");
    let of_one = run.done(&["revisions", "a"]);
    assert!(of_one.contains("the first one") && of_one.contains("replace") && !of_one.contains("  b  "), "{of_one}");
    assert_eq!(run.json(&["revisions", "--limit", "1"])["revisions"].as_array().unwrap().len(), 1);
    assert_eq!(run.done(&["revisions", "--until", "0"]), "Nothing was changed then.\n");
    assert_eq!(run.json(&["revisions", "--since", "1"])["revisions"].as_array().unwrap().len(), 2);

    let tunnels = || run.json(&["mount", "show", "a"])["limits"]["tunnels_max"].clone();
    let told = run.done(&["restore", "3", "--to", "before", "--dry-run"]);
    assert!(told.contains("/limits/tunnels_max: 256") && tunnels() == 7, "{told}");
    let told = run.done(&["restore", "3", "--to", "before", "--reason", "too few"]);
    assert!(told.starts_with("updated    a\n"), "{told}");
    assert_eq!(tunnels(), 256);
    run.done(&["restore", "3"]);
    assert_eq!(tunnels(), 7);
    let told = run.done(&["restore", "1", "--all"]);
    assert!(told.contains("b") && told.contains("1 deleted"), "{told}");
    assert_eq!((tunnels(), run.output(&["mount", "show", "b"]).status.code()), (json!(256), Some(3)));
    assert!(run.refused(3, &["restore", "4000"]).contains("4000"));
    let history = run.json(&["revisions"])["revisions"].clone();
    assert!(history.as_array().unwrap().iter().any(|entry| entry["why"] == "too few"), "{history}");
}
