//! Literal strings replaced by others in bytes that come bit by bit.
//!
//! Owns the search and the little that must wait for more. What comes out does
//! not depend on how the input was split: it is what one pass over the whole
//! would give, from left to right, where at one place the rule that is named
//! first wins (*leftmost-first*: an author can put the exception before the
//! rule, which the longest match would not allow). What was put in is never
//! searched again. Pure: it knows no source, no coding and no media type.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::Arc;

/// Rules made ready for searching, once for all replies.
#[derive(Debug)]
pub struct Substitution {
    automaton: AhoCorasick,
    /// What each rule puts in.
    to: Vec<Box<[u8]>>,
    /// What is searched for, in the order of bytes.
    sorted: Vec<Box<[u8]>>,
    /// The bytes that something searched for begins with.
    begins: [bool; 256],
    /// Bytes of the longest that is searched for.
    longest: usize,
    is_ascii: bool,
}

/// What lies at the front of some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// So many bytes that no rule touches.
    clean: usize,
    /// Behind them this rule's string, of that length. None: what is behind
    /// them, if anything, may begin one, and more must come.
    found: Option<(usize, usize)>,
}

impl Substitution {
    /// From pairs of what is searched for, never empty, and what stands there
    /// instead, in the order in which they count.
    #[must_use]
    #[allow(clippy::expect_used, reason = "limits.rs keeps rules far below what an automaton can hold")]
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut from, mut to): (Vec<&[u8]>, Vec<Box<[u8]>>) = (Vec::new(), Vec::new());
        let mut is_ascii = true;
        for (wanted, instead) in pairs {
            debug_assert!(!wanted.is_empty());
            is_ascii &= wanted.is_ascii() && instead.is_ascii();
            // Where an earlier rule's string is the beginning of this one,
            // the earlier rule always wins.
            if !from.iter().any(|earlier| wanted.as_bytes().starts_with(earlier)) {
                from.push(wanted.as_bytes());
                to.push(instead.as_bytes().into());
            }
        }
        let mut begins = [false; 256];
        from.iter().for_each(|wanted| begins[usize::from(wanted[0])] = true);
        let longest = from.iter().map(|wanted| wanted.len()).max().unwrap_or(1);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            // A DFA is quicker where much matches, and may take megabytes.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&from)
            .expect("a few short strings");
        let mut sorted: Vec<Box<[u8]>> = from.into_iter().map(Into::into).collect();
        sorted.sort_unstable();
        Self { automaton, to, sorted, begins, longest, is_ascii }
    }

    /// True when neither what is searched for nor what is put in depends on
    /// how a character beyond ASCII is encoded.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Looks at input from a place where nothing is undecided. `open` is where
    /// the first string may begin that is not all there, as far as that was
    /// asked for already: so each byte is asked once, however much is found.
    fn look(&self, input: &[u8], at: usize, open: &mut Option<usize>) -> Look {
        let found = self.automaton.find(&input[at..]);
        let start = found.as_ref().map_or(input.len(), |found| at + found.start());
        let open = match *open {
            // All that may begin here or before it is there.
            _ if start + self.longest <= input.len() => input.len(),
            Some(known) if known >= at => known,
            _ => *open.insert(self.open(input, at)),
        };
        match found {
            Some(found) if start < open => {
                Look { clean: start - at, found: Some((found.pattern().as_usize(), found.len())) }
            }
            _ => Look { clean: open - at, found: None },
        }
    }

    /// Where the first string from `at` on may begin that is not all there.
    fn open(&self, input: &[u8], at: usize) -> usize {
        let first = input.len().saturating_sub(self.longest - 1).max(at);
        (first..input.len()).find(|at| self.is_beginning(&input[*at..])).unwrap_or(input.len())
    }

    /// True for the beginning, but not the whole, of something searched for.
    fn is_beginning(&self, part: &[u8]) -> bool {
        self.begins[usize::from(part[0])] && {
            // Whatever begins with it stands right behind it in their order.
            let behind = self.sorted.partition_point(|wanted| **wanted <= *part);
            self.sorted.get(behind).is_some_and(|wanted| wanted.starts_with(part))
        }
    }
}

