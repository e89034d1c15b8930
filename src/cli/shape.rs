//! The members of a mount as arguments: the same ones for a new mount and for
//! an edit of one, where what is absent stays as it is.

use crate::mount::spec::is_id;
use clap::Args;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What a mount does, apart from which requests it answers.
#[derive(Debug, Args)]
pub struct Shape {
    /// The host it answers for: example.org, *.example.org, example.org:8080; any for all of them
    #[arg(long)]
    host: Option<String>,
    /// A method to pass on; without any, all are (repeatable)
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// A header field not to pass on (repeatable)
    #[arg(long = "suppress", value_name = "NAME")]
    suppressed: Vec<String>,
    /// Transparent mounts: connect here, whatever host a request names
    #[arg(long, value_name = "HOST[:PORT]")]
    force_host: Option<String>,
    /// Transparent mounts: a host that requests may name (repeatable)
    #[arg(long = "allowed-host", value_name = "HOST[:PORT]")]
    allowed_hosts: Vec<String>,
    /// Transparent mounts: the scheme towards the upstream, http or https
    #[arg(long, value_name = "SCHEME")]
    force_scheme: Option<String>,
    /// Regular mounts: the Host it sends: upstream, preserve, or one of your own
    #[arg(long, value_name = "HOST")]
    host_header: Option<String>,
    /// Regular mounts: join the whole path to the base address, not only what is below the mount's own
    #[arg(long)]
    keep_prefix: bool,
    /// A network that it may reach though it is link-local, metadata or reserved (repeatable)
    #[arg(long = "allow-address", value_name = "NETWORK")]
    allow_addresses: Vec<String>,
    /// What is done to a field about the original request, as in x_forwarded_for=append or via=off (repeatable)
    #[arg(long = "forwarded", value_name = "NAME=HOW", value_parser = pair)]
    forwarded: Vec<(String, String)>,
    /// A network of proxies in front of this one, whose word is taken (repeatable)
    #[arg(long = "trusted-peer", value_name = "NETWORK")]
    trusted_peers: Vec<String>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long = "tls-ca", value_name = "FILE", value_parser = whole_path)]
    tls_ca: Option<String>,
    /// Show the upstream the certificate in this PEM file
    #[arg(long = "tls-cert", value_name = "FILE", value_parser = whole_path)]
    tls_cert: Option<String>,
    /// The key of that certificate
    #[arg(long = "tls-key", value_name = "FILE", value_parser = whole_path)]
    tls_key: Option<String>,
    /// The name that the upstream's certificate must have, instead of its host
    #[arg(long = "tls-server-name", value_name = "NAME")]
    tls_server_name: Option<String>,
    /// The oldest version of TLS to speak: 1.2 or 1.3
    #[arg(long = "tls-min-version", value_name = "VERSION")]
    tls_min_version: Option<String>,
    /// Believe whoever answers for the upstream: its certificate is not checked
    #[arg(long)]
    insecure_skip_verify: bool,
    /// A limit, as in tunnels_max=1000, or =none for no limit: concurrent_requests_max, queue_max, queue_wait_ms_max,
    /// requests_per_s_max, tunnels_max, request_body_bytes_max, client_bytes_per_s_min (repeatable)
    #[arg(long = "limit", value_name = "NAME=N", value_parser = number)]
    limits: Vec<(String, Value)>,
    /// A timeout, as in idle_ms=60000, or =none: connect_ms, first_byte_ms, idle_ms, tunnel_idle_ms, total_ms
    /// (repeatable)
    #[arg(long = "timeout", value_name = "NAME=MS", value_parser = number)]
    timeouts: Vec<(String, Value)>,
    /// Demand HTTP Basic authentication against this file, as htpasswd -B writes it
    #[arg(long, value_name = "FILE", value_parser = whole_path)]
    basic_auth: Option<String>,
    /// A header that says who asks, as in 'X-Remote-User: {user}' (repeatable)
    #[arg(long = "identity-header", value_name = "NAME: VALUE", value_parser = field)]
    identity_headers: Vec<(String, String)>,
    /// Sign requests (RFC 9421) with this key of the file
    #[arg(long, value_name = "KEYS_FILE:KEY_ID", value_parser = key)]
    sign: Option<(String, String)>,
    /// Begin a trace (W3C traceparent) where a request comes without one
    #[arg(long)]
    trace: bool,
    /// Rewrite the upstream's URLs in Location and its like to those that clients see
    #[arg(long)]
    rewrite_location: bool,
    /// Rewrite Path and Domain of cookies to what clients see
    #[arg(long)]
    rewrite_cookies: bool,
    /// A header field to send in place of what came; variables: {client_address}, {host}, {mount_id}, {request_id}
    /// (repeatable)
    #[arg(long = "set-request-header", value_name = "NAME: VALUE", value_parser = field)]
    set_request: Vec<(String, String)>,
    /// The same in replies (repeatable)
    #[arg(long = "set-response-header", value_name = "NAME: VALUE", value_parser = field)]
    set_response: Vec<(String, String)>,
    /// A header field of requests not to pass on, also one that the proxy adds (repeatable)
    #[arg(long = "remove-request-header", value_name = "NAME")]
    remove_request: Vec<String>,
    /// A header field of replies not to pass on (repeatable)
    #[arg(long = "remove-response-header", value_name = "NAME")]
    remove_response: Vec<String>,
    /// A label, for selection and ownership (repeatable)
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Opaque JSON to keep with it, an object
    #[arg(long, value_name = "JSON", value_parser = object)]
    metadata: Option<Value>,
    /// It ends unless it is renewed within this time, as in 60 (seconds) or 5m; then: delete, disable or drain
    /// [default: delete]; off for no lease
    #[arg(long, value_name = "TTL[:ON_EXPIRY]", value_parser = lease)]
    lease: Option<Value>,
    /// Whether it answers at all: true or false
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    enabled: Option<bool>,
}

