//! The command line: arguments in, an exit code out. One file per command.
//!
//! Exit codes: 0 done; 1 it failed, or requests were cut off when stopping;
//! 2 the arguments, settings or files are wrong; 3 the admin API said no.
//!
//! `client` finds and calls the server; `shape` and `mutation` are arguments
//! that several commands have; `events` reads streams of them and `follow` keeps
//! them open; `output` prints.

mod apply;
mod changes;
mod check;
mod client;
mod completions;
mod events;
mod explain;
mod export;
mod follow;
mod import;
mod list;
mod mount;
mod mutation;
mod operation;
mod output;
mod revisions;
mod serve;
mod shape;
mod stats;
mod token;
mod ui;
mod watch;

use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::process::ExitCode;

/// What scripts can rely on.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed: no server there, a file or output that cannot be written, requests cut off when stopping
  2  the arguments, the settings or a file are wrong; nothing was asked of a server
  3  the admin API refused: a wrong token, an id that there is not, a mount that cannot be, a lost race
Ctrl-C ends `watch` and `traffic` as it ends any program: shells say 130.

All but `serve`, `check` and `completions` call a running server. Which one: --server or STANDIN_ADMIN; else the one
that was last started on the data directory (--data-dir or STANDIN_DATA_DIR). The token: --token or STANDIN_TOKEN; else
the file `token` of the data directory; to another server's address only if that directory is named, too.";

#[derive(Debug, Parser)]
#[command(name = "standin", version, about, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy
    Serve(Box<crate::settings::ServeArguments>),
    /// List, show, add, change, stop, start and remove mounts of a running proxy
    Mount(mount::MountArguments),
    /// Make the whole set of one owner what a file says
    Apply(apply::ApplyArguments),
    /// Tell which mount answers a request, and what becomes of it
    Explain(Box<explain::ExplainArguments>),
    /// Watch what happens to the mounts
    Watch(watch::WatchArguments),
    /// Watch the requests of a mount
    Traffic(watch::TrafficArguments),
    /// Write down all mounts, as JSON
    Export(export::ExportArguments),
    /// Make mounts from an export, or from another program's configuration
    Import(import::ImportArguments),
    /// List what was changed, by whom and why
    Revisions(revisions::RevisionsArguments),
    /// Make a mount, or all of them, as they were
    Restore(revisions::RestoreArguments),
    /// Tell what the mounts have done
    Stats(stats::StatsArguments),
    /// Make, list and revoke the tokens of a running proxy
    Token(token::TokenArguments),
    /// Print the link to the web page
    Ui(ui::UiArguments),
    /// Check a file of mounts, a configuration or a Paste Deploy file, without a server
    Check(check::CheckArguments),
    /// Print the completions for a shell
    Completions(completions::CompletionsArguments),
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
    /// The admin API said: not now.
    Unready(String),
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(told) => return explained(&told),
    };
    let done = match arguments.command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Mount(arguments) => mount::run(arguments),
        Command::Apply(arguments) => apply::run(arguments),
        Command::Explain(arguments) => explain::run(*arguments),
        Command::Watch(arguments) => watch::watch(arguments),
        Command::Traffic(arguments) => watch::traffic(arguments),
        Command::Export(arguments) => export::run(arguments),
        Command::Import(arguments) => import::run(arguments),
        Command::Revisions(arguments) => revisions::list(arguments),
        Command::Restore(arguments) => revisions::restore(arguments),
        Command::Stats(arguments) => stats::run(arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Ui(arguments) => ui::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    let (message, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => (message, 1),
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Refused(message) | Failure::Unready(message)) => (message, 3),
    };
    output::complain(&message);
    ExitCode::from(code)
}

/// Prints the help that was asked for, or what is wrong with the arguments.
fn explained(told: &clap::Error) -> ExitCode {
    match told.print().and_then(|()| io::stdout().flush()) {
        // They are wrong, whether or not somebody can be told.
        _ if told.use_stderr() => ExitCode::from(2),
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            output::complain(&format!("the help cannot be written: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_fit_together() {
        super::Arguments::command().debug_assert();
    }
}
