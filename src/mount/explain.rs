//! What a mount would send on: the plan of its traffic, and nothing is sent.
//!
//! Owns telling a prepared exchange in words, and how its fields differ from
//! what came. Pure; it counts nothing, checks no password and makes no
//! signature.

use super::plan::Plan;
use super::spec::Scheme;
use crate::error::Error;
use crate::exchange::{Exchange, Outbound};
use crate::http1::encode;
use crate::message::{Fields, Known};
use crate::net::dial::Host;
use serde::Serialize;
use std::net::IpAddr;

/// One field line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// In the case that it has.
    pub name: String,
    /// As text; what is no UTF-8 is shown as such.
    pub value: String,
}

/// A request as its upstream would get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The whole URL.
    pub url: String,
    /// The server that would be dialled, as `host:port`.
    pub address: String,
    /// What the request line has.
    pub target: String,
    /// Its fields, in their order.
    pub headers: Vec<Line>,
}

/// How a field differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// It did not come.
    Added,
    /// It is not passed on.
    Removed,
    /// It has other values.
    Changed,
}

/// One field that is not passed on as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldEdit {
    /// Which.
    pub name: String,
    /// How.
    pub edit: Difference,
}

/// What stands where a signature would: it is made anew for each attempt.
const SIGNATURE: &str = "(made when it is sent)";

/// Has the plan prepare an exchange, whose path has that prefix, and tells what
/// would be sent; or why it would be refused.
pub fn sent(plan: &Plan, exchange: &mut Exchange, prefix_len: usize) -> Result<Sent, Error> {
    plan.prepare(exchange, prefix_len, None)?;
    let Some(outbound) = &exchange.outbound else {
        return Err(Error::new(crate::error::Kind::Internal, "a prepared request that goes nowhere"));
    };
    let fields = &exchange.head.fields;
    let host = outbound.host.as_deref().or_else(|| fields.first(Known::Host)).unwrap_or_default();
    let target = [&*outbound.target_base, exchange.bytes(outbound.target_rest)];
    let added: &[(&[u8], &[u8])] = &[(b"Signature-Input", SIGNATURE.as_bytes()), (b"Signature", SIGNATURE.as_bytes())];
    let added = if outbound.signer.is_some() { added } else { &[] };
    let mut head = Vec::with_capacity(1024);
    let method = exchange.head.method();
    encode::request(&mut head, &encode::Request { method, target, host, fields, added, framing: exchange.framing });
    let target = text(&target.concat());
    let (address, server) = address(outbound);
    let scheme = if outbound.destination.trust.is_some() { Scheme::Https } else { Scheme::Http };
    let url = match outbound.destination.port == scheme.default_port() {
        true => format!("{}://{server}{target}", scheme.as_str()),
        false => format!("{}://{address}{target}", scheme.as_str()),
    };
    Ok(Sent { url, address, target, headers: written(&head) })
}

/// `host:port`, and the host alone.
fn address(outbound: &Outbound) -> (String, String) {
    let destination = &outbound.destination;
    let server = match &destination.host {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    };
    (format!("{server}:{}", destination.port), server)
}

/// The fields of a head that was written.
fn written(head: &[u8]) -> Vec<Line> {
    let lines = text(head);
    let lines = lines.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| Line { name: name.into(), value: value.into() }).collect()
}

/// The fields of a head that came.
#[must_use]
pub fn lines(fields: &Fields) -> Vec<Line> {
    fields.iter().map(|field| Line { name: text(field.name), value: text(field.value) }).collect()
}

/// Every field that differs, in the order in which they came and were added.
#[must_use]
pub fn edits(before: &[Line], after: &[Line]) -> Vec<FieldEdit> {
    let values = |lines: &[Line], name: &str| -> Vec<String> {
        let named = lines.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
        named.map(|line| line.value.clone()).collect()
    };
    let mut edits: Vec<FieldEdit> = Vec::new();
    for name in before.iter().chain(after).map(|line| &line.name) {
        if edits.iter().any(|edit| edit.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let (came, goes) = (values(before, name), values(after, name));
        let edit = match (came.is_empty(), goes.is_empty()) {
            (true, _) => Difference::Added,
            (_, true) => Difference::Removed,
            _ if came == goes => continue,
            _ => Difference::Changed,
        };
        edits.push(FieldEdit { name: name.clone(), edit });
    }
    edits
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &[(&str, &str)]) -> Vec<Line> {
        lines.iter().map(|(name, value)| Line { name: (*name).into(), value: (*value).into() }).collect()
    }

    #[test]
    fn fields_differ_by_all_of_their_values() {
        let before = all(&[("Host", "a"), ("X-Same", "1"), ("x-two", "1"), ("X-Two", "2"), ("Cookie", "c")]);
        let after = all(&[("Host", "b"), ("x-same", "1"), ("X-Two", "1"), ("Via", "1.1 p"), ("via", "1.1 q")]);
        let edits: Vec<(String, Difference)> =
            edits(&before, &after).into_iter().map(|edit| (edit.name, edit.edit)).collect();
        let expected = [
            ("Host", Difference::Changed),
            ("x-two", Difference::Changed),
            ("Cookie", Difference::Removed),
            ("Via", Difference::Added),
        ];
        assert_eq!(edits, expected.map(|(name, edit)| (name.to_owned(), edit)));
    }
}
