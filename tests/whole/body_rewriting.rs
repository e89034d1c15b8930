//! What a mount's `rewrite.body` does to the content of replies, and what it
//! leaves as it is.

use crate::common::client::{Delimited, Raw, request};
use crate::common::gate::Gate;
use crate::common::origin::{Conn, Origin};
use crate::common::process::Standin;
use crate::common::programs::curl_output;
use crate::common::wire::End;
use flate2::write::GzEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

const FROM: &str = "http://backend/";
const TO: &str = "https://public.example/";

/// What rewriting a large body may add to the resident memory.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

/// A server whose mount `/` leads to that origin and rewrites HTML and events.
fn in_front_of(origin: &Origin) -> Standin {
    in_front_of_with(origin, json!([{ "media_types": ["text/html", "text/event-stream"], "from": FROM, "to": TO }]))
}

fn in_front_of_with(origin: &Origin, rules: Value) -> Standin {
    let standin = Standin::start();
    let mount = json!({ "kind": "regular", "address": origin.url(), "rewrite": { "body": rules } });
    let made = standin.admin().post(&mount);
    assert_eq!(made.status, 201, "{}", made.value);
    standin
}

/// A head of 200 with those lines and a body of known length behind it.
fn sized(lines: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn html(body: &str) -> Vec<u8> {
    sized("Content-Type: text/html\r\n", body.as_bytes())
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// What Python makes of a gzip body, with a message of its own where it is none.
fn gunzip_in_python(coded: &[u8]) -> Vec<u8> {
    let script = "import gzip,sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    let mut python =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(coded).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "Python does not read it");
    output.stdout
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn a_page_is_rewritten_and_its_head_is_mended() {
    let page = format!("<a href={FROM}a><a href='{FROM}'>http://backend</a>");
    let lines = "Content-Type: text/HTML; charset=utf-8\r\nETag: \"v1\"\r\nLast-Modified: Mon, 01 Jan 2024 00:00:00 \
                 GMT\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\nContent-Digest: sha-256=:x:\r\n";
    let origin = Origin::sending_case_and_staying(&[sized(lines, page.as_bytes()), html("plain")]);
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    let response = client.get("/0");
    assert_eq!((response.text(), response.delimited), (page.replace(FROM, TO).as_str(), Delimited::Chunked));
    assert_eq!(
        text(&response.head),
        "HTTP/1.1 200 OK\\r\\nContent-Type: text/HTML; charset=utf-8\\r\\nETag: W/\\\"v1\\\"\\r\\n\
         Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
    );
    assert_eq!(client.get("/1").text(), "plain", "both connections go on");
    assert_eq!(origin.connections(), 1);
    assert_eq!(curl_output(&[&format!("http://{}/0", standin.front)]), page.replace(FROM, TO).into_bytes());
}

#[test]
fn a_match_is_found_across_every_border_of_chunks_and_segments() {
    let page = format!("a{FROM}b{FROM}{FROM}c http://backend");
    let chunked = |size: usize| {
        let mut message = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for piece in page.as_bytes().chunks(size) {
            message.extend(format!("{:x}\r\n", piece.len()).bytes());
            message.extend_from_slice(piece);
            message.extend_from_slice(b"\r\n");
        }
        [&message[..], b"0\r\n\r\n"].concat()
    };
    let cases: Vec<Vec<u8>> = (1..page.len()).map(chunked).collect();
    let count = cases.len();
    let sent = html(&page);
    // Behind the cases: the page cut in two segments, at each byte.
    let origin = Origin::serve(move |mut conn: Conn| {
        while let Some(request) = conn.request() {
            let number: usize = request.target()[1..].parse().unwrap();
            match cases.get(number) {
                Some(case) => conn.send(case),
                None => {
                    let (first, rest) = sent.split_at(sent.len() - 1 - (number - cases.len()));
                    conn.send(first);
                    // The proxy has most likely read it by then.
                    std::thread::yield_now();
                    conn.send(rest);
                }
            }
        }
    });
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for number in 0..count + page.len() - 1 {
        assert_eq!(client.get(&format!("/{number}")).text(), page.replace(FROM, TO), "case {number}");
    }
}

#[test]
fn an_http_1_0_client_gets_the_rewritten_page_up_to_the_end_of_the_connection() {
    let origin = Origin::sending(html(&format!("<{FROM}>")));
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = client.response();
    assert_eq!((response.text(), response.delimited), (format!("<{TO}>").as_str(), Delimited::Close));
    assert_eq!(response.field("Content-Length"), None);
}

#[test]
fn a_page_in_gzip_is_rewritten_and_any_reader_of_gzip_reads_it() {
    let page = format!("<a href={FROM}>{}</a>{FROM}", "words and words ".repeat(10_000));
    let lines = "Content-Type: text/html\r\nContent-Encoding: gzip\r\nETag: \"v1\"\r\n";
    let (start, rest) = page.split_at(12);
    let members = [gzip(start.as_bytes()), gzip(rest.as_bytes())].concat();
    let empty = sized(lines, b"");
    let origin = Origin::sending_case_and_staying(&[
        sized(lines, &gzip(page.as_bytes())),
        sized(lines, &members),
        empty.clone(),
    ]);
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for path in ["/0", "/1"] {
        let response = client.get(path);
        assert_eq!((response.field("Content-Encoding"), response.field("ETag")), (Some("gzip"), Some("W/\"v1\"")));
        assert_eq!(response.delimited, Delimited::Chunked);
        assert!(gunzip_in_python(&response.body) == page.replace(FROM, TO).as_bytes(), "{path}");
    }
    assert_eq!(text(&client.get("/2").head), text(&empty), "nothing is not rewritten");
    let url = format!("http://{}/0", standin.front);
    assert!(curl_output(&["--compressed", &url]) == page.replace(FROM, TO).as_bytes());
}

#[test]
fn what_is_not_to_be_rewritten_passes_byte_for_byte() {
    let page = format!("<{FROM}>");
    let with = |lines: &str| sized(lines, page.as_bytes());
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"x\"\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{page}\r\n0\r\n\r\n",
        page.len()
    );
    let partial = [
        b"HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-16/50\r\nContent-Length: 17\r\n\r\n",
        page.as_bytes(),
    ]
    .concat();
    let cases = [
        with("Content-Type: text/plain\r\nETag: \"x\"\r\nAccept-Ranges: bytes\r\n"),
        with("Content-Type: text/html\r\nContent-Encoding: br\r\nETag: \"x\"\r\n"),
        with("Content-Type: text/html\r\nContent-Encoding: gzip, br\r\nContent-MD5: x\r\n"),
        with("Content-Type: text/html\r\nCache-Control: max-age=60, no-transform\r\nDigest: x\r\n"),
        with("Content-Type: text/html; charset=UTF-16\r\n"),
        with("ETag: \"x\"\r\n"),
        partial,
        b"HTTP/1.1 204 No Content\r\nContent-Type: text/html\r\nETag: \"x\"\r\n\r\n".to_vec(),
        b"HTTP/1.1 304 Not Modified\r\nContent-Type: text/html\r\nETag: \"x\"\r\nContent-Length: 17\r\n\r\n".to_vec(),
        chunked.into_bytes(),
    ];
    let origin = Origin::sending_case_and_staying(&cases);
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    for (number, case) in cases.iter().enumerate() {
        client.send(request("GET", &format!("/{number}")));
        assert_eq!(text(&client.part(case.len())), text(case), "case {number}");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_head_request_and_one_that_forbids_transforming_are_answered_as_they_were() {
    let page = format!("<{FROM}>");
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"x\"\r\nContent-Length: {}\r\n\r\n", page.len());
    let origin = {
        let (head, page) = (head.clone(), page.clone());
        Origin::serve(move |mut conn| {
            while let Some(request) = conn.request() {
                conn.send(&head);
                if !request.line().starts_with("HEAD") {
                    conn.send(&page);
                }
            }
        })
    };
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(request("HEAD", "/"));
    assert_eq!(text(&client.response_to_head().head), text(head.as_bytes()));
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nCache-Control: no-transform\r\nAccept-Encoding: br\r\nRange: bytes=0-\r\n\r\n",
    );
    let response = client.response();
    assert_eq!((text(&response.head), response.text()), (text(head.as_bytes()), page.as_str()));
    let received = text(&origin.received(0));
    assert!(received.contains("Accept-Encoding: br\\r\\nRange: bytes=0-\\r\\n"), "asked as it came: {received}");
    client.send(request("POST", "/"));
    assert_eq!(client.response().text(), page.replace(FROM, TO), "any other method is rewritten");
}

#[test]
fn an_upstream_is_asked_for_the_whole_in_a_coding_that_can_be_read() {
    let origin = Origin::answering("");
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(
        "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, deflate, br;q=0.9, zstd\r\nRange: bytes=0-9\r\n\
         If-Range: \"x\"\r\nIf-None-Match: W/\"x\"\r\n\r\n",
    );
    client.response();
    let received = text(&origin.received(0));
    assert!(received.contains("\\r\\nAccept-Encoding: gzip\\r\\nIf-None-Match: W/\\\"x\\\"\\r\\n"), "{received}");
    assert!(!received.contains("Range"), "{received}");
    client.send("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br\r\n\r\n");
    client.response();
    client.get("/");
    let received = text(&origin.received(0));
    assert_eq!(received.matches("Accept-Encoding: identity\\r\\n").count(), 1, "none where none came: {received}");
}

/// A stream of events, each sent once the one before it has reached the client.
fn events(coding: &str, parts: Vec<Vec<u8>>) -> (Origin, Gate) {
    let seen = Gate::new();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{coding}Transfer-Encoding: chunked\r\n\r\n");
    let origin = {
        let seen = seen.clone();
        Origin::serve(move |mut conn| {
            conn.request().unwrap();
            conn.send(&head);
            for (index, part) in parts.iter().enumerate() {
                seen.wait_for(index);
                conn.send([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
            }
            conn.send("0\r\n\r\n");
        })
    };
    (origin, seen)
}

/// The content of the next chunk.
fn chunk(client: &mut Raw) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(client.part(1));
    }
    let size = usize::from_str_radix(std::str::from_utf8(&line[..line.len() - 2]).unwrap(), 16).unwrap();
    let content = client.part(size);
    assert_eq!(client.part(2), b"\r\n");
    content
}

#[test]
fn events_arrive_one_by_one() {
    let event = |number: usize| format!("data: {number} {FROM}\n\n");
    let (origin, seen) = events("", (0..5).map(|number| event(number).into_bytes()).collect());
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    client.head();
    for number in 0..5 {
        let (expected, mut event) = (event(number).replace(FROM, TO), Vec::new());
        while event.len() < expected.len() {
            event.extend(chunk(&mut client));
        }
        assert_eq!(text(&event), text(expected.as_bytes()));
        seen.arrive();
    }
    assert_eq!(chunk(&mut client), b"", "the last chunk");
}

#[test]
fn events_in_gzip_arrive_one_by_one() {
    let event = |number: usize| format!("data: {number} {FROM}\n\n");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut parts: Vec<Vec<u8>> = (0..5)
        .map(|number| {
            encoder.write_all(event(number).as_bytes()).unwrap();
            encoder.flush().unwrap();
            std::mem::take(encoder.get_mut())
        })
        .collect();
    parts.push(encoder.finish().unwrap());
    let (origin, seen) = events("Content-Encoding: gzip\r\n", parts);
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
    client.head();
    let mut inflate = Decompress::new(false);
    let mut is_first = true;
    for number in 0..5 {
        let (expected, mut event) = (event(number).replace(FROM, TO), Vec::with_capacity(4096));
        while event.len() < expected.len() {
            let content = chunk(&mut client);
            // Behind the ten bytes of the header.
            let coded = if std::mem::take(&mut is_first) { &content[10..] } else { &content[..] };
            inflate.decompress_vec(coded, &mut event, FlushDecompress::Sync).unwrap();
        }
        assert_eq!(text(&event), text(expected.as_bytes()));
        seen.arrive();
    }
}

#[test]
fn gzip_that_breaks_off_or_is_none_aborts_the_reply() {
    let lines = "Content-Type: text/html\r\nContent-Encoding: gzip\r\n";
    let good = gzip("some content ".repeat(10_000).as_bytes());
    let mut corrupt = good.clone();
    let last = corrupt.len() - 5;
    corrupt[last] ^= 1;
    let cases = [
        sized(lines, &good[..good.len() - 3]),
        sized(lines, &corrupt),
        sized(lines, &[&good[..], b"behind"].concat()),
        sized(lines, b"<html>no gzip</html>"),
    ];
    let origin = Origin::sending_case_and_staying(&cases);
    let standin = in_front_of(&origin);
    for number in 0..cases.len() {
        let mut client = Raw::connect(standin.front);
        client.send(request("GET", &format!("/{number}")));
        assert!(client.try_response().is_err(), "case {number} must not look whole");
        let mut client = Raw::connect(standin.front);
        client.send(format!("GET /{number} HTTP/1.0\r\n\r\n"));
        assert_eq!(client.rest().1, End::Reset, "nor case {number} up to the end of the connection");
        assert_eq!(Raw::connect(standin.front).get("/fine").text(), "/fine");
    }
}

#[test]
fn trailers_pass_but_those_that_no_longer_fit() {
    let message = |media_type: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n\
             f\r\n{FROM}\r\n0\r\nContent-Digest: a\r\nETag: \"b\"\r\nServer-Timing: c\r\nx-checksum-crc: d\r\n\r\n"
        )
    };
    let origin = Origin::sending_case_and_staying(&[message("text/html"), message("text/plain")]);
    let standin = in_front_of(&origin);
    let mut client = Raw::connect(standin.front);
    let mut trailers = |path: &str| {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n"));
        let response = client.response();
        (response.text().to_owned(), text(&response.trailers))
    };
    assert_eq!(trailers("/0"), (TO.to_owned(), "Server-Timing: c\\r\\n".to_owned()));
    let all = "Content-Digest: a\\r\\nETag: \\\"b\\\"\\r\\nServer-Timing: c\\r\\nx-checksum-crc: d\\r\\n";
    assert_eq!(trailers("/1"), (FROM.to_owned(), all.to_owned()));
}

