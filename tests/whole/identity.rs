//! Who asks, what the upstream is told of it, and whether it can believe that.

use crate::common::admin::Admin;
use crate::common::client::Raw;
use crate::common::directory::Directory;
use crate::common::origin::Origin;
use crate::common::process::Standin;
use crate::common::programs::curl_output;
use crate::common::wire::{value, values};
use crate::common::{eventually, scripts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const KEY_1: &[u8] = b"0123456789abcdef0123456789abcdef";
const KEY_2: &[u8] = b"another key of more than 32 bytes";

/// An htpasswd file and a file of keys, and how they are written.
struct Files(Directory);

impl Files {
    fn new() -> Self {
        let files = Self(Directory::new());
        files.write_users(&[("ann", "open sesame")]);
        files.write_keys(&[("k1", KEY_1)]);
        files
    }

    fn users(&self) -> PathBuf {
        self.0.join("htpasswd")
    }

    fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    fn write_users(&self, users: &[(&str, &str)]) {
        // As htpasswd -B writes them, but quicker to check.
        let line = |(user, password): &(&str, &str)| {
            let hash = bcrypt::hash_with_result(password, 4).unwrap().format_for_version(bcrypt::Version::TwoY);
            format!("{user}:{hash}\n")
        };
        self.write(&self.users(), &users.iter().map(line).collect::<String>());
    }

    fn write_keys(&self, keys: &[(&str, &[u8])]) {
        let line = |(id, key): &(&str, &[u8])| format!("{id}:{}\n", STANDARD.encode(key));
        self.write(&self.keys(), &keys.iter().map(line).collect::<String>());
    }

    /// All at once, so that nobody reads half of it.
    fn write(&self, path: &Path, text: &str) {
        let new = self.0.join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, path).unwrap();
    }

    fn basic(&self) -> Value {
        json!({ "htpasswd_file": self.users(), "realm": "the office" })
    }

    fn sign(&self, key_id: &str) -> Value {
        json!({ "keys_file": self.keys(), "key_id": key_id })
    }
}

fn mount(path: &str, url: &str, identity: &Value) -> Value {
    json!({ "kind": "regular", "match": { "path": path }, "address": url, "identity": identity })
}

fn made(standin: &Standin, mount: &Value) {
    let made = standin.admin().post(mount);
    assert_eq!(made.status, 201, "{}", made.value);
}

fn credentials(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

fn ask(standin: &Standin, target: &str, lines: &str) -> crate::common::client::Response {
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: standin.test\r\n{lines}\r\n"));
    client.response()
}

/// Answers with the head that came.
fn mirror() -> Origin {
    Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            conn.answer(request.head);
        }
    })
}

#[test]
fn only_a_user_with_the_right_password_comes_through_and_is_named() {
    let (files, origin, standin) = (Files::new(), mirror(), Standin::start());
    let headers = json!({ "X-Remote-User": "{user}", "X-Auth-Type": "{auth_type}", "X-Team": "blue {{{user}}}" });
    made(&standin, &mount("/app", &origin.url(), &json!({ "basic": files.basic(), "headers": headers })));
    for lines in [
        String::new(),
        credentials("ann", "wrong"),
        credentials("nobody", "open sesame"),
        "Authorization: Basic *\r\n".to_owned(),
        credentials("ann", "open sesame") + &credentials("ann", "open sesame"),
        format!("X-Remote-User: ann\r\n{}", credentials("ann", &"x".repeat(73))),
    ] {
        let refused = ask(&standin, "/app", &lines);
        assert_eq!(refused.status, 401, "{lines}");
        assert_eq!(refused.field("WWW-Authenticate"), Some("Basic realm=\"the office\", charset=\"UTF-8\""));
    }
    assert_eq!(origin.heads(), 0, "nobody else gets there");
    let forged = "X-Remote-User: root\r\nx_remote_user: root\r\nX_TEAM: red\r\nConnection: X-Remote-User\r\n";
    // Checked, and then remembered.
    for _ in 0..2 {
        let told = ask(&standin, "/app", &(forged.to_owned() + &credentials("ann", "open sesame")));
        assert_eq!(told.status, 200);
        for (name, expected) in [("X-Remote-User", "ann"), ("X-Auth-Type", "Basic"), ("X-Team", "blue {ann}")] {
            assert_eq!(values(&told.body, name), [expected.as_bytes()], "{name}");
        }
        for name in ["x_remote_user", "X_TEAM", "Authorization", "Signature"] {
            assert_eq!(value(&told.body, name), None, "{name}");
        }
    }
}

