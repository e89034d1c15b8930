//! B6: no client and no name leads a mount to an address that it may not
//! reach, in whatever form the address is written.

use crate::common::client::{Raw, Response};
use crate::common::eventually;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// This machine, written in every way that some resolver understands. `PORT`
/// is that of a listener which would be reached.
const THIS_MACHINE: [&str; 22] = [
    "127.0.0.1:PORT",
    "127.0.0.1.:PORT",
    "0177.0.0.1:PORT",
    "0x7f.0.0.1:PORT",
    "0x7f000001:PORT",
    "0X7F000001:PORT",
    "017700000001:PORT",
    "2130706433:PORT",
    "127.1:PORT",
    "127.0.1:PORT",
    "0:PORT",
    "0.0.0.0:PORT",
    "localhost:PORT",
    "LocalHost.:PORT",
    "[::1]:PORT",
    "[0:0:0:0:0:0:0:1]:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "[::127.0.0.1]:PORT",
    "[64:ff9b::7f00:1]:PORT",
    "[2002:7f00:1::]:PORT",
];

/// Addresses that no request should reach unless somebody said so.
const SPECIAL: [&str; 24] = [
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.254.170.2",
    "169.254.1.1",
    "100.100.100.200",
    "0.1.2.3",
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "[::]",
    "[::ffff:169.254.169.254]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2001:0:5ef5:79fd:0:0:5601:5601]",
    "0",
];

/// What is said of an address that is refused when it is dialled.
const REFUSED: &str = "the upstream's address may not be reached";

