//! What each token may do, how they come and go, and what is written down of
//! what they did.

use crate::common::admin::{Admin, Answer};
use crate::common::process::{Launch, Standin};
use crate::common::programs::curl_output;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

fn mount(path: &str) -> Value {
    json!({ "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:1/" })
}

fn make(admin: &Admin, wanted: &Value) -> Answer {
    admin.call("POST", "/v1/tokens").json(wanted).send()
}

/// A client with a new token.
fn with_new(admin: &Admin, wanted: &Value) -> Admin {
    let made = make(admin, wanted);
    assert_eq!(made.status, 201, "{}", made.value);
    admin.with_token(made.value["token"].as_str().unwrap())
}

fn names(admin: &Admin) -> Vec<String> {
    let listed = admin.get("/v1/tokens").value;
    listed["tokens"].as_array().unwrap().iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn tokens_are_made_used_listed_and_revoked() {
    let standin = Standin::start();
    let admin = standin.admin();
    assert_eq!(names(&admin), ["admin"]);
    let made = make(&admin, &json!({ "name": "ci" }));
    assert_eq!((made.status, made.response.field("Location")), (201, Some("/v1/tokens/ci")));
    let ci = admin.with_token(made.value["token"].as_str().unwrap());
    let token = |name: &str| {
        let listed = admin.get("/v1/tokens").value["tokens"].clone();
        listed.as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone()
    };
    assert_eq!(token("ci")["last_used_at"], Value::Null);
    assert_eq!(ci.post(&mount("/a")).status, 201);
    assert!(token("ci")["last_used_at"].is_string());
    assert_eq!(ci.get("/v1/tokens").status, 200, "it is as good as the first one");
    assert_eq!(ci.call("DELETE", "/v1/tokens/admin").send().status, 409);
    assert_eq!(admin.call("DELETE", "/v1/tokens/ci").send().status, 204);
    assert_eq!(ci.get("/v1/mounts").status, 401, "at once");
    assert_eq!(admin.call("DELETE", "/v1/tokens/ci").send().status, 404);
    assert_eq!(names(&admin), ["admin"]);
}

#[test]
fn any_token_is_told_whose_it_is_and_what_it_may() {
    let standin = Standin::start();
    let admin = standin.admin();
    let caller = |admin: &Admin| admin.get("/v1/caller").value;
    assert_eq!(caller(&admin), json!({ "name": "admin", "read_only": false, "owner": null }));
    for limited in [
        json!({ "name": "ci", "read_only": false, "owner": "team a" }),
        json!({ "name": "dashboard", "read_only": true, "owner": null }),
        json!({ "name": "both", "read_only": true, "owner": "ci" }),
    ] {
        assert_eq!(caller(&with_new(&admin, &limited)), limited);
    }
    assert_eq!(admin.call("HEAD", "/v1/caller").send().status, 200);
    assert_eq!(admin.get("/v1/caller?name=ci").status, 400);
    assert_eq!(admin.call("POST", "/v1/caller").send().status, 405);
    assert_eq!(admin.with_token("standin_wrong").get("/v1/caller").status, 401);
}

#[test]
fn a_revoked_token_is_let_in_no_more_on_a_connection_that_it_has_open() {
    let standin = Standin::start();
    let admin = standin.admin();
    let made = make(&admin, &json!({ "name": "ci" })).value;
    let request = format!(
        "GET /v1/mounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        made["token"].as_str().unwrap()
    );
    let mut client = crate::common::client::Raw::connect(standin.admin_address());
    client.send(&request);
    assert_eq!(client.response().status, 200);
    assert_eq!(admin.call("DELETE", "/v1/tokens/ci").send().status, 204);
    client.send(&request);
    assert_eq!(client.response().status, 401);
}

#[test]
fn no_token_has_the_name_under_which_leases_run_out() {
    let standin = Standin::start();
    let refused = standin.admin().call("POST", "/v1/tokens").json(&json!({ "name": "lease" })).send();
    assert_eq!(refused.status, 409, "{}", refused.value);
}

#[test]
fn a_stream_of_events_ends_with_the_token_that_opened_it() {
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", "http://127.0.0.1:9/");
    let made = make(&admin, &json!({ "name": "watcher", "read_only": true })).value;
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let path = format!("/v1/mounts/{id}/traffic");
    let mut events = admin.call("GET", &path).field("Authorization", &bearer).events();
    assert_eq!(admin.call("DELETE", "/v1/tokens/watcher").send().status, 204);
    events.expect_end();
}

#[test]
fn tokens_outlive_the_process_and_are_stored_hashed() {
    let standin = Standin::start();
    let admin = standin.admin();
    let kept = make(&admin, &json!({ "name": "kept", "read_only": true, "owner": "ci" })).value;
    let gone = make(&admin, &json!({ "name": "gone" })).value;
    assert_eq!(admin.call("DELETE", "/v1/tokens/gone").send().status, 204);
    let file = standin.launch.data_dir().join("tokens.json");
    let text = std::fs::read_to_string(&file).unwrap();
    for value in [&kept, &gone] {
        let value = value["token"].as_str().unwrap();
        assert!(value.starts_with("standin_") && !text.contains(&value[8..]), "{text}");
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let standin = standin.restart();
    let admin = standin.admin();
    assert_eq!(names(&admin), ["admin", "kept"]);
    let with = |made: &Value| admin.with_token(made["token"].as_str().unwrap());
    assert_eq!(with(&kept).get("/v1/mounts").status, 200);
    assert_eq!(with(&kept).post(&mount("/a")).status, 403);
    assert_eq!(with(&gone).get("/v1/mounts").status, 401);
}

#[test]
fn a_damaged_file_of_tokens_is_refused_and_left_as_it_is() {
    let standin = Standin::start();
    with_new(&standin.admin(), &json!({ "name": "ci" }));
    let launch = standin.launch.clone();
    drop(standin);
    let file = launch.data_dir().join("tokens.json");
    let whole = std::fs::read_to_string(&file).unwrap();
    let half = &whole[..whole.len() / 2];
    std::fs::write(&file, half).unwrap();
    let refused = launch.try_start().unwrap_err();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("tokens.json") && refused.stderr.contains("move the file away"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), half);
    std::fs::write(&file, whole).unwrap();
    assert_eq!(names(&launch.start().admin()), ["admin", "ci"]);
}

#[test]
fn a_token_that_may_only_read_changes_nothing() {
    let standin = Standin::start();
    let admin = standin.admin();
    admin.put("a", &mount("/a"));
    let reader = with_new(&admin, &json!({ "name": "reader", "read_only": true }));
    let mut many = mount("/b");
    many["id"] = json!("b");
    let many = json!({ "mounts": [many] });
    let revision = admin.get("/v1/mounts").value["revision"].clone();
    for call in [
        reader.call("POST", "/v1/mounts").json(&mount("/b")),
        reader.call("POST", "/v1/mounts?dry_run=false").json(&mount("/b")),
        reader.call("PATCH", "/v1/mounts/a").json(&json!({ "enabled": false })),
        reader.call("POST", "/v1/mounts/a/pause"),
        reader.call("PUT", "/v1/mounts/a/lease").json(&json!({ "ttl_s": 60 })),
        reader.call("PUT", "/v1/mounts?owner=x").json(&many),
        reader.call("PUT", "/v1/mounts/a").json(&mount("/b")),
        reader.call("DELETE", "/v1/mounts/a"),
        reader.call("DELETE", "/v1/mounts/a?drain_ms=0"),
        reader.call("POST", "/v1/import").json(&many),
        reader.call("POST", "/v1/import?dry_run=false").json(&many),
        reader.call("POST", "/v1/import?dry_run=true&dry_run=false").json(&many),
        reader.call("GET", "/v1/tokens"),
        reader.call("POST", "/v1/tokens").json(&json!({ "name": "mine" })),
        reader.call("POST", "/v1/tokens?dry_run=true").json(&json!({ "name": "mine" })),
        reader.call("DELETE", "/v1/tokens/reader"),
    ] {
        let told = format!("{call:?}");
        assert_eq!(call.send().status, 403, "{told}");
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], revision);
    assert_eq!(names(&admin), ["admin", "reader"]);
    for path in ["/v1/mounts", "/v1/mounts/a"] {
        assert_eq!((reader.get(path).status, reader.call("HEAD", path).send().status), (200, 200), "{path}");
    }
    for call in [
        reader.call("POST", "/v1/mounts?dry_run=true").json(&mount("/b")),
        reader.call("POST", "/v1/mounts/a/pause?dry_run=true"),
        reader.call("POST", "/v1/explain").json(&json!({ "url": "/a" })),
    ] {
        assert_eq!(call.send().status, 200, "what changes nothing may be asked");
    }
    let rehearsed = reader.call("POST", "/v1/import?dry_run=true").json(&many).send();
    assert_eq!((rehearsed.status, &rehearsed.value["created"]), (200, &json!(["b"])));
    assert_eq!(reader.call("PATCH", "/v1/tokens").send().status, 405, "what there is not is told to all");
}

