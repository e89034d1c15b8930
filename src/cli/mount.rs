//! `standin mount add|list|show|rm`: the mounts of a running proxy.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{say, table};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub struct MountArguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a mount: PATH and URL for a regular one, PATH and --transparent for the other kind
    Add(Box<AddArguments>),
    /// List all mounts
    List,
    /// Show a mount
    Show {
        /// Its id
        id: String,
    },
    /// Remove a mount; its requests in progress may finish
    Rm {
        /// Its id
        id: String,
        /// How long requests and tunnels in progress may go on, in milliseconds [default: 20000]
        #[arg(long, value_name = "MS")]
        drain_ms: Option<u64>,
    },
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The path prefix it answers for
    path: String,
    /// The base address of its upstream, as in http://127.0.0.1:9000/
    #[arg(required_unless_present = "transparent", conflicts_with = "transparent")]
    url: Option<String>,
    /// Its id; one is made up if not given
    #[arg(long)]
    id: Option<String>,
    /// The host it answers for: example.org, *.example.org, example.org:8080
    #[arg(long)]
    host: Option<String>,
    /// A method to pass on; without any, all are (repeatable)
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// A header field not to pass on (repeatable)
    #[arg(long = "suppress", value_name = "NAME")]
    suppressed: Vec<String>,
    /// Send requests as they are, to the host that they name
    #[arg(long)]
    transparent: bool,
    /// Connect here, whatever host a request names
    #[arg(long, value_name = "HOST[:PORT]", requires = "transparent")]
    force_host: Option<String>,
    /// A host that requests may name (repeatable)
    #[arg(long = "allowed-host", value_name = "HOST[:PORT]", requires = "transparent")]
    allowed_hosts: Vec<String>,
    /// The scheme towards the upstream: http or https
    #[arg(long, value_name = "SCHEME", requires = "transparent")]
    force_scheme: Option<String>,
    /// The Host it sends: upstream, preserve, or one of your own
    #[arg(long, value_name = "HOST", conflicts_with = "transparent")]
    host_header: Option<String>,
    /// Join the whole path to the base address, not only what is below PATH
    #[arg(long, conflicts_with = "transparent")]
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
    #[arg(long = "tls-cert", value_name = "FILE", requires = "tls_key", value_parser = whole_path)]
    tls_cert: Option<String>,
    /// The key of that certificate
    #[arg(long = "tls-key", value_name = "FILE", requires = "tls_cert", value_parser = whole_path)]
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
    /// A limit, as in tunnels_max=1000: concurrent_requests_max, tunnels_max, request_body_bytes_max,
    /// client_bytes_per_s_min (repeatable)
    #[arg(long = "limit", value_name = "NAME=N", value_parser = number)]
    limits: Vec<(String, u64)>,
    /// A timeout, as in idle_ms=60000: connect_ms, first_byte_ms, idle_ms, tunnel_idle_ms, total_ms (repeatable)
    #[arg(long = "timeout", value_name = "NAME=MS", value_parser = number)]
    timeouts: Vec<(String, u64)>,
    /// Demand HTTP Basic authentication against this file, as htpasswd -B writes it
    #[arg(long, value_name = "FILE", value_parser = whole_path)]
    basic_auth: Option<String>,
    /// A header that says who asks, as in 'X-Remote-User: {user}' (repeatable)
    #[arg(long = "identity-header", value_name = "NAME: VALUE", value_parser = header)]
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
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("give it as 'NAME: VALUE'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn number(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=NUMBER")?;
    let value = value.parse().map_err(|_| format!("'{value}' is not a whole number"))?;
    Ok((name.to_owned(), value))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=HOW")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("give it as 'NAME: VALUE'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
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

/// Does what was asked and prints the answer.
pub fn run(arguments: MountArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let json = arguments.json;
    match arguments.command {
        Command::Add(add) => {
            let mount = client.call(Method::Post, "/v1/mounts", Some(&body(*add)))?;
            let line = format!("{} answers for {}", text(&mount["id"]), answers_for(&mount));
            say(&if json { mount.to_string() } else { line });
        }
        Command::List => {
            let list = client.call(Method::Get, "/v1/mounts", None)?;
            say(&if json { list.to_string() } else { overview(&list) });
        }
        Command::Show { id } => {
            let mount = client.call(Method::Get, &format!("/v1/mounts/{id}"), None)?;
            say(&if json { mount.to_string() } else { format!("{mount:#}") });
        }
        Command::Rm { id, drain_ms } => {
            let query = drain_ms.map(|milliseconds| format!("?drain_ms={milliseconds}")).unwrap_or_default();
            client.call(Method::Delete, &format!("/v1/mounts/{id}{query}"), None)?;
            if !json {
                say(&format!("{id} is removed"));
            }
        }
    }
    Ok(())
}

