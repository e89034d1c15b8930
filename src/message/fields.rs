//! The ordered field lines of a message.
//!
//! Owns the bytes they were received in and where each name and value lies.
//! Never reorders, folds, or changes the case of a field; added fields go to
//! the end. Policies edit it, `http1::encode` writes it.

use super::known::{Known, Names};

/// A range of bytes inside one head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range `start..end`; heads are far below 4 GiB.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && u32::try_from(end).is_ok());
        #[allow(clippy::cast_possible_truncation, reason = "heads are bounded by limits.rs, far below 4 GiB")]
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of this range.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }

    /// True where no byte is in the range.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One field line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name in the case it came in.
    pub name: &'a [u8],
    /// The value without surrounding white space.
    pub value: &'a [u8],
    /// Which known name it is.
    pub known: Known,
}

/// What of the lines is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Lines as they are written, each `name: value` and its line end.
    Lines(&'a [u8]),
    /// A line that is to be written by somebody.
    Field(Field<'a>),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Span,
    value: Span,
    known: Known,
    /// The line lies in the buffer as it is written: `name: value` and its end.
    is_whole: bool,
}

/// Where the lines of some fields lie in the buffer that they came in.
#[derive(Debug, Clone, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// The known names that lines had, so that nobody looks for those that
    /// never came.
    seen: Names,
}

impl Index {
    /// No lines yet, and room for some.
    #[must_use]
    pub fn with_room(lines: usize) -> Self {
        Self { entries: Vec::with_capacity(lines), seen: Names::default() }
    }

    /// Notes a line that lies in `buffer`.
    #[inline]
    pub fn add(&mut self, buffer: &[u8], name: Span, value: Span) {
        let has = |at: u32, text: &[u8; 2]| buffer.get(at as usize..).and_then(<[u8]>::first_chunk) == Some(text);
        let is_whole = value.start == name.end + 2 && has(name.end, b": ") && has(value.end, b"\r\n");
        self.push(Entry { name, value, known: Known::of(name.of(buffer)), is_whole });
    }

    fn push(&mut self, entry: Entry) {
        self.seen.insert(entry.known);
        self.entries.push(entry);
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Ordered field lines over one buffer. The buffer may hold more than fields:
/// a parsed head keeps its start line in it too.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    index: Index,
}

impl Fields {
    /// The lines that `index` found in `bytes`.
    #[must_use]
    pub fn over(bytes: Vec<u8>, index: Index) -> Self {
        Self { bytes, index }
    }

    /// Adds a line at the end. The caller answers for its syntax.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_parts(name, &[value]);
    }

    /// Adds a line whose value is the concatenation of `parts`.
    pub fn push_parts(&mut self, name: &[u8], parts: &[&[u8]]) {
        self.push_with(Known::of(name), name, |bytes| write_parts(bytes, parts));
    }

    /// Adds a line of a known name whose value is the concatenation of `parts`.
    pub fn push_known(&mut self, known: Known, parts: &[&[u8]]) {
        self.push_with(known, known.name(), |bytes| write_parts(bytes, parts));
    }

    /// Adds a line of a known name whose value stands elsewhere in this head already.
    pub fn push_copy(&mut self, known: Known, value: Span) {
        let value = value.start as usize..value.end as usize;
        self.push_with(known, known.name(), |bytes| bytes.extend_from_within(value));
    }

    fn push_with(&mut self, known: Known, name: &[u8], write_value: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(super::is_token(name));
        let bytes = &mut self.bytes;
        let name_start = bytes.len();
        bytes.extend_from_slice(name);
        let name_end = bytes.len();
        bytes.extend_from_slice(b": ");
        let value_start = bytes.len();
        write_value(bytes);
        let value_end = bytes.len();
        bytes.extend_from_slice(b"\r\n");
        let (name, value) = (Span::new(name_start, name_end), Span::new(value_start, value_end));
        self.index.push(Entry { name, value, known, is_whole: true });
    }

    /// Gives the first line of a known name another value, in its place and
    /// under the name it has. The caller answers for the value's syntax.
    pub fn replace_value(&mut self, known: Known, value: &[u8]) {
        if let Some(entry) = self.index.entries.iter_mut().find(|entry| entry.known == known) {
            entry.say(&mut self.bytes, value);
        }
    }

    /// Gives each line that value, in its place, for which `edit` makes one. The
    /// caller answers for the value's syntax.
    pub fn edit_values(&mut self, mut edit: impl FnMut(Field<'_>) -> Option<Vec<u8>>) {
        for entry in &mut self.index.entries {
            if let Some(value) = edit(entry.field(&self.bytes)) {
                entry.say(&mut self.bytes, &value);
            }
        }
    }

    /// Drops every line for which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let bytes = &self.bytes;
        self.index.entries.retain(|entry| keep(entry.field(bytes)));
    }

    /// Drops every line of those names.
    pub fn remove(&mut self, names: Names) {
        if self.index.seen.meets(names) {
            self.index.entries.retain(|entry| !names.contains(entry.known));
        }
    }

