//! Heads that are malformed or too large.

use super::Stage;
use crate::common::client::request;

fn with_host(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// A request with that between its Host and its empty line.
fn with_line(line: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", line.as_ref(), b"\r\n\r\n"].concat()
}

fn with_start(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

#[test]
fn a_request_must_name_one_sound_host() {
    let stage = Stage::new();
    stage.all_refused("B8 row 1", 400, &["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r\n"]);
    stage.all_refused(
        "B8 row 2",
        400,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ],
    );
    let cases = ["", "a b", "a/b", "u@h", "h?", "a:0", "a:99999", "a,b", "a:b", "a:80:80", "[::1", "a\u{e9}", "a#"];
    stage.all_refused("B8 row 3", 400, &cases.map(with_host));
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn a_start_line_is_a_token_a_target_and_a_version_and_single_spaces() {
    let stage = Stage::new();
    let method = ["G@T / HTTP/1.1", "(GET) / HTTP/1.1", "GET:/ HTTP/1.1", "GET, / HTTP/1.1"];
    stage.all_refused("B8 row 14", 400, &method.map(with_start));
    stage.refused("B8 row 14", 400, b"G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.refused("B8 row 14", 501, request(&"M".repeat(33), "/"));
    let spaces = [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        " GET / HTTP/1.1",
        "\tGET / HTTP/1.1",
        "GET / a HTTP/1.1",
    ];
    stage.all_refused("B8 row 15", 400, &spaces.map(with_start));
    stage.all_refused(
        "B8 row 17",
        505,
        &["HTTP/2.0", "HTTP/9.9", "HTTP/0.9"].map(|v| with_start(&format!("GET / {v}"))),
    );
    stage.refused("B8 row 17", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let versions =
        ["http/1.1", "HTTP/01.1", "HTTP/1", "HTTP/ 1.1", "HTTP/1.", "HTTP/1.10", "HTTP/1,1", "HTPP/1.1", "x"];
    stage.all_refused("B8 row 18", 400, &versions.map(|version| with_start(&format!("GET / {version}"))));
    stage.all_refused("B8 row 19", 400, &["GET /\r\n", "GET /\r\n\r\n", "GET / \r\n\r\n", "GET\r\n\r\n"]);
    stage.all_refused("B8 row 21", 400, &["\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n\r\n"]);
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn lines_end_in_crlf_and_nowhere_else() {
    let stage = Stage::new();
    stage.all_refused(
        "B8 row 22",
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    stage.all_refused(
        "B8 row 23",
        400,
        &[
            "GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n",
            "GET / HTTP/1.1\rHost: a\r\r",
            "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n",
            "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn a_field_line_is_a_token_a_colon_and_a_value() {
    let stage = Stage::new();
    stage.all_refused("B8 row 24", 400, &["A: b\r\n c", "A: b\r\n\tc", "A:\r\n b"].map(with_line));
    stage.all_refused("B8 row 25", 400, &["A : b", "A\t: b", "Content-Length : 5"].map(with_line));
    stage.all_refused("B8 row 25", 400, &["GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"]);
    stage.all_refused(
        "B8 row 26",
        400,
        &[": b", "no colon", "A(: b", "A b: c", "A\"b: c", "A/: c", "{A}: c"].map(with_line),
    );
    stage.all_refused("B8 row 26", 400, &[with_line(b"A\x80: b"), with_line(b"\xc3\xa9: b"), with_line(b"A\0: b")]);
    for byte in (0..=0x1f_u8).filter(|byte| !b"\t\r\n".contains(byte)).chain([0x7f]) {
        stage.refused("B8 row 27", 400, with_line([b"A: b", &[byte][..], b"c"].concat()));
    }
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn what_is_no_http_is_refused_at_once() {
    let stage = Stage::new();
    let client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x5b\x9d\x4c\x0a\x00\x20\x13\x02\r\n\x00\x00";
    stage.refused("B8 row 54", 400, client_hello);
    stage.all_refused("B8 row 54", 400, &["SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0", "{\"a\": 1}\n"]);
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn an_expectation_of_something_else_is_refused() {
    let stage = Stage::new();
    stage.all_refused(
        "B8 row 47",
        417,
        &[with_line("Expect: tea"), with_line("Expect: 100-continue, tea"), with_line("Expect:")],
    );
    stage.check_that_upstream_heard_nothing();
}

/// A request with a line of exactly `line_bytes`.
fn with_line_of(line_bytes: usize) -> String {
    let path = "x".repeat(line_bytes - "GET / HTTP/1.1".len());
    format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A request whose head is exactly `head_bytes` long.
fn with_head_of(head_bytes: usize) -> String {
    let frame = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n".len();
    format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(head_bytes - frame))
}

/// A request with that many fields, Host among them.
fn with_fields(count: usize) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count - 1))
}

#[test]
fn a_head_at_the_bounds_passes_and_one_beyond_is_refused() {
    const LINE: usize = 8 * 1024;
    const HEAD: usize = 32 * 1024;
    let stage = Stage::new();
    stage.refused("B8 row 12, B3", 414, with_line_of(LINE + 1));
    // Neither of these has an end: the answer does not wait for one.
    stage.refused("B8 row 12, B3", 414, "x".repeat(LINE + 1));
    stage.refused("B8 row 12, B3", 414, format!("GET /{}", "x".repeat(1 << 20)));
    stage.refused("B8 row 28, B3", 431, with_head_of(HEAD + 1));
    stage.refused("B8 row 28, B3", 431, format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}", "x".repeat(HEAD)));
    stage.refused("B8 row 28, B3", 431, format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "A: b\r\n".repeat(HEAD)));
    stage.refused("B8 row 28, B3", 431, with_fields(101));
    stage.refused("B8 row 28, B3", 431, with_fields(1000));
    stage.check_that_upstream_heard_nothing();
    for fits in [with_line_of(LINE), with_head_of(HEAD), with_fields(100)] {
        assert_eq!(stage.answer_to(&fits).text(), "quiet", "{} bytes", fits.len());
    }
}
