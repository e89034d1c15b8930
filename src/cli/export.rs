//! `standin export`: the whole set, to standard output or a file.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{remark, say};
use clap::Args;
use http_types::Method;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Where to; standard output if none is named. `standin import` takes it back
    file: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArguments,
    /// On one line; it is JSON in any case
    #[arg(long)]
    json: bool,
}

/// Writes it down.
pub fn run(arguments: ExportArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let export = client.call(Method::Get, "/v1/export", None)?;
    let text = if arguments.json { export.to_string() } else { format!("{export:#}") };
    match arguments.file.filter(|file| file != Path::new("-")) {
        None => say(&text)?,
        Some(file) => {
            write(&file, &text).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
            let count = export["mounts"].as_array().map_or(0, Vec::len);
            remark(&format!("{count} mounts of revision {} are in {}", export["revision"], file.display()));
        }
    }
    Ok(())
}

/// Whole or not at all: what was there before stays until all of it is written.
/// Header edits may hold what is not for everybody, so only the owner reads it.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    let write = || {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(unfinished)?;
        writeln!(out, "{text}")?;
        out.sync_all()?;
        std::fs::rename(unfinished, file)
    };
    write().inspect_err(|_| drop(std::fs::remove_file(unfinished)))
}
