//! `standin export`: the whole set, to standard output or a file.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::output::{remark, say};
use clap::Args;
use http_types::Method;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
    match arguments.file.filter(|file| !is_stdout(file)) {
        None => say(&text),
        Some(file) => {
            write(&file, &text).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
            let count = export["mounts"].as_array().map_or(0, Vec::len);
            remark(&format!("{count} mounts of revision {} are in {}", export["revision"], file.display()));
            Ok(())
        }
    }
}

/// True for `-`, and for whatever else leads to where standard output goes.
fn is_stdout(file: &Path) -> bool {
    let stdout = || File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata();
    let is_same = |named: Metadata| stdout().is_ok_and(|out| (out.dev(), out.ino()) == (named.dev(), named.ino()));
    file == Path::new("-") || std::fs::metadata(file).is_ok_and(is_same)
}

/// Instead of a file that is there, or straight into what is no file, such as a
/// FIFO or a device.
fn write(file: &Path, text: &str) -> io::Result<()> {
    match std::fs::metadata(file) {
        // What a symbolic link leads to is replaced, and the link stays.
        Ok(there) if there.is_file() => replace(&file.canonicalize()?, text, Some(&there)),
        Ok(_) => writeln!(File::options().write(true).open(file)?, "{text}"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match std::fs::symlink_metadata(file) {
            // A link to where nothing is yet: the file is made there.
            Ok(_) => writeln!(File::options().write(true).create(true).mode(MODE).open(file)?, "{text}"),
            Err(_) => replace(file, text, None),
        },
        Err(error) => Err(error),
    }
}

/// Header edits may hold what is not for everybody, so only the owner reads a
/// new file.
const MODE: u32 = 0o600;

/// Whole or not at all: what was there before stays until all of it is written.
/// It is as open to others as the file that it replaces.
fn replace(file: &Path, text: &str, before: Option<&Metadata>) -> io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}.new", std::process::id()));
    let unfinished = Path::new(&unfinished);
    // A new one: through a link that somebody put there nothing is written.
    let mut out = File::options().write(true).create_new(true).mode(MODE).open(unfinished)?;
    let mut write = || {
        if let Some(before) = before {
            out.set_permissions(before.permissions())?;
        }
        writeln!(out, "{text}")?;
        out.sync_all()?;
        std::fs::rename(unfinished, file)
    };
    write().inspect_err(|_| drop(std::fs::remove_file(unfinished)))
}
