//! docs/clients/python against a running server. What is checked stands in
//! `clients/standin_client_checks.py`.

use crate::common::process::{Launch, Standin};
use crate::common::scripts;

const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/clients/python");

fn check(standin: &Standin, sections: &[&str]) {
    let data_dir = standin.launch.data_dir();
    let mut arguments = vec![PACKAGES, data_dir.to_str().unwrap()];
    arguments.extend(sections);
    scripts::run("standin_client_checks.py", &arguments);
}

#[test]
fn the_python_client_finds_its_server_and_changes_mounts() {
    check(&Standin::start(), &["basics", "discovery"]);
}

#[test]
fn the_python_client_speaks_over_a_unix_socket() {
    let launch = Launch::with_data_dir();
    let socket = format!("unix:{}", launch.home().join("admin.sock").display());
    check(&launch.with(&["--listen", "127.0.0.1:0", "--admin", &socket]).start(), &["basics"]);
}

#[test]
fn the_python_client_has_every_call() {
    check(&Standin::start(), &["changes", "pages", "life", "sets", "journal", "callers"]);
}

#[test]
fn the_python_client_follows_events_and_keeps_leases() {
    check(&Standin::start(), &["streams", "renewals"]);
}
