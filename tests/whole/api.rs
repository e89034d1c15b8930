//! Every call of the admin API. The client holds each answer against
//! openapi.yaml; what is asserted here comes on top.

use crate::common::client::get;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use serde_json::{Value, json};

fn regular(path: &str) -> Value {
    json!({ "kind": "regular", "match": { "path": path }, "address": "http://127.0.0.1:1/" })
}

#[test]
fn a_mount_is_made_shown_listed_and_deleted() {
    let standin = Standin::start();
    let admin = standin.admin();
    let nothing = |revision: u64| json!({ "mounts": [], "revision": revision, "total": 0, "next": null });
    assert_eq!(admin.get("/v1/mounts").value, nothing(0));

    let mount = json!({
        "id": "orgs", "kind": "regular", "match": { "host": "API.example.org", "path": "/orgs/" },
        "address": "http://server3:8680/exist/rest", "allowed_request_methods": ["GET", "HEAD"],
        "suppress_http_headers": ["Accept-Encoding"],
    });
    let made = admin.post(&mount);
    assert_eq!((made.status, made.response.field("Location")), (201, Some("/v1/mounts/orgs")));
    for (name, value) in [
        ("id", json!("orgs")),
        ("match", json!({ "host": "api.example.org", "path": "/orgs" })),
        ("address", json!("http://server3:8680/exist/rest/")),
        ("allowed_request_methods", json!(["GET", "HEAD"])),
        ("suppress_http_headers", json!(["accept-encoding"])),
        ("revision", json!(1)),
        ("in_flight", json!(0)),
        ("restarts", json!(0)),
        ("links", json!({ "self": "/v1/mounts/orgs" })),
    ] {
        assert_eq!(made.value[name], value, "{name}");
    }
    assert_eq!(made.value["created_at"], made.value["updated_at"]);

    let shown = admin.get("/v1/mounts/orgs");
    assert_eq!((shown.status, &shown.value["created_at"]), (200, &made.value["created_at"]));
    let listed = admin.get("/v1/mounts").value;
    assert_eq!((&listed["mounts"][0]["id"], &listed["revision"]), (&json!("orgs"), &json!(1)));

    let gone = admin.delete("orgs");
    assert_eq!((gone.status, gone.response.field("Content-Length")), (204, None));
    assert_eq!(admin.get("/v1/mounts/orgs").status, 404);
    assert_eq!(admin.delete("orgs").status, 404);
    assert_eq!(admin.get("/v1/mounts").value, nothing(2));
}

#[test]
fn a_mount_takes_requests_once_it_is_acknowledged() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let admin = standin.admin();
    for number in 0..50 {
        let id = admin.mount(&format!("/m{number}"), &origin.url());
        assert_eq!(get(standin.front, &format!("/m{number}")).text(), "body");
        assert_eq!(admin.delete(&id).status, 204);
        assert_eq!(get(standin.front, &format!("/m{number}")).status, 404);
    }
}

#[test]
fn an_id_is_made_up_where_none_is_given() {
    let standin = Standin::start();
    let admin = standin.admin();
    let (first, second) = (admin.post(&regular("/a")).value, admin.post(&regular("/b")).value);
    assert_ne!(first["id"], second["id"]);
    let defaults = admin.post(&json!({ "kind": "regular", "address": "http://127.0.0.1:1" })).value;
    assert_eq!(defaults["match"], json!({ "path": "/" }));
    assert_eq!(defaults["address"], "http://127.0.0.1:1/");
}

