//! What an HTTP message is, whichever version carries it.
//!
//! Owns heads (method token, raw target, status, ordered fields with their
//! case and duplicates), the request target and authorities. Knows nothing of
//! HTTP/1 framing, sockets or clocks. Everybody calls it.

pub mod authority;
pub mod fields;
pub mod head;
pub mod redact;
pub mod target;

pub use authority::Authority;
pub use fields::{Fields, Known, Span};
pub use head::{RequestHead, ResponseHead, Version};
pub use target::{Target, TargetForm};

/// True for the bytes of a `token` (RFC 9110 §5.6.2).
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// True for visible ASCII and blanks: what everybody reads in the same way.
#[must_use]
pub fn is_plain_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// True for a non-empty `token`.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_byte)
}

/// Parses `1*DIGIT` and nothing else: no sign, no space, no separator, no
/// overflow. Numbers from the wire never go through `str::parse`, which takes
/// `+5`.
#[must_use]
pub fn parse_digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_digits_only() {
        assert_eq!(parse_digits(b"005"), Some(5));
        assert_eq!(parse_digits(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+5", "-1", " 5", "5 ", "0x5", "1_0", "5a", "18446744073709551616"] {
            assert_eq!(parse_digits(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
