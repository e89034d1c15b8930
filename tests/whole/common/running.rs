//! A child process whose lines are awaited, and which does not outlive its
//! test.

use super::PATIENCE;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

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
    Both,
}

impl Running {
    pub(crate) fn start(command: &mut Command, watch: Watch) -> Self {
        Self::start_with_input(command, watch, Stdio::null())
    }

    pub(crate) fn start_with_input(command: &mut Command, watch: Watch, input: Stdio) -> Self {
        let (output, its_end) = std::io::pipe().unwrap();
        if matches!(watch, Watch::Stdout | Watch::Both) {
            command.stdout(its_end.try_clone().unwrap());
        }
        if matches!(watch, Watch::Stderr | Watch::Both) {
            command.stderr(its_end.try_clone().unwrap());
        }
        let child = command.stdin(input).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The command's own copies would keep the pipe open behind the child's end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
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
        self.lines_within(PATIENCE, wanted)
    }

    fn lines_within(&self, patience: Duration, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Vec<String>> {
        let deadline = Instant::now() + patience;
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

    /// The next line, if it has come already.
    pub(crate) fn line_that_came(&self) -> Option<String> {
        self.lines.try_recv().ok()
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

    /// Waits for the end of a child that has work to do; all it said.
    pub(crate) fn finish(&mut self, patience: Duration) -> (ExitStatus, String) {
        let Err(lines) = self.lines_within(patience, |_| false) else { unreachable!("no line is wanted") };
        (self.child.wait().unwrap(), lines.join("\n"))
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