#[test]
fn a_transparent_mount_is_made_with_either_fence() {
    let admin_of = Standin::start();
    let admin = admin_of.admin();
    let forced = admin.post(&json!({
        "kind": "transparent", "match": { "host": "*.example.org" }, "force_host": "127.0.0.1:9001", "force_scheme": "http",
    }));
    assert_eq!((forced.status, &forced.value["force_host"]), (201, &json!("127.0.0.1:9001")));
    let fenced =
        admin.post(&json!({ "kind": "transparent", "allowed_hosts": ["*.internal:80", "Reports.example.org"] }));
    assert_eq!(fenced.status, 201, "{}", fenced.value);
    let both = admin.post(&json!({
        "kind": "transparent", "match": { "path": "/both" }, "allowed_hosts": ["x.example.org"], "force_host": "h:1",
    }));
    assert_eq!(both.status, 201, "{}", both.value);
    assert_eq!(admin.get("/v1/mounts").value["mounts"].as_array().unwrap().len(), 3);
}

#[test]
fn put_makes_and_replaces_and_may_be_repeated() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mount = json!({
        "id": "x", "kind": "regular", "address": "http://127.0.0.1:1/", "allowed_request_methods": ["GET"],
    });
    let made = admin.put("x", &mount);
    assert_eq!((made.status, made.response.field("Location")), (201, Some("/v1/mounts/x")));
    let again = admin.put("x", &mount);
    assert_eq!((again.status, &again.value["created_at"]), (200, &made.value["created_at"]));
    let changed = admin.put("x", &regular("/other"));
    assert_eq!(changed.status, 200);
    assert_eq!(changed.value["allowed_request_methods"], json!([]), "what is left out returns to its default");
    assert!(changed.value["revision"].as_u64() > made.value["revision"].as_u64());
    assert!(changed.value["generation"].as_u64() >= made.value["generation"].as_u64());
    let to_the_other_kind = json!({ "kind": "transparent", "force_host": "127.0.0.1:1" });
    assert_eq!(admin.put("x", &to_the_other_kind).value["kind"], "transparent");
}

#[test]
fn an_id_that_differs_from_the_url_is_refused() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mut mount = regular("/a");
    mount["id"] = json!("other");
    let refused = admin.put("x", &mount);
    assert_eq!((refused.status, refused.pointers()), (422, vec!["/id"]));
    for id in ["X", "-x", ".x", "x%20y", "x~", &"x".repeat(64)] {
        let refused = admin.call("PUT", &format!("/v1/mounts/{id}")).json(&regular("/a")).send();
        assert_eq!(refused.status, 422, "{id}");
        assert_eq!(admin.get(&format!("/v1/mounts/{id}")).status, 404, "{id}");
    }
    assert_eq!(admin.put(&"x".repeat(63), &regular("/a")).status, 201);
}

#[test]
fn what_another_mount_has_is_refused_and_that_mount_named() {
    let standin = Standin::start();
    let admin = standin.admin();
    let with_id = |id: &str, path: &str| {
        let mut mount = regular(path);
        mount["id"] = json!(id);
        mount
    };
    assert_eq!(admin.post(&with_id("first", "/a")).status, 201);
    assert_eq!(admin.post(&with_id("second", "/b")).status, 201);
    for (what, answer) in [
        ("the match", admin.post(&regular("/a"))),
        ("the same match, written otherwise", admin.post(&regular("/a/"))),
        ("the id", admin.post(&with_id("first", "/c"))),
        ("the match, by PUT of a new one", admin.put("third", &regular("/a"))),
        ("the match, by PUT of one there is", admin.put("second", &regular("/a"))),
    ] {
        assert_eq!(answer.status, 409, "{what}");
        assert!(answer.detail().contains("'first'"), "{what}: {}", answer.detail());
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], 2, "nothing was changed");
    assert_eq!(admin.get("/v1/mounts/second").value["match"]["path"], "/b");
}

#[test]
fn everything_that_is_wrong_with_a_mount_is_told_at_once() {
    let standin = Standin::start();
    let admin = standin.admin();
    let refused = admin.post(&json!({
        "id": "Bad Id", "kind": "regular", "match": { "path": "x", "colour": 1 }, "address": "ftp://h/",
        "allowed_request_methods": ["GET", 5, "a b"], "suppress_http_headers": 7, "force_host": "h", "a/b~": 1,
    }));
    let mut pointers = refused.pointers();
    pointers.sort_unstable();
    let mut expected = vec![
        "/a~1b~0",
        "/address",
        "/allowed_request_methods/1",
        "/allowed_request_methods/2",
        "/force_host",
        "/id",
        "/match/colour",
        "/match/path",
        "/suppress_http_headers",
    ];
    expected.sort_unstable();
    assert_eq!((refused.status, pointers), (422, expected));
}

