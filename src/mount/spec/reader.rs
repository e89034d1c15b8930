//! Reading JSON values, and telling everything that is wrong with them.
//!
//! Owns the faults and what is common to all members: types, bounds, lists.

use serde::Serialize;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpecFault {
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// What, and what to do about it.
    pub detail: String,
}

/// Entries of one list, and bytes of one string, that a spec may have.
pub(super) const LIST_ENTRIES_MAX: usize = 256;
pub(super) const STRING_BYTES_MAX: usize = 2048;

/// A name as JSON Pointers write it.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Collects the faults of one value.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<SpecFault>,
}

impl Reader {
    /// Tells one thing that is wrong.
    pub(super) fn fault(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.faults.push(SpecFault { pointer: pointer.into(), detail: detail.into() });
    }

    /// Refuses members that are not known.
    pub(super) fn only(&mut self, object: &Map<String, Value>, pointer: &str, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let name = escaped(name);
            self.fault(format!("{pointer}/{name}"), format!("unknown field; known are {}", known.join(", ")));
        }
    }

    /// A string; none where it is missing or wrong.
    pub(super) fn text<'a>(&mut self, object: &'a Map<String, Value>, parent: &str, name: &str) -> Option<&'a str> {
        match object.get(name)? {
            Value::String(text) if text.len() <= STRING_BYTES_MAX => Some(text),
            Value::String(_) => {
                self.fault(format!("{parent}/{}", escaped(name)), format!("longer than {STRING_BYTES_MAX} bytes"));
                None
            }
            _ => {
                self.fault(format!("{parent}/{}", escaped(name)), "must be a string");
                None
            }
        }
    }

    /// One of a few words; none where it is missing or wrong.
    pub(super) fn word<T: Copy>(
        &mut self,
        object: &Map<String, Value>,
        parent: &str,
        name: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(object, parent, name)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.fault(format!("{parent}/{name}"), format!("must be {}", words.join(" or ")));
        }
        found.map(|(_, value)| *value)
    }

    /// True or false; none where it is missing or wrong.
    pub(super) fn boolean(&mut self, object: &Map<String, Value>, parent: &str, name: &str) -> Option<bool> {
        let value = object.get(name)?.as_bool();
        if value.is_none() {
            self.fault(format!("{parent}/{name}"), "must be true or false");
        }
        value
    }

    /// An array of strings, or as in `paste.proxy` one string of words with
    /// white space between.
    pub(super) fn list<T>(
        &mut self,
        object: &Map<String, Value>,
        parent: &str,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let pointer = format!("{parent}/{name}");
        let entries: Vec<Option<&str>> = match object.get(name) {
            None => return Vec::new(),
            Some(Value::Array(entries)) => entries.iter().map(Value::as_str).collect(),
            Some(Value::String(words)) => words.split_ascii_whitespace().map(Some).collect(),
            Some(_) => {
                self.fault(pointer, "must be an array of strings, or one string of words");
                return Vec::new();
            }
        };
        if entries.len() > LIST_ENTRIES_MAX {
            self.fault(pointer, format!("has more than {LIST_ENTRIES_MAX} entries"));
            return Vec::new();
        }
        let is_array = object.get(name).is_some_and(Value::is_array);
        let mut read_entries = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            match entry.filter(|text| text.len() <= STRING_BYTES_MAX).and_then(&read) {
                Some(entry) => read_entries.push(entry),
                None if is_array => self.fault(format!("{pointer}/{index}"), format!("must be {expected}")),
                None => self.fault(pointer.clone(), format!("word {} must be {expected}", index + 1)),
            }
        }
        read_entries
    }

    /// An object of known members; none where it is missing or wrong.
    pub(super) fn object<'a>(
        &mut self,
        value: Option<&'a Value>,
        pointer: &str,
        names: &[&str],
    ) -> Option<&'a Map<String, Value>> {
        let object = value?.as_object();
        match object {
            Some(object) => self.only(object, pointer, names),
            None => self.fault(pointer, format!("must be an object with some of {}", names.join(", "))),
        }
        object
    }

    /// A number in that range; none where it is missing, null or wrong.
    pub(super) fn number(
        &mut self,
        object: &Map<String, Value>,
        parent: &str,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = object.get(name).filter(|value| !value.is_null())?;
        let number = value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let (start, end) = range.into_inner();
            self.fault(format!("{parent}/{name}"), format!("must be a whole number from {start} to {end}"));
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_ascii_white_space_is_between_words() {
        let read = |words: &str| {
            let (mut reader, mount) = (Reader::default(), json!({ "words": words }));
            let known = |word: &str| word.is_ascii().then(|| word.to_owned());
            let read = reader.list(mount.as_object().unwrap(), "", "words", "a word", known);
            (read.join(","), reader.faults.len())
        };
        assert_eq!(read(" GET\tHEAD\r\n\u{c}PUT "), ("GET,HEAD,PUT".into(), 0));
        assert_eq!(read(""), (String::new(), 0));
        assert_eq!(read("GET\u{a0}HEAD \u{85}"), (String::new(), 2));
    }
}
