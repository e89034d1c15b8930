//! The lexical rules of Paste Deploy's INI files: those of Python's
//! `configparser`, strict, with keys as they are written.
//!
//! Owns sections, keys, continuation lines and comments, each with its line.
//! No crate does this. Looked at, and run on a small file: `configparser` 3.3,
//! `rust-ini` 0.21, `ini_core` 0.2 and `light-ini` 0.3. None refuses a key that
//! is there twice, and none has `[DEFAULT]` or `%(name)s`. Of the first two, which
//! know continuation lines, neither tells the line of a key; the first takes keys
//! without a value and the second reads quotes and backslashes. The third tells
//! lines, but knows neither `:` nor continuation lines.

use std::collections::HashMap;

/// The section whose keys stand behind those of all others.
pub const DEFAULT: &str = "DEFAULT";

/// A file that was read.
#[derive(Debug, Default)]
pub struct Ini {
    /// `[DEFAULT]`; there even where the file has none.
    pub defaults: Section,
    /// All others, as they came.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Debug, Default)]
pub struct Section {
    /// What is between the brackets.
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// Its keys, as they came.
    pub entries: Vec<Entry>,
    places: HashMap<String, usize>,
}

/// A key and its value.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// As it is written.
    pub key: String,
    /// As it is written, its lines joined; `%` is not looked at.
    pub value: String,
    /// Where the key is, from 1.
    pub line: usize,
}

/// A line that breaks a rule, and which.
pub type Fault = (usize, String);

impl Section {
    /// The entry of that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.places.get(key).and_then(|place| self.entries.get(*place))
    }

    /// False where the key is there already.
    fn add(&mut self, entry: Entry) -> bool {
        if self.places.contains_key(&entry.key) {
            return false;
        }
        self.places.insert(entry.key.clone(), self.entries.len());
        self.entries.push(entry);
        true
    }
}

/// Where further lines belong.
enum Current {
    None,
    Default,
    Section(usize),
}

/// Reads a file, and all that is wrong with it. Python stops at the first
/// duplicate; here the first one counts and reading goes on.
#[must_use]
pub fn parse(text: &str) -> (Ini, Vec<Fault>) {
    let mut ini = Ini { defaults: Section { name: DEFAULT.into(), ..Section::default() }, sections: Vec::new() };
    let mut faults = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut current = Current::None;
    let mut in_value = false;
    let mut indent_of_key = 0;
    for (index, raw) in lines(text).enumerate() {
        let line = index + 1;
        let content = raw.trim();
        let is_comment = content.starts_with(['#', ';']);
        let indent = raw.chars().take_while(|character| character.is_whitespace()).count();
        let section = match current {
            Current::None => None,
            Current::Default => Some(&mut ini.defaults),
            Current::Section(place) => ini.sections.get_mut(place),
        };
        if is_comment {
            continue;
        }
        if let Some(entry) = section.and_then(|section| section.entries.last_mut()).filter(|_| in_value)
            && (content.is_empty() || indent > indent_of_key)
        {
            entry.value.push('\n');
            entry.value.push_str(content);
            continue;
        }
        if content.is_empty() {
            continue;
        }
        indent_of_key = indent;
        in_value = false;
        if let Some(name) = header(content) {
            current = if name == DEFAULT {
                ini.defaults.line = line;
                Current::Default
            } else if let Some(place) = places.get(name) {
                let first = ini.sections.get(*place).map_or(0, |section| section.line);
                faults.push((line, format!("the section [{name}] is there already, in line {first}; join the two")));
                Current::Section(*place)
            } else {
                places.insert(name.to_owned(), ini.sections.len());
                ini.sections.push(Section { name: name.to_owned(), line, ..Section::default() });
                Current::Section(ini.sections.len() - 1)
            };
            continue;
        }
        let section = match current {
            Current::None => {
                faults.push((line, "this comes before any section; begin with one, as in [app:main]".into()));
                continue;
            }
            Current::Default => &mut ini.defaults,
            Current::Section(place) => match ini.sections.get_mut(place) {
                Some(section) => section,
                None => continue,
            },
        };
        let Some((key, value)) = content.split_once(['=', ':']).filter(|(key, _)| !key.trim().is_empty()) else {
            faults.push((line, "this is neither a section nor KEY = VALUE; begin it with # if it is a remark".into()));
            continue;
        };
        let (key, value) = (key.trim_end(), value.trim().to_owned());
        if section.add(Entry { key: key.to_owned(), value, line }) {
            in_value = true;
        } else {
            let first = section.get(key).map_or(0, |entry| entry.line);
            faults.push((line, format!("'{key}' is there already, in line {first}; remove one of the two")));
        }
    }
    for section in ini.sections.iter_mut().chain([&mut ini.defaults]) {
        for entry in &mut section.entries {
            entry.value.truncate(entry.value.trim_end().len());
        }
    }
    (ini, faults)
}