fn ask(standin: &Standin, host: &str) -> Response {
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

fn mount(standin: &Standin, mount: &serde_json::Value) {
    let made = standin.admin().post(mount);
    assert_eq!(made.status, 201, "{mount}: {}", made.value);
}

#[test]
fn a_transparent_mount_refuses_every_form_of_an_address_that_it_does_not_list() {
    let (listed, hit) = (Origin::answering("listed"), Origin::answering("hit"));
    let standin = Standin::start();
    let allowed = [listed.address.to_string(), "allowed.test".into(), "*.allowed.test".into()];
    mount(&standin, &json!({ "kind": "transparent", "allowed_hosts": allowed }));
    assert_eq!(ask(&standin, &allowed[0]).text(), "listed");
    let port = hit.address.port().to_string();
    let ports = [port.clone(), standin.front.port().to_string(), standin.admin_address().port().to_string()];
    for form in THIS_MACHINE.iter().chain(&SPECIAL).chain(&["10.0.0.1", "100.64.0.1", "[fd12::1]", "xn--nxasmq6b.test"])
    {
        for port in &ports {
            let host = form.replace("PORT", port);
            let told = ask(&standin, &host);
            assert_eq!(told.status, 403, "{host}: {}", told.text());
        }
    }
    // What is no host at all.
    for host in ["user@allowed.test", "allowed.test,127.0.0.1", "allowed.test/x", "allowed.test:99999", "a%6cl.test"] {
        assert_eq!(ask(&standin, host).status, 400, "{host}");
    }
    // An absolute target counts, not the Host beside it.
    let mut client = Raw::connect(standin.front);
    client.send(format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: {}\r\n\r\n", allowed[0]));
    assert_eq!(client.response().status, 403);
    assert_eq!(ask(&standin, &allowed[0]).text(), "listed", "nothing is broken");
    assert_eq!(hit.connections(), 0);
}

#[test]
fn no_mount_dials_a_special_address_in_any_form() {
    let hit = Origin::answering("hit");
    let standin = Standin::start();
    let port = hit.address.port();
    for (index, form) in SPECIAL.iter().enumerate() {
        let matched = json!({ "host": format!("m{index}.test") });
        mount(&standin, &json!({ "kind": "regular", "match": matched, "address": format!("http://{form}:{port}/") }));
        let told = ask(&standin, &format!("m{index}.test"));
        assert_eq!((told.status, told.text().contains(REFUSED)), (502, true), "{form}: {}", told.text());
    }
    assert_eq!(hit.connections(), 0);
}

#[test]
fn our_own_listeners_are_not_reached_in_any_form() {
    let standin = Standin::start();
    let (front, admin) = (standin.front.port(), standin.admin_address().port());
    for (index, form) in THIS_MACHINE.iter().enumerate() {
        for (kind, port, expected) in [("front", front, 508), ("admin", admin, 403)] {
            let name = format!("{kind}{index}.test");
            let address = format!("http://{}/", form.replace("PORT", &port.to_string()));
            mount(&standin, &json!({ "kind": "regular", "match": { "host": name }, "address": address }));
            let told = ask(&standin, &name);
            // The listeners are on IPv4: what is left of IPv6 finds nobody.
            let misses = form.starts_with('[') && !form.contains("ffff");
            let refused = told.status == 502 && (misses || told.text().contains(REFUSED));
            assert!(told.status == expected || refused, "{address}: {} {}", told.status, told.text());
        }
    }
}

/// A server whose names come from a file of the test's own.
struct Names {
    standin: Standin,
    hosts: PathBuf,
}

impl Names {
    /// None where this machine has no user namespaces for it.
    fn start() -> Option<Self> {
        let can = Command::new("unshare").args(["--map-root-user", "--mount", "true"]).output();
        if !can.as_ref().is_ok_and(|output| output.status.success()) {
            // Past the test runner, which shows nothing of a test that passes.
            let missing = "NOT TESTED: names that change need unshare and user namespaces, which are not there";
            std::io::stderr().write_all(format!("{missing}: {can:?}\n").as_bytes()).unwrap();
            return None;
        }
        let launch = Launch::new();
        let hosts = launch.home().join("hosts");
        std::fs::write(&hosts, "").unwrap();
        let inner = r#"mount --bind "$HOSTS" /etc/hosts && exec "$0" "$@""#;
        let script = format!(r#"exec unshare --map-root-user --mount sh -c '{inner}' "$0" "$@""#);
        let standin = launch.env("HOSTS", hosts.to_str().unwrap()).through_sh(&script).start();
        Some(Self { standin, hosts })
    }

    /// Each name stands for that address from now on.
    fn stand_for(&self, names: &[(&str, &str)]) {
        let lines: String = names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        std::fs::write(&self.hosts, lines).unwrap();
    }
}

#[test]
fn a_name_that_turns_to_a_special_address_is_not_followed() {
    // The origin closes after each answer, so that each request is dialled.
    let origin = Origin::sending("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
    let Some(names) = Names::start() else { return };
    let standin = &names.standin;
    let port = origin.address.port();
    let special = [
        "169.254.169.254",
        "0.0.0.0",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "fe80::1",
        "::",
        "255.255.255.255",
    ];
    // A name for each, so that all can turn at the same time: what a name
    // stands for is remembered for a moment.
    let turning: Vec<String> = (0..special.len()).map(|number| format!("turning{number}.test")).collect();
    let all = |address: &dyn Fn(usize) -> &'static str| {
        let lines: Vec<_> = turning.iter().enumerate().map(|(at, name)| (name.as_str(), address(at))).collect();
        names.stand_for(&lines);
    };
    all(&|_| "127.0.0.1");
    for name in &turning {
        let address = format!("http://{name}:{port}/");
        mount(standin, &json!({ "kind": "regular", "match": { "host": name }, "address": address }));
        assert_eq!(ask(standin, name).status, 200);
    }
    let mut served = turning.len();
    // Until it is no longer remembered the old address counts, and no other.
    let mut turned = |name: &str, status: u16| {
        eventually("the name has turned", || {
            let told = ask(standin, name);
            served += usize::from(told.status == 200);
            assert!(told.status == 200 || told.text().contains(REFUSED), "{name}: {} {}", told.status, told.text());
            told.status == status
        });
    };
    all(&|at| special[at]);
    turning.iter().for_each(|name| turned(name, 502));
    all(&|_| "127.0.0.1");
    turning.iter().for_each(|name| turned(name, 200));
    assert_eq!(origin.connections(), served);
}

#[test]
fn a_name_below_a_wildcard_does_not_lead_to_this_machine() {
    let hit = Origin::answering("hit");
    let Some(names) = Names::start() else { return };
    let standin = &names.standin;
    let ports = [hit.address.port(), standin.front.port(), standin.admin_address().port()];
    let allowed = ports.map(|port| format!("*.wild.test:{port}"));
    mount(standin, &json!({ "kind": "transparent", "allowed_hosts": allowed }));
    let addresses = ["127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "0.0.0.0", "169.254.169.254"];
    let below: Vec<String> = (0..addresses.len()).map(|number| format!("a{number}.wild.test")).collect();
    let lines: Vec<_> = below.iter().map(String::as_str).zip(addresses).collect();
    names.stand_for(&lines);
    for (name, address) in lines {
        for port in ports {
            let told = ask(standin, &format!("{name}:{port}"));
            assert!(matches!(told.status, 403 | 502 | 508), "{address}: {} {}", told.status, told.text());
        }
    }
    assert_eq!(hit.connections(), 0);
}
