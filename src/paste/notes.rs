//! What an import says: by file and line, what it is and what to do.

use crate::limits::PASTE_NOTES_MAX;
use serde::{Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is made of the file until this is mended.
    Error,
    /// Something is not as it was, or not as it seems.
    Warning,
    /// A defect of Paste that is gone here.
    Fixed,
    /// What else the file says, and where it is found now.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Fixed => "fixed",
            Self::Info => "info",
        })
    }
}

/// A place in a file; line 0 is the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct At {
    /// As the user calls it.
    pub file: Rc<str>,
    /// From 1.
    pub line: usize,
}

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Note {
    /// The file.
    pub file: String,
    /// The line, from 1; none is the whole file.
    #[serde(serialize_with = "or_null")]
    pub line: usize,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, and what to do about it.
    pub text: String,
}

fn or_null<S: Serializer>(line: &usize, serializer: S) -> Result<S::Ok, S::Error> {
    Some(*line).filter(|line| *line > 0).serialize(serializer)
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        write!(formatter, ": {}: {}", self.severity, self.text)
    }
}

/// All that is said, each thing once, and not without end.
#[derive(Debug, Default)]
pub struct Notes {
    list: Vec<Note>,
    said: HashSet<Note>,
    left_out: usize,
}

impl Notes {
    /// Says something, unless it is said already.
    pub fn add(&mut self, severity: Severity, at: &At, text: impl Into<String>) {
        let note = Note { file: at.file.to_string(), line: at.line, severity, text: text.into() };
        if self.said.contains(&note) {
            return;
        }
        // An error is never left out for the sake of what matters less.
        if self.list.len() >= PASTE_NOTES_MAX && (severity != Severity::Error || self.has_errors()) {
            self.left_out += 1;
            return;
        }
        self.said.insert(note.clone());
        self.list.push(note);
    }

    /// Says what is wrong.
    pub fn error(&mut self, at: &At, text: impl Into<String>) {
        self.add(Severity::Error, at, text);
    }

    /// Says what is not as it was.
    pub fn warn(&mut self, at: &At, text: impl Into<String>) {
        self.add(Severity::Warning, at, text);
    }

    /// True when something of that severity is said of that line.
    #[must_use]
    pub fn said_at(&self, severity: Severity, at: &At) -> bool {
        self.list.iter().any(|note| note.severity == severity && note.line == at.line && *note.file == *at.file)
    }

    /// True when something is wrong.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|note| note.severity == Severity::Error)
    }

    /// The notes in the order of their lines, those on the whole at the end;
    /// `main` is the file that comes first.
    #[must_use]
    pub fn finish(mut self, main: &str) -> Vec<Note> {
        self.list.sort_by_cached_key(|note| {
            (note.line == 0, note.file != main, note.file.clone(), note.line, note.severity)
        });
        if self.left_out > 0 {
            let text = format!("there are {} more notes; mend these first", self.left_out);
            self.list.push(Note { file: main.to_owned(), line: 0, severity: Severity::Warning, text });
        }
        self.list
    }
}
