//! Fields that are about one connection and end with it (RFC 9110 §7.6.1).
//!
//! Owns what is removed before a message is sent on. Framing and Host are not
//! its business: `http1::encode` writes those by itself.

use crate::message::fields::list_members;
use crate::message::{Fields, Known, Names};

/// True when `Connection` names a field that the message cannot do without:
/// a client that asks to have those removed means no good.
#[must_use]
pub fn names_framing(fields: &Fields) -> bool {
    fields.all(Known::Connection).flat_map(list_members).any(|name| {
        matches!(Known::of(name), Known::Host | Known::ContentLength | Known::TransferEncoding | Known::Lookalike)
    })
}

/// What of this hop goes on to the next all the same.
#[derive(Debug, Default, Clone, Copy)]
pub struct Keep {
    /// `Upgrade`: it was granted.
    pub upgrade: bool,
    /// `Trailer`: those it announces go on too.
    pub trailer: bool,
}

const UPGRADE: Names = Names::of(&[Known::Upgrade]);

const TRAILER: Names = Names::of(&[Known::Trailer]);

/// Never carried on by a request.
const OF_REQUEST: Names = Names::of(&[
    Known::Connection,
    Known::Http2Settings,
    Known::KeepAlive,
    Known::Lookalike,
    Known::Proxy,
    Known::ProxyAuthorization,
    Known::ProxyConnection,
    Known::Te,
]);

/// Never carried on by a response.
const OF_RESPONSE: Names = Names::of(&[
    Known::Connection,
    Known::KeepAlive,
    Known::ProxyAuthenticate,
    Known::ProxyAuthorization,
    Known::ProxyConnection,
    Known::Te,
]);

/// Removes what a request must not carry on, and besides what could be taken
/// for a field of ours: names that read the same once `_` is `-`, and `Proxy`,
/// which CGI turns into a setting.
pub fn strip_request(fields: &mut Fields, keep: Keep) {
    strip(fields, OF_REQUEST, keep);
}

/// Adds what this hop asks of the next: another protocol, trailers.
pub fn ask(fields: &mut Fields, upgrade: bool, trailers: bool) {
    if trailers {
        fields.push(b"TE", b"trailers");
    }
    match (upgrade, trailers) {
        (true, true) => fields.push(b"Connection", b"upgrade, TE"),
        (true, false) => fields.push(b"Connection", b"upgrade"),
        (false, true) => fields.push(b"Connection", b"TE"),
        (false, false) => {}
    }
}

/// Removes what a response must not carry on.
pub fn strip_response(fields: &mut Fields, keep: Keep) {
    strip(fields, OF_RESPONSE, keep);
}

fn strip(fields: &mut Fields, names: Names, keep: Keep) {
    strip_named(fields);
    fields.remove(names.and(TRAILER, !keep.trailer).and(UPGRADE, !keep.upgrade));
}

/// Removes the fields that `Connection` names, but never one that says who
/// asks: removing that would be a way around the upstream's checks.
fn strip_named(fields: &mut Fields) {
    let plain = |option: &[u8]| option.eq_ignore_ascii_case(b"close") || Known::of(option) == Known::KeepAlive;
    // Nearly all say nothing, or how long the connection lives.
    if fields.all(Known::Connection).all(plain) {
        return;
    }
    let named: Vec<Vec<u8>> = fields
        .all(Known::Connection)
        .flat_map(list_members)
        .filter(|option| !plain(option) && !option.eq_ignore_ascii_case(b"authorization"))
        .filter(|option| {
            !matches!(
                Known::of(option),
                Known::Host
                    | Known::ContentLength
                    | Known::TransferEncoding
                    | Known::Connection
                    | Known::Trailer
                    | Known::Upgrade
            )
        })
        .map(<[u8]>::to_vec)
        .collect();
    if !named.is_empty() {
        fields.retain(|field| !named.iter().any(|name| field.name.eq_ignore_ascii_case(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(lines: &[(&str, &str)]) -> Vec<String> {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        strip_request(&mut fields, Keep::default());
        fields.iter().map(|field| String::from_utf8_lossy(field.name).into_owned()).collect()
    }

    #[test]
    fn hop_by_hop_and_named_fields_go_and_the_rest_stays() {
        let left = stripped(&[
            ("Host", "h"),
            ("Connection", "close, X-Hop, TE"),
            ("X-Hop", "1"),
            ("Keep-Alive", "5"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "x"),
            ("Proxy-Connection", "x"),
            ("Proxy", "evil"),
            ("Content_Length", "5"),
            ("X_Custom", "kept"),
            ("Accept", "*/*"),
        ]);
        assert_eq!(left, ["Host", "X_Custom", "Accept"]);
    }

    #[test]
    fn what_is_asked_of_the_next_hop_is_said_anew() {
        let mut fields = Fields::default();
        for (name, value) in [("upgrade", "a/1"), ("Connection", "upgrade, x"), ("X", "1"), ("Trailer", "Etag")] {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        strip_request(&mut fields, Keep { upgrade: true, trailer: true });
        ask(&mut fields, true, true);
        let left: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(
            left,
            [
                (&b"upgrade"[..], &b"a/1"[..]),
                (b"Trailer", b"Etag"),
                (b"TE", b"trailers"),
                (b"Connection", b"upgrade, TE"),
            ]
        );
    }

    #[test]
    fn naming_a_credential_does_not_remove_it() {
        assert_eq!(stripped(&[("Connection", "Authorization"), ("Authorization", "x")]), ["Authorization"]);
    }

    #[test]
    fn naming_framing_is_told() {
        for name in ["host", "Content-Length", "transfer-encoding", "content_length"] {
            let mut fields = Fields::default();
            fields.push(b"Connection", format!("close, {name}").as_bytes());
            assert!(names_framing(&fields), "{name}");
        }
    }
}
