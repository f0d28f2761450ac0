//! Short words for looking into JSON that may hold anything.

use serde_json::{Map, Value};

/// Looks up fields without failing.
pub(crate) trait Look {
    /// The text of a field; `None` when it is absent, null or no text.
    fn text(&self, name: &str) -> Option<&str>;
    /// The text of a field, copied; empty when there is none.
    fn string(&self, name: &str) -> String;
    /// A whole number that is not negative. Floats without a fraction count: some providers write `12.0`.
    fn count(&self, name: &str) -> u64;
    /// The elements of a field; none when it is no list.
    fn list(&self, name: &str) -> &[Value];
}

impl Look for Value {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    fn string(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    fn count(&self, name: &str) -> u64 {
        self.get(name).map_or(0, count)
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the match guard")]
pub(crate) fn count(value: &Value) -> u64 {
    match value.as_u64() {
        Some(count) => count,
        None => match value.as_f64() {
            Some(number) if (0.0..9e15).contains(&number) => number as u64,
            _ => 0,
        },
    }
}

/// Sets a field when there is something to set.
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// Takes a field out that is of no use: absent and null are the same.
pub(crate) fn take(object: &mut Map<String, Value>, name: &str) -> Option<Value> {
    object.remove(name).filter(|value| !value.is_null())
}
