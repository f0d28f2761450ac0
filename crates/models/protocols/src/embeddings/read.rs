//! A client's request, and what providers answer.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{Answer, Api, Input, Purpose, Request};
use crate::chat;
use crate::error::{Unreadable, Wrong};
use crate::json::{Look, take};
use crate::usage::Usage;

/// Reads a request in OpenAI's shape.
///
/// # Errors
/// [`Wrong`] with the field that has the wrong form.
pub fn request(body: &Value) -> Result<Request, Wrong> {
    let mut fields = body.as_object().cloned().ok_or_else(|| Wrong::field("body", "must be an object"))?;
    let text = |fields: &mut Map<String, Value>, name: &str| match take(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Wrong::field(name, "must be text")),
    };
    let model = text(&mut fields, "model")?.unwrap_or_default();
    let input = take(&mut fields, "input").ok_or_else(|| Wrong::field("input", "is missing"))?;
    let input = self::input(input)?;
    let positive = || Wrong::field("dimensions", "must be a whole number above 0");
    let dimensions = take(&mut fields, "dimensions").or_else(|| take(&mut fields, "output_dimension"));
    let dimensions = dimensions.map(|value| value.as_u64().filter(|n| *n > 0).ok_or_else(positive)).transpose()?;
    let is_base64 = match text(&mut fields, "encoding_format")?.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(Wrong::field("encoding_format", "must be float or base64")),
    };
    let purpose = purpose(&mut fields)?;
    let user = text(&mut fields, "user")?;
    Ok(Request { model, input, dimensions, is_base64, purpose, user, extra: fields })
}

/// Voyage's, Cohere's and Google's words.
fn purpose(fields: &mut Map<String, Value>) -> Result<Option<Purpose>, Wrong> {
    for name in ["input_type", "task_type", "taskType"] {
        let Some(word) = take(fields, name) else { continue };
        let lower = word.as_str().unwrap_or_default().to_lowercase();
        return match lower.as_str() {
            "query" | "search_query" | "retrieval_query" => Ok(Some(Purpose::Query)),
            "document" | "passage" | "search_document" | "retrieval_document" => Ok(Some(Purpose::Document)),
            "classification" => Ok(Some(Purpose::Classification)),
            "clustering" => Ok(Some(Purpose::Clustering)),
            "semantic_similarity" | "similarity" => Ok(Some(Purpose::Similarity)),
            _ => Err(Wrong::field(name, "must be query, document, classification, clustering or similarity")),
        };
    }
    Ok(None)
}

fn input(input: Value) -> Result<Input, Wrong> {
    let what = "must be text, a list of texts, a list of token ids or a list of such lists";
    let tokens = |param: &str, ids: &[Value]| -> Result<Vec<u64>, Wrong> {
        let id = |id: &Value| id.as_u64().ok_or_else(|| Wrong::field(param, "must hold token ids only"));
        ids.iter().map(id).collect()
    };
    let list = match input {
        Value::String(text) => return Ok(Input::Texts(vec![text])),
        Value::Array(list) => list,
        _ => return Err(Wrong::field("input", what)),
    };
    match list.first() {
        None => Err(Wrong::field("input", "must not be empty")),
        Some(Value::String(_)) => {
            let text = |(at, value): (usize, Value)| match value {
                Value::String(text) => Ok(text),
                _ => Err(Wrong::field(format!("input[{at}]"), "must be text like the first")),
            };
            Ok(Input::Texts(list.into_iter().enumerate().map(text).collect::<Result<_, _>>()?))
        }
        Some(Value::Number(_)) => Ok(Input::Tokens(vec![tokens("input", &list)?])),
        Some(Value::Array(_)) => {
            let one = |(at, value): (usize, &Value)| {
                let param = format!("input[{at}]");
                let ids = value.as_array().filter(|ids| !ids.is_empty());
                tokens(&param, ids.ok_or_else(|| Wrong::field(&param, "must be a list of token ids"))?)
            };
            Ok(Input::Tokens(list.iter().enumerate().map(one).collect::<Result<_, _>>()?))
        }
        Some(_) => Err(Wrong::field("input", what)),
    }
}

