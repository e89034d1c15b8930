//! The command line: arguments in, an exit code out. One file per command.
//!
//! Exit codes: 0 done; 1 it failed, or requests were cut off when stopping;
//! 2 the arguments or settings are wrong; 3 the admin API said no.

mod client;
mod import;
mod mount;
mod output;
mod serve;
mod token;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "standin", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy
    Serve(Box<crate::settings::ServeArguments>),
    /// List, show, add and remove mounts of a running proxy
    Mount(mount::MountArguments),
    /// Make, list and revoke the tokens of a running proxy
    Token(token::TokenArguments),
    /// Make mounts of a running proxy from another program's configuration
    Import(import::ImportArguments),
}

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// It could not be done.
    Failed(String),
    /// The arguments or settings are wrong.
    Usage(String),
    /// The admin API said no.
    Refused(String),
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Mount(arguments) => mount::run(arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Import(arguments) => import::run(arguments),
    };
    let (message, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => (message, 1),
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Refused(message)) => (message, 3),
    };
    output::complain(&message);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Arguments::command().debug_assert();
    }
}
