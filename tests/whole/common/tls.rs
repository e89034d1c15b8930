//! Certificates of every kind, and a scripted TLS origin.

use super::PATIENCE;
use super::directory::Directory;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// An authority of one's own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    own: Identity,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// When a certificate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let own = Identity { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() };
        Self { issuer: Issuer::new(params, key), own }
    }

    /// Its own certificate, which is no server's.
    pub(crate) fn own(&self) -> &Identity {
        &self.own
    }

    /// Writes its certificate to a file.
    pub(crate) fn write(&self, directory: &Directory, name: &str) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, &self.own.certificate).unwrap();
        path
    }

    /// A certificate for a server or client of those names.
    pub(crate) fn identity(&self, names: &[&str], validity: Validity) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        match validity {
            Validity::Now => {}
            Validity::Past => {
                (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
            }
            Validity::Future => params.not_before = date_time_ymd(2090, 1, 1),
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// How a server of that identity speaks.
    pub(crate) fn server(
        &self,
        identity: &Identity,
        wants_client: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.own.certificate.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let certificates = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        builder.with_single_cert(certificates, key).unwrap()
    }
}

impl Identity {
    /// Writes certificate and key to files.
    pub(crate) fn write(&self, directory: &Directory, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (directory.join(&format!("{name}.pem")), directory.join(&format!("{name}.key")));
        std::fs::write(&certificate, &self.certificate).unwrap();
        std::fs::write(&key, &self.key).unwrap();
        (certificate, key)
    }
}

/// One connection as the origin sees it.
pub(crate) struct Conn {
    stream: StreamOwned<ServerConnection, TcpStream>,
    ahead: Vec<u8>,
}

/// A TLS origin on loopback, one thread for each connection.
pub(crate) struct TlsOrigin {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    names: Mutex<Vec<Option<String>>>,
    stop: AtomicBool,
}

impl TlsOrigin {
    /// Runs the script for each connection whose handshake succeeds.
    pub(crate) fn serve(config: ServerConfig, script: impl Fn(Conn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = {
            let (shared, config, script) = (Arc::clone(&shared), Arc::new(config), Arc::new(script));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let stream = stream.unwrap();
                    if shared.stop.load(Ordering::Acquire) {
                        return;
                    }
                    shared.connections.fetch_add(1, Ordering::AcqRel);
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (shared, config, script) = (Arc::clone(&shared), Arc::clone(&config), Arc::clone(&script));
                    std::thread::spawn(move || {
                        let mut session = ServerConnection::new(config).unwrap();
                        let mut stream = stream;
                        while session.is_handshaking() {
                            if session.complete_io(&mut stream).is_err() {
                                return;
                            }
                        }
                        shared.names.lock().unwrap().push(session.server_name().map(str::to_owned));
                        script(Conn { stream: StreamOwned::new(session, stream), ahead: Vec::new() });
                    });
                }
            })
        };
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Answers every request with that body.
    pub(crate) fn answering(config: ServerConfig, body: &'static str) -> Self {
        Self::serve(config, move |mut conn| {
            while conn.head().is_some() {
                conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
            }
        })
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// The names that were asked for (SNI), by connection.
    pub(crate) fn names(&self) -> Vec<Option<String>> {
        self.shared.names.lock().unwrap().clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for TlsOrigin {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().unwrap();
        }
    }
}

impl Conn {
    /// The next request head, or none at the end.
    pub(crate) fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.ahead.split_off(at + 4);
                let head = std::mem::replace(&mut self.ahead, rest);
                return Some(String::from_utf8(head).unwrap());
            }
            if !self.more() {
                return None;
            }
        }
    }

    /// That many bytes behind it.
    pub(crate) fn body(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            assert!(self.more(), "the body ended early");
        }
        self.ahead.drain(..length).collect()
    }

    fn more(&mut self) -> bool {
        let mut block = [0; 16384];
        match self.stream.read(&mut block) {
            Ok(count) if count > 0 => {
                self.ahead.extend_from_slice(&block[..count]);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush());
    }

    /// Says that this is all, as TLS does.
    pub(crate) fn close(mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }
}