    /// The lines in their order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.index.entries.iter().map(|entry| entry.field(&self.bytes))
    }

    /// The lines in their order, to be written: those that lie in the buffer as
    /// they are written, one behind the other, in one piece; those of the names
    /// `apart` each by itself.
    pub fn pieces(&self, apart: Names) -> impl Iterator<Item = Piece<'_>> {
        let mut entries = self.index.entries.iter();
        std::iter::from_fn(move || {
            let first = entries.next()?;
            let Some(mut end) = first.end(apart) else { return Some(Piece::Field(first.field(&self.bytes))) };
            while let Some((next, behind)) = entries.as_slice().split_first()
                && next.name.start == end
                && let Some(next_end) = next.end(apart)
            {
                end = next_end;
                entries = behind.iter();
            }
            Some(Piece::Lines(Span { start: first.name.start, end }.of(&self.bytes)))
        })
    }

    /// The values of all lines of a known name, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let entries = if self.index.seen.contains(known) { &self.index.entries[..] } else { &[] };
        entries.iter().filter(move |entry| entry.known == known).map(|entry| entry.value.of(&self.bytes))
    }

    /// The value of the first line of a known name.
    #[must_use]
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// The value of the first line of that name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True when there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Where `part`, a slice of this buffer, lies in it.
    #[must_use]
    pub fn locate(&self, part: &[u8]) -> Span {
        let start = part.as_ptr() as usize - self.bytes.as_ptr() as usize;
        assert!(start + part.len() <= self.bytes.len(), "not a part of this head");
        Span::new(start, start + part.len())
    }

    /// The buffer under the fields, for the start line that shares it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Entry {
    fn field(self, bytes: &[u8]) -> Field<'_> {
        Field { name: self.name.of(bytes), value: self.value.of(bytes), known: self.known }
    }

    /// Where the line ends, with its line end, if it lies in the buffer as it is
    /// written and none of those names is its own.
    fn end(self, apart: Names) -> Option<u32> {
        (self.is_whole && !apart.contains(self.known)).then(|| self.value.end + 2)
    }

    /// Gives it another value, behind everything else in the buffer.
    fn say(&mut self, bytes: &mut Vec<u8>, value: &[u8]) {
        debug_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        let start = bytes.len();
        bytes.extend_from_slice(value);
        self.value = Span::new(start, bytes.len());
        self.is_whole = false;
    }
}

fn write_parts(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        debug_assert!(!part.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        bytes.extend_from_slice(part);
    }
}

/// The members of a comma-separated list value, trimmed, empty ones left out
/// (RFC 9110 §5.6.1.2).
pub fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_case_and_duplicates_stay() {
        let mut fields = Fields::default();
        fields.push(b"B-b", b"1");
        fields.push(b"a", b"2");
        fields.push(b"b-B", b"3");
        let lines: Vec<_> = fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
        assert_eq!(
            lines,
            [(b"B-b".to_vec(), b"1".to_vec()), (b"a".to_vec(), b"2".to_vec()), (b"b-B".to_vec(), b"3".to_vec()),]
        );
        fields.retain(|field| field.value != b"1");
        assert_eq!(fields.len(), 2);
        assert_eq!(fields.get("B-B"), Some(&b"3"[..]));
    }

    #[test]
    fn lines_that_lie_as_they_are_written_come_in_one_piece() {
        let mut fields = Fields::default();
        for name in [&b"A"[..], b"Host", b"B", b"C", b"Date", b"D", b"E", b"F"] {
            fields.push(name, b"1");
        }
        fields.remove(Names::of(&[Known::Date]));
        fields.edit_values(|field| (field.name == b"E").then(|| b"2".to_vec()));
        let pieces: Vec<_> = fields
            .pieces(Names::of(&[Known::Host]))
            .map(|piece| match piece {
                Piece::Lines(lines) => String::from_utf8(lines.to_vec()).unwrap(),
                Piece::Field(field) => format!("{}={}", field.name.escape_ascii(), field.value.escape_ascii()),
            })
            .collect();
        assert_eq!(pieces, ["A: 1\r\n", "Host=1", "B: 1\r\nC: 1\r\n", "D: 1\r\n", "E=2", "F: 1\r\n"]);
    }

    #[test]
    fn a_value_is_replaced_in_its_place() {
        let mut fields = Fields::default();
        fields.push(b"A", b"1");
        fields.push(b"max-FORWARDS", b"10");
        fields.push(b"B", b"2");
        fields.replace_value(Known::MaxForwards, b"9");
        fields.replace_value(Known::Via, b"nobody");
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(lines, [(&b"A"[..], &b"1"[..]), (b"max-FORWARDS", b"9"), (b"B", b"2")]);
    }

    #[test]
    fn values_are_edited_in_their_places() {
        let mut fields = Fields::default();
        for name in [&b"A"[..], b"b", b"a"] {
            fields.push(name, b"1");
        }
        fields.edit_values(|field| field.name.eq_ignore_ascii_case(b"A").then(|| [field.name, b"2"].concat()));
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(lines, [(&b"A"[..], &b"A2"[..]), (b"b", b"1"), (b"a", b"a2")]);
    }

    #[test]
    fn list_members_are_trimmed_and_never_empty() {
        let members: Vec<_> = list_members(b" a ,, b\t,").collect();
        assert_eq!(members, [&b"a"[..], b"b"]);
    }
}
