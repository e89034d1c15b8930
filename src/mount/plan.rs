//! What a mount does to a request and its reply: a spec, made ready.
//!
//! Owns the order of the policies. Pure, but for the chance that names a new
//! trace: it edits the exchange, `route` says where it goes, and upstream does
//! the rest.

use super::identity::Identity;
use super::route::Route;
use super::spec::bounds::{self, Limits};
use super::spec::{HostHeader, HostPort, MountKind, MountSpec, Traceparent};
use super::trust::Made;
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Outbound, Reply, RequestId};
use crate::http1::Framing;
use crate::identity::Basic;
use crate::message::{Authority, Fields, Known, Version};
use crate::policy::edits;
use crate::policy::location::{self, Mapping, Public, Upstream};
use crate::policy::{cookies, forwarded, hop_by_hop, methods, trace, trailers, via};
use crate::transform::{self, Rewriter};
use std::net::IpAddr;
use std::sync::Arc;

/// A spec made ready for requests. What can be read from the spec is not kept
/// here again, and what few mounts have is elsewhere: there may be many plans.
#[derive(Debug)]
pub struct Plan {
    spec: Arc<MountSpec>,
    forwarded: forwarded::Policy,
    pseudonym: Arc<str>,
    identity: Option<Box<Identity>>,
    trust: Option<Box<Made>>,
    /// What the upstream takes for its own, where something is rewritten.
    upstream: Option<Arc<Upstream>>,
    /// For the content of replies.
    rewriter: Option<Box<Rewriter>>,
    route: Route,
}

/// What is still known of a request when its reply has come.
#[derive(Debug)]
pub struct Afterwards {
    /// It forbids that content be changed on its way.
    pub forbids_transform: bool,
    /// What the client asked for.
    pub public: Arc<Public>,
    /// From the upstream's space to that, where something is rewritten.
    pub mapping: Option<Arc<Mapping>>,
    /// Who asked; a client on a Unix socket has no address.
    pub client: Option<IpAddr>,
    /// What logs and error answers call it.
    pub id: RequestId,
}

/// The scheme of the front, and the port that a client has asked for where it
/// has named none.
const FRONT_SCHEME: &str = "http";
const FRONT_PORT: u16 = 80;

impl Plan {
    /// Makes a spec ready. `pseudonym` names this proxy in `Via`.
    #[must_use]
    pub fn new(spec: &Arc<MountSpec>, pseudonym: Arc<str>, made: Option<Made>) -> Self {
        let route = Route::of(spec, made.as_ref().map(Made::trust));
        Self {
            forwarded: policy_of(spec),
            pseudonym,
            identity: None,
            trust: made.map(Box::new),
            upstream: (spec.rewrite.location || spec.rewrite.cookies).then(|| Arc::new(upstream_of(spec))),
            rewriter: Rewriter::new(&spec.rewrite.body).map(Box::new),
            route,
            spec: Arc::clone(spec),
        }
    }

