//! `standin completions`: what a shell needs to complete the arguments.

use super::output::say;
use super::{Arguments, Failure};
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// For which shell; bash reads it with: source <(standin completions bash)
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &CompletionsArguments) -> Result<(), Failure> {
    // Not straight to standard output: it may be closed before the end.
    let mut script = Vec::new();
    generate(arguments.shell, &mut Arguments::command(), "standin", &mut script);
    say(String::from_utf8_lossy(&script).trim_end())
}
