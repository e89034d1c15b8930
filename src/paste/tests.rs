//! Whole files: which mounts, and what is said by which line.

use super::*;
use serde_json::json;
use std::path::PathBuf;

/// Reads a file that stands beside others.
fn read_with(text: &str, entry: &str, others: &[(&str, &str)]) -> Import {
    let others: Vec<(PathBuf, String)> =
        others.iter().map(|(name, text)| (Path::new("/etc/paste").join(name), (*text).to_owned())).collect();
    let read = |path: &Path| {
        let found = others.iter().find(|(known, _)| known == path);
        found.map(|(_, text)| text.clone()).ok_or_else(|| "no such file".to_owned())
    };
    let path = Path::new("/etc/paste/f.ini");
    import(Source { name: "f.ini", path: Some(path), text, entry, served: false }, &read)
}

fn read(text: &str) -> Import {
    read_with(text, ENTRY, &[])
}

fn lines(import: &Import, severity: Severity) -> Vec<usize> {
    import.notes_of(severity).map(|note| note.line).filter(|line| *line > 0).collect()
}

/// The only error.
fn error(text: &str) -> (usize, String) {
    let import = read(text);
    let errors: Vec<&Note> = import.notes_of(Severity::Error).collect();
    let [error] = errors.as_slice() else { panic!("{text}\n{errors:#?}") };
    (error.line, error.text.clone())
}

fn sound(text: &str) -> Import {
    let import = read(text);
    assert!(!import.has_errors(), "{text}\n{:#?}", import.notes);
    import
}

/// `id match address` of each mount.
fn mounts(import: &Import) -> Vec<String> {
    assert!(!import.has_errors(), "{:#?}", import.notes);
    let shown = |mount: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let address = mount.get("address").or(mount.get("force_host")).unwrap();
        let matched = format!("{}{}", text(&mount["match"]["host"]), text(&mount["match"]["path"]));
        format!("{} {matched} {}", text(&mount["id"]), text(address))
    };
    import.mounts.iter().map(shown).collect()
}

const COMPLETE: &str = "\
[DEFAULT]
backend = server3:8680
debug = false

[server:main]
use = egg:Paste#http
host = 127.0.0.1
port = 8080

[composite:main]
use = egg:Paste#urlmap
/ = site
/orgs = pipe
domain api.example port 8080 /v1 = transparent
not_found_app = site

[pipeline:pipe]
pipeline = log orgs

[filter:log]
use = egg:Paste#translogger

[app:orgs]
use = egg:Paste#proxy
set debug = true
address = http://%(backend)s/exist/rest/
allowed_request_methods = GET HEAD
suppress_http_headers = accept-encoding cookie

[app:site]
use = orgs
address = http://127.0.0.1:9000/

[app:transparent]
use = egg:Paste#transparent_proxy
force_host = 127.0.0.1:9001
force_scheme = http
";

