//! Real clients before the proxy and real servers behind it. What a script
//! checks stands in `tests/whole/clients`.

use crate::common::client::Raw;
use crate::common::directory::Directory;
use crate::common::nginx::Nginx;
use crate::common::pattern::Pattern;
use crate::common::process::Standin;
use crate::common::programs::{curl, curl_output};
use crate::common::python::Python;
use crate::common::running::{Running, Watch};
use crate::common::scripts::{Server, run};

const UPLOAD_BYTES: usize = 20 * 1024 * 1024;

/// nginx, and Standin with a mount to it.
struct Files {
    nginx: Nginx,
    standin: Standin,
}

impl Files {
    fn start() -> Self {
        let (nginx, standin) = (Nginx::start(), Standin::start());
        standin.admin().mount("/files", &nginx.url());
        Self { nginx, standin }
    }

    fn url(&self, name: &str) -> String {
        format!("http://{}/files/{name}", self.standin.front)
    }

    fn write(&self, name: &str, count: usize) -> Vec<u8> {
        let content = Pattern::new(11).block(count);
        std::fs::write(self.nginx.file(name), &content).unwrap();
        content
    }
}

/// A server, and Standin with a mount to it.
struct Mounted {
    _server: Server,
    standin: Standin,
}

impl Mounted {
    fn of(server: Server) -> Self {
        let standin = Standin::start();
        standin.admin().mount("/behind/a", &server.url());
        Self { _server: server, standin }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/behind/a/{path}", self.standin.front)
    }
}

/// What curl said on standard error, `--verbose`.
fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn upload_file(directory: &Directory) -> (String, Vec<u8>) {
    let content = Pattern::new(12).block(UPLOAD_BYTES);
    let path = directory.join("upload");
    std::fs::write(&path, &content).unwrap();
    (path.to_str().unwrap().to_owned(), content)
}

/// curl would send without being asked to, but only after longer than any
/// transfer may take.
const EXPECT: [&str; 4] = ["-H", "Expect: 100-continue", "--expect100-timeout", "1000"];

#[test]
fn curl_uploads_20_mib_when_it_is_told_to_continue() {
    let (files, directory) = (Files::start(), Directory::new());
    let (path, content) = upload_file(&directory);
    let mut command = curl(&["--verbose", "-T", &path, &files.url("upload/awaited")]);
    let output = command.args(EXPECT).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("< HTTP/1.1 100 Continue"), "{}", told(&output));
    assert!(std::fs::read(files.nginx.file("upload/awaited")).unwrap() == content);
}

#[test]
fn curl_does_not_send_what_the_server_refuses_to_take() {
    let (files, directory) = (Files::start(), Directory::new());
    let (path, _) = upload_file(&directory);
    let mut command = curl(&["--verbose", "-w", "%{http_code} %{size_upload}", "-o"]);
    let page = directory.join("page");
    let output = command.arg(&page).args(["-T", &path, &files.url("little/refused")]).args(EXPECT).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "413 0", "{}", told(&output));
    assert!(!told(&output).contains("100 Continue"), "{}", told(&output));
    assert!(std::fs::read_to_string(page).unwrap().contains("413 Request Entity Too Large"));
    assert!(!files.nginx.file("little/refused").exists());
}

#[test]
fn curl_uploads_what_has_no_length() {
    let (files, directory) = (Files::start(), Directory::new());
    let (path, content) = upload_file(&directory);
    let mut command = curl(&["--verbose", "-T", "-", &files.url("upload/chunked")]);
    let output = command.stdin(std::fs::File::open(path).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("> Transfer-Encoding: chunked"), "{}", told(&output));
    assert!(std::fs::read(files.nginx.file("upload/chunked")).unwrap() == content);
}

#[test]
fn curl_gets_ranges() {
    let files = Files::start();
    let content = files.write("page", 100_000);
    let url = files.url("page");
    let part = |range: &str| curl_output(&["-r", range, &url]);
    assert!(part("100-199") == content[100..200]);
    assert!(part("99000-") == content[99_000..]);
    assert!(part("-50") == content[content.len() - 50..]);
    let parts = part("0-99,500-599");
    for expected in [&content[0..100], &content[500..600]] {
        assert!(parts.windows(100).any(|window| window == expected));
    }
    let beyond = curl(&["-r", "100000-", "-o", "/dev/null", "-w", "%{http_code}", &url]).output().unwrap();
    assert_eq!(beyond.stdout, b"416");
}

#[test]
fn curl_resumes_where_it_was_interrupted() {
    let (files, directory) = (Files::start(), Directory::new());
    let content = files.write("large", 3_000_000);
    let path = directory.join("part");
    std::fs::write(&path, &content[..1_234_567]).unwrap();
    let resumed =
        curl_output(&["-C", "-", "-w", "%{size_download}", "-o", path.to_str().unwrap(), &files.url("large")]);
    assert_eq!(resumed, (3_000_000 - 1_234_567).to_string().as_bytes());
    assert!(std::fs::read(path).unwrap() == content);
}

