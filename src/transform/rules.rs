//! Which rules are for which replies.
//!
//! Owns media types, and one searcher for each set of rules that some media
//! type asks for: made with the plan, shared by all replies.

use super::head::{self, Coding};
use super::substitute::{Editor, Substitution};
use super::{Plain, Zipped};
use crate::exchange::{Reply, ReplyBody};
use crate::http1::Framing;
use crate::message::is_token;
use serde::Serialize;
use std::sync::Arc;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The media types that it is for, as in `text/html` or `text/*`.
    pub media_types: Vec<String>,
    /// What is searched for; never empty.
    pub from: String,
    /// What stands there instead.
    pub to: String,
}

/// What a rule is for that does not say it.
pub const MEDIA_TYPE_DEFAULT: &str = "text/html";

/// True for `type/subtype` and `type/*` in lower case.
#[must_use]
pub fn is_media_range(text: &str) -> bool {
    let Some((kind, subtype)) = text.split_once('/') else { return false };
    is_token(kind.as_bytes())
        && is_token(subtype.as_bytes())
        && !kind.contains('*')
        && (subtype == "*" || !subtype.contains('*'))
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The rules of one mount.
#[derive(Debug)]
pub struct Rewriter {
    /// By media type; those of a whole kind come last.
    sets: Vec<(Box<str>, Arc<Substitution>)>,
}

impl Rewriter {
    /// Of those rules, which count in that order; none where there are none.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Option<Self> {
        let mut ranges: Vec<&str> = rules.iter().flat_map(|rule| &rule.media_types).map(String::as_str).collect();
        ranges.sort_unstable_by_key(|range| (range.ends_with("/*"), *range));
        ranges.dedup();
        let mut made: Vec<(Vec<usize>, Arc<Substitution>)> = Vec::new();
        let mut sets = Vec::with_capacity(ranges.len());
        for range in ranges {
            let is_for = |rule: &Rule| rule.media_types.iter().any(|own| covers(own, range.as_bytes()));
            let members: Vec<usize> = (0..rules.len()).filter(|index| is_for(&rules[*index])).collect();
            let found = made.iter().find(|(same, _)| *same == members).map(|(_, set)| Arc::clone(set));
            let set = found.unwrap_or_else(|| {
                let pairs = members.iter().map(|index| (rules[*index].from.as_str(), rules[*index].to.as_str()));
                let set = Arc::new(Substitution::new(pairs));
                made.push((members, Arc::clone(&set)));
                set
            });
            sets.push((range.into(), set));
        }
        (!sets.is_empty()).then_some(Self { sets })
    }

    /// Has the content of a reply rewritten on its way, and mends its head, if
    /// there is a rule for it and nothing forbids it. Anything else stays just
    /// as it is.
    pub fn apply(&self, reply: &mut Reply) {
        // HEAD, 204 and 304 have no content, whatever their fields say.
        let is_empty = matches!(reply.framing, Framing::None | Framing::Length(0));
        if is_empty || !matches!(reply.body, ReplyBody::Stream(_)) {
            return;
        }
        let Some((rules, coding)) = self.chosen(&reply.head) else { return };
        let body = std::mem::replace(&mut reply.body, ReplyBody::Bytes { content: Vec::new(), at: 0 });
        let ReplyBody::Stream(source) = body else { return };
        let editor = Editor::new(rules);
        reply.body = ReplyBody::Stream(match coding {
            Coding::Identity => Box::new(Plain::new(source, editor)),
            Coding::Gzip => Box::new(Zipped::new(source, editor)),
        });
        reply.framing = Framing::Chunked;
        head::mend(&mut reply.head.fields);
    }

    /// The rules for content with that head, and the coding it has.
    fn chosen(&self, head: &crate::message::ResponseHead) -> Option<(Arc<Substitution>, Coding)> {
        let fields = &head.fields;
        if head.is_interim() || matches!(head.status, 204..=206 | 304) || head::is_part(fields) {
            return None;
        }
        let media = head::media(fields)?;
        let (_, rules) = self.sets.iter().find(|(range, _)| covers(range, media.name))?;
        if !media.takes(rules.is_ascii()) || head::forbids_transform(fields) {
            return None;
        }
        Some((Arc::clone(rules), head::coding(fields)?))
    }
}

