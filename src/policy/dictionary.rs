//! Dictionaries of structured fields (RFC 9651 §3.2): which members there are.
//!
//! Owns finding where members begin and end. Their values are looked into only
//! as far as that takes.

/// The dictionary without the member of that name; none if this is not a
/// dictionary, or if the name stands somewhere else in it too, where a reader
/// less careful could find it.
#[must_use]
pub fn without(value: &[u8], name: &str) -> Option<Vec<u8>> {
    let members = members(value)?;
    let rest: Vec<&[u8]> = members.into_iter().filter(|member| key(member) != name.as_bytes()).collect();
    let rest = rest.join(&b", "[..]);
    let lower = rest.to_ascii_lowercase();
    memchr::memmem::find(&lower, name.as_bytes()).is_none().then_some(rest)
}

/// The members, without the white space around them.
fn members(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = value.trim_ascii();
    let mut members = Vec::new();
    while !rest.is_empty() {
        let end = end_of_member(rest)?;
        let member = rest[..end].trim_ascii_end();
        if !has_key(member) {
            return None;
        }
        members.push(member);
        rest = match &rest[end..] {
            [] => b"",
            // Behind a comma there is a member.
            [_, after @ ..] => Some(after.trim_ascii_start()).filter(|after| !after.is_empty())?,
        };
    }
    Some(members)
}

/// Where the comma is, or the end; none within a string or an inner list.
fn end_of_member(rest: &[u8]) -> Option<usize> {
    let (mut in_string, mut in_list, mut escaped) = (false, false, false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'(' if in_list => return None,
            b'(' => in_list = true,
            b')' if !in_list => return None,
            b')' => in_list = false,
            b',' if !in_list => return Some(at),
            _ => {}
        }
    }
    (!in_string && !in_list).then_some(rest.len())
}

fn key(member: &[u8]) -> &[u8] {
    &member[..member.iter().position(|byte| !is_key_byte(*byte)).unwrap_or(member.len())]
}

fn has_key(member: &[u8]) -> bool {
    let key = key(member);
    let begins = key.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*');
    begins && matches!(member.get(key.len()), None | Some(b'=' | b';'))
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(value: &str) -> Option<String> {
        without(value.as_bytes(), "own").map(|rest| String::from_utf8(rest).unwrap())
    }

    #[test]
    fn a_member_is_taken_out_wherever_it_stands() {
        for (value, expected) in [
            ("", ""),
            ("own=1", ""),
            ("own", ""),
            ("own=1,own=2", ""),
            ("a=1 ,\town;p=1, *b=(\"x\" \"y\");q", "a=1, *b=(\"x\" \"y\");q"),
            ("a=\"x, \\\"y\", own=:AA==:", "a=\"x, \\\"y\""),
        ] {
            assert_eq!(rest(value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_dictionary_is_told() {
        for value in ["a=\"x", "a=(1", "a=1)", "a=((1))", "a=1,", ",a=1", "A=1", "=1", "a =1", "a b"] {
            assert_eq!(rest(value), None, "{value}");
        }
    }

    #[test]
    fn a_name_that_is_hidden_elsewhere_is_told() {
        for value in ["a=\"own\"", "a=1, b=(\"OWN=\")", "xown=1", "own.b=2"] {
            assert_eq!(rest(value), None, "{value}");
        }
    }
}