/// A mount with that owner, or none.
fn owned(path: &str, owner: Option<&str>) -> Value {
    let mut mount = mount(path);
    if let Some(owner) = owner {
        mount["labels"] = json!({ "owner": owner, "app": "x" });
    }
    mount
}

#[test]
fn a_token_of_one_owner_changes_only_what_is_its_own_before_and_after() {
    let standin = Standin::start();
    let admin = standin.admin();
    for (id, owner) in [("own", Some("ci")), ("other", Some("web")), ("nobody", None)] {
        assert_eq!(admin.put(id, &owned(&format!("/{id}"), owner)).status, 201);
    }
    let ci = with_new(&admin, &json!({ "name": "ci", "owner": "ci" }));
    let revision = admin.get("/v1/mounts").value["revision"].clone();
    let named = |id: &str, owner| {
        let mut mount = owned(&format!("/{id}"), owner);
        mount["id"] = json!(id);
        mount
    };
    let import = |mounts: Value| ci.call("POST", "/v1/import").json(&json!({ "mounts": mounts }));
    for call in [
        ci.call("POST", "/v1/mounts").json(&owned("/new", Some("web"))),
        ci.call("POST", "/v1/mounts").json(&owned("/new", Some("CI"))),
        ci.call("POST", "/v1/mounts").json(&owned("/new", None)),
        ci.call("PUT", "/v1/mounts/new").json(&owned("/new", None)),
        // Take from another, give to another, or leave to nobody.
        ci.call("PUT", "/v1/mounts/other").json(&owned("/other", Some("ci"))),
        ci.call("PUT", "/v1/mounts/nobody").json(&owned("/nobody", Some("ci"))),
        ci.call("PUT", "/v1/mounts/own").json(&owned("/own", Some("web"))),
        ci.call("PUT", "/v1/mounts/own").json(&owned("/own", None)),
        ci.call("PUT", "/v1/mounts/other").json(&owned("/elsewhere", Some("web"))),
        ci.call("DELETE", "/v1/mounts/other"),
        ci.call("DELETE", "/v1/mounts/nobody"),
        // One that it may not change spoils all.
        import(json!([named("new", Some("ci")), named("nobody", Some("ci"))])),
        ci.call("GET", "/v1/tokens"),
        ci.call("POST", "/v1/tokens").json(&json!({ "name": "mine" })),
        ci.call("DELETE", "/v1/tokens/ci"),
    ] {
        let told = format!("{call:?}");
        assert_eq!(call.send().status, 403, "{told}");
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], revision);
    assert_eq!(ci.get("/v1/mounts/other").status, 200, "it may read all");
    assert_eq!(ci.put("own", &owned("/own/2", Some("ci"))).status, 200);
    assert_eq!(ci.put("new", &owned("/new", Some("ci"))).status, 201);
    assert_eq!(import(json!([named("newer", Some("ci"))])).send().status, 200);
    for id in ["own", "new", "newer"] {
        assert_eq!(ci.delete(id).status, 204, "{id}");
    }
}

