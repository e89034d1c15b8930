//! What becomes of what is printed and exported.

use super::{Run, complaint};
use crate::common::process::{Launch, Standin};
use std::fs::File;
use std::process::{Output, Stdio};

const NOWHERE: &str = "http://127.0.0.1:9/";

/// Runs a command whose standard output takes nothing: there is no space left.
fn on_full(launch: &Launch, arguments: &[&str]) -> Output {
    let full = File::options().write(true).open("/dev/full").unwrap();
    launch.binary().args(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn what_cannot_be_printed_is_a_failure() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let mounts = run.home().join("mounts.json");
    run.done(&["export", mounts.to_str().unwrap()]);
    let mounts = mounts.to_str().unwrap();
    for arguments in [
        &["export"][..],
        &["mount", "list"],
        &["mount", "list", "--json"],
        &["mount", "show", "a"],
        &["stats"],
        &["token", "list"],
        &["revisions"],
        &["explain", "http://localhost/a"],
        &["completions", "bash"],
        &["check", mounts],
        &["check", mounts, "--json"],
        &["import", mounts],
        &["watch", "--since", "0"],
        &["ui"],
        &["--help"],
        &["mount", "--help"],
        &["--version"],
    ] {
        let output = on_full(run, arguments);
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("cannot be written") && told.contains("space"), "{arguments:?}: {told}");
    }
    let output = on_full(run, &["mount", "pause", "a"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("is done all the same"), "{}", complaint(&output));
    assert_eq!(run.json(&["mount", "show", "a"])["state"], "paused");
    assert!(!complaint(&on_full(run, &["mount", "resume", "a", "--dry-run"])).contains("is done"));
}

#[test]
fn a_token_that_is_made_and_lost_is_told() {
    let standin = Standin::start();
    let run = &standin.launch;
    for (name, more) in [("one", &[][..]), ("two", &["--json"])] {
        let output = on_full(run, &[&["token", "add", name][..], more].concat());
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("is lost") && told.contains(&format!("standin token rm {name}")), "{told}");
        run.done(&["token", "rm", name]);
    }
}