#[test]
fn a_mount_that_cannot_work_is_refused_with_a_pointer() {
    let standin = Standin::start();
    let admin = standin.admin();
    for (pointer, mount) in [
        ("", json!([])),
        ("", json!("x")),
        ("", json!(null)),
        ("/kind", json!({ "address": "http://h/" })),
        ("/kind", json!({ "kind": "odd" })),
        ("/kind", json!({ "kind": 5 })),
        ("/address", json!({ "kind": "regular" })),
        ("/address", json!({ "kind": "regular", "address": null })),
        ("/address", json!({ "kind": "regular", "address": "h:80" })),
        ("/address", json!({ "kind": "regular", "address": "http://u:p@h/" })),
        ("/address", json!({ "kind": "regular", "address": "http://h/?q" })),
        ("/address", json!({ "kind": "regular", "address": "http://h/#f" })),
        ("/address", json!({ "kind": "regular", "address": "http://h/%zz" })),
        ("/address", json!({ "kind": "regular", "address": "http://h/a/../b" })),
        ("/address", json!({ "kind": "regular", "address": format!("http://h/{}", "x".repeat(3000)) })),
        ("/match", json!({ "kind": "regular", "address": "http://h/", "match": "/" })),
        ("/match/path", json!({ "kind": "regular", "address": "http://h/", "match": { "path": "" } })),
        ("/match/path", json!({ "kind": "regular", "address": "http://h/", "match": { "path": "/a/../b" } })),
        ("/match/path", json!({ "kind": "regular", "address": "http://h/", "match": { "path": "/?q" } })),
        ("/match/host", json!({ "kind": "regular", "address": "http://h/", "match": { "host": "a b" } })),
        ("/match/host", json!({ "kind": "regular", "address": "http://h/", "match": { "host": "*" } })),
        ("/allowed_hosts", json!({ "kind": "transparent" })),
        ("/allowed_hosts", json!({ "kind": "transparent", "allowed_hosts": [] })),
        ("/allowed_hosts/0", json!({ "kind": "transparent", "allowed_hosts": ["*h"] })),
        ("/address", json!({ "kind": "transparent", "force_host": "h", "address": "http://h/" })),
        ("/force_host", json!({ "kind": "transparent", "force_host": "http://h" })),
    ] {
        let refused = admin.post(&mount);
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{mount}");
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], 0);
}

#[test]
fn what_a_path_does_not_take_is_told_with_what_it_does() {
    let standin = Standin::start();
    let admin = standin.admin();
    for (path, allow) in [
        ("/v1/mounts", "GET, HEAD, POST, PUT"),
        ("/v1/mounts/x", "GET, HEAD, PUT, PATCH, DELETE"),
        ("/v1/mounts/x/pause", "POST"),
        ("/v1/mounts/x/lease", "PUT"),
        ("/v1/export", "GET, HEAD"),
        ("/v1/explain", "POST"),
        ("/healthz", "GET, HEAD"),
        ("/readyz", "GET, HEAD"),
        ("/openapi.yaml", "GET, HEAD"),
        ("/", "GET, HEAD"),
    ] {
        for method in ["OPTIONS", "get", "X-FOO"] {
            let answer = admin.call(method, path).send();
            assert_eq!((answer.status, answer.response.field("Allow")), (405, Some(allow)), "{method} {path}");
        }
    }
}

