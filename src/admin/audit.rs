//! The trace that every change leaves in the operational log.
//!
//! Owns how its line reads: one line, whatever was sent, and no word of a
//! sender's can be taken for one of ours.

use super::caller::Caller;
use crate::oplog;
use std::fmt;

/// What was done.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// The verb, as in `replace`.
    pub action: &'static str,
    /// To what, as in `mount`.
    pub kind: &'static str,
    /// To which one.
    pub subject: &'a str,
    /// The revision that it made; none where it is not of the set of mounts.
    pub revision: Option<u64>,
    /// Why, as the caller said.
    pub why: Option<&'a str>,
}

/// Writes down a change that was made.
pub fn audit(caller: &Caller, done: &Done<'_>) {
    oplog::info(format_args!("{}", Line { who: &caller.name, done }));
}

struct Line<'a> {
    who: &'a str,
    done: &'a Done<'a>,
}

impl fmt::Display for Line<'_> {
    /// What others chose stands between quotes, with everything escaped that
    /// would end them or the line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { action, kind, subject, revision, why } = self.done;
        write!(formatter, "audit: {:?} {action} {kind} {subject:?}", self.who)?;
        if let Some(revision) = revision {
            write!(formatter, " revision {revision}")?;
        }
        if let Some(why) = why {
            write!(formatter, " why {why:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_did_what_and_why() {
        let done =
            Done { action: "replace", kind: "mount", subject: "orgs", revision: Some(7), why: Some("release 12") };
        let line = Line { who: "ci", done: &done }.to_string();
        assert_eq!(line, r#"audit: "ci" replace mount "orgs" revision 7 why "release 12""#);
        let done = Done { action: "revoke", kind: "token", subject: "ci", revision: None, why: None };
        assert_eq!(Line { who: "admin", done: &done }.to_string(), r#"audit: "admin" revoke token "ci""#);
    }

    #[test]
    fn nobody_can_forge_a_line_or_a_word_of_it() {
        let forged = "x\" revision 9\naudit: \"admin\" delete mount \"y\r\u{1b}[2J\u{85}\u{2028}\u{202e}\\";
        let done = Done { action: "create", kind: "mount", subject: forged, revision: Some(1), why: Some(forged) };
        let line = Line { who: forged, done: &done }.to_string();
        assert!(line.chars().all(|shown| shown.is_ascii_graphic() || shown == ' '), "{line}");
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert_eq!(quotes, 6, "three texts, each between its own two quotes: {line}");
    }
}
