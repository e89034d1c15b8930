//! `Via` (RFC 9110 §7.6.3): a message says that it came through here, and a
//! request that says so already has come in a loop.

use crate::message::fields::list_members;
use crate::message::{Fields, Known, Names, Version};
use serde::Serialize;

/// What is done to `Via`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// This hop is added.
    On,
    /// What came stays as it is.
    Off,
    /// What came goes, and nothing is added.
    Block,
}

impl Treatment {
    /// How each is written.
    pub const WORDS: [(&str, Self); 3] = [("on", Self::On), ("off", Self::Off), ("block", Self::Block)];

    /// Does it to a message that came in that version.
    pub fn apply(self, fields: &mut Fields, received: Version, pseudonym: &[u8]) {
        match self {
            Self::On => fields.push_known(Known::Via, &[received.number(), b" ", pseudonym]),
            Self::Off => {}
            Self::Block => fields.remove(Names::of(&[Known::Via])),
        }
    }
}

/// True when a hop of that pseudonym is named already.
#[must_use]
pub fn names(fields: &Fields, pseudonym: &[u8]) -> bool {
    fields
        .all(Known::Via)
        .flat_map(list_members)
        .filter_map(|member| member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1))
        .any(|by| by == pseudonym)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_added_and_found_again() {
        let mut fields = Fields::default();
        fields.push(b"Via", b"1.0 fred, HTTP/1.1 standin-1 (x)");
        assert!(names(&fields, b"standin-1"));
        assert!(!names(&fields, b"standin-12"));
        Treatment::On.apply(&mut fields, Version::Http10, b"standin-12");
        assert_eq!(fields.all(Known::Via).last(), Some(&b"1.0 standin-12"[..]));
        assert!(names(&fields, b"standin-12"));
    }

    #[test]
    fn hops_that_are_nobodys_business_are_left_out() {
        let mut fields = Fields::default();
        fields.push(b"Via", b"1.1 inner");
        fields.push(b"via", b"1.1 other");
        Treatment::Off.apply(&mut fields, Version::Http11, b"standin");
        assert_eq!(fields.len(), 2);
        Treatment::Block.apply(&mut fields, Version::Http11, b"standin");
        assert!(fields.is_empty());
    }
}
