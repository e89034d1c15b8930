//! Whom we believe to be an upstream, and who we say we are: the TLS
//! configuration of one mount.
//!
//! Owns certificates and keys as they are read from files, and one rustls
//! configuration at a time: made anew when a file has changed, so that what was
//! connected before is known by its old one. Opens no connection.

use super::dial::Host;
use crate::files::{Content, Files, Watched};
use crate::oplog;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a PEM file of certificates holds; at least one.
#[derive(Debug)]
pub struct Certificates(Vec<CertificateDer<'static>>);

impl Certificates {
    /// Reads them.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        match read {
            Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM form is in it".into()),
            Ok(certificates) => Ok(Self(certificates)),
            Err(error) => Err(format!("not a PEM file of certificates: {error}")),
        }
    }
}

/// What a PEM file of a private key holds.
pub struct Key(PrivateKeyDer<'static>);

impl Key {
    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        PrivateKeyDer::from_pem_slice(bytes).map(Self).map_err(|error| format!("no private key in PEM form: {error}"))
    }
}

/// What is wanted of the peers of one mount.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<&'a Path>,
    /// Our own certificate and its key.
    pub client: Option<(&'a Path, &'a Path)>,
    /// The name that a peer must have instead of its host's.
    pub server_name: Option<&'a str>,
    /// No version before TLS 1.3.
    pub tls13_only: bool,
    /// Whoever answers is believed.
    pub skips_verification: bool,
}

/// A member of a mount that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The member of `tls`.
    pub member: &'static str,
    /// What to change.
    pub detail: String,
}

/// How the peers of one mount are checked.
pub struct Trust {
    ca: Option<Arc<Watched<Certificates>>>,
    client: Option<Client>,
    server_name: Option<String>,
    tls13_only: bool,
    skips_verification: bool,
    built: Mutex<Option<Built>>,
}

/// The files of our own identity.
struct Client {
    certificate: Arc<Watched<Certificates>>,
    key: Arc<Watched<Key>>,
}

/// A configuration, and what it was made from.
#[derive(Clone)]
struct Built {
    parts: Parts,
    config: Arc<ClientConfig>,
}

/// What the files held. The same place in memory is the same content.
#[derive(Clone)]
struct Parts {
    ca: Option<Arc<Certificates>>,
    client: Option<(Arc<Certificates>, Arc<Key>)>,
}

impl Parts {
    fn are(&self, other: &Self) -> bool {
        let same_ca = match (&self.ca, &other.ca) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        let same_client = match (&self.client, &other.client) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.0, &other.0) && Arc::ptr_eq(&one.1, &other.1),
            (None, None) => true,
            _ => false,
        };
        same_ca && same_client
    }
}

impl Trust {
    /// Opens the files, and the system's certificates where they count. What
    /// cannot be used is told by [`Trust::config`]. Blocks.
    #[must_use]
    pub fn open(wanted: &Wanted<'_>, files: &Files) -> Self {
        if wanted.ca_file.is_none() && !wanted.skips_verification {
            let _ = system_roots();
        }
        Self {
            ca: wanted.ca_file.map(|path| files.open(path, Certificates::parse)),
            client: wanted.client.map(|(certificate, key)| Client {
                certificate: files.open(certificate, Certificates::parse),
                key: files.open(key, Key::parse),
            }),
            server_name: wanted.server_name.map(str::to_owned),
            tls13_only: wanted.tls13_only,
            skips_verification: wanted.skips_verification,
            built: Mutex::new(None),
        }
    }

    /// The configuration as the files are now.
    pub fn config(&self) -> Result<Arc<ClientConfig>, Unusable> {
        let parts = self.parts()?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        match &*built {
            Some(built) if built.parts.are(&parts) => Ok(Arc::clone(&built.config)),
            _ => {
                // Files are replaced one by one: what does not go together at
                // this moment leaves what did.
                let config = match (self.build(&parts), &*built) {
                    (Ok(config), _) => Arc::new(config),
                    (Err(unusable), Some(before)) => {
                        oplog::warn(format_args!(
                            "tls.{}: {}; what was there before stays in use",
                            unusable.member, unusable.detail
                        ));
                        Arc::clone(&before.config)
                    }
                    (Err(unusable), None) => return Err(unusable),
                };
                *built = Some(Built { parts, config: Arc::clone(&config) });
                Ok(config)
            }
        }
    }

    /// True for the configuration that [`Trust::config`] would give now.
    #[must_use]
    pub fn is_current(&self, config: &Arc<ClientConfig>) -> bool {
        self.config().is_ok_and(|current| Arc::ptr_eq(&current, config))
    }

