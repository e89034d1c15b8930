//! Request content that is malformed, cut off, or slow to come: whatever the
//! client is told, the upstream never takes it for whole.

use super::Stage;
use crate::common::gate::Gate;
use crate::common::origin::Origin;

/// A server whose upstream must never see a whole request.
fn before_an_upstream_that_sees_no_whole_request() -> Stage {
    Stage::before(Origin::serve(|mut conn| {
        assert!(conn.request().is_none(), "a whole request came of a broken one");
    }))
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[test]
fn a_malformed_chunk_is_refused_and_the_upstream_sees_no_whole_body() {
    let stage = before_an_upstream_that_sees_no_whole_request();
    let sizes = [
        "",
        "0x5",
        "+5",
        "-1",
        "5_0",
        "5g",
        " 5",
        "5 ",
        "\t5",
        "5\t",
        "zz",
        "00000000000000005",
        "10000000000000000",
        "5.",
        "5,",
    ];
    stage.all_refused("B8 row 39", 400, &sizes.map(|size| chunked(&format!("{size}\r\nhello\r\n0\r\n\r\n"))));
    stage.all_refused("B8 row 39", 400, &sizes.map(|size| chunked(&format!("5\r\nhello\r\n{size}\r\n\r\n"))));
    let data = [
        // Longer and shorter than the size.
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        // Lines that end otherwise.
        "5\nhello\n0\n\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\n\rX",
    ];
    stage.all_refused("B8 row 40", 400, &data.map(chunked));
    let extensions = [
        ";",
        ";;a",
        ";a=",
        ";=b",
        ";a b",
        ";a\x01",
        ";a=\x01",
        ";a=\"\x01\"",
        ";a=\"b",
        ";a\rb",
        ";a=\"\r\n\"",
        " ;a",
        ";a\x7f",
    ];
    stage.all_refused(
        "B8 row 42",
        400,
        &extensions.map(|extension| chunked(&format!("5{extension}\r\nhello\r\n0\r\n\r\n"))),
    );
    let trailers = ["Content Length: 5", "no trailer", "A : b", "A: b\r\n c", "A: b\0", ": b"];
    stage.all_refused("B8 row 43", 400, &trailers.map(|line| chunked(&format!("5\r\nhello\r\n0\r\n{line}\r\n\r\n"))));
}

/// Chunks of one byte whose extensions are `extension_bytes` each.
fn with_extensions(count: usize, extension_bytes: usize) -> String {
    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(extension_bytes - 1));
    chunked(&format!("{}0\r\n\r\n", chunk.repeat(count)))
}

/// A body behind which come that many trailers of `bytes` in all.
fn with_trailers(count: usize, bytes: usize) -> String {
    let short = "A: b\r\n".repeat(count - 1);
    let long = format!("A: {}\r\n", "x".repeat(bytes - short.len() - "A: \r\n".len()));
    chunked(&format!("0\r\n{short}{long}\r\n"))
}

#[test]
fn extensions_and_trailers_beyond_the_bounds_are_refused() {
    const EXTENSION: usize = 256;
    const EXTENSIONS: usize = 16 * 1024;
    const TRAILER: usize = 8 * 1024;
    let stage = before_an_upstream_that_sees_no_whole_request();
    stage.refused("B8 row 41, B3", 400, with_extensions(1, EXTENSION + 1));
    stage.refused("B8 row 41, B3", 400, with_extensions(EXTENSIONS / EXTENSION + 1, EXTENSION));
    stage.refused("B8 row 41, B3", 400, chunked(&format!("1;{}", "e".repeat(1 << 20))));
    stage.refused("B8 row 43, B3", 431, with_trailers(1, TRAILER + 1));
    stage.refused("B8 row 43, B3", 431, with_trailers(33, TRAILER));
    stage.refused("B8 row 43, B3", 431, chunked(&format!("0\r\nA: {}", "x".repeat(1 << 20))));
    drop(stage);

    let stage = Stage::new();
    for fits in [
        with_extensions(1, EXTENSION),
        with_extensions(EXTENSIONS / EXTENSION, EXTENSION),
        with_trailers(1, TRAILER),
        with_trailers(32, TRAILER),
    ] {
        assert_eq!(stage.answer_to(&fits).text(), "quiet", "{}", &fits[..100]);
    }
    let received = stage.quiet.received(0).escape_ascii().to_string();
    assert!(!received.contains(";e"), "B8 row 41: an extension is for one hop: {received}");
}

