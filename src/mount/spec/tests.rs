//! What is read as a mount, and what is not.

use super::*;
use serde_json::json;

fn read(value: Value) -> Result<MountSpec, Vec<SpecFault>> {
    parse(&value, Id::OwnOr("made-up"))
}

/// What is written, without what has tests of its own.
fn written(spec: &MountSpec) -> Value {
    let mut value = serde_json::to_value(spec).unwrap();
    for name in [
        "disallowed_status",
        "forwarded",
        "rewrite",
        "request_headers",
        "response_headers",
        "traceparent",
        "limits",
        "timeouts",
        "enabled",
    ] {
        assert!(value.as_object_mut().unwrap().remove(name).is_some());
    }
    value
}

fn pointers(value: Value) -> Vec<String> {
    read(value).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn a_regular_mount_is_read_and_written_back() {
    let spec = read(json!({
        "kind": "regular", "match": {"host": "API.example.org:8080", "path": "/orgs/"},
        "address": "HTTP://Server3:8680/exist", "allowed_request_methods": ["GET"],
        "suppress_http_headers": ["Accept-Encoding"],
    }))
    .unwrap();
    assert_eq!(
        written(&spec),
        json!({
            "id": "made-up", "kind": "regular", "match": {"host": "api.example.org:8080", "path": "/orgs"},
            "address": "http://server3:8680/exist/", "strip_prefix": true, "host_header": "upstream", "allowed_request_methods": ["GET"],
            "suppress_http_headers": ["accept-encoding"],
        })
    );
    assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("made-up")), Ok(spec));
}

#[test]
fn a_transparent_mount_is_read_and_written_back() {
    let spec = read(json!({"id": "t", "kind": "transparent", "allowed_hosts": ["*.internal:80", "x.org"]})).unwrap();
    assert_eq!(
        written(&spec),
        json!({
            "id": "t", "kind": "transparent", "match": {"path": "/"}, "force_scheme": "http",
            "allowed_hosts": ["*.internal:80", "x.org"], "allowed_request_methods": [], "suppress_http_headers": [],
        })
    );
    assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("t")), Ok(spec));
}

#[test]
fn what_would_be_read_back_as_something_else_is_refused() {
    let regular = |member: &str, value: Value| {
        let mut mount = json!({"kind": "regular", "address": "http://h/"});
        mount[member] = value;
        mount
    };
    for (mount, pointer) in [
        (regular("address", json!("http://./")), "/address"),
        (regular("address", json!("http://a../")), "/address"),
        (regular("host_header", json!(".")), "/host_header"),
        (regular("host_header", json!("Preserve")), "/host_header"),
        (regular("host_header", json!("upstream.")), "/host_header"),
        (regular("match", json!({"host": "."})), "/match/host"),
        (regular("match", json!({"host": "*.."})), "/match/host"),
        (
            regular("rewrite", json!({"body": [{"media_types": " ", "from": "a", "to": ""}]})),
            "/rewrite/body/0/media_types",
        ),
        (json!({"kind": "transparent", "force_host": "."}), "/force_host"),
        (json!({"kind": "transparent", "allowed_hosts": ["*.."]}), "/allowed_hosts/0"),
    ] {
        assert_eq!(pointers(mount.clone()), [pointer], "{mount}");
    }
}

#[test]
fn a_path_has_one_spelling() {
    let path = |path: &str| {
        let mount = json!({"kind": "regular", "address": "http://h/", "match": {"path": path}});
        read(mount).unwrap().matches.path
    };
    assert_eq!(path("/%78/%c3%a4/a%2Fb:%3a/"), "/x/%C3%A4/a%2Fb::");
    assert_eq!(path("/%2f"), "/%2F");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    assert_eq!(
        pointers(json!({
            "id": "Bad Id", "kind": "regular", "match": {"path": "x", "colour": 1}, "address": "ftp://h/",
            "allowed_request_methods": ["GET", 5, "a b"], "suppress_http_headers": 7, "force_host": "h", "a/b~": 1,
        })),
        [
            "/a~1b~0",
            "/id",
            "/match/colour",
            "/match/path",
            "/force_host",
            "/address",
            "/allowed_request_methods/1",
            "/allowed_request_methods/2",
            "/suppress_http_headers",
        ]
    );
    assert_eq!(pointers(json!([])), [""]);
    assert_eq!(pointers(json!({})), ["/kind"]);
    assert_eq!(pointers(json!({"kind": "regular"})), ["/address"]);
}

#[test]
fn a_transparent_mount_is_an_open_proxy_only_where_it_says_so() {
    assert_eq!(pointers(json!({"kind": "transparent"})), ["/allowed_hosts"]);
    assert_eq!(pointers(json!({"kind": "transparent", "allowed_hosts": []})), ["/allowed_hosts"]);
    assert_eq!(pointers(json!({"kind": "transparent", "allowed_hosts": " "})), ["/allowed_hosts"]);
    assert!(read(json!({"kind": "transparent", "allowed_hosts": ["*"]})).unwrap().is_open(), "unless it says so");
    assert!(!read(json!({"kind": "transparent", "allowed_hosts": ["*.a"]})).unwrap().is_open());
    assert!(!read(json!({"kind": "transparent", "allowed_hosts": "*", "force_host": "h"})).unwrap().is_open());
    assert_eq!(
        pointers(json!({"kind": "transparent", "allowed_hosts": ["*.0.0.1"]})),
        Vec::<String>::from(["/allowed_hosts/0".into()])
    );
    assert!(read(json!({"kind": "transparent", "force_host": "127.0.0.1:9"})).is_ok());
}
