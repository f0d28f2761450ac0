//! A value of JSON, opened by one level. What is in it stays as it is written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(super) enum Value<'a> {
    /// Also an empty list and an empty object.
    Scalar(Cow<'a, str>),
    Array(Vec<&'a RawValue>),
    /// In the order of the file; a key that stands there twice is there twice.
    Object(Vec<(Cow<'a, str>, &'a RawValue)>),
}

/// Opens a value.
pub(super) fn open(raw: &RawValue) -> Value<'_> {
    let text = raw.get();
    let opened = match text.as_bytes().first() {
        Some(b'[') => serde_json::from_str(text).ok().map(Value::Array),
        Some(b'{') => serde_json::from_str::<Entries<'_>>(text).ok().map(|entries| Value::Object(entries.0)),
        Some(_) | None => None,
    };
    match opened {
        Some(Value::Array(items)) if items.is_empty() => Value::Scalar("[]".into()),
        Some(Value::Object(entries)) if entries.is_empty() => Value::Scalar("{}".into()),
        Some(value) => value,
        None => Value::Scalar(scalar(raw)),
    }
}

/// Whether there is nothing in it to open.
pub(super) fn is_plain(raw: &RawValue) -> bool {
    match raw.get().as_bytes() {
        [b'[' | b'{', inside @ .., _] => inside.iter().all(u8::is_ascii_whitespace),
        _ => true,
    }
}

/// The text of a string; anything else as it is written.
pub(super) fn scalar(raw: &RawValue) -> Cow<'_, str> {
    let text = raw.get();
    let Some(inside) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.into() };
    if !inside.contains('\\') {
        return inside.into();
    }
    // Half of a pair of surrogates is no character, yet programs write it.
    serde_json::from_str::<String>(text).map_or(inside.into(), Cow::Owned)
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder).map(Self)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            entries.push((scalar(key), value));
        }
        Ok(entries)
    }
}
