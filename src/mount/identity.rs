//! A mount's `identity`, made ready: who may ask, what the upstream is told of
//! them, and what of it is signed.
//!
//! Owns the order: what a client claims goes first, what is so is said last.

use super::handle::Environment;
use super::spec::forwarding::Forwarding;
use super::spec::identity::{Part, Template};
use super::spec::{MountSpec, SpecFault};
use crate::files;
use crate::identity::htpasswd::Users;
use crate::identity::signer::{self, KeyFault, Terms};
use crate::identity::{Basic, Signer};
use crate::message::Fields;
use crate::policy::forwarded::Treatment;
use crate::policy::{identity, signature};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a user is known, where one is: as CGI has it (RFC 3875 §4.1.1).
const AUTH_TYPE: &[u8] = b"Basic";

/// An identity made ready for requests.
#[derive(Debug)]
pub struct Identity {
    basic: Option<Basic>,
    headers: Vec<(String, Template)>,
    signer: Option<Arc<Signer>>,
}

impl Identity {
    /// That of a spec, where it has one. Files that cannot be used are told in
    /// the log.
    #[must_use]
    pub fn of(mount: &MountSpec, environment: &Environment) -> Option<Self> {
        let spec = mount.identity.as_ref()?;
        let basic = spec.basic.as_ref().map(|basic| {
            Basic::open(Path::new(&basic.htpasswd_file), &basic.realm, &environment.files, &environment.passwords)
        });
        let signer = spec.sign.as_ref().map(|sign| {
            let told = spec.headers.iter().map(|(name, _)| name.to_ascii_lowercase().into());
            let terms = Terms {
                key_id: sign.key_id.clone(),
                expires: Duration::from_secs(sign.expires_s),
                tag: sign.tag.clone(),
                names: ours(&mount.forwarded).map(Into::into).chain(told).collect(),
                default_port: mount.kind.scheme().default_port(),
            };
            Arc::new(Signer::open(Path::new(&sign.keys_file), terms, &environment.files))
        });
        Some(Self { basic, headers: spec.headers.clone(), signer })
    }

    /// What checks who asks, where that is demanded.
    #[must_use]
    pub fn basic(&self) -> Option<&Basic> {
        self.basic.as_ref()
    }

    /// Removes what only we may say, and the password that was for us.
    pub fn strip(&self, fields: &mut Fields) {
        self.strip_claims(fields);
        if self.basic.is_some() {
            fields.retain(|field| !field.name.eq_ignore_ascii_case(b"authorization"));
        }
    }

    /// Removes what says who asks, whoever wrote it, and what could be taken
    /// for a field that is signed.
    fn strip_claims(&self, fields: &mut Fields) {
        identity::strip(fields, self.headers.iter().map(|(name, _)| name.as_str()));
        if let Some(signer) = &self.signer {
            signature::strip(fields);
            let is_double =
                |own: &[u8], name: &str| !own.eq_ignore_ascii_case(name.as_bytes()) && identity::reads_like(own, name);
            fields.retain(|field| !signer.names().iter().any(|name| is_double(field.name, name)));
        }
    }

    /// Says who asks. To be done last, so that nothing else can say it.
    pub fn tell(&self, fields: &mut Fields, user: Option<&str>) {
        self.strip_claims(fields);
        for (name, template) in &self.headers {
            let parts: Vec<&[u8]> = template
                .parts()
                .iter()
                .map(|part| match part {
                    Part::Literal(text) => text.as_bytes(),
                    Part::User => user.unwrap_or_default().as_bytes(),
                    Part::AuthType => user.map(|_| AUTH_TYPE).unwrap_or_default(),
                })
                .collect();
            fields.push_parts(name.as_bytes(), &parts);
        }
        if let Some(signer) = &self.signer {
            signature::settle(fields, signer.names());
        }
    }

    /// What signs each attempt.
    #[must_use]
    pub fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.clone()
    }
}

/// The forwarding fields that are ours and not the client's. What is only
/// passed on is never signed: it would look as if we had said it.
fn ours(forwarding: &Forwarding) -> impl Iterator<Item = &'static str> {
    [
        ("x-forwarded-for", forwarding.x_forwarded_for),
        ("x-forwarded-host", forwarding.x_forwarded_host),
        ("x-forwarded-proto", forwarding.x_forwarded_proto),
        ("x-forwarded-port", forwarding.x_forwarded_port),
        ("x-forwarded-prefix", forwarding.x_forwarded_prefix),
    ]
    .into_iter()
    .filter(|(_, treatment)| matches!(treatment, Treatment::Overwrite | Treatment::Append))
    .map(|(name, _)| name)
}

/// Reads the files that a spec names for its identity, and tells what is wrong
/// with them. Blocks.
#[must_use]
pub fn check_files(spec: &MountSpec) -> Vec<SpecFault> {
    let Some(identity) = &spec.identity else { return Vec::new() };
    let fault = |pointer: &str, detail| SpecFault { pointer: format!("/identity/{pointer}"), detail };
    let basic = identity.basic.as_ref().and_then(|basic| {
        let read = files::read(Path::new(&basic.htpasswd_file), Users::parse);
        read.err().map(|detail| fault("basic/htpasswd_file", detail))
    });
    let sign = identity.sign.as_ref().and_then(|sign| match signer::check(Path::new(&sign.keys_file), &sign.key_id) {
        Ok(()) => None,
        Err(KeyFault::File(detail)) => Some(fault("sign/keys_file", detail)),
        Err(KeyFault::Id(detail)) => Some(fault("sign/key_id", detail)),
    });
    basic.into_iter().chain(sign).collect()
}
