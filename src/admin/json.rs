//! Reading JSON that callers send.
//!
//! Owns what is asked of it before anybody looks at its members: a bounded
//! depth, and no member twice in one object, since two readers of such an
//! object may see two different things. Pure.

use super::problem::Problem;
use crate::limits::JSON_DEPTH_MAX;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The value in `text`, or what is wrong with it.
pub fn read(text: &[u8]) -> Result<Value, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Nested { levels_left: JSON_DEPTH_MAX }.deserialize(&mut deserializer);
    let whole = value.and_then(|value| deserializer.end().map(|()| value));
    whole.map_err(|error| Problem::new(400, format!("malformed JSON: {error}")))
}

/// A value that may be so many arrays and objects deep.
#[derive(Clone, Copy)]
struct Nested {
    levels_left: usize,
}

impl Nested {
    fn below<E: Error>(self) -> Result<Self, E> {
        let levels_left = self.levels_left.checked_sub(1);
        let levels_left = levels_left.ok_or_else(|| E::custom(format!("more than {JSON_DEPTH_MAX} levels deep")))?;
        Ok(Self { levels_left })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let shown: String = name.chars().take(NAME_CHARS_SHOWN).collect();
                return Err(A::Error::custom(format!("the member {shown:?} is there twice")));
            }
            object.insert(name, members.next_value_seed(below)?);
        }
        Ok(Value::Object(object))
    }
}

/// What is shown of a name, which may be as long as the whole content.
const NAME_CHARS_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let problem = read(text.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400);
        problem.detail
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [
            "null",
            " true\n",
            "-0.5e3",
            "18446744073709551615",
            "-9223372036854775808",
            r#""a\u00e9\ud83d\ude00""#,
            r#"{"b": [1, 2.5, {"c": []}, "x"], "a": null}"#,
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for text in ["", "{", "{} x", "[1,]", "{'a': 1}", "\u{feff}{}", "1e999", "\"\\ud800\""] {
            assert!(refused(text).starts_with("malformed JSON: "), "{text}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            assert!(read(nested(open, close, JSON_DEPTH_MAX).as_bytes()).is_ok());
            let told = refused(&nested(open, close, JSON_DEPTH_MAX + 1));
            assert!(told.contains("more than 32 levels deep"), "{told}");
            assert!(refused(&open.repeat(100_000)).contains("levels deep"));
        }
        assert!(read(format!("[{}1]", "[],".repeat(1000)).as_bytes()).is_ok(), "many beside each other are not deep");
    }

    #[test]
    fn no_member_is_there_twice() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "c": 2, "\u0061": 3}}]"#] {
            assert!(refused(text).contains(r#"the member "a" is there twice"#), "{text}");
        }
        assert!(read(br#"{"a": {"a": 1}, "b": {"a": 2}}"#).is_ok());
        let long = "n".repeat(10_000);
        assert!(refused(&format!(r#"{{"{long}": 1, "{long}": 2}}"#)).len() < 200);
    }
}
