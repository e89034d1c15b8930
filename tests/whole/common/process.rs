//! The server under test: the real binary, with a data directory and ports of
//! its own.

use super::admin::Admin;
use super::directory::Directory;
use super::eventually;
use super::running::{Running, Watch};
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Arc;

/// Does what systemd does for a unit with sockets: they are open from number 3
/// on, and the environment says how many. The first one comes as its input.
const SERVICE_MANAGER: &str = r#"
import os, socket, sys
sockets = [os.dup(0)]
admin, *command = sys.argv[1:]
if admin:
    is_path = admin.startswith("/")
    listener = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
    listener.bind(admin if is_path else (admin, 0))
    listener.listen()
    sockets.append(listener.detach())
# Away from the numbers that are wanted, and then there.
sockets = [os.dup2(number, 20 + at) for at, number in enumerate(sockets)]
for at, number in enumerate(sockets):
    os.dup2(number, 3 + at)
    os.close(number)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.environ.update(LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"#;

/// How a server is started.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    home: Arc<Directory>,
    /// None leaves it to the default, below the home.
    data_dir: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// A program with arguments that starts the binary in its own place.
    through: Vec<String>,
    /// Standard input of that program.
    input: Option<Arc<OwnedFd>>,
}

/// A server that was started and ended before it was ready.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

/// A server that is ready. Dropping it ends it, and fails the test if anything
/// in it has panicked.
#[derive(Debug)]
pub(crate) struct Standin {
    pub(crate) front: SocketAddr,
    /// None on a Unix socket.
    admin: Option<SocketAddr>,
    pub(crate) launch: Launch,
    running: Running,
}

/// What a server holds while it has nothing to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtRest {
    files: usize,
    memory_kib: u64,
}

/// What traffic of any kind may add to the resident memory: half as much again
/// as was ever seen.
const GROWTH_KIB_MAX: u64 = 24 * 1024;

impl Launch {
    /// `standin serve` with nothing said; its home is a new directory.
    pub(crate) fn bare() -> Self {
        Self {
            home: Arc::new(Directory::new()),
            data_dir: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            through: Vec::new(),
            input: None,
        }
    }

    /// With a data directory of its own and nothing else said.
    pub(crate) fn with_data_dir() -> Self {
        let mut launch = Self::bare();
        launch.data_dir = Some(launch.home.join("data"));
        launch
    }

    /// On free ports, with a data directory of its own.
    pub(crate) fn new() -> Self {
        Self::with_data_dir().with(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Started by a shell script, which ends in `exec "$0" "$@"`.
    pub(crate) fn through_sh(self, script: &str) -> Self {
        self.through(&["sh", "-c", script])
    }

    /// With a socket as its first one from a service manager; a second one
    /// is bound at `admin`, the path of a Unix socket or an IP address.
    pub(crate) fn inheriting(mut self, socket: impl Into<OwnedFd>, admin: Option<&str>) -> Self {
        self.input = Some(Arc::new(socket.into()));
        self.through(&["python3", "-c", SERVICE_MANAGER, admin.unwrap_or_default()])
    }

    /// Started by a program with arguments, in its own place.
    pub(crate) fn through(mut self, program: &[&str]) -> Self {
        self.through = program.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn home(&self) -> &Directory {
        &self.home
    }

    /// Where this home's server keeps its things.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| self.home.join(".local/state/standin"))
    }

    /// The binary, in an environment that says nothing else to it.
    pub(crate) fn binary(&self) -> Command {
        self.binary_through(&[])
    }

    fn binary_through(&self, through: &[String]) -> Command {
        let mut words = through.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_standin")]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path());
        command.envs(self.data_dir.iter().map(|directory| ("STANDIN_DATA_DIR", directory)));
        command
    }

    pub(crate) fn start(&self) -> Standin {
        self.try_start().unwrap_or_else(|refused| panic!("standin did not start: {refused:?}"))
    }

    pub(crate) fn try_start(&self) -> Result<Standin, Refused> {
        let mut command = self.binary_through(&self.through);
        command.arg("serve").args(&self.arguments).stderr(File::create(self.stderr()).unwrap());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let input = self.input.as_ref().map_or_else(Stdio::null, |input| input.try_clone().unwrap().into());
        let mut running = Running::start_with_input(&mut command, Watch::Stdout, input);
        match running.lines_until(|line| line.starts_with("ready")) {
            Ok(lines) => {
                let front = listener(&lines, "front").expect("a line with the front's address");
                Ok(Standin { front, admin: listener(&lines, "admin"), launch: self.clone(), running })
            }
            Err(_) => Err(Refused { code: running.exit().code(), stderr: self.complaints() }),
        }
    }

    fn stderr(&self) -> PathBuf {
        self.home.join("stderr")
    }

    /// All that this home's last server has written to standard error.
    pub(crate) fn complaints(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.stderr()).unwrap_or_default()).into_owned()
    }

