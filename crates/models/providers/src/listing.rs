//! Reads the lists in which providers name their models.

use serde_json::Value;

use crate::kind::ProviderKind;

/// The models that an answer to [`crate::Operation::Models`] names, in its order, as they are to be asked for. `None`
/// when the answer is no list.
#[must_use]
pub fn models_in(kind: ProviderKind, answer: &Value) -> Option<Vec<String>> {
    let (list, name) = match kind {
        ProviderKind::Ollama => ("models", "model"),
        ProviderKind::Cohere | ProviderKind::Gemini => ("models", "name"),
        ProviderKind::Bedrock => ("modelSummaries", "modelId"),
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
        let id = if kind == ProviderKind::Gemini { id.strip_prefix("models/").unwrap_or(id) } else { id };
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
            (ProviderKind::OpenAi, json!({"object": "list", "data": [{"id": "a"}, {"object": "model"}, {"id": "b"}]})),
            (ProviderKind::Together, json!([{"id": "a", "name": "A"}, {"id": "b"}])),
            (ProviderKind::Ollama, json!({"models": [{"name": "a", "model": "a"}, {"name": "b"}]})),
            (ProviderKind::Ollama, json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})),
            (ProviderKind::Cohere, json!({"models": [{"name": "a"}, {"name": "b"}], "next_page_token": ""})),
            (ProviderKind::Gemini, json!({"models": [{"name": "models/a"}, {"name": "models/b", "displayName": "B"}]})),
            (ProviderKind::Bedrock, json!({"modelSummaries": [{"modelId": "a"}, {"modelId": "b"}]})),
        ] {
            assert_eq!(models_in(kind, &answer).unwrap(), ["a", "b"], "{kind}");
        }
        assert_eq!(models_in(ProviderKind::OpenAi, &json!({"data": []})), Some(Vec::new()));
        for answer in [json!({"error": "no"}), json!(null), json!({"data": 3}), json!("x")] {
            assert_eq!(models_in(ProviderKind::OpenAi, &answer), None);
        }
    }
}
