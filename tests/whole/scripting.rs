//! docs/scripting.md: every snippet of it is taken out and run, as it stands,
//! against a real server with real upstreams.

use crate::common::client::{Raw, get, request};
use crate::common::directory::Directory;
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::running::{Running, Watch};
use crate::common::{PATIENCE, eventually};
use crate::drain::held;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../../docs/scripting.md");

/// The snippets by the name in their first line.
fn snippets() -> BTreeMap<&'static str, &'static str> {
    let mut found = BTreeMap::new();
    for block in PAGE.split("\n```").skip(1).step_by(2) {
        let content = block.strip_prefix("sh\n").unwrap_or_else(|| panic!("what kind of snippet is this? {block}"));
        let name = content.strip_prefix("# ").and_then(|rest| rest.split(':').next());
        let name = name.filter(|name| name.ends_with(".sh")).unwrap_or_else(|| panic!("it has no name: {content}"));
        assert!(found.insert(name, content).is_none(), "{name} is there twice");
    }
    found
}

/// A snippet that runs, in a process group of its own.
struct Script {
    running: Running,
    group: u32,
}

impl Script {
    fn start(
        standin: &Standin,
        directory: &Directory,
        name: &str,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let path = directory.join(name);
        std::fs::write(&path, snippets()[name]).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_standin")).parent().unwrap();
        let programs = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg(&path).args(arguments).current_dir(directory.path()).process_group(0);
        // As on another machine: nothing is found by itself.
        command.env_clear().env("PATH", programs).env("HOME", directory.path());
        command.env("STANDIN_ADMIN", format!("http://{}", standin.admin_address()));
        command.env("STANDIN_TOKEN", standin.token()).env("no_proxy", "*");
        command.envs(environment.iter().copied());
        let running = Running::start(&mut command, Watch::Both);
        let group = running.id();
        Self { running, group }
    }

    /// Waits for its end; all it said.
    fn done(mut self) -> String {
        let (status, told) = self.running.finish(PATIENCE);
        assert!(status.success(), "{status}: {told}");
        told
    }
}

impl Drop for Script {
    /// What it has started ends with it.
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &format!("kill -s KILL -- -{} 2>/dev/null", self.group)]).status();
    }
}

#[test]
fn every_snippet_of_the_page_has_a_test() {
    let names: Vec<&str> = snippets().into_keys().collect();
    let tested = ["apply", "follow", "register", "replace"];
    let tested: Vec<String> =
        tested.iter().flat_map(|name| ["curl", "standin"].map(|with| format!("{name}-{with}.sh"))).collect();
    assert_eq!(names, tested);
}

#[test]
fn a_container_registers_stays_and_leaves() {
    for name in ["register-standin.sh", "register-curl.sh"] {
        let (arrived, may_go_on) = (Gate::new(), Gate::new());
        let origin = held(&arrived, &may_go_on);
        let standin = Standin::start();
        let (admin, directory) = (standin.admin(), Directory::new());
        let url = origin.url();
        let environment = [("APP_ID", "app"), ("APP_URL", &*url), ("LEASE_S", "3")];
        let start = || {
            let program = "echo $$ > pid; exec sleep 1000";
            let script = Script::start(&standin, &directory, name, &environment, &["sh", "-c", program]);
            eventually("it is registered", || admin.get("/v1/mounts/app").status == 200);
            script
        };
        let program_runs = || {
            let pid = std::fs::read_to_string(directory.join("pid")).unwrap();
            Path::new(&format!("/proc/{}/stat", pid.trim())).exists()
        };
        let mut script = start();
        let expires = || admin.get("/v1/mounts/app").value["lease_expires_at"].as_str().map(str::to_owned);
        let first = expires().unwrap();
        eventually("its lease is renewed", || expires().is_some_and(|expires| expires > first));
        let revision = admin.get("/v1/mounts/app").value["revision"].clone();

        // Stopped, it leaves: first its mount, then its last request, then the program.
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", "/app/x"));
        arrived.wait();
        assert_eq!(admin.get("/v1/mounts/app").value["revision"], revision, "renewing is no change");
        script.running.signal("TERM");
        eventually("its mount is gone", || admin.get("/v1/mounts/app").status == 404);
        let removal = admin.get("/v1/mounts").value["revision"].clone();
        assert_eq!(admin.get(&format!("/v1/operations/{removal}")).value["requests"], 1, "{name}");
        assert!(program_runs(), "{name}: it still has a request");
        may_go_on.arrive();
        assert_eq!(client.response().text(), "first,second");
        let (status, told) = script.running.finish(PATIENCE);
        assert_eq!(status.code(), Some(143), "{name}: {told}");
        eventually("the program has ended", || !program_runs());

        // Killed, it is forgotten.
        drop(start());
        eventually("its lease has ended", || admin.get("/v1/mounts/app").status == 404);
    }
}