#[test]
fn a_token_that_makes_no_sense_is_refused() {
    let standin = Standin::start();
    let admin = standin.admin();
    with_new(&admin, &json!({ "name": "ci" }));
    for name in ["ci", "admin"] {
        assert_eq!(make(&admin, &json!({ "name": name })).status, 409, "{name}");
    }
    let wrong = make(&admin, &json!({ "name": "C", "owner": "", "read_only": 1, "token": "standin_mine" }));
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/token", "/name", "/read_only", "/owner"]));
    assert_eq!(make(&admin, &json!([])).status, 422);
    let rehearsed = admin.call("POST", "/v1/tokens?dry_run=true").json(&json!({ "name": "x" })).send();
    assert_eq!(rehearsed.status, 400, "what would be done by mistake is not done");
    let form = admin.call("POST", "/v1/tokens").content("application/x-www-form-urlencoded", b"name=x").send();
    assert_eq!(form.status, 415);
    assert_eq!(names(&admin), ["admin", "ci"]);
}

/// The lines that were written down of changes.
fn audited(mut standin: Standin) -> Vec<String> {
    standin.term();
    let (status, lines, _) = standin.last_words();
    assert_eq!(status.code(), Some(0));
    // A release build writes its lines as JSON.
    let text = |line: String| match serde_json::from_str::<Value>(&line) {
        Ok(json) => json["msg"].as_str().unwrap_or_default().to_owned(),
        Err(_) => line,
    };
    let said = |line: String| line.find("audit: ").map(|at| line[at..].to_owned());
    lines.into_iter().map(text).filter_map(said).collect()
}

