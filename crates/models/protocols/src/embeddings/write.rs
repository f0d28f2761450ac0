//! Requests to providers, and the answer to the client.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::{Answer, Api, Input, Purpose, Request};
use crate::codec::{Context, Encoded};
use crate::error::Wrong;
use crate::json::put;

/// Writes a request as the calls that it needs, whose answers belong one after the other.
///
/// # Errors
/// When it holds token ids and the provider takes only texts.
pub fn request(request: &Request, api: Api) -> Result<Vec<Encoded>, Wrong> {
    let parts: Vec<Value> = match &request.input {
        Input::Texts(texts) => texts.chunks(api.most_texts()).map(|texts| json!(texts)).collect(),
        Input::Tokens(lists) if api == Api::OpenAi => {
            lists.chunks(api.most_texts()).map(|lists| json!(lists)).collect()
        }
        Input::Tokens(_) => {
            let what = format!("holds token ids, which {:?} cannot be sent to; send texts", request.model);
            return Err(Wrong::field("input", what));
        }
    };
    Ok(parts.into_iter().map(|part| call(request, api, part)).collect())
}

fn call(request: &Request, api: Api, input: Value) -> Encoded {
    let mut body = Map::new();
    let mut dropped = Vec::new();
    let purpose = |words: fn(Purpose) -> &'static str| request.purpose.map(words);
    match api {
        Api::OpenAi => {
            body.insert("model".to_owned(), request.model.clone().into());
            body.insert("input".to_owned(), input);
            put(&mut body, "dimensions", request.dimensions);
            put(&mut body, "encoding_format", Some(if request.is_base64 { "base64" } else { "float" }));
            put(&mut body, "user", request.user.clone());
            // Asked for by name only, since OpenAI itself refuses it; NVIDIA and others need it.
            put(&mut body, "input_type", purpose(voyage));
            body.extend(request.extra.clone());
        }
        Api::Voyage | Api::Mistral => {
            body.insert("model".to_owned(), request.model.clone().into());
            body.insert("input".to_owned(), input);
            put(&mut body, "output_dimension", request.dimensions);
            if api == Api::Voyage {
                put(&mut body, "input_type", purpose(voyage));
            }
            body.extend(request.extra.clone());
        }
        Api::Cohere | Api::BedrockCohere => {
            if api == Api::Cohere {
                body.insert("model".to_owned(), request.model.clone().into());
            }
            body.insert("texts".to_owned(), input);
            // Models since version 3 refuse to do without.
            body.insert("input_type".to_owned(), cohere(request.purpose.unwrap_or(Purpose::Document)).into());
            body.insert("embedding_types".to_owned(), json!(["float"]));
            put(&mut body, "output_dimension", request.dimensions);
            put(&mut body, "truncate", request.extra.get("truncate").cloned());
        }
        Api::Gemini => {
            let model = format!("models/{}", request.model.trim_start_matches("models/"));
            let one = |text: &Value| {
                let mut one = Map::new();
                one.insert("model".to_owned(), model.clone().into());
                one.insert("content".to_owned(), json!({"parts": [{"text": text}]}));
                put(&mut one, "taskType", purpose(google));
                put(&mut one, "outputDimensionality", request.dimensions);
                Value::from(one)
            };
            let texts = input.as_array().map_or(&[][..], Vec::as_slice);
            body.insert("requests".to_owned(), texts.iter().map(one).collect());
        }
        Api::Vertex => {
            let one = |text: &Value| {
                let mut one = Map::new();
                one.insert("content".to_owned(), text.clone());
                put(&mut one, "task_type", purpose(google));
                Value::from(one)
            };
            let texts = input.as_array().map_or(&[][..], Vec::as_slice);
            body.insert("instances".to_owned(), texts.iter().map(one).collect());
            if let Some(n) = request.dimensions {
                body.insert("parameters".to_owned(), json!({"outputDimensionality": n}));
            }
        }
        Api::Ollama => {
            body.insert("model".to_owned(), request.model.clone().into());
            body.insert("input".to_owned(), input);
            put(&mut body, "dimensions", request.dimensions);
            for name in ["truncate", "options", "keep_alive"] {
                put(&mut body, name, request.extra.get(name).cloned());
            }
        }
        Api::Titan => {
            body.insert("inputText".to_owned(), input.get(0).cloned().unwrap_or_default());
            put(&mut body, "dimensions", request.dimensions);
            put(&mut body, "normalize", request.extra.get("normalize").cloned());
        }
    }
    if request.purpose.is_some() && matches!(api, Api::Mistral | Api::Ollama | Api::Titan) {
        dropped.push("input_type".to_owned());
    }
    Encoded { body: body.into(), dropped }
}

fn voyage(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Query => "query",
        Purpose::Document => "document",
        Purpose::Classification => "classification",
        Purpose::Clustering => "clustering",
        Purpose::Similarity => "similarity",
    }
}

fn cohere(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Query => "search_query",
        Purpose::Document => "search_document",
        Purpose::Classification => "classification",
        Purpose::Clustering | Purpose::Similarity => "clustering",
    }
}

fn google(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Query => "RETRIEVAL_QUERY",
        Purpose::Document => "RETRIEVAL_DOCUMENT",
        Purpose::Classification => "CLASSIFICATION",
        Purpose::Clustering => "CLUSTERING",
        Purpose::Similarity => "SEMANTIC_SIMILARITY",
    }
}

/// Writes the answer in OpenAI's shape.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "base64 holds 32-bit floats, as the client asked")]
pub fn answer(answer: &Answer, is_base64: bool, context: &Context) -> Value {
    let vector = |vector: &[f64]| -> Value {
        if !is_base64 {
            return json!(vector);
        }
        let bytes: Vec<u8> = vector.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
        base64::engine::general_purpose::STANDARD.encode(bytes).into()
    };
    let item = |(index, numbers): (usize, &Vec<f64>)| json!({"object": "embedding", "index": index, "embedding": vector(numbers)});
    let data: Vec<Value> = answer.vectors.iter().enumerate().map(item).collect();
    let model = if answer.model.is_empty() { &context.model } else { &answer.model };
    let input = answer.usage.as_ref().map_or(0, |usage| usage.input);
    json!({"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": input, "total_tokens": input}})
}