/// One body on its way through the rules.
#[derive(Debug)]
pub struct Editor {
    rules: Arc<Substitution>,
    /// What came and may begin something searched for: always less than the
    /// longest of it.
    held: Vec<u8>,
}

/// How far an edit came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// So much of the input is done with.
    pub used: usize,
    /// So many bytes of it follow that can go out as they are.
    pub clean: usize,
}

impl Editor {
    /// For a body that those rules apply to.
    #[must_use]
    pub fn new(rules: Arc<Substitution>) -> Self {
        Self { rules, held: Vec::new() }
    }

    /// Edits input into `out` until that holds `room` bytes, or one
    /// replacement more. A run of at least `run_min` bytes that no rule
    /// touches is not copied but told, and so is a shorter one that `out` need
    /// not begin for.
    pub fn edit(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize, run_min: usize) -> Edited {
        let mut used = self.edit_held(input, false, out, room);
        let mut open = None;
        while used < input.len() && self.held.is_empty() && out.len() < room {
            let rest = &input[used..];
            let look = self.rules.look(input, used, &mut open);
            let is_run = look.clean >= run_min || look.found.is_none() && out.is_empty() && run_min < usize::MAX;
            if is_run && look.clean > 0 {
                return Edited { used, clean: look.clean };
            }
            let clean = look.clean.min(room - out.len());
            out.extend_from_slice(&rest[..clean]);
            used += clean;
            if clean == look.clean {
                match look.found {
                    Some((rule, len)) => {
                        out.extend_from_slice(&self.rules.to[rule]);
                        used += len;
                    }
                    None => {
                        self.held.extend_from_slice(&rest[clean..]);
                        used = input.len();
                    }
                }
            }
        }
        Edited { used, clean: 0 }
    }

    /// Edits what was held back, since nothing else comes, into `out` until
    /// that holds `room` bytes, or one replacement more. Nothing is left when
    /// it adds nothing.
    pub fn finish(&mut self, out: &mut Vec<u8>, room: usize) {
        self.edit_held(&[], true, out, room);
    }