#[test]
fn curl_asks_for_the_head_only() {
    let files = Files::start();
    files.write("page", 100_000);
    let (direct, url) = (format!("{}page", files.nginx.url()), files.url("page"));
    let fields = |url: &str| {
        let head = String::from_utf8(curl_output(&["-I", url])).unwrap();
        let own = ["Date:", "Connection:", "Via:"];
        let kept = |line: &&str| !own.iter().any(|name| line.starts_with(name));
        head.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(fields(&url).contains(&"Content-Length: 100000".to_owned()), "{:?}", fields(&url));
    assert_eq!(fields(&url), fields(&direct));
}

#[test]
fn curl_gets_compressed_content_as_it_was_compressed() {
    let files = Files::start();
    let content = "again and again, ".repeat(10_000);
    std::fs::write(files.nginx.file("text"), &content).unwrap();
    let url = files.url("text");
    let output = curl(&["--compressed", "-D", "/dev/stderr", &url]).output().unwrap();
    assert!(told(&output).contains("Content-Encoding: gzip"), "{}", told(&output));
    assert!(output.stdout == content.as_bytes());
    let compressed = curl_output(&["-H", "Accept-Encoding: gzip", &url]);
    assert!(compressed.starts_with(b"\x1f\x8b") && compressed.len() < content.len() / 10);
}

#[test]
fn curl_speaks_http_1_0() {
    let files = Files::start();
    let content = files.write("page", 300_000);
    let directory = Directory::new();
    std::fs::write(directory.join("page"), &content).unwrap();
    let python = Python::serve(&directory);
    files.standin.admin().mount("/python", &python.url());
    for url in [files.url("page"), format!("http://{}/python/page", files.standin.front)] {
        assert!(curl_output(&["-0", &url]) == content, "{url}");
        let absent = curl(&["-0", "-o", "/dev/null", "-w", "%{http_code}", &format!("{url}-absent")]).output().unwrap();
        assert_eq!(absent.stdout, b"404", "{url}");
    }
}

#[test]
fn curl_gets_each_event_while_the_stream_is_open() {
    let node = Mounted::of(Server::start("node_server.js"));
    let mut command = curl(&["-N", "-H", "Accept: text/event-stream", &node.url("events/curl")]);
    let mut reading = Running::start(&mut command, Watch::Both);
    let mut client = Raw::connect(node.standin.front);
    for number in 1..=10 {
        // The next one is sent when this one was acknowledged.
        reading.lines_until(|line| line == format!("data: {number}")).unwrap();
        client.send(format!(
            "POST /behind/a/acknowledged/curl-{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(client.response().text(), "acknowledged");
    }
    reading.lines_until(|line| line == "event: end").unwrap();
    assert!(reading.exit().success());
}

/// requests, httpx and httpx's asynchronous client, one after the other.
fn python_clients(fact: &str) {
    let gunicorn = Mounted::of(Server::gunicorn());
    for library in ["requests", "httpx", "httpx-async"] {
        run("http_client.py", &[library, fact, &gunicorn.url("")]);
    }
}

#[test]
fn python_clients_stream_to_gunicorn_and_back() {
    python_clients("streams");
}

#[test]
fn python_clients_ask_100_things_at_once_over_few_connections() {
    python_clients("parallel");
}

#[test]
fn python_clients_send_and_get_large_heads() {
    python_clients("fields");
}

#[test]
fn python_clients_follow_redirections() {
    python_clients("redirections");
}

fn node_client(fact: &str) {
    let node = Mounted::of(Server::start("node_server.js"));
    run("node_client.js", &[fact, &node.url("")]);
}

#[test]
fn node_sends_chunks_both_ways_at_once() {
    node_client("chunks");
}

#[test]
fn node_keeps_its_connections() {
    node_client("keepalive");
}

#[test]
fn a_body_of_node_with_trailers_is_whole_and_the_connection_goes_on() {
    node_client("trailers");
}

#[test]
fn nodes_early_hints_come_before_its_answer() {
    node_client("hints");
}

#[test]
fn node_switches_to_a_protocol_of_its_own() {
    node_client("upgrade");
}

#[test]
fn node_exchanges_websocket_messages() {
    node_client("websocket");
}

fn websocket_client(fact: &str) {
    let server = Mounted::of(Server::start("websocket_server.py"));
    run("websocket_client.py", &[fact, &server.url("")]);
}

#[test]
fn websocket_messages_of_every_length_come_back_as_they_were() {
    websocket_client("messages");
}

#[test]
fn a_websocket_server_may_speak_first() {
    websocket_client("greeting");
}

#[test]
fn websocket_fragments_stay_fragments() {
    websocket_client("fragments");
}

#[test]
fn websocket_pings_are_answered_in_both_directions() {
    websocket_client("pings");
}

#[test]
fn a_websocket_message_of_64_mib_comes_back_whole() {
    websocket_client("large");
}

#[test]
fn either_side_closes_a_websocket_with_its_code_and_reason() {
    websocket_client("close");
}

#[test]
fn two_hundred_websockets_are_open_at_once() {
    websocket_client("parallel");
}

#[test]
fn the_abrupt_end_of_a_websocket_is_seen_by_the_other_side() {
    websocket_client("abrupt");
}

#[test]
fn websocket_subprotocol_and_compression_are_negotiated_end_to_end() {
    websocket_client("negotiation");
}

#[test]
fn a_websocket_that_the_server_refuses_gets_the_servers_answer() {
    websocket_client("refusal");
}

#[test]
fn a_browser_loads_a_page_with_events_and_a_websocket() {
    let node = Mounted::of(Server::start("node_server.js"));
    run("browser.js", &[&node.url("")]);
}
