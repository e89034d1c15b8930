//! Whom an upstream is told that it serves: a mount's `identity`.
//!
//! Owns the names and the defaults. Files are named here and read elsewhere.

use super::reader::{Reader, escaped};
use crate::identity::keys::is_key_id;
use crate::limits::{IDENTITY_FIELDS_MAX, SIGNATURE_EXPIRES_S, SIGNATURE_EXPIRES_S_MAX};
use crate::message::{Known, is_plain_text};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// Where an identity comes from, and how the upstream is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// HTTP Basic authentication is demanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicAuth>,
    /// What the upstream is told, in the order of the fields.
    #[serde(serialize_with = "as_object")]
    pub headers: Vec<(String, Template)>,
    /// Requests are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Signing>,
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BasicAuth {
    /// Users and passwords, as `htpasswd -B` writes them.
    pub htpasswd_file: String,
    /// What browsers call it.
    pub realm: String,
}

/// How requests are signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signing {
    /// Keys, one `key_id:base64` a line.
    pub keys_file: String,
    /// Which of them.
    pub key_id: String,
    /// How long a signature may be believed, in seconds.
    pub expires_s: u64,
    /// What the signature is for.
    pub tag: String,
}

/// What a field says: text, with facts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// A part of what a field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// This.
    Literal(String),
    /// The user who asks.
    User,
    /// How that is known.
    AuthType,
}

impl Template {
    /// Reads `{user}`, `{auth_type}`, and `{{` and `}}` for braces; the error
    /// says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !is_plain_text(text.as_bytes()) || text.trim() != text {
            return Err("must be visible ASCII, with blanks only in between".into());
        }
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                literal.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let name = rest.strip_prefix('{').and_then(|after| after.split_once('}'));
            let (part, after) = match name {
                Some(("user", after)) => (Part::User, after),
                Some(("auth_type", after)) => (Part::AuthType, after),
                Some((name, _)) => return Err(format!("there is no {{{name}}}; known are {{user}} and {{auth_type}}")),
                None => return Err("has a brace alone; write {{ or }} for one".into()),
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn needs_user(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Literal(_)))
    }
}

fn as_object<S: Serializer>(headers: &[(String, Template)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, template)| (name, &template.text)))
}

/// Names that say something else already, beside those that some rule of the
/// proxy knows.
const TAKEN: [&str; 4] = ["authorization", "cookie", "signature", "signature-input"];

/// True for names that every server hands on as they are.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// True for names that are not to be set here.
fn is_taken(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    Known::of(name.as_bytes()) != Known::Other || lower.starts_with("x-forwarded-") || TAKEN.contains(&&*lower)
}

const POINTER: &str = "/identity";
const TEXT_BYTES_MAX: usize = 64;

/// True for what can stand between quotes as it is.
fn is_quotable(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && is_plain_text(text.as_bytes()) && !text.contains(['"', '\\'])
}

impl Reader {
    /// Reads `identity`.
    pub(super) fn identity(&mut self, value: Option<&Value>) -> Option<Identity> {
        let object = self.object(value, POINTER, &["basic", "headers", "sign"])?;
        let basic = self.basic_auth(object.get("basic"));
        let headers = self.identity_headers(object.get("headers"), object.contains_key("basic"));
        let sign = self.signing(object.get("sign"));
        Some(Identity { basic, headers, sign })
    }

    fn basic_auth(&mut self, value: Option<&Value>) -> Option<BasicAuth> {
        const POINTER: &str = "/identity/basic";
        let object = self.object(value, POINTER, &["htpasswd_file", "realm"])?;
        let htpasswd_file = self.file(object, POINTER, "htpasswd_file");
        let realm = self.quotable(object, POINTER, "realm");
        Some(BasicAuth { htpasswd_file: htpasswd_file?, realm })
    }

