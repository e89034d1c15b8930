//! What an upstream is told of the original request: a mount's `forwarded`.
//!
//! Owns the names and the defaults, which differ by kind: a regular mount says
//! what it knows, a transparent one changes as little as `paste.proxy` does.

use super::network;
use super::reader::Reader;
use crate::policy::forwarded::Treatment;
use crate::policy::via::Treatment as Via;
use ipnet::IpNet;
use serde::Serialize;
use serde_json::Value;

/// What is done to each of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forwarding {
    /// `X-Forwarded-For`: the client's address.
    pub x_forwarded_for: Treatment,
    /// `X-Forwarded-Host`: the host that the client asked for.
    pub x_forwarded_host: Treatment,
    /// `X-Forwarded-Proto`: the scheme that it used.
    pub x_forwarded_proto: Treatment,
    /// `X-Forwarded-Port`: the port that it used.
    pub x_forwarded_port: Treatment,
    /// `X-Forwarded-Prefix`: the part of the path that was left out.
    pub x_forwarded_prefix: Treatment,
    /// `Forwarded` (RFC 7239).
    pub forwarded: Treatment,
    /// `Via` of requests.
    pub via: Via,
    /// `Via` of replies.
    pub via_response: Via,
    /// Networks of proxies whose word is taken.
    pub trusted_peers: Vec<IpNet>,
}

impl Forwarding {
    /// What is done where nothing is said.
    #[must_use]
    pub fn default_of(is_transparent: bool) -> Self {
        let known = if is_transparent { Treatment::Pass } else { Treatment::Overwrite };
        let rest = if is_transparent { Treatment::Pass } else { Treatment::Off };
        Self {
            x_forwarded_for: if is_transparent { Treatment::Keep } else { Treatment::Overwrite },
            x_forwarded_host: known,
            x_forwarded_proto: known,
            x_forwarded_port: rest,
            x_forwarded_prefix: known,
            forwarded: rest,
            via: Via::On,
            via_response: Via::Off,
            trusted_peers: Vec::new(),
        }
    }
}

impl Reader {
    /// Reads `forwarded`.
    pub(super) fn forwarding(&mut self, value: Option<&Value>, is_transparent: bool) -> Forwarding {
        const POINTER: &str = "/forwarded";
        const NAMES: [&str; 10] = [
            "x_forwarded",
            "x_forwarded_for",
            "x_forwarded_host",
            "x_forwarded_proto",
            "x_forwarded_port",
            "x_forwarded_prefix",
            "forwarded",
            "via",
            "via_response",
            "trusted_peers",
        ];
        let default = Forwarding::default_of(is_transparent);
        let Some(object) = self.object(value, POINTER, &NAMES) else { return default };
        let mut word = |name| self.word(object, POINTER, name, &Treatment::WORDS);
        let all = word("x_forwarded");
        let mut one = |name, default| word(name).or(all).unwrap_or(default);
        let (for_, host) =
            (one("x_forwarded_for", default.x_forwarded_for), one("x_forwarded_host", default.x_forwarded_host));
        let (proto, port) =
            (one("x_forwarded_proto", default.x_forwarded_proto), one("x_forwarded_port", default.x_forwarded_port));
        let prefix = one("x_forwarded_prefix", default.x_forwarded_prefix);
        let forwarded = word("forwarded").unwrap_or(default.forwarded);
        let mut via = |name| self.word(object, POINTER, name, &Via::WORDS);
        Forwarding {
            x_forwarded_for: for_,
            x_forwarded_host: host,
            x_forwarded_proto: proto,
            x_forwarded_port: port,
            x_forwarded_prefix: prefix,
            forwarded,
            via: via("via").unwrap_or(default.via),
            via_response: via("via_response").unwrap_or(default.via_response),
            trusted_peers: self.list(object, POINTER, "trusted_peers", "a network, as in 10.0.0.0/8", network),
        }
    }
}
