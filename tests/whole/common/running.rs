//! A child process whose lines are awaited, and which does not outlive its
//! test.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

/// A child of the test.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

/// Where the lines are that are awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch {
    Stdout,
    Stderr,
}

impl Running {
    pub(crate) fn start(command: &mut Command, watch: Watch) -> Self {
        Self::start_with_input(command, watch, Stdio::null())
    }

    pub(crate) fn start_with_input(command: &mut Command, watch: Watch, input: Stdio) -> Self {
        match watch {
            Watch::Stdout => command.stdout(Stdio::piped()),
            Watch::Stderr => command.stderr(Stdio::piped()),
        };
        let mut child = command.stdin(input).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output: Box<dyn Read + Send> = match watch {
            Watch::Stdout => Box::new(child.stdout.take().unwrap()),
            Watch::Stderr => Box::new(child.stderr.take().unwrap()),
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Read on, so that the child never waits for us.
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines up to and with the one that is wanted; the error has all
    /// lines of a child that ended without it.
    pub(crate) fn lines_until(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Vec<String>> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let found = wanted(&line);
                    seen.push(line);
                    if found {
                        return Ok(seen);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(seen),
                Err(RecvTimeoutError::Timeout) => panic!("the line that was waited for is not in {seen:#?}"),
            }
        }
    }

    /// Waits for the end, which closes the output.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        self.exit_with_lines().0
    }

    /// Waits for the end; with the lines that nobody waited for.
    pub(crate) fn exit_with_lines(&mut self) -> (ExitStatus, Vec<String>) {
        let lines = self.lines_until(|_| false).expect_err("a line that nobody wants");
        (self.child.wait().unwrap(), lines)
    }

    /// Sends a signal, as in `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status().unwrap();
        assert!(done.success());
    }

    /// Ends it without a chance to say anything.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
