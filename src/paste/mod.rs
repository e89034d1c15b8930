//! Paste Deploy files: the INI files that `paste.proxy` is run with.
//!
//! Owns turning one into mounts, and saying by line what becomes of everything
//! in it. Pure, but for the files that a file names, which are read by a
//! function that the caller gives. Serves and stores nothing.
//!
//! `ini` knows lines, `interpolate` values, `keys` and `deploy` sections, `urlmap`
//! the keys of maps; `convert` makes mounts of them and `routes` compares those
//! with Paste.

mod convert;
mod deploy;
mod ids;
mod ini;
mod interpolate;
mod keys;
mod known;
mod notes;
mod object;
mod options;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod urlmap;

use crate::limits::PASTE_FILE_BYTES_MAX;
use crate::mount::MountSpec;
use convert::Converter;
use deploy::Deploy;
pub use deploy::Read;
use ini::DEFAULT;
use notes::At;
pub use notes::{Note, Severity};
use serde_json::Value;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;

/// The application that a file is about, if none is named.
pub const ENTRY: &str = "main";

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What notes call the file.
    pub name: &'a str,
    /// Where it is; none for text that came without a place.
    pub path: Option<&'a Path>,
    /// What is in it.
    pub text: &'a str,
    /// The application to begin with.
    pub entry: &'a str,
    /// True where the file is about to be served as a whole, its address too.
    pub served: bool,
}

/// What a file comes to.
#[derive(Debug)]
pub struct Import {
    /// The mounts, as they are sent to the API. Nothing is to be made of them
    /// where there are errors.
    pub mounts: Vec<Value>,
    /// The same, checked.
    pub specs: Vec<MountSpec>,
    /// Where `[server:main]` listens.
    pub listen: Option<SocketAddr>,
    /// What there is to say, by line.
    pub notes: Vec<Note>,
}

impl Import {
    /// The notes of that severity.
    pub fn notes_of(&self, severity: Severity) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.severity == severity)
    }

    /// True where nothing is to be made of it.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.notes_of(Severity::Error).next().is_some()
    }

    /// In one line: how many of what.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let errors = self.notes_of(Severity::Error).count();
        let warnings = count(self.notes_of(Severity::Warning).count(), "warning");
        match errors {
            0 => format!("{}, {warnings}", count(self.mounts.len(), "mount")),
            errors => {
                format!("{}, {warnings}; nothing is made of the file until they are mended", count(errors, "error"))
            }
        }
    }
}

/// Reads a file and says everything about it.
#[must_use]
pub fn import(source: Source<'_>, read: Read<'_>) -> Import {
    let mut deploy = Deploy::new(read);
    let file = deploy.open(source.name, source.path, source.text);
    let made = Converter::mounts(&mut deploy, &file, source.entry);
    let listen = server::listen(&mut deploy, &file, source.served);
    tell_what_is_unused(&mut deploy, &file, source.entry);
    let (mounts, specs) = made.into_iter().unzip();
    Import { mounts, specs, listen, notes: std::mem::take(&mut deploy.notes).finish(source.name) }
}

/// Says which sections and defaults led to nothing.
fn tell_what_is_unused(deploy: &mut Deploy<'_>, file: &Rc<deploy::File>, entry: &str) {
    let at = |line| At { file: Rc::clone(&file.name), line };
    for section in &file.ini().sections {
        if deploy.used.contains(&(Rc::clone(&file.name), section.name.clone())) {
            continue;
        }
        let (prefix, name) = section.name.split_once(':').map_or((section.name.as_str(), ""), |(a, b)| (a, b.trim()));
        let text = match prefix {
            "app" | "application" | "composite" | "composit" | "pipeline" | "filter-app" if name.is_empty() => {
                format!("[{prefix}] has no name and is never found; write [{prefix}:{ENTRY}] or give it another one")
            }
            "app" | "application" | "composite" | "composit" | "pipeline" | "filter-app" => {
                format!(
                    "nothing leads from '{entry}' to '{name}': no mount is made of it; import {}#{name} for that",
                    file.name
                )
            }
            "filter" => format!("no application uses the filter '{name}': it has no effect"),
            "server" => format!("only [server:{ENTRY}] is looked at"),
            _ => "this is no section of Paste Deploy: it has no effect on proxies, in Paste neither".into(),
        };
        deploy.notes.add(Severity::Info, &at(section.line), text);
    }
    let used = deploy.used_defaults.borrow().clone();
    for entry in &file.ini().defaults.entries {
        if !used.contains(entry.key.as_str()) {
            let text = format!("nothing uses '{}' of [{DEFAULT}]: it has no effect", entry.key);
            deploy.notes.add(Severity::Info, &at(entry.line), text);
        }
    }
}

/// Reads a file of the disk, within bounds.
pub fn read_file(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(PASTE_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > PASTE_FILE_BYTES_MAX {
        return Err(format!("it is larger than {PASTE_FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
}

/// Reads `FILE.ini` or `FILE.ini#name` and what it names.
pub fn import_file(argument: &str, served: bool) -> Result<Import, String> {
    let (name, entry) = argument.rsplit_once('#').unwrap_or((argument, ENTRY));
    let path = std::path::absolute(name).map_err(|error| format!("{name}: {error}"))?;
    let text = read_file(&path).map_err(|error| format!("{name}: {error}"))?;
    Ok(import(Source { name, path: Some(&path), text: &text, entry, served }, &read_file))
}
