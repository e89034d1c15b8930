//! The mapping, value by value, and that it never does harm.

use super::*;
use crate::message::Fields;
use proptest::prelude::*;

/// Between `http://public.example` with that prefix and that upstream.
fn between(prefix: &str, address: &str) -> Mapping {
    between_at("public.example", prefix, address)
}

fn between_at(public: &str, prefix: &str, address: &str) -> Mapping {
    let (authority, base) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    Mapping::new(
        Arc::new(Upstream::new("http", Authority::parse(authority.as_bytes()), format!("/{base}").as_bytes())),
        Arc::new(Public {
            scheme: "http",
            authority: (!public.is_empty()).then(|| public.as_bytes().into()),
            prefix: prefix.as_bytes().into(),
        }),
        None,
    )
}

fn check(mapping: &Mapping, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let mapped = mapping.to_public(value.as_bytes()).unwrap_or_else(|| value.as_bytes().to_vec());
        assert_eq!(mapped.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string(), "{value}");
    }
}

/// Values that stay as they are.
fn check_unchanged(mapping: &Mapping, values: &[&str]) {
    for value in values {
        assert_eq!(mapping.to_public(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn the_vectors_of_httpd() {
    let mapping = between("/mirror/foo", "http://backend.example.com/");
    check(
        &mapping,
        &[
            // As httpd.
            ("http://backend.example.com/quux", "http://public.example/mirror/foo/quux"),
            ("http://BACKEND.example.com/quux", "http://public.example/mirror/foo/quux"),
            ("https://backend.example.com/quux", "https://backend.example.com/quux"),
            ("quux", "quux"),
            // Better: without a path the root is meant (RFC 9110 §4.2.3).
            ("http://backend.example.com", "http://public.example/mirror/foo/"),
            // Better: 80 is the port where none is written.
            ("http://backend.example.com:80/quux", "http://public.example/mirror/foo/quux"),
            // Better: these name the same place, and would lose the prefix.
            ("/quux", "/mirror/foo/quux"),
            ("//backend.example.com/quux", "//public.example/mirror/foo/quux"),
            // Better: with a rule for `/` httpd takes any host for the upstream.
            ("http://anyhost/quux", "http://anyhost/quux"),
            // Better: httpd has no boundary.
            ("http://backend.example.com.evil/x", "http://backend.example.com.evil/x"),
        ],
    );
}

#[test]
fn a_base_is_left_out_on_a_segment_boundary() {
    check(
        &between("/p", "http://b:9000/base/"),
        &[
            ("http://b:9000/base/x?q=/base/#f", "http://public.example/p/x?q=/base/#f"),
            ("/base/x", "/p/x"),
            ("/base/", "/p/"),
            ("/base", "/p"),
            ("/base?q", "/p?q"),
            ("/base#f", "/p#f"),
            ("/base//x", "/p//x"),
            ("/b%61se/%7Ex", "/p/%7Ex"),
            ("/base/a;b=c,d", "/p/a;b=c,d"),
            ("/base/caf\u{e9} x", "/p/caf\u{e9} x"),
            ("HTTP://B.:9000/base/x", "http://public.example/p/x"),
        ],
    );
    check_unchanged(
        &between("/p", "http://b:9000/base/"),
        &["/", "/based", "/base;v=1", "/other/base/x", "/Base/x", "/base%2Fx", "http://b:9000/", "http://b/base/x"],
    );
    check(
        &between("", "http://b/base/"),
        &[("/base", "/"), ("/base/", "/"), ("http://b/base", "http://public.example/")],
    );
    check(&between("/p", "http://b/a%2Fb/"), &[("/a%2fb/x", "/p/x")]);
    check_unchanged(&between("/p", "http://b/a%2Fb/"), &["/a/b/x"]);
}

#[test]
fn dot_segments_are_resolved_before_anything_is_compared() {
    let mapping = between("/p", "http://b/base/");
    check(
        &mapping,
        &[
            ("/base/a/../b", "/p/b"),
            ("/base/./x", "/p/x"),
            ("/x/../base/y", "/p/y"),
            ("/base/a/..", "/p/"),
            ("http://b/base/a/../../base/c?../d", "http://public.example/p/c?../d"),
        ],
    );
    check_unchanged(
        &mapping,
        &["/base/../other", "/base/..", "/base/%2e%2e/other", "/base/x/..%2f..", "/base/..;x/y", "http://b/base/../x"],
    );
}

#[test]
fn a_path_never_becomes_a_host() {
    check(
        &between("", "http://b/base/"),
        &[
            ("/base//evil.example/x", "/.//evil.example/x"),
            ("http://b/base//x", "http://public.example//x"),
            ("//b/base//x", "//public.example//x"),
        ],
    );
    check_unchanged(&between("", "http://b/base/"), &["/base/\t/evil.example", "/base/\\evil.example"]);
}

#[test]
fn what_can_be_read_in_two_ways_is_left_alone() {
    check_unchanged(
        &between("/p", "http://b/"),
        &[
            "",
            "x",
            "../x",
            "?q",
            "#f",
            "./",
            "http:x",
            "http:/x",
            "http:///x",
            "///x",
            "//",
            "http://",
            "http://u:p@b/x",
            "http://b@evil.example/x",
            "http://b:+80/x",
            "http://b:0/x",
            "http://b:99999/x",
            "http://b:80:80/x",
            "http://b\\x",
            "http://b/\\x",
            "/\\evil.example",
            "\\/x",
            "http://b x/",
            " /x",
            "ftp://b/x",
            "mailto:b@b",
            "javascript:x",
            "httpx://b/",
            "http://[::1/x",
        ],
    );
}

#[test]
fn addresses_are_compared_as_addresses() {
    check(
        &between("/p", "http://[2001:db8::1]:9000/"),
        &[("http://[2001:0DB8:0:0::1]:9000/x", "http://public.example/p/x")],
    );
    check(&between("/p", "http://127.0.0.1/"), &[("http://127.1:80/x", "http://public.example/p/x")]);
    check_unchanged(&between("/p", "http://127.0.0.1/"), &["http://127.0.0.11/x", "http://localhost/x"]);
}

#[test]
fn what_names_the_public_host_stays() {
    check_unchanged(&between("/p", "http://b/"), &["http://public.example/x", "//public.example/p/x"]);
    check(&between_at("public.example:8443", "/p", "http://b/"), &[("//b/x", "//public.example:8443/p/x")]);
}

/// The mapping of a mount that passes the client's host on.
fn passing_host(prefix: &str, base: &str) -> Mapping {
    let mapping = between(prefix, &format!("http://b{base}"));
    Mapping { host: Some(b"public.example"[..].into()), ..mapping }
}

#[test]
fn an_upstream_that_was_sent_the_clients_host_goes_by_it_too() {
    check(
        &passing_host("/p", "/"),
        &[
            ("http://public.example/x", "http://public.example/p/x"),
            // One that knows the prefix too is right already.
            ("http://public.example/p/x", "http://public.example/p/x"),
            ("http://b/x", "http://public.example/p/x"),
        ],
    );
    check(&passing_host("", "/app/"), &[("http://public.example/app/x", "http://public.example/x")]);
    check_unchanged(&passing_host("", "/app/"), &["http://public.example/x"]);
    check_unchanged(&passing_host("", "/"), &["http://public.example/x", "/x", "//public.example/x"]);
}

#[test]
fn for_a_client_that_named_no_host_a_path_is_enough() {
    let mapping = between_at("", "/p", "http://b/base/");
    check(&mapping, &[("http://b/base/x", "/p/x"), ("//b/base/x?q", "/p/x?q"), ("/base/x", "/p/x")]);
    check(&between_at("", "", "http://b/base/"), &[("http://b/base//x", "/.//x")]);
}

#[test]
fn a_destination_goes_the_other_way() {
    let mapping = between("/p", "http://b:9000/base/");
    for (value, expected) in [
        ("http://public.example/p/x", Some("http://b:9000/base/x")),
        ("http://PUBLIC.example:80/p/x%20y?q", Some("http://b:9000/base/x%20y?q")),
        ("//public.example/p/x", Some("//b:9000/base/x")),
        ("/p/x", Some("/base/x")),
        ("/p", Some("/base/")),
        ("/p/a/../x", Some("/base/x")),
        ("/p/../x", None),
        ("/px", None),
        ("/base/x", None),
        ("https://public.example/p/x", None),
        ("http://elsewhere.example/p/x", None),
        ("http://b:9000/base/x", None),
        ("x", None),
    ] {
        let mapped = mapping.to_upstream(value.as_bytes(), b"b:9000");
        assert_eq!(mapped.map(|mapped| String::from_utf8(mapped).unwrap()).as_deref(), expected, "{value}");
    }
}

fn rewritten(name: &str, value: &str) -> String {
    let mut fields = Fields::default();
    fields.push(name.as_bytes(), value.as_bytes());
    rewrite_reply(&mut fields, &between("/p", "http://b/base/"));
    String::from_utf8(fields.iter().next().unwrap().value.to_vec()).unwrap()
}

#[test]
fn every_field_that_holds_urls_is_rewritten() {
    for (name, value, expected) in [
        ("Location", "/base/x", "/p/x"),
        ("lOCATION", "/base/x", "/p/x"),
        ("Content-Location", "http://b/base/x", "http://public.example/p/x"),
        ("Destination", "/base/x", "/p/x"),
        ("URI", "/base/x", "/p/x"),
        ("URI", "<http://b/base/x>;vary=\"a,b\", <y>", "<http://public.example/p/x>;vary=\"a,b\", <y>"),
        ("Refresh", "5; url=/base/x", "5; url=/p/x"),
        ("Refresh", "0;URL='http://b/base/x' ", "0;URL='http://public.example/p/x' "),
        ("Refresh", "1.5 , Url = \"/base/x\"; y", "1.5 , Url = \"/p/x\"; y"),
        ("Refresh", "5; /base/url=x", "5; /p/url=x"),
        ("Refresh", "5; url=\"/base/x", "5; url=\"/p/x"),
        ("Refresh", "5", "5"),
        ("Refresh", "/base/x", "/base/x"),
        ("Refresh", "5; url=", "5; url="),
        ("Link", "</base/x>; rel=preload", "</p/x>; rel=preload"),
        (
            "Link",
            "</base/a>; title=\"</base/x>, \\\"<\"; rel=next ,, <b>, <http://b/base/c>",
            "</p/a>; title=\"</base/x>, \\\"<\"; rel=next ,, <b>, <http://public.example/p/c>",
        ),
        ("Link", "</base/a, </base/b>", "</base/a, </base/b>"),
        ("Link", "</base/a>, nonsense, </base/b>", "</p/a>, nonsense, </base/b>"),
        ("Link", "", ""),
        ("X-Location", "/base/x", "/base/x"),
    ] {
        assert_eq!(rewritten(name, value), expected, "{name}: {value}");
    }
}

#[test]
fn a_list_of_links_does_not_grow_without_bound() {
    let many = "</base>,".repeat(1000);
    let mut fields = Fields::default();
    fields.push(b"Link", many.as_bytes());
    rewrite_reply(&mut fields, &between(&format!("/{}", "p".repeat(100)), "http://b/base/"));
    assert_eq!(fields.iter().next().unwrap().value, many.as_bytes());
}

/// What looks like a reference, with much that is odd.
fn values() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "http",
        "https",
        ":",
        "/",
        "//",
        "b",
        "base",
        "p",
        "public.example",
        ".",
        "..",
        "%2e",
        "%2F",
        "\\",
        "@",
        "?",
        "#",
        ";",
        "<",
        ">",
        ",",
        "\"",
        "'",
        "\t",
        "[::1]",
        ":80",
        "url=",
        "5",
        " ",
        "é",
    ];
    let odd = any::<u8>().prop_filter("no field has these", |byte| !matches!(byte, 0 | b'\r' | b'\n'));
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => odd.prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_comes_is_left_or_lies_below_the_prefix(value in values(), root in any::<bool>()) {
        let mapping = between(if root { "" } else { "/p" }, "http://b/base/");
        if let Some(mapped) = mapping.to_public(&value) {
            let path = mapped.strip_prefix(b"http:").unwrap_or(&mapped);
            let path = path.strip_prefix(b"//public.example").unwrap_or(path);
            prop_assert!(path.starts_with(&mapping.public.prefix) && path.starts_with(b"/"), "{}", mapped.escape_ascii());
            prop_assert!(!path.starts_with(b"//") || mapped.len() > path.len(), "{}", mapped.escape_ascii());
            prop_assert!(!path.iter().any(u8::is_ascii_control));
            // And it goes back to where it came from.
            let back = mapping.to_upstream(&mapped, b"b");
            prop_assert!(back.is_some(), "{}", mapped.escape_ascii());
        }
    }

    #[test]
    fn what_does_not_name_the_base_stays_in_every_field(value in values()) {
        let text = String::from_utf8_lossy(&value).replace("base", "bass").into_bytes();
        for name in ["Location", "URI", "Refresh", "Link"] {
            let mut fields = Fields::default();
            fields.push(name.as_bytes(), &text);
            rewrite_reply(&mut fields, &between("/p", "http://b/base/"));
            prop_assert_eq!(fields.iter().next().unwrap().value, &text[..]);
        }
    }

    #[test]
    fn only_the_urls_of_a_list_change(value in values()) {
        let mut fields = Fields::default();
        fields.push(b"Link", &[b"</base/x>; a=\"", &value[..], b"\""].concat());
        rewrite_reply(&mut fields, &between("/p", "http://b/base/"));
        prop_assert!(fields.iter().next().unwrap().value.starts_with(b"</p/x>; a=\""));
    }
}
