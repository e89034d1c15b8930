//! What Paste does with what no WSGI server would hand it, and what becomes of
//! it here: joined paths, quoting, lengths, addresses. Paste's column is
//! measured by calling it; every row is the same as Paste, or fixed, because.

use super::Mark::{self, Fixed, Same};
use crate::common::client::Raw;
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};
use crate::common::process::Standin;
use crate::common::scripts::output;
use crate::common::wire::{lines, values};
use serde_json::{Value, json};

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Calls Paste. Of each call: what reached the origin, or what was raised.
fn paste(calls: &[(&str, Value, &str)], told: impl Fn(&[u8]) -> String) -> Vec<String> {
    let ended = Gate::new();
    let origin = {
        let ended = ended.clone();
        // Paste may promise more than it sends, so its end is what is awaited.
        Origin::serve(move |mut conn: Conn| {
            if conn.head().is_some() {
                conn.send(OK);
                conn.finish();
                conn.until_end();
            }
            ended.arrive();
        })
    };
    let of = |(address, environ, input): &(&str, Value, &str)| {
        let address = address.replace("ORIGIN", &origin.address.to_string());
        json!({ "address": address, "environ": environ, "input": input })
    };
    let calls = Value::Array(calls.iter().map(of).collect()).to_string();
    let outcomes: Vec<String> = serde_json::from_str(&output("../paste/calls.py", &[&calls])).unwrap();
    ended.wait_for(outcomes.iter().filter(|outcome| *outcome == "200 OK").count());
    let mut received = (0..origin.connections()).map(|index| origin.received(index));
    let mut tell = |outcome: String| if outcome == "200 OK" { told(&received.next().unwrap()) } else { outcome };
    outcomes.into_iter().map(&mut tell).collect()
}

/// An origin behind Standin, and what it gets.
struct Behind {
    origin: Origin,
    standin: Standin,
}

impl Behind {
    fn start() -> Self {
        let origin = Origin::serve(|mut conn| {
            if conn.request().is_some() {
                conn.send(OK);
            }
        });
        Self { origin, standin: Standin::start() }
    }

    fn mount(&self, host: &str, path: &str, base: &str) {
        let (matched, address) =
            (json!({ "host": host, "path": path }), format!("http://{}{base}", self.origin.address));
        let made = self.standin.admin().post(&json!({ "kind": "regular", "match": matched, "address": address }));
        assert_eq!(made.status, 201, "{}", made.value);
    }

    /// What reached the origin, or the status if it was refused.
    fn send(&self, request: &str, told: impl Fn(&[u8]) -> String) -> String {
        let before = self.origin.connections();
        let mut client = Raw::connect(self.standin.front);
        client.send(request);
        client.finish();
        match client.response().status {
            200 => {
                assert_eq!(self.origin.connections(), before + 1);
                told(&self.origin.received(before))
            }
            status => status.to_string(),
        }
    }
}

