//! How long a request is: said once and clearly, or refused.

use super::Stage;

/// A POST with those fields and that behind them.
fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}")
}

#[test]
fn a_length_is_digits_and_said_once() {
    let stage = Stage::new();
    let lengths = [
        "+5",
        "-1",
        "-0",
        "0x5",
        "1_0",
        "5a",
        "\"\"",
        "",
        "5;",
        "1 0",
        "5.0",
        "\"5\"",
        "9223372036854775808",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999999",
        "9007199254740993",
    ];
    stage.all_refused("B8 row 30", 400, &lengths.map(|length| post(&format!("Content-Length: {length}"), "hello")));
    let different =
        ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: 0\r\ncontent-length: 5"];
    stage.all_refused("B8 row 32", 400, &different.map(|fields| post(fields, "hello")));
    let same =
        ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5", "Content-Length: 5,", "Content-Length: ,5"];
    stage.all_refused("B8 row 33", 400, &same.map(|fields| post(fields, "hello")));
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn a_length_and_a_coding_exclude_each_other() {
    let stage = Stage::new();
    let both = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nTransfer-Encoding: identity",
        "content-length: 5\r\nTRANSFER-ENCODING: Chunked",
    ];
    stage.all_refused("B8 row 34", 400, &both.map(|fields| post(fields, "0\r\n\r\n")));
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn the_only_coding_is_chunked_and_said_once() {
    let stage = Stage::new();
    let coded = |value: &str| post(&format!("Transfer-Encoding: {value}"), "0\r\n\r\n");
    stage.all_refused(
        "B8 row 35",
        400,
        &["gzip", "xchunked", "identity", "chunked;x", "chunked;q=1", "", "chunke", "\"chunked\""].map(coded),
    );
    let odd = [
        "chunked, gzip",
        "chunked, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
        "identity\r\nTransfer-Encoding: chunked",
        ",chunked",
        "chunked,",
        "\x0bchunked",
        "chunked\x0b",
        "\0chunked",
        "gzip, chunked, chunked",
    ];
    stage.all_refused("B8 row 36", 400, &odd.map(coded));
    stage.all_refused("B8 row 37", 501, &["gzip, chunked", "identity, chunked"].map(coded));
    let old = [
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\nHost: a\r\n\r\n",
    ];
    stage.all_refused("B8 row 38", 400, &old);
    stage.check_that_upstream_heard_nothing();
}

#[test]
fn what_connection_names_is_not_what_the_message_depends_on() {
    let stage = Stage::new();
    let named = [
        "Connection: close, Host",
        "Connection: host",
        "Connection: close, X, Host, Content-Length",
        "Connection: Content-Length",
        "Connection: X\r\nConnection: CONTENT-LENGTH",
        "Connection: Transfer-Encoding",
    ];
    stage.all_refused("B8 row 49", 400, &named.map(|fields| post(&format!("Content-Length: 1\r\n{fields}"), "x")));
    stage.check_that_upstream_heard_nothing();
}