#[test]
fn every_change_leaves_a_line_that_nobody_can_forge() {
    let standin = Standin::start();
    let admin = standin.admin();
    let ci = with_new(&admin, &json!({ "name": "ci" }));
    let because = |why: &str| ci.call("PUT", "/v1/mounts/a").json(&mount("/a")).field("X-Reason", why).send().status;
    assert_eq!(because(r#"release 12" revision 9 why "none"#), 201);
    for why in ["a\tb", "größer", "\u{202e}x", &"x".repeat(257)] {
        assert_eq!(because(why), 400, "{why:?}");
    }
    assert_eq!(ci.put("a", &mount("/b")).status, 200);
    assert_eq!(ci.call("DELETE", "/v1/mounts/%0Aaudit:").send().status, 404, "what was not done is not written down");
    let mut many = mount("/m");
    many["id"] = json!("m");
    let mut more = mount("/n");
    more["id"] = json!("n");
    let many = json!({ "mounts": [many, more] });
    for _ in 0..2 {
        assert_eq!(ci.call("POST", "/v1/import").json(&many).send().status, 200);
    }
    assert_eq!(ci.call("DELETE", "/v1/mounts/a").field("X-Reason", "no longer needed").send().status, 204);
    assert_eq!(admin.call("DELETE", "/v1/tokens/ci").field("X-Reason", "left").send().status, 204);
    assert_eq!(
        audited(standin),
        [
            r#"audit: "admin" create token "ci""#,
            r#"audit: "ci" create mount "a" revision 1 why "release 12\" revision 9 why \"none""#,
            r#"audit: "ci" replace mount "a" revision 2"#,
            r#"audit: "ci" change mounts "m n" revision 4"#,
            r#"audit: "ci" delete mount "a" revision 5 why "no longer needed""#,
            r#"audit: "admin" revoke token "ci" why "left""#,
        ]
    );
}

#[test]
fn a_lease_that_runs_out_leaves_a_line_too() {
    let standin = Standin::start();
    let mut leased = mount("/a");
    leased["lease"] = json!({ "ttl_s": 1, "on_expiry": "delete" });
    assert_eq!(standin.admin().put("a", &leased).status, 201);
    let mut events = standin.admin().call("GET", "/v1/events?since=0&types=expire").events();
    while events.next().name != "expire" {}
    events.close();
    let lines = [r#"audit: "admin" create mount "a" revision 1"#, r#"audit: "lease" expire mount "a" revision 2"#];
    assert_eq!(audited(standin), lines);
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn tokens_are_managed_from_the_command_line() {
    let standin = Standin::start();
    let run = |arguments: &[&str]| standin.launch.run(arguments);
    let added = run(&["token", "add", "dash", "--read-only"]);
    let value = text(&added).trim_end().to_owned();
    assert!(added.status.success() && value.starts_with("standin_") && !value.contains('\n'), "{added:?}");
    let added = run(&["token", "add", "ci", "--owner", "team a", "--json"]);
    let made: Value = serde_json::from_slice(&added.stdout).unwrap();
    assert_eq!((&made["name"], &made["owner"], &made["read_only"]), (&json!("ci"), &json!("team a"), &json!(false)));

    assert!(run(&["mount", "list", "--token", &value]).status.success());
    let refused = run(&["mount", "add", "/a", "http://127.0.0.1:1/", "--token", &value]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("'dash' may only read"), "{refused:?}");

    let listed = run(&["token", "list"]);
    let lines: Vec<Vec<&str>> =
        text(&listed).lines().map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect()).collect();
    let rights: Vec<(&str, &str)> = lines.iter().map(|cells| (cells[0], cells[1].trim())).collect();
    let expected = [
        ("NAME", "RIGHTS"),
        ("admin", "may do everything"),
        ("ci", "may read, and change mounts of team a"),
        ("dash", "may read"),
    ];
    assert_eq!(rights, expected);
    let listed: Value = serde_json::from_slice(&run(&["token", "list", "--json"]).stdout).unwrap();
    assert_eq!(listed["tokens"].as_array().unwrap().len(), 3);

    assert_eq!(text(&run(&["token", "rm", "dash"])), "dash is revoked\n");
    assert_eq!(run(&["mount", "list", "--token", &value]).status.code(), Some(3));
    for (arguments, words) in [
        (["token", "rm", "dash"], "there is no token 'dash'"),
        (["token", "rm", "admin"], "remove the file and start the server again"),
        (["token", "add", "ci"], "there is a token 'ci' already"),
    ] {
        let refused = run(&arguments);
        assert_eq!(refused.status.code(), Some(3), "{arguments:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(words), "{refused:?}");
    }
}

#[test]
fn a_new_first_token_is_made_when_its_file_is_removed() {
    let standin = Standin::start();
    let old = standin.token();
    let ci = make(&standin.admin(), &json!({ "name": "ci" })).value["token"].as_str().unwrap().to_owned();
    std::fs::remove_file(standin.launch.data_dir().join("token")).unwrap();
    let standin = standin.restart();
    let admin = standin.admin();
    assert_ne!(standin.token(), old);
    assert_eq!(admin.with_token(&old).get("/v1/mounts").status, 401);
    assert_eq!(admin.with_token(&ci).get("/v1/mounts").status, 200, "the others stay");
}

#[test]
fn a_unix_socket_is_for_its_user_whatever_the_umask_and_outlived_by_none() {
    let launch = Launch::with_data_dir().through_sh(r#"umask 000; exec "$0" "$@""#);
    let path = launch.home().join("admin.sock");
    let socket = path.to_str().unwrap();
    let launch = launch.with(&["--listen", "127.0.0.1:0", "--admin", &format!("unix:{socket}")]);
    let mut standin = launch.start();
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let told = |token: &str| {
        let authorization = format!("Authorization: Bearer {token}");
        let status = ["--output", "/dev/null", "--write-out", "%{http_code}", "--no-fail-with-body"];
        let url = ["--unix-socket", socket, "-H", &authorization, "http://any.example/v1/mounts"];
        String::from_utf8(curl_output(&[&status[..], &url[..]].concat())).unwrap()
    };
    assert_eq!(told(&standin.token()), "200", "under any name, since no web page comes here");
    assert_eq!(told("wrong"), "401", "a token is needed all the same");
    let mut second = Launch::with_data_dir();
    second = second.with(&["--listen", "127.0.0.1:0", "--admin", &format!("unix:{socket}")]);
    let refused = second.try_start().unwrap_err();
    assert!(refused.stderr.contains("is taken by another program"), "{}", refused.stderr);
    assert_eq!(told(&standin.token()), "200", "the living one keeps its place");
    standin.kill9();
    assert!(path.exists(), "nobody was left to remove it");
    let mut standin = standin.launch.start();
    assert_eq!((mode(), told(&standin.token()).as_str()), (0o600, "200"));
    standin.term();
    assert_eq!(standin.exit().code(), Some(0));
    assert!(!path.exists());
}
