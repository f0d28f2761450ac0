//! Reads the lists in which providers name their models.

use serde_json::Value;

use crate::kind::Kind;

/// The models that an answer to [`crate::Operation::Models`] names, in its order, as they are to be asked for. `None`
/// when the answer is no list.
#[must_use]
pub fn models_in(kind: Kind, answer: &Value) -> Option<Vec<String>> {
    let (list, name) = match kind {
        Kind::Ollama => ("models", "model"),
        Kind::Cohere | Kind::Gemini => ("models", "name"),
        Kind::Bedrock => ("modelSummaries", "modelId"),
        _ => ("data", "id"),
    };
    // Together lists without a frame; servers behind a proxy may speak OpenAI's form whatever their kind.
    let (list, name) = match (answer.as_array(), answer.get(list).and_then(Value::as_array)) {
        (Some(list), _) => (list, "id"),
        (None, Some(list)) => (list, name),
        (None, None) => (answer.get("data")?.as_array()?, "id"),
    };
    let ids = list.iter().filter_map(|model| {
        let id = model.get(name).or_else(|| model.get("name"))?.as_str()?;
        let id = if kind == Kind::Gemini { id.strip_prefix("models/").unwrap_or(id) } else { id };
        (!id.is_empty()).then(|| id.to_owned())
    });
    Some(ids.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_list_is_read() {
        for (kind, answer) in [
            (Kind::OpenAi, json!({"object": "list", "data": [{"id": "a"}, {"object": "model"}, {"id": "b"}]})),
            (Kind::Together, json!([{"id": "a", "name": "A"}, {"id": "b"}])),
            (Kind::Ollama, json!({"models": [{"name": "a", "model": "a"}, {"name": "b"}]})),
            (Kind::Ollama, json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})),
            (Kind::Cohere, json!({"models": [{"name": "a"}, {"name": "b"}], "next_page_token": ""})),
            (Kind::Gemini, json!({"models": [{"name": "models/a"}, {"name": "models/b", "displayName": "B"}]})),
            (Kind::Bedrock, json!({"modelSummaries": [{"modelId": "a"}, {"modelId": "b"}]})),
        ] {
            assert_eq!(models_in(kind, &answer).unwrap(), ["a", "b"], "{kind}");
        }
        assert_eq!(models_in(Kind::OpenAi, &json!({"data": []})), Some(Vec::new()));
        for answer in [json!({"error": "no"}), json!(null), json!({"data": 3}), json!("x")] {
            assert_eq!(models_in(Kind::OpenAi, &answer), None);
        }
    }
}
