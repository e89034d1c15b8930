//! How an https upstream is checked, and who we say we are: a mount's `tls`.
//!
//! Owns the names and the defaults. Files are named here and read elsewhere.

use super::reader::Reader;
use crate::message::Authority;
use serde::Serialize;
use serde_json::Value;

/// TLS towards an upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Tls {
    /// A PEM file of certificates to trust instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// A PEM file with our own certificate, and those that lead to its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_file: Option<String>,
    /// A PEM file with the key of that certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key_file: Option<String>,
    /// The name that the upstream's certificate must have, and that is asked
    /// for (SNI), instead of the upstream's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The upstream's certificate is not checked: whoever answers is believed.
    pub insecure_skip_verify: bool,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
pub enum TlsVersion {
    /// TLS 1.2
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    Tls13,
}

impl Reader {
    /// Reads `tls`.
    pub(super) fn tls(&mut self, value: Option<&Value>) -> Option<Tls> {
        const NAMES: [&str; 6] = [
            "ca_file",
            "client_certificate_file",
            "client_key_file",
            "server_name",
            "min_version",
            "insecure_skip_verify",
        ];
        let object = self.object(value, "/tls", &NAMES)?;
        let mut path = |name| {
            let path = self.text(object, "/tls", name)?;
            if !path.starts_with('/') {
                self.fault(format!("/tls/{name}"), "must be the whole path of a file on the proxy's machine, from /");
            }
            Some(path.to_owned())
        };
        let (ca_file, certificate, key) = (path("ca_file"), path("client_certificate_file"), path("client_key_file"));
        if certificate.is_some() != key.is_some() {
            self.fault("/tls", "client_certificate_file and client_key_file go together");
        }
        let server_name = self.text(object, "/tls", "server_name").map(str::to_owned);
        if server_name.as_ref().is_some_and(|name| {
            Authority::parse(name.as_bytes()).is_none_or(|authority| authority.port.is_some() || name.ends_with(':'))
        }) {
            self.fault("/tls/server_name", "must be a host name or address, without a port");
        }
        let versions = [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];
        Some(Tls {
            ca_file,
            client_certificate_file: certificate,
            client_key_file: key,
            server_name,
            min_version: self.word(object, "/tls", "min_version", &versions).unwrap_or_default(),
            insecure_skip_verify: self.boolean(object, "/tls", "insecure_skip_verify").unwrap_or_default(),
        })
    }
}