#[test]
fn a_path_that_there_is_not_is_a_404() {
    let standin = Standin::start();
    let admin = standin.admin();
    for path in ["/nothing", "/v1", "/v2/mounts", "/v1/mount", "/index.html", "/V1/mounts", "/openapi.yml"] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            assert_eq!(admin.call(method, path).send().status, 404, "{method} {path}");
        }
    }
}

#[test]
fn head_is_answered_wherever_get_is() {
    let standin = Standin::start();
    let admin = standin.admin();
    admin.put("x", &regular("/"));
    for path in
        ["/v1/mounts", "/v1/mounts/x", "/v1/mounts/y", "/healthz", "/readyz", "/openapi.yaml", "/", "/js/main.js"]
    {
        let (shown, head) = (admin.get(path), admin.call("HEAD", path).send());
        assert_eq!(head.status, shown.status, "{path}");
        for name in ["Content-Type", "Cache-Control"] {
            assert_eq!(head.response.field(name), shown.response.field(name), "{path} {name}");
        }
        assert!(head.response.field("Content-Length").is_some(), "{path}");
    }
}

#[test]
fn what_needs_no_token_is_answered_without() {
    let standin = Standin::start();
    let admin = standin.admin();
    for path in ["/healthz", "/readyz", "/openapi.yaml", "/", "/js/main.js", "/theme.js", "/css/base.css", "/icon.svg"]
    {
        assert_eq!(admin.call("GET", path).without("Authorization").send().status, 200, "{path}");
    }
    assert_eq!(admin.get("/healthz").value, json!({ "status": "ok" }));
    assert_eq!(admin.get("/openapi.yaml").response.text(), include_str!("../../openapi.yaml"));
}

#[test]
fn the_ui_may_load_only_its_own_files_and_be_in_no_frame() {
    let standin = Standin::start();
    let page = standin.admin().get("/").response;
    assert_eq!(page.field("Content-Type"), Some("text/html; charset=utf-8"));
    let policy = page.field("Content-Security-Policy").unwrap();
    for part in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.field("X-Content-Type-Options"), Some("nosniff"));
}

#[test]
fn a_file_of_the_ui_that_the_browser_has_is_not_sent_again() {
    let standin = Standin::start();
    let admin = standin.admin();
    let first = admin.get("/js/main.js").response;
    assert_eq!(first.field("Cache-Control"), Some("no-cache"));
    let tag = first.field("ETag").unwrap();
    let again = admin.call("GET", "/js/main.js").field("If-None-Match", tag).send().response;
    assert_eq!((again.status, again.field("ETag"), again.text()), (304, Some(tag), ""));
    let other = admin.call("GET", "/js/shell.js").field("If-None-Match", tag).send().response;
    assert_eq!(other.status, 200);
}

#[test]
fn of_many_who_want_the_same_match_at_once_one_gets_it() {
    let standin = Standin::start();
    let admin = standin.admin();
    for round in 0..20 {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let posting: Vec<_> =
                (0..8).map(|_| scope.spawn(|| admin.post(&regular(&format!("/{round}"))).status)).collect();
            posting.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let count = |status| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(201), count(409)), (1, 7), "{statuses:?}");
    }
}

#[test]
fn the_mounts_are_listed_by_id() {
    let standin = Standin::start();
    let admin = standin.admin();
    for id in ["b", "a", "c-1", "c.0", "0"] {
        assert_eq!(admin.put(id, &regular(&format!("/{id}"))).status, 201);
    }
    let list = admin.get("/v1/mounts").value;
    let ids: Vec<&str> = list["mounts"].as_array().unwrap().iter().map(|mount| mount["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["0", "a", "b", "c-1", "c.0"]);
}

#[test]
fn the_examples_of_the_contract_are_accepted() {
    let contract: Value = serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
    let examples = &contract["components"]["requestBodies"]["MountSpec"]["content"]["application/json"]["examples"];
    for (name, example) in examples.as_object().unwrap() {
        let standin = Standin::start();
        let made = standin.admin().post(&example["value"]);
        assert_eq!(made.status, 201, "{name}: {}", made.value);
    }
}