/// Lines as Python's text files have them: ended by LF, CRLF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// What is between `[` and the last `]`; what comes behind is not looked at.
fn header(content: &str) -> Option<&str> {
    let inner = content.strip_prefix('[')?;
    inner.rfind(']').filter(|end| *end > 0).map(|end| &inner[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Section> {
        let (ini, faults) = parse(text);
        assert_eq!(faults, [], "{text}");
        ini.sections
    }

    fn values(text: &str) -> Vec<String> {
        let section = read(&format!("[s]\n{text}")).pop().unwrap();
        section.entries.iter().map(|entry| format!("{} {}={}", entry.line, entry.key, entry.value)).collect()
    }

    #[test]
    fn keys_and_values_are_split_and_trimmed_as_in_python() {
        for (text, expected) in [
            ("a = b", "2 a=b"),
            ("a: b", "2 a=b"),
            ("  a   =  b = c : d ", "2 a=b = c : d"),
            ("a:b=c", "2 a=b=c"),
            ("domain x.org /v1 = app", "2 domain x.org /v1=app"),
            ("http://foo.com/ = a", "2 http=//foo.com/ = a"),
            ("KEY = Value", "2 KEY=Value"),
            ("a =", "2 a="),
            ("address = http://h/ ; x", "2 address=http://h/ ; x"),
            ("address = http://h/ # x", "2 address=http://h/ # x"),
            ("a = %(b)s 100%", "2 a=%(b)s 100%"),
            ("a = \"q\"\\n", "2 a=\"q\"\\n"),
        ] {
            assert_eq!(values(text), [expected], "{text}");
        }
        assert_eq!(values("# c\n; d\n  # e\n\na = b\r\nc = d\re = f"), ["6 a=b", "7 c=d", "8 e=f"]);
    }

    #[test]
    fn indented_lines_continue_a_value() {
        assert_eq!(values("a = b\n  c\n\td = e\nf = g"), ["2 a=b\nc\nd = e", "5 f=g"]);
        assert_eq!(values("a =\n\n  foo\n# c\n  bar\n\n\nb = 1"), ["2 a=\n\nfoo\nbar", "9 b=1"]);
        assert_eq!(values("  a = b\n  c = d\n   e"), ["2 a=b", "3 c=d\ne"]);
        assert_eq!(read("[s]\n  a = b\n[t]\n  c = d\n").len(), 2);
    }

    #[test]
    fn a_header_is_what_is_between_the_outermost_brackets() {
        let names = |text| read(text).into_iter().map(|section| section.name).collect::<Vec<_>>();
        assert_eq!(names("[app:main] junk\n[ a b ]\n[a]b]\n"), ["app:main", " a b ", "a]b"]);
        assert_eq!(names("[DEFAULT]\na = 1\n[x]\n[DEFAULT]\nb = 2\n"), ["x"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_by_line() {
        let (ini, faults) = parse("early = 1\n[s]\na = 1\nno delimiter\n= 2\na = 3\n  more\n[s]\nb = 1\n[]\n");
        let told: Vec<usize> = faults.iter().map(|fault| fault.0).collect();
        assert_eq!(told, [1, 4, 5, 6, 7, 8, 10], "{faults:?}");
        assert!(faults[3].1.contains("line 3") && faults[5].1.contains("line 2"), "{faults:?}");
        assert_eq!(ini.sections[0].get("a").unwrap().value, "1");
        assert_eq!(ini.sections[0].get("b").unwrap().line, 9);
    }
}
