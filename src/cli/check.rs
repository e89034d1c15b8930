//! `standin check`: whether a file is what a server takes, without one.
//!
//! Tells everything that is wrong at once. What only a server can know, such as
//! which mounts there are already, is not looked at.

use super::Failure;
use super::changes::{mounts_of, name, read_text};
use super::output::{complain, remark, say};
use crate::admin::as_sent;
use crate::limits::{IMPORT_MOUNTS_MAX, PASTE_NOTES_MAX};
use crate::mount::spec::{Id, parse};
use crate::mount::{MountSpec, SpecFault, identity, trust};
use crate::paste::{self, Severity};
use crate::settings::{ServeArguments, Settings};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The file; - is standard input
    file: PathBuf,
    /// What it is [default: by its name .json, .toml or .ini; otherwise by what is in it]
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Also read the files that mounts name: certificates, keys, passwords
    #[arg(long)]
    files: bool,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Mounts, for apply and import
    Mounts,
    /// The settings of `standin serve`
    Config,
    /// A Paste Deploy file
    Paste,
}

/// What came of a check.
#[derive(Default)]
struct Checked {
    /// What was checked, in words.
    what: String,
    faults: Vec<String>,
    /// What is not wrong, and worth to be known.
    notes: Vec<String>,
}

/// Checks a file.
pub fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let file = &arguments.file;
    let text = read_text(file).map_err(Failure::Usage)?;
    let kind = arguments.kind.or_else(|| by_name(file)).unwrap_or_else(|| by_content(&text));
    let checked = match kind {
        Kind::Mounts => mounts(&text, arguments.files),
        Kind::Config => config(file)?,
        Kind::Paste => paste(file)?,
    };
    let count = checked.faults.len();
    if arguments.json {
        let valid = checked.faults.is_empty();
        say(&json!({ "valid": valid, "faults": checked.faults, "notes": checked.notes }).to_string())?;
    } else {
        checked.notes.iter().for_each(|note| remark(note));
        checked.faults.iter().for_each(|fault| complain(fault));
    }
    match count {
        0 if arguments.json => Ok(()),
        0 => say(&format!("{}: {}", name(file), checked.what)),
        1 => Err(Failure::Usage(format!("{} has one fault", name(file)))),
        _ => Err(Failure::Usage(format!("{} has {count} faults", name(file)))),
    }
}

fn by_name(file: &Path) -> Option<Kind> {
    match file.extension()?.to_str()? {
        "json" => Some(Kind::Mounts),
        "toml" => Some(Kind::Config),
        "ini" => Some(Kind::Paste),
        _ => None,
    }
}

/// TOML and INI look alike: what TOML takes is TOML.
fn by_content(text: &str) -> Kind {
    let is_object = text.trim_start().starts_with('{');
    if is_object || serde_json::from_str::<Value>(text).is_ok() {
        Kind::Mounts
    } else if toml::from_str::<toml::Table>(text).is_ok() {
        Kind::Config
    } else {
        Kind::Paste
    }
}

fn mounts(text: &str, with_files: bool) -> Checked {
    let mut checked = Checked::default();
    let list = match serde_json::from_str(text).map(mounts_of) {
        Ok(Some(mut value)) => value["mounts"].take(),
        Ok(None) => {
            checked.faults.push("it holds neither {\"mounts\": [...]} nor an array of mounts".into());
            return checked;
        }
        Err(error) => {
            checked.faults.push(format!("malformed JSON: {error}"));
            return checked;
        }
    };
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.len() > IMPORT_MOUNTS_MAX {
        checked.faults.push(format!("it has more than {IMPORT_MOUNTS_MAX} mounts"));
    }
    let mut seen = Seen::default();
    for (place, value) in list.iter().enumerate() {
        // As many as people read.
        if checked.faults.len() >= PASTE_NOTES_MAX {
            break;
        }
        let faults = match parse(&as_sent(value.clone()), Id::OwnOr("")) {
            Ok(spec) => {
                let mut faults = seen.faults(&spec, place);
                if with_files {
                    faults.extend(identity::check_files(&spec));
                    faults.extend(trust::check_files(&spec));
                }
                faults
            }
            Err(faults) => faults,
        };
        checked.faults.extend(faults.iter().map(|fault| format!("/mounts/{place}{}: {}", fault.pointer, fault.detail)));
    }
    checked.what = format!("{} mount{}, no fault", list.len(), if list.len() == 1 { "" } else { "s" });
    checked
}

