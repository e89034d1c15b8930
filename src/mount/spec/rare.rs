//! Members that few mounts have.

use serde::{Serialize, Serializer};

/// A member that most mounts leave as it is by default, and that takes only the
/// room of a pointer there: a mount that does nothing is to cost little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    /// What differs from the default; none where nothing does.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    /// True where it is as it is by default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Default + PartialEq> From<T> for Rare<T> {
    fn from(value: T) -> Self {
        Self((value != T::default()).then(|| Box::new(value)))
    }
}

impl<T: Default + Serialize> Serialize for Rare<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            Some(value) => value.serialize(serializer),
            None => T::default().serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_by_default_takes_no_room_and_is_written_all_the_same() {
        let (usual, other) = (Rare::from(String::new()), Rare::from("other".to_owned()));
        assert_eq!((usual.get(), other.get().map(String::as_str)), (None, Some("other")));
        assert_eq!(usual, Rare::default());
        let json = [usual, other].map(|rare| serde_json::to_string(&rare).unwrap());
        assert_eq!(json, [r#""""#, r#""other""#]);
    }
}