#[test]
fn a_slow_reader_of_a_large_rewritten_body_stops_the_upstream_at_flat_memory() {
    const LINES: usize = 1024 * 1024;
    const LINE_BYTES: usize = 64;
    let line = format!("{:<63}\n", format!("see {FROM}and more"));
    assert_eq!(line.len(), LINE_BYTES);
    let (blocked, read) = (Gate::new(), Gate::new());
    let origin = {
        let (blocked, read, block) = (blocked.clone(), read.clone(), line.repeat(1024));
        Origin::serve(move |mut conn| {
            conn.request().unwrap();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ";
            // Zeros first, of which nobody knows how many go.
            let zeros_max = 64 * 1024 * 1024;
            conn.send(format!("{head}{}\r\n\r\n", zeros_max + LINES * LINE_BYTES));
            let zeros = conn.send_until_blocked(zeros_max);
            assert!(zeros < 16 * 1024 * 1024, "the upstream was not stopped: {zeros}");
            blocked.arrive();
            read.wait();
            conn.send(vec![0; zeros_max - zeros]);
            for _ in 0..LINES / 1024 {
                conn.send(&block);
            }
        })
    };
    let standin = in_front_of(&origin);
    let before = standin.rss_kib();
    let mut client = Raw::connect_narrowly(standin.front);
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.head();
    blocked.wait();
    read.arrive();
    let mut left = 64 * 1024 * 1024;
    while left > 0 {
        let count = left.min(1 << 20);
        assert!(client.part(count).iter().all(|byte| *byte == 0));
        left -= count;
    }
    let expected = line.replace(FROM, TO).repeat(1024);
    for _ in 0..LINES / 1024 {
        assert!(client.part(expected.len()) == expected.as_bytes());
    }
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
    let growth = standin.rss_peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "the memory grew by {growth} KiB");
}