    /// How many requests and tunnels there may be at a time.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.spec.limits
    }

    /// How the upstream is checked, where it speaks TLS.
    #[must_use]
    pub fn trust(&self) -> Option<&Made> {
        self.trust.as_deref()
    }

    /// Says who asks, where the mount does.
    #[must_use]
    pub fn identified(self, identity: Option<Identity>) -> Self {
        Self { identity: identity.map(Box::new), ..self }
    }

    /// What checks who asks, where that is demanded.
    #[must_use]
    pub fn basic(&self) -> Option<&Basic> {
        self.identity.as_ref()?.basic()
    }

    /// Edits the request and says where it goes. `prefix_len` bytes of its raw
    /// path were matched; `user` asks, if that is known. What is answered is for
    /// [`Plan::finish`]; nothing where the mount does not ask for it.
    pub fn prepare(
        &self,
        exchange: &mut Exchange,
        prefix_len: usize,
        user: Option<&str>,
    ) -> Result<Option<Box<Afterwards>>, Error> {
        let (methods, method) = (&self.spec.allowed_request_methods, exchange.head.method());
        if self.spec.disallowed_status == 400 {
            methods::check_as_paste(methods, method, &exchange.head.fields)?;
        } else {
            methods::check(methods, method)?;
        }
        if via::names(&exchange.head.fields, self.pseudonym.as_bytes()) {
            return Err(Kind::Loop.into());
        }
        let mut outbound = self.route.outbound(exchange, prefix_len)?;
        let bounds = bounds::of(self.spec.limits, self.spec.timeouts);
        exchange.bounds = bounds;
        if let Framing::Length(length) = exchange.framing
            && length > bounds.request_body_bytes
        {
            return Err(Kind::ContentTooLarge.into());
        }
        exchange.body.side().bounds = bounds;
        let fields = &mut exchange.head.fields;
        if self.suppresses("upgrade") {
            exchange.upgrade = None;
        }
        exchange.takes_trailers =
            exchange.head.version == Version::Http11 && trailers::wanted(fields) && !self.suppresses("te");
        let keep = hop_by_hop::Keep { upgrade: exchange.upgrade.is_some(), trailer: exchange.takes_trailers };
        hop_by_hop::strip_request(fields, keep);
        if let Some(identity) = &self.identity {
            identity.strip(fields);
        }
        let forbids_transform = self.rewriter.is_some() && transform::head::forbids_transform(fields);
        if self.rewriter.is_some() && !forbids_transform {
            transform::head::ask_for_rewritable(fields);
        }
        let suppressed = &self.spec.suppress_http_headers;
        if !suppressed.is_empty() {
            // Framing and Host are written from what was understood, so
            // suppressing them cannot break a message.
            fields.retain(|field| {
                field.known == Known::Host
                    || !suppressed.iter().any(|name| field.name.eq_ignore_ascii_case(name.as_bytes()))
            });
        }
        let client = exchange.peer.ip();
        let is_trusted = client
            .is_some_and(|client| self.spec.forwarded.trusted_peers.iter().any(|network| network.contains(&client)));
        let facts = forwarded::Facts {
            client,
            host: exchange.route.authority,
            port: exchange.route.port.unwrap_or(FRONT_PORT),
            scheme: FRONT_SCHEME,
            prefix: self.stripped_prefix(),
            pseudonym: self.pseudonym.as_bytes(),
            is_trusted,
        };
        let fields = &mut exchange.head.fields;
        self.forwarded.apply(fields, &facts);
        self.spec.forwarded.via.apply(fields, exchange.head.version, self.pseudonym.as_bytes());
        if self.spec.traceparent == Traceparent::Ensure {
            let (mut trace_id, mut parent_id) = ([0; 16], [0; 8]);
            getrandom::fill(&mut trace_id).map_err(|error| Error::new(Kind::Internal, error))?;
            getrandom::fill(&mut parent_id).map_err(|error| Error::new(Kind::Internal, error))?;
            trace::ensure(fields, trace_id, parent_id);
        }
        let afterwards = self.looks_back().then(|| Box::new(self.afterwards(exchange, is_trusted, forbids_transform)));
        let fields = &mut exchange.head.fields;
        if let Some(afterwards) = &afterwards {
            self.edit_request(fields, afterwards, &outbound);
            exchange.mapping = afterwards.mapping.clone().filter(|_| self.spec.rewrite.location);
        }
        if let Some(identity) = &self.identity {
            identity.tell(fields, user);
            outbound.signer = identity.signer();
        }
        hop_by_hop::ask(fields, exchange.upgrade.is_some(), exchange.takes_trailers);
        exchange.outbound = Some(outbound);
        Ok(afterwards)
    }

    /// Something is edited by what the request says.
    fn looks_back(&self) -> bool {
        self.upstream.is_some()
            || self.rewriter.is_some()
            || !self.spec.request_headers.is_default()
            || !self.spec.response_headers.is_default()
    }

    fn edit_request(&self, fields: &mut Fields, afterwards: &Afterwards, outbound: &Outbound) {
        if let (Some(mapping), true) = (&afterwards.mapping, self.spec.rewrite.location) {
            let own = || fields.first(Known::Host).map(Arc::from);
            if let Some(host) = outbound.host.clone().or_else(own) {
                location::rewrite_request(fields, mapping, &host);
            }
        }
        if let Some(edits) = self.spec.request_headers.get() {
            edits.apply(fields, &self.edit_facts(afterwards));
        }
    }

    fn edit_facts<'a>(&'a self, afterwards: &'a Afterwards) -> edits::Facts<'a> {
        edits::Facts {
            client: afterwards.client,
            host: afterwards.public.authority.as_deref().unwrap_or_default(),
            mount_id: &self.spec.id,
            request_id: &afterwards.id,
        }
    }

    /// `is_trusted`: what the request's fields say by now is what a proxy says
    /// whose word is taken.
    fn afterwards(&self, exchange: &Exchange, is_trusted: bool, forbids_transform: bool) -> Afterwards {
        let fields = &exchange.head.fields;
        let (scheme, authority) = if is_trusted { forwarded::public_origin(fields) } else { (None, None) };
        let asked = || exchange.route.authority.map(|span| exchange.bytes(span));
        let outer = fields.first(Known::XForwardedPrefix);
        let outer = outer.filter(|_| is_trusted && self.forwarded.prefix == forwarded::Treatment::Append);
        let public = Arc::new(Public {
            scheme: scheme.unwrap_or(FRONT_SCHEME),
            authority: authority.or_else(asked).map(Into::into),
            prefix: outer.unwrap_or_else(|| self.stripped_prefix()).into(),
        });
        let mapping = self.upstream.as_ref().map(|upstream| {
            let passed = asked().filter(|_| self.route.passes_host());
            Arc::new(Mapping::new(Arc::clone(upstream), Arc::clone(&public), passed))
        });
        Afterwards { forbids_transform, public, mapping, client: exchange.peer.ip(), id: exchange.id }
    }

    /// Edits the reply. `afterwards` is what [`Plan::prepare`] answered.
    pub fn finish(&self, reply: &mut Reply, afterwards: Option<&Afterwards>) {
        if let (Some(rewriter), Some(request)) = (&self.rewriter, afterwards)
            && !request.forbids_transform
        {
            rewriter.apply(reply);
        }
        // 426 must name the protocols that are wanted (RFC 9110 §15.5.22).
        let upgrade = matches!(reply.head.status, 101 | 426);
        let keep = hop_by_hop::Keep { upgrade, trailer: reply.takes_trailers };
        hop_by_hop::strip_response(&mut reply.head.fields, keep);
        let via = self.spec.forwarded.via_response;
        via.apply(&mut reply.head.fields, reply.head.version, self.pseudonym.as_bytes());
        if let Some(afterwards) = afterwards {
            self.edit_reply(&mut reply.head.fields, afterwards);
        }
    }

    fn edit_reply(&self, fields: &mut Fields, afterwards: &Afterwards) {
        if let Some(mapping) = &afterwards.mapping {
            if self.spec.rewrite.location {
                location::rewrite_reply(fields, mapping);
            }
            if self.spec.rewrite.cookies {
                cookies::rewrite(fields, mapping);
            }
        }
        // Last: what the administrator writes is not rewritten.
        if let Some(edits) = self.spec.response_headers.get() {
            edits.apply(fields, &self.edit_facts(afterwards));
        }
    }

    fn suppresses(&self, name: &str) -> bool {
        self.spec.suppress_http_headers.iter().any(|suppressed| suppressed == name)
    }

    /// What is left out of the path that is passed on.
    fn stripped_prefix(&self) -> &[u8] {
        let is_stripped = matches!(self.spec.kind, MountKind::Regular { strip_prefix: true, .. });
        let path = &self.spec.matches.path;
        if is_stripped && path != "/" { path.as_bytes() } else { b"" }
    }
}

fn policy_of(spec: &MountSpec) -> forwarded::Policy {
    let said = &spec.forwarded;
    forwarded::Policy {
        for_: said.x_forwarded_for,
        host: said.x_forwarded_host,
        proto: said.x_forwarded_proto,
        port: said.x_forwarded_port,
        prefix: said.x_forwarded_prefix,
        forwarded: said.forwarded,
        strips_rest: matches!(spec.kind, MountKind::Regular { .. }),
    }
}

/// What the upstream of that mount takes for its own.
fn upstream_of(spec: &MountSpec) -> Upstream {
    match &spec.kind {
        MountKind::Regular { address, host_header, .. } => {
            let literal = if let HostHeader::Literal(host) = host_header { Some(host.as_bytes()) } else { None };
            let names = [Some(address.host.authority()), literal.and_then(Authority::parse)];
            Upstream::new(address.scheme.as_str(), names.into_iter().flatten(), address.path.as_bytes())
        }
        // A path is the same on both sides.
        MountKind::Transparent { force_host, force_scheme, .. } => {
            Upstream::new(force_scheme.as_str(), force_host.as_ref().map(HostPort::authority), b"/")
        }
    }
}
