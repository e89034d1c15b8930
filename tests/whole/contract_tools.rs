//! openapi.yaml in the hands of programs that are not ours: a linter, and
//! Schemathesis, which calls the API with all that the contract allows and much
//! that it does not.
//!
//! What they look for is in `tests/redocly.yaml` and `tests/schemathesis.toml`,
//! where each exception has its reason; what JSON Schema cannot say is in
//! `contract/hooks.py`. No mount made here ever gets a request, so that no
//! address that Schemathesis makes up is dialled.
//!
//! By hand, against a server that may lose its mounts:
//!
//! ```sh
//! tests/install-clients
//! tests/node_modules/.bin/redocly lint --config tests/redocly.yaml openapi.yaml
//! STANDIN_TOKEN=… STANDIN_TEST_FILES=/etc/standin STANDIN_TEST_HOOKS=$PWD/tests/whole/contract/hooks.py \
//!   tests/.venv/bin/st --config-file tests/schemathesis.toml run openapi.yaml --url http://127.0.0.1:8081
//! ```
//!
//! `STANDIN_TEST_FILES` is a directory with `htpasswd`, `keys` (of `k1`),
//! `certificate.pem` and `key.pem`; `STANDIN_TEST_LOG=FILE` keeps a line for
//! each call; `--include-operation-id NAME` and `--phases NAME` look at less.

use crate::common::directory::Directory;
use crate::common::process::Standin;
use crate::common::running::{Running, Watch};
use crate::common::scripts::{node_program, python_module};
use crate::common::tls::{Authority, Validity};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// About ten times what it takes on two cores that have nothing else to do.
const RUN_MAX: Duration = Duration::from_secs(400);

/// Fails the test with all that a program said, unless it is content.
fn run(command: &mut Command) -> String {
    let (status, said) = Running::start(command, Watch::Both).finish(RUN_MAX);
    assert!(status.success(), "{command:?}: {status}\n{said}");
    said
}

/// The files that a mount may name.
fn files() -> Directory {
    let files = Directory::new();
    let hash = bcrypt::hash_with_result("open sesame", 4).unwrap().format_for_version(bcrypt::Version::TwoY);
    std::fs::write(files.join("htpasswd"), format!("ann:{hash}\n")).unwrap();
    std::fs::write(files.join("keys"), "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    let identity = Authority::new().identity(&["127.0.0.1"], Validity::Now);
    std::fs::write(files.join("certificate.pem"), identity.certificate).unwrap();
    std::fs::write(files.join("key.pem"), identity.key).unwrap();
    files
}

#[test]
fn a_linter_has_nothing_to_say_about_the_contract() {
    let mut command = node_program("@redocly/cli/bin/cli.js");
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true").current_dir(ROOT);
    let arguments = ["lint", "--lint-config", "error", "--config", "tests/redocly.yaml", "openapi.yaml"];
    let said = run(command.args(arguments));
    assert!(said.contains("Your API description is valid"), "{said}");
}

#[test]
fn schemathesis_finds_no_answer_that_is_not_in_the_contract() {
    let (standin, files, here) = (Standin::start(), files(), Directory::new());
    let root = Path::new(ROOT);
    let mut command = python_module("schemathesis.cli");
    command
        .current_dir(here.path())
        .env("STANDIN_TOKEN", standin.token())
        .env("STANDIN_TEST_FILES", files.path())
        .env("STANDIN_TEST_HOOKS", root.join("tests/whole/contract/hooks.py"))
        .arg("--config-file")
        .arg(root.join("tests/schemathesis.toml"))
        .arg("run")
        .arg(root.join("openapi.yaml"))
        .args(["--url", &format!("http://{}", standin.admin_address())]);
    let said = run(&mut command);
    assert!(said.contains("No issues found"), "{said}");
    assert_eq!(standin.admin().get("/healthz").status, 200);
}
