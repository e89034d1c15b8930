//! The scripts of `tests/whole/clients`, and by their way from there of other
//! tests: clients that check what they get, and servers. They run with what `tests/install-clients` installed.

use super::running::{Running, Watch};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole/clients");
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// A client ends itself before, and says where it was.
const CLIENT_MAX: Duration = Duration::from_secs(60);

/// What would lead a client elsewhere than straight to the server it is told.
const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// The language of a script.
#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    Node,
}

impl Language {
    fn of(script: &str) -> Self {
        if script.ends_with(".js") { Self::Node } else { Self::Python }
    }

    /// Fails the test if what was installed is not what the list names.
    fn program(self) -> PathBuf {
        let (directory, list) = match self {
            Self::Python => (".venv", "requirements.txt"),
            Self::Node => ("node_modules", "package-lock.json"),
        };
        let tests = Path::new(TESTS);
        let installed = std::fs::read(tests.join(directory).join("installed")).ok();
        let wanted = std::fs::read(tests.join(list)).unwrap();
        assert!(
            installed.as_ref() == Some(&wanted),
            "tests/{directory} is missing or not what tests/{list} asks for. Run: tests/install-clients"
        );
        match self {
            Self::Python => tests.join(".venv/bin/python"),
            Self::Node => in_path("node"),
        }
    }

    fn command(self) -> Command {
        let mut command = Command::new(self.program());
        command.current_dir(SCRIPTS).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", SCRIPTS);
        PROXY_VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }
}

fn in_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{program} is missing. Run: tests/install-clients"))
}

/// Runs a client to its end; fails the test with all that it said.
pub(crate) fn run(script: &str, arguments: &[&str]) {
    output(script, arguments);
}

/// The same; what it said.
pub(crate) fn output(script: &str, arguments: &[&str]) -> String {
    let mut command = Language::of(script).command();
    finish(CLIENT_MAX, command.arg(script).args(arguments))
}

/// The same with another bound on its time, and with more in its environment.
pub(crate) fn run_within(bound: Duration, script: &str, environment: &[(&str, &str)]) {
    let mut command = Language::of(script).command();
    finish(bound, command.arg(script).envs(environment.iter().copied()));
}

fn finish(bound: Duration, command: &mut Command) -> String {
    let (status, said) = Running::start(command, Watch::Both).finish(bound);
    assert!(status.success(), "{command:?}: {status}\n{said}");
    said
}

/// A module of an installed Python package, to be run as a program.
pub(crate) fn python_module(module: &str) -> Command {
    let mut command = Language::Python.command();
    command.args(["-m", module]).env("PYTHONUTF8", "1");
    command
}

/// A program of an installed Node package, by its way from `node_modules`.
pub(crate) fn node_program(program: &str) -> Command {
    let mut command = Language::Node.command();
    command.arg(Path::new(TESTS).join("node_modules").join(program));
    command
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _running: Running,
}

impl Server {
    /// Starts a script that tells its port.
    pub(crate) fn start(script: &str) -> Self {
        Self::start_with(script, &[])
    }

    /// The same, with arguments.
    pub(crate) fn start_with(script: &str, arguments: &[&str]) -> Self {
        Self::of(Language::of(script).command().arg(script).args(arguments))
    }

    /// gunicorn with the application of `wsgi.py`.
    pub(crate) fn gunicorn() -> Self {
        Self::of(Language::Python.command().args(["-m", "gunicorn", "--config", "gunicorn.conf.py"]))
    }

    fn of(command: &mut Command) -> Self {
        let running = Running::start(command, Watch::Both);
        let lines = running.lines_until(|line| line.starts_with("ready "));
        let lines = lines.unwrap_or_else(|lines| panic!("{command:?} ended: {lines:#?}"));
        let port = lines.last().unwrap()["ready ".len()..].parse().unwrap();
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), _running: running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}
