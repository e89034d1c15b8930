//! Whether a request head may go any further.
//!
//! Owns the checks that make every later room safe: one reading of target,
//! Host and framing, or a refusal. Pure.

use crate::error::Kind;
use crate::exchange::Route;
use crate::http1::{Framing, framing, upgrade};
use crate::message::{Authority, Known, RequestHead, Span, Target, TargetForm, Version};
use crate::policy::{hop_by_hop, max_forwards};

/// What the head of a request says, checked.
#[derive(Debug, Clone, Copy)]
pub struct Admitted {
    /// Where it is meant to go.
    pub route: Route,
    /// How its content is delimited.
    pub framing: Framing,
    /// True when the client lets the connection live on.
    pub persistent: bool,
    /// The protocols that it would change to.
    pub upgrade: Option<Span>,
    /// True for `OPTIONS *`, and for an OPTIONS that may go no further: they
    /// ask the proxy itself.
    pub asks_proxy: bool,
}

/// Reads a head, or says why not. Counts this hop where the head counts them.
pub fn admit(head: &mut RequestHead) -> Result<Admitted, Kind> {
    let mut admitted = read(head)?;
    if head.method() == b"OPTIONS" {
        let decision = max_forwards::apply(b"OPTIONS", &mut head.fields)?;
        admitted.asks_proxy |= decision == max_forwards::Decision::Answer;
    }
    Ok(admitted)
}

fn read(head: &RequestHead) -> Result<Admitted, Kind> {
    let fields = &head.fields;
    let framing = framing::request(head.version, fields).map_err(Kind::RequestFraming)?;
    if hop_by_hop::names_framing(fields) {
        return Err(Kind::RequestConnection);
    }
    let target = Target::parse(head.method(), head.target()).map_err(Kind::RequestTarget)?;
    let host = host(head)?;
    if matches!(head.method(), b"CONNECT" | b"TRACE") {
        return Err(Kind::MethodRefused);
    }
    let expects = fields.first(Known::Expect);
    if expects.is_some_and(|expectation| !expectation.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Kind::Expectation);
    }
    let (named, is_absolute) = match target.form {
        TargetForm::Absolute { authority } => (Some(parsed(authority)?), true),
        _ => (host, false),
    };
    let (path, path_and_query) = path_spans(head, &target);
    let route = Route {
        host: named.map(|(_, authority)| fields.locate(authority.host.as_bytes())),
        authority: named.map(|(bytes, _)| fields.locate(bytes)),
        port: named.and_then(|(_, authority)| authority.port),
        path,
        path_and_query,
        is_absolute,
    };
    let persistent = framing::is_persistent(head.version, fields);
    Ok(Admitted {
        route,
        framing,
        persistent,
        upgrade: upgrade::asked(head, framing),
        asks_proxy: target.form == TargetForm::Asterisk,
    })
}

/// The value of the only Host field; HTTP/1.0 may come without.
fn host(head: &RequestHead) -> Result<Option<(&[u8], Authority<'_>)>, Kind> {
    let mut hosts = head.fields.all(Known::Host);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => parsed(host).map(Some),
        (None, _) if head.version == Version::Http10 => Ok(None),
        _ => Err(Kind::RequestHost),
    }
}

fn parsed(authority: &[u8]) -> Result<(&[u8], Authority<'_>), Kind> {
    Ok((authority, Authority::parse(authority).ok_or(Kind::RequestHost)?))
}

fn path_spans(head: &RequestHead, target: &Target<'_>) -> (Span, Span) {
    let raw = head.target();
    let query_start = raw.len() - target.query.len();
    let path_start = match target.form {
        TargetForm::Origin => 0,
        TargetForm::Absolute { authority } => {
            // Behind the scheme, the two slashes and the authority.
            let authority_start = authority.as_ptr() as usize - raw.as_ptr() as usize;
            authority_start + authority.len()
        }
        TargetForm::Authority | TargetForm::Asterisk => query_start,
    };
    (head.fields.locate(&raw[path_start..query_start]), head.fields.locate(&raw[path_start..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{FramingError, HeadScan};
    use crate::limits::REQUEST_HEAD;
    use crate::message::target::TargetError;

    fn check(text: &str) -> Result<(Admitted, RequestHead), Kind> {
        let mut scan = HeadScan::request(REQUEST_HEAD);
        let len = scan.advance(text.as_bytes()).unwrap().unwrap();
        let mut head = scan.take_request(&text.as_bytes()[..len]).unwrap();
        admit(&mut head).map(|admitted| (admitted, head))
    }

    fn refused(text: &str) -> Kind {
        check(text).unwrap_err()
    }

    #[test]
    fn places_in_the_head_are_found() {
        let (admitted, head) = check("GET /a%2Fb;c=1?x='y' HTTP/1.1\r\nHost: h.org:81\r\n\r\n").unwrap();
        let bytes = |span: Span| std::str::from_utf8(span.of(head.fields.bytes())).unwrap().to_owned();
        assert_eq!(bytes(admitted.route.path), "/a%2Fb;c=1");
        assert_eq!(bytes(admitted.route.path_and_query), "/a%2Fb;c=1?x='y'");
        assert_eq!(bytes(admitted.route.host.unwrap()), "h.org");
        assert_eq!((bytes(admitted.route.authority.unwrap()), admitted.route.port), ("h.org:81".into(), Some(81)));
        assert!(admitted.persistent);
    }

    #[test]
    fn an_absolute_target_overrules_host() {
        let (admitted, head) = check("GET http://other:82?q HTTP/1.1\r\nHost: h.org\r\n\r\n").unwrap();
        let bytes = |span: Span| std::str::from_utf8(span.of(head.fields.bytes())).unwrap().to_owned();
        assert_eq!(bytes(admitted.route.host.unwrap()), "other");
        assert_eq!((bytes(admitted.route.path), bytes(admitted.route.path_and_query)), (String::new(), "?q".into()));
        assert!(admitted.route.is_absolute);
    }

    #[test]
    fn host_must_be_one_and_valid() {
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Kind::RequestHost);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), Kind::RequestHost);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), Kind::RequestHost);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost:\r\n\r\n"), Kind::RequestHost);
        assert_eq!(refused("GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"), Kind::RequestHost);
        assert!(check("GET / HTTP/1.0\r\n\r\n").is_ok());
    }

    #[test]
    fn what_is_not_proxied_is_refused() {
        assert_eq!(refused("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), Kind::MethodRefused);
        assert_eq!(refused("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), Kind::MethodRefused);
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"), Kind::Expectation);
        assert_eq!(refused("GET /.. HTTP/1.1\r\nHost: h\r\n\r\n"), Kind::RequestTarget(TargetError::Path));
        assert_eq!(refused("GET / HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n"), Kind::RequestConnection);
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Kind::RequestFraming(FramingError::Both)
        );
        assert!(check("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").unwrap().0.asks_proxy);
    }

    #[test]
    fn an_options_goes_as_far_as_it_may() {
        let with = |value: &str| check(&format!("OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: {value}\r\n\r\n"));
        assert!(with("0").unwrap().0.asks_proxy);
        let (admitted, head) = with("3").unwrap();
        assert!(!admitted.asks_proxy);
        assert_eq!(head.fields.get("max-forwards"), Some(&b"2"[..]));
        assert_eq!(with("x").unwrap_err(), Kind::RequestMaxForwards);
    }
}
