//! Large bodies and many requests, through nginx and Python's `http.server`.

use crate::common::client::{Raw, get, request};
use crate::common::directory::Directory;
use crate::common::nginx::Nginx;
use crate::common::pattern::Pattern;
use crate::common::process::Standin;
use crate::common::programs::{curl, curl_output, sha256_of_curl, sha256_of_file};
use crate::common::python::Python;
use serde_json::json;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write, copy};
use std::process::Stdio;

const MIB: u64 = 1024 * 1024;
const BLOCK: usize = 1024 * 1024;

/// What a transfer of any size may add to the resident memory.
const GROWTH_KIB_MAX: u64 = 16 * 1024;

fn with_nginx() -> (Standin, Nginx) {
    let (standin, nginx) = (Standin::start(), Nginx::start());
    standin.admin().mount("/files", &nginx.url());
    (standin, nginx)
}

/// A file that is mostly a hole, with patterns here and there and at its end.
fn write_sparse_file(nginx: &Nginx, name: &str, size: u64) {
    let mut file = File::create(nginx.file(name)).unwrap();
    file.set_len(size).unwrap();
    let mut pattern = Pattern::new(size);
    for block in 0..64 {
        file.seek(SeekFrom::Start(size / 64 * (block + 1) - MIB / 2)).unwrap();
        file.write_all(&pattern.block(BLOCK / 2)).unwrap();
    }
}

#[test]
fn a_gibibyte_downloads_whole_at_flat_memory() {
    let (standin, nginx) = with_nginx();
    write_sparse_file(&nginx, "gibibyte", 1024 * MIB);
    // The first exchange makes what every later one uses again.
    assert_eq!(get(standin.front, "/files/nothing").status, 404);
    let before = standin.rss_kib();
    let fetched = sha256_of_curl(&[&format!("http://{}/files/gibibyte", standin.front)]);
    assert_eq!(fetched, sha256_of_file(&nginx.file("gibibyte")));
    let growth = standin.rss_peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "the memory grew by {growth} KiB");
}

#[test]
fn a_chunked_upload_of_256_mib_arrives_byte_for_byte_at_flat_memory() {
    const SIZE: u64 = 256 * MIB;
    let (standin, nginx) = with_nginx();
    assert_eq!(get(standin.front, "/files/nothing").status, 404);
    let before = standin.rss_kib();
    let url = format!("http://{}/files/upload/large", standin.front);
    let mut sending =
        curl(&["-T", "-", "-H", "Transfer-Encoding: chunked", &url]).stdin(Stdio::piped()).spawn().unwrap();
    copy(&mut Pattern::new(7).take(SIZE), &mut sending.stdin.take().unwrap()).unwrap();
    assert!(sending.wait().unwrap().success());
    let growth = standin.rss_peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "the memory grew by {growth} KiB");

    let mut stored = File::open(nginx.file("upload/large")).unwrap();
    assert_eq!(stored.metadata().unwrap().len(), SIZE);
    let mut pattern = Pattern::new(7);
    let mut block = vec![0; BLOCK];
    for number in 0..SIZE / MIB {
        stored.read_exact(&mut block).unwrap();
        assert!(block == pattern.block(block.len()), "MiB {number} differs");
    }
}

#[test]
fn ten_thousand_requests_go_through_ten_connections() {
    let (standin, nginx) = with_nginx();
    std::fs::write(nginx.file("small"), "small file").unwrap();
    for _ in 0..10 {
        let mut client = Raw::connect(standin.front);
        for number in 1..=1000 {
            let response = client.get("/files/small");
            assert_eq!((response.status, response.text()), (200, "small file"), "request {number}");
            assert_eq!(response.field("Connection").is_some(), number == 1000, "request {number}");
        }
    }
}

