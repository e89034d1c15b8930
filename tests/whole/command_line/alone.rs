//! What needs no server, and what is said where there is none or another one.

use super::{Run, complaint};
use crate::common::client::get;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn the_exit_codes_and_where_the_server_is_sought_are_in_the_help() {
    let help = Launch::bare().done(&["--help"]);
    for part in ["Exit codes:", "  0  done", "  1  ", "  2  ", "  3  ", "130", "STANDIN_ADMIN", "STANDIN_TOKEN"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let run = Launch::with_data_dir();
    let socket = run.home().join("admin.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let socket = format!("unix:{}", socket.display());
    for arguments in [
        &["mount", "list"][..],
        &["mount", "list", "--server", "http://127.0.0.1:9", "--token", "some"],
        &["mount", "list", "--server", &socket, "--token", "some"],
        &["mount", "list", "--server", "unix:/nowhere", "--token", "some"],
        &["stats", "--server", &socket, "--token", "some"],
    ] {
        let told = run.refused(1, arguments);
        assert!(told.contains("standin serve") && told.contains("--server"), "{arguments:?}: {told}");
    }
    let told = run.refused(1, &["mount", "list", "--server", "http://127.0.0.1:9"]);
    assert!(told.contains("STANDIN_TOKEN"), "{told}");
    assert!(run.refused(2, &["mount", "list", "--server", "nonsense"]).contains("--server"));
}

#[test]
fn a_token_that_is_wrong_is_told_with_where_it_is_from() {
    let standin = Standin::start();
    let run = &standin.launch;
    let wrong = "x".repeat(64);
    let told = run.refused(3, &["mount", "list", "--token", &wrong]);
    assert!(told.contains("--token") && told.contains("STANDIN_TOKEN") && !told.contains(&wrong), "{told}");
    for token in ["", "two words", "t\u{f6}ken", "a\r\nb"] {
        assert!(run.refused(2, &["mount", "list", "--token", token]).contains("printable ASCII"), "{token:?}");
    }
    assert!(run.refused(2, &["mount", "rm", "a", "--reason", "for\nno reason"]).contains("ASCII"));
}

#[test]
fn whoever_else_is_at_the_address_is_told() {
    let standin = Standin::start();
    let run = &standin.launch;
    let front = format!("http://{}", standin.front);
    let told = run.refused(3, &["mount", "list", "--server", &front]);
    assert!(told.contains("404") && told.contains("no admin API"), "{told}");
    let origin = Origin::answering("<p>a page</p>");
    run.done(&["mount", "add", "/", &origin.url()]);
    for arguments in [&["mount", "list"][..], &["traffic", "a"]] {
        let told = run.refused(1, &[arguments, &["--server", &front]].concat());
        assert!(told.contains("no admin API"), "{arguments:?}: {told}");
    }
    for said in ["", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(said.as_bytes()).unwrap();
        });
        let told = run.refused(1, &["mount", "list", "--server", &address]);
        assert!(told.contains("is this the admin address") || told.contains("no admin API"), "{said:?}: {told}");
        server.join().unwrap();
    }
}

#[test]
fn the_token_of_the_default_directory_goes_to_its_own_server_only() {
    let standin = Launch::bare().with(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).start();
    let run = &standin.launch;
    let own = format!("http://{}", standin.admin_address());
    run.done(&["mount", "list"]);
    run.done(&["mount", "list", "--server", &own]);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let address = format!("http://{}", other.local_addr().unwrap());
    for arguments in [&["mount", "list"][..], &["watch"], &["ui"]] {
        let told = run.refused(2, &[arguments, &["--server", &address]].concat());
        assert!(told.contains("STANDIN_TOKEN") && told.contains("--data-dir"), "{arguments:?}: {told}");
        let output = run.binary().args(arguments).env("STANDIN_ADMIN", &address).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", complaint(&output));
    }
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody called it");
    // Whoever names the directory says that its token is meant.
    let data_dir = run.data_dir();
    let link = run.done(&["ui", "--server", &address, "--data-dir", data_dir.to_str().unwrap()]);
    assert!(link.contains(&standin.token()), "{link}");
}

