//! Edits of a message's fields: a mount's `request_headers` and
//! `response_headers`.
//!
//! Owns the names, and which fields nobody may edit.

use super::reader::{Reader, STRING_BYTES_MAX};
use crate::limits::HEADER_EDITS_MAX;
use crate::message::is_token;
use crate::policy::edits::{Edits, Template};
use serde_json::{Map, Value};

/// Fields of one connection or of framing: the proxy writes them itself, from
/// what it has understood.
const OF_THE_HOP: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Which message is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    fn member(self) -> &'static str {
        match self {
            Self::Request => "request_headers",
            Self::Response => "response_headers",
        }
    }
}

impl Reader {
    /// Reads the edits of one side.
    pub(super) fn edits(&mut self, object: &Map<String, Value>, side: Side) -> Edits {
        let parent = format!("/{}", side.member());
        let Some(edits) = self.object(object.get(side.member()), &parent, &["set", "add", "remove"]) else {
            return Edits::default();
        };
        let read = Edits {
            set: self.values(edits, &parent, "set", side),
            add: self.values(edits, &parent, "add", side),
            remove: self.list(edits, &parent, "remove", "a header field name", |name| {
                is_token(name.as_bytes()).then(|| name.to_owned())
            }),
        };
        for name in &read.remove {
            if let Err(detail) = check_name(name, side) {
                let entries = edits.get("remove").and_then(Value::as_array);
                let index = entries.and_then(|entries| entries.iter().position(|entry| entry == name));
                let pointer = index.map_or_else(|| format!("{parent}/remove"), |at| format!("{parent}/remove/{at}"));
                self.fault(pointer, format!("{name}: {detail}"));
            }
        }
        if read.set.len() + read.add.len() + read.remove.len() > HEADER_EDITS_MAX {
            self.fault(parent.clone(), format!("has more than {HEADER_EDITS_MAX} edits"));
        }
        for (at, (name, _)) in read.set.iter().enumerate() {
            let pointer = || pointer(&parent, "set", name);
            if read.set[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                self.fault(pointer(), "is set twice; names are the same in any case");
            }
            if read.remove.iter().any(|removed| removed.eq_ignore_ascii_case(name)) {
                self.fault(pointer(), "is in remove too; what is set replaces what came anyway");
            }
        }
        read
    }

    /// An object of field names and values.
    fn values(&mut self, edits: &Map<String, Value>, parent: &str, name: &str, side: Side) -> Vec<(String, Template)> {
        let Some(value) = edits.get(name) else { return Vec::new() };
        let Some(values) = value.as_object() else {
            self.fault(format!("{parent}/{name}"), "must be an object of field names and values");
            return Vec::new();
        };
        let mut read = Vec::with_capacity(values.len());
        for (field, value) in values {
            let template = check_name(field, side).and_then(|()| match value.as_str() {
                Some(text) if text.len() <= STRING_BYTES_MAX => Template::parse(text),
                Some(_) => Err(format!("longer than {STRING_BYTES_MAX} bytes")),
                None => Err("must be a string".into()),
            });
            match template {
                Ok(template) => read.push((field.clone(), template)),
                Err(detail) => self.fault(pointer(parent, name, field), detail),
            }
        }
        read
    }
}

fn pointer(parent: &str, name: &str, field: &str) -> String {
    format!("{parent}/{name}/{}", field.replace('~', "~0").replace('/', "~1"))
}

fn check_name(name: &str, side: Side) -> Result<(), String> {
    if !is_token(name.as_bytes()) {
        return Err("is not a header field name".into());
    }
    // Servers that know fields by CGI's names take `_` for `-`.
    let dashed = name.replace('_', "-").to_ascii_lowercase();
    if side == Side::Request && dashed == "host" {
        return Err("cannot be edited; host_header says which Host is sent".into());
    }
    if OF_THE_HOP.contains(&dashed.as_str()) {
        return Err(format!(
            "cannot be edited: {dashed} is about one connection or its framing, and the proxy writes it itself"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(side: Side, edits: Value) -> (Edits, Vec<String>) {
        let mut reader = Reader::default();
        let mount = json!({ side.member(): edits });
        let read = reader.edits(mount.as_object().unwrap(), side);
        (read, reader.faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn edits_are_written_as_they_were_read() {
        let given = json!({
            "set": { "X-B": "{host} {{}}", "x-a": "" }, "add": { "Set-Cookie": "a=b" }, "remove": ["X-Powered-By", "x-b-2"],
        });
        let (edits, faults) = read(Side::Response, given.clone());
        assert_eq!((serde_json::to_string(&edits).unwrap(), faults), (given.to_string(), vec![]));
        assert!(read(Side::Request, json!({})).0.is_empty());
        let (edits, _) = read(Side::Request, json!({ "remove": "Via X-A" }));
        assert_eq!(edits.remove, ["Via", "X-A"]);
    }

    #[test]
    fn fields_of_the_hop_and_of_framing_are_refused() {
        for name in OF_THE_HOP {
            for name in [name.to_owned(), name.to_ascii_uppercase(), name.replace('-', "_")] {
                for side in [Side::Request, Side::Response] {
                    let edits = json!({ "set": { &name: "x" }, "add": { &name: "x" }, "remove": ["ok", &name] });
                    let parent = format!("/{}", side.member());
                    let expected =
                        [format!("{parent}/set/{name}"), format!("{parent}/add/{name}"), format!("{parent}/remove/1")];
                    assert_eq!(read(side, edits).1, expected);
                }
            }
        }
        assert_eq!(read(Side::Request, json!({ "set": { "Host": "h" } })).1, ["/request_headers/set/Host"]);
        assert!(read(Side::Response, json!({ "set": { "Date": "d" } })).1.is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let many: Vec<String> = (0..=HEADER_EDITS_MAX).map(|number| format!("x-{number}")).collect();
        for (edits, expected) in [
            (json!([]), ""),
            (json!({ "replace": {} }), "/replace"),
            (json!({ "set": [] }), "/set"),
            (json!({ "set": { "a b": "x" } }), "/set/a b"),
            (json!({ "set": { "a/~b": "x" } }), "/set/a~1~0b"),
            (json!({ "set": { "": "x" } }), "/set/"),
            (json!({ "add": { "X": 5 } }), "/add/X"),
            (json!({ "add": { "X": "{nobody}" } }), "/add/X"),
            (json!({ "add": { "X": "a\r\nY: b" } }), "/add/X"),
            (json!({ "add": { "X": "x".repeat(3000) } }), "/add/X"),
            (json!({ "remove": ["ok", "a b"] }), "/remove/1"),
            (json!({ "remove": many }), ""),
            (json!({ "set": { "X": "1", "x": "2" } }), "/set/x"),
            (json!({ "set": { "X": "1" }, "remove": ["x"] }), "/set/X"),
        ] {
            assert_eq!(read(Side::Request, edits.clone()).1, [format!("/request_headers{expected}")], "{edits}");
        }
    }
}