    fn identity_headers(&mut self, value: Option<&Value>, has_basic: bool) -> Vec<(String, Template)> {
        const POINTER: &str = "/identity/headers";
        let Some(value) = value else { return Vec::new() };
        let Some(object) = value.as_object() else {
            self.fault(POINTER, "must be an object of header names and what they say");
            return Vec::new();
        };
        if object.len() > IDENTITY_FIELDS_MAX {
            self.fault(POINTER, format!("has more than {IDENTITY_FIELDS_MAX} headers"));
            return Vec::new();
        }
        let mut headers: Vec<(String, Template)> = Vec::with_capacity(object.len());
        for name in object.keys() {
            let pointer = format!("{POINTER}/{}", escaped(name));
            if !is_name(name) {
                self.fault(pointer, "must be letters, digits and -: servers drop or mix up other names");
            } else if is_taken(name) {
                self.fault(pointer, "cannot say who asks: this name has a meaning of its own");
            } else if headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                self.fault(pointer, "is there already, in other letters");
            } else if let Some(text) = self.text(object, POINTER, name) {
                match Template::parse(text) {
                    Ok(template) if template.needs_user() && !has_basic => {
                        self.fault(pointer, "needs basic: without a password nobody knows the user");
                    }
                    Ok(template) => headers.push((name.clone(), template)),
                    Err(fault) => self.fault(pointer, fault),
                }
            }
        }
        headers
    }

    fn signing(&mut self, value: Option<&Value>) -> Option<Signing> {
        const POINTER: &str = "/identity/sign";
        let object = self.object(value, POINTER, &["keys_file", "key_id", "expires_s", "tag"])?;
        let keys_file = self.file(object, POINTER, "keys_file");
        let key_id = self.text(object, POINTER, "key_id").filter(|id| is_key_id(id)).map(str::to_owned);
        if key_id.is_none() && object.get("key_id").is_none_or(Value::is_string) {
            self.fault(
                format!("{POINTER}/key_id"),
                "must name a key of the file: 1 to 64 of letters, digits and . _ -",
            );
        }
        let expires_s = self.number(object, POINTER, "expires_s", 1..=SIGNATURE_EXPIRES_S_MAX);
        let tag = self.quotable(object, POINTER, "tag");
        Some(Signing {
            keys_file: keys_file?,
            key_id: key_id?,
            expires_s: expires_s.unwrap_or(SIGNATURE_EXPIRES_S),
            tag,
        })
    }

    /// The mandatory path of a file.
    fn file(&mut self, object: &Map<String, Value>, parent: &str, name: &str) -> Option<String> {
        let path = self.text(object, parent, name);
        if !object.contains_key(name) || path.is_some_and(|path| !path.starts_with('/')) {
            self.fault(format!("{parent}/{name}"), "must be the whole path of a file on the proxy's machine, from /");
        }
        path.map(str::to_owned)
    }

    /// Text that will stand between quotes.
    fn quotable(&mut self, object: &Map<String, Value>, parent: &str, name: &str) -> String {
        let text = self.text(object, parent, name).unwrap_or("standin");
        if !is_quotable(text) {
            let fault =
                format!("must be 1 to {TEXT_BYTES_MAX} visible ASCII characters, without quotes and backslashes");
            self.fault(format!("{parent}/{name}"), fault);
        }
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn read(value: Value) -> Result<Identity, Vec<String>> {
        let mut reader = Reader::default();
        let identity = reader.identity(Some(&value));
        let faults: BTreeSet<String> = reader.faults.into_iter().map(|fault| fault.pointer).collect();
        if faults.is_empty() { Ok(identity.unwrap()) } else { Err(faults.into_iter().collect()) }
    }

    #[test]
    fn an_identity_is_read_and_written_back() {
        let whole = json!({
            "basic": {"htpasswd_file": "/etc/standin/htpasswd", "realm": "the office"},
            "headers": {"X-Remote-User": "{user}", "X-Auth-Type": "{auth_type}", "X-Team": "blue", "X-None": ""},
            "sign": {"keys_file": "/etc/standin/keys", "key_id": "k1", "expires_s": 60, "tag": "app"},
        });
        let identity = read(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(&identity).unwrap(), whole);
        let least = json!({"basic": {"htpasswd_file": "/h"}, "sign": {"keys_file": "/k", "key_id": "k"}});
        assert_eq!(
            serde_json::to_value(read(least).unwrap()).unwrap(),
            json!({
                "basic": {"htpasswd_file": "/h", "realm": "standin"},
                "headers": {},
                "sign": {"keys_file": "/k", "key_id": "k", "expires_s": 30, "tag": "standin"},
            })
        );
    }

    #[test]
    fn what_a_field_says_is_text_and_facts() {
        let parts = |text| Template::parse(text).map(|template| template.parts);
        let literal = |text: &str| Part::Literal(text.into());
        assert_eq!(parts("{user}"), Ok(vec![Part::User]));
        assert_eq!(
            parts("a {{{user}}}/{auth_type}z"),
            Ok(vec![literal("a {"), Part::User, literal("}/"), Part::AuthType, literal("z")])
        );
        assert_eq!(parts(""), Ok(Vec::new()));
        for wrong in ["{", "}", "{user", "{User}", "{}", " x", "x ", "é", "a\tb", "a\r\nb"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_with_a_meaning_of_their_own_are_refused() {
        for name in [
            "Host",
            "Connection",
            "te",
            "Transfer_Encoding",
            "content-length",
            "Authorization",
            "Cookie",
            "Signature",
            "signature_input",
            "Via",
            "Forwarded",
            "X-Forwarded-Anything",
            "x_forwarded_user",
            "X.Forwarded.For",
            "Proxy-Authorization",
            "Upgrade",
            "not a name",
            "",
        ] {
            assert_eq!(read(json!({"headers": {name: "x"}})), Err(vec![format!("/identity/headers/{name}")]), "{name}");
        }
        assert_eq!(read(json!({"headers": {"a/b~": "x"}})), Err(vec!["/identity/headers/a~1b~0".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        assert_eq!(
            read(json!({
                "basic": {"htpasswd_file": "htpasswd", "realm": "a \"b\"", "more": 1},
                "headers": {"X-User": "{nobody}", "x-team": "a", "X-Team": "b", "X_User": "x", "X-Number": 5},
                "sign": {"key_id": "a b", "expires_s": 301, "tag": ""},
            })),
            Err([
                "/identity/basic/htpasswd_file",
                "/identity/basic/more",
                "/identity/basic/realm",
                "/identity/headers/X-Number",
                "/identity/headers/X-Team",
                "/identity/headers/X-User",
                "/identity/headers/X_User",
                "/identity/sign/expires_s",
                "/identity/sign/key_id",
                "/identity/sign/keys_file",
                "/identity/sign/tag",
            ]
            .map(str::to_owned)
            .into())
        );
        assert_eq!(read(json!({"headers": {"X-User": "{user}"}})), Err(vec!["/identity/headers/X-User".to_owned()]));
        assert_eq!(read(json!({"basic": {}, "sign": 5})).unwrap_err().len(), 2);
    }
}
