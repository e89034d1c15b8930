//! Who asked, for which host, by which scheme: `X-Forwarded-*`.
//!
//! Owns those three fields. A regular mount overwrites them, since nothing a
//! client says about itself can be believed; a transparent one only adds an
//! `X-Forwarded-For` where none came, as `paste.proxy` does.

use crate::message::{Fields, Known, Span};
use serde::Serialize;
use std::fmt::Write;
use std::net::IpAddr;

/// What is done to one of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// What came goes, ours is sent.
    Overwrite,
    /// Ours is added to what a trusted peer said; else as `Overwrite`.
    Append,
    /// What came stays; ours is sent where nothing came.
    Keep,
    /// What came goes, and nothing is sent.
    Off,
    /// What came stays, and nothing is added.
    Pass,
}

impl Treatment {
    /// How each is written.
    pub const WORDS: [(&str, Self); 5] = [
        ("overwrite", Self::Overwrite),
        ("append", Self::Append),
        ("keep", Self::Keep),
        ("off", Self::Off),
        ("pass", Self::Pass),
    ];
}

/// An address as text, on the stack.
struct AddressText {
    bytes: [u8; 46],
    len: usize,
}

impl Write for AddressText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

impl AddressText {
    fn of(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; 46], len: 0 };
        // The longest address has 45 characters.
        let _ = write!(text, "{address}");
        text
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Replaces whatever came by the facts; `host` is where the head names it. A client on a Unix socket has no
/// address, so there is no `X-Forwarded-For` for it.
pub fn overwrite(fields: &mut Fields, client: Option<IpAddr>, host: Option<Span>, scheme: &[u8]) {
    fields.retain(|field| {
        !matches!(field.known, Known::XForwardedFor | Known::XForwardedHost | Known::XForwardedProto | Known::Forwarded)
    });
    if let Some(client) = client {
        fields.push(b"X-Forwarded-For", AddressText::of(client).as_bytes());
    }
    if let Some(host) = host {
        fields.push_copy(b"X-Forwarded-Host", host);
    }
    fields.push(b"X-Forwarded-Proto", scheme);
}

/// Adds the client's address where no `X-Forwarded-For` came.
pub fn add_missing_for(fields: &mut Fields, client: Option<IpAddr>) {
    if let (Some(client), None) = (client, fields.first(Known::XForwardedFor)) {
        fields.push(b"X-Forwarded-For", AddressText::of(client).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_claims_is_overwritten() {
        let mut fields = Fields::default();
        for name in ["X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "Forwarded"] {
            fields.push(name.as_bytes(), b"lie");
        }
        fields.push(b"Host", b"h:80");
        let host = fields.first(Known::Host).map(|host| fields.locate(host));
        overwrite(&mut fields, Some("2001:db8::1".parse().unwrap()), host, b"http");
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(
            lines,
            [
                (&b"Host"[..], &b"h:80"[..]),
                (b"X-Forwarded-For", b"2001:db8::1"),
                (b"X-Forwarded-Host", b"h:80"),
                (b"X-Forwarded-Proto", b"http"),
            ]
        );
    }

    #[test]
    fn a_transparent_mount_only_fills_the_gap() {
        let mut fields = Fields::default();
        add_missing_for(&mut fields, Some("10.0.0.1".parse().unwrap()));
        add_missing_for(&mut fields, Some("10.0.0.2".parse().unwrap()));
        assert_eq!(fields.all(Known::XForwardedFor).collect::<Vec<_>>(), [b"10.0.0.1"]);
    }
}