#[test]
fn nothing_else_is_said_to_who_is_not_known() {
    let (files, origin, standin) = (Files::new(), mirror(), Standin::start());
    let mut only_get = mount("/app", &origin.url(), &json!({ "basic": files.basic() }));
    only_get["allowed_request_methods"] = json!(["GET"]);
    made(&standin, &only_get);
    let mut client = Raw::connect(standin.front);
    for (lines, status) in [(String::new(), 401), (credentials("ann", "open sesame"), 405)] {
        client.send(format!("PUT /app HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n{lines}\r\nbody"));
        assert_eq!(client.response().status, status);
    }
    client.send(format!("GET /app HTTP/1.1\r\nHost: h\r\n{}\r\n", credentials("ann", "open sesame")));
    assert_eq!(client.response().status, 200, "the connection goes on");
}

#[test]
fn a_fixed_value_is_told_without_a_password() {
    let (origin, standin) = (mirror(), Standin::start());
    let identity = json!({ "headers": { "X-Remote-User": "demo", "X-None": "" } });
    made(&standin, &mount("/app", &origin.url(), &identity));
    let told = ask(&standin, "/app", "X-Remote-User: root\r\nX-None: some\r\nAuthorization: Bearer theirs\r\n");
    assert_eq!(values(&told.body, "X-Remote-User"), [b"demo"]);
    assert_eq!(values(&told.body, "X-None"), [b""]);
    assert_eq!(value(&told.body, "Authorization"), Some("Bearer theirs"), "it was not for us");
}

#[test]
fn passwords_count_as_the_file_is_now() {
    let (files, origin, standin) = (Files::new(), mirror(), Standin::start());
    made(&standin, &mount("/app", &origin.url(), &json!({ "basic": files.basic() })));
    let status = |user, password| ask(&standin, "/app", &credentials(user, password)).status;
    assert_eq!((status("ann", "open sesame"), status("bob", "hello")), (200, 401));
    files.write_users(&[("bob", "hello")]);
    eventually("who is gone is refused, remembered or not", || status("ann", "open sesame") == 401);
    assert_eq!(status("bob", "hello"), 200);
    files.write(&files.users(), "bob:$apr1$old\n");
    standin.wait_for_line_with("htpasswd -B");
    assert_eq!(status("bob", "hello"), 200, "what was there before stays in use");
}

