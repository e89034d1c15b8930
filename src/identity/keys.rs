//! Files of keys that requests are signed with.
//!
//! Owns reading their lines, `key_id:base64`. There may be several, so that a
//! new key can be known everywhere before it is used.

use crate::limits::{SIGNING_KEY_BYTES_MIN, SIGNING_KEYS_MAX};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The keys of one file.
#[derive(Debug)]
pub struct Keys(HashMap<Box<str>, hmac::Key>);

/// With the `=` at the end or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const KEY_ID_BYTES_MAX: usize = 64;

/// True for the name of a key: 1 to 64 of letters, digits and `. _ -`.
#[must_use]
pub fn is_key_id(text: &str) -> bool {
    (1..=KEY_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

impl Keys {
    /// Reads such a file; the error names the line and says what to do, and
    /// never what stands there.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not text".to_owned())?;
        let mut keys = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |fault: String| format!("line {}: {fault}", number + 1);
            let (id, key) = key(line).map_err(at)?;
            if keys.insert(id.into(), key).is_some() {
                return Err(at("a key of this name is there already".to_owned()));
            }
        }
        match keys.len() {
            0 => Err("has no keys; write one as k1:BASE64, where BASE64 is from openssl rand -base64 32".into()),
            count if count > SIGNING_KEYS_MAX => Err(format!("has more than {SIGNING_KEYS_MAX} keys")),
            _ => Ok(Self(keys)),
        }
    }

    /// A key by its name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&hmac::Key> {
        self.0.get(id)
    }
}

fn key(line: &str) -> Result<(&str, hmac::Key), String> {
    let (id, secret) = line.split_once(':').ok_or("must be key_id:base64")?;
    if !is_key_id(id) {
        return Err("a key's name must be 1 to 64 of letters, digits and . _ -".into());
    }
    // What is told is never a part of the line: the columns may be swapped.
    let secret = BASE64.decode(secret.trim()).map_err(|_| "what is behind the first : is not base64".to_owned())?;
    if secret.len() < SIGNING_KEY_BYTES_MIN {
        return Err(format!(
            "the key has {} bytes and needs {SIGNING_KEY_BYTES_MIN}; make one with openssl rand -base64 32",
            secret.len()
        ));
    }
    Ok((id, hmac::Key::new(hmac::HMAC_SHA256, &secret)))
}

/// True when others than the owner of the file may read it.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

    fn parse(text: &str) -> Result<Keys, String> {
        Keys::parse(text.as_bytes())
    }

    #[test]
    fn several_keys_are_read() {
        let keys = parse(&format!("# old\nk1:{SECRET}=\r\n\n  k-2: {SECRET}\n")).unwrap();
        assert!(keys.get("k1").is_some() && keys.get("k-2").is_some() && keys.get("k3").is_none());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_without_the_key() {
        for (text, part) in [
            (format!("k1:{SECRET}\nsecret"), "line 2: must be"),
            (format!("k 1:{SECRET}"), "line 1: a key's name"),
            (format!(":{SECRET}"), "line 1: a key's name"),
            ("k1:c2VjcmV0".to_owned(), "line 1: the key has 6 bytes and needs 32"),
            ("k1:-secret-".to_owned(), "line 1: what is behind the first : is not base64"),
            ("secret:k1".to_owned(), "line 1: what is behind the first : is not base64"),
            (format!("k1:{SECRET}\nk1:{SECRET}"), "line 2: "),
            ("# none\n".to_owned(), "has no keys"),
            ((0..65).map(|number| format!("k{number}:{SECRET}\n")).collect(), "more than 64"),
        ] {
            let fault = parse(&text).unwrap_err();
            assert!(fault.contains(part) && !fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn what_is_logged_of_keys_is_not_the_keys() {
        let logged = format!("{:?}", parse(&format!("k1:{SECRET}")).unwrap());
        assert!(logged.contains("k1") && !logged.contains("0123") && !logged.contains("48, 49"), "{logged}");
    }
}
