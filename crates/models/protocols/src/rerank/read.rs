//! A client's request, and what providers answer.

use serde_json::Value;

use super::{Answer, Api, Rank, Request};
use crate::chat;
use crate::error::{Unreadable, Wrong};
use crate::json::{Look, count, take};
use crate::usage::Usage;

/// Reads a request. Documents are texts or objects with a `text`.
///
/// # Errors
/// [`Wrong`] with the field that has the wrong form.
pub fn request(body: &Value) -> Result<Request, Wrong> {
    let mut fields = body.as_object().cloned().ok_or_else(|| Wrong::field("body", "must be an object"))?;
    let model = match take(&mut fields, "model") {
        None => String::new(),
        Some(Value::String(model)) => model,
        Some(_) => return Err(Wrong::field("model", "must be text")),
    };
    let query = match take(&mut fields, "query") {
        None => return Err(Wrong::field("query", "is missing")),
        Some(Value::String(query)) => query,
        Some(object) => object.text("text").ok_or_else(|| Wrong::field("query", "must be text"))?.to_owned(),
    };
    let documents = take(&mut fields, "documents").or_else(|| take(&mut fields, "texts"));
    let Some(Value::Array(list)) = documents else {
        return Err(Wrong::field("documents", "must be a list of texts"));
    };
    if list.is_empty() {
        return Err(Wrong::field("documents", "must not be empty"));
    }
    let document = |(at, value): (usize, &Value)| {
        let text = value.as_str().or_else(|| value.text("text"));
        text.map(str::to_owned).ok_or_else(|| Wrong::field(format!("documents[{at}]"), "must be text or have a text"))
    };
    let documents = list.iter().enumerate().map(document).collect::<Result<_, _>>()?;
    let positive = || Wrong::field("top_n", "must be a whole number above 0");
    let top_n = take(&mut fields, "top_n").or_else(|| take(&mut fields, "top_k"));
    let top_n = top_n.map(|value| value.as_u64().filter(|n| *n > 0).ok_or_else(positive)).transpose()?;
    let wants_documents = match take(&mut fields, "return_documents") {
        None => false,
        Some(Value::Bool(wants)) => wants,
        Some(_) => return Err(Wrong::field("return_documents", "must be true or false")),
    };
    Ok(Request { model, query, documents, top_n, wants_documents, extra: fields })
}

/// Reads a provider's answer.
///
/// # Errors
/// When it holds no ranks.
pub fn answer(api: Api, body: &Value) -> Result<Answer, Unreadable> {
    let list = match api {
        Api::Cohere | Api::Jina => body.get("results"),
        Api::Voyage => body.get("data").or_else(|| body.get("results")),
        Api::DashScope => body.pointer("/output/results"),
        Api::Texts => Some(body.get("results").unwrap_or(body)),
    };
    let rank = |value: &Value| {
        let index = usize::try_from(value.get("index")?.as_u64()?).ok()?;
        let score = value.get("relevance_score").or_else(|| value.get("score"))?.as_f64()?;
        Some(Rank { index, score })
    };
    let ranks = list.and_then(Value::as_array).and_then(|list| list.iter().map(rank).collect::<Option<Vec<_>>>());
    let mut ranks = ranks.ok_or_else(|| Unreadable::new("ranks", &body.to_string()))?;
    ranks.sort_by(|one, other| other.score.total_cmp(&one.score));
    let id = body.text("id").or_else(|| body.text("request_id")).unwrap_or_default().to_owned();
    let units = body.pointer("/meta/billed_units/search_units").map(count);
    Ok(Answer { id, model: body.string("model"), ranks, usage: usage(body), search_units: units })
}

fn usage(body: &Value) -> Option<Usage> {
    if let Some(usage) = body.get("usage").and_then(chat::decode_usage) {
        return Some(usage);
    }
    let meta = body.get("meta")?;
    let figures = meta.get("tokens").or_else(|| meta.get("billed_units"))?;
    let said = figures.get("input_tokens").or_else(|| figures.get("total_tokens"))?;
    Some(Usage { input: count(said), output: figures.count("output_tokens"), raw: meta.clone(), ..Usage::default() })
}