    /// Edits what was held back as far as the input decides about it; how much
    /// of the input is done with then.
    fn edit_held(&mut self, input: &[u8], ended: bool, out: &mut Vec<u8>, room: usize) -> usize {
        let own = self.held.len();
        if own == 0 {
            return 0;
        }
        // So much decides about the last byte that was held back.
        let more = &input[..input.len().min(self.rules.longest - 1)];
        self.held.extend_from_slice(more);
        let mut at = 0;
        // Where nothing else comes, nothing is open.
        let mut open = ended.then_some(self.held.len());
        while at < own && out.len() < room {
            let look = self.rules.look(&self.held, at, &mut open);
            let clean = look.clean.min(own - at).min(room - out.len());
            out.extend_from_slice(&self.held[at..at + clean]);
            at += clean;
            if clean < look.clean {
                continue;
            }
            let Some((rule, len)) = look.found else {
                if at < own {
                    // All of the input was not enough.
                    self.held.drain(..at);
                    return input.len();
                }
                break;
            };
            out.extend_from_slice(&self.rules.to[rule]);
            at += len;
        }
        if at < own {
            self.held.truncate(own);
            self.held.drain(..at);
            return 0;
        }
        self.held.clear();
        at - own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(pairs: &[(&str, &str)]) -> Arc<Substitution> {
        Arc::new(Substitution::new(pairs.iter().copied()))
    }

    /// The same in one go, by the definition: at each place the first rule
    /// whose string stands there.
    fn whole(pairs: &[(&str, &str)], input: &[u8]) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), input);
        while let Some(first) = rest.first() {
            match pairs.iter().find(|(from, _)| rest.starts_with(from.as_bytes())) {
                Some((from, to)) => {
                    out.extend_from_slice(to.as_bytes());
                    rest = &rest[from.len()..];
                }
                None => {
                    out.push(*first);
                    rest = &rest[1..];
                }
            }
        }
        out
    }

    /// What comes out for pieces, with what waited when the source paused.
    fn streamed(rules: &Arc<Substitution>, pieces: &[&[u8]], room: usize, run_min: usize) -> (Vec<u8>, usize) {
        let mut editor = Editor::new(Arc::clone(rules));
        let (mut all, mut out, mut held_max) = (Vec::new(), Vec::new(), 0);
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let edited = editor.edit(rest, &mut out, room, run_min);
                assert!(edited.used + edited.clean > 0 || !out.is_empty(), "it stands still");
                all.append(&mut out);
                all.extend_from_slice(&rest[edited.used..edited.used + edited.clean]);
                rest = &rest[edited.used + edited.clean..];
            }
            held_max = held_max.max(editor.held.len());
        }
        loop {
            editor.finish(&mut out, room);
            if out.is_empty() {
                return (all, held_max);
            }
            all.append(&mut out);
        }
    }

    fn once(pairs: &[(&str, &str)], pieces: &[&str]) -> String {
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        String::from_utf8(streamed(&rules(pairs), &pieces, 16, 4).0).unwrap()
    }

    #[test]
    fn a_string_is_replaced_wherever_the_input_is_split() {
        let pairs = [("http://backend/", "https://public/")];
        let text = "a http://backend/x http://backend http://backend/";
        for split in 0..text.len() {
            let (left, right) = text.split_at(split);
            assert_eq!(once(&pairs, &[left, right]), "a https://public/x http://backend https://public/");
        }
    }

    #[test]
    fn at_one_place_the_first_rule_wins_and_elsewhere_the_leftmost() {
        assert_eq!(once(&[("ab", "1"), ("abcd", "2")], &["abcd"]), "1cd");
        assert_eq!(once(&[("abcd", "2"), ("ab", "1")], &["ab", "cd", "ab"]), "21");
        assert_eq!(once(&[("cd", "1"), ("bcde", "2")], &["abc", "de"]), "a2");
        assert_eq!(once(&[("cd", "1"), ("bcde", "2")], &["abc", "dx"]), "ab1x");
    }

    #[test]
    fn what_was_put_in_is_not_searched() {
        assert_eq!(once(&[("a", "aa"), ("b", "a")], &["ab", "ba"]), "aaaaaa");
        assert_eq!(once(&[("ab", "a")], &["abb", "b"]), "abb");
        assert_eq!(once(&[("x", "")], &["axxb", "x"]), "ab");
    }

    #[test]
    fn only_what_may_begin_a_match_waits() {
        let rules = rules(&[("http://backend/", "/")]);
        let mut editor = Editor::new(Arc::clone(&rules));
        let mut out = Vec::new();
        let event = b"data: one\n\n";
        assert_eq!(editor.edit(event, &mut out, 64, 4), Edited { used: 0, clean: event.len() });
        assert_eq!(editor.edit(b"data: htt", &mut out, 64, 4), Edited { used: 0, clean: 6 });
        assert_eq!(editor.edit(b"htt", &mut out, 64, 4), Edited { used: 3, clean: 0 });
        assert_eq!((out.as_slice(), editor.held.as_slice()), (&b""[..], &b"htt"[..]));
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_the_split(
            pairs in proptest::collection::vec(("[ab]{1,6}|[a-c]{1,3}", "[a-d]{0,4}"), 1..6),
            text in "[a-d]{0,80}",
            cuts in proptest::collection::vec(0_usize..80, 0..12),
            room in 1_usize..20,
            run_min in prop_oneof![1_usize..10, Just(usize::MAX)],
        ) {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &text.as_bytes()[cut[0]..cut[1]]).collect();
            let rules = rules(&pairs);
            let (out, held_max) = streamed(&rules, &pieces, room, run_min);
            prop_assert_eq!(out, whole(&pairs, text.as_bytes()));
            prop_assert!(held_max < rules.longest, "{} bytes were held back", held_max);
        }
    }
}