#[test]
fn a_mount_whose_files_cannot_be_used_is_refused_and_one_from_the_store_is_never_open() {
    let (files, origin, standin) = (Files::new(), mirror(), Standin::start());
    let missing = files.0.join("missing");
    let pointers = |identity: Value| {
        let refused = standin.admin().post(&mount("/app", &origin.url(), &identity));
        assert_eq!(refused.status, 422, "{}", refused.value);
        refused.pointers().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let sign = json!({ "keys_file": missing, "key_id": "k1" });
    assert_eq!(
        pointers(json!({ "basic": { "htpasswd_file": missing }, "sign": sign })),
        ["/identity/basic/htpasswd_file", "/identity/sign/keys_file"]
    );
    assert_eq!(pointers(json!({ "sign": files.sign("k2") })), ["/identity/sign/key_id"]);
    assert_eq!(pointers(json!({ "headers": { "X-Remote-User": "{user}" } })), ["/identity/headers/X-Remote-User"]);

    made(&standin, &mount("/basic", &origin.url(), &json!({ "basic": files.basic() })));
    made(&standin, &mount("/signed", &origin.url(), &json!({ "sign": files.sign("k1") })));
    let password = credentials("ann", "open sesame");
    assert_eq!((ask(&standin, "/basic", &password).status, ask(&standin, "/signed", "").status), (200, 200));
    std::fs::remove_file(files.users()).unwrap();
    std::fs::remove_file(files.keys()).unwrap();
    let heads = origin.heads();
    let standin = standin.restart();
    assert_eq!((ask(&standin, "/basic", &password).status, ask(&standin, "/signed", "").status), (500, 500));
    assert_eq!(ask(&standin, "/basic", "").status, 500);
    assert_eq!(origin.heads(), heads, "nothing gets there");
    files.write_users(&[("ann", "open sesame")]);
    files.write_keys(&[("k1", KEY_1)]);
    eventually("the files are there again", || {
        ask(&standin, "/basic", &password).status == 200 && ask(&standin, "/signed", "").status == 200
    });
}

/// A WSGI server that believes what was signed.
fn verifier(files: &Files, seconds_late: u32) -> scripts::Server {
    scripts::Server::start_with("signed_server.py", &[files.keys().to_str().unwrap(), &seconds_late.to_string()])
}

/// Sends a head as it is; the status.
fn status_of(server: &scripts::Server, head: &[u8]) -> u16 {
    let mut client = Raw::connect(server.address);
    client.send(head);
    // Python's server speaks HTTP/1.0.
    let (answer, _) = client.rest();
    std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap()
}

#[test]
fn what_was_signed_is_believed_and_nothing_else() {
    let (files, standin) = (Files::new(), Standin::start());
    let server = verifier(&files, 0);
    let headers = json!({ "X-Remote-User": "{user}", "X-Auth-Type": "{auth_type}" });
    let identity = json!({ "basic": files.basic(), "headers": headers, "sign": files.sign("k1") });
    made(&standin, &mount("/app", &server.url(), &identity));
    standin.wait_for_line_with("chmod 600");
    let url = format!("http://{}/app/a%20b/%C3%A9?q=1&r=%2F", standin.front);
    let told = curl_output(
        &[
            &["--user", "ann:open sesame", "--header", "X-Remote-User: root", "--header", "Forwarded: for=lie"][..],
            &["--header", "Signature-Input: standin=();created=1", "--header", "Signature: standin=:AA==:"],
            &["--header", "X-Team: red", "--header", "X-Forwarded-For: 1.2.3.4", "--header", "X-Other: kept", &url],
        ]
        .concat(),
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&told).unwrap(),
        json!({
            "REMOTE_USER": "ann", "AUTH_TYPE": "Basic", "HTTP_X_FORWARDED_FOR": "127.0.0.1", "HTTP_X_OTHER": "kept",
            "PATH_INFO": "/a b/\u{c3}\u{a9}", "QUERY_STRING": "q=1&r=%2F",
        }),
        "and X-Team, which nobody has signed, is gone"
    );

    // The same requests, but they stop half-way, in the hands of somebody else.
    let halfway = mirror();
    let caught = |path: &str, identity: &Value| {
        let mut caught = mount(path, &halfway.url(), identity);
        caught["host_header"] = json!(server.address.to_string());
        made(&standin, &caught);
        ask(&standin, path, &credentials("ann", "open sesame")).body
    };
    let whole = caught("/caught", &identity);
    let text = String::from_utf8(whole.clone()).unwrap();
    let replaced = |from: &str, to: &str| {
        let tampered = text.replacen(from, to, 1);
        assert_ne!(tampered, text, "{from}");
        status_of(&server, tampered.as_bytes())
    };
    assert_eq!(replaced("X-Remote-User: ann", "X-Remote-User: root"), 403);
    assert_eq!(replaced("X-Remote-User: ann", "X-Remote-User: ann\r\nX-Remote-User: root"), 403);
    assert_eq!(replaced("X-Remote-User: ann\r\n", ""), 403);
    assert_eq!(replaced("GET / ", "GET /other "), 403);
    assert_eq!(replaced("GET / ", "GET /?x "), 403);
    assert_eq!(replaced("GET / ", "POST / "), 403);
    assert_eq!(replaced("X-Forwarded-For: 127", "X-Forwarded-For: 128"), 403);
    assert_eq!(replaced("Signature: ", "X-Signature: "), 403);
    assert_eq!(replaced("Host: ", "Host: a."), 403);
    let unsigned: String = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Signature")).collect();
    assert_eq!(status_of(&server, unsigned.as_bytes()), 403);
    assert_eq!(status_of(&verifier(&files, 120), &whole), 403, "too late");
    assert_eq!((status_of(&server, &whole), status_of(&server, &whole)), (200, 403), "once, and not again");

    let others = Files::new();
    others.write_keys(&[("k1", KEY_2)]);
    let wrong = json!({ "basic": files.basic(), "headers": headers, "sign": others.sign("k1") });
    assert_eq!(status_of(&server, &caught("/wrong", &wrong)), 403, "a key of that name, and not that key");
    let tagged = json!({ "sign": { "keys_file": files.keys(), "key_id": "k1", "tag": "else" } });
    assert_eq!(status_of(&server, &caught("/tagged", &tagged)), 403, "signed for something else");
}