/// True when a media type is in a range.
fn covers(range: &str, name: &[u8]) -> bool {
    match range.strip_suffix('*') {
        Some(kind) => name.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind.as_bytes())),
        None => name.eq_ignore_ascii_case(range.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ResponseHead;

    fn rule(media_types: &[&str], from: &str) -> Rule {
        let media_types = media_types.iter().map(|name| (*name).to_owned()).collect();
        Rule { media_types, from: from.into(), to: "x".into() }
    }

    fn head(status: u16, lines: &[(&str, &str)]) -> ResponseHead {
        let mut head = ResponseHead::own(status, "");
        lines.iter().for_each(|(name, value)| head.fields.push(name.as_bytes(), value.as_bytes()));
        head
    }

    fn rewritten(rules: &[Rule], media_type: &str, text: &str) -> Option<String> {
        let rewriter = Rewriter::new(rules).unwrap();
        let (rules, _) = rewriter.chosen(&head(200, &[("Content-Type", media_type)]))?;
        let (mut editor, mut out) = (Editor::new(rules), Vec::new());
        editor.edit(text.as_bytes(), &mut out, 1000, usize::MAX);
        editor.finish(&mut out, 1000);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn media_types_are_lower_case_and_of_one_kind() {
        for good in ["text/html", "text/*", "application/xhtml+xml", "application/vnd.x.y-z"] {
            assert!(is_media_range(good), "{good}");
        }
        for bad in [
            "",
            "text",
            "text/",
            "/html",
            "*/*",
            "*",
            "Text/html",
            "text/h*",
            "te*t/html",
            "text/html;a=b",
            "a/b/c",
            "a /b",
        ] {
            assert!(!is_media_range(bad), "{bad}");
        }
    }

    #[test]
    fn a_media_type_has_the_rules_of_its_own_and_of_its_kind_in_their_order() {
        let rules = [rule(&["text/html", "text/css"], "a"), rule(&["text/*"], "b"), rule(&["image/svg+xml"], "c")];
        assert_eq!(rewritten(&rules, "text/html; charset=utf-8", "abc").as_deref(), Some("xxc"));
        assert_eq!(rewritten(&rules, "TEXT/Css", "abc").as_deref(), Some("xxc"));
        assert_eq!(rewritten(&rules, "text/plain", "abc").as_deref(), Some("axc"));
        assert_eq!(rewritten(&rules, "image/svg+xml", "abc").as_deref(), Some("abx"));
        for other in ["image/png", "textual/html", "text", "", "text/", "text/html, text/css"] {
            assert_eq!(rewritten(&rules, other, "abc"), None, "{other}");
        }
        let rewriter = Rewriter::new(&rules).unwrap();
        assert!(Arc::ptr_eq(&rewriter.sets[1].1, &rewriter.sets[2].1), "html and css share a searcher");
        assert!(Rewriter::new(&[]).is_none());
    }

    #[test]
    fn what_must_not_be_touched_is_not() {
        let rewriter = Rewriter::new(&[rule(&["text/html"], "a")]).unwrap();
        let html = ("Content-Type", "text/html");
        let applies = |status, lines: &[(&str, &str)]| rewriter.chosen(&head(status, lines)).is_some();
        for status in [200, 201, 203, 404, 500] {
            assert!(applies(status, &[html]), "{status}");
        }
        for status in [101, 103, 204, 205, 206, 304] {
            assert!(!applies(status, &[html]), "{status}");
        }
        for coding in ["identity", "gzip", "X-Gzip", ""] {
            assert!(applies(200, &[html, ("Content-Encoding", coding)]), "{coding}");
        }
        for line in [
            ("Content-Encoding", "br"),
            ("Content-Encoding", "gzip, gzip"),
            ("Content-Encoding", "deflate"),
            ("Content-Range", "bytes 0-1/2"),
            ("Content-Type", "text/html"),
            ("Cache-Control", "max-age=1, No-Transform"),
        ] {
            assert!(!applies(200, &[html, line]), "{line:?}");
        }
        assert!(!applies(200, &[]), "no media type");
        assert!(!applies(200, &[html, ("Content-Encoding", "gzip"), ("content-encoding", "br")]));
    }

    #[test]
    fn a_charset_that_is_not_like_ascii_is_left_alone() {
        let ascii = [rule(&["text/html"], "a")];
        let beyond = [rule(&["text/html"], "ä")];
        for charset in ["utf-8", "UTF8", "\"utf-8\"", "us-ascii"] {
            let media_type = format!("text/html;x=\"a;b\" ;CHARSET={charset}");
            assert!(rewritten(&ascii, &media_type, "").is_some(), "{media_type}");
            assert!(rewritten(&beyond, &media_type, "").is_some(), "{media_type}");
        }
        for charset in ["iso-8859-1", "windows-1252", "\"Shift_JIS\""] {
            let media_type = format!("text/html; charset={charset}");
            assert!(rewritten(&ascii, &media_type, "").is_some(), "{media_type}");
            assert!(rewritten(&beyond, &media_type, "").is_none(), "{media_type}");
        }
        for charset in ["utf-16", "UTF-16LE", "\"utf-32\"", "ucs-2", "ISO-2022-JP", "iso-10646-ucs-2", "utf-7"] {
            let media_type = format!("text/html; charset={charset}");
            assert!(rewritten(&ascii, &media_type, "").is_none(), "{media_type}");
        }
    }
}
