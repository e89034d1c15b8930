//! The admin UI's files, embedded.
//!
//! Owns which files of `admin-ui/` there are under which paths, and what their
//! pages may do. They hold no secret: whoever may reach the listener gets them
//! without a token, and the page asks for one.

use super::model;
use super::problem::Problem;
use crate::exchange::{Exchange, Reply};

/// A file of the admin UI.
#[derive(Debug)]
pub struct Asset {
    /// Where it is found.
    pub path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

/// What the UI's pages may load and do: their own files, and nothing else. Where
/// the browser knows trusted types, no text can become markup or script at all.
const CONTENT_SECURITY_POLICY: &[u8] = b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($media_type:ident, $file:literal) => {
        Asset {
            path: concat!("/", $file),
            media_type: $media_type,
            content: include_str!(concat!("../../admin-ui/", $file)),
        }
    };
}

/// Every file, and the page itself.
pub const ASSETS: &[Asset] = &[
    Asset { path: "/", ..asset!(HTML, "index.html") },
    asset!(CSS, "css/acts.css"),
    asset!(CSS, "css/base.css"),
    asset!(CSS, "css/form.css"),
    asset!(CSS, "css/live.css"),
    asset!(CSS, "css/mount.css"),
    asset!(CSS, "css/mounts.css"),
    asset!(CSS, "css/overview.css"),
    asset!(CSS, "css/parts.css"),
    asset!(CSS, "css/tools.css"),
    asset!(SVG, "icon.svg"),
    asset!(JAVASCRIPT, "js/acts.js"),
    asset!(JAVASCRIPT, "js/core/api.js"),
    asset!(JAVASCRIPT, "js/core/bound.js"),
    asset!(JAVASCRIPT, "js/core/clock.js"),
    asset!(JAVASCRIPT, "js/core/defaults.js"),
    asset!(JAVASCRIPT, "js/core/diff.js"),
    asset!(JAVASCRIPT, "js/core/dom.js"),
    asset!(JAVASCRIPT, "js/core/format.js"),
    asset!(JAVASCRIPT, "js/core/histogram.js"),
    asset!(JAVASCRIPT, "js/core/keys.js"),
    asset!(JAVASCRIPT, "js/core/paint.js"),
    asset!(JAVASCRIPT, "js/core/poll.js"),
    asset!(JAVASCRIPT, "js/core/router.js"),
    asset!(JAVASCRIPT, "js/core/samples.js"),
    asset!(JAVASCRIPT, "js/core/secret.js"),
    asset!(JAVASCRIPT, "js/core/session.js"),
    asset!(JAVASCRIPT, "js/core/stream.js"),
    asset!(JAVASCRIPT, "js/main.js"),
    asset!(JAVASCRIPT, "js/pages/events.js"),
    asset!(JAVASCRIPT, "js/pages/events/feed.js"),
    asset!(JAVASCRIPT, "js/pages/events/filters.js"),
    asset!(JAVASCRIPT, "js/pages/events/row.js"),
    asset!(JAVASCRIPT, "js/pages/events/words.js"),
    asset!(JAVASCRIPT, "js/pages/explain.js"),
    asset!(JAVASCRIPT, "js/pages/explain/answer.js"),
    asset!(JAVASCRIPT, "js/pages/explain/comparison.js"),
    asset!(JAVASCRIPT, "js/pages/explain/fields.js"),
    asset!(JAVASCRIPT, "js/pages/form.js"),
    asset!(JAVASCRIPT, "js/pages/form/check.js"),
    asset!(JAVASCRIPT, "js/pages/form/conflict.js"),
    asset!(JAVASCRIPT, "js/pages/form/controls.js"),
    asset!(JAVASCRIPT, "js/pages/form/doubt.js"),
    asset!(JAVASCRIPT, "js/pages/form/draft.js"),
    asset!(JAVASCRIPT, "js/pages/form/editor.js"),
    asset!(JAVASCRIPT, "js/pages/form/effect.js"),
    asset!(JAVASCRIPT, "js/pages/form/fields.js"),
    asset!(JAVASCRIPT, "js/pages/form/json.js"),
    asset!(JAVASCRIPT, "js/pages/form/meanwhile.js"),
    asset!(JAVASCRIPT, "js/pages/form/model.js"),
    asset!(JAVASCRIPT, "js/pages/form/notices.js"),
    asset!(JAVASCRIPT, "js/pages/form/text.js"),
    asset!(JAVASCRIPT, "js/pages/form/view.js"),
    asset!(JAVASCRIPT, "js/pages/mount.js"),
    asset!(JAVASCRIPT, "js/pages/mount/budgets.js"),
    asset!(JAVASCRIPT, "js/pages/mount/config.js"),
    asset!(JAVASCRIPT, "js/pages/mount/counts.js"),
    asset!(JAVASCRIPT, "js/pages/mount/errors.js"),
    asset!(JAVASCRIPT, "js/pages/mount/flow.js"),
    asset!(JAVASCRIPT, "js/pages/mount/history.js"),
    asset!(JAVASCRIPT, "js/pages/mount/latency.js"),
    asset!(JAVASCRIPT, "js/pages/mount/life.js"),
    asset!(JAVASCRIPT, "js/pages/mount/overview.js"),
    asset!(JAVASCRIPT, "js/pages/mount/policies.js"),
    asset!(JAVASCRIPT, "js/pages/mounts.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/bulk.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/filters.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/grid.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/kept.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/list.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/menu.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/pages.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/row.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/selection.js"),
    asset!(JAVASCRIPT, "js/pages/mounts/virtual.js"),
    asset!(JAVASCRIPT, "js/pages/overview.js"),
    asset!(JAVASCRIPT, "js/pages/overview/attention-panel.js"),
    asset!(JAVASCRIPT, "js/pages/overview/attention.js"),
    asset!(JAVASCRIPT, "js/pages/overview/first-mount.js"),
    asset!(JAVASCRIPT, "js/pages/overview/process.js"),
    asset!(JAVASCRIPT, "js/pages/overview/states.js"),
    asset!(JAVASCRIPT, "js/pages/overview/traffic.js"),
    asset!(JAVASCRIPT, "js/pages/sign-in.js"),
    asset!(JAVASCRIPT, "js/pages/tokens.js"),
    asset!(JAVASCRIPT, "js/pages/tokens/make.js"),
    asset!(JAVASCRIPT, "js/pages/tokens/rights.js"),
    asset!(JAVASCRIPT, "js/pages/tokens/value.js"),
    asset!(JAVASCRIPT, "js/pages/traffic.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/details.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/filters.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/har.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/kept.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/list.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/timing.js"),
    asset!(JAVASCRIPT, "js/pages/traffic/words.js"),
    asset!(JAVASCRIPT, "js/pages/transfer.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/export.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/faults.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/import.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/locate.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/outcome.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/patch.js"),
    asset!(JAVASCRIPT, "js/pages/transfer/source.js"),
    asset!(JAVASCRIPT, "js/parts/act-dialog.js"),
    asset!(JAVASCRIPT, "js/parts/bits.js"),
    asset!(JAVASCRIPT, "js/parts/chart.js"),
    asset!(JAVASCRIPT, "js/parts/commands.js"),
    asset!(JAVASCRIPT, "js/parts/contact.js"),
    asset!(JAVASCRIPT, "js/parts/dialog.js"),
    asset!(JAVASCRIPT, "js/parts/ending.js"),
    asset!(JAVASCRIPT, "js/parts/flags.js"),
    asset!(JAVASCRIPT, "js/parts/operation.js"),
    asset!(JAVASCRIPT, "js/parts/palette.js"),
    asset!(JAVASCRIPT, "js/parts/refusals.js"),
    asset!(JAVASCRIPT, "js/parts/restore.js"),
    asset!(JAVASCRIPT, "js/parts/shell-words.js"),
    asset!(JAVASCRIPT, "js/parts/toast.js"),
    asset!(JAVASCRIPT, "js/shell.js"),
    asset!(JAVASCRIPT, "theme.js"),
];

