//! curl and sha256sum.

use std::path::Path;
use std::process::{Command, Stdio};

/// Longer than any transfer of the tests takes.
const CURL_SECONDS_MAX: &str = "120";

/// curl with those arguments; fails on a status of 400 and above.
pub(crate) fn curl(arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.env_remove("http_proxy").args(["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]);
    command.args(["--max-time", CURL_SECONDS_MAX]).args(arguments);
    command
}

/// What curl fetches.
pub(crate) fn curl_output(arguments: &[&str]) -> Vec<u8> {
    let output = curl(arguments).output().unwrap();
    assert!(output.status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The SHA-256 of what curl fetches, which is kept nowhere.
pub(crate) fn sha256_of_curl(arguments: &[&str]) -> String {
    let mut fetching = curl(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let fetched = fetching.stdout.take().unwrap();
    let output = Command::new("sha256sum").stdin(fetched).output().unwrap();
    assert!(fetching.wait().unwrap().success(), "curl {arguments:?}");
    digest(&output.stdout)
}

pub(crate) fn sha256_of_file(path: &Path) -> String {
    digest(&Command::new("sha256sum").arg(path).output().unwrap().stdout)
}

fn digest(output: &[u8]) -> String {
    let text = std::str::from_utf8(output).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}
