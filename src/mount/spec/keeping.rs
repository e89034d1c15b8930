//! How a mount is kept: whether it is switched on, how long it lives without
//! its owner's word, and what people and scripts write on it.

use super::reader::{Reader, SpecFault, escaped};
use crate::limits::{LABELS_MAX, LEASE_TTL_S_MAX, METADATA_BYTES_MAX};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names and values for selection and ownership.
pub type Labels = BTreeMap<String, String>;

/// The label that says whose a mount is.
pub const OWNER: &str = "owner";

/// A life that ends unless it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// How long one renewal lasts, in seconds.
    pub ttl_s: u32,
    /// What happens when nobody renews it.
    pub on_expiry: OnExpiry,
}

/// What becomes of a mount whose lease has run out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExpiry {
    /// It is removed.
    #[default]
    Delete,
    /// It takes no more requests; those on their way may finish.
    Disable,
    /// The same, and what does not finish in time is cut off.
    Drain,
}

/// The words of [`OnExpiry`].
pub const ON_EXPIRY: [(&str, OnExpiry); 3] =
    [("delete", OnExpiry::Delete), ("disable", OnExpiry::Disable), ("drain", OnExpiry::Drain)];

/// Reads a lease that is sent by itself.
pub fn parse_lease(value: &Value) -> Result<Lease, Vec<SpecFault>> {
    let mut reader = Reader::default();
    let lease = reader.lease(Some(value));
    let mut faults = reader.faults;
    for fault in &mut faults {
        fault.pointer = fault.pointer.strip_prefix("/lease").unwrap_or_default().to_owned();
    }
    lease.filter(|_| faults.is_empty()).ok_or(faults)
}

impl Reader {
    /// Reads `lease`; null is none.
    pub(super) fn lease(&mut self, value: Option<&Value>) -> Option<Lease> {
        let value = value.filter(|value| !value.is_null())?;
        let object = self.object(Some(value), "/lease", &["ttl_s", "on_expiry"])?;
        let ttl_s = self.number(object, "/lease", "ttl_s", 1..=u64::from(LEASE_TTL_S_MAX));
        if ttl_s.is_none() && object.get("ttl_s").is_none_or(Value::is_null) {
            self.fault("/lease/ttl_s", "is missing: how many seconds a renewal lasts");
        }
        let on_expiry = self.word(object, "/lease", "on_expiry", &ON_EXPIRY).unwrap_or_default();
        Some(Lease { ttl_s: u32::try_from(ttl_s?).unwrap_or(u32::MAX), on_expiry })
    }

    /// Reads `labels`.
    pub(super) fn labels(&mut self, value: Option<&Value>) -> Labels {
        let Some(value) = value else { return Labels::new() };
        let Some(object) = value.as_object() else {
            self.fault("/labels", "must be an object of names and texts, as in {\"owner\": \"ci\"}");
            return Labels::new();
        };
        if object.len() > LABELS_MAX {
            self.fault("/labels", format!("has more than {LABELS_MAX} entries"));
            return Labels::new();
        }
        let mut labels = Labels::new();
        for (name, value) in object {
            let pointer = format!("/labels/{}", escaped(name));
            match value.as_str() {
                _ if !is_label_name(name) => {
                    self.fault(
                        pointer,
                        "a label's name is 1 to 63 of a-z A-Z 0-9 . _ - / and begins with a letter or digit",
                    );
                }
                Some(text) if is_label_value(text) => drop(labels.insert(name.clone(), text.to_owned())),
                _ => self.fault(pointer, "must be a text of at most 255 printable characters"),
            }
        }
        labels
    }

    /// Reads `metadata`: any object, kept as it is.
    pub(super) fn metadata(&mut self, value: Option<&Value>) -> Map<String, Value> {
        match value {
            None => Map::new(),
            Some(Value::Object(object)) if value.is_some_and(|value| value.to_string().len() <= METADATA_BYTES_MAX) => {
                object.clone()
            }
            Some(Value::Object(_)) => {
                self.fault("/metadata", format!("has more than {METADATA_BYTES_MAX} bytes"));
                Map::new()
            }
            Some(_) => {
                self.fault("/metadata", "must be an object");
                Map::new()
            }
        }
    }
}

fn is_label_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    (1..=63).contains(&name.len())
        && name.bytes().all(rest)
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

/// True for a text that a label may have.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.chars().count() <= 255 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::spec::{Id, MountSpec, parse};
    use serde_json::json;

    fn read(members: Value) -> Result<MountSpec, Vec<String>> {
        let mut mount = json!({"kind": "regular", "address": "http://h/"});
        mount.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        parse(&mount, Id::Given("m")).map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn how_a_mount_is_kept_is_read_and_written_back() {
        let spec = read(json!({
            "enabled": false, "lease": {"ttl_s": 60}, "labels": {"owner": "ci", "a/b": "ä b"},
            "metadata": {"any": [1, {"thing": null}]},
        }))
        .unwrap();
        assert!(!spec.enabled);
        assert_eq!(spec.lease, Some(Lease { ttl_s: 60, on_expiry: OnExpiry::Delete }));
        assert_eq!(spec.owner(), Some("ci"));
        assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("m")), Ok(spec));
        let plain = read(json!({"lease": null})).unwrap();
        assert!(plain.enabled && plain.lease.is_none() && plain.labels.is_empty() && plain.metadata.is_default());
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        let told = read(json!({
            "enabled": 1, "lease": {"ttl_s": 0, "on_expiry": "explode", "x": 1},
            "labels": {"": "x", "a": 1, "b": "\n", "-c": "x"}, "metadata": [],
        }));
        let expected = [
            "/enabled",
            "/lease/x",
            "/lease/ttl_s",
            "/lease/on_expiry",
            "/labels/",
            "/labels/a",
            "/labels/b",
            "/labels/-c",
            "/metadata",
        ];
        assert_eq!(told.unwrap_err(), expected);
        assert_eq!(read(json!({"lease": {}})).unwrap_err(), ["/lease/ttl_s"]);
        assert_eq!(read(json!({"metadata": {"x": "y".repeat(20_000)}})).unwrap_err(), ["/metadata"]);
    }
}
