//! Changing the protocol of a connection (RFC 9110 §7.8): what a request may
//! ask for, and whether a 101 grants that.

use super::framing::Framing;
use crate::message::fields::list_members;
use crate::message::{Fields, Known, RequestHead, ResponseHead, Span, Version, is_token};

/// The protocols that a request asks for, where it does so properly: HTTP/1.1,
/// one `Upgrade` named by `Connection`, no content. Never HTTP/2: that would
/// carry requests past every rule here. What is not asked for properly is
/// ignored.
#[must_use]
pub fn asked(head: &RequestHead, framing: Framing) -> Option<Span> {
    let fields = &head.fields;
    let protocols = only_upgrade(fields)?;
    let proper = head.version == Version::Http11
        && framing == Framing::None
        && names_upgrade(fields)
        && list_members(protocols).count() > 0
        && list_members(protocols).all(|protocol| is_protocol(protocol) && !is_http(protocol));
    proper.then(|| fields.locate(protocols))
}

/// True when a 101 changes to one of the protocols that were asked for.
#[must_use]
pub fn is_granted(asked: &[u8], head: &ResponseHead) -> bool {
    let Some(granted) = only_upgrade(&head.fields) else { return false };
    names_upgrade(&head.fields)
        && list_members(granted).count() > 0
        && list_members(granted).all(|protocol| list_members(asked).any(|asked| asked.eq_ignore_ascii_case(protocol)))
}

fn only_upgrade(fields: &Fields) -> Option<&[u8]> {
    let mut lines = fields.all(Known::Upgrade);
    lines.next().filter(|value| !value.is_empty() && lines.next().is_none())
}

fn names_upgrade(fields: &Fields) -> bool {
    fields.all(Known::Connection).flat_map(list_members).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

/// True for what would carry HTTP itself: `h2c`, `HTTP/2.0` and their like.
fn is_http(protocol: &[u8]) -> bool {
    let begins = |name: &[u8]| protocol.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    begins(b"h2") || begins(b"http/")
}

/// `protocol-name [ "/" protocol-version ]`
fn is_protocol(protocol: &[u8]) -> bool {
    protocol.splitn(2, |byte| *byte == b'/').all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::HeadScan;
    use crate::limits::{REQUEST_HEAD, RESPONSE_HEAD};

    fn ask(version: &str, fields: &str) -> Option<String> {
        let text = format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n");
        let mut scan = HeadScan::request(REQUEST_HEAD);
        let len = scan.advance(text.as_bytes()).unwrap().unwrap();
        let head = scan.take_request(&text.as_bytes()[..len]).unwrap();
        let framing = crate::http1::framing::request(head.version, &head.fields).unwrap();
        asked(&head, framing).map(|span| String::from_utf8(span.of(head.fields.bytes()).to_vec()).unwrap())
    }

    fn granted(asked: &str, fields: &str) -> bool {
        let text = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
        let mut scan = HeadScan::response(RESPONSE_HEAD);
        let len = scan.advance(text.as_bytes()).unwrap().unwrap();
        is_granted(asked.as_bytes(), &scan.take_response(&text.as_bytes()[..len]).unwrap())
    }

    #[test]
    fn a_proper_request_for_any_protocol_but_http_2_is_passed_on() {
        let proper = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
        assert_eq!(ask("1.1", proper).as_deref(), Some("websocket"));
        assert_eq!(ask("1.1", "Connection: upgrade\r\nUpgrade: a/1, b\r\n").as_deref(), Some("a/1, b"));
        assert_eq!(ask("1.0", proper), None);
        for ignored in [
            "Upgrade: websocket\r\n",
            "Connection: upgrade\r\n",
            "Connection: upgrade\r\nUpgrade:\r\n",
            "Connection: upgrade\r\nUpgrade: a b\r\n",
            "Connection: upgrade\r\nUpgrade: a/\r\n",
            "Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n",
            "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n",
            "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n",
            "Connection: upgrade\r\nUpgrade: websocket, H2C\r\n",
            "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n",
            "Connection: upgrade\r\nUpgrade: ,\r\n",
        ] {
            assert_eq!(ask("1.1", ignored), None, "{ignored:?}");
        }
    }

    #[test]
    fn only_what_was_asked_for_can_be_granted() {
        assert!(granted("websocket", "Upgrade: WebSocket\r\nConnection: Upgrade\r\n"));
        assert!(granted("a/1, b", "Upgrade: b\r\nConnection: x, upgrade\r\n"));
        for not in [
            "Upgrade: websocket\r\n",
            "Connection: Upgrade\r\n",
            "Connection: Upgrade\r\nUpgrade: h2c\r\n",
            "Connection: Upgrade\r\nUpgrade: websocket, x\r\n",
            "Connection: Upgrade\r\nUpgrade: ,\r\n",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n",
        ] {
            assert!(!granted("websocket", not), "{not:?}");
        }
    }
}
