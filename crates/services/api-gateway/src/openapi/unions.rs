//! Opens the unions that take members of unknown types.
//!
//! A variant `Other` that is read without a tag has no type of its own, and what it holds may look like another variant:
//! such a union is described as `anyOf` with an object of any kind at its end.

use serde_json::{Value, json};

/// Opens every union of the description that has a member for unknown types.
pub(super) fn open(api: &mut Value) {
    match api {
        Value::Object(object) => {
            object.values_mut().for_each(open);
            let is_open =
                object.get("oneOf").and_then(Value::as_array).is_some_and(|members| members.iter().any(is_other));
            if is_open && let Some(Value::Array(mut members)) = object.remove("oneOf") {
                for member in members.iter_mut().filter(|member| is_other(member)) {
                    *member = json!({
                        "type": "object",
                        "description": member["description"],
                        "additionalProperties": true,
                    });
                }
                object.insert("anyOf".to_owned(), Value::Array(members));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(open),
        _ => {}
    }
}

/// Whether a member is the variant `Other` under a tag that it does not have.
fn is_other(member: &Value) -> bool {
    let tag = member.pointer("/properties/type/enum/0").and_then(Value::as_str);
    matches!(tag, Some("other" | "Other"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_with_a_member_for_unknown_types_is_open() {
        let tagged = |tag: &str| json!({"properties": {"type": {"enum": [tag], "type": "string"}}, "description": "d"});
        let mut api = json!({"a": {"oneOf": [tagged("text"), tagged("other")]}, "b": {"oneOf": [tagged("text")]}});
        open(&mut api);
        let any = json!({"type": "object", "description": "d", "additionalProperties": true});
        assert_eq!(api, json!({"a": {"anyOf": [tagged("text"), any]}, "b": {"oneOf": [tagged("text")]}}));
    }
}