#[test]
fn a_replacement_waits_for_the_last_request_of_the_old_version() {
    for name in ["replace-standin.sh", "replace-curl.sh"] {
        let (arrived, may_go_on) = (Gate::new(), Gate::new());
        let (blue, green) = (held(&arrived, &may_go_on), Origin::answering("green"));
        let standin = Standin::start();
        let (admin, directory) = (standin.admin(), Directory::new());
        let mount = json!({"id": "app", "kind": "regular", "match": {"path": "/app"}, "address": blue.url()});
        assert_eq!(admin.post(&mount).status, 201);
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", "/app"));
        arrived.wait();
        let url = green.url();
        let mut script = Script::start(&standin, &directory, name, &[("APP_ID", "app"), ("APP_URL", &url)], &[]);
        eventually("the new version is there", || admin.get("/v1/mounts/app").value["address"] == url);
        assert_eq!(get(standin.front, "/app").text(), "green", "{name}");
        assert_eq!(admin.get("/v1/mounts/app").value["generations"][0]["requests"], 1, "{name}");
        assert!(script.running.line_that_came().is_none(), "{name}: the old one still has a request");
        may_go_on.arrive();
        assert_eq!(client.response().text(), "first,second");
        let (status, told) = script.running.finish(PATIENCE);
        assert!(status.success() && told.contains("nothing uses the old version any more"), "{name}: {told}");

        // A version that does not answer changes nothing.
        let nowhere = [("APP_ID", "app"), ("APP_URL", "http://127.0.0.1:9/")];
        let (status, _) = Script::start(&standin, &directory, name, &nowhere, &[]).running.finish(PATIENCE);
        assert!(!status.success(), "{name}");
        assert_eq!(get(standin.front, "/app").text(), "green", "{name}");
    }
}

#[test]
fn a_pipeline_applies_its_file() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let (admin, directory) = (standin.admin(), Directory::new());
    let url = origin.url();
    let environment = [("APP_ID", "shop"), ("APP_URL", &*url), ("CI_COMMIT", "abc123")];
    let told = Script::start(&standin, &directory, "apply-standin.sh", &environment, &[]).done();
    assert!(told.contains("2 mounts, no fault") && told.contains("2 created"), "{told}");
    assert_eq!(get(standin.front, "/shop/api").text(), "body");
    assert_eq!(admin.get("/v1/mounts/shop-api").value["labels"]["owner"], "shop");
    let why = |id: &str| {
        let revisions = admin.get(&format!("/v1/mounts/{id}/revisions")).value["revisions"].clone();
        revisions[0]["why"].clone()
    };
    assert_eq!(why("shop"), "commit abc123");

    // What is no longer in the file goes, and nothing else.
    admin.mount("/theirs", &url);
    let path = directory.join("mounts.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["mounts"].as_array_mut().unwrap().pop();
    std::fs::write(&path, file.to_string()).unwrap();
    let told = Script::start(&standin, &directory, "apply-curl.sh", &environment, &[]).done();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["unchanged"], &told["deleted"]), (&json!(["shop"]), &json!(["shop-api"])));
    assert_eq!((get(standin.front, "/shop/api").status, get(standin.front, "/theirs").status), (200, 200));

    // A file with a fault changes nothing.
    let broken = [("APP_ID", "shop"), ("APP_URL", "ftp://h/"), ("CI_COMMIT", "abc124")];
    let (status, told) = Script::start(&standin, &directory, "apply-standin.sh", &broken, &[]).running.finish(PATIENCE);
    assert!(status.code() == Some(2) && told.contains("/mounts/0/address"), "{status}: {told}");
}

#[test]
fn events_are_followed_and_none_is_missed() {
    let origin = Origin::answering("body");
    for name in ["follow-standin.sh", "follow-curl.sh"] {
        let standin = Standin::start();
        let (admin, directory) = (standin.admin(), Directory::new());
        let told = |script: &Script, part: &str| {
            let lines = script.running.lines_until(|line| line.contains(part));
            lines.unwrap_or_else(|lines| panic!("{name}: {lines:?}"))
        };
        let first = admin.mount("/first", &origin.url());
        let script = Script::start(&standin, &directory, name, &[], &[]);
        told(&script, &first);
        let second = admin.mount("/second", &origin.url());
        told(&script, &second);
        assert_eq!(admin.delete(&first).status, 204);
        told(&script, "\"delete\"");
        if name == "follow-standin.sh" {
            continue;
        }
        // Ended and begun anew, it goes on where it was.
        let kept = || std::fs::read_to_string(directory.join("last-event")).unwrap_or_default();
        eventually("the last number is kept", || kept().trim() == "3");
        drop(script);
        let third = admin.mount("/third", &origin.url());
        let script = Script::start(&standin, &directory, name, &[], &[]);
        let lines = told(&script, &third);
        assert!(lines.iter().all(|line| !line.contains(&second)), "{lines:?}");
    }
}
