//! Requests that would come back to the proxy (B9 row 24).

use super::Stage;
use crate::common::client::get;
use crate::common::wire::values;
use serde_json::json;

#[test]
fn a_mount_to_the_proxy_itself_is_refused() {
    let stage = Stage::new();
    let admin = stage.standin.admin();
    let (front_port, admin_port) = (stage.standin.front.port(), stage.standin.admin_address().port());
    for (number, host) in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"].into_iter().enumerate() {
        admin.mount(&format!("/front{number}"), &format!("http://{host}:{front_port}/"));
        admin.mount(&format!("/admin{number}"), &format!("http://{host}:{admin_port}/"));
        assert_eq!(get(stage.standin.front, &format!("/front{number}/plain")).status, 508, "{host}");
        assert_eq!(get(stage.standin.front, &format!("/admin{number}/healthz")).status, 403, "{host}");
    }
    let transparent = json!({
        "kind": "transparent", "match": { "host": "127.0.0.1" }, "allowed_hosts": [format!("127.0.0.1:{admin_port}")],
    });
    assert_eq!(admin.post(&transparent).status, 201);
    let mut client = stage.client();
    client.send(format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{admin_port}\r\n\r\n"));
    assert_eq!(client.response().status, 403);
}

#[test]
fn a_request_that_came_through_here_before_is_a_loop() {
    let stage = Stage::new();
    let mut client = stage.client();
    assert_eq!(client.get("/").text(), "quiet");
    let received = stage.quiet.received(0);
    let via = values(&received, "Via")[0].escape_ascii().to_string();
    client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 fred\r\nVia: {via}\r\n\r\n"));
    assert_eq!(client.response().status, 508);
}
