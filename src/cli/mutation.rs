//! What goes with every change: why, under which condition, and whether it is
//! only to be told what would come of it.

use super::Failure;
use super::client::{Answer, Call, Client, with_query};
use super::output::{plain, say};
use crate::limits::REASON_BYTES_MAX;
use clap::{Args, ValueEnum};
use http_types::Method;
use serde_json::Value;

/// For every command that changes something.
#[derive(Debug, Args)]
pub struct Mutation {
    /// Why, for the history
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// For those that change one mount that there is.
#[derive(Debug, Args)]
pub struct Condition {
    /// Only if the mount is still at this revision, as `mount show` told it
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

/// For those that may leave requests and tunnels behind.
#[derive(Debug, Args)]
pub struct Ending {
    /// What becomes of requests and tunnels in progress: they may finish, or until a deadline, or are cut off
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// How long they may go on, in milliseconds; this is the deadline
    #[arg(long, value_name = "MS")]
    drain_ms: Option<u64>,
    /// Return when none of them is left
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    Finish,
    Deadline,
    Kill,
}

impl Ending {
    /// As the query says it.
    #[must_use]
    pub fn query(&self) -> [(&'static str, Option<String>); 2] {
        let mode = self.mode.map(|mode| match mode {
            Mode::Finish => "finish",
            Mode::Deadline => "deadline",
            Mode::Kill => "kill",
        });
        [("mode", mode.map(str::to_owned)), ("drain_ms", self.drain_ms.map(|milliseconds| milliseconds.to_string()))]
    }
}

impl Condition {
    fn field(&self) -> Option<(&'static str, String)> {
        self.if_revision.map(|revision| ("If-Match", format!("\"{revision}\"")))
    }
}

impl Mutation {
    /// What either of them says; this one first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { reason: self.reason.or(other.reason), dry_run: self.dry_run || other.dry_run }
    }

    /// Makes the call that changes something.
    pub fn send(
        &self,
        client: &Client,
        (method, path): (Method, &str),
        query: &[(&str, Option<String>)],
        body: Option<&Value>,
        condition: Option<&Condition>,
    ) -> Result<Answer, Failure> {
        let dry_run = [("dry_run", self.dry_run.then(|| "true".to_owned()))];
        let path = with_query(path, &[query, &dry_run].concat());
        let reason = self.reason.as_ref().map(|reason| ("X-Reason", reason.clone()));
        let fields = reason.into_iter().chain(condition.and_then(Condition::field)).collect();
        client.send(&Call { method, path, body, fields })
    }

    /// Prints what came of it; where that cannot be written, what was changed
    /// stays changed, and whoever asked must know.
    pub fn tell(&self, text: &str) -> Result<(), Failure> {
        match say(text) {
            Err(Failure::Failed(why)) if !self.dry_run => {
                Err(Failure::Failed(format!("{why}; what was asked for is done all the same")))
            }
            told => told,
        }
    }
}

/// What the header can carry.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > REASON_BYTES_MAX || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(format!("give 1 to {REASON_BYTES_MAX} characters of printable ASCII"));
    }
    Ok(text.to_owned())
}

/// What the answer of every dry run ends with.
pub const NOTHING_CHANGED: &str = "this was a dry run: nothing was changed";

/// A dry run's answer about one mount, for people.
#[must_use]
pub fn preview(answer: &Value) -> String {
    let mut lines = differences(answer);
    lines.push(NOTHING_CHANGED.to_owned());
    lines.join("\n")
}

/// What would be other: of mounts, and who would answer which URLs.
#[must_use]
pub fn differences(answer: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let changes = answer["changes"].as_array();
    match changes {
        Some(changes) => {
            // One that comes or goes differs as a whole: its name says it all.
            let is_whole = |step: &Value| step["path"] == "";
            let edited = |change: &&Value| !change["diff"].as_array().is_some_and(|diff| diff.iter().all(is_whole));
            changes.iter().filter(edited).for_each(|change| told(change, &Value::Null, &mut lines));
        }
        None => told(answer, &answer["before"], &mut lines),
    }
    for url in answer["urls"].as_array().into_iter().flatten() {
        let whom = |name: &str| url[name].as_str().map_or_else(|| "nobody".to_owned(), plain);
        lines.push(format!("URLs of {} go to {} instead of {}", answers_for(&url["match"]), whom("to"), whom("from")));
    }
    lines
}

fn told(change: &Value, before: &Value, lines: &mut Vec<String>) {
    let text = |name: &str| plain(change[name].as_str().unwrap_or_default());
    match change["action"].as_str() {
        None | Some("none") => lines.push(format!("{} would stay as it is", text("id"))),
        Some(action) => lines.push(format!("would {} {}", plain(action), text("id"))),
    }
    for step in change["diff"].as_array().into_iter().flatten() {
        let pointer = step["path"].as_str().unwrap_or_default();
        if pointer.is_empty() {
            continue;
        }
        let before = before.pointer(pointer).map(|value| format!(" {value} ->")).unwrap_or_default();
        let after = match step.get("value") {
            Some(value) => format!(" {value}"),
            None => format!(" {}", step["from"].as_str().unwrap_or("nothing")),
        };
        let op = step["op"].as_str().unwrap_or_default();
        lines.push(plain(&format!("  {op:<7} {pointer}:{before}{after}")));
    }
}

/// A match as people read it: any host is `*`.
#[must_use]
pub fn answers_for(matches: &Value) -> String {
    if let Some(text) = matches.as_str() {
        return format!("{}{}", if text.starts_with('/') { "*" } else { "" }, plain(text));
    }
    plain(&format!("{}{}", matches["host"].as_str().unwrap_or("*"), matches["path"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dry_run_tells_what_would_be_other() {
        let answer = json!({
            "action": "replace", "id": "a", "before": {"limits": {"tunnels_max": 1}}, "after": {},
            "diff": [{"op": "replace", "path": "/limits/tunnels_max", "value": 5}, {"op": "remove", "path": "/labels"}],
            "urls": [{"match": {"host": "h", "path": "/a"}, "from": null, "to": "a"}],
        });
        let told = preview(&answer);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines,
            [
                "would replace a",
                "  replace /limits/tunnels_max: 1 -> 5",
                "  remove  /labels: nothing",
                "URLs of h/a go to a instead of nobody",
                "this was a dry run: nothing was changed",
            ]
        );
        assert!(preview(&json!({"action": "none", "id": "a"})).starts_with("a would stay as it is\n"));
        let many = json!([{"id": "b", "action": "create", "diff": [{"op": "replace", "path": "", "value": {}}]}]);
        assert_eq!(differences(&json!({ "changes": many })), Vec::<String>::new());
    }

    #[test]
    fn a_reason_is_what_a_header_can_carry() {
        assert_eq!(reason(" release 7 "), Ok("release 7".to_owned()));
        for wrong in ["", " ", "a\nb", "\u{e4}", &"x".repeat(REASON_BYTES_MAX + 1)] {
            assert!(reason(wrong).is_err(), "{wrong:?}");
        }
    }
}
