//! Ids of mounts: the same for the same file, each once.

use std::collections::{HashMap, HashSet};

/// Ids, each once: the section's name; with the place behind it for further
/// mounts of one section.
#[derive(Debug, Default)]
pub struct Ids {
    given: HashSet<String>,
    /// The last number behind each that was given more than once.
    numbers: HashMap<String, usize>,
}

const ID_BYTES_MAX: usize = 63;

impl Ids {
    /// The id of the mount of that section for that match.
    pub fn of(&mut self, name: &str, place: &str) -> String {
        let plain = cut(slug(name), ID_BYTES_MAX);
        let plain = if plain.is_empty() { "mount".to_owned() } else { plain };
        let longer = cut(slug(&format!("{plain}-{place}")), ID_BYTES_MAX);
        let last = self.numbers.get(&longer).copied().unwrap_or(1);
        let numbered = (last + 1..).map(|number: usize| {
            let text = format!("-{number}");
            (number, cut(longer.clone(), ID_BYTES_MAX - text.len()) + &text)
        });
        let mut candidates = [(last, plain), (last, longer.clone())].into_iter().chain(numbered);
        let (number, id) = candidates.find(|(_, id)| !self.given.contains(id)).unwrap_or_default();
        if number != last {
            self.numbers.insert(longer, number);
        }
        self.given.insert(id.clone());
        id
    }
}

/// Words of `a-z 0-9 . _`, with dashes between.
fn slug(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let is_letter = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_');
    let words: Vec<&str> = text.split(|character| !is_letter(character)).filter(|word| !word.is_empty()).collect();
    words.join("-").trim_start_matches(['.', '_', '-']).to_owned()
}

fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_valid_and_different() {
        let mut ids = Ids::default();
        for (name, place, id) in [
            ("site", "/", "site"),
            ("site", "/news", "site-news"),
            ("site", "h.org:8080/a b", "site-h.org-8080-a-b"),
            ("site", "/news", "site-news-2"),
            ("My App!", "/", "my-app"),
            ("é", "/", "mount"),
            ("_.x", "/", "x"),
        ] {
            assert_eq!(ids.of(name, place), id);
            assert!(crate::mount::spec::is_id(id));
        }
        let long = "x".repeat(200);
        let found = [ids.of(&long, "/a"), ids.of(&long, "/b"), ids.of(&long, "/c")];
        assert!(found.iter().all(|id| crate::mount::spec::is_id(id)), "{found:?}");
        assert!(found[0] != found[1] && found[1] != found[2], "{found:?}");
    }
}