impl Asset {
    /// The file, to who asks for it by GET or HEAD.
    pub fn answer(&self, exchange: &Exchange) -> Result<Reply, Problem> {
        if !matches!(exchange.head.method(), b"GET" | b"HEAD") {
            let allow = "GET, HEAD";
            return Err(Problem { allow: Some(allow), ..Problem::new(405, format!("this path takes {allow}")) });
        }
        let tag = self.tag();
        let is_known = |tags: &[u8]| memchr::memmem::find(tags, tag.as_bytes()).is_some();
        let mut reply = match exchange.head.fields.get("If-None-Match").is_some_and(is_known) {
            true => model::reply(304, self.media_type, Vec::new()),
            false => model::reply(200, self.media_type, self.content.into()),
        };
        // Kept, and asked for each time whether it is still the same.
        reply.head.fields.retain(|field| !field.name.eq_ignore_ascii_case(b"Cache-Control"));
        reply.head.fields.push(b"Cache-Control", b"no-cache");
        reply.head.fields.push(b"ETag", tag.as_bytes());
        reply.head.fields.push(b"Content-Security-Policy", CONTENT_SECURITY_POLICY);
        Ok(reply)
    }

    /// What is another one whenever the file is.
    fn tag(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.content.as_bytes());
        let half: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("\"{half}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn files(directory: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, into);
            } else {
                let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/admin-ui"));
                into.push(format!("/{}", path.strip_prefix(root).unwrap().to_str().unwrap()));
            }
        }
    }

    #[test]
    fn every_file_of_the_ui_is_served_but_its_types() {
        let mut there = Vec::new();
        files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/admin-ui")), &mut there);
        there.retain(|path| !path.ends_with(".d.ts"));
        let name = |asset: &Asset| if asset.path == "/" { "/index.html".into() } else { asset.path.to_owned() };
        let mut served: Vec<String> = ASSETS.iter().map(name).collect();
        there.sort();
        served.sort();
        assert_eq!(served, there);
    }

    #[test]
    fn no_file_has_a_script_or_a_style_within_a_page() {
        let page = ASSETS.iter().find(|asset| asset.path == "/").unwrap().content;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="));
        assert!(page.match_indices("<script").all(|(at, _)| page[at..].split('>').next().unwrap().contains("src=")));
    }

    #[test]
    fn the_policy_allows_nothing_unsafe() {
        let policy = std::str::from_utf8(CONTENT_SECURITY_POLICY).unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    }
}
