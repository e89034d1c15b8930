//! Who calls, and what they may ask for.
//!
//! Owns the rights of a token, and what a caller says of why it calls. Whose
//! mounts are whose is decided where they are changed, by the registry. Pure.

use super::problem::Problem;
use crate::limits::REASON_BYTES_MAX;
use crate::message::Fields;
use crate::registry::Origin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who calls, as the token says that was shown.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token's name.
    pub name: Arc<str>,
    /// It may change nothing.
    pub read_only: bool,
    /// It may change only the mounts with this `labels.owner`.
    pub owner: Option<Arc<str>>,
    /// Shared with the token, and true once that counts no longer.
    pub(super) revoked: Arc<AtomicBool>,
}

/// What an action may do, and so who may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing, by whatever method it is called.
    Reads,
    /// It changes something.
    Changes,
    /// It changes something, unless asked by `dry_run=true` what it would.
    Rehearses,
    /// It tells or changes who may call.
    Governs,
}

impl Caller {
    /// Who has shown no token, where none is asked for.
    #[must_use]
    pub fn anyone() -> Self {
        Self { name: "".into(), read_only: true, owner: None, revoked: Arc::default() }
    }

    /// False once its token is revoked: an answer that goes on for long ends
    /// then.
    #[must_use]
    pub fn is_let_in(&self) -> bool {
        !self.revoked.load(Ordering::Acquire)
    }

    /// What is kept of it with a change, and what binds it.
    pub fn origin(&self, fields: &Fields) -> Result<Origin, Problem> {
        Ok(Origin { who: Arc::clone(&self.name), why: reason(fields)?, owner: self.owner.clone() })
    }

    /// Refuses what this caller may not ask for.
    pub fn may_ask(&self, effect: Effect, query: Option<&[u8]>) -> Result<(), Problem> {
        match effect {
            Effect::Reads => Ok(()),
            Effect::Rehearses if is_dry_run(query) => Ok(()),
            Effect::Changes | Effect::Rehearses => self.may_write(),
            Effect::Governs if self.read_only || self.owner.is_some() => Err(Problem::new(
                403,
                format!("the token '{}' is limited; tokens are managed with one that is not", self.name),
            )),
            Effect::Governs => Ok(()),
        }
    }

    /// Refuses who may only read.
    pub fn may_write(&self) -> Result<(), Problem> {
        if self.read_only {
            return Err(Problem::new(403, format!("the token '{}' may only read", self.name)));
        }
        Ok(())
    }
}

/// True for one `dry_run` that says true; where it is there twice, who reads
/// the query next might take the other one.
fn is_dry_run(query: Option<&[u8]>) -> bool {
    let parameters = query.unwrap_or_default().split(|byte| *byte == b'&');
    let mut of_that_name = parameters.filter(|parameter| parameter.starts_with(b"dry_run"));
    of_that_name.next() == Some(b"dry_run=true") && of_that_name.next().is_none()
}

/// Why the caller asks, in its own words: `X-Reason`.
pub fn reason(fields: &Fields) -> Result<Option<String>, Problem> {
    let mut sent = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"X-Reason"));
    let Some(first) = sent.next() else { return Ok(None) };
    // ASCII, since what else a field may hold is written in no one encoding.
    let text =
        std::str::from_utf8(first.value).ok().filter(|text| text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    match text.filter(|text| text.len() <= REASON_BYTES_MAX) {
        Some(text) if sent.next().is_none() => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
        _ => Err(Problem::new(
            400,
            format!("X-Reason takes one line of printable ASCII text, at most {REASON_BYTES_MAX} bytes"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(read_only: bool, owner: Option<&str>) -> Caller {
        Caller { name: "x".into(), read_only, owner: owner.map(Arc::from), revoked: Arc::default() }
    }

    #[test]
    fn who_may_only_read_changes_nothing() {
        let status = |caller: &Caller, effect, query: &str| {
            caller.may_ask(effect, Some(query.as_bytes())).map_or_else(|problem| problem.status, |()| 200)
        };
        for reader in [caller(true, None), caller(true, Some("ci")), Caller::anyone()] {
            assert_eq!(status(&reader, Effect::Reads, ""), 200);
            assert_eq!(status(&reader, Effect::Changes, "dry_run=true"), 403);
            assert_eq!(status(&reader, Effect::Rehearses, "prune=true&dry_run=true"), 200);
            for query in [
                "",
                "dry_run=false",
                "dry_run",
                "dry_run=true&dry_run=false",
                "dry_run=false&dry_run=true",
                "dry_run=true&dry_run%3Dfalse",
                "xdry_run=true",
                "dry_run=TRUE",
                "id=dry_run=true",
            ] {
                assert_eq!(status(&reader, Effect::Rehearses, query), 403, "{query}");
            }
            assert_eq!(status(&reader, Effect::Governs, "dry_run=true"), 403);
        }
        assert_eq!(status(&caller(false, Some("ci")), Effect::Governs, ""), 403);
        for effect in [Effect::Reads, Effect::Changes, Effect::Rehearses] {
            assert_eq!(status(&caller(false, Some("ci")), effect, ""), 200);
        }
        assert_eq!(status(&caller(false, None), Effect::Governs, ""), 200);
    }

    #[test]
    fn a_reason_is_one_line_that_shows_as_what_it_is() {
        let read = |lines: &[&[u8]]| {
            let mut fields = Fields::default();
            lines.iter().for_each(|line| fields.push(b"x-reason", line));
            reason(&fields).map_err(|problem| problem.status)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b""]), Ok(None));
        for text in ["release 12, \"again\" \\o/", &"x".repeat(REASON_BYTES_MAX)] {
            assert_eq!(read(&[text.as_bytes()]), Ok(Some(text.to_owned())));
        }
        for text in ["a\tb", "a\u{1b}[2J", "a\u{7f}", "größer", "a\u{2028}b", "\u{202e}txet"] {
            assert_eq!(read(&[text.as_bytes()]), Err(400), "{text:?}");
        }
        assert_eq!(read(&[b"\xff"]), Err(400));
        assert_eq!(read(&["x".repeat(REASON_BYTES_MAX + 1).as_bytes()]), Err(400));
        assert_eq!(read(&[b"one", b"two"]), Err(400));
    }
}
