//! Paste Deploy files: served, imported, and compared with Paste itself.

use crate::common::client::Raw;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use crate::common::scripts;
use serde_json::{Value, json};

fn path_of(launch: &Launch, name: &str) -> String {
    launch.home().join(name).to_str().unwrap().to_owned()
}

fn write(launch: &Launch, name: &str, text: &str) -> String {
    std::fs::write(launch.home().join(name), text).unwrap();
    path_of(launch, name)
}

fn ask(standin: &Standin, request: &str) -> (u16, String) {
    let mut client = Raw::connect(standin.front);
    client.send(request);
    let response = client.response();
    (response.status, response.text().to_owned())
}

fn get(standin: &Standin, path: &str) -> (u16, String) {
    ask(standin, &format!("GET {path} HTTP/1.1\r\nHost: any\r\nX-Forwarded-For: 6.6.6.6\r\nCookie: a=b\r\n\r\n"))
}

/// Answers with the request's target and those of its fields that matter here.
fn telling(name: &'static str) -> Origin {
    Origin::serve(move |mut conn| {
        while let Some(request) = conn.request() {
            let field = |name| request.field(name).unwrap_or("none").to_owned();
            conn.answer(format!("{name} {} {} {}", request.target(), field("x-forwarded-for"), field("cookie")));
        }
    })
}

fn complete(site: &Origin, orgs: &Origin) -> String {
    format!(
        "[DEFAULT]\nbackend = {}\n[server:main]\nuse = egg:Paste#http\nhost = 127.0.0.1\nport = 0\n\
         [composite:main]\nuse = egg:Paste#urlmap\n/ = site\n/orgs = pipe\n\
         [pipeline:pipe]\npipeline = log orgs\n[filter:log]\nuse = egg:Paste#translogger\n\
         [app:orgs]\nuse = egg:Paste#proxy\naddress = http://%(backend)s/exist/rest/\n\
         allowed_request_methods = GET HEAD\nsuppress_http_headers = cookie\n\
         [app:site]\nuse = orgs\naddress = {}\n",
        orgs.address,
        site.url()
    )
}

/// With the address that the file names.
fn launch() -> Launch {
    Launch::with_data_dir().with(&["--admin", "127.0.0.1:0"])
}

#[test]
fn a_file_is_served_as_it_stands() {
    let (site, orgs) = (telling("site"), telling("orgs"));
    let launch = launch();
    let path = write(&launch, "f.ini", &complete(&site, &orgs));
    let standin = launch.with(&["--paste", &path]).start();
    assert_eq!(get(&standin, "/orgs/x?q"), (200, "orgs /exist/rest/x?q 127.0.0.1 none".into()));
    assert_eq!(get(&standin, "/other"), (200, "site /other 127.0.0.1 none".into()));
    let refused = ask(&standin, "DELETE /orgs HTTP/1.1\r\nHost: any\r\n\r\n");
    assert!(refused.0 == 400 && refused.1.contains("Disallowed"), "{refused:?}");
    let notes = standin.launch.complaints();
    for line in ["f.ini:13: info: the filter 'log'", "f.ini: fixed: ", "2 mounts, 0 warnings"] {
        assert!(notes.contains(line), "{line}: {notes}");
    }
    let changed = standin.admin().delete("orgs");
    assert_eq!(changed.status, 409, "what the file says is changed in the file: {}", changed.value);
}

#[test]
fn a_file_that_cannot_be_served_is_refused_with_all_that_is_wrong() {
    let launch = launch();
    let path = write(
        &launch,
        "bad.ini",
        "[composite:main]\nuse = egg:Paste#urlmap\n/a = static\n/b = open\n/c = nobody\n\
         [app:static]\nuse = egg:Paste#static\n[app:open]\nuse = egg:Paste#proxy\n",
    );
    let refused = launch.clone().with(&["--paste", &path]).try_start().err().unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    for line in ["bad.ini:5: error: ", "bad.ini:6: error: ", "bad.ini:8: error: ", "3 errors"] {
        assert!(refused.stderr.contains(line), "{line}: {}", refused.stderr);
    }
    let missing = launch.with(&["--paste", "/nowhere.ini"]).try_start().err().unwrap();
    assert!(missing.code == Some(2) && missing.stderr.contains("/nowhere.ini"), "{missing:?}");
}

#[test]
fn a_file_is_imported_once_and_a_dry_run_changes_nothing() {
    let (site, orgs) = (telling("site"), telling("orgs"));
    let standin = Standin::start();
    let launch = &standin.launch;
    let path = write(launch, "main.ini", "[pipeline:main]\npipeline = config:sub.ini\n");
    write(launch, "sub.ini", &complete(&site, &orgs));
    let run = |arguments: &[&str]| {
        let output = launch.run(&[&["import", "paste", &path], arguments].concat());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let revision = || standin.admin().get("/v1/mounts").value["revision"].clone();
    let (code, said, notes) = run(&["--dry-run"]);
    assert_eq!(code, Some(0), "{notes}");
    assert!(said.contains("created    orgs  /orgs") && said.contains("nothing was changed"), "{said}");
    assert!(notes.contains("sub.ini:13: info: "), "{notes}");
    assert_eq!((revision(), get(&standin, "/orgs").0), (json!(0), 404));

    let (code, said, _) = run(&[]);
    assert!(code == Some(0) && said.contains("created    site  /\n"), "{said}");
    assert_eq!(get(&standin, "/orgs/x").1, "orgs /exist/rest/x 127.0.0.1 none");
    let made = revision();
    let (code, said, _) = run(&["--json"]);
    let again: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &again["unchanged"], &again["created"]), (Some(0), &json!(["site", "orgs"]), &json!([])));
    assert!(!again["notes"].as_array().unwrap().is_empty());
    assert_eq!(revision(), made);

    // One mount of the import is in the way: none is made.
    write(
        launch,
        "sub.ini",
        "[composite:main]\nuse = egg:Paste#urlmap\n/new = new\n/orgs = new\n[app:new]\nuse = egg:Paste#proxy\naddress = http://h/\n",
    );
    let (code, _, told) = run(&[]);
    assert!(code == Some(3) && told.contains("'orgs' answers for /orgs already"), "{told}");
    assert_eq!((revision(), get(&standin, "/new").1.contains("site /new")), (made, true));
    write(launch, "sub.ini", "[app:main]\nuse = egg:Paste#static\n");
    let (code, _, told) = run(&[]);
    assert!(code == Some(2) && told.contains("sub.ini:1: error: "), "{told}");
}

