//! Ports and files, exit codes, the command line, and where settings come from.

use crate::common::client::{Raw, get, request};
use crate::common::gate::Gate;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use crate::common::programs::curl_output;
use crate::drain::{PROMPT, held};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_port_can_be_used_again_at_once() {
    let origin = Origin::answering("body");
    let mut standin = Standin::start();
    let address = standin.front.to_string();
    for _ in 0..3 {
        standin.admin().mount("/a", &origin.url());
        let mut client = Raw::connect(standin.front);
        assert_eq!(client.get("/a").text(), "body");
        standin.term();
        assert_eq!(standin.exit().code(), Some(0));
        standin = Launch::with_data_dir().with(&["--listen", &address, "--admin", "127.0.0.1:0"]).start();
        assert_eq!(standin.front.to_string(), address);
    }
}

#[test]
fn a_taken_port_is_told_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("--listen", "--admin"), ("--admin", "--listen")] {
        let refused = Launch::with_data_dir().with(&[flag, &address, other, "127.0.0.1:0"]).try_start().unwrap_err();
        assert_eq!(refused.code, Some(1), "{flag}");
        assert!(refused.stderr.contains(flag) && refused.stderr.contains(&address), "{}", refused.stderr);
    }
}

#[test]
fn settings_that_cannot_work_are_told_with_the_flag() {
    for (arguments, told) in [
        (["--listen", "nonsense"], "--listen"),
        (["--admin", "0.0.0.0:0"], "--admin-allow-remote"),
        (["--mount", "/a"], "PATH=URL"),
        (["--mount", "/a=ftp://h/"], "/address"),
        (["--config", "/nowhere.toml"], "/nowhere.toml"),
        (["--connections-max", "0"], "--connections-max"),
        (["--access-log", "/nowhere/log"], "--access-log /nowhere/log"),
        (["--access-log-format", "xml"], "--access-log-format"),
        (["--connections-max", "-1"], "--connections-max"),
        (["--connections-per-address-max", "-1"], "--connections-per-address-max"),
        (["--head-timeout", "0"], "--head-timeout 0: give seconds"),
        (["--head-timeout", "nan"], "--head-timeout NaN: give seconds"),
        (["--idle-timeout", "-0.5"], "--idle-timeout -0.5: give seconds"),
        (["--idle-timeout", "soon"], "--idle-timeout"),
        (["--drain-delay", "-1"], "--drain-delay -1: give seconds"),
        (["--drain-timeout", "1e9"], "--drain-timeout 1000000000: give seconds"),
    ] {
        let refused = Launch::with_data_dir().with(&arguments).try_start().unwrap_err();
        assert_eq!(refused.code, Some(2), "{arguments:?}");
        assert!(refused.stderr.contains(told), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn an_access_log_that_cannot_be_opened_is_told_with_the_flag() {
    // A socket can be neither opened nor made a file.
    let launch = Launch::new();
    let path = launch.home().join("log");
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let refused = launch.with(&["--access-log", path.to_str().unwrap()]).try_start().unwrap_err();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("--access-log"), "{}", refused.stderr);
}

#[test]
fn a_hang_up_opens_the_access_log_again_and_ends_nothing() {
    let launch = Launch::new();
    let (path, old) = (launch.home().join("log"), launch.home().join("log.1"));
    let mut standin = launch.with(&["--access-log", path.to_str().unwrap()]).start();
    assert_eq!(mode(&path) & 0o137, 0, "it is not for everybody");
    std::fs::rename(&path, &old).unwrap();
    standin.signal("HUP");
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < PROMPT, "there is no new file");
        std::thread::yield_now();
    }
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn a_hang_up_ends_nothing_while_requests_finish() {
    let (arrived, may_go_on) = (Gate::new(), Gate::new());
    let origin = held(&arrived, &may_go_on);
    let mut standin = Standin::start();
    standin.admin().mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    standin.signal("HUP");
    client.send(request("GET", "/half"));
    arrived.wait();
    standin.term();
    standin.wait_for_line("stopping");
    standin.signal("HUP");
    may_go_on.arrive();
    assert_eq!(client.response().text(), "first,second");
    assert_eq!(standin.exit().code(), Some(0));
}

#[test]
fn the_token_is_for_its_owner_only() {
    let standin = Standin::start();
    let data = standin.launch.data_dir();
    assert_eq!((mode(&data), mode(&data.join("token"))), (0o700, 0o600));
    let launch = standin.launch.clone();
    drop(standin);
    std::fs::set_permissions(data.join("token"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = launch.try_start().unwrap_err();
    assert!(refused.stderr.contains("token"), "{}", refused.stderr);
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_admin_api_can_be_on_a_unix_socket() {
    let launch = Launch::with_data_dir();
    let path = launch.home().join("admin.sock");
    let address = format!("unix:{}", path.display());
    let mut standin = launch.with(&["--listen", "127.0.0.1:0", "--admin", &address]).start();
    assert_eq!(mode(&path), 0o600);
    let data = standin.launch.data_dir();
    let data = data.to_str().unwrap();
    let run = |arguments: &[&str]| standin.launch.run(arguments);
    assert!(run(&["mount", "add", "/a", "http://127.0.0.1:1/", "--id", "a"]).status.success(), "found by itself");
    let listed = run(&["mount", "list", "--server", &address, "--data-dir", data]);
    assert!(listed.status.success() && text(&listed).contains("http://127.0.0.1:1/"), "{}", complaint(&listed));
    let authorization = format!("Authorization: Bearer {}", standin.token());
    let socket = path.to_str().unwrap();
    let shown = curl_output(&["--unix-socket", socket, "-H", &authorization, "http://localhost/v1/mounts/a"]);
    assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap()["id"], "a");
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    assert!(!path.exists(), "the socket is gone with the server");
}

#[test]
fn mounts_are_managed_from_the_command_line() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let run = |arguments: &[&str]| standin.launch.run(&[&["mount"], arguments].concat());
    assert!(text(&run(&["list"])).contains("no mounts yet"));

    let added = run(&["add", "/app", &origin.url(), "--id", "app", "--method", "GET", "--suppress", "cookie"]);
    assert!(added.status.success() && text(&added).contains("app"), "{}", complaint(&added));
    assert_eq!(get(standin.front, "/app").text(), "body");

    let shown: Value = serde_json::from_slice(&run(&["show", "app", "--json"]).stdout).unwrap();
    assert_eq!(shown["address"], origin.url());
    assert_eq!(shown["allowed_request_methods"], serde_json::json!(["GET"]));
    assert_eq!(shown["suppress_http_headers"], serde_json::json!(["cookie"]));
    let forced = origin.address.to_string();
    let transparent = run(&["add", "/", "--host", "*.example.org", "--transparent", "--force-host", &forced, "--json"]);
    let transparent: Value = serde_json::from_slice(&transparent.stdout).unwrap();
    assert_eq!((&transparent["kind"], &transparent["force_host"]), (&"transparent".into(), &forced.into()));

    let bounds = ["--limit", "tunnels_max=5", "--timeout", "idle_ms=60000", "--timeout", "total_ms=90000", "--trace"];
    let bounded = run(&[&["add", "/b", &origin.url(), "--id", "b", "--json"][..], &bounds].concat());
    let bounded: Value = serde_json::from_slice(&bounded.stdout).unwrap();
    assert_eq!((&bounded["limits"]["tunnels_max"], &bounded["traceparent"]), (&5.into(), &"ensure".into()));
    assert_eq!((&bounded["timeouts"]["idle_ms"], &bounded["timeouts"]["total_ms"]), (&60000.into(), &90000.into()));
    assert!(run(&["rm", "b", "--drain-ms", "0"]).status.success());

    let listed: Value = serde_json::from_slice(&run(&["list", "--json"]).stdout).unwrap();
    assert_eq!(listed["mounts"].as_array().unwrap().len(), 2);
    assert!(text(&run(&["list"])).contains("*.example.org/"));

    assert!(run(&["rm", "app"]).status.success());
    assert_eq!(get(standin.front, "/app").status, 404);
}

#[test]
fn what_the_server_refuses_is_told_and_exits_with_3() {
    let standin = Standin::start();
    let run = |arguments: &[&str]| standin.launch.run(&[&["mount"], arguments].concat());
    assert!(run(&["add", "/a", "http://127.0.0.1:1/", "--id", "first"]).status.success());
    for (arguments, told) in [
        (&["rm", "nobody"][..], "nobody"),
        (&["show", "nobody"], "nobody"),
        (&["add", "/a", "http://127.0.0.1:2/"], "first"),
        (&["add", "/b", "ftp://h/"], "/address"),
        (&["add", "/c", "--transparent"], "/allowed_hosts"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(3), "{arguments:?}: {}", complaint(&refused));
        assert!(complaint(&refused).contains(told), "{arguments:?}: {}", complaint(&refused));
    }
    assert_eq!(run(&["add"]).status.code(), Some(2), "arguments are missing");
    let nobody = Launch::with_data_dir().run(&["mount", "list"]);
    assert_eq!(nobody.status.code(), Some(1), "no server there");
    assert!(complaint(&nobody).contains("standin serve"), "{}", complaint(&nobody));
}

#[test]
fn the_version_is_told() {
    let told = Launch::bare().run(&["--version"]);
    assert_eq!(text(&told), format!("standin {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn settings_come_from_the_environment() {
    let origin = Origin::answering("body");
    let standin = Launch::with_data_dir()
        .env("STANDIN_LISTEN", "127.0.0.1:0")
        .env("STANDIN_ADMIN", "127.0.0.1:0")
        .env("STANDIN_MOUNT", &format!("/a={0},/b={0}", origin.url()))
        .env("STANDIN_CONNECTIONS_MAX", "10")
        .env("STANDIN_CONNECTIONS_PER_ADDRESS_MAX", "1")
        .env("STANDIN_HEAD_TIMEOUT", "5")
        .env("STANDIN_IDLE_TIMEOUT", "0.5")
        .env("STANDIN_DRAIN_DELAY", "0")
        .env("STANDIN_DRAIN_TIMEOUT", "5")
        .start();
    let mut only = Raw::connect(standin.front);
    assert_eq!((only.get("/a").text(), only.get("/b").text()), ("body", "body"));
    assert_eq!(get(standin.front, "/a").status, 503);
    only.expect_closed();
}

#[test]
fn settings_come_from_a_file_and_arguments_overrule_it() {
    let origin = Origin::answering("body");
    let launch = Launch::bare();
    let (config, data) = (launch.home().join("standin.toml"), launch.home().join("from-file"));
    let lines = [
        "listen = '127.0.0.1:1'".to_owned(),
        "admin = '127.0.0.1:0'".into(),
        format!("data_dir = '{}'", data.display()),
        "connections_per_address_max = 1".into(),
        "head_timeout = 5".into(),
        "idle_timeout = 0.5".into(),
        "drain_delay = 0".into(),
        "drain_timeout = 5".into(),
        format!("mounts = {{ '/a' = '{}' }}", origin.url()),
    ];
    std::fs::write(&config, lines.join("\n")).unwrap();
    let standin = launch.with(&["--config", config.to_str().unwrap(), "--listen", "127.0.0.1:0"]).start();
    let mut only = Raw::connect(standin.front);
    assert_eq!(only.get("/a").text(), "body");
    assert_eq!(get(standin.front, "/a").status, 503);
    only.expect_closed();
    assert!(data.join("token").exists());
}

#[test]
fn things_are_kept_below_the_home_by_default() {
    let standin = Launch::bare().with(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).start();
    assert!(standin.launch.home().join(".local/state/standin/standin.redb").exists());
    assert!(standin.launch.run(&["mount", "list"]).status.success());
    let elsewhere = Launch::bare();
    let state = elsewhere.home().join("state");
    let elsewhere = elsewhere.env("XDG_STATE_HOME", state.to_str().unwrap());
    let _running = elsewhere.with(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).start();
    assert!(state.join("standin/token").exists());
}

#[test]
fn mounts_of_the_command_line_cannot_be_changed_over_the_api() {
    let origin = Origin::answering("body");
    let standin = Launch::new().with(&["--mount", &format!("/org/x={}", origin.url())]).start();
    assert_eq!(get(standin.front, "/org/x/y").text(), "body");
    let admin = standin.admin();
    let mount = serde_json::json!({ "kind": "regular", "address": "http://127.0.0.1:1/" });
    assert_eq!(admin.put("fixed-org-x", &mount).status, 409);
    assert_eq!(admin.delete("fixed-org-x").status, 409);
    assert_eq!(get(standin.front, "/org/x").text(), "body");
    let standin = standin.restart();
    assert_eq!(standin.admin().get("/v1/mounts").value["mounts"].as_array().unwrap().len(), 1);
}

#[test]
fn the_demo_answers_with_what_it_got() {
    let standin = Launch::new().with(&["--demo"]).start();
    let page = get(standin.front, "/demo/some?thing");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("GET /some?thing") && page.text().contains("X-Forwarded-For: 127.0.0.1"));
    assert_eq!(standin.admin().get("/v1/mounts/demo").status, 200);
}