/// Ids and matches that were there already, each with its place.
#[derive(Default)]
struct Seen {
    ids: HashMap<String, usize>,
    matches: HashMap<String, usize>,
}

impl Seen {
    fn faults(&mut self, spec: &MountSpec, place: usize) -> Vec<SpecFault> {
        let mut faults = Vec::new();
        let mut look = |map: &mut HashMap<String, usize>, key: String, pointer: &str| {
            if let Some(first) = map.get(&key) {
                let detail = format!("'{key}' is that of /mounts/{first} already");
                faults.push(SpecFault { pointer: pointer.into(), detail });
            } else {
                map.insert(key, place);
            }
        };
        look(&mut self.ids, spec.id.clone(), "/id");
        look(&mut self.matches, spec.matches.to_string(), "/match");
        faults
    }
}

fn config(file: &Path) -> Result<Checked, Failure> {
    let arguments = ServeArguments {
        config: Some(named(file)?.to_owned()),
        // Where the home is, is not the file's matter.
        data_dir: Some(PathBuf::from("/")),
        ..Default::default()
    };
    Ok(match Settings::resolve_all(arguments) {
        Ok(settings) => {
            let what = format!("settings with {} mounts of their own, no fault", settings.mounts.len());
            Checked { what, notes: settings.remarks, faults: Vec::new() }
        }
        Err(faults) => Checked { faults, ..Checked::default() },
    })
}

fn paste(file: &Path) -> Result<Checked, Failure> {
    let file = named(file)?;
    let argument = file.to_str().ok_or_else(|| Failure::Usage("the path is not UTF-8".into()))?;
    let import = paste::import_file(argument, false).map_err(Failure::Usage)?;
    let (faults, notes): (Vec<_>, Vec<_>) = import.notes.iter().partition(|note| note.severity == Severity::Error);
    let text = |notes: Vec<&paste::Note>| notes.into_iter().map(ToString::to_string).collect();
    Ok(Checked { what: import.summary(), faults: text(faults), notes: text(notes) })
}

/// Settings and Paste Deploy files are read where they are: they name others.
fn named(file: &Path) -> Result<&Path, Failure> {
    if file == Path::new("-") {
        return Err(Failure::Usage("only mounts can be checked from standard input; name a file".into()));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_every_mount_is_told() {
        let text = json!([
            {"id": "a", "kind": "regular", "address": "ftp://h/", "match": {"path": "x"}},
            {"id": "b", "kind": "regular", "address": "http://h/", "match": {"path": "/b"}, "state": "open"},
            {"id": "b", "kind": "regular", "address": "http://h/", "match": {"path": "/b/"}},
            {"kind": "regular", "address": "http://h/", "stat": 1},
        ]);
        let faults = mounts(&text.to_string(), false).faults;
        let pointers: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            pointers,
            [
                "/mounts/0/match/path",
                "/mounts/0/address",
                "/mounts/2/id",
                "/mounts/2/match",
                "/mounts/3/stat",
                "/mounts/3/id"
            ]
        );
        assert!(mounts("{", false).faults[0].contains("malformed JSON"));
        assert!(mounts("{}", false).faults[0].contains("mounts"));
        assert!(mounts("{\"mounts\": []}", false).faults.is_empty());
    }

    #[test]
    fn the_kind_of_a_file_is_seen() {
        assert_eq!(by_name(Path::new("a.toml")), Some(Kind::Config));
        assert_eq!(by_name(Path::new("a.conf")), None);
        assert_eq!(by_content(" { broken"), Kind::Mounts);
        assert_eq!(by_content("[]"), Kind::Mounts);
        assert_eq!(by_content("listen = '127.0.0.1:1'"), Kind::Config);
        assert_eq!(by_content("[app:main]\nuse = egg:Paste#proxy"), Kind::Paste);
    }
}
