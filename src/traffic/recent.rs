//! The last exchanges of one mount that went wrong.
//!
//! Owns what is kept of them: few, short and without secrets. Nothing is
//! allocated before the first, and neither who brings one nor who reads them
//! waits for the other.

use super::entry::shown_target;
use crate::error::reason;
use crate::limits::{
    RECENT_ERROR_DETAIL_BYTES_MAX, RECENT_ERROR_TARGET_BYTES_MAX, RECENT_ERROR_TARGET_BYTES_READ, RECENT_ERRORS_MAX,
    RECENT_ERRORS_MIN, RECENT_ERRORS_RINGS_MAX,
};
use arc_swap::ArcSwapOption;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// The last that went wrong.
#[derive(Debug, Default)]
pub struct RecentErrors(OnceLock<Box<Ring>>);

/// Each has a number, and takes the place of the one that came so many before.
#[derive(Debug)]
struct Ring {
    next: AtomicUsize,
    places: Box<[ArcSwapOption<(usize, RecentError)>]>,
}

/// Rings of the process. A network that is gone makes all mounts fail at once,
/// and what they remember of it must not fill the memory.
static RINGS: AtomicUsize = AtomicUsize::new(0);

/// How many errors one more ring has places for.
const fn places(rings: usize) -> usize {
    if rings < RECENT_ERRORS_RINGS_MAX { RECENT_ERRORS_MAX } else { RECENT_ERRORS_MIN }
}

impl Default for Ring {
    fn default() -> Self {
        let places = places(RINGS.fetch_add(1, Ordering::Relaxed));
        Self { next: AtomicUsize::new(0), places: (0..places).map(|_| ArcSwapOption::empty()).collect() }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        RINGS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One exchange that went wrong.
#[derive(Debug)]
pub struct RecentError {
    at: SystemTime,
    id: String,
    method: String,
    target: String,
    status: u16,
    failure: Option<&'static str>,
    detail: Option<Cow<'static, str>>,
}

impl RecentErrors {
    /// Keeps one more.
    pub fn keep(&self, error: RecentError) {
        let ring = self.0.get_or_init(Box::default);
        let number = ring.next.fetch_add(1, Ordering::Relaxed);
        ring.places[number % ring.places.len()].store(Some(Arc::new((number, error))));
    }

    /// Those that are kept as JSON, the newest first.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let places = self.0.get().into_iter().flat_map(|ring| &*ring.places);
        let mut kept: Vec<_> = places.filter_map(ArcSwapOption::load_full).collect();
        kept.sort_unstable_by_key(|error| std::cmp::Reverse(error.0));
        kept.iter().map(|error| error.1.to_json()).collect()
    }
}

impl RecentError {
    /// One that ended now: what was asked for, what the client was told (0 is
    /// nothing), and the cause; none where it is what the upstream answered.
    #[must_use]
    pub fn now(id: String, method: &[u8], target: &[u8], status: u16, cause: Option<Cause>) -> Self {
        // Cut only when the secrets are gone: half of one is not seen as such.
        let looked_at = beginning(target);
        let mut shown = shown_target(looked_at);
        if looked_at.len() < target.len() {
            shown.push_str(MARK);
        }
        let target = cut(shown.into(), RECENT_ERROR_TARGET_BYTES_MAX).into_owned();
        let (failure, detail) = cause.map(|cause| (cause.failure, cause.detail)).unzip();
        Self {
            at: SystemTime::now(),
            id,
            method: cut(String::from_utf8_lossy(method).into_owned().into(), RECENT_ERROR_TARGET_BYTES_MAX)
                .into_owned(),
            target,
            status,
            failure,
            detail: detail.map(|detail| cut(detail, RECENT_ERROR_DETAIL_BYTES_MAX)),
        }
    }

