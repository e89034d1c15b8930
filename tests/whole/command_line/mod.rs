//! Each command of the command line, on the real binary.
//!
//! - `mounts`: one mount, from its begin to its end, and lists of them.
//! - `sets`: many at once: files, exports, history.
//! - `watching`: what happens, as it happens.
//! - `alone`: what needs no server, and what is said where there is none.
//! - `written`: what becomes of what is printed and exported.

mod alone;
mod mounts;
mod sets;
mod watching;
mod written;

use crate::common::process::Launch;
use serde_json::Value;
use std::process::Output;

/// Runs a command of the same home.
trait Run {
    /// To its end.
    fn output(&self, arguments: &[&str]) -> Output;

    /// Standard output of a command that must succeed.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same as JSON, of a command that is asked for it.
    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// What is said by one that must not succeed.
    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{arguments:?}: {told}");
        told
    }
}

impl Run for Launch {
    fn output(&self, arguments: &[&str]) -> Output {
        self.run(arguments)
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
