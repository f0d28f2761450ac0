//! JSON schemas for providers that take less than all of JSON Schema.

use serde_json::{Map, Value, json};

// Anthropic and Bedrock refuse these where they enforce a schema. (`minItems` is taken up to 1.)
const REFUSED: [&str; 22] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "then",
    "else",
    "not",
];

// Of `format`, these are enforced.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// The schema of arguments that are none.
pub(crate) fn nothing() -> Value {
    json!({"type": "object", "properties": {}})
}

/// A schema for arguments, which are always an object.
pub(crate) fn of_object(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut()
        && !object.contains_key("type")
    {
        object.insert("type".to_owned(), json!("object"));
    }
    schema
}

/// A schema that can be enforced: objects are closed, and limits that cannot be are told to the model in the description.
/// `None` when an object takes fields of any name: closed, it would stay empty.
pub(crate) fn narrow(schema: &Value) -> Option<Value> {
    let Some(object) = schema.as_object() else { return Some(schema.clone()) };
    let (mut narrowed, mut told) = (Map::new(), Vec::new());
    for (name, value) in object {
        if is_refused(name, value) {
            told.push(format!("{name}: {value}"));
            continue;
        }
        let value = match (name.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => {
                let each = schemas.iter().map(|(name, schema)| Some((name.clone(), narrow(schema)?)));
                Value::Object(each.collect::<Option<_>>()?)
            }
            ("items" | "additionalItems", schema) => narrow(schema)?,
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                Value::Array(schemas.iter().map(narrow).collect::<Option<_>>()?)
            }
            (_, value) => value.clone(),
        };
        // `oneOf` becomes `anyOf`: that exactly one matches cannot be enforced.
        let name = if name == "oneOf" && !object.contains_key("anyOf") { "anyOf" } else { name };
        narrowed.insert(name.to_owned(), value);
    }
    let is_object = match object.get("type") {
        Some(Value::Array(kinds)) => kinds.contains(&json!("object")),
        kind => kind.is_some_and(|kind| kind == "object"),
    };
    if is_object || object.contains_key("properties") {
        if !object.contains_key("properties") && object.get("additionalProperties") != Some(&json!(false)) {
            return None;
        }
        narrowed.insert("additionalProperties".to_owned(), json!(false));
    }
    if !told.is_empty() {
        let told = format!("({})", told.join(", "));
        let description = object.get("description").and_then(Value::as_str);
        let description = description.map_or_else(|| told.clone(), |text| format!("{text} {told}"));
        narrowed.insert("description".to_owned(), json!(description));
    }
    Some(Value::Object(narrowed))
}

fn is_refused(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("minItems", least) => least.as_u64().is_some_and(|least| least > 1),
        ("format", Value::String(format)) => !FORMATS.contains(&format.as_str()),
        // Lookaround, word boundaries and backreferences.
        ("pattern", Value::String(pattern)) => ["(?", "\\b", "\\1"].iter().any(|hard| pattern.contains(hard)),
        _ => REFUSED.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_and_limits_are_told() {
        let schema = json!({"type": "object", "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "Years"},
            "minimum": {"type": "array", "minItems": 3, "items": {"oneOf": [{"type": "string"}, {"type": ["object", "null"], "properties": {}}]}},
            "mail": {"type": "string", "format": "email", "pattern": "^.+$"},
            "word": {"type": "string", "format": "word", "pattern": "(?=a)"},
        }});
        let expected = json!({"type": "object", "additionalProperties": false, "properties": {
            "age": {"type": "integer", "description": "Years (minimum: 0)"},
            "minimum": {"type": "array", "description": "(minItems: 3)",
                "items": {"anyOf": [{"type": "string"}, {"type": ["object", "null"], "properties": {}, "additionalProperties": false}]}},
            "mail": {"type": "string", "format": "email", "pattern": "^.+$"},
            "word": {"type": "string", "description": "(format: \"word\", pattern: \"(?=a)\")"},
        }});
        assert_eq!(narrow(&schema).as_ref(), Some(&expected));
        assert_eq!(narrow(&expected), Some(expected));
    }

    #[test]
    fn objects_with_fields_of_any_name_cannot_be_closed() {
        let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
        assert_eq!(narrow(&map), None);
        assert_eq!(narrow(&json!({"type": "object", "properties": {"counts": map}})), None);
        assert_eq!(narrow(&json!({"type": "array", "items": {"type": "object"}})), None);
    }
}