    fn to_json(&self) -> Value {
        let answered =
            || format!("the upstream answered {} {}", self.status, reason(self.status)).trim_end().to_owned();
        json!({
            "at": humantime::format_rfc3339_millis(self.at).to_string(),
            "request_id": self.id,
            "method": self.method,
            "target": self.target,
            "status": (self.status != 0).then_some(self.status),
            "failure": self.failure,
            "detail": self.detail.as_deref().map_or_else(answered, str::to_owned),
        })
    }
}

/// Why an exchange went wrong.
#[derive(Debug)]
pub struct Cause {
    /// In one word: whose fault it was, or why it was refused.
    pub failure: &'static str,
    /// In words, for people who may know internals.
    pub detail: Cow<'static, str>,
}

/// What stands for what was left out.
const MARK: &str = "…";

/// So much of a target as is looked at: with whole parameters, since half of
/// a secret is not seen as one. Whoever is refused must not make us read all
/// of a long one.
fn beginning(target: &[u8]) -> &[u8] {
    let Some(first) = target.get(..RECENT_ERROR_TARGET_BYTES_READ) else { return target };
    let Some(query) = first.iter().position(|byte| *byte == b'?') else { return first };
    let end = first.iter().rposition(|byte| *byte == b'&').filter(|end| *end > query);
    &first[..end.unwrap_or(query)]
}

/// The text, or as much of it as there is room for and `…`.
fn cut(text: Cow<'static, str>, bytes_max: usize) -> Cow<'static, str> {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max - MARK.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Cow::Owned([&text[..end], MARK].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_target_whole_parameters_are_looked_at() {
        let long = "x".repeat(RECENT_ERROR_TARGET_BYTES_READ);
        for (target, told) in [
            (format!("/a?b=1&token={long}"), "/a?b=1…"),
            (format!("/a?token={long}"), "/a…"),
            (format!("/a?b=1&token=s&d={long}"), "/a?b=1&token=……"),
        ] {
            assert_eq!(RecentError::now("1".into(), b"GET", target.as_bytes(), 500, None).target, told);
        }
        let path = RecentError::now("1".into(), b"GET", format!("/{long}").as_bytes(), 500, None).target;
        assert!(path.ends_with('…') && path.len() == RECENT_ERROR_TARGET_BYTES_MAX, "{path}");
    }

    #[test]
    fn where_very_many_mounts_fail_each_remembers_little() {
        assert_eq!((places(0), places(RECENT_ERRORS_RINGS_MAX)), (16, 2));
    }

    fn error(target: &str, status: u16, detail: Option<&str>) -> RecentError {
        let cause = detail.map(|detail| Cause { failure: "upstream", detail: detail.to_owned().into() });
        RecentError::now("1-a".into(), b"GET", target.as_bytes(), status, cause)
    }

    #[test]
    fn an_error_is_told_in_words_and_without_secrets() {
        let told = |error: RecentError| {
            let mut told = error.to_json();
            assert!(told["at"].take().is_string());
            told
        };
        let failed = error("/x?a=b&token=hunter2", 502, Some("the upstream could not be reached: no route"));
        let expected = json!({
            "at": null, "request_id": "1-a", "method": "GET", "target": "/x?a=b&token=…", "status": 502,
            "failure": "upstream", "detail": "the upstream could not be reached: no route",
        });
        assert_eq!(told(failed), expected);
        let answered = told(error("/", 503, None));
        assert_eq!(answered["detail"], "the upstream answered 503 Service Unavailable");
        assert_eq!((&answered["status"], &answered["failure"]), (&json!(503), &Value::Null));
        assert_eq!(told(error("/", 599, None))["detail"], "the upstream answered 599");
        assert_eq!(told(error("/", 0, Some("a bug")))["status"], Value::Null);
    }

    #[test]
    fn the_last_few_are_kept_and_the_newest_told_first() {
        let errors = RecentErrors::default();
        assert_eq!(errors.to_json(), json!([]));
        assert!(errors.0.get().is_none(), "what never fails costs nothing");
        for count in [1, RECENT_ERRORS_MAX, RECENT_ERRORS_MAX + 3] {
            let errors = RecentErrors::default();
            (0..count).for_each(|number| errors.keep(error(&format!("/{number}"), 500, None)));
            let told = errors.to_json();
            let told: Vec<&str> =
                told.as_array().unwrap().iter().map(|error| error["target"].as_str().unwrap()).collect();
            let kept = count.saturating_sub(RECENT_ERRORS_MAX)..count;
            assert_eq!(told, kept.rev().map(|number| format!("/{number}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn long_ones_are_cut_and_only_after_their_secrets_are_gone() {
        let detail = "x".repeat(RECENT_ERROR_DETAIL_BYTES_MAX + 1);
        let long = error(&format!("/{}", "ä".repeat(RECENT_ERROR_TARGET_BYTES_MAX)), 502, Some(&detail));
        assert!(long.target.len() <= RECENT_ERROR_TARGET_BYTES_MAX && long.target.ends_with("ä…"), "{}", long.target);
        assert_eq!(long.detail.unwrap().len(), RECENT_ERROR_DETAIL_BYTES_MAX);
        let whole = format!("/{}", "x".repeat(RECENT_ERROR_TARGET_BYTES_MAX - 1));
        assert_eq!(error(&whole, 502, None).target, whole);
        // What says that it is a secret, the `@`, is behind the cut.
        let hidden = error(&format!("/?next=http://user:hunter2{}@h/", "x".repeat(1000)), 502, None);
        assert!(!hidden.target.contains("hunter2"), "{}", hidden.target);
    }
}
