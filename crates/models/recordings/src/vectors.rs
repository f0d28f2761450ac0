//! What answers with vectors and ranks say, found by hand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fold::list;
use crate::said::number;

/// Every vector in an answer, in order.
#[must_use]
pub fn vectors(body: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    numbers(body, &mut found);
    found
}

/// How many tokens were read for them; 0 when it is not said.
#[must_use]
pub fn read(body: &Value) -> u64 {
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
    read.into_iter().find(|count| *count > 0).unwrap_or(0)
}

/// What is wrong with the vectors that a client got for those of a provider.
#[must_use]
pub fn embedded(body: &Value, got: &Value) -> Vec<String> {
    let wanted = vectors(body);
    let vectors = vectors(got);
    let mut found = Vec::new();
    if vectors != wanted {
        found.push(format!("{} vectors became {}, or their numbers differ", wanted.len(), vectors.len()));
    }
    if got["usage"]["prompt_tokens"] != read(body) {
        found.push(format!("usage: {} became {}", read(body), got["usage"]));
    }
    found
}

/// What is wrong with the ranks that a client got for those of a provider.
#[must_use]
pub fn ranked(body: &Value, got: &Value) -> Vec<String> {
    let ranks = |body: &Value, name: &str| -> Vec<Value> {
        let rank = |rank: &Value| json!([rank["index"], rank.get("relevance_score").or_else(|| rank.get("score"))]);
        list(body, name).iter().map(rank).collect()
    };
    let name = if body.get("results").is_some() { "results" } else { "data" };
    let mut found = Vec::new();
    if ranks(body, name) != ranks(got, "results") {
        found.push(format!("ranks: {:?} became {:?}", ranks(body, name), ranks(got, "results")));
    }
    let (total, units) = (&body["usage"]["total_tokens"], body.pointer("/meta/billed_units/search_units"));
    if *total != got["usage"]["total_tokens"] || units != got.pointer("/meta/billed_units/search_units") {
        found.push(format!("usage: {total} became {}", got["usage"]));
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