impl Shape {
    /// The members that were given, as a JSON merge patch (RFC 7396): of a mount
    /// that there is, or of none.
    #[must_use]
    pub fn patch(self) -> Map<String, Value> {
        let mut patch = Patch::default();
        if let Some(host) = self.host {
            patch.set("match", json!({ "host": if host == "any" { Value::Null } else { json!(host) } }));
        }
        patch.list("allowed_request_methods", self.methods);
        patch.list("suppress_http_headers", self.suppressed);
        patch.list("allowed_hosts", self.allowed_hosts);
        patch.list("allow_addresses", self.allow_addresses);
        patch.some("host_header", self.host_header);
        patch.some("force_host", self.force_host);
        patch.some("force_scheme", self.force_scheme);
        patch.some("strip_prefix", self.keep_prefix.then_some(false));
        patch.some("traceparent", self.trace.then_some("ensure"));
        patch.some("metadata", self.metadata);
        patch.some("lease", self.lease);
        patch.some("enabled", self.enabled);
        let mut tls = Patch::default();
        tls.some("ca_file", self.tls_ca);
        tls.some("client_certificate_file", self.tls_cert);
        tls.some("client_key_file", self.tls_key);
        tls.some("server_name", self.tls_server_name);
        tls.some("min_version", self.tls_min_version);
        tls.some("insecure_skip_verify", self.insecure_skip_verify.then_some(true));
        patch.object("tls", tls.0);
        let mut forwarded = Patch(members(self.forwarded));
        forwarded.list("trusted_peers", self.trusted_peers);
        patch.object("forwarded", forwarded.0);
        patch.object("limits", self.limits.into_iter().collect());
        patch.object("timeouts", self.timeouts.into_iter().collect());
        patch.object("labels", members(self.labels));
        let mut identity = Patch::default();
        identity.some("basic", self.basic_auth.map(|file| json!({ "htpasswd_file": file })));
        identity.object("headers", members(self.identity_headers));
        identity.some("sign", self.sign.map(|(file, key_id)| json!({ "keys_file": file, "key_id": key_id })));
        patch.object("identity", identity.0);
        let mut rewrite = Patch::default();
        rewrite.some("location", self.rewrite_location.then_some(true));
        rewrite.some("cookies", self.rewrite_cookies.then_some(true));
        patch.object("rewrite", rewrite.0);
        for (name, set, remove) in [
            ("request_headers", self.set_request, self.remove_request),
            ("response_headers", self.set_response, self.remove_response),
        ] {
            let mut edits = Patch::default();
            edits.object("set", members(set));
            edits.list("remove", remove);
            patch.object(name, edits.0);
        }
        patch.0
    }
}

/// A patch that is being put together: what is empty or absent is not in it.
#[derive(Default)]
struct Patch(Map<String, Value>);

impl Patch {
    fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.into(), value);
    }

    fn some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value.into());
        }
    }

    fn list(&mut self, name: &str, list: Vec<String>) {
        if !list.is_empty() {
            self.set(name, json!(list));
        }
    }

    fn object(&mut self, name: &str, object: Map<String, Value>) {
        if !object.is_empty() {
            self.set(name, Value::Object(object));
        }
    }
}

fn members(pairs: Vec<(String, String)>) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name, json!(value))).collect()
}

/// A header field, as in `Name: value`.
pub fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("give it as 'NAME: VALUE'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn number(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=NUMBER")?;
    let value = match value {
        "none" => Value::Null,
        value => json!(value.parse::<u64>().map_err(|_| format!("'{value}' is not a whole number"))?),
    };
    Ok((name.to_owned(), value))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn key(text: &str) -> Result<(String, String), String> {
    let (file, id) = text.rsplit_once(':').ok_or("give it as KEYS_FILE:KEY_ID")?;
    Ok((whole_path(file)?, id.to_owned()))
}