/// Reads a provider's answer.
///
/// # Errors
/// When it holds no vectors, or something else in their place.
pub fn answer(api: Api, body: &Value) -> Result<Answer, Unreadable> {
    let lost = || Unreadable::new("embeddings", &body.to_string());
    let vectors = match api {
        Api::OpenAi | Api::Voyage | Api::Mistral => indexed(body.list("data")),
        Api::Cohere | Api::BedrockCohere => {
            let said = body.get("embeddings").ok_or_else(lost)?;
            // By type since v2, a plain list before.
            let list = said.get("float").or_else(|| said.get("float_")).unwrap_or(said);
            list.as_array().and_then(|list| list.iter().map(numbers).collect())
        }
        Api::Gemini => {
            let one = body.get("embedding").into_iter();
            body.list("embeddings").iter().chain(one).map(|one| numbers(one.get("values")?)).collect()
        }
        Api::Vertex => {
            let values = |one: &Value| numbers(one.pointer("/embeddings/values")?);
            body.list("predictions").iter().map(values).collect()
        }
        Api::Ollama => {
            let one = body.get("embedding").into_iter();
            body.list("embeddings").iter().chain(one).map(numbers).collect()
        }
        Api::Titan => {
            let by_type = body.pointer("/embeddingsByType/float");
            body.get("embedding").or(by_type).into_iter().map(numbers).collect::<Option<Vec<_>>>()
        }
    };
    let vectors = vectors.filter(|vectors: &Vec<Vec<f64>>| !vectors.is_empty()).ok_or_else(lost)?;
    Ok(Answer { model: body.string("model"), vectors, usage: usage(api, body) })
}

/// Sorted by `index`, since nobody promises an order.
fn indexed(data: &[Value]) -> Option<Vec<Vec<f64>>> {
    let place = |(at, item): (usize, &Value)| {
        let index = item.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok());
        Some((index.unwrap_or(at), numbers(item.get("embedding")?)?))
    };
    let mut found: Vec<(usize, Vec<f64>)> = data.iter().enumerate().map(place).collect::<Option<_>>()?;
    found.sort_by_key(|(index, _)| *index);
    Some(found.into_iter().map(|(_, vector)| vector).collect())
}

/// A list of numbers, or 32-bit floats in base64.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(list) => list.iter().map(Value::as_f64).collect(),
        Value::String(text) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
            let (floats, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| floats.iter().map(|float| f64::from(f32::from_le_bytes(*float))).collect())
        }
        _ => None,
    }
}

fn usage(api: Api, body: &Value) -> Option<Usage> {
    let read = |input: u64, raw: Value| Some(Usage { input, raw, ..Usage::default() });
    match api {
        Api::OpenAi | Api::Voyage | Api::Mistral => chat::decode_usage(body.get("usage")?),
        Api::Cohere | Api::BedrockCohere => {
            let meta = body.get("meta")?;
            let said = meta.get("tokens").filter(|tokens| tokens.get("input_tokens").is_some());
            let figures = said.or_else(|| meta.get("billed_units"))?;
            read(figures.count("input_tokens"), meta.clone())
        }
        Api::Gemini => {
            let said = body.get("usageMetadata")?;
            read(said.count("promptTokenCount"), said.clone())
        }
        Api::Vertex => {
            let count = |one: &Value| one.pointer("/embeddings/statistics").map(|figures| figures.count("token_count"));
            let counts: Vec<u64> = body.list("predictions").iter().filter_map(count).collect();
            let input = counts.iter().sum();
            if counts.is_empty() { None } else { read(input, body.get("metadata").cloned().unwrap_or_default()) }
        }
        Api::Ollama => {
            let said = body.get("prompt_eval_count")?;
            read(body.count("prompt_eval_count"), serde_json::json!({ "prompt_eval_count": said }))
        }
        Api::Titan => {
            let said = body.get("inputTextTokenCount")?;
            read(body.count("inputTextTokenCount"), serde_json::json!({ "inputTextTokenCount": said }))
        }
    }
}
