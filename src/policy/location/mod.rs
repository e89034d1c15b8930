//! URLs in the fields of a message: from the upstream's space to the one that
//! the client sees, and for `Destination` of a request back.
//!
//! Owns what both spaces are and which value belongs to which. Values are
//! compared parsed: scheme, host, port with its default, path by segments.
//! They keep their form, and what belongs to neither space is left alone.

mod fields;
mod reference;

use crate::message::Authority;
pub use fields::{rewrite_reply, rewrite_request};
use reference::{Form, Reference};
use std::sync::Arc;

/// What the client sees of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The scheme that it used, `http` or `https`.
    pub scheme: &'static str,
    /// The host that it asked for, with its port as written; none in HTTP/1.0
    /// without `Host`.
    pub authority: Option<Box<[u8]>>,
    /// The raw part of the path that stands for the upstream's base: empty, or
    /// with a slash in front and none at its end.
    pub prefix: Box<[u8]>,
}

/// What the upstream takes for its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    scheme: &'static str,
    /// What it is called: normal hosts with their ports.
    names: Box<[(String, u16)]>,
    /// Its base path without the slash at its end; empty for the root.
    base: Box<[u8]>,
}

impl Upstream {
    /// An upstream of that scheme and base path, which goes by those names.
    #[must_use]
    pub fn new<'a>(scheme: &'static str, names: impl IntoIterator<Item = Authority<'a>>, base: &[u8]) -> Self {
        Self {
            scheme,
            names: names.into_iter().map(|name| (name.normal_host(), port_of(&name, scheme))).collect(),
            base: base.strip_suffix(b"/").unwrap_or(base).into(),
        }
    }
}

/// From one space to the other, for one exchange.
#[derive(Debug, Clone)]
pub struct Mapping {
    upstream: Arc<Upstream>,
    public: Arc<Public>,
    /// The client's `Host`, where the upstream was sent it: then it goes by
    /// that name too.
    host: Option<Box<[u8]>>,
}

/// The port that an authority stands for.
fn port_of(authority: &Authority<'_>, scheme: &str) -> u16 {
    authority.port.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

fn is_same(a: &Authority<'_>, b: &Authority<'_>, scheme: &str) -> bool {
    port_of(a, scheme) == port_of(b, scheme) && a.normal_host() == b.normal_host()
}

impl Mapping {
    /// Between those two. `host` is the client's `Host`, where it was passed on.
    #[must_use]
    pub fn new(upstream: Arc<Upstream>, public: Arc<Public>, host: Option<&[u8]>) -> Self {
        Self { upstream, public, host: host.map(Into::into) }
    }

    /// What the client sees.
    #[must_use]
    pub fn public(&self) -> &Public {
        &self.public
    }

    /// The host that the client asked for.
    #[must_use]
    pub fn public_authority(&self) -> Option<Authority<'_>> {
        self.public.authority.as_deref().and_then(Authority::parse)
    }

    /// True for a host that the upstream goes by, at whatever port.
    #[must_use]
    pub fn is_upstream_host(&self, host: &str) -> bool {
        self.upstream.names.iter().any(|(name, _)| name == host)
            || self.passed_host().is_some_and(|passed| passed.normal_host() == host)
    }

    /// The public path for one of the upstream's; none for what is not below
    /// its base. Never empty.
    #[must_use]
    pub fn public_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        Some(joined(&self.public.prefix, reference::behind(&self.upstream.base, path)?))
    }

    /// The public form of a URL or a path that an upstream has written; none to
    /// leave it as it is.
    ///
    /// A relative reference stays: the client resolves it against a path that
    /// mirrors the upstream's. (One that climbs out of the base does not get
    /// anywhere, and no edit could say where it should.)
    #[must_use]
    pub fn to_public(&self, value: &[u8]) -> Option<Vec<u8>> {
        let reference = Reference::parse(value)?;
        let scheme = reference.scheme_or(self.upstream.scheme);
        if let Some(authority) = &reference.authority
            && (!self.is_upstream(scheme, authority)
                || self.is_public(scheme, authority) && self.is_public_path(&reference.path))
        {
            return None;
        }
        let path = self.public_path(&reference.path)?;
        let written = match (reference.form, self.public.authority.as_deref()) {
            (Form::Absolute(_), Some(authority)) => {
                [self.public.scheme.as_bytes(), b"://", authority, &path, reference.rest].concat()
            }
            (Form::SchemeRelative, Some(authority)) => [b"//", authority, &path, reference.rest].concat(),
            // A client that did not say whom it asks has to know it by itself.
            (Form::Path, _) | (_, None) => path_only(&path, reference.rest),
        };
        (written != value).then_some(written)
    }

    /// The upstream's form of a URL or a path of this mount that a client has
    /// written; none to leave it as it is. `host` is the `Host` that is sent.
    #[must_use]
    pub fn to_upstream(&self, value: &[u8], host: &[u8]) -> Option<Vec<u8>> {
        let reference = Reference::parse(value)?;
        let scheme = reference.scheme_or(self.public.scheme);
        if reference.authority.is_some_and(|authority| !self.is_public(scheme, &authority)) {
            return None;
        }
        let rest = reference::behind(&self.public.prefix, &reference.path)?;
        // The bare prefix is the base itself, as in a request's target.
        let path = joined(&self.upstream.base, if rest.is_empty() { b"/" } else { rest });
        let written = match reference.form {
            Form::Absolute(_) => [self.upstream.scheme.as_bytes(), b"://", host, &path, reference.rest].concat(),
            Form::SchemeRelative => [b"//", host, &path, reference.rest].concat(),
            Form::Path => path_only(&path, reference.rest),
        };
        (written != value).then_some(written)
    }

    /// True for a path on a host that both go by which is the public one's
    /// rather than the upstream's: of two prefixes that fit, the longer counts.
    fn is_public_path(&self, path: &[u8]) -> bool {
        let segments = |prefix: &[u8]| memchr::memchr_iter(b'/', prefix).count();
        reference::behind(&self.public.prefix, path).is_some()
            && segments(&self.public.prefix) >= segments(&self.upstream.base)
    }

    fn passed_host(&self) -> Option<Authority<'_>> {
        self.host.as_deref().and_then(Authority::parse)
    }

    fn is_public(&self, scheme: &str, authority: &Authority<'_>) -> bool {
        scheme == self.public.scheme
            && self.public_authority().is_some_and(|public| is_same(&public, authority, scheme))
    }

    fn is_upstream(&self, scheme: &str, authority: &Authority<'_>) -> bool {
        // An upstream that was sent the client's Host may know its scheme too.
        let goes_by_host = (scheme == self.upstream.scheme || scheme == self.public.scheme)
            && self.passed_host().is_some_and(|passed| is_same(&passed, authority, scheme));
        goes_by_host
            || scheme == self.upstream.scheme && {
                let (host, port) = (authority.normal_host(), port_of(authority, scheme));
                self.upstream.names.iter().any(|name| name.0 == host && name.1 == port)
            }
    }
}

/// A prefix without a slash at its end, and what is behind it.
fn joined(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    if prefix.is_empty() && rest.is_empty() { b"/".to_vec() } else { [prefix, rest].concat() }
}

/// A path that stands alone. Two slashes in front would name a host; a dot
/// segment between them resolves to the same path and names none.
fn path_only(path: &[u8], rest: &[u8]) -> Vec<u8> {
    let guard: &[u8] = if path.starts_with(b"//") { b"/." } else { b"" };
    [guard, path, rest].concat()
}

#[cfg(test)]
mod tests;