#[test]
fn a_file_with_every_construct_becomes_its_mounts() {
    let import = sound(COMPLETE);
    let forwarded = json!({ "x_forwarded": "off", "x_forwarded_for": "overwrite", "forwarded": "off" });
    let proxy = |id: &str, path: &str, address: &str| {
        json!({
            "id": id, "match": { "path": path }, "kind": "regular", "address": address,
            "allowed_request_methods": ["GET", "HEAD"], "disallowed_status": 400,
            "suppress_http_headers": ["accept-encoding", "cookie"], "forwarded": forwarded,
        })
    };
    let transparent = json!({
        "id": "transparent", "match": { "host": "api.example:8080", "path": "/v1" }, "kind": "transparent",
        "force_host": "127.0.0.1:9001", "force_scheme": "http",
    });
    let expected = [
        proxy("site", "/", "http://127.0.0.1:9000/"),
        proxy("orgs", "/orgs", "http://server3:8680/exist/rest/"),
        transparent,
    ];
    assert_eq!(import.mounts, expected);
    assert_eq!(import.specs.len(), 3);
    assert_eq!(import.listen, Some("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(import.summary(), "3 mounts, 0 warnings");
    // debug; the server; not_found_app; the filter; set debug; accept-encoding.
    assert_eq!(lines(&import, Severity::Info), [3, 5, 15, 20, 25, 28]);
    assert!(lines(&import, Severity::Fixed).is_empty());
    let fixed: Vec<&str> = import.notes_of(Severity::Fixed).map(|note| note.text.as_str()).collect();
    for word in ["chunks", "504", "hop-by-hop", "Forwarded", "base", "list the map"] {
        assert!(fixed.iter().any(|text| text.contains(word)), "{word}: {fixed:#?}");
    }
    assert_eq!(read(COMPLETE).notes, import.notes, "the same twice");
}

#[test]
fn a_proxy_alone_is_one_mount() {
    assert_eq!(mounts(&sound("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n")), ["main / http://h/"]);
    for same in [
        "[app:main]\npaste.app_factory = paste.proxy:make_proxy\naddress = http://h/\n",
        "[app:main]\nuse = call:paste.proxy:make_proxy\naddress = http://h/\n",
        "[application:main]\nuse = EGG:paste#proxy\naddress = http://h/\n",
        "[composite: main ]\nuse = egg:Paste#proxy\naddress: http://h/\n",
        "[app:main]\nuse = a\n[app:a]\nuse = egg:Paste#proxy\naddress = http://h/\n",
        "[app:main]\nuse = egg:Paste#proxy\nget address = a\n[DEFAULT]\na = http://h/\n",
        "[app:main]\nuse = egg:Paste#proxy\nset a = http://h/\nget address = a\n",
        "[DEFAULT]\nget address = a\nset a = http://h/\n[app:main]\nuse = egg:Paste#proxy\n",
        "[app:main]\nuse = egg:Paste#proxy\naddress = %(s)s\ns = http://h/\n[DEFAULT]\ns = x\n",
    ] {
        assert_eq!(mounts(&sound(same)), ["main / http://h/"], "{same}");
    }
}

#[test]
fn what_python_refuses_is_refused_by_line() {
    const PROXY: &str = "[app:main]\nuse = egg:Paste#proxy\n";
    for (text, line, word) in [
        (String::new(), 0, "[app:main]"),
        ("[app:other]\nuse = egg:Paste#proxy\naddress = http://h/".into(), 0, "[app:main]"),
        (PROXY.into(), 1, "address"),
        (format!("{PROXY}address = http://h/\ncolour = red"), 4, "colour"),
        (format!("{PROXY}address = /a%20b/"), 3, "%%"),
        (format!("{PROXY}address = %(nobody)s"), 3, "nobody"),
        (format!("{PROXY}get address = nobody"), 3, "nobody"),
        ("[DEFAULT]\na = 100%\n[app:main]\nuse = egg:Paste#proxy\naddress = http://h/".into(), 2, "%%"),
        ("[app:main]\naddress = http://h/".into(), 1, "use"),
        ("[app:main]\nuse = egg:Paste#static\ndocument_root = /".into(), 1, "not a proxy"),
        ("[app:main]\nuse = egg:Mine".into(), 1, "not a proxy"),
        ("[app:main]\nuse = ftp:x".into(), 2, "ftp:"),
        ("[app:main]\nuse = nobody".into(), 2, "[app:nobody]"),
        ("[app:main]\nuse = main".into(), 2, "circle"),
        ("[app:main]\nuse = a\n[app:a]\nuse = main".into(), 4, "circle"),
        ("[composite:main]\nuse = egg:Paste#urlmap\n/x = main".into(), 1, "itself"),
        ("[pipeline:main]\npipeline = a b\ncolour = red\n[filter:a]\nuse = egg:Paste#lint\n[app:b]\nuse = egg:Paste#proxy\naddress = http://h/".into(), 3, "colour"),
        ("[pipeline:main]\npipeline =".into(), 2, "empty"),
        ("[filter-app:main]\nuse = egg:Paste#lint".into(), 1, "next"),
        ("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n[composite:main]\nuse = egg:Paste#urlmap".into(), 4, "ambiguous"),
        ("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\naddress = http://i/".into(), 4, "line 3"),
    ] {
        let (found, told) = error(&text);
        assert_eq!(found, line, "{text}\n{told}");
        assert!(told.contains(word), "{text}\n{told}");
    }
}

#[test]
fn addresses_that_paste_takes_and_fails_with_are_refused() {
    for address in [
        "ftp://h/",
        "h/",
        "",
        "//h/x",
        "http://user:pw@h/",
        "http://h:abc/",
        "http:///x/",
        "http://h/b c/",
        "http://h/?q=1",
    ] {
        let (line, told) = error(&format!("[app:main]\nuse = egg:Paste#proxy\naddress = {address}\n"));
        assert_eq!(line, 3, "{address}: {told}");
    }
    let (line, told) = error("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/ ; the old one\n");
    assert!(line == 3 && told.starts_with("address"), "{told}");
}

#[test]
fn a_missing_slash_is_told_with_both_readings() {
    for (address, made, above) in
        [("http://h/base", "http://h/base", "http://h/."), ("http://h/a/b", "http://h/a/b", "http://h/a/;")]
    {
        let import = sound(&format!("[app:main]\nuse = egg:Paste#proxy\naddress = {address}\n"));
        assert_eq!(mounts(&import), [format!("main / {made}")]);
        let told = &import.notes_of(Severity::Warning).next().unwrap().text;
        assert!(told.contains(above.trim_end_matches(['.', ';'])), "{told}");
    }
    for fine in ["http://h", "http://h/", "http://h/a/"] {
        let import = sound(&format!("[app:main]\nuse = egg:Paste#proxy\naddress = {fine}\n"));
        assert!(lines(&import, Severity::Warning).is_empty(), "{fine}");
    }
}

#[test]
fn lists_are_words_as_in_paste() {
    let import = sound(
        "[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\nallowed_request_methods =\n  get\n  POST\n\
         suppress_http_headers = Cookie content-type x_foo\n",
    );
    assert_eq!(import.mounts[0]["allowed_request_methods"], json!(["get", "POST"]));
    assert_eq!(import.mounts[0]["suppress_http_headers"], json!(["Cookie"]), "the others never had an effect");
    assert_eq!(lines(&import, Severity::Warning), [7, 7]);
    let import = sound("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\nsuppress_http_headers = A,B C\n");
    assert_eq!(import.mounts[0]["suppress_http_headers"], json!(["C"]), "A,B is no field, in Paste neither");
    assert_eq!(lines(&import, Severity::Warning), [4]);
    let (line, told) =
        error("[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\nallowed_request_methods = GET,POST\n");
    assert!(line == 4 && told.contains("blanks"), "{told}");
}

#[test]
fn a_transparent_proxy_is_an_open_one_only_where_the_file_means_it() {
    let open = "[app:main]\nuse = egg:Paste#transparent_proxy\n";
    let import = sound(&format!("{open}force_scheme = https\n"));
    assert_eq!(import.mounts[0]["allowed_hosts"], json!(["*"]));
    assert_eq!(import.mounts[0].get("force_scheme"), None);
    assert_eq!(lines(&import, Severity::Warning), [1, 3]);
    assert_eq!(error(&format!("{open}force_host =\n")).0, 3);
    assert_eq!(error(&format!("{open}force_host = h\nforce_scheme = HTTP\n")).0, 4);
    assert_eq!(mounts(&sound(&format!("{open}force_host = h:81\n"))), ["main / h:81"]);
    // A key of [DEFAULT] hides the one that closes it.
    let (_, told) = error("[DEFAULT]\nforce_host = h\n[app:main]\nuse = egg:Paste#transparent_proxy\nforce_host = h\n");
    assert!(told.contains("open proxy"), "{told}");
}

#[test]
fn defaults_hide_keys_of_sections_as_in_paste() {
    let import = read("[DEFAULT]\naddress = http://d/\n[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n");
    assert_eq!(lines(&import, Severity::Error), [3]);
    assert_eq!(lines(&import, Severity::Warning), [5]);
    let import = sound(
        "[DEFAULT]\nallowed_request_methods = X\n[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n\
         allowed_request_methods = GET\n",
    );
    assert_eq!(import.mounts[0]["allowed_request_methods"], json!([]));
    assert_eq!(lines(&import, Severity::Warning), [6]);
}

#[test]
fn where_another_server_listens_is_not_guessed() {
    let import = sound(
        "[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n[server:main]\nuse = egg:gunicorn\nbind = 0.0.0.0:80\n",
    );
    assert_eq!((import.listen, lines(&import, Severity::Warning)), (None, vec![4]));
}

const APPS: &str = "[app:a]\nuse = egg:Paste#proxy\naddress = http://a/\n[app:b]\nuse = a\naddress = http://b/\n";

fn map(keys: &str) -> String {
    format!("[composite:main]\nuse = egg:Paste#urlmap\n{keys}\n{APPS}")
}

#[test]
fn keys_of_a_map_become_matches() {
    for (key, matched) in [
        ("/ = a", "/"),
        ("/foo/ = a", "/foo"),
        ("//foo//x/ = a", "/foo/x"),
        ("domain foo.com = a", "foo.com/"),
        ("domain foo.com port 80 /prefix = a", "foo.com:80/prefix"),
        ("/x domain foo.com port 8080 = a", "foo.com:8080/x"),
        ("domain foo.com prefix = a", "foo.com/prefix"),
        ("domain FOO.com = a", "foo.com/"),
        ("/a b c = a", ""),
        ("/é = a", "/%C3%A9"),
        ("/a%20b = a", "/a%2520b"),
    ] {
        let import = read(&map(key));
        if matched.is_empty() {
            assert_eq!(lines(&import, Severity::Error), [3], "{key}");
        } else {
            assert_eq!(mounts(&import), [format!("a {matched} http://a/")], "{key}");
        }
    }
    for never in ["domain foo.com port abc = a", "domain *.foo.com = a", "/a/../b = a"] {
        let import = sound(&map(never));
        assert_eq!((mounts(&import).len(), lines(&import, Severity::Warning)), (0, vec![3]), "{never}");
    }
    for wrong in ["foo = a", "http://foo.com/ = a", "port 80 /x = a", "domain = a", "/a /b = a"] {
        assert_eq!(error(&map(wrong)).0, 3, "{wrong}");
    }
    assert_eq!(lines(&sound(&map("domain FOO.com = a")), Severity::Fixed), [3]);
}

#[test]
fn of_two_keys_for_one_place_the_later_one_counts() {
    let import = sound(&map("/x = a\n/x/ = b"));
    assert_eq!(mounts(&import), ["b /x http://b/"]);
    assert_eq!(lines(&import, Severity::Warning), [3]);
}

#[test]
fn a_section_that_is_used_twice_makes_two_mounts() {
    let import = sound(&map("/x = a\n/y = b\n/z = a\ndomain h.org = a"));
    let expected = ["a /x http://a/", "b /y http://b/", "a-z /z http://a/", "a-h.org h.org/ http://a/"];
    assert_eq!(mounts(&import), expected);
}

#[test]
fn what_is_not_found_has_a_mount_unless_the_root_has_one() {
    assert_eq!(mounts(&sound(&map("/x = a\nnot_found_app = b"))), ["a /x http://a/", "b / http://b/"]);
    let import = sound(&map("/ = a\nnot_found_app = b"));
    assert_eq!(mounts(&import), ["a / http://a/"]);
    assert!(lines(&import, Severity::Info).contains(&4));
    let import = sound(&format!("[DEFAULT]\nnot_found_app = b\n{}", map("/x = a")));
    assert_eq!(mounts(&import), ["b / http://b/", "a /x http://a/"]);
}

#[test]
fn maps_within_maps_add_up() {
    let inner = "[composite:inner]\nuse = egg:Paste#urlmap\n/in = b\ndomain h.org /host = b\ndomain i.org = b\n";
    let import = sound(&format!("{}{inner}", map("/ = a\n/out = inner\ndomain h.org /h = inner")));
    let expected = ["a / http://a/", "b-h.org-h-in h.org/h/in http://b/", "b-h.org-h-host h.org/h/host http://b/"];
    let found = mounts(&import);
    for mount in expected {
        assert!(
            found.iter().any(|made| made.split_once(' ').unwrap().1 == mount.split_once(' ').unwrap().1),
            "{found:#?}"
        );
    }
    assert_eq!(found.len(), 6, "{found:#?}");
    let warned: Vec<String> = import.notes_of(Severity::Warning).map(|note| note.text.clone()).collect();
    assert!(warned.iter().any(|text| text.contains("i.org") && text.contains("h.org only")), "{warned:#?}");
    assert!(warned.iter().any(|text| text.contains("/out/x with 404")), "{warned:#?}");
}

#[test]
fn a_port_that_paste_never_asks_is_told_as_fixed() {
    let import = sound(&map("domain h.org /x = a\ndomain h.org port 8080 /x = b"));
    assert_eq!(lines(&import, Severity::Fixed), [4]);
    assert!(lines(&import, Severity::Warning).is_empty());
    let apart = sound(&map("domain h.org /x = a\ndomain i.org port 8080 /x = b"));
    assert!(lines(&apart, Severity::Fixed).is_empty());
}

#[test]
fn filters_that_guard_are_never_left_out() {
    let piped =
        |filter: &str| format!("[pipeline:main]\npipeline = f a\n[filter:f]\nuse = {filter}\nkey = value\n{APPS}");
    for guard in ["egg:Paste#auth_basic", "egg:Paste#grantip", "egg:diazo", "call:mine:filter"] {
        let (line, told) = error(&piped(guard));
        assert!(line == 3 && told.contains("'f'"), "{guard}: {told}");
    }
    for harmless in ["egg:Paste#translogger", "egg:Paste#lint", "egg:Paste#httpexceptions"] {
        let import = sound(&piped(harmless));
        assert_eq!((mounts(&import).len(), lines(&import, Severity::Warning).len()), (1, 0), "{harmless}");
        assert!(lines(&import, Severity::Info).contains(&3), "{harmless}");
    }
    for missed in ["egg:Paste#gzip", "egg:PasteDeploy#prefix", "egg:Paste#errordocument"] {
        assert_eq!(lines(&sound(&piped(missed)), Severity::Warning), [3], "{missed}");
    }
    let with =
        "[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\nfilter-with = f\n[filter:f]\nuse = egg:Paste#lint\n";
    assert_eq!(mounts(&sound(with)), ["main / http://h/"]);
    let behind = format!("{with}filter-with = g\n[filter:g]\nuse = egg:Paste#auth_tkt\n");
    assert_eq!(error(&behind).0, 8);
    let app = format!("[filter-app:main]\nuse = egg:Paste#auth_tkt\nnext = a\n{APPS}");
    assert_eq!(error(&app).0, 1);
    assert_eq!(mounts(&sound(&app.replace("auth_tkt", "lint"))), ["a / http://a/"]);
}

#[test]
fn what_is_set_over_filters_has_no_effect_as_in_paste() {
    let import = sound(
        "[app:main]\nuse = a\naddress = http://x/\n[app:a]\nuse = egg:Paste#proxy\naddress = http://a/\nfilter-with = f\n\
         [filter:f]\nuse = egg:Paste#lint\n",
    );
    assert_eq!(mounts(&import), ["a / http://a/"]);
    assert_eq!(lines(&import, Severity::Warning), [3]);
}

#[test]
fn other_files_are_read_with_the_globals_of_the_first() {
    let main = "[DEFAULT]\nbackend = outer:1\n[composite:main]\nuse = egg:Paste#urlmap\n/x = config:sub/o.ini#x\n/m = config:sub/o.ini\n";
    let other = "[app:x]\nuse = egg:Paste#proxy\naddress = http://%(backend)s/\n[app:main]\nuse = x\naddress = http://m%(here)s/\n";
    let import = read_with(main, ENTRY, &[("sub/o.ini", other)]);
    assert_eq!(mounts(&import), ["x /x http://outer:1/", "main /m http://m/etc/paste/sub/"]);
    // A default of its own wins there.
    let other = format!("[DEFAULT]\nbackend = inner:2\n{other}");
    assert_eq!(mounts(&read_with(main, ENTRY, &[("sub/o.ini", &other)]))[0], "x /x http://inner:2/");
    let broken = read_with(main, ENTRY, &[("sub/o.ini", "[app:x]\nuse = egg:Paste#static\n")]);
    assert!(broken.notes_of(Severity::Error).any(|note| note.file.ends_with("sub/o.ini") && note.line == 1));
    let missing = read(main);
    assert_eq!(lines(&missing, Severity::Error), [5, 6]);
    let text = import_text(main);
    assert!(text.notes_of(Severity::Error).all(|note| note.text.contains("standin import paste")), "{:#?}", text.notes);
    let round = [("a.ini", "[app:main]\nuse = config:b.ini\n"), ("b.ini", "[app:main]\nuse = config:a.ini\n")];
    assert!(read_with("[app:main]\nuse = config:a.ini\n", ENTRY, &round).has_errors());
}

/// Without a place of its own, as it comes to the API.
fn import_text(text: &str) -> Import {
    import(Source { name: "f.ini", path: None, text, entry: ENTRY, served: false }, &|_| unreachable!())
}

#[test]
fn another_application_can_be_chosen_and_what_is_unused_is_told() {
    let text = format!(
        "{}[loggers]\nkeys = root\n[filter:f]\nuse = egg:Paste#lint\n[app]\nuse = a\n[server:other]\nuse = egg:Paste#http\n",
        map("/ = a")
    );
    assert_eq!(mounts(&read_with(&text, "b", &[])), ["b / http://b/"]);
    let unused = lines(&sound(&text), Severity::Info);
    assert_eq!(unused, [7, 10, 12, 14, 16], "app b, loggers, filter f, [app], server other");
}

#[test]
fn the_server_says_where_to_listen() {
    let server = |keys: &str, served| {
        let text = format!(
            "{}[server:main]\nuse = egg:Paste#http\n{keys}",
            "[app:main]\nuse = egg:Paste#proxy\naddress = http://h/\n"
        );
        import(Source { name: "f.ini", path: None, text: &text, entry: ENTRY, served }, &|_| unreachable!())
    };
    for (keys, address) in [
        ("", "127.0.0.1:8080"),
        ("port = 80\n", "127.0.0.1:80"),
        ("host = 0.0.0.0\nport = 6543\n", "0.0.0.0:6543"),
        ("host = 10.0.0.1:81\n", "10.0.0.1:81"),
        ("host = ::1\n", "[::1]:8080"),
        ("host = localhost\n", "127.0.0.1:8080"),
    ] {
        assert_eq!(server(keys, true).listen, Some(address.parse().unwrap()), "{keys}");
    }
    let bounds = server("threadpool_workers = 5\nuse_threadpool = true\nfoo = bar\n", true);
    assert!(!bounds.has_errors());
    assert_eq!(lines(&bounds, Severity::Info), [4, 6, 7, 8]);
    assert!(server("host = example.org\n", true).has_errors() && server("port = x\n", true).has_errors());
    assert!(server("ssl_pem = /x\n", true).has_errors(), "what was encrypted is not served in the clear");
    assert!(!server("ssl_pem = /x\n", false).has_errors());
}

#[test]
fn a_hostile_file_ends_with_an_error_soon() {
    let proxy = "[app:main]\nuse = egg:Paste#proxy\n";
    let laughs: String =
        (0..9).map(|depth| format!("n{depth} = {}\n", format!("%(n{})s", depth + 1).repeat(100))).collect();
    let wide: String = (0..100_000).map(|key| format!("/{key} = a\n")).collect();
    let deep: String = (0..1000).map(|name| format!("[app:a{name}]\nuse = a{}\n", name + 1)).collect();
    let maps: String = (0..30)
        .map(|name| {
            let keys: String = (0..30).map(|key| format!("/{key} = m{}\n", name + 1)).collect();
            format!("[composite:m{name}]\nuse = egg:Paste#urlmap\n{keys}")
        })
        .collect();
    let nested: String = (0..40)
        .map(|map| {
            let filters: String = (0..30)
                .map(|filter| {
                    let next = if filter == 29 { format!("m{}", map + 1) } else { format!("f{map}x{}", filter + 1) };
                    format!("[filter-app:f{map}x{filter}]\nuse = egg:Paste#lint\nnext = {next}\n")
                })
                .collect();
            format!("[composite:m{map}]\nuse = egg:Paste#urlmap\n/x = f{map}x0\n{filters}")
        })
        .collect();
    let defaults: String = (0..40_000).map(|key| format!("k{key} = v\n")).collect();
    let files = [
        format!("{proxy}address = %(n0)s\n{laughs}n9 = x\n"),
        format!("{proxy}address = {}\n", "%(a)s".repeat(200_000)),
        format!("{proxy}address = {}\n", "%(".repeat(500_000)),
        map(&wide),
        format!("{proxy}{}", "x\n".repeat(500_000)),
        format!("[app:main]\nuse = a0\n{deep}"),
        format!("[app:main]\nuse = m0\n{maps}"),
        format!("[app:main]\nuse = m0\n{nested}"),
        format!("[DEFAULT]\n{defaults}{}", map(&wide[..400_000])),
        "[".repeat(1_000_000),
        format!("{proxy}address = {}\n", "a\n  ".repeat(300_000)),
    ];
    for file in files {
        let began = std::time::Instant::now();
        let import = import_text(&file);
        assert!(import.has_errors(), "{}", &file[..100]);
        assert!(import.notes.len() <= crate::limits::PASTE_NOTES_MAX + 2);
        assert!(began.elapsed().as_secs() < 20, "{:?} {}", began.elapsed(), &file[..100]);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_ends_with_mounts_or_errors(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = words.into_iter().map(|word| WORDS[word]).collect();
        let import = import_text(&text);
        let entry = import_text(&format!("{text}\n[app:main]\nuse = a\n"));
        for import in [import, entry] {
            proptest::prop_assert_eq!(import.mounts.len(), import.specs.len());
            proptest::prop_assert!(import.has_errors() || import.notes.iter().all(|note| note.line <= 80));
        }
    }
}

/// What files are made of.
const WORDS: &[&str] = &[
    "[app:main]\n",
    "[app:a]\n",
    "[composite:main]\n",
    "[pipeline:main]\n",
    "[filter:f]\n",
    "[DEFAULT]\n",
    "[server:main]\n",
    "[filter-app:a]\n",
    "use = egg:Paste#proxy\n",
    "use = egg:Paste#urlmap\n",
    "use = a\n",
    "use = egg:Paste#lint\n",
    "address = http://h/\n",
    "address = http://h/é%(b)s\n",
    "b = %(a)s\n",
    "a = x\n",
    "set a = 1\n",
    "get a = b\n",
    "next = a\n",
    "pipeline = f a\n",
    "filter-with = f\n",
    "/ = a\n",
    "/x = main\n",
    "domain h.org port 80 /é = a\n",
    "not_found_app = a\n",
    "%",
    "%(",
    " ",
    "\n",
    "\r",
    "=",
    ":",
    "[",
    "]",
    "#",
    "é",
    "port = 1\n",
    "host = ::1\n",
    "config:x#",
    "call:a:b",
    "require = x\n",
];
