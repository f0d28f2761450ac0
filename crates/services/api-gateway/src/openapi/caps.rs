//! Writes the table of caps into the description: how many items each list of a request may have.
//!
//! The table is held by the names of fields, wherever they are; so it is written where a request can have them, and not
//! into what is only answered.

use std::collections::BTreeSet;

use septet_chassis::http::caps::CAPS;
use serde_json::{Map, Value};

use super::METHODS;

const REFERENCE: &str = "#/components/schemas/";

/// The table, for people.
pub(super) fn sentence() -> String {
    let lists: Vec<String> = CAPS.lists.iter().map(|(name, most)| format!("{name} {most}")).collect();
    format!(
        "A JSON body is refused with the code body_too_complex, while it is read, when it has more than {} lists and \
         objects inside one another, an object with more than {} fields, a name longer than {} bytes, a list of more \
         than {} items ({} when they are numbers), or a list of one of these names with more than so many: {}. Its \
         values may take {} times its bytes in memory after the first {} MiB.",
        CAPS.depth,
        CAPS.fields,
        CAPS.name_bytes,
        CAPS.items,
        CAPS.numbers,
        lists.join(", "),
        CAPS.growth,
        CAPS.free_bytes >> 20,
    )
}

/// Writes `maxItems` and `maxProperties` into everything that a request may hold.
pub(super) fn write(api: &mut Value) {
    let mut bodies = Vec::new();
    for operation in operations(api) {
        let Some(content) = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut) else {
            continue;
        };
        for media in content.values_mut() {
            if let Some(schema) = media.get_mut("schema") {
                bound(schema, "", &mut bodies);
            }
        }
    }
    let mut seen = BTreeSet::new();
    while let Some((component, name)) = bodies.pop() {
        if !seen.insert((component.clone(), name.clone())) {
            continue;
        }
        if let Some(schema) = api.pointer_mut(&format!("/components/schemas/{component}")) {
            bound(schema, &name, &mut bodies);
        }
    }
}

fn operations(api: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = api.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    let methods = paths.filter_map(Value::as_object_mut).flat_map(Map::iter_mut);
    methods.filter(|(method, _)| METHODS.contains(&method.as_str())).map(|(_, operation)| operation)
}

/// Bounds a schema that stands under `name`; adds the components that it names.
fn bound(schema: &mut Value, name: &str, components: &mut Vec<(String, String)>) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(component) = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(REFERENCE)) {
        components.push((component.to_owned(), name.to_owned()));
    }
    if is(schema, "array") {
        schema.entry("maxItems").or_insert_with(|| CAPS.list(name.as_bytes()).into());
    }
    if is(schema, "object") && schema.contains_key("additionalProperties") {
        schema.entry("maxProperties").or_insert_with(|| CAPS.fields.into());
    }
    for (key, inner) in schema.iter_mut() {
        match (key.as_str(), inner) {
            ("items" | "additionalProperties", inner) => bound(inner, name, components),
            ("properties", Value::Object(properties)) => {
                properties.iter_mut().for_each(|(name, property)| bound(property, name, components));
            }
            ("oneOf" | "anyOf" | "allOf" | "prefixItems", Value::Array(choices)) => {
                choices.iter_mut().for_each(|choice| bound(choice, name, components));
            }
            _ => {}
        }
    }
}

fn is(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_requests_say_how_long_they_may_be() {
        let api: Value = serde_json::from_str(&crate::openapi()).unwrap();
        let text = |pointer: &str| api.pointer(pointer).cloned().unwrap_or_default();

        assert_eq!(text("/components/schemas/CreateResponse/properties/tools/maxItems"), 256);
        assert_eq!(text("/components/schemas/ChatRequest/properties/messages/maxItems"), 2048);
        let input = text("/components/schemas/EmbeddingInput").to_string();
        assert!(input.contains("\"maxItems\":2048"), "{input}");
        assert!(api["info"]["description"].as_str().unwrap().contains("messages 2048"));
        let list = text("/components/schemas/ModelList").to_string();
        assert!(!list.contains("maxItems"), "what is only answered has no cap: {list}");
    }
}
