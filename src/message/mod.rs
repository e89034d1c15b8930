//! What an HTTP message is, whichever version carries it.
//!
//! Owns heads (method token, raw target, status, ordered fields with their
//! case and duplicates), the request target and authorities. Knows nothing of
//! HTTP/1 framing, sockets or clocks. Everybody calls it.

pub mod authority;
pub mod fields;
pub mod head;
pub mod known;
pub mod redact;
pub mod target;

pub use authority::Authority;
pub use fields::{Fields, Span};
pub use head::{RequestHead, ResponseHead, Version};
pub use known::{Known, Names};
pub use target::{Target, TargetForm};

/// For each byte, whether it is one of a `token`: one look instead of many
/// comparisons, for names are read byte by byte.
static TOKEN_BYTES: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 0x80 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        byte += 1;
    }
    table
};

/// True for the bytes of a `token` (RFC 9110 §5.6.2).
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

/// How many bytes of what `bytes` begins with a field's value or a reason phrase
/// may have (RFC 9110 §5.5): no control characters but HTAB. Looks at eight at a
/// time.
#[must_use]
pub fn text_len(bytes: &[u8]) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*block);
        // The top bit of a byte says that it is below a blank, or DEL; of the
        // lowest such byte this is true, and there is none if none is told.
        let below = word.wrapping_sub(EACH * 0x20) & !word;
        let no_del = word ^ (EACH * 0x7f);
        let del = no_del.wrapping_sub(EACH) & !no_del;
        let found = (below | del) & (EACH * 0x80);
        if found == 0 {
            rest = behind;
            continue;
        }
        let at = (found.trailing_zeros() / 8) as usize;
        if block[at] != b'\t' {
            return bytes.len() - rest.len() + at;
        }
        rest = &rest[at + 1..];
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    bytes.len() - rest.len() + rest.iter().position(|byte| !is_text(byte)).unwrap_or(rest.len())
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
    use proptest::prelude::*;

    #[test]
    fn tokens_have_the_bytes_of_the_grammar() {
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        assert!((0..=u8::MAX).all(|byte| is_token_byte(byte) == token(&byte)));
    }

    proptest! {
        #[test]
        fn text_ends_at_the_first_control_character(
            bytes in proptest::collection::vec(prop_oneof![9 => b' '..=b'~', 3 => 0x80_u8.., 1 => any::<u8>(), 2 => Just(b'\t')], 0..60),
        ) {
            let end = bytes.iter().position(|byte| *byte != b'\t' && byte.is_ascii_control());
            prop_assert_eq!(text_len(&bytes), end.unwrap_or(bytes.len()));
        }
    }

    #[test]
    fn digits_are_digits_only() {
        assert_eq!(parse_digits(b"005"), Some(5));
        assert_eq!(parse_digits(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+5", "-1", " 5", "5 ", "0x5", "1_0", "5a", "18446744073709551616"] {
            assert_eq!(parse_digits(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
