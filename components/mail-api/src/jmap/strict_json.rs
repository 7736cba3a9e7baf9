//! I-JSON (RFC 7493) with bounds: what is too deep or has too many values is refused before it is in memory, and so are
//! objects that have a member twice.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::limits::{JSON_DEPTH_MAX, JSON_VALUES_MAX};

/// Why bytes were not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// They are not I-JSON; the text says where.
    NotJson(String),
    /// Arrays and objects are nested too deep.
    TooDeep,
    /// There are too many values.
    TooManyValues,
}

/// Reads one JSON value.
///
/// # Errors
///
/// [`Unreadable`] says which.
pub fn read(bytes: &[u8]) -> Result<Value, Unreadable> {
    let bounds = Bounds {
        values_left: Cell::new(JSON_VALUES_MAX),
        too_deep: Cell::new(false),
    };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict {
        bounds: &bounds,
        depth: 0,
    };
    let read = seed.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    read.map_err(|error| {
        if bounds.too_deep.get() {
            Unreadable::TooDeep
        } else if bounds.values_left.get() == 0 {
            Unreadable::TooManyValues
        } else {
            Unreadable::NotJson(error.to_string())
        }
    })
}

struct Bounds {
    values_left: Cell<usize>,
    too_deep: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Strict<'b> {
    bounds: &'b Bounds,
    depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > JSON_DEPTH_MAX {
            self.bounds.too_deep.set(true);
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = self.bounds.values_left.get().saturating_sub(1);
        self.bounds.values_left.set(left);
        if left == 0 {
            return Err(D::Error::custom("too many values"));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let seed = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(seed)?;
            // RFC 7493 §2.3.
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("an object has a member twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_read_as_it_is() {
        let text = r#"{"a":[1,-2,3.5,true,false,null,"\u00e9"],"b":{}}"#;
        let value = json!({"a": [1, -2, 3.5, true, false, null, "é"], "b": {}});
        assert_eq!(read(text.as_bytes()), Ok(value));
    }

    #[test]
    fn what_is_not_i_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{} {}",
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#""\ud800""#,
            "nan",
        ] {
            assert!(
                matches!(read(text.as_bytes()), Err(Unreadable::NotJson(_))),
                "{text}"
            );
        }
        assert!(matches!(read(b"\"\xff\""), Err(Unreadable::NotJson(_))));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(JSON_DEPTH_MAX).as_bytes()).is_ok());
        for depth in [JSON_DEPTH_MAX + 1, 128, 129, 100_000] {
            assert_eq!(read(nested(depth).as_bytes()), Err(Unreadable::TooDeep));
        }
        let objects = r#"{"a":"#.repeat(100_000);
        assert_eq!(read(objects.as_bytes()), Err(Unreadable::TooDeep));
    }

    #[test]
    fn values_are_bounded() {
        let array = |values: usize| format!("[{}0]", "0,".repeat(values - 1));
        assert!(read(array(JSON_VALUES_MAX - 2).as_bytes()).is_ok());
        assert_eq!(
            read(array(JSON_VALUES_MAX).as_bytes()),
            Err(Unreadable::TooManyValues)
        );
    }
}
