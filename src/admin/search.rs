//! `search`: mounts by the words that people remember of them.
//!
//! Owns where a word is looked for. The texts of a mount are put one below the
//! other into a buffer that all mounts share. No word has an end of line in it,
//! so that each is found within one text, and once over all of them is enough.

use super::problem::Problem;
use crate::limits::{SEARCH_BYTES_MAX, SEARCH_WORDS_MAX};
use crate::mount::spec::{MountKind, MountSpec};
use memchr::memmem::Finder;
use std::fmt::Write as _;

/// What is looked for: at least one word, in lower case where it is ASCII.
#[derive(Debug, PartialEq, Eq)]
pub struct Words(Vec<String>);

/// Words that are being looked for.
#[derive(Debug)]
pub struct Search<'a> {
    finders: Vec<Finder<'a>>,
    /// The texts of the mount that is looked at.
    texts: String,
}

impl Words {
    /// Reads them; none where there is nothing but white space.
    pub fn read(text: &str) -> Result<Option<Self>, Problem> {
        if text.len() > SEARCH_BYTES_MAX {
            return Err(Problem::new(400, format!("search must be at most {SEARCH_BYTES_MAX} bytes")));
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
        if words.len() > SEARCH_WORDS_MAX {
            return Err(Problem::new(400, format!("search must be at most {SEARCH_WORDS_MAX} words")));
        }
        Ok((!words.is_empty()).then_some(Self(words)))
    }

    /// Begins to look for them.
    #[must_use]
    pub fn search(&self) -> Search<'_> {
        Search { finders: self.0.iter().map(Finder::new).collect(), texts: String::new() }
    }
}

impl Search<'_> {
    /// True for a mount in whose texts each word occurs.
    pub fn finds(&mut self, spec: &MountSpec) -> bool {
        self.texts.clear();
        let is_written = write_texts(spec, &mut self.texts).is_ok();
        self.texts.make_ascii_lowercase();
        is_written && self.finders.iter().all(|finder| finder.find(self.texts.as_bytes()).is_some())
    }
}

/// What a mount is known by: its name, what it answers for, where it sends
/// that, and its labels.
fn write_texts(spec: &MountSpec, into: &mut String) -> std::fmt::Result {
    writeln!(into, "{}\n{}", spec.id, spec.matches)?;
    match &spec.kind {
        MountKind::Regular { address, .. } => writeln!(into, "{address}")?,
        MountKind::Transparent { force_host, allowed_hosts, .. } => {
            force_host.iter().try_for_each(|host| writeln!(into, "{host}"))?;
            allowed_hosts.iter().try_for_each(|pattern| writeln!(into, "{pattern}"))?;
        }
    }
    spec.labels.iter().try_for_each(|(name, value)| writeln!(into, "{name}={value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::spec::{Id, parse};
    use serde_json::json;

    fn regular() -> MountSpec {
        let value = json!({
            "kind": "regular",
            "match": { "host": "*.Example.org:8080", "path": "/Orgs/old" },
            "address": "http://server3:8680/exist/rest/",
            "labels": { "app": "Größe Two", "owner": "ci" },
            "metadata": { "note": "nobody" },
        });
        parse(&value, Id::Given("orgs-2")).unwrap()
    }

    fn transparent() -> MountSpec {
        let value = json!({
            "kind": "transparent",
            "match": { "path": "/" },
            "force_host": "vhosts:81",
            "force_scheme": "https",
            "allowed_hosts": ["a.example", "*.b.example"],
        });
        parse(&value, Id::Given("vhosts")).unwrap()
    }

    fn finds(spec: &MountSpec, text: &str) -> bool {
        Words::read(text).unwrap().unwrap().search().finds(spec)
    }

    #[test]
    fn every_word_occurs_in_what_a_mount_is_known_by() {
        let mut spec = regular();
        for text in [
            "orgs-2",
            "ORGS",
            "*.example.org:8080/Orgs/OLD",
            "org:8080/o",
            "http://server3:8680/exist/rest/",
            "SERVER3 rest ci",
            " owner=ci\tapp=GRöße\n",
            "two",
            "2 /orgs r3: =c",
        ] {
            assert!(finds(&spec, text), "{text}");
        }
        for text in ["nobody", "regular", "orgs-2*", "rest/app", "orgs nowhere", "GRÖSSE", "grÖße", "one"] {
            assert!(!finds(&spec, text), "{text}");
        }
        spec.matches.host = None;
        assert!(finds(&spec, "/orgs/old") && !finds(&spec, "example"), "what it was is forgotten");
        let spec = transparent();
        assert!(["vhosts:81", "A.example *.B.example"].iter().all(|text| finds(&spec, text)));
        assert!(!finds(&spec, "exampleb") && !finds(&spec, "https"));
    }

    #[test]
    fn one_search_looks_at_many_mounts() {
        let words = Words::read("server3").unwrap().unwrap();
        let mut search = words.search();
        assert_eq!([regular(), transparent(), regular()].map(|spec| search.finds(&spec)), [true, false, true]);
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert_eq!(Words::read(" \u{a0}\n").unwrap(), None);
        assert_eq!(Words::read("a b c d e f g H").unwrap().unwrap().0.len(), SEARCH_WORDS_MAX);
        assert!(Words::read("a b c d e f g h i").unwrap_err().detail.contains("at most 8 words"));
        assert!(Words::read(&"ä".repeat(127)).is_ok());
        assert!(Words::read(&"ä".repeat(128)).unwrap_err().detail.contains("at most 255 bytes"));
    }
}