#[test]
fn trailers_never_become_fields() {
    let stage = Stage::new();
    let forbidden =
        "Content-Length: 3\r\nTransfer-Encoding: gzip\r\nHost: evil\r\nAuthorization: evil\r\nX-Any: evil\r\n";
    // B8 row 43, without and with TE.
    for te in ["", "TE: trailers\r\nConnection: TE\r\n"] {
        let sent = format!(
            "POST / HTTP/1.1\r\nHost: h\r\n{te}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{forbidden}\r\n"
        );
        let mut client = stage.client();
        client.send(&sent);
        assert_eq!(client.response().text(), "quiet");
        assert_eq!(client.get("/plain").text(), "plain", "what follows is the next request");
    }
    for index in 0..stage.quiet.connections() {
        let received = stage.quiet.received(index);
        assert!(received.ends_with(b"5\r\nhello\r\n0\r\n\r\n"), "{}", received.escape_ascii());
    }
}

#[test]
fn a_body_that_ends_early_is_never_whole_upstream() {
    let stage = before_an_upstream_that_sees_no_whole_request();
    // B8 row 44
    for (number, sent) in [
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n",
        "POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = stage.client();
        client.send(sent);
        stage.quiet.wait_for_connections(number + 1);
        client.finish();
        let response = client.response();
        assert_eq!((response.status, response.field("Connection")), (400, Some("close")), "{sent:?}");
        client.expect_closed();
    }
    assert_eq!(stage.answer_to("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n").text(), "plain");
}

#[test]
fn a_body_that_is_reset_is_never_whole_upstream() {
    let stage = before_an_upstream_that_sees_no_whole_request();
    // B8 row 44
    let mut client = stage.client();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    stage.quiet.wait_for_connections(1);
    client.reset();
    assert_eq!(stage.answer_to("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n").text(), "plain");
}

#[test]
fn a_length_costs_nothing_until_the_bytes_come() {
    const LENGTH: u64 = 1 << 53;
    let stage = before_an_upstream_that_sees_no_whole_request();
    let before = stage.standin.rss_kib();
    // B8 row 56: the longest length that there can be.
    let mut clients: Vec<_> = (0..64)
        .map(|_| {
            let mut client = stage.client();
            client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LENGTH}\r\n\r\nx"));
            client
        })
        .collect();
    stage.quiet.wait_for_connections(clients.len());
    let growth = stage.standin.rss_kib().saturating_sub(before);
    assert!(growth < 64 * 128, "64 of them made the memory grow by {growth} KiB");
    for client in &mut clients {
        client.finish();
        assert_eq!(client.response().status, 400);
    }
}

#[test]
fn a_final_answer_instead_of_100_ends_the_connection_unless_the_body_was_read() {
    let may_answer = Gate::new();
    let stage = Stage::before({
        let may_answer = may_answer.clone();
        Origin::serve(move |mut conn| {
            while let Some(head) = conn.head() {
                if head.starts_with(b"PUT /read ") {
                    may_answer.wait();
                    let body = conn.body(&head).unwrap();
                    conn.answer(body);
                } else {
                    conn.answer("no");
                }
            }
        })
    });
    let expecting =
        |target| format!("PUT {target} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    // B8 row 46: the body comes without being waited for, and is read.
    let mut client = stage.client();
    client.send(expecting("/read") + "body");
    may_answer.arrive();
    let read = client.response();
    assert_eq!((read.status, read.text(), read.field("Connection")), (200, "body", None));
    // It does not come. Whether what follows is the body nobody can tell.
    client.send(expecting("/unread"));
    let unread = client.response();
    assert_eq!((unread.text(), unread.field("Connection")), ("no", Some("close")));
    client.send("GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
    client.expect_closed();
}

#[test]
fn a_client_of_http_1_0_gets_no_100() {
    let stage = Stage::before(Origin::serve(|mut conn| {
        while let Some(head) = conn.head() {
            conn.send("HTTP/1.1 100 Continue\r\n\r\n");
            let body = conn.body(&head).unwrap();
            conn.answer(body);
        }
    }));
    // B8 row 46
    let answer = stage.answer_to("PUT / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!((answer.status, answer.text()), (200, "body"));
}