/// The server may run elsewhere in the tree of directories.
fn whole_path(text: &str) -> Result<String, String> {
    let path = std::path::absolute(text).map_err(|error| format!("'{text}': {error}"))?;
    path.into_os_string().into_string().map_err(|_| "the path is not UTF-8".to_owned())
}

/// A JSON object.
pub fn object(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("malformed JSON: {error}"))?;
    if value.is_object() { Ok(value) } else { Err("give a JSON object".to_owned()) }
}

/// `TTL`, `TTL:ON_EXPIRY` or `off`, as a mount has it.
pub fn lease(text: &str) -> Result<Value, String> {
    if text == "off" {
        return Ok(Value::Null);
    }
    let (time, on_expiry) = text.split_once(':').map_or((text, None), |(time, word)| (time, Some(word)));
    let seconds = match time.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => humantime::parse_duration(time).ok().filter(|time| time.subsec_nanos() == 0).map(|t| t.as_secs()),
    };
    let seconds = seconds.ok_or_else(|| format!("'{time}' is no time; give seconds, or as in 90s, 5m or 2h"))?;
    let mut lease = json!({ "ttl_s": seconds });
    if let Some(word) = on_expiry {
        if !matches!(word, "delete" | "disable" | "drain") {
            return Err(format!("'{word}' is not what can happen then: delete, disable or drain"));
        }
        lease["on_expiry"] = json!(word);
    }
    Ok(lease)
}

/// An id that a mount can have.
pub fn id(text: &str) -> Result<String, String> {
    match is_id(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("an id is 1 to 63 characters a-z, 0-9, '.', '_' and '-', and begins with a letter or digit".into())
        }
    }
}

/// An instant (RFC 3339), or how long ago, as in 2h.
pub fn instant(text: &str) -> Result<String, String> {
    if humantime::parse_rfc3339_weak(text).is_ok() || text.contains('T') {
        return Ok(text.to_owned());
    }
    let ago: Duration = humantime::parse_duration(text)
        .map_err(|_| "give an instant as in 2030-01-31T12:00:00Z, or how long ago, as in 90s, 5m or 2h".to_owned())?;
    let then = std::time::SystemTime::now().checked_sub(ago).ok_or("that was before time began")?;
    Ok(humantime::format_rfc3339_seconds(then).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        shape: Shape,
    }

    fn patch(arguments: &[&str]) -> Value {
        let line = Line::try_parse_from([&["x"], arguments].concat()).unwrap_or_else(|error| panic!("{error}"));
        Value::Object(line.shape.patch())
    }

    #[test]
    fn what_is_absent_is_left_alone() {
        assert_eq!(patch(&[]), json!({}));
    }

    #[test]
    fn each_argument_is_its_member() {
        for (arguments, member) in [
            (&["--host", "a.org"][..], json!({"match": {"host": "a.org"}})),
            (&["--host", "any"], json!({"match": {"host": null}})),
            (&["--label", "app=x", "--label", "e="], json!({"labels": {"app": "x", "e": ""}})),
            (&["--lease", "60"], json!({"lease": {"ttl_s": 60}})),
            (&["--lease", "5m:drain"], json!({"lease": {"ttl_s": 300, "on_expiry": "drain"}})),
            (&["--lease", "off"], json!({"lease": null})),
            (&["--enabled"], json!({"enabled": true})),
            (&["--enabled=false"], json!({"enabled": false})),
            (&["--limit", "queue_max=5", "--limit", "requests_per_s_max=none"], {
                json!({"limits": {"queue_max": 5, "requests_per_s_max": null}})
            }),
            (&["--metadata", "{\"a\": [1]}"], json!({"metadata": {"a": [1]}})),
            (&["--rewrite-cookies"], json!({"rewrite": {"cookies": true}})),
            (&["--set-response-header", "A: b", "--remove-response-header", "C"], {
                json!({"response_headers": {"set": {"A": "b"}, "remove": ["C"]}})
            }),
            (&["--sign", "/k:id"], json!({"identity": {"sign": {"keys_file": "/k", "key_id": "id"}}})),
            (&["--keep-prefix", "--trace"], json!({"strip_prefix": false, "traceparent": "ensure"})),
        ] {
            assert_eq!(patch(arguments), member, "{arguments:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for arguments in [
            ["--lease", "soon"],
            ["--lease", "60:explode"],
            ["--lease", "1500ms"],
            ["--limit", "queue_max"],
            ["--limit", "queue_max=-1"],
            ["--label", "app"],
            ["--metadata", "[]"],
            ["--metadata", "{"],
        ] {
            assert!(Line::try_parse_from([&["x"], &arguments[..]].concat()).is_err(), "{arguments:?}");
        }
    }
}
