//! OpenAI's filters over the attributes of files.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Error;

/// How deep filters may be nested.
const MAX_DEPTH: usize = 8;

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Compare { key: String, how: How, value: Value },
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
}

impl Filter {
    /// Reads a filter.
    pub(crate) fn parse(value: &Value) -> Result<Self, Error> {
        parse(value, 0)
    }

    /// Whether a file with these attributes passes. An attribute that is not there only passes `ne` and `nin`.
    pub(crate) fn passes(&self, attributes: &BTreeMap<String, Value>) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.passes(attributes)),
            Self::Or(filters) => filters.iter().any(|filter| filter.passes(attributes)),
            Self::Compare { key, how, value } => compare(attributes.get(key), *how, value),
        }
    }
}

fn refuse(detail: impl Into<String>) -> Error {
    Error::BadRequest { param: "filters", detail: detail.into() }
}

fn parse(value: &Value, depth: usize) -> Result<Filter, Error> {
    if depth > MAX_DEPTH {
        return Err(refuse(format!("filters are nested deeper than {MAX_DEPTH}")));
    }
    let kind = value
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| refuse("a filter needs a \"type\": eq, ne, gt, gte, lt, lte, in, nin, and, or"))?;
    if matches!(kind, "and" | "or") {
        let filters = value
            .get("filters")
            .and_then(Value::as_array)
            .ok_or_else(|| refuse(format!("a filter of type {kind} needs \"filters\", a list")))?;
        let filters = filters.iter().map(|filter| parse(filter, depth + 1)).collect::<Result<Vec<_>, _>>()?;
        return Ok(if kind == "and" { Filter::And(filters) } else { Filter::Or(filters) });
    }
    let how = match kind {
        "eq" => How::Eq,
        "ne" => How::Ne,
        "gt" => How::Gt,
        "gte" => How::Gte,
        "lt" => How::Lt,
        "lte" => How::Lte,
        "in" => How::In,
        "nin" => How::Nin,
        other => {
            return Err(refuse(format!(
                "{other:?} is no type of filter; use eq, ne, gt, gte, lt, lte, in, nin, and, or"
            )));
        }
    };
    let key = value.get("key").and_then(Value::as_str).ok_or_else(|| refuse("a comparison needs a \"key\""))?;
    let value = value.get("value").ok_or_else(|| refuse("a comparison needs a \"value\""))?;
    if matches!(how, How::In | How::Nin) && !value.is_array() {
        return Err(refuse("the value of in and nin is a list"));
    }
    Ok(Filter::Compare { key: key.to_owned(), how, value: value.clone() })
}

fn compare(found: Option<&Value>, how: How, wanted: &Value) -> bool {
    let is_in = |found: &Value| wanted.as_array().is_some_and(|list| list.iter().any(|one| same(found, one)));
    let order = |found: &Value| match (found, wanted) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) => a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match (how, found) {
        (How::Ne, None) | (How::Nin, None) => true,
        (_, None) => false,
        (How::Eq, Some(found)) => same(found, wanted),
        (How::Ne, Some(found)) => !same(found, wanted),
        (How::In, Some(found)) => is_in(found),
        (How::Nin, Some(found)) => !is_in(found),
        (How::Gt, Some(found)) => order(found).is_some_and(std::cmp::Ordering::is_gt),
        (How::Gte, Some(found)) => order(found).is_some_and(std::cmp::Ordering::is_ge),
        (How::Lt, Some(found)) => order(found).is_some_and(std::cmp::Ordering::is_lt),
        (How::Lte, Some(found)) => order(found).is_some_and(std::cmp::Ordering::is_le),
    }
}

/// 2024 and 2024.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON * a.abs().max(1.0),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_compare_numbers_and_texts_and_nest() {
        let attributes = BTreeMap::from([("year".to_owned(), json!(2024)), ("region".to_owned(), json!("cn"))]);
        let passes = |filter: Value| Filter::parse(&filter).unwrap().passes(&attributes);

        assert!(passes(json!({"type": "eq", "key": "year", "value": 2024.0})));
        assert!(passes(
            json!({"type": "and", "filters": [{"type": "gte", "key": "year", "value": 2020}, {"type": "in", "key": "region", "value": ["cn", "us"]}]})
        ));
        assert!(!passes(
            json!({"type": "or", "filters": [{"type": "lt", "key": "year", "value": 2020}, {"type": "eq", "key": "missing", "value": 1}]})
        ));
        assert!(passes(json!({"type": "ne", "key": "missing", "value": 1})));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for filter in [
            json!({}),
            json!({"type": "like", "key": "a", "value": "b"}),
            json!({"type": "in", "key": "a", "value": 1}),
            json!(7),
        ] {
            assert!(Filter::parse(&filter).is_err(), "{filter}");
        }
    }
}
