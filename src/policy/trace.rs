//! W3C Trace Context: a request that is not part of a trace begins one.
//!
//! Owns what a valid `traceparent` is, and the one that is added. The ids come
//! from the caller, who has the randomness; nothing is recorded here.

use crate::message::{Fields, Known, Names};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// True for a value that the recommendation lets a party pass on (§3.2): the
/// exact form of version 00, and for versions to come that form as a prefix.
#[must_use]
pub fn is_valid(traceparent: &[u8]) -> bool {
    let Some((known, rest)) = traceparent.split_at_checked(55) else {
        return false;
    };
    let hex = |part: &[u8]| part.iter().all(|byte| HEX.contains(byte));
    let id = |part: &[u8]| hex(part) && part.iter().any(|byte| *byte != b'0');
    let version = &known[..2];
    hex(version)
        && version != b"ff"
        && [2, 35, 52].iter().all(|at| known[*at] == b'-')
        && id(&known[3..35])
        && id(&known[36..52])
        && hex(&known[53..])
        && (rest.is_empty() || version != b"00" && rest[0] == b'-')
}

/// Makes sure of exactly one valid `traceparent`. A good one stays as it is, and
/// `tracestate` with it. Otherwise both are removed, since a state means nothing
/// without its parent, and a new trace begins.
pub fn ensure(fields: &mut Fields, trace_id: [u8; 16], parent_id: [u8; 8]) {
    if has_valid(fields) {
        return;
    }
    fields.remove(Names::of(&[Known::Traceparent, Known::Tracestate]));
    // The flags are 00: `sampled` says that the caller may have recorded, and
    // nothing is recorded here; the recommendation makes 0 the default for who
    // begins a trace and leaves the decision to others.
    let (trace_id, parent_id) = (hex(not_zero(trace_id)), hex(not_zero(parent_id)));
    fields.push_parts(b"traceparent", &[b"00-", &trace_id, b"-", &parent_id, b"-00"]);
}

fn has_valid(fields: &Fields) -> bool {
    let mut lines = fields.all(Known::Traceparent);
    lines.next().is_some_and(is_valid) && lines.next().is_none()
}

/// The id, or 1 where chance gave the one that is invalid.
fn not_zero<const N: usize>(mut id: [u8; N]) -> [u8; N] {
    if id == [0; N] {
        id[N - 1] = 1;
    }
    id
}

fn hex<const N: usize>(id: [u8; N]) -> Vec<u8> {
    id.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn version_00_has_one_form() {
        assert!(is_valid(GOOD.as_bytes()));
        assert!(is_valid(GOOD.replace("-01", "-fe").as_bytes()), "flags to come are passed on");
        for bad in [
            String::new(),
            GOOD[..54].into(),
            format!("{GOOD}0"),
            format!("{GOOD}-00"),
            format!(" {GOOD}"),
            GOOD.to_ascii_uppercase(),
            GOOD.replace("-01", "-0g"),
            GOOD.replacen('-', "_", 1),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace("4bf9", "4bé"),
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn versions_to_come_may_be_longer() {
        let later = GOOD.replacen("00", "cc", 1);
        assert!(is_valid(later.as_bytes()));
        assert!(is_valid(format!("{later}-what-the-future-will-be").as_bytes()));
        assert!(!is_valid(format!("{later}.more").as_bytes()));
        assert!(!is_valid(GOOD.replacen("00", "ff", 1).as_bytes()));
        assert!(!is_valid(GOOD.replacen("00", "0x", 1).as_bytes()));
    }

    fn ensured(lines: &[(&str, &str)], trace_id: [u8; 16], parent_id: [u8; 8]) -> Vec<(String, String)> {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        ensure(&mut fields, trace_id, parent_id);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    #[test]
    fn a_trace_that_came_stays_as_it_is() {
        let lines = [("Traceparent", GOOD), ("A", "b"), ("tracestate", "x=1"), ("tracestate", "y=2")];
        let kept: Vec<_> = lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(ensured(&lines, [1; 16], [2; 8]), kept);
    }

    #[test]
    fn without_a_valid_one_a_new_trace_begins() {
        let new = "00-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a-ffffffffffffffff-00";
        for came in [
            &[("A", "b")][..],
            &[("A", "b"), ("tracestate", "x=1")],
            &[("traceparent", "nonsense"), ("A", "b"), ("Tracestate", "x=1")],
            &[("traceparent", GOOD), ("A", "b"), ("TRACEPARENT", GOOD)],
        ] {
            let expected = [("A".to_owned(), "b".to_owned()), ("traceparent".into(), new.into())];
            assert_eq!(ensured(came, [10; 16], [255; 8]), expected, "{came:?}");
        }
    }

    #[test]
    fn what_is_added_is_valid_even_if_chance_gives_zeros() {
        let added = ensured(&[], [0; 16], [0; 8]);
        assert_eq!(added[0].1, format!("00-{:032x}-{:016x}-00", 1, 1));
        assert!(is_valid(added[0].1.as_bytes()));
    }
}
