//! `[server:main]`: where Paste's server listens.

use super::deploy::{Deploy, File, Kind, Node};
use super::known::server_key;
use super::notes::{At, Severity};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PORT: u16 = 8080;

/// The address to listen on, if the file names one. Where it is about to be
/// `served`, what would be less safe than with Paste is an error.
pub fn listen(deploy: &mut Deploy<'_>, file: &Rc<File>, served: bool) -> Option<SocketAddr> {
    let section = file
        .ini()
        .sections
        .iter()
        .find(|section| section.name.strip_prefix("server:").is_some_and(|name| name.trim() == "main"))?;
    let at = At { file: Rc::clone(&file.name), line: section.line };
    let Ok(Node::Object(server)) = deploy.node(Kind::Server, file, "main", None, &at) else { return None };
    if !server.code.to_string().to_ascii_lowercase().starts_with("egg:paste#http") {
        deploy.notes.add(
            Severity::Warning,
            &server.at,
            format!(
                "{} is a server whose settings are not known here; where it listens is said with --listen IP:PORT \
                 (else 127.0.0.1:8080)",
                server.code
            ),
        );
        return None;
    }
    let (mut host, mut port) = (HOST, None);
    let text = |key: &str| server.get(key).map(|value| (value.text.trim().to_owned(), value.at.clone()));
    if let Some((text, at)) = text("port") {
        port = text.parse().ok();
        if port.is_none() {
            deploy.notes.error(&at, format!("'{text}' is not a port; write a number up to 65535"));
        }
    }
    if let Some((text, at)) = text("host") {
        let whole = text.parse::<SocketAddr>().ok().filter(|_| server.get("port").is_none());
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let named = if text == "localhost" { Some(HOST) } else { bare.parse().ok() };
        match (whole, named) {
            (Some(address), _) => (host, port) = (address.ip(), Some(address.port())),
            (None, Some(address)) => host = address,
            (None, None) => deploy.notes.error(
                &at,
                format!("'{text}' is not an IP address to listen on; write one, as in 127.0.0.1, or 0.0.0.0 for all"),
            ),
        }
    }
    let address = SocketAddr::new(host, port.unwrap_or(PORT));
    let said = if served {
        format!("listens on {address}, unless --listen says otherwise")
    } else {
        format!("Paste listens on {address}; an import changes no listener: standin serve --listen {address}")
    };
    deploy.notes.add(Severity::Info, &server.at, format!("{said} ({} is Standin itself now)", server.code));
    for (key, value) in server.local.iter().filter(|(key, _)| !matches!(key.as_str(), "host" | "port")) {
        if key == "ssl_pem" {
            let text = "ssl_pem: Standin takes plain HTTP only; put a server that ends TLS before it, on this machine, and \
                        take ssl_pem out";
            let severity = if served { Severity::Error } else { Severity::Warning };
            deploy.notes.add(severity, &value.at, text);
        } else {
            deploy.notes.add(Severity::Info, &value.at, format!("'{key}' has no effect: {}", server_key(key)));
        }
    }
    Some(address)
}
