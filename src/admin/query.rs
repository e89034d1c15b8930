//! The query of a call.
//!
//! Owns reading it: which parameters a call takes, each once unless it says
//! otherwise, percent-decoded. What is not known is refused, so that a filter
//! with a typing error never lists everything.

use super::problem::Problem;
use crate::exchange::Exchange;
use crate::message::{parse_digits, target};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The parameters of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(&'static str, String)>,
}

impl Query {
    /// Reads the query of a request that takes these parameters, each once.
    pub fn read(exchange: &Exchange, known: &'static [&'static str]) -> Result<Self, Problem> {
        Self::of(exchange.query(), known, &[])
    }

    /// Reads a raw query; `repeatable` ones may come more than once.
    pub fn of(
        raw: Option<&[u8]>,
        known: &'static [&'static str],
        repeatable: &'static [&'static str],
    ) -> Result<Self, Problem> {
        let mut query = Self::default();
        for pair in raw.unwrap_or_default().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_at(memchr::memchr(b'=', pair).unwrap_or(pair.len()));
            let (name, value) = (decoded(name)?, decoded(value.strip_prefix(b"=").unwrap_or(value))?);
            let is_repeatable = repeatable.contains(&name.as_str());
            let found = known.iter().chain(repeatable).find(|known| **known == name);
            let Some(name) = found else { return Err(unknown(&name, known, repeatable)) };
            if !is_repeatable && query.get(name).is_some() {
                return Err(Problem::new(400, format!("the query names {name} twice; name it once")));
            }
            query.pairs.push((name, value));
        }
        Ok(query)
    }

    /// The value of a parameter, if it came.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter, in the order of the request.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// `true` or `false`; false where it is missing.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::new(400, format!("{name} must be true or false"))),
        }
    }

    /// A whole number in that range; none where it is missing.
    pub fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match parse_digits(text.as_bytes()).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (start, end) = range.into_inner();
                Err(Problem::new(400, format!("{name} must be a whole number from {start} to {end}")))
            }
        }
    }
}

fn decoded(raw: &[u8]) -> Result<String, Problem> {
    // A plus is a space, as forms and most libraries write it.
    let raw: Cow<'_, [u8]> = if raw.contains(&b'+') {
        raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>().into()
    } else {
        raw.into()
    };
    let is_whole = target::has_whole_escapes(&raw);
    String::from_utf8(target::percent_decode(&raw).into_owned())
        .ok()
        .filter(|_| is_whole)
        .ok_or_else(|| Problem::new(400, "the query must be percent-encoded UTF-8"))
}

fn unknown(name: &str, known: &[&str], repeatable: &[&str]) -> Problem {
    let known: Vec<&str> = known.iter().chain(repeatable).copied().collect();
    let takes =
        if known.is_empty() { "this call takes none".to_owned() } else { format!("known are {}", known.join(", ")) };
    Problem::new(400, format!("the query has an unknown parameter '{}'; {takes}", name.escape_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Query, String> {
        Query::of(Some(raw.as_bytes()), &["a", "n", "flag"], &["label"]).map_err(|problem| problem.detail)
    }

    #[test]
    fn parameters_are_read_decoded() {
        let query = read("a=%C3%A4+b%26&label=x%3Dy&label=z&n=7&flag=true&").unwrap();
        assert_eq!(query.get("a"), Some("ä b&"));
        assert_eq!(query.all("label").collect::<Vec<_>>(), ["x=y", "z"]);
        assert_eq!(query.number("n", 0..=9).unwrap(), Some(7));
        assert!(query.flag("flag").unwrap());
        let nothing = Query::of(None, &["a"], &[]).unwrap();
        assert_eq!((nothing.get("a"), nothing.number("n", 0..=1).unwrap()), (None, None));
        assert!(!nothing.flag("a").unwrap());
        assert_eq!(read("a").unwrap().get("a"), Some(""));
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        assert!(read("b=1").unwrap_err().ends_with("unknown parameter 'b'; known are a, n, flag, label"));
        assert!(read("A=1").is_err());
        assert!(read("a=1&a=1").unwrap_err().contains("twice"));
        for bad in ["a=%", "a=%zz", "a=%ff", "%ff=a"] {
            assert!(read(bad).unwrap_err().contains("percent-encoded"), "{bad}");
        }
        let none = Query::of(Some(b"x=1"), &[], &[]).unwrap_err();
        assert!(none.status == 400 && none.detail.contains("takes none"));
    }

    #[test]
    fn numbers_and_flags_are_what_they_say() {
        for bad in ["n=10", "n=-1", "n=+1", "n=", "n=1x", "n=99999999999999999999"] {
            assert!(read(bad).unwrap().number("n", 0..=9).unwrap_err().detail.contains("from 0 to 9"), "{bad}");
        }
        for bad in ["flag=", "flag=1", "flag=True"] {
            assert!(read(bad).unwrap().flag("flag").is_err(), "{bad}");
        }
    }
}
