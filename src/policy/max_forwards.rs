//! `Max-Forwards` (RFC 9110 §7.6.2): how many more hops an OPTIONS may take.
//!
//! Owns counting it down, and the wish to be answered here. TRACE, the other
//! method that it goes with, is refused before it gets here.

use crate::error::Kind;
use crate::message::{Fields, Known, parse_digits};

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Forward,
    /// It has come far enough: we answer, as the final recipient.
    Answer,
}

/// Counts one hop down. With other methods the field has no meaning, and is
/// left as it is.
pub fn apply(method: &[u8], fields: &mut Fields) -> Result<Decision, Kind> {
    if !matches!(method, b"OPTIONS" | b"TRACE") {
        return Ok(Decision::Forward);
    }
    let Some(hops) = hops(fields)? else {
        return Ok(Decision::Forward);
    };
    let Some(left) = hops.checked_sub(1) else {
        return Ok(Decision::Answer);
    };
    fields.replace_value(Known::MaxForwards, left.to_string().as_bytes());
    Ok(Decision::Forward)
}

/// How many hops are left, where that is said.
fn hops(fields: &Fields) -> Result<Option<u64>, Kind> {
    let mut lines = fields.all(Known::MaxForwards);
    let Some(value) = lines.next() else {
        return Ok(None);
    };
    if lines.next().is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Kind::RequestMaxForwards);
    }
    // More than can be counted here is as many as can be, which the RFC allows.
    Ok(Some(parse_digits(value).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(method: &str, values: &[&str]) -> (Result<Decision, Kind>, Vec<String>) {
        let mut fields = Fields::default();
        fields.push(b"A", b"1");
        for value in values {
            fields.push(b"max-Forwards", value.as_bytes());
        }
        fields.push(b"B", b"2");
        let decision = apply(method.as_bytes(), &mut fields);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (decision, fields.iter().map(|field| format!("{}: {}", text(field.name), text(field.value))).collect())
    }

    #[test]
    fn a_hop_is_counted_down_in_its_place() {
        for (before, after) in [("1", "0"), ("10", "9"), ("007", "6")] {
            let (decision, lines) = applied("OPTIONS", &[before]);
            assert_eq!(decision, Ok(Decision::Forward), "{before}");
            assert_eq!(lines, ["A: 1".to_owned(), format!("max-Forwards: {after}"), "B: 2".into()]);
        }
    }

    #[test]
    fn more_than_can_be_counted_is_not_refused() {
        let (decision, lines) = applied("OPTIONS", &["99999999999999999999999"]);
        assert_eq!(decision, Ok(Decision::Forward));
        assert_eq!(lines[1], format!("max-Forwards: {}", u64::MAX - 1));
    }

    #[test]
    fn the_last_hop_is_answered_here() {
        assert_eq!(applied("OPTIONS", &["0"]).0, Ok(Decision::Answer));
        assert_eq!(applied("OPTIONS", &["000"]).0, Ok(Decision::Answer));
    }

    #[test]
    fn what_is_not_one_number_is_refused() {
        for values in [&[""][..], &["-1"], &["+1"], &["1.0"], &["1, 2"], &["1 "], &["x"], &["1", "1"]] {
            assert_eq!(applied("OPTIONS", values).0, Err(Kind::RequestMaxForwards), "{values:?}");
        }
    }

    #[test]
    fn without_it_and_with_other_methods_nothing_changes() {
        assert_eq!(applied("OPTIONS", &[]), (Ok(Decision::Forward), vec!["A: 1".into(), "B: 2".into()]));
        for method in ["GET", "options", "POST"] {
            let (decision, lines) = applied(method, &["0", "nonsense"]);
            assert_eq!(decision, Ok(Decision::Forward), "{method}");
            assert_eq!(lines, ["A: 1", "max-Forwards: 0", "max-Forwards: nonsense", "B: 2"]);
        }
    }
}
