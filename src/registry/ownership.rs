//! Whose mounts are whose: the label `owner`.
//!
//! Decides whether a token that is limited to one owner may make a change.
//! Asked by the writer, which alone knows what a mount is at that moment. Pure.

use std::collections::BTreeMap;

/// A mount's labels, by name.
pub type Labels = BTreeMap<String, String>;

/// The label that says whose a mount is.
pub const OWNER: &str = "owner";

/// Whether a caller limited to `owner` (none: not limited) may turn a mount
/// with the labels `before` into one with the labels `after`; none is no
/// mount. It must be the owner's own on both sides, so that nothing is taken
/// from anybody, given to anybody or left to nobody.
#[must_use]
pub fn may_change(owner: Option<&str>, before: Option<&Labels>, after: Option<&Labels>) -> bool {
    let Some(owner) = owner else { return true };
    let is_own = |labels: &Labels| labels.get(OWNER).is_some_and(|label| label == owner);
    before.is_none_or(is_own) && after.is_none_or(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(owner: &str) -> Labels {
        Labels::from([("app".into(), "x".into()), (OWNER.into(), owner.into())])
    }

    #[test]
    fn who_is_not_limited_changes_any_mount() {
        for (before, after) in [(None, None), (Some(labels("a")), None), (Some(Labels::new()), Some(labels("b")))] {
            assert!(may_change(None, before.as_ref(), after.as_ref()));
        }
    }

    #[test]
    fn an_owner_changes_only_what_is_its_own_before_and_after() {
        let (own, other, none) = (labels("ci"), labels("ci2"), Labels::new());
        let may = |before, after| may_change(Some("ci"), before, after);
        assert!(may(None, Some(&own)), "make");
        assert!(may(Some(&own), Some(&own)), "change");
        assert!(may(Some(&own), None), "delete");
        for others in [&other, &none, &labels(""), &labels("CI"), &labels("ci ")] {
            assert!(!may(None, Some(others)), "make for another: {others:?}");
            assert!(!may(Some(others), None), "delete another's");
            assert!(!may(Some(others), Some(&own)), "take from another");
            assert!(!may(Some(&own), Some(others)), "give to another");
            assert!(!may(Some(others), Some(others)), "change another's");
        }
    }

    #[test]
    fn a_label_of_another_name_owns_nothing() {
        let labels = Labels::from([("Owner".into(), "ci".into()), ("app".into(), "ci".into())]);
        assert!(!may_change(Some("ci"), Some(&labels), Some(&labels)));
    }
}