#[test]
fn the_link_to_the_page_carries_the_token_where_nobody_is_sent_it() {
    let standin = Standin::start();
    let link = standin.launch.done(&["ui"]);
    let (page, token) = link.trim().split_once("/#token=").unwrap();
    assert_eq!((page, token), (&*format!("http://{}", standin.admin_address()), &*standin.token()));
    assert_eq!(standin.launch.json(&["ui"])["url"], link.trim());
    let opened = standin.launch.home().join("opened");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > '{}'\n", opened.display());
    let programs = standin.launch.home().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::fs::write(programs.join("xdg-open"), script).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(programs.join("xdg-open")).status().unwrap().success());
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = standin.launch.binary().env("PATH", path).args(["ui", "--open"]).output().unwrap();
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!(std::fs::read_to_string(opened).unwrap(), link);

    let launch = Launch::with_data_dir();
    let socket = format!("unix:{}", launch.home().join("admin.sock").display());
    let standin = launch.with(&["--listen", "127.0.0.1:0", "--admin", &socket]).start();
    assert!(standin.launch.refused(1, &["ui"]).contains("no browser"));
}

fn file(launch: &Launch, name: &str, content: &str) -> PathBuf {
    let path = launch.home().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_file_is_checked_without_a_server_and_all_faults_are_told() {
    let run = Launch::bare();
    let mounts = json!({ "mounts": [
        { "id": "a", "kind": "regular", "match": { "path": "/a" }, "address": "ftp://h/", "colour": 1 },
        { "id": "a", "kind": "regular", "match": { "path": "/a" }, "address": "http://h/" },
        { "id": "b", "kind": "regular", "match": { "path": "/a/" }, "address": "http://h/",
          "identity": { "basic": { "htpasswd_file": "/nowhere" } } },
    ] });
    let paste = "[composite:main]\nuse = egg:Paste#urlmap\n/a = a\n/b = b\n\n[app:a]\nuse = egg:Paste#proxy\naddress = ftp://h/\n\n[app:b]\nuse = egg:Paste#proxy\n";
    let config = "listen = 'x'\nlistne = 1\n[mounts]\n'/a' = 'ftp://h/'\n";
    for (name, content, faults) in [
        ("wrong.json", &*mounts.to_string(), &["/mounts/0/address", "/mounts/0/colour", "/mounts/2/match"][..]),
        ("broken.json", "{", &["malformed JSON"]),
        ("wrong.toml", config, &["--listen", "listne", "/address"]),
        ("wrong.ini", paste, &["wrong.ini:8", "wrong.ini:1"]),
        ("wrong", config, &["--listen", "listne"]),
    ] {
        let path = file(&run, name, content);
        let told = run.refused(2, &["check", path.to_str().unwrap()]);
        assert!(faults.iter().all(|fault| told.contains(fault)), "{name}: {told}");
        let output = run.output(&["check", path.to_str().unwrap(), "--json"]);
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.code() == Some(2) && value["valid"] == false, "{name}: {value}");
        assert!(value["faults"].as_array().unwrap().len() >= faults.len(), "{name}: {value}");
    }
    assert!(run.refused(2, &["check", "/nowhere.json"]).contains("/nowhere.json"));
}

#[test]
fn a_file_without_fault_passes() {
    let run = Launch::bare();
    let mounts = json!([{ "id": "a", "kind": "regular", "address": "http://h/",
        "identity": { "basic": { "htpasswd_file": "/nowhere" } } }]);
    let mounts = file(&run, "mounts.json", &mounts.to_string());
    let config = file(&run, "standin.toml", "listen = '127.0.0.1:0'\n[mounts]\n'/a' = 'http://h/'\n");
    let paste = file(&run, "proxy.ini", "[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n");
    assert!(run.done(&["check", mounts.to_str().unwrap()]).ends_with("mounts.json: 1 mount, no fault\n"));
    let told = run.refused(2, &["check", mounts.to_str().unwrap(), "--files"]);
    assert!(told.contains("/mounts/0/identity/basic/htpasswd_file") && told.contains("/nowhere"), "{told}");
    assert!(run.done(&["check", config.to_str().unwrap()]).contains("no fault"));
    assert!(run.done(&["check", paste.to_str().unwrap()]).contains("1 mount, "));
    assert_eq!(run.json(&["check", config.to_str().unwrap()])["valid"], true);
    let told = run.refused(2, &["check", "--kind", "mounts", config.to_str().unwrap()]);
    assert!(told.contains("malformed JSON"), "{told}");
}

