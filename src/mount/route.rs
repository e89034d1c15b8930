//! Where a mount's requests go: a spec's addresses, made ready.
//!
//! Owns the joining of targets, the `Host` that is sent, and which hosts a
//! request may name. Pure.

use super::spec::{BaseAddress, HostHeader, HostPattern, HostPort, MountKind, MountSpec, Scheme};
use crate::error::{Error, Kind};
use crate::exchange::{Destination, Exchange, Outbound};
use crate::message::{Authority, Span};
use crate::net::dial::Host;
use crate::net::{Access, Reach, Trust};
use ipnet::IpNet;
use std::sync::Arc;

/// Where one mount's requests go.
#[derive(Debug)]
pub enum Route {
    /// To a base address.
    Regular {
        /// The server.
        destination: Arc<Destination>,
        /// What the target begins with.
        base: Arc<[u8]>,
        /// The `Host` to send,
        host: Arc<[u8]>,
        /// unless it is the client's.
        preserves_host: bool,
        /// The matched prefix is left out of the target.
        strips_prefix: bool,
    },
    /// As given, to one server.
    Forced {
        /// The server.
        destination: Arc<Destination>,
        /// Hosts that a request may name; none is any.
        allowed: Vec<HostPattern>,
    },
    /// As given, to the server that the request names.
    Named {
        /// Hosts that a request may name.
        allowed: Vec<HostPattern>,
        /// Addresses that may be reached besides.
        also: Arc<[IpNet]>,
        /// How they are checked, where TLS is spoken.
        trust: Option<Arc<Trust>>,
    },
}

impl Route {
    /// That of a spec.
    #[must_use]
    pub fn of(spec: &MountSpec, trust: Option<Arc<Trust>>) -> Self {
        let named = spec.allow_addresses.as_slice();
        // Where none is named, all share one list.
        let also: Arc<[IpNet]> = if named.is_empty() { Arc::default() } else { named.into() };
        let reach = |access| Reach { access, also: Arc::clone(&also) };
        match &spec.kind {
            MountKind::Regular { address, strip_prefix, host_header } => {
                Self::regular(address, *strip_prefix, host_header, reach(Access::Local), trust)
            }
            MountKind::Transparent { force_host: Some(host), allowed_hosts, .. } => Self::Forced {
                destination: Arc::new(destination(host, reach(Access::Local), trust)),
                allowed: allowed_hosts.clone(),
            },
            MountKind::Transparent { allowed_hosts, .. } => Self::Named { allowed: allowed_hosts.clone(), also, trust },
        }
    }

    /// The upstream is sent the `Host` that the client has sent.
    #[must_use]
    pub fn passes_host(&self) -> bool {
        !matches!(self, Self::Regular { preserves_host: false, .. })
    }

    fn regular(
        address: &BaseAddress,
        strips_prefix: bool,
        host: &HostHeader,
        reach: Reach,
        trust: Option<Arc<Trust>>,
    ) -> Self {
        let own = address.host.to_string();
        Self::Regular {
            destination: Arc::new(destination(&address.host, reach, trust)),
            base: address.path.as_bytes().into(),
            host: if let HostHeader::Literal(host) = host { host } else { &own }.as_bytes().into(),
            preserves_host: *host == HostHeader::Preserve,
            strips_prefix,
        }
    }

    /// Where and how that request is sent on; refused where it names a host that
    /// may not be reached. `prefix_len` bytes of its raw path were matched.
    pub fn outbound(&self, exchange: &Exchange, prefix_len: usize) -> Result<Outbound, Error> {
        match self {
            Self::Regular { destination, base, host, preserves_host, strips_prefix } => Ok(Outbound {
                destination: Arc::clone(destination),
                target_base: Arc::clone(base),
                target_rest: remainder(exchange, if *strips_prefix { prefix_len } else { 0 }),
                host: if *preserves_host && exchange.route.authority.is_some() {
                    given_host(exchange)
                } else {
                    Some(Arc::clone(host))
                },
                signer: None,
            }),
            Self::Forced { destination, allowed } => {
                if !allowed.is_empty() {
                    named(exchange, allowed, default_port(destination.trust.as_ref()))?;
                }
                Ok(as_given(exchange, Arc::clone(destination)))
            }
            Self::Named { allowed, also, trust } => {
                let (host, access) = named(exchange, allowed, default_port(trust.as_ref()))?;
                let reach = Reach { access, also: Arc::clone(also) };
                Ok(as_given(exchange, Arc::new(destination(&host, reach, trust.clone()))))
            }
        }
    }
}

/// What is behind the matched prefix, without the slash that the base has
/// already. The base is never left: no dot segment comes this far.
fn remainder(exchange: &Exchange, prefix_len: usize) -> Span {
    let whole = exchange.bytes(exchange.route.path_and_query);
    let rest = whole.get(prefix_len..).unwrap_or_default();
    exchange.head.fields.locate(rest.strip_prefix(b"/").unwrap_or(rest))
}

/// The request as it was given, in origin form.
fn as_given(exchange: &Exchange, destination: Arc<Destination>) -> Outbound {
    let bare = exchange.bytes(exchange.route.path).is_empty();
    Outbound {
        destination,
        target_base: if bare { b"/"[..].into() } else { b""[..].into() },
        target_rest: exchange.route.path_and_query,
        host: given_host(exchange),
        signer: None,
    }
}

/// None leaves the `Host` that came in its place. An absolute target overrules
/// it (RFC 9112 §3.2.2).
fn given_host(exchange: &Exchange) -> Option<Arc<[u8]>> {
    let route = &exchange.route;
    route.authority.filter(|_| route.is_absolute).map(|span| exchange.bytes(span).into())
}

/// The server that the request names, if it is one of the allowed, and what its
/// name may stand for.
fn named(exchange: &Exchange, allowed: &[HostPattern], default_port: u16) -> Result<(HostPort, Access), Error> {
    let refused = |host: &str| Error::new(Kind::HostNotAllowed, host);
    let host = exchange.host().ok_or_else(|| refused("no host"))?;
    let authority = Authority { host, port: exchange.route.port };
    let canonical = authority.normal_host();
    let port = authority.port.unwrap_or(default_port);
    let pattern = allowed
        .iter()
        .find(|pattern| pattern.stands_for(&canonical) && pattern.host.port.unwrap_or(default_port) == port)
        .ok_or_else(|| refused(host))?;
    // Whoever runs the names below a wildcard must not point one of them at
    // this machine; a host named in full was meant. Where any host is allowed
    // nobody has named a network.
    let access = match pattern {
        pattern if pattern.is_any() => Access::Public,
        HostPattern { wildcard: true, .. } => Access::Private,
        HostPattern { wildcard: false, .. } => Access::Local,
    };
    Ok((HostPort { host: canonical, port: Some(port) }, access))
}

fn default_port(trust: Option<&Arc<Trust>>) -> u16 {
    if trust.is_some() { Scheme::Https } else { Scheme::Http }.default_port()
}

fn destination(host: &HostPort, reach: Reach, trust: Option<Arc<Trust>>) -> Destination {
    let address = Authority { host: &host.host, port: None }.ip();
    Destination {
        host: address.map_or_else(|| Host::Name(host.host.as_str().into()), Host::Address),
        port: host.port.unwrap_or(default_port(trust.as_ref())),
        trust,
        reach,
    }
}
