//! JSON schemas for providers that take less than all of JSON Schema.

use serde_json::{Map, Value, json};

// Anthropic and Bedrock refuse these where they enforce a schema. (`minItems` is taken up to 1.)
const REFUSED: [&str; 15] = [
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
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "if",
];

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
pub(crate) fn narrow(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    let (mut narrowed, mut told) = (Map::new(), Vec::new());
    for (name, value) in object {
        let is_list_of_some = name == "minItems" && value.as_u64().is_some_and(|least| least > 1);
        if REFUSED.contains(&name.as_str()) || is_list_of_some {
            told.push(format!("{name}: {value}"));
            continue;
        }
        let value = match name.as_str() {
            "properties" | "$defs" | "definitions" => each(value),
            "items" | "additionalItems" => narrow(value),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => match value.as_array() {
                Some(schemas) => Value::Array(schemas.iter().map(narrow).collect()),
                None => value.clone(),
            },
            _ => value.clone(),
        };
        // Of several forms one fits: that only one does cannot be enforced.
        let name = if name == "oneOf" && !object.contains_key("anyOf") { "anyOf" } else { name };
        narrowed.insert(name.to_owned(), value);
    }
    let kind = object.get("type");
    let is_object = kind
        .is_some_and(|kind| kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("object"))));
    if is_object || object.contains_key("properties") {
        narrowed.insert("additionalProperties".to_owned(), json!(false));
    }
    if !told.is_empty() {
        let told = format!("({})", told.join(", "));
        let description = object.get("description").and_then(Value::as_str);
        let description = description.map_or_else(|| told.clone(), |text| format!("{text} {told}"));
        narrowed.insert("description".to_owned(), json!(description));
    }
    Value::Object(narrowed)
}

fn each(schemas: &Value) -> Value {
    match schemas.as_object() {
        Some(schemas) => schemas.iter().map(|(name, schema)| (name.clone(), narrow(schema))).collect(),
        None => schemas.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_and_limits_are_told() {
        let schema = json!({"type": "object", "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "Years"},
            "minimum": {"type": "array", "minItems": 3, "items": {"oneOf": [{"type": "string"}, {"type": ["object", "null"]}]}},
        }});
        let expected = json!({"type": "object", "additionalProperties": false, "properties": {
            "age": {"type": "integer", "description": "Years (minimum: 0)"},
            "minimum": {"type": "array", "description": "(minItems: 3)",
                "items": {"anyOf": [{"type": "string"}, {"type": ["object", "null"], "additionalProperties": false}]}},
        }});
        assert_eq!(narrow(&schema), expected);
        assert_eq!(narrow(&expected), expected);
    }
}
