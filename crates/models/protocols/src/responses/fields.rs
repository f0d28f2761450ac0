//! Takes a request's fields out one by one; what is left was not understood.

use serde_json::{Map, Value};

use crate::error::Wrong;
use crate::json::take;

pub(super) fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Wrong> {
    match take(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Wrong::field(name, "must be text")),
    }
}

pub(super) fn list(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, Wrong> {
    match take(fields, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(Wrong::field(name, "must be a list")),
    }
}

pub(super) fn object(fields: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, Wrong> {
    match take(fields, name) {
        None => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Wrong::field(name, "must be an object")),
    }
}

pub(super) fn flag(fields: &mut Map<String, Value>, name: &str) -> Result<Option<bool>, Wrong> {
    let wrong = || Wrong::field(name, "must be true or false");
    take(fields, name).map(|value| value.as_bool().ok_or_else(wrong)).transpose()
}

pub(super) fn whole(fields: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, Wrong> {
    let wrong = || Wrong::field(name, "must be a whole number that is not negative");
    take(fields, name).map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

pub(super) fn number(fields: &mut Map<String, Value>, name: &str) -> Result<Option<f64>, Wrong> {
    let wrong = || Wrong::field(name, "must be a number");
    take(fields, name).map(|value| value.as_f64().ok_or_else(wrong)).transpose()
}
