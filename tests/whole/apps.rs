//! Real applications behind a prefix: WebDAV, and Flask with what it knows of
//! its public URL. What a script checks stands in `tests/whole/apps`.

use crate::common::process::Standin;
use crate::common::programs::{curl, curl_output};
use crate::common::scripts::{Server, run};
use serde_json::{Value, json};

/// An application, and Standin with a mount to it.
struct Mounted {
    _app: Server,
    standin: Standin,
    path: &'static str,
}

impl Mounted {
    /// `path` leads to `base` of the application.
    fn of(app: Server, path: &'static str, base: &str, more: Value) -> Self {
        let standin = Standin::start();
        let address = format!("http://{}{base}", app.address);
        let mut mount = json!({ "kind": "regular", "match": { "path": path }, "address": address });
        mount.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = standin.admin().post(&mount);
        assert_eq!(made.status, 201, "{}", made.value);
        Self { _app: app, standin, path }
    }

    /// Ends with a slash.
    fn url(&self) -> String {
        format!("http://{}{}/", self.standin.front, self.path)
    }
}

fn flask(base: &str) -> Server {
    Server::start_with("../apps/flask_server.py", &[base])
}

#[test]
fn webdav_works_where_the_path_is_the_backends_and_host_is_kept() {
    let app = Server::start("../apps/dav_server.py");
    let mounted = Mounted::of(app, "/dav", "/dav/", json!({ "host_header": "preserve" }));
    run("../apps/dav_client.py", &[&mounted.url(), "/dav/"]);
}

#[test]
fn webdav_moves_to_where_the_client_says_under_a_prefix_of_its_own() {
    let app = Server::start("../apps/dav_server.py");
    let mounted = Mounted::of(app, "/office/files", "/dav/", json!({ "rewrite": { "location": true } }));
    run("../apps/dav_client.py", &[&mounted.url(), "/dav/"]);
}

#[test]
fn flask_works_under_a_prefix_that_it_is_told() {
    let mounted = Mounted::of(flask("/"), "/shop", "/", json!({}));
    run("../apps/flask_client.py", &[&mounted.url(), &mounted.url()]);
}

#[test]
fn flask_keeps_its_sessions_where_prefix_and_base_differ() {
    let mounted = Mounted::of(flask("/base"), "/shop", "/base/", json!({ "rewrite": { "cookies": true } }));
    run("../apps/flask_client.py", &[&mounted.url(), &mounted.url()]);
}

#[test]
fn flask_works_under_a_prefix_of_which_it_knows_nothing() {
    let told =
        ["x_forwarded_host", "x_forwarded_proto", "x_forwarded_prefix"].map(|name| (name.to_owned(), "off".into()));
    let more = json!({ "rewrite": { "location": true, "cookies": true }, "forwarded": Value::Object(told.into_iter().collect()) });
    for base in ["/", "/base"] {
        let app = flask(base);
        let believed = format!("http://{}{}/", app.address, base.trim_end_matches('/'));
        let mounted = Mounted::of(app, "/shop", base, more.clone());
        run("../apps/flask_client.py", &[&mounted.url(), &believed]);
    }
}

#[test]
fn curl_follows_flasks_redirects_and_keeps_its_cookies() {
    let mounted = Mounted::of(flask("/"), "/shop", "/", json!({}));
    let url = mounted.url();
    for form in ["absolute", "path", "relative"] {
        let args = ["-L", "-w", " %{url_effective}", &format!("{url}go/{form}")];
        assert_eq!(String::from_utf8(curl_output(&args)).unwrap(), format!("target {url}target"));
    }
    let jar = mounted.standin.launch.home().join("jar");
    let jar = jar.to_str().unwrap();
    let logged_in = curl_output(&["-L", "-c", jar, "-b", jar, "-d", "name=somebody", &format!("{url}login")]);
    assert_eq!(logged_in, b"somebody");
    assert_eq!(curl_output(&["-b", jar, &format!("{url}me")]), b"somebody");
    let failed = curl(&["-o", "/dev/null", "-w", "%{http_code}", &format!("{url}fail")]).output().unwrap();
    assert_eq!(failed.stdout, b"500");
}
