//! Who is not let in to the admin API, and what it takes from those who are.

use crate::common::admin::{Admin, Call};
use crate::common::client::{Raw, get};
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};

fn mount() -> Value {
    json!({ "kind": "regular", "match": { "path": "/a" }, "address": "http://127.0.0.1:1/" })
}

/// Expects that status, and that nothing was made.
fn refused(admin: &Admin, call: Call, status: u16) {
    let told = format!("{call:?}");
    assert_eq!(call.send().status, status, "{told}");
    assert_eq!(admin.get("/v1/mounts").value["revision"], 0, "{told}");
}

#[test]
fn without_the_token_nothing_of_the_mounts_is_told_or_changed() {
    let standin = Standin::start();
    let (admin, token) = (standin.admin(), standin.token());
    let calls = || {
        [
            admin.call("GET", "/v1/mounts"),
            admin.call("HEAD", "/v1/mounts"),
            admin.call("POST", "/v1/mounts").json(&mount()),
            admin.call("GET", "/v1/mounts/x"),
            admin.call("PUT", "/v1/mounts/x").json(&mount()),
            admin.call("DELETE", "/v1/mounts/x"),
            admin.call("PATCH", "/v1/mounts/x"),
        ]
    };
    for call in calls() {
        refused(&admin, call.without("Authorization"), 401);
    }
    let wrong = ["x", "", &"0".repeat(64), &token[1..], &format!("{token}0"), &token.to_uppercase()];
    for wrong in &wrong {
        refused(&admin, admin.call("GET", "/v1/mounts").field("Authorization", &format!("Bearer {wrong}")), 401);
    }
    for wrong in &wrong {
        for call in calls() {
            let told = format!("{call:?}");
            let status = call.field("Authorization", &format!("Bearer {wrong}")).send().status;
            assert!([401, 429].contains(&status), "{status}: {told}");
        }
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], 0);
    for odd in [token.clone(), format!("Basic {token}"), format!("Bearer{token}")] {
        refused(&admin, admin.call("GET", "/v1/mounts").field("Authorization", &odd), 401);
    }
}