fn body(add: AddArguments) -> Value {
    let mut mount = Map::new();
    let mut set = |name: &str, value: Value| drop(mount.insert(name.into(), value));
    set("kind", json!(if add.transparent { "transparent" } else { "regular" }));
    let mut matches = json!({ "path": add.path });
    if let Some(host) = add.host {
        matches["host"] = json!(host);
    }
    set("match", matches);
    set("allowed_request_methods", json!(add.methods));
    set("suppress_http_headers", json!(add.suppressed));
    let texts = [
        ("id", add.id),
        ("address", add.url),
        ("host_header", add.host_header),
        ("force_host", add.force_host),
        ("force_scheme", add.force_scheme),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            set(name, json!(value));
        }
    }
    for (name, list) in [("allowed_hosts", &add.allowed_hosts), ("allow_addresses", &add.allow_addresses)] {
        if !list.is_empty() {
            set(name, json!(list));
        }
    }
    let mut tls = Map::new();
    let texts = [
        ("ca_file", add.tls_ca),
        ("client_certificate_file", add.tls_cert),
        ("client_key_file", add.tls_key),
        ("server_name", add.tls_server_name),
        ("min_version", add.tls_min_version),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            tls.insert(name.into(), json!(text));
        }
    }
    if add.insecure_skip_verify {
        tls.insert("insecure_skip_verify".into(), json!(true));
    }
    if !tls.is_empty() {
        set("tls", Value::Object(tls));
    }
    if add.keep_prefix {
        set("strip_prefix", json!(false));
    }
    let mut forwarded: Map<String, Value> = add.forwarded.into_iter().map(|(name, how)| (name, json!(how))).collect();
    if !add.trusted_peers.is_empty() {
        forwarded.insert("trusted_peers".into(), json!(add.trusted_peers));
    }
    if !forwarded.is_empty() {
        set("forwarded", Value::Object(forwarded));
    }
    for (name, numbers) in [("limits", add.limits), ("timeouts", add.timeouts)] {
        if !numbers.is_empty() {
            let numbers: Map<String, Value> = numbers.into_iter().map(|(name, value)| (name, json!(value))).collect();
            set(name, Value::Object(numbers));
        }
    }
    let mut identity = Map::new();
    if let Some(file) = add.basic_auth {
        identity.insert("basic".into(), json!({ "htpasswd_file": file }));
    }
    if !add.identity_headers.is_empty() {
        let headers = add.identity_headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        identity.insert("headers".into(), Value::Object(headers));
    }
    if let Some((file, key_id)) = add.sign {
        identity.insert("sign".into(), json!({ "keys_file": file, "key_id": key_id }));
    }
    if !identity.is_empty() {
        set("identity", Value::Object(identity));
    }
    if add.trace {
        set("traceparent", json!("ensure"));
    }
    if add.rewrite_location || add.rewrite_cookies {
        set("rewrite", json!({ "location": add.rewrite_location, "cookies": add.rewrite_cookies }));
    }
    for (name, fields, removed) in [
        ("request_headers", add.set_request, add.remove_request),
        ("response_headers", add.set_response, add.remove_response),
    ] {
        if !(fields.is_empty() && removed.is_empty()) {
            let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| (name, json!(value))).collect();
            set(name, json!({ "set": fields, "remove": removed }));
        }
    }
    Value::Object(mount)
}

fn overview(list: &Value) -> String {
    let mut rows = vec![["ID", "ANSWERS FOR", "UPSTREAM", "STATE", "IN FLIGHT", "TUNNELS"].map(String::from).to_vec()];
    for mount in list["mounts"].as_array().into_iter().flatten() {
        rows.push(vec![
            text(&mount["id"]),
            answers_for(mount),
            upstream(mount),
            text(&mount["state"]),
            text(&mount["in_flight"]),
            text(&mount["tunnels"]),
        ]);
    }
    if rows.len() == 1 {
        return "There are no mounts yet. Add one: standin mount add /app http://127.0.0.1:9000/".into();
    }
    table(&rows)
}

fn answers_for(mount: &Value) -> String {
    let matches = &mount["match"];
    format!("{}{}", matches["host"].as_str().unwrap_or("*"), text(&matches["path"]))
}

fn upstream(mount: &Value) -> String {
    let unchecked = mount["tls"]["insecure_skip_verify"] == true;
    format!("{}{}", goes_to(mount), if unchecked { " (certificate not checked!)" } else { "" })
}

fn goes_to(mount: &Value) -> String {
    if let Some(address) = mount["address"].as_str() {
        return address.to_owned();
    }
    let by = if mount["force_scheme"] == "https" { " by https" } else { "" };
    match mount["force_host"].as_str() {
        Some(host) => format!("as given, to {host}{by}"),
        None => {
            let hosts: Vec<String> = mount["allowed_hosts"].as_array().into_iter().flatten().map(text).collect();
            format!("as given, to {}{by}", hosts.join(" "))
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
