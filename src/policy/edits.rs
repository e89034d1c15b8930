//! Fields that a mount sets, adds and removes.
//!
//! Owns the variables a value may have, their syntax, and the order: remove,
//! set, add. Read once; which fields may be edited is the spec's business.

use crate::message::Fields;
use serde::{Serialize, Serializer};
use std::fmt::{Display, Write};
use std::net::IpAddr;

/// Edits of a message's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Edits {
    /// In the place of whatever came under that name.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub set: Vec<(String, Template)>,
    /// Besides whatever came under that name.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub add: Vec<(String, Template)>,
    /// Every line of that name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

fn as_map<S: Serializer>(edits: &[(String, Template)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(edits.iter().map(|(name, template)| (name, &template.text)))
}

/// A value with variables: `{name}`, and `{{` and `}}` for braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// As it was written.
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(Variable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    ClientAddress,
    Host,
    MountId,
    RequestId,
}

const VARIABLES: [(&str, Variable); 4] = [
    ("client_address", Variable::ClientAddress),
    ("host", Variable::Host),
    ("mount_id", Variable::MountId),
    ("request_id", Variable::RequestId),
];

/// What the variables stand for.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The client's address; none on a Unix socket, which reads `unknown`.
    pub client: Option<IpAddr>,
    /// The host that the client asked for, with its port as written; may be
    /// empty in HTTP/1.0.
    pub host: &'a [u8],
    /// The mount.
    pub mount_id: &'a str,
    /// What logs and error answers call the request.
    pub request_id: &'a dyn Display,
}

impl Template {
    /// Reads a value; the error says what to do about it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err("must be on one line and without control characters".into());
        }
        if text.trim_matches([' ', '\t']).len() != text.len() {
            return Err("must not begin or end with white space, which no recipient would see".into());
        }
        Ok(Self { text: text.to_owned(), pieces: pieces(text)? })
    }

    fn written(&self, facts: &Facts<'_>) -> Vec<u8> {
        let mut value = Vec::with_capacity(self.text.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => value.extend_from_slice(text.as_bytes()),
                Piece::Variable(Variable::Host) => value.extend_from_slice(facts.host),
                Piece::Variable(Variable::MountId) => value.extend_from_slice(facts.mount_id.as_bytes()),
                Piece::Variable(Variable::ClientAddress) => match facts.client {
                    Some(client) => push(&mut value, &client),
                    None => value.extend_from_slice(b"unknown"),
                },
                Piece::Variable(Variable::RequestId) => push(&mut value, facts.request_id),
            }
        }
        value
    }
}

fn push(value: &mut Vec<u8>, shown: &dyn Display) {
    let mut text = String::new();
    // Writing to memory cannot fail.
    let _ = write!(text, "{shown}");
    value.extend_from_slice(text.as_bytes());
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let (name, after) = rest.split_once('}').filter(|_| brace == "{").ok_or_else(|| {
            format!("has a '{brace}' without its other half; write '{brace}{brace}' for the character itself")
        })?;
        let found = VARIABLES.iter().find(|(known, _)| *known == name);
        let (_, variable) = found.ok_or_else(|| {
            let known = VARIABLES.map(|(known, _)| format!("{{{known}}}")).join(", ");
            format!("has an unknown variable '{{{name}}}'; known are {known}; write '{{{{' for a brace itself")
        })?;
        pieces.extend((!plain.is_empty()).then(|| Piece::Text(std::mem::take(&mut plain))));
        pieces.push(Piece::Variable(*variable));
        rest = after;
    }
    plain.push_str(rest);
    pieces.extend((!plain.is_empty()).then_some(Piece::Text(plain)));
    Ok(pieces)
}

impl Edits {
    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }

    /// Removes, sets and adds, in this order.
    pub fn apply(&self, fields: &mut Fields, facts: &Facts<'_>) {
        let is_gone = |name: &[u8]| {
            let mut gone = self.remove.iter().chain(self.set.iter().map(|(name, _)| name));
            gone.any(|gone| name.eq_ignore_ascii_case(gone.as_bytes()))
        };
        fields.retain(|field| !is_gone(field.name));
        for (name, template) in self.set.iter().chain(&self.add) {
            fields.push(name.as_bytes(), &template.written(facts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            client: Some("2001:db8::1".parse().unwrap()),
            host: b"public.example:8443",
            mount_id: "shop",
            request_id: &"0000002a-7",
        }
    }

    fn written(text: &str) -> String {
        String::from_utf8(Template::parse(text).unwrap().written(&facts())).unwrap()
    }

    #[test]
    fn variables_are_filled_in_and_braces_can_be_written() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{client_address}", "2001:db8::1"),
            ("https://{host}/{mount_id}?r={request_id}", "https://public.example:8443/shop?r=0000002a-7"),
            ("{{host}} {{{host}}}", "{host} {public.example:8443}"),
            ("{host}{host}", "public.example:8443public.example:8443"),
            ("a\tb é", "a\tb é"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
        let nobody = Facts { client: None, ..facts() };
        assert_eq!(Template::parse("{client_address}").unwrap().written(&nobody), b"unknown");
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_a_reason() {
        for bad in ["{", "}", "a{b", "a}b", "{}", "{host", "host}", "{Host}", "{ host }", "{{host}", "{no}"] {
            assert!(Template::parse(bad).unwrap_err().contains("write '"), "{bad}");
        }
        assert!(Template::parse("{no}").unwrap_err().contains("{client_address}, {host}, {mount_id}, {request_id}"));
        for bad in ["a\rb", "a\nX: y", "a\0b", "a\x7fb", " a", "a ", "\ta", "a\u{1}"] {
            Template::parse(bad).unwrap_err();
        }
    }

    #[test]
    fn what_is_removed_goes_before_anything_is_set_or_added() {
        let template = |text| Template::parse(text).unwrap();
        let edits = Edits {
            set: vec![("X-Set".into(), template("new"))],
            add: vec![("x-added".into(), template("2")), ("X-Removed".into(), template("ours"))],
            remove: vec!["X-Removed".into()],
        };
        let mut fields = Fields::default();
        for (name, value) in [("x-set", "1"), ("Kept", "k"), ("X-SET", "2"), ("X-Added", "1"), ("x-removed", "theirs")]
        {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        edits.apply(&mut fields, &facts());
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(
            lines,
            [
                (&b"Kept"[..], &b"k"[..]),
                (b"X-Added", b"1"),
                (b"X-Set", b"new"),
                (b"x-added", b"2"),
                (b"X-Removed", b"ours"),
            ]
        );
        let json = serde_json::to_string(&edits).unwrap();
        assert_eq!(json, r#"{"set":{"X-Set":"new"},"add":{"x-added":"2","X-Removed":"ours"},"remove":["X-Removed"]}"#);
        assert_eq!(serde_json::to_string(&Edits::default()).unwrap(), "{}");
    }
}
