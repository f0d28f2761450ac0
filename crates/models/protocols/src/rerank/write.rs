//! Requests to providers, and the answer to the client.

use serde_json::{Map, Value, json};

use super::{Answer, Api, Rank, Request};
use crate::codec::{Context, Encoded};
use crate::json::put;

/// Writes a request. Nobody is asked to send the documents back.
#[must_use]
pub fn request(request: &Request, api: Api) -> Encoded {
    let mut body = Map::new();
    let mut dropped = Vec::new();
    match api {
        Api::Cohere | Api::Jina | Api::Voyage => {
            body.insert("model".to_owned(), request.model.clone().into());
            body.insert("query".to_owned(), request.query.clone().into());
            body.insert("documents".to_owned(), json!(request.documents));
            put(&mut body, if api == Api::Voyage { "top_k" } else { "top_n" }, request.top_n);
            body.extend(request.extra.clone());
        }
        Api::DashScope => {
            body.insert("model".to_owned(), request.model.clone().into());
            body.insert("input".to_owned(), json!({"query": request.query, "documents": request.documents}));
            let mut parameters = request.extra.clone();
            put(&mut parameters, "top_n", request.top_n);
            put(&mut parameters, "return_documents", Some(false));
            body.insert("parameters".to_owned(), parameters.into());
        }
        Api::Texts => {
            body.insert("query".to_owned(), request.query.clone().into());
            body.insert("texts".to_owned(), json!(request.documents));
            // The server refuses longer ones otherwise; all others cut them.
            let truncate = request.extra.get("truncate").cloned().unwrap_or(Value::Bool(true));
            body.insert("truncate".to_owned(), truncate);
            put(&mut body, "raw_scores", request.extra.get("raw_scores").cloned());
            let known = ["truncate", "raw_scores"];
            dropped.extend(request.extra.keys().filter(|name| !known.contains(&name.as_str())).cloned());
        }
    }
    Encoded { body: body.into(), dropped }
}

/// Writes the answer with what clients of Jina (`usage`) and of Cohere (`meta`) look for, best first and no more than
/// was asked for.
#[must_use]
pub fn answer(answer: &Answer, request: &Request, context: &Context) -> Value {
    let most = request.top_n.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let rank = |rank: &Rank| {
        let mut object = Map::new();
        object.insert("index".to_owned(), rank.index.into());
        object.insert("relevance_score".to_owned(), rank.score.into());
        let text = request.documents.get(rank.index).filter(|_| request.wants_documents);
        put(&mut object, "document", text.map(|text| json!({ "text": text })));
        Value::from(object)
    };
    let results: Vec<Value> = answer.ranks.iter().take(most).map(rank).collect();
    let id = if answer.id.is_empty() { &context.id } else { &answer.id };
    let model = if answer.model.is_empty() { &context.model } else { &answer.model };
    let mut billed = Map::new();
    put(&mut billed, "search_units", answer.search_units);
    let mut body = json!({"id": id, "object": "list", "model": model, "results": results,
        "meta": {"api_version": {"version": "2"}, "billed_units": billed}});
    if let Some(usage) = &answer.usage {
        body["usage"] = json!({"prompt_tokens": usage.input, "total_tokens": usage.total()});
    }
    body
}
