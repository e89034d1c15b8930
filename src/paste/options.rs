//! The options of the two proxies, as members of a mount.

use super::convert::Converter;
use super::deploy::{Object, Told, Value};
use super::notes::{At, Severity};
use serde_json::{Map, Value as Json, json};

const PROXY_KEYS: [&str; 3] = ["address", "allowed_request_methods", "suppress_http_headers"];
const TRANSPARENT_KEYS: [&str; 2] = ["force_host", "force_scheme"];

impl Converter<'_, '_> {
    fn only(&mut self, object: &Object, known: &[&str]) -> Result<(), Told> {
        let mut outcome = Ok(());
        for (key, value) in object.local.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            outcome = self.fail(
                &value.at,
                format!("'{key}' is no option of {}, which has {}; take it out", object.code, known.join(", ")),
            );
        }
        outcome
    }

    /// An option with words in it.
    fn words(&mut self, object: &Object, key: &str) -> Result<Vec<String>, Told> {
        let Some(value) = object.get(key) else { return Ok(Vec::new()) };
        let words: Vec<String> = value.text.split_whitespace().map(str::to_owned).collect();
        if words.iter().any(|word| word.contains(',')) {
            let text =
                format!("{key}: for Paste '{}' is one word, commas and all; separate words by blanks", value.text);
            // Paste hides no field then, and answers no request with a method
            // like that: the one can be served as it was, the other cannot.
            if key != "suppress_http_headers" {
                return self.fail(&value.at, text);
            }
            self.deploy.notes.warn(&value.at, text + ". As in Paste, nothing of it is suppressed");
        }
        Ok(words.into_iter().filter(|word| !word.contains(',')).collect())
    }

    /// What a `paste.proxy` is as a mount, but for its id and match.
    pub(super) fn proxy(&mut self, object: &Object) -> Result<Map<String, Json>, Told> {
        let known = self.only(object, &PROXY_KEYS);
        let methods = self.words(object, "allowed_request_methods");
        let suppressed = self.words(object, "suppress_http_headers");
        let Some(address) = object.get("address") else {
            return self.fail(&object.at, "egg:Paste#proxy needs an address, as in address = http://127.0.0.1:9000/");
        };
        known?;
        let mut suppressed = suppressed?;
        if let Some(value) = object.get("suppress_http_headers") {
            suppressed.retain(|name| self.is_suppressed(name, &value.at));
        }
        self.check_slash(address);
        let mut mount = Map::new();
        mount.insert("kind".into(), json!("regular"));
        mount.insert("address".into(), json!(&*address.text));
        mount.insert("allowed_request_methods".into(), json!(methods?));
        mount.insert("disallowed_status".into(), json!(400));
        mount.insert("suppress_http_headers".into(), json!(suppressed));
        // What Paste sends, and nothing that a client says of itself.
        let forwarded = json!({ "x_forwarded": "off", "x_forwarded_for": "overwrite", "forwarded": "off" });
        mount.insert("forwarded".into(), forwarded);
        Ok(mount)
    }

    /// False for names that never had an effect.
    fn is_suppressed(&mut self, name: &str, at: &At) -> bool {
        let notes = &mut self.deploy.notes;
        match name.to_ascii_lowercase().as_str() {
            "content-type" | "content-length" | "host" => {
                notes.warn(at, format!("'{name}' is passed on, as in Paste, which suppresses it nowhere; take it out"));
                false
            }
            dashed if dashed.contains('_') => {
                let dashed = dashed.replace('_', "-");
                notes.warn(
                    at,
                    format!(
                        "'{name}' never had an effect: names of fields have dashes; write {dashed} if that is meant"
                    ),
                );
                false
            }
            "accept-encoding" => {
                notes.add(
                    Severity::Info,
                    at,
                    "Paste sent 'Accept-Encoding: identity' in its place; here nothing is sent, which lets an \
                     upstream choose: set request_headers of the mount if yours compresses unasked",
                );
                true
            }
            _ => true,
        }
    }

    /// `http://h/base` without a slash at its end is two things.
    fn check_slash(&mut self, address: &Value) {
        let Some((server, path)) = address.text.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else {
            return;
        };
        if path.is_empty() || path.ends_with('/') {
            return;
        }
        let above = path.rsplit_once('/').map(|(above, _)| format!("{above}/")).unwrap_or_default();
        self.deploy.notes.warn(
            &address.at,
            format!(
                "the address has no / at its end: Paste sent only the key itself to /{path}, and all below it to \
                 http://{server}/{above}; here all goes below /{path}/. Write the / if that is what you mean, or end the \
                 address in /{above} for what Paste did"
            ),
        );
    }

    /// The same for a transparent one.
    pub(super) fn transparent(&mut self, object: &Object) -> Result<Map<String, Json>, Told> {
        self.only(object, &TRANSPARENT_KEYS)?;
        let Some(host) = object.get("force_host") else { return self.open(object) };
        let mut mount = Map::new();
        mount.insert("kind".into(), json!("transparent"));
        mount.insert("force_host".into(), json!(&*host.text));
        if let Some(scheme) = object.get("force_scheme") {
            mount.insert("force_scheme".into(), json!(&*scheme.text));
        }
        Ok(mount)
    }

    /// One that goes wherever a request wants.
    fn open(&mut self, object: &Object) -> Result<Map<String, Json>, Told> {
        if object.globals.get("force_host").is_some() {
            return self.fail(
                &object.at,
                "the force_host of [DEFAULT] is not used, and hides one of this section, so that this is an open proxy: \
                 it sends requests to whatever host they name. Name the key here alone, or fetch it by get force_host = \
                 force_host",
            );
        }
        if let Some(scheme) = object.get("force_scheme") {
            self.deploy.notes.warn(&scheme.at, "force_scheme without force_host has no effect in Paste, and none here");
        }
        self.deploy.notes.warn(
            &object.at,
            "without force_host this is an open proxy: it sends requests to whatever host they name. Here it reaches \
             public addresses at port 80 only, and a front that other machines can reach takes it only with \
             --allow-open-proxy. Better set force_host, or name the hosts in allowed_hosts: standin mount add PATH \
             --transparent --allowed-host HOST:PORT",
        );
        let open = json!({ "kind": "transparent", "allowed_hosts": ["*"] });
        Ok(open.as_object().cloned().unwrap_or_default())
    }
}
