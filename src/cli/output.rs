//! Lines for people. A closed pipe at the other end is no reason to panic, nor
//! a failure: who read it has had enough. Whatever else keeps a line from being
//! written is one.

use super::Failure;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

/// A line on standard output; that nobody reads it any more is no failure.
pub fn say(text: &str) -> Result<(), Failure> {
    match emit(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// What is told of a line that could not be written.
#[must_use]
pub fn unwritten(error: &io::Error) -> Failure {
    Failure::Failed(format!("standard output cannot be written: {error}"))
}

/// A line on standard output, for whoever must know that it is read.
pub fn emit(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// A line for people where standard output is for programs.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What is wrong, on standard error.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "standin: {text}");
}

/// Text of somebody else without what a terminal would obey.
#[must_use]
pub fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::new(), |mut out, character| {
        match character.is_control() {
            true => out.extend(character.escape_default()),
            false => out.push(character),
        }
        out
    })
}

/// Rows in columns as wide as they must be.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A value as people read it: names and what they stand for, what is deeper
/// further to the right.
#[must_use]
pub fn outline(value: &Value) -> String {
    let mut lines = Vec::new();
    indent(value, 0, &mut lines);
    lines.join("\n")
}

fn indent(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let margin = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = plain(name);
                match inline(value) {
                    Some(text) => lines.push(format!("{margin}{name}: {text}")),
                    None => {
                        lines.push(format!("{margin}{name}:"));
                        indent(value, depth + 1, lines);
                    }
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                match pair(entry).or_else(|| inline(entry)) {
                    Some(text) => lines.push(format!("{margin}{text}")),
                    None => {
                        let begin = lines.len();
                        indent(entry, depth + 1, lines);
                        if let Some(line) = lines.get_mut(begin) {
                            line.replace_range(..margin.len() + 2, &format!("{margin}- "));
                        }
                    }
                }
            }
        }
        scalar => lines.push(format!("{margin}{}", scalar_text(scalar))),
    }
}

/// What fits on the line of its name.
fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) if members.is_empty() => Some("none".into()),
        Value::Array(entries) if entries.is_empty() => Some("none".into()),
        Value::Array(entries) if entries.iter().any(|entry| entry.is_object() || entry.is_array()) => None,
        Value::Array(entries) => Some(entries.iter().map(scalar_text).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => None,
        scalar => Some(scalar_text(scalar)),
    }
}

/// A field of a head, as `[name, value]`.
fn pair(entry: &Value) -> Option<String> {
    match entry.as_array().map(Vec::as_slice) {
        Some([Value::String(name), Value::String(value)]) => Some(format!("{}: {}", plain(name), plain(value))),
        _ => None,
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// One line on standard error that tells how far something is, where that is a
/// terminal. Dropped, it is gone.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
}

/// To the line's begin, and clear it.
const CLEAR: &str = "\r\x1b[2K";

impl Progress {
    /// Nothing to tell yet.
    #[must_use]
    pub fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal() }
    }

    /// True where somebody sees it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Instead of what was told before.
    pub fn tell(&self, text: &str) {
        if self.is_shown {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "{CLEAR}{}", plain(text)).and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.tell("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["ID".to_owned(), "STATE".to_owned()], vec!["longer".to_owned(), "open".to_owned()]];
        assert_eq!(table(&rows), "ID      STATE\nlonger  open");
    }

    #[test]
    fn a_value_is_outlined_by_its_names() {
        let value = serde_json::json!({
            "mount": "a", "refusal": null, "methods": ["GET", "HEAD"], "upstream": {"url": "http://h/", "more": {}},
            "fields": [["Host", "h"], ["Via", "1.1 x"]], "lost": [{"id": "b", "why": {"text": "shorter"}}],
        });
        let told = "mount: a\nrefusal: none\nmethods: GET, HEAD\nupstream:\n  url: http://h/\n  more: none\n\
            fields:\n  Host: h\n  Via: 1.1 x\nlost:\n  - id: b\n    why:\n      text: shorter";
        assert_eq!(outline(&value), told);
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        assert_eq!(plain("a\x1b[2Jb\r\n\u{9b}ä"), "a\\u{1b}[2Jb\\r\\n\\u{9b}ä");
        assert_eq!(table(&[vec!["a\nb".to_owned()]]), "a\\nb");
    }
}