#[test]
fn keys_are_rotated_without_a_refused_request() {
    let (files, standin) = (Files::new(), Standin::start());
    let server = verifier(&files, 0);
    let signed_with = |key_id| {
        let identity = json!({ "headers": { "X-Remote-User": "demo" }, "sign": files.sign(key_id) });
        let put = standin.admin().put("app", &mount("/app", &server.url(), &identity));
        assert!(matches!(put.status, 200 | 201), "{}", put.value);
    };
    let status = || ask(&standin, "/app", "").status;
    signed_with("k1");
    assert_eq!(status(), 200);
    // Both know the new key, then it signs, then the old one goes.
    files.write_keys(&[("k1", KEY_1), ("k2", KEY_2)]);
    assert_eq!(status(), 200);
    signed_with("k2");
    assert_eq!(status(), 200);
    files.write_keys(&[("k2", KEY_2)]);
    assert_eq!(status(), 200);
    // A key that signs and goes all the same is missed, and said to be.
    files.write_keys(&[("k1", KEY_1)]);
    eventually("the key is missed", || status() == 500);
    files.write_keys(&[("k2", KEY_2)]);
    eventually("it is there again", || status() == 200);
}

#[test]
fn a_request_that_is_sent_again_is_signed_again() {
    let files = Files::new();
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            if conn.index == 0 && request.line().contains("second") {
                return;
            }
            conn.answer(request.head);
        }
    });
    let standin = Standin::start();
    made(&standin, &mount("/app", &origin.url(), &json!({ "sign": files.sign("k1") })));
    let mut client = Raw::connect(standin.front);
    let first = client.get("/app/first").body;
    let again = client.get("/app/second").body;
    assert_eq!(origin.connections(), 2);
    let lost = origin.received(0).split_off(first.len());
    assert!(lost.starts_with(b"GET /second"));
    let nonces = [first, lost, again].map(|head| {
        let input = value(&head, "Signature-Input").unwrap();
        let nonce = input.split_once("nonce=\"").unwrap().1.split('"').next().unwrap();
        assert_eq!(nonce.len(), 22, "128 bits");
        (nonce.to_owned(), value(&head, "Signature").unwrap().to_owned())
    });
    assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2] && nonces[0] != nonces[2]);
    assert!(nonces[1].0 != nonces[2].0 && nonces[1].1 != nonces[2].1, "nothing of the lost one is used again");
}

