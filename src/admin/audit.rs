//! The trace that every change leaves in the operational log.
//!
//! Owns how its line reads: one line, whatever was sent, and no word of a
//! sender's can be taken for one of ours.

use crate::oplog;
use crate::registry::{Done, Origin, Refusal};
use std::fmt;

/// What was done.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// The verb, as in `replace`.
    pub action: &'static str,
    /// To what, as in `mount`.
    pub kind: &'static str,
    /// To which one.
    pub subject: &'a str,
    /// The revision that it made; none where it is not of the set of mounts.
    pub revision: Option<u64>,
}

/// Writes down what was done.
pub fn audit(origin: &Origin, deed: &Deed<'_>) {
    oplog::info(format_args!("{}", Line { origin, deed }));
}

/// Writes down a change of the mounts, which may have been one of many.
fn audit_mounts(origin: &Origin, done: &Done) {
    let revision = Some(done.revision);
    match done.edits.as_slice() {
        [] => {}
        [edit] => {
            // One that is not stored makes none.
            let revision = Some(edit.revision).filter(|revision| *revision > 0);
            audit(origin, &Deed { action: edit.action.as_str(), kind: "mount", subject: edit.id(), revision });
        }
        edits => {
            let named: Vec<&str> = edits.iter().take(NAMES_SHOWN).map(|edit| edit.id()).collect();
            let more = edits.len() - named.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let subject = format!("{}{more}", named.join(" "));
            audit(origin, &Deed { action: "change", kind: "mounts", subject: &subject, revision });
        }
    }
}

/// Of a change of many mounts; the history has all of them.
const NAMES_SHOWN: usize = 20;

/// A change that is being made. Who asked for it may leave before it is
/// answered, and what waits for the answer is dropped then: the change may be
/// made all the same, and leaves a line that says so.
#[derive(Debug)]
pub struct Trail {
    origin: Origin,
    asked: String,
    is_known: bool,
}

impl Trail {
    /// Before the change is asked for.
    #[must_use]
    pub fn begin(origin: &Origin, call: &str) -> Self {
        Self { origin: origin.clone(), asked: call.to_owned(), is_known: false }
    }

    /// Once it is known what came of it.
    pub fn end(mut self, outcome: &Result<Done, Refusal>) {
        self.is_known = true;
        if let Ok(done) = outcome {
            audit_mounts(&self.origin, done);
        }
    }
}

impl Trail {
    fn loose_end(&self) -> Deed<'_> {
        Deed { action: "left before the answer to", kind: "call", subject: &self.asked, revision: None }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if !self.is_known {
            audit(&self.origin, &self.loose_end());
        }
    }
}

struct Line<'a> {
    origin: &'a Origin,
    deed: &'a Deed<'a>,
}

impl fmt::Display for Line<'_> {
    /// What others chose stands between quotes, with everything escaped that
    /// would end them or the line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Deed { action, kind, subject, revision } = self.deed;
        write!(formatter, "audit: {:?} {action} {kind} {subject:?}", self.origin.who)?;
        if let Some(revision) = revision {
            write!(formatter, " revision {revision}")?;
        }
        if let Some(why) = &self.origin.why {
            write!(formatter, " why {why:?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(who: &str, why: Option<&str>) -> Origin {
        Origin { why: why.map(str::to_owned), ..Origin::own(who) }
    }

    #[test]
    fn a_line_says_who_did_what_and_why() {
        let deed = Deed { action: "replace", kind: "mount", subject: "orgs", revision: Some(7) };
        let line = Line { origin: &origin("ci", Some("release 12")), deed: &deed }.to_string();
        assert_eq!(line, r#"audit: "ci" replace mount "orgs" revision 7 why "release 12""#);
        let deed = Deed { action: "revoke", kind: "token", subject: "ci", revision: None };
        let line = Line { origin: &origin("admin", None), deed: &deed }.to_string();
        assert_eq!(line, r#"audit: "admin" revoke token "ci""#);
    }

    #[test]
    fn a_change_whose_answer_nobody_waits_for_is_told_by_its_call() {
        let trail = Trail { origin: origin("ci", None), asked: "PUT /v1/mounts/a".into(), is_known: false };
        let line = Line { origin: &trail.origin, deed: &trail.loose_end() }.to_string();
        assert_eq!(line, r#"audit: "ci" left before the answer to call "PUT /v1/mounts/a""#);
    }

    #[test]
    fn nobody_can_forge_a_line_or_a_word_of_it() {
        let forged = "x\" revision 9\naudit: \"admin\" delete mount \"y\r\u{1b}[2J\u{85}\u{2028}\u{202e}\\";
        let deed = Deed { action: "create", kind: "mount", subject: forged, revision: Some(1) };
        let line = Line { origin: &origin(forged, Some(forged)), deed: &deed }.to_string();
        assert!(line.chars().all(|shown| shown.is_ascii_graphic() || shown == ' '), "{line}");
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert_eq!(quotes, 6, "three texts, each between its own two quotes: {line}");
    }
}