#[test]
fn rules_are_checked_filled_in_and_count_at_once() {
    let origin = Origin::sending_case_and_staying(&[html("one two three")]);
    let standin = in_front_of_with(&origin, json!([{ "from": "one", "to": "1" }]));
    let admin = standin.admin();
    let mut client = Raw::connect(standin.front);
    assert_eq!(client.get("/0").text(), "1 two three");
    let id = admin.get("/v1/mounts").value["mounts"][0]["id"].as_str().unwrap().to_owned();
    let shown = admin.get(&format!("/v1/mounts/{id}")).value;
    assert_eq!(shown["rewrite"]["body"], json!([{ "media_types": ["text/html"], "from": "one", "to": "1" }]));
    let with = |rules: Value| json!({ "kind": "regular", "address": origin.url(), "rewrite": { "body": rules } });
    let rules = json!([{ "from": "two", "to": "" }, { "media_types": ["text/*"], "from": "t", "to": "T" }]);
    assert_eq!(admin.put(&id, &with(rules)).status, 200);
    assert_eq!(client.get("/0").text(), "one  Three");
    let refused = admin.put(&id, &with(json!([{ "from": "", "to": "x" }, { "media_types": ["HTML"], "from": "a" }])));
    assert_eq!(refused.status, 422, "{}", refused.value);
    assert_eq!(refused.pointers(), ["/rewrite/body/0/from", "/rewrite/body/1/media_types/0", "/rewrite/body/1/to"]);
}
