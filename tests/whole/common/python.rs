//! Python's `http.server` as an origin: it speaks HTTP/1.0, and its bodies end
//! with the connection or by a length.

use super::directory::Directory;
use super::running::{Running, Watch};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// A running `http.server`.
pub(crate) struct Python {
    pub(crate) address: SocketAddr,
    _running: Running,
}

impl Python {
    /// Serves the files of a directory.
    pub(crate) fn serve(directory: &Directory) -> Self {
        let mut command = Command::new("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]).current_dir(directory.path());
        let running = Running::start(command.stderr(Stdio::null()), Watch::Stdout);
        let lines = running.lines_until(|line| line.contains(" port ")).unwrap();
        // Serving HTTP on 127.0.0.1 port 40321 (http://127.0.0.1:40321/) ...
        let port = lines.last().unwrap().split_whitespace().nth(5).unwrap().parse().unwrap();
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), _running: running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}
