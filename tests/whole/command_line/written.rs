//! What becomes of what is printed and exported: where it cannot be written,
//! and over what it is.

use super::{Run, complaint};
use crate::common::process::{Launch, Standin};
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
fn what_is_wrong_is_wrong_also_where_nobody_can_be_told() {
    let run = Launch::bare();
    for (arguments, code) in [(&["nonsense"][..], 2), (&["check", "/nowhere.json"], 2), (&["mount", "list"], 1)] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let status = run.binary().args(arguments).stderr(full).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
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

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_export_replaces_files_and_nothing_else() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", NOWHERE, "--id", "a"]);
    let home = run.home().join("exports");
    std::fs::create_dir(&home).unwrap();
    let path = |name: &str| home.join(name);
    let export = |name: &str| run.done(&["export", path(name).to_str().unwrap()]);
    let is_export = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|value| value["mounts"][0]["id"] == "a");
    let holds = |name: &str| is_export(&std::fs::read_to_string(path(name)).unwrap());

    export("new.json");
    assert!(holds("new.json") && mode(&path("new.json")) == 0o600);
    std::fs::write(path("old.json"), "old").unwrap();
    std::fs::set_permissions(path("old.json"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("old.json", path("link.json")).unwrap();
    export("link.json");
    assert!(path("link.json").is_symlink() && holds("old.json") && mode(&path("old.json")) == 0o640);
    symlink("later.json", path("dangling.json")).unwrap();
    export("dangling.json");
    assert!(path("dangling.json").is_symlink() && holds("later.json") && mode(&path("later.json")) == 0o600);

    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    // Opened for both, so that neither waits for the other to open it.
    let fifo = File::options().read(true).write(true).open(path("fifo")).unwrap();
    export("fifo");
    let mut bytes = vec![0; 64 * 1024];
    let count = (&fifo).read(&mut bytes).unwrap();
    assert!(is_export(std::str::from_utf8(&bytes[..count]).unwrap()));
    assert!(std::fs::metadata(path("fifo")).unwrap().file_type().is_fifo());

    symlink("/dev/null", path("null")).unwrap();
    export("null");
    assert!(path("null").is_symlink() && std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    symlink("/dev/full", path("full")).unwrap();
    assert!(run.refused(1, &["export", path("full").to_str().unwrap()]).contains("space"));
    assert!(run.refused(1, &["export", home.to_str().unwrap()]).contains("directory"));
    let names = std::fs::read_dir(&home).unwrap().count();
    assert_eq!(names, 8, "nothing unfinished is left");
}

#[test]
fn an_export_to_standard_output_by_its_name_is_written_there() {
    let standin = Standin::start();
    let run = &standin.launch;
    symlink("/dev/stdout", run.home().join("out")).unwrap();
    for name in ["-", "/dev/stdout", "/proc/self/fd/1", run.home().join("out").to_str().unwrap()] {
        let text = run.done(&["export", name]);
        assert!(serde_json::from_str::<Value>(&text).is_ok_and(|value| value["mounts"].is_array()), "{name}: {text}");
    }
    assert!(run.home().join("out").is_symlink());
    let file = run.home().join("all.txt");
    std::fs::write(&file, "before\n").unwrap();
    let out = File::options().append(true).open(&file).unwrap();
    assert!(run.binary().args(["export", "/dev/stdout"]).stdout(out).status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("before\n{"), "{text}");
}
