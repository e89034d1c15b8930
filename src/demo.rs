//! The upstream of `serve --demo`: says how a request arrived.
//!
//! Owns one small page. Served like any other listener, on a port of its own,
//! so that the demo's traffic takes the whole way.

use crate::exchange::{Exchange, Reply, shell};
use crate::message::ResponseHead;
use std::fmt::Write;

/// The demo's tide app.
#[must_use]
pub fn app() -> tide::Server<()> {
    let mut app = tide::new();
    app.at("/").all(Echo);
    app
}

struct Echo;

#[tide::utils::async_trait]
impl tide::Endpoint<()> for Echo {
    async fn call(&self, request: tide::Request<()>) -> tide::Result {
        let outcome = shell::exchange(request.into()).map(|exchange| page(&exchange).into());
        Ok(shell::carry_back(outcome).into())
    }
}

/// The request as it came out of the mount, as text.
fn page(exchange: &Exchange) -> Reply {
    let head = &exchange.head;
    let mut text = String::from("Standin's demo upstream got this request through the mount /demo:\n\n");
    let _ = writeln!(text, "{} {}", head.method().escape_ascii(), head.target().escape_ascii());
    for field in head.fields.iter() {
        let _ = writeln!(text, "{}: {}", field.name.escape_ascii(), field.value.escape_ascii());
    }
    let mut reply_head = ResponseHead::own(200, "OK");
    reply_head.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
    reply_head.fields.push(b"X-Content-Type-Options", b"nosniff");
    reply_head.fields.push(b"Content-Length", text.len().to_string().as_bytes());
    Reply::whole(reply_head, text.into_bytes())
}