#[test]
fn sixty_four_clients_at_once_get_their_own_answers() {
    let (standin, nginx) = with_nginx();
    for client in 0..64 {
        std::fs::write(nginx.file(&format!("of-{client}")), format!("for client {client}")).unwrap();
    }
    std::thread::scope(|scope| {
        for client in 0..64 {
            scope.spawn(move || {
                let mut raw = Raw::connect(standin.front);
                for number in 0..200 {
                    let response = raw.get(&format!("/files/of-{client}"));
                    let expected = (200, format!("for client {client}"));
                    assert_eq!((response.status, response.text().to_owned()), expected, "request {number}");
                }
            });
        }
    });
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let (standin, nginx) = with_nginx();
    let mut client = Raw::connect(standin.front);
    let mut requests = String::new();
    for number in 0..100 {
        std::fs::write(nginx.file(&format!("n{number}")), format!("number {number}")).unwrap();
        requests.push_str(&request("GET", &format!("/files/n{number}")));
    }
    client.send(requests);
    for number in 0..100 {
        assert_eq!(client.response().text(), format!("number {number}"));
    }
}

#[test]
fn a_range_and_a_revalidation_come_through() {
    let (standin, nginx) = with_nginx();
    std::fs::write(nginx.file("digits"), "0123456789").unwrap();
    let mut client = Raw::connect(standin.front);
    client.send("GET /files/digits HTTP/1.1\r\nHost: standin.test\r\nRange: bytes=2-4\r\n\r\n");
    let part = client.response();
    assert_eq!((part.status, part.text(), part.field("Content-Range")), (206, "234", Some("bytes 2-4/10")));
    let tag = part.field("ETag").unwrap();
    client.send(format!("GET /files/digits HTTP/1.1\r\nHost: standin.test\r\nIf-None-Match: {tag}\r\n\r\n"));
    assert_eq!(client.response().status, 304);
    assert_eq!(client.get("/files/digits").text(), "0123456789");
}

#[test]
fn clients_that_do_not_read_cost_little_and_get_all_in_the_end() {
    const CLIENTS: usize = 32;
    const SIZE: u64 = 32 * MIB;
    let (standin, nginx) = with_nginx();
    File::create(nginx.file("large")).unwrap().set_len(SIZE).unwrap();
    // The last one reads when all others have read; on a busy machine that is late.
    let patient = json!({
        "kind": "regular", "match": { "path": "/files" }, "address": nginx.url(), "timeouts": { "idle_ms": 600_000 },
    });
    let id = standin.admin().get("/v1/mounts").value["mounts"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(standin.admin().put(&id, &patient).status, 200);
    assert_eq!(get(standin.front, "/files/nothing").status, 404);
    let before = standin.rss_kib();
    let mut clients: Vec<Raw> = (0..CLIENTS)
        .map(|_| {
            let mut client = Raw::connect(standin.front);
            client.send(request("GET", "/files/large"));
            client.head();
            client
        })
        .collect();
    assert_eq!(get(standin.front, "/files/nothing").status, 404, "others are served meanwhile");
    let zeros = vec![0; BLOCK];
    for client in &mut clients {
        for _ in 0..SIZE / MIB {
            assert!(client.part(BLOCK) == zeros);
        }
    }
    let growth = standin.rss_peak_kib().saturating_sub(before);
    assert!(growth < GROWTH_KIB_MAX, "the memory grew by {growth} KiB");
}

#[test]
fn an_http_1_0_origin_comes_through_as_it_is() {
    let directory = Directory::new();
    std::fs::write(directory.join("page.txt"), Pattern::new(3).block(100_000)).unwrap();
    std::fs::create_dir(directory.join("below")).unwrap();
    let python = Python::serve(&directory);
    let standin = Standin::start();
    standin.admin().mount("/py", &python.url());
    for path in ["", "page.txt", "below/"] {
        let direct = curl_output(&[&format!("{}{path}", python.url())]);
        let proxied = curl_output(&[&format!("http://{}/py/{path}", standin.front)]);
        assert!(!direct.is_empty() && direct == proxied, "{path:?} differs");
    }
    assert_eq!(get(standin.front, "/py/nothing").status, 404);
}

#[test]
fn an_upload_that_ends_early_leaves_no_file() {
    let (standin, nginx) = with_nginx();
    let mut client = Raw::connect(standin.front);
    client.send("PUT /files/upload/half HTTP/1.1\r\nHost: standin.test\r\nContent-Length: 1000\r\n\r\nonly this");
    client.finish();
    client.rest();
    assert!(!nginx.file("upload/half").exists());
    assert_eq!(get(standin.front, "/files/upload/half").status, 404);
}
