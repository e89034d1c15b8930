//! Which trailer fields are passed on (RFC 9110 §6.5).
//!
//! Owns the question whether they were asked for, and the list of those that do
//! no harm. A recipient may merge a trailer into the head, behind the back of
//! every check that was made on it; so only names are passed on that are known
//! to say something about the content or the outcome, and nothing else.

use crate::message::fields::list_members;
use crate::message::{Fields, Known};

/// Fields made for a trailer section, or allowed in it by who defined them.
const SAFE: &[&str] = &[
    // Computed while the content is sent (RFC 9530; `Digest` is RFC 3230).
    "content-digest",
    "repr-digest",
    "digest",
    // The one validator that RFC 9110 §8.8.3 lets an origin send at the end.
    "etag",
    // What took how long; read by browsers' tools from trailers too.
    "server-timing",
    // Covers the trailer checksums of an upload to an object store; of no use
    // for anything else.
    "x-amz-trailer-signature",
];

/// Families of such fields: the outcome of a gRPC call, checksums of objects.
const SAFE_PREFIXES: &[&str] = &["grpc-", "x-amz-checksum-", "x-checksum-"];

/// gRPC's own control fields, which belong into a head.
const CONTROL: &[&str] = &["grpc-accept-encoding", "grpc-encoding", "grpc-message-type", "grpc-timeout"];

/// True when `TE` says that trailers are welcome (RFC 9110 §10.1.4). To be asked
/// before hop-by-hop fields are removed.
#[must_use]
pub fn wanted(fields: &Fields) -> bool {
    fields.all(Known::Te).flat_map(list_members).any(|member| {
        let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"trailers")) && !parts.any(is_zero_weight)
    })
}

/// True for `q=0`, `q=0.0` and so on, which mean "not at all".
fn is_zero_weight(parameter: &[u8]) -> bool {
    let Some((name, value)) = parameter.split_at_checked(2) else {
        return false;
    };
    name.eq_ignore_ascii_case(b"q=") && value.starts_with(b"0") && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Drops every field that is not on the list.
pub fn keep_safe(trailers: &mut Fields) {
    trailers.retain(|field| is_safe(field.name));
}

fn is_safe(name: &[u8]) -> bool {
    let is = |safe: &&str| name.eq_ignore_ascii_case(safe.as_bytes());
    let begins = |prefix: &&str| {
        name.split_at_checked(prefix.len())
            .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(prefix.as_bytes()) && !rest.is_empty())
    };
    SAFE.iter().any(is) || SAFE_PREFIXES.iter().any(begins) && !CONTROL.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn te(lines: &[&str]) -> bool {
        let mut fields = Fields::default();
        for line in lines {
            fields.push(b"Te", line.as_bytes());
        }
        wanted(&fields)
    }

    #[test]
    fn trailers_are_wanted_where_te_says_so() {
        for lines in
            [&["trailers"][..], &["gzip;q=0.5, Trailers"], &["deflate", "TRAILERS ; q=0.1"], &["trailers;q=1.000"]]
        {
            assert!(te(lines), "{lines:?}");
        }
        for lines in [&[][..], &["gzip"], &["trailers;q=0"], &["trailers; Q=0.000"], &["x-trailers"], &["trailer"]] {
            assert!(!te(lines), "{lines:?}");
        }
    }

    fn kept(names: &[&str]) -> Vec<String> {
        let mut fields = Fields::default();
        for name in names {
            fields.push(name.as_bytes(), b"x");
        }
        keep_safe(&mut fields);
        fields.iter().map(|field| String::from_utf8(field.name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn what_describes_content_or_outcome_stays_as_it_is() {
        let safe = [
            "grpc-status",
            "Grpc-Message",
            "grpc-status-details-bin",
            "grpc-custom",
            "Server-Timing",
            "ETag",
            "Digest",
            "Content-Digest",
            "Repr-Digest",
            "x-amz-checksum-crc32",
            "X-Amz-Trailer-Signature",
            "x-checksum-sha256",
        ];
        assert_eq!(kept(&safe), safe);
    }

    #[test]
    fn what_frames_routes_authenticates_or_controls_goes() {
        let unsafe_names = [
            "Content-Length",
            "Transfer-Encoding",
            "Content_Length",
            "Trailer",
            "Connection",
            "Host",
            "Via",
            "X-Forwarded-For",
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "WWW-Authenticate",
            "Cache-Control",
            "Expires",
            "Location",
            "Content-Encoding",
            "Content-Type",
            "Content-Range",
            "Access-Control-Allow-Origin",
            "Strict-Transport-Security",
            "traceparent",
            "grpc-encoding",
            "grpc-timeout",
            "grpc-",
            "x-amz-security-token",
            "x-custom",
        ];
        assert_eq!(kept(&unsafe_names), [""; 0]);
    }
}