#[test]
fn the_token_is_not_taken_from_the_url_or_a_cookie() {
    let standin = Standin::start();
    let (admin, token) = (standin.admin(), standin.token());
    for path in [format!("/v1/mounts?token={token}"), format!("/v1/mounts?a=1&access_token={token}")] {
        refused(&admin, admin.call("GET", &path).without("Authorization"), 401);
        let both = admin.call("GET", &path).send();
        assert_eq!(both.status, 401, "a right header makes no URL safe");
        assert!(both.detail().contains("Authorization: Bearer TOKEN"), "{}", both.detail());
    }
    // curl and browsers make this of http://user:TOKEN@host/.
    for userinfo in ["dXNlcjp0b2tlbg==", "eDp5"] {
        let call = admin.call("GET", "/v1/mounts").field("Authorization", &format!("Basic {userinfo}"));
        let told = call.send();
        assert!(told.status == 401 && told.detail().contains("Authorization: Bearer TOKEN"), "{}", told.detail());
    }
    let mut client = Raw::connect(standin.admin_address());
    client.send(format!("GET http://user:{token}@localhost/v1/mounts HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!(client.response().status, 400, "a target has no user information");
    let cookie = admin.call("GET", "/v1/mounts").without("Authorization").field("Cookie", &format!("token={token}"));
    refused(&admin, cookie, 401);
}

#[test]
fn a_name_that_is_not_its_own_is_refused() {
    let standin = Launch::new().with(&["--admin-host", "Admin.example.org"]).start();
    let admin = standin.admin();
    let port = standin.admin_address().port();
    for host in
        ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "admin.example.org.evil"]
    {
        for path in ["/v1/mounts", "/healthz", "/", "/nothing"] {
            refused(&admin, admin.call("GET", path).field("Host", &format!("{host}:{port}")), 421);
        }
        refused(&admin, admin.call("POST", "/v1/mounts").json(&mount()).field("Host", host), 421);
    }
    // The authority of an absolute target counts, whatever Host says.
    let token = standin.token();
    let mut client = Raw::connect(standin.admin_address());
    client.send(format!(
        "GET http://evil.example:{port}/v1/mounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ));
    assert_eq!(client.response().status, 421);
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "admin.example.org"] {
        assert_eq!(
            admin.call("GET", "/v1/mounts").field("Host", &format!("{host}:{port}")).send().status,
            200,
            "{host}"
        );
    }
}

#[test]
fn what_a_page_of_another_origin_sends_is_refused() {
    let standin = Standin::start();
    let admin = standin.admin();
    let own = format!("http://{}", standin.admin_address());
    for (name, value) in [
        ("Origin", "null"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://127.0.0.1:1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Mode", "no-cors"),
    ] {
        for call in [
            admin.call("POST", "/v1/mounts").json(&mount()),
            admin.call("DELETE", "/v1/mounts/x"),
            admin.call("GET", "/v1/mounts"),
            admin.call("GET", "/healthz"),
        ] {
            refused(&admin, call.field(name, value), 403);
        }
    }
    let preflight = admin.call("OPTIONS", "/v1/mounts").without("Authorization").field("Origin", "http://evil.example");
    let answer = preflight.field("Access-Control-Request-Method", "POST").send();
    assert_eq!((answer.status, answer.response.field("Access-Control-Allow-Origin")), (403, None));
    let page = admin.call("POST", "/v1/mounts").json(&mount()).field("Origin", &own);
    assert_eq!(page.field("Sec-Fetch-Site", "same-origin").send().status, 201);
}

#[test]
fn only_json_is_taken_for_a_mount() {
    let standin = Standin::start();
    let admin = standin.admin();
    let content = mount().to_string();
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
    {
        for call in [admin.call("POST", "/v1/mounts"), admin.call("PUT", "/v1/mounts/x")] {
            refused(&admin, call.content(media_type, content.as_bytes()), 415);
        }
    }
    let unnamed = admin.call("POST", "/v1/mounts").json(&mount()).without("Content-Type");
    refused(&admin, unnamed, 415);
    let named = admin.call("POST", "/v1/mounts").content("Application/JSON; charset=UTF-8", content.as_bytes());
    assert_eq!(named.send().status, 201);
}

#[test]
fn content_that_is_too_large_is_refused() {
    let standin = Standin::start();
    let admin = standin.admin();
    let padded = |size: usize| {
        let mut content = mount().to_string().into_bytes();
        content.resize(size, b' ');
        admin.call("POST", "/v1/mounts").content("application/json", &content)
    };
    refused(&admin, padded(64 * 1024 + 1), 413);
    refused(&admin, padded(300_000), 413);
    assert_eq!(padded(64 * 1024).send().status, 201);
}

#[test]
fn json_that_is_malformed_is_refused_and_the_server_lives() {
    let standin = Standin::start();
    let admin = standin.admin();
    let deep = "[".repeat(10_000);
    let deep_object = r#"{"match":"#.repeat(5_000);
    for content in
        ["", "{", "nonsense", "{'kind': 'regular'}", "{\"kind\": \"regular\"} x", &deep, &deep_object, "\u{feff}{}"]
    {
        let call = admin.call("POST", "/v1/mounts").content("application/json", content.as_bytes());
        refused(&admin, call, 400);
    }
    refused(&admin, admin.call("POST", "/v1/mounts").content("application/json", b"{\"kind\": \"\xff\"}"), 400);
}

#[test]
fn json_that_is_deep_or_says_a_thing_twice_is_refused_in_words() {
    let standin = Standin::start();
    let admin = standin.admin();
    let deep = format!(r#"{{"kind": "regular", "address": {}1{}}}"#, "[".repeat(32), "]".repeat(32));
    let twice = r#"{"kind": "regular", "address": "http://127.0.0.1:1/", "match": {"path": "/a", "path": "/b"}}"#;
    let many = format!(r#"{{"mounts": [{twice}]}}"#);
    for (path, content, words) in [
        ("/v1/mounts", deep.as_str(), "more than 32 levels deep"),
        ("/v1/import", &format!(r#"{{"mounts": [{deep}]}}"#), "more than 32 levels deep"),
        ("/v1/tokens", &deep, "more than 32 levels deep"),
        ("/v1/mounts", twice, "the member \"path\" is there twice"),
        ("/v1/import", &many, "the member \"path\" is there twice"),
    ] {
        let told = admin.call("POST", path).content("application/json", content.as_bytes()).send();
        assert!(told.status == 400 && told.detail().contains(words), "{path}: {}", told.detail());
    }
    assert_eq!(admin.get("/v1/mounts").value["revision"], 0);
}

#[test]
fn too_many_wrong_tokens_are_slowed_down_and_nobody_else() {
    let mut standin = Standin::start();
    let admin = standin.admin();
    let wrong = || admin.call("POST", "/v1/mounts").json(&mount()).field("Authorization", "Bearer wrong").send();
    for _ in 0..10 {
        assert_eq!(wrong().status, 401);
        assert_eq!(admin.get("/v1/mounts").status, 200);
    }
    for _ in 0..10 {
        let told = wrong();
        assert_eq!(told.status, 429);
        let seconds: u64 = told.response.field("Retry-After").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert_eq!(admin.get("/v1/mounts").status, 200, "the right one is let in all the same");
    }
    assert_eq!(admin.post(&mount()).status, 201);
    standin.term();
    let (_, lines, _) = standin.last_words();
    let told = lines.iter().filter(|line| line.contains("127.0.0.1 shows tokens that are not of this server")).count();
    assert_eq!(told, 1, "a line for all of them: {lines:#?}");
}

#[test]
fn a_request_that_is_not_sound_http_is_refused_here_too() {
    let standin = Standin::start();
    let admin = standin.admin();
    let token = standin.token();
    let host = standin.admin_address();
    for (status, sent) in [
        (400, format!("DELETE /v1/mounts/x HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n")),
        (400, format!("GET /v1/mounts HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n")),
        (
            400,
            format!(
                "POST /v1/mounts HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{{}}"
            ),
        ),
        (400, format!("GET /v1/../v1/mounts HTTP/1.1\r\nHost: {host}\r\n\r\n")),
        (431, format!("GET /v1/mounts HTTP/1.1\r\nHost: {host}\r\nA: {}\r\n\r\n", "x".repeat(33_000))),
        (505, format!("GET /v1/mounts HTTP/3.0\r\nHost: {host}\r\n\r\n")),
    ] {
        let mut client = Raw::connect(host);
        client.try_send(sent);
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (status, Some("close")));
        client.expect_closed();
    }
    assert_eq!(admin.get("/v1/mounts").status, 200);
}

#[test]
fn a_body_that_comes_in_chunks_is_read() {
    let standin = Standin::start();
    let content = mount().to_string();
    let (start, end) = content.split_at(10);
    let mut client = Raw::connect(standin.admin_address());
    client.send(format!(
        "POST /v1/mounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n",
        standin.token(),
        start.len()
    ));
    client.send(format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len()));
    assert_eq!(client.response().status, 201);
}

#[test]
fn the_token_is_nowhere_but_in_its_file() {
    let origin = Origin::answering("body");
    let standin = Standin::start();
    let (admin, token) = (standin.admin(), standin.token());
    admin.mount("/a", &origin.url());
    assert_eq!(get(standin.front, "/a").text(), "body");
    for path in ["/", "/js/main.js", "/v1/mounts", "/openapi.yaml", "/nothing"] {
        let answer = admin.get(path).response;
        assert!(!answer.text().contains(&token) && !answer.head.escape_ascii().to_string().contains(&token), "{path}");
    }
    assert!(!String::from_utf8(origin.received(0)).unwrap().contains(&token));
}
