//! A mount's `tls`, made ready; and the warning where it checks nothing.

use super::spec::tls::{Tls, TlsVersion};
use super::spec::{MountSpec, Scheme, SpecFault};
use crate::files::Files;
use crate::net::trust::{Trust, Wanted};
use crate::oplog;
use std::path::Path;
use std::sync::Arc;

/// The trust of one mount, and what it was made for.
#[derive(Debug, Clone)]
pub struct Made {
    wanted: Option<Box<Tls>>,
    trust: Arc<Trust>,
}

impl Made {
    /// The trust.
    #[must_use]
    pub fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust)
    }
}

/// How the upstream of that mount is checked; none where it speaks no TLS.
/// What was made `before` for the same wishes stays, and connections with it.
/// Blocks while files are read.
#[must_use]
pub fn of(spec: &MountSpec, before: Option<&Made>, files: &Files) -> Option<Made> {
    if !speaks_tls(spec) {
        return None;
    }
    if let Some(made) = before.filter(|made| made.wanted == spec.tls) {
        return Some(made.clone());
    }
    let wanted = spec.tls.as_deref().map(wanted).unwrap_or_default();
    if wanted.skips_verification {
        oplog::warn(format_args!(
            "mount {}: insecure_skip_verify is on: whoever answers for its upstream is believed",
            spec.id
        ));
    }
    let trust = Trust::open(&wanted, files);
    if let Err(unusable) = trust.config() {
        oplog::error(format_args!("mount {}: tls.{}: {}", spec.id, unusable.member, unusable.detail));
    }
    Some(Made { wanted: spec.tls.clone(), trust: Arc::new(trust) })
}

/// True where requests of that mount go out encrypted.
#[must_use]
pub fn speaks_tls(spec: &MountSpec) -> bool {
    spec.kind.scheme() == Scheme::Https
}

/// Reads the files that a spec names for TLS, and tells what is wrong with
/// them. Blocks.
#[must_use]
pub fn check_files(spec: &MountSpec) -> Vec<SpecFault> {
    let Some(tls) = spec.tls.as_deref().filter(|_| speaks_tls(spec)) else { return Vec::new() };
    // Files of its own: what is checked is not watched.
    let checked = Trust::open(&wanted(tls), &Files::default()).config();
    let fault = |unusable: crate::net::trust::Unusable| SpecFault {
        pointer: format!("/tls/{}", unusable.member),
        detail: unusable.detail,
    };
    checked.err().map(fault).into_iter().collect()
}

fn wanted(tls: &Tls) -> Wanted<'_> {
    Wanted {
        ca_file: tls.ca_file.as_deref().map(Path::new),
        client: tls
            .client_certificate_file
            .as_deref()
            .map(Path::new)
            .zip(tls.client_key_file.as_deref().map(Path::new)),
        server_name: tls.server_name.as_deref(),
        tls13_only: tls.min_version == TlsVersion::Tls13,
        skips_verification: tls.insecure_skip_verify,
    }
}
