//! What is rewritten in replies: a mount's `rewrite`.
//!
//! Owns the names and the defaults.

use super::is_empty_list;
use super::reader::Reader;
use crate::limits::{REWRITE_MEDIA_TYPES_MAX, REWRITE_RULE_BYTES_MAX, REWRITE_RULES_MAX};
use crate::transform::{MEDIA_TYPE_DEFAULT, Rule, is_media_range};
use serde::Serialize;
use serde_json::{Map, Value};

/// What is rewritten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rewriting {
    /// URLs in `Location` and its like.
    pub location: bool,
    /// `Path` and `Domain` of cookies.
    pub cookies: bool,
    /// Strings in the content.
    pub body: Vec<Rule>,
}

impl Reader {
    /// Reads `rewrite`.
    pub(super) fn rewriting(&mut self, value: Option<&Value>) -> Rewriting {
        let Some(object) = self.object(value, "/rewrite", &["location", "cookies", "body"]) else {
            return Rewriting::default();
        };
        Rewriting {
            location: self.boolean(object, "/rewrite", "location").unwrap_or_default(),
            cookies: self.boolean(object, "/rewrite", "cookies").unwrap_or_default(),
            body: self.body_rules(object.get("body")),
        }
    }

    fn body_rules(&mut self, value: Option<&Value>) -> Vec<Rule> {
        const POINTER: &str = "/rewrite/body";
        let Some(value) = value else { return Vec::new() };
        let Some(rules) = value.as_array() else {
            self.fault(POINTER, "must be an array of rules, each with media_types, from and to");
            return Vec::new();
        };
        if rules.len() > REWRITE_RULES_MAX {
            self.fault(POINTER, format!("has more than {REWRITE_RULES_MAX} rules"));
            return Vec::new();
        }
        rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| self.body_rule(rule, &format!("{POINTER}/{index}")))
            .collect()
    }

    fn body_rule(&mut self, rule: &Value, pointer: &str) -> Option<Rule> {
        let object = self.object(Some(rule), pointer, &["media_types", "from", "to"])?;
        let expected = "a media type in lower case, as in text/html or text/*";
        let mut media_types =
            self.list(object, pointer, "media_types", expected, |text| is_media_range(text).then(|| text.to_owned()));
        if !object.contains_key("media_types") {
            media_types.push(MEDIA_TYPE_DEFAULT.to_owned());
        } else if object.get("media_types").is_some_and(is_empty_list) {
            self.fault(format!("{pointer}/media_types"), "must name one; leave it out for text/html");
        } else if media_types.len() > REWRITE_MEDIA_TYPES_MAX {
            let detail = format!("has more than {REWRITE_MEDIA_TYPES_MAX} entries");
            self.fault(format!("{pointer}/media_types"), detail);
        }
        let from = self.rule_text(object, pointer, "from", "what is searched for");
        let to = self.rule_text(object, pointer, "to", "what stands there instead; it may be empty");
        let (from, to) = (from?, to?);
        if from.is_empty() {
            self.fault(format!("{pointer}/from"), "must not be empty: it is what is searched for");
        }
        Some(Rule { media_types, from, to })
    }

    fn rule_text(&mut self, object: &Map<String, Value>, pointer: &str, name: &str, what: &str) -> Option<String> {
        if !object.contains_key(name) {
            self.fault(format!("{pointer}/{name}"), format!("is missing: {what}"));
        }
        let text = self.text(object, pointer, name)?;
        if text.len() > REWRITE_RULE_BYTES_MAX {
            self.fault(format!("{pointer}/{name}"), format!("longer than {REWRITE_RULE_BYTES_MAX} bytes"));
        }
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: Value) -> (Vec<Rule>, Vec<String>) {
        let mut reader = Reader::default();
        let rewriting = reader.rewriting(Some(&json!({ "body": body })));
        (rewriting.body, reader.faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn rules_are_read_filled_in_and_written_back() {
        let (rules, faults) = read(json!([
            {"from": "http://backend/", "to": "https://public/"},
            {"media_types": ["text/*", "application/json"], "from": "ä", "to": ""},
        ]));
        assert!(faults.is_empty());
        let written = json!([
            {"media_types": ["text/html"], "from": "http://backend/", "to": "https://public/"},
            {"media_types": ["text/*", "application/json"], "from": "ä", "to": ""},
        ]);
        assert_eq!(serde_json::to_value(&rules).unwrap(), written);
        assert_eq!(read(written), (rules, faults));
        assert_eq!(read(json!([])), (Vec::new(), Vec::new()));
    }

    #[test]
    fn everything_that_is_wrong_with_a_rule_is_told() {
        let long = "x".repeat(REWRITE_RULE_BYTES_MAX + 1);
        let many = vec!["text/html"; REWRITE_MEDIA_TYPES_MAX + 1];
        for (rule, expected) in [
            (json!({"from": "", "to": ""}), &["/from"][..]),
            (json!({}), &["/from", "/to"]),
            (json!({"from": 1, "to": null, "with": "x"}), &["/with", "/from", "/to"]),
            (json!({"from": long, "to": long}), &["/from", "/to"]),
            (json!({"media_types": [], "from": "a", "to": ""}), &["/media_types"]),
            (json!({"media_types": ["text/html", "Text/html"], "from": "a", "to": ""}), &["/media_types/1"]),
            (json!({"media_types": ["*/*"], "from": "a", "to": ""}), &["/media_types/0"]),
            (json!({"media_types": many, "from": "a", "to": ""}), &["/media_types"]),
            (json!("http://a/"), &[""]),
        ] {
            let expected: Vec<String> = expected.iter().map(|end| format!("/rewrite/body/0{end}")).collect();
            assert_eq!(read(json!([rule.clone()])).1, expected, "{rule}");
        }
        assert_eq!(read(json!({})).1, ["/rewrite/body"]);
        let rules = vec![json!({"from": "a", "to": ""}); REWRITE_RULES_MAX + 1];
        assert_eq!(read(rules.into()).1, ["/rewrite/body"]);
    }
}