#[test]
fn the_api_takes_a_file_or_a_list() {
    const INI: &str = "text/x-paste-ini";
    let origin = telling("origin");
    let standin = Standin::start();
    let admin = standin.admin();
    let import = |query: &str, media_type: &str, content: &str| {
        admin.call("POST", &format!("/v1/import{query}")).content(media_type, content.as_bytes()).send()
    };
    let file = format!(
        "[app:main]\nuse = egg:Paste#proxy\naddress = {}\nfilter-with = f\n[filter:f]\nuse = egg:Paste#gzip\n",
        origin.url()
    );
    let dry = import("?dry_run=true", INI, &file);
    assert_eq!((dry.status, &dry.value["created"], &dry.value["dry_run"]), (200, &json!(["main"]), &json!(true)));
    assert_eq!(get(&standin, "/").0, 404);
    let done = import("", INI, &file);
    assert_eq!((done.status, &done.value["created"]), (200, &json!(["main"])));
    assert!(
        done.value["notes"].as_array().unwrap().iter().any(|note| note["line"] == 5 && note["severity"] == "warning")
    );
    assert_eq!(get(&standin, "/").0, 200);

    let wrong = import("", INI, "[app:main]\nuse = egg:Paste#proxy\naddress = h\ncolour = red\n");
    assert_eq!(wrong.status, 422);
    let lines: Vec<&Value> = wrong.value["errors"].as_array().unwrap().iter().map(|fault| &fault["line"]).collect();
    assert_eq!(lines, [4], "{}", wrong.value);
    let named = import("", INI, "[app:main]\nuse = config:/etc/passwd\n");
    assert!(named.status == 422 && named.value.to_string().contains("standin import paste"), "{}", named.value);

    let mounts = json!({ "mounts": [
        { "id": "main", "kind": "regular", "address": origin.url() },
        { "id": "two", "kind": "regular", "match": { "path": "/two" }, "address": origin.url() },
    ] });
    let list = import("", "application/json", &mounts.to_string());
    assert_eq!((list.status, &list.value["created"], &list.value["updated"]), (200, &json!(["two"]), &json!(["main"])));
    let bad = json!({ "mounts": [{ "id": "x", "kind": "regular", "address": "http://h/" }, { "kind": "regular", "address": 5 }] });
    let bad = import("", "application/json", &bad.to_string());
    assert_eq!((bad.status, bad.pointers()), (422, vec!["/mounts/1/id", "/mounts/1/address"]));
    // Two spellings are one path, and a file that is not there is told at once.
    let regular = |id: &str, path: &str| json!({ "id": id, "kind": "regular", "match": { "path": path }, "address": "http://h/" });
    let twice =
        import("", "application/json", &json!({ "mounts": [regular("a", "/x"), regular("b", "/%78")] }).to_string());
    assert_eq!((twice.status, twice.pointers()), (422, vec!["/mounts/1/match"]));
    let taken = import("", "application/json", &json!({ "mounts": [regular("a", "/two")] }).to_string());
    assert_eq!(taken.status, 409);
    assert!(taken.detail().starts_with("nothing was imported: "), "{}", taken.detail());
    let mut guarded = regular("c", "/c");
    guarded["identity"] = json!({ "basic": { "htpasswd_file": "/nowhere" } });
    for query in ["", "?dry_run=true"] {
        let missing =
            import(query, "application/json", &json!({ "mounts": [regular("a", "/x"), guarded] }).to_string());
        assert_eq!((missing.status, missing.pointers()), (422, vec!["/mounts/1/identity/basic/htpasswd_file"]));
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        assert_eq!(import("", media_type, &file).status, 415, "{media_type}");
    }
    assert_eq!(import("", "application/json", "{}").status, 400);
    assert_eq!(import("?dry_run=maybe", INI, &file).status, 400);
    assert_eq!(import("", INI, &"#\n".repeat(600_000)).status, 413);
    assert_eq!(admin.get("/v1/import").status, 405);
    assert_eq!(admin.get("/v1/mounts").value["mounts"].as_array().unwrap().len(), 2);
}

#[test]
fn paste_itself_makes_the_same_of_the_same_files() {
    let standin = Standin::start();
    let (front, admin) = (standin.front.to_string(), standin.admin_address().to_string());
    scripts::run("paste_deploy.py", &[&front, &admin, &standin.token()]);
}