#[test]
fn signatures_of_others_pass_and_content_and_upgrades_go_with_a_signature() {
    let (files, origin, standin) = (Files::new(), mirror(), Standin::start());
    made(&standin, &mount("/app", &origin.url(), &json!({ "sign": files.sign("k1") })));
    let lines = "Signature-Input: theirs=(\"@method\"), standin=()\r\nSignature: theirs=:AA==:, standin=:AA==:\r\n";
    let told = ask(&standin, "/app", lines).body;
    assert_eq!(values(&told, "Signature")[0], b"theirs=:AA==:");
    assert_eq!((values(&told, "Signature").len(), values(&told, "Signature-Input").len()), (2, 2));
    let mut client = Raw::connect(standin.front);
    client.send("POST /app HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert!(value(&client.response().body, "Signature").is_some());
    // What a client says of where it comes from is passed on by a transparent
    // mount, and never signed.
    let host = origin.address.to_string();
    let transparent = json!({ "kind": "transparent", "match": { "path": "/t" }, "force_host": host,
        "identity": { "headers": { "X-Remote-User": "demo" }, "sign": files.sign("k1") } });
    made(&standin, &transparent);
    let told = ask(&standin, "/t", "X-Forwarded-For: 1.2.3.4\r\n").body;
    assert_eq!(value(&told, "X-Forwarded-For"), Some("1.2.3.4"));
    let input = value(&told, "Signature-Input").unwrap();
    assert!(
        input.starts_with("standin=(\"@method\" \"@authority\" \"@path\" \"@query\" \"x-remote-user\");"),
        "{input}"
    );
}

#[test]
fn the_verifier_keeps_to_the_vectors() {
    scripts::run("signature_vectors.py", &[]);
}

#[test]
fn the_command_line_makes_such_a_mount() {
    let (files, standin) = (Files::new(), Standin::start());
    let key = format!("{}:k1", files.keys().display());
    let users = files.users();
    let arguments =
        ["mount", "add", "/app", "http://127.0.0.1:1/", "--id", "app", "--basic-auth", users.to_str().unwrap()];
    let more = ["--identity-header", "X-Remote-User: {user}", "--identity-header", "X-Team: blue", "--sign", &key];
    let made = standin.launch.run(&[&arguments[..], &more].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(
        standin.admin().get("/v1/mounts/app").value["identity"],
        json!({
            "basic": { "htpasswd_file": users, "realm": "standin" },
            "headers": { "X-Remote-User": "{user}", "X-Team": "blue" },
            "sign": { "keys_file": files.keys(), "key_id": "k1", "expires_s": 30, "tag": "standin" },
        })
    );
}

#[test]
fn a_token_that_may_only_read_learns_nothing_of_files() {
    let standin = Standin::start();
    let admin = standin.admin();
    let made = admin.call("POST", "/v1/tokens").json(&json!({ "name": "reader", "read_only": true })).send();
    let reader = admin.with_token(made.value["token"].as_str().unwrap());
    let regular = |file: &str| {
        json!({
            "id": "a", "kind": "regular", "match": { "path": "/a" }, "address": "https://127.0.0.1:1/",
            "tls": { "ca_file": file }, "identity": { "basic": { "htpasswd_file": file, "realm": "x" } },
        })
    };
    let calls = |admin: &Admin, mount: &Value| {
        let many = json!({ "mounts": [mount] });
        let mut single = mount.clone();
        single.as_object_mut().unwrap().remove("id");
        [
            admin.call("POST", "/v1/mounts?dry_run=true").json(mount).send(),
            admin.call("PUT", "/v1/mounts/a?dry_run=true").json(mount).send(),
            admin.call("PATCH", "/v1/mounts/b?dry_run=true").json(&single).send(),
            admin.call("POST", "/v1/import?dry_run=true").json(&many).send(),
            admin.call("PUT", "/v1/mounts?owner=x&dry_run=true").json(&many).send(),
        ]
    };
    let other = json!({ "kind": "regular", "match": { "path": "/b" }, "address": "https://127.0.0.1:1/" });
    assert_eq!(admin.put("b", &other).status, 201);
    for file in ["/nonexistent/file", "/etc", "/etc/hosts"] {
        for refused in calls(&admin, &regular(file)) {
            assert_eq!(refused.status, 422, "{}", refused.value);
        }
        for tried in calls(&reader, &regular(file)) {
            assert_eq!(tried.status, 200, "{file}: {}", tried.value);
        }
    }
}
