//! Embeddings and ranks, compared by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use septet_protocols::{Context, embeddings, rerank};
use serde_json::{Value, json};

use crate::fold::list;
use crate::said::number;

/// Reads vectors, writes them for a client and compares.
pub(crate) fn embedded(api: embeddings::Api, body: &Value) -> Vec<String> {
    let answer = match embeddings::decode_answer(api, body) {
        Ok(answer) => answer,
        Err(error) => return vec![error.to_string()],
    };
    let got = embeddings::encode_answer(&answer, false, &Context::default());
    let mut wanted: Vec<Value> = Vec::new();
    numbers(body, &mut wanted);
    let vectors: Vec<Value> = list(&got, "data").iter().map(|item| item["embedding"].clone()).collect();
    let mut found = Vec::new();
    if vectors != wanted {
        found.push(format!("{} vectors became {}, or their numbers differ", wanted.len(), vectors.len()));
    }
    let counts = list(body, "predictions").iter().map(|one| number(&one["embeddings"]["statistics"], "token_count"));
    let usage = body.get("usage").unwrap_or(&Value::Null);
    let meta = body.pointer("/meta/billed_units").unwrap_or(&Value::Null);
    let read = [
        counts.sum(),
        number(usage, "prompt_tokens"),
        number(usage, "total_tokens"),
        number(meta, "input_tokens"),
        number(body, "prompt_eval_count"),
        number(body, "inputTextTokenCount"),
        number(&body["usageMetadata"], "promptTokenCount"),
    ];
    let read = read.into_iter().find(|count| *count > 0).unwrap_or(0);
    if got["usage"]["prompt_tokens"] != read {
        found.push(format!("usage: {read} became {}", got["usage"]));
    }
    found
}

/// Every list of numbers, in order.
fn numbers(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_number) => into.push(value.clone()),
        Value::Array(items) => items.iter().for_each(|item| numbers(item, into)),
        Value::Object(fields) => {
            if let Some(bytes) =
                fields.get("embedding").and_then(Value::as_str).map(|text| STANDARD.decode(text).unwrap())
            {
                let float = |four: &[u8]| f64::from(f32::from_le_bytes(four.try_into().unwrap()));
                into.push(bytes.chunks(4).map(float).collect());
            }
            // Titan says its one vector again by its type.
            let again = |name: &str| name == "embeddingsByType" && fields.contains_key("embedding");
            fields.iter().filter(|(name, _)| !again(name)).for_each(|(_, item)| numbers(item, into));
        }
        _ => {}
    }
}

/// Reads ranks, writes them for a client and compares.
pub(crate) fn ranked(api: rerank::Api, body: &Value) -> Vec<String> {
    let answer = match rerank::decode_answer(api, body) {
        Ok(answer) => answer,
        Err(error) => return vec![error.to_string()],
    };
    let request = json!({"query": "q", "documents": ["a", "b", "c", "d"]});
    let got = rerank::encode_answer(&answer, &rerank::decode_request(&request).unwrap(), &Context::default());
    let ranks = |body: &Value, name: &str| -> Vec<Value> {
        let rank = |rank: &Value| json!([rank["index"], rank.get("relevance_score").or_else(|| rank.get("score"))]);
        list(body, name).iter().map(rank).collect()
    };
    let name = if body.get("results").is_some() { "results" } else { "data" };
    let mut found = Vec::new();
    if ranks(body, name) != ranks(&got, "results") {
        found.push(format!("ranks: {:?} became {:?}", ranks(body, name), ranks(&got, "results")));
    }
    let (total, units) = (&body["usage"]["total_tokens"], body.pointer("/meta/billed_units/search_units"));
    if *total != got["usage"]["total_tokens"] || units != got.pointer("/meta/billed_units/search_units") {
        found.push(format!("usage: {total} became {}", got["usage"]));
    }
    found
}