#[test]
fn what_an_answer_has_said_can_be_edited_checked_and_applied() {
    let standin = Standin::start();
    let run = &standin.launch;
    run.done(&["mount", "add", "/a", "http://127.0.0.1:9/", "--id", "a", "--label", "owner=me"]);
    let mut list = run.json(&["mount", "list"]);
    list["mounts"][0]["limits"]["tunnels_max"] = json!(3);
    let edited = file(run, "edited.json", &list.to_string());
    run.done(&["check", edited.to_str().unwrap()]);
    assert_eq!(run.json(&["apply", "-f", edited.to_str().unwrap()])["updated"], json!(["a"]));
    assert_eq!(run.json(&["mount", "show", "a"])["limits"]["tunnels_max"], 3);
}

#[test]
fn bash_completes_the_states_of_a_mount() {
    let run = Launch::bare();
    let script = file(&run, "completions", &run.done(&["completions", "bash"]));
    let completed = r#". "$0"; COMP_WORDS=(standin mount list --state d); COMP_CWORD=4; _standin standin d --state; echo "${COMPREPLY[@]}""#;
    let output = Command::new("bash").arg("-c").arg(completed).arg(script).output().unwrap();
    let words: BTreeSet<&str> = std::str::from_utf8(&output.stdout).unwrap().split_whitespace().collect();
    assert_eq!(words, BTreeSet::from(["disabled", "draining"]), "{}", complaint(&output));
}

/// The commands that a help lists.
fn commands(help: &str) -> BTreeSet<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
    names.filter(|name| !name.is_empty() && name != "help").collect()
}

#[test]
fn completions_know_every_command_and_load() {
    let run = Launch::bare();
    let all = commands(&run.done(&["--help"]));
    let of_mount = commands(&run.done(&["mount", "--help"]));
    assert!(all.len() > 12 && of_mount.contains("renew"), "{all:?} {of_mount:?}");
    for (shell, check) in [
        ("bash", "bash -n \"$0\" && . \"$0\" && complete -p standin"),
        ("zsh", "zsh -n \"$0\""),
        ("fish", "fish -n \"$0\""),
    ] {
        let script = run.done(&["completions", shell]);
        for command in all.iter().chain(&of_mount).map(String::as_str).chain(["--prune", "--lease", "--if-revision"]) {
            let told = if shell == "fish" { command.trim_start_matches("--") } else { command };
            assert!(script.contains(told), "{shell}: {command}");
        }
        let is_there =
            Command::new("sh").args(["-c", &format!("command -v {shell}")]).output().unwrap().status.success();
        assert!(is_there || shell != "bash", "bash is needed");
        if is_there {
            let path = file(&run, shell, &script);
            let output = Command::new("bash").arg("-c").arg(check).arg(path).output().unwrap();
            assert!(output.status.success(), "{shell}: {}", complaint(&output));
            let told = String::from_utf8(output.stdout).unwrap();
            assert!(shell != "bash" || told.contains("-F _standin"), "{told}");
        }
    }
    assert!(run.refused(2, &["completions", "cmd"]).contains("bash"));
}

#[test]
fn bash_completes_a_command_in_the_middle_of_a_line() {
    let run = Launch::bare();
    let script = file(&run, "completions", &run.done(&["completions", "bash"]));
    let completed =
        r#". "$0"; COMP_WORDS=(standin mount re); COMP_CWORD=2; _standin standin re mount; echo "${COMPREPLY[@]}""#;
    let output = Command::new("bash").arg("-c").arg(completed).arg(script).output().unwrap();
    let words: BTreeSet<&str> = std::str::from_utf8(&output.stdout).unwrap().split_whitespace().collect();
    assert_eq!(words, BTreeSet::from(["renew", "restart", "resume"]), "{}", complaint(&output));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let standin = Standin::start();
    assert_eq!(get(standin.front, "/").status, 404);
    for arguments in [&["completions", "bash"][..], &["mount", "list"], &["export"], &["--help"], &["stats"]] {
        let mut command = standin.launch.binary();
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(!complaint(&output).contains("panicked"), "{arguments:?}: {}", complaint(&output));
        assert!(output.status.code().is_some_and(|code| code <= 1), "{arguments:?}: {:?}", output.status);
    }
}