    /// Runs another command of the binary to its end, in the same home.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.binary().args(arguments).output().unwrap()
    }
}

fn is_pipe(descriptor: &Path) -> bool {
    descriptor.to_str().is_some_and(|name| name.starts_with("pipe:"))
}

/// The address in a line as in `  front  http://127.0.0.1:1234/`.
fn listener(lines: &[String], name: &str) -> Option<SocketAddr> {
    let line = lines.iter().find(|line| line.split_whitespace().next() == Some(name))?;
    let url = line.split_whitespace().nth(1)?;
    url.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

impl Standin {
    pub(crate) fn start() -> Self {
        Launch::new().start()
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.admin_address(), self.token())
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin.expect("an admin listener with a port")
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.launch.data_dir().join("token")).unwrap().trim().to_owned()
    }

    /// The resident memory now.
    pub(crate) fn rss_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most resident memory there has been.
    pub(crate) fn rss_peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        self.descriptors().count()
    }

    /// How many ends of pipes it has open.
    pub(crate) fn open_pipe_ends(&self) -> usize {
        self.descriptors().filter(|descriptor| is_pipe(descriptor)).count()
    }

    fn descriptors(&self) -> impl Iterator<Item = PathBuf> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.running.id())).unwrap();
        // One may be closed before it is looked at.
        open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
    }

    /// What it has open besides the empty pipes that it keeps for large bodies.
    fn files(&self) -> usize {
        self.descriptors().filter(|descriptor| !is_pipe(descriptor)).count()
    }

    /// Asked before any traffic.
    pub(crate) fn at_rest(&self) -> AtRest {
        AtRest { files: self.files(), memory_kib: self.rss_kib() }
    }

    /// Asserts that traffic has left nothing: no request and no tunnel of any
    /// mount is in progress, no socket is open once the mounts are gone and
    /// their idle connections with them, and memory was never without bound.
    pub(crate) fn check_at_rest_again(&self, before: AtRest) {
        let admin = self.admin();
        let mounts = || admin.get("/v1/mounts").value["mounts"].as_array().unwrap().clone();
        eventually("no request and no tunnel is in progress", || {
            mounts().iter().all(|mount| mount["in_flight"] == 0 && mount["tunnels"] == 0)
        });
        for mount in mounts() {
            assert_eq!(admin.delete(mount["id"].as_str().unwrap()).status, 204);
        }
        eventually("every socket is closed again", || self.files() <= before.files);
        let growth = self.rss_peak_kib().saturating_sub(before.memory_kib);
        assert!(growth < GROWTH_KIB_MAX, "the memory grew by {growth} KiB");
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn term(&self) {
        self.signal("TERM");
    }

    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Waits for a line on standard output.
    pub(crate) fn wait_for_line(&self, start: &str) {
        self.running.lines_until(|line| line.starts_with(start)).unwrap();
    }

    /// Waits for a line with that in it.
    pub(crate) fn wait_for_line_with(&self, part: &str) {
        self.running.lines_until(|line| line.contains(part)).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        self.running.exit()
    }

    /// Waits for the end; with the lines of standard output that nobody waited
    /// for, and with standard error.
    pub(crate) fn last_words(&mut self) -> (ExitStatus, Vec<String>, String) {
        let (status, lines) = self.running.exit_with_lines();
        (status, lines, std::fs::read_to_string(self.launch.home().join("stderr")).unwrap())
    }

    pub(crate) fn kill9(&mut self) {
        self.running.kill();
    }

    /// Another one on the same data directory.
    pub(crate) fn restart(mut self) -> Self {
        self.kill9();
        self.launch.start()
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.running.kill();
        let complaints = self.launch.complaints();
        assert!(std::thread::panicking() || !complaints.contains("panicked"), "the server says: {complaints}");
    }
}