    /// The name that a peer at `host` must have.
    pub fn name(&self, host: &Host) -> Result<ServerName<'static>, Unusable> {
        let unusable = |name: &str, member| Unusable { member, detail: format!("'{name}' is no name of a TLS server") };
        match (&self.server_name, host) {
            (Some(name), _) => {
                // An IPv6 address has brackets in a URL, and none in a certificate.
                let bare = name.trim_start_matches('[').trim_end_matches(']').to_owned();
                ServerName::try_from(bare).map_err(|_| unusable(name, "server_name"))
            }
            (None, Host::Address(address)) => Ok(ServerName::IpAddress((*address).into())),
            (None, Host::Name(name)) => {
                ServerName::try_from(name.to_string()).map_err(|_| unusable(name, "server_name"))
            }
        }
    }

    fn parts(&self) -> Result<Parts, Unusable> {
        let client = match &self.client {
            Some(Client { certificate, key }) => Some((
                content(&certificate.current(), "client_certificate_file")?,
                content(&key.current(), "client_key_file")?,
            )),
            None => None,
        };
        let ca = self.ca.as_ref().map(|ca| content(&ca.current(), "ca_file")).transpose()?;
        Ok(Parts { ca, client })
    }

    fn build(&self, parts: &Parts) -> Result<ClientConfig, Unusable> {
        let provider = Arc::new(ring::default_provider());
        let versions: &[_] = if self.tls13_only { &[&TLS13] } else { &[&TLS12, &TLS13] };
        let impossible = |error: rustls::Error| Unusable { member: "min_version", detail: error.to_string() };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(impossible)?;
        let builder = if self.skips_verification {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(BelievesAnybody { provider }))
        } else {
            builder.with_root_certificates(match &parts.ca {
                Some(certificates) => roots_of(certificates)?,
                None => system_roots().map_err(|detail| Unusable { member: "ca_file", detail })?,
            })
        };
        let mut config = match &parts.client {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let together = builder.with_client_auth_cert(certificates.0.clone(), key.0.clone_key());
                together.map_err(|error| Unusable {
                    member: "client_key_file",
                    detail: match error {
                        rustls::Error::InconsistentKeys(_) => "the key is not that of the certificate".into(),
                        error => format!("certificate and key cannot be used: {error}"),
                    },
                })?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn content<T>(content: &Content<T>, member: &'static str) -> Result<Arc<T>, Unusable> {
    content.clone().map_err(|detail| Unusable { member, detail })
}

fn roots_of(certificates: &Certificates) -> Result<Arc<RootCertStore>, Unusable> {
    let mut roots = RootCertStore::empty();
    for certificate in &certificates.0 {
        roots.add(certificate.clone()).map_err(|error| Unusable {
            member: "ca_file",
            detail: format!("one of its certificates cannot be trusted: {error}"),
        })?;
    }
    Ok(Arc::new(roots))
}

/// The certificates that the system trusts, read once.
fn system_roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Result<Arc<RootCertStore>, String>> = OnceLock::new();
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Systems carry some that nobody can use; the others count.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!(
                "the system has no certificates to trust{why}: install ca-certificates, or name a ca_file"
            ));
        }
        Ok(Arc::new(roots))
    };
    ROOTS.get_or_init(read).clone()
}

impl fmt::Debug for Trust {
    /// Never what the files hold.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Trust")
            .field("ca", &self.ca)
            .field("server_name", &self.server_name)
            .field("skips_verification", &self.skips_verification)
            .finish_non_exhaustive()
    }
}

/// Takes any certificate; that its owner has the key is still checked.
#[derive(Debug)]
struct BelievesAnybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for BelievesAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn files_that_are_replaced_one_by_one_count_once_they_go_together() {
        let directory = Directory::new("trust");
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        let identity = || {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(vec!["proxy".to_owned()]).unwrap().self_signed(&key).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let (first, second) = (identity(), identity());
        std::fs::write(&certificate, &first.0).unwrap();
        std::fs::write(&key, &first.1).unwrap();
        let files = Files::default();
        let wanted = Wanted { client: Some((&certificate, &key)), skips_verification: true, ..Wanted::default() };
        let trust = Trust::open(&wanted, &files);
        let before = trust.config().unwrap();
        // Opening what is open already has the file looked at again.
        std::fs::write(&certificate, &second.0).unwrap();
        let _ = files.open(&certificate, Certificates::parse);
        assert!(trust.is_current(&before), "a certificate without its key changes nothing");
        std::fs::write(&key, &second.1).unwrap();
        let _ = files.open(&key, Key::parse);
        assert!(!trust.is_current(&before) && trust.config().is_ok());
        // At the start there is nothing to go on with.
        std::fs::write(&key, &first.1).unwrap();
        let unusable = Trust::open(&wanted, &Files::default()).config().unwrap_err();
        assert_eq!(unusable.member, "client_key_file");
    }
}