fn target(received: &[u8]) -> String {
    let line = String::from_utf8(lines(received)[0].to_vec()).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

/// The mark says what the comparison of two columns says.
fn check(mark: Mark, paste: &[&str], standin: &[&str], row: &str) {
    match mark {
        Same => assert_eq!(paste, standin, "{row} is not the same as Paste"),
        Fixed(because) => assert!(paste != standin && !because.is_empty(), "{row} is the same as Paste"),
    }
}

/// A path below five addresses.
struct Join {
    path: &'static str,
    query: &'static str,
    paste: [&'static str; 5],
    standin: [&'static str; 5],
    mark: Mark,
}

const ADDRESSES: [&str; 5] = ["", "/", "/base", "/base/", "/a/b"];

const UNFINISHED: &str = "a base is a directory, with and without a slash at its end; no target is without a path";
const SLASHES: &str = "slashes pass as they were sent, below the base";
const DOTS: &str = "what could leave the base is refused";
const RAW: &str = "the path passes as it was sent, not quoted again";
const FORM: &str = "no target is without a slash in front";

#[rustfmt::skip]
const JOINS: &[Join] = &[
    Join {
        path: "", query: "",
        paste: ["/", "/", "/base", "/base/", "/a/b"],
        standin: ["/", "/", "/base/", "/base/", "/a/b/"],
        mark: Fixed(UNFINISHED),
    },
    Join {
        path: "", query: "a=1",
        paste: ["?a=1", "/?a=1", "/base?a=1", "/base/?a=1", "/a/b?a=1"],
        standin: ["/?a=1", "/?a=1", "/base/?a=1", "/base/?a=1", "/a/b/?a=1"],
        mark: Fixed(UNFINISHED),
    },
    Join {
        path: "/", query: "",
        paste: ["/", "/", "/base", "/base/", "/a/b"],
        standin: ["/", "/", "/base/", "/base/", "/a/b/"],
        mark: Fixed(UNFINISHED),
    },
    Join {
        path: "/foo", query: "",
        paste: ["/foo", "/foo", "/foo", "/base/foo", "/a/foo"],
        standin: ["/foo", "/foo", "/base/foo", "/base/foo", "/a/b/foo"],
        mark: Fixed(UNFINISHED),
    },
    Join {
        path: "/foo/", query: "",
        paste: ["/foo/", "/foo/", "/foo/", "/base/foo/", "/a/foo/"],
        standin: ["/foo/", "/foo/", "/base/foo/", "/base/foo/", "/a/b/foo/"],
        mark: Fixed(UNFINISHED),
    },
    Join {
        path: "/foo//bar", query: "",
        paste: ["/foo//bar", "/foo/bar", "/foo/bar", "/base/foo/bar", "/a/foo/bar"],
        standin: ["/foo//bar", "/foo//bar", "/base/foo//bar", "/base/foo//bar", "/a/b/foo//bar"],
        mark: Fixed(SLASHES),
    },
    Join {
        path: "//foo", query: "",
        paste: ["//foo", "/foo", "/foo", "/foo", "/foo"],
        standin: ["//foo", "//foo", "/base//foo", "/base//foo", "/a/b//foo"],
        mark: Fixed(SLASHES),
    },
    Join {
        path: "///foo/x", query: "",
        paste: ["///foo/x", "//foo/x", "//foo/x", "//foo/x", "//foo/x"],
        standin: ["///foo/x", "///foo/x", "/base///foo/x", "/base///foo/x", "/a/b///foo/x"],
        mark: Fixed(SLASHES),
    },
    Join {
        path: "/../foo", query: "",
        paste: ["/../foo", "foo", "foo", "/foo", "/foo"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(DOTS),
    },
    Join {
        path: "/../../foo", query: "",
        paste: ["/../../foo", "foo", "foo", "foo", "foo"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(DOTS),
    },
    Join {
        path: "/a/../b", query: "",
        paste: ["/a/../b", "/b", "/b", "/base/b", "/a/b"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(DOTS),
    },
    Join {
        path: "/a/.", query: "",
        paste: ["/a/.", "/a/", "/a/", "/base/a/", "/a/a/"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(DOTS),
    },
    Join {
        path: "/a/..", query: "",
        paste: ["/a/..", "/", "/", "/base/", "/a/"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(DOTS),
    },
    Join {
        path: "/http://evil/x", query: "",
        paste: ["/http%3A//evil/x", "/http%3A/evil/x", "/http%3A/evil/x", "/base/http%3A/evil/x", "/a/http%3A/evil/x"],
        standin: ["/http://evil/x", "/http://evil/x", "/base/http://evil/x", "/base/http://evil/x", "/a/b/http://evil/x"],
        mark: Fixed(RAW),
    },
    Join {
        path: "foo", query: "",
        paste: ["foo", "/foo", "/foo", "/base/foo", "/a/foo"],
        standin: ["400", "400", "400", "400", "400"],
        mark: Fixed(FORM),
    },
    Join {
        path: "//", query: "",
        paste: ["//", "/", "/", "/", "/"],
        standin: ["//", "//", "/base//", "/base//", "/a/b//"],
        mark: Fixed(SLASHES),
    },
    Join {
        path: "///", query: "",
        paste: ["///", "/", "/base", "/base/", "/a/b"],
        standin: ["///", "///", "/base///", "/base///", "/a/b///"],
        mark: Fixed(SLASHES),
    },
];

#[test]
fn paths_are_joined_to_five_addresses_in_fifteen_ways_and_two() {
    let mut calls = Vec::new();
    let urls = ADDRESSES.map(|path| format!("http://ORIGIN{path}"));
    for join in JOINS {
        let environ = || json!({ "PATH_INFO": join.path, "QUERY_STRING": join.query });
        calls.extend(urls.iter().map(|url| (url.as_str(), environ(), "")));
    }
    let found = paste(&calls, target);
    let behind = Behind::start();
    for (index, base) in ADDRESSES.iter().enumerate() {
        behind.mount(&format!("h{index}.test"), "/", base);
        behind.mount(&format!("h{index}.test"), "/prefix", base);
    }
    for (join, found) in JOINS.iter().zip(found.chunks(ADDRESSES.len())) {
        let row = format!("{:?} {:?}", join.path, join.query);
        assert_eq!(found, join.paste, "{row} of Paste");
        for (index, expected) in join.standin.iter().enumerate() {
            let query = if join.query.is_empty() { String::new() } else { format!("?{}", join.query) };
            // At the root and behind a prefix; a path that has no slash in
            // front is only one of both.
            let at_root = (!join.path.is_empty()).then(|| join.path.to_owned());
            let at_prefix =
                (join.path.is_empty() || join.path.starts_with('/')).then(|| format!("/prefix{}", join.path));
            for path in at_root.iter().chain(&at_prefix) {
                let request = format!("GET {path}{query} HTTP/1.1\r\nHost: h{index}.test\r\n\r\n");
                assert_eq!(behind.send(&request, target), *expected, "{row}: {path} to {}", ADDRESSES[index]);
            }
        }
        check(join.mark, &join.paste, &join.standin, &row);
    }
}

#[test]
fn characters_of_a_path_pass_as_they_were_sent() {
    const REFUSED: &str = "a backslash is a slash to some servers";
    // As sent, as WSGI has it, as Paste sends it, as Standin sends it.
    let rows = [
        ("/a%20b", "/a b", "/a%20b", "/a%20b", Same),
        ("/a:b", "/a:b", "/a%3Ab", "/a:b", Fixed(RAW)),
        ("/a%3Fb", "/a?b", "/a%3Fb", "/a%3Fb", Same),
        ("/a%23b", "/a#b", "/a%23b", "/a%23b", Same),
        ("/a;p=1", "/a;p=1", "/a%3Bp%3D1", "/a;p=1", Fixed(RAW)),
        ("/a%252Fb", "/a%2Fb", "/a%252Fb", "/a%252Fb", Same),
        ("/~u", "/~u", "/~u", "/~u", Same),
        ("/a+b", "/a+b", "/a%2Bb", "/a+b", Fixed(RAW)),
        ("/@x", "/@x", "/%40x", "/@x", Fixed(RAW)),
        ("/[1]", "/[1]", "/%5B1%5D", "/[1]", Fixed(RAW)),
        ("/a\\b", "/a\\b", "/a%5Cb", "400", Fixed(REFUSED)),
        ("/*", "/*", "/%2A", "/*", Fixed(RAW)),
    ];
    let calls = rows.map(|(_, path, ..)| ("http://ORIGIN/", json!({ "PATH_INFO": path }), ""));
    let found = paste(&calls, target);
    let behind = Behind::start();
    behind.mount("h", "/", "/");
    for ((sent, path, of_paste, of_standin, mark), found) in rows.into_iter().zip(found) {
        assert_eq!(found, of_paste, "{path} of Paste");
        let request = format!("GET {sent} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(behind.send(&request, target), of_standin, "{sent}");
        check(mark, &[of_paste], &[of_standin], sent);
    }
}

/// How a request is framed and what it carries, as in `length 5: hello`.
fn framing(received: &[u8]) -> String {
    let end = memchr::memmem::find(received, b"\r\n\r\n").unwrap();
    let (head, body) = received.split_at(end + 4);
    let said = |name, word: &str| {
        values(head, name).into_iter().map(|v| format!("{word} {}", v.escape_ascii())).collect::<Vec<_>>()
    };
    let framed = [said("Transfer-Encoding", "coding"), said("Content-Length", "length")].concat();
    format!("{}: {}", framed.join(", "), body.escape_ascii())
}

#[test]
fn the_length_of_a_body_is_what_comes() {
    const UNSAID: &str = "what was not said is not added";
    const SHORT: &str = "a body that ends early is an error, not a promise that the upstream waits for";
    const NO_LENGTH: &str = "no length is negative, a word or in a field of another name";
    const STREAMED: &str = "chunks are streamed; Paste announces them and sends none";
    const SMUGGLED: &str = "two framings are how requests are smuggled";
    const WHOLE: &str = "hello world";
    let length = |text: &str| json!({ "CONTENT_LENGTH": text });
    // To Paste, what it sends; to Standin, what it sends; a mark.
    let rows = [
        (json!({}), WHOLE, "length 0: ", "\r\n", ": ", Fixed(UNSAID)),
        (length(""), WHOLE, "length 0: ", "\r\n", ": ", Fixed(UNSAID)),
        (length("0"), WHOLE, "length 0: ", "Content-Length: 0\r\n\r\n", "length 0: ", Same),
        (length("5"), WHOLE, "length 5: hello", "Content-Length: 5\r\n\r\nhello", "length 5: hello", Same),
        (length("5"), "hel", "length 5: hel", "Content-Length: 5\r\n\r\nhel", "400", Fixed(SHORT)),
        (
            length("-1"),
            WHOLE,
            "length 11: hello world",
            "Content-Length: -1\r\n\r\nhello world",
            "400",
            Fixed(NO_LENGTH),
        ),
        (
            length("-2"),
            WHOLE,
            "length -2: hello world",
            "Content-Length: -2\r\n\r\nhello world",
            "400",
            Fixed(NO_LENGTH),
        ),
        (length("abc"), WHOLE, "ValueError", "Content-Length: abc\r\n\r\n", "400", Fixed(NO_LENGTH)),
        (length(" 5"), WHOLE, "length 5: hello", "Content-Length:   5\r\n\r\nhello", "length 5: hello", Same),
        (
            json!({ "HTTP_CONTENT_LENGTH": "9" }),
            WHOLE,
            "length 9: ",
            "Content_Length: 9\r\n\r\n",
            ": ",
            Fixed(NO_LENGTH),
        ),
        (
            json!({ "HTTP_TRANSFER_ENCODING": "chunked" }),
            WHOLE,
            "coding chunked: ",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            r"coding chunked: 5\r\nhello\r\n0\r\n\r\n",
            Fixed(STREAMED),
        ),
        (
            json!({ "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "0" }),
            WHOLE,
            "coding chunked, length 0: ",
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "400",
            Fixed(SMUGGLED),
        ),
    ];
    let calls = rows.iter().map(|(environ, input, ..)| {
        let mut environ = environ.clone();
        environ["REQUEST_METHOD"] = json!("POST");
        ("http://ORIGIN/", environ, *input)
    });
    let found = paste(&calls.collect::<Vec<_>>(), framing);
    let behind = Behind::start();
    behind.mount("h", "/", "/");
    for ((environ, _, of_paste, request, of_standin, mark), found) in rows.into_iter().zip(found) {
        assert_eq!(found, of_paste, "{environ} of Paste");
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\n{request}");
        assert_eq!(behind.send(&request, framing), of_standin, "{environ}");
        check(mark, &[of_paste], &[of_standin], &environ.to_string());
    }
}

#[test]
fn an_address_that_cannot_work_is_refused_when_it_is_given() {
    const EARLY: &str = "refused at once and in words, not at each request";
    const DIRECTORY: &str = "a base is a directory";
    // What Paste does at a request, what Standin makes of it, a mark.
    let rows = [
        ("ftp://ORIGIN/", "ValueError", None, Fixed(EARLY)),
        ("ORIGIN/", "ValueError", None, Fixed(EARLY)),
        ("", "ValueError", None, Fixed(EARLY)),
        ("//ORIGIN/x", "ValueError", None, Fixed(EARLY)),
        ("http://user:pw@ORIGIN/", "gaierror", None, Fixed(EARLY)),
        ("http://user:pw@h/", "InvalidURL", None, Fixed(EARLY)),
        ("http://h:abc/", "InvalidURL", None, Fixed(EARLY)),
        ("http://h/b c/", "InvalidURL", None, Fixed(EARLY)),
        ("http://ORIGIN/?q", "/x", None, Fixed("a query that is dropped in silence is refused instead")),
        ("http://ORIGIN/#f", "/x", None, Fixed("a fragment that is dropped in silence is refused instead")),
        ("HTTP://ORIGIN/", "/x", Some("http://ORIGIN/"), Same),
        ("http://ORIGIN/base", "/x", Some("http://ORIGIN/base/"), Fixed(DIRECTORY)),
    ];
    let calls = rows.map(|(address, ..)| (address, json!({}), ""));
    let found = paste(&calls, target);
    let standin = Standin::start();
    for ((address, of_paste, taken, mark), found) in rows.into_iter().zip(found) {
        assert_eq!(found, of_paste, "{address} of Paste");
        let put = |address: &str| {
            let address = address.replace("ORIGIN", "127.0.0.1:1");
            standin.admin().put("m", &json!({ "kind": "regular", "address": address }))
        };
        let answer = put(address);
        match taken {
            None => assert_eq!((answer.status, answer.pointers()), (422, vec!["/address"]), "{}", answer.value),
            Some(url) => assert_eq!(answer.value["address"], url.replace("ORIGIN", "127.0.0.1:1"), "{}", answer.value),
        }
        assert_eq!(mark == Same, taken.is_some_and(|url| url.eq_ignore_ascii_case(address)), "{address}");
    }
}
