//! Search, in OpenAI's shape and for agents.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use septet_chassis::http::{Json, Refusal};
use septet_contracts::knowledge::{
    Passage, PassageBox, PassageQuery, Passages, SearchContent, SearchHit, SearchPage, SearchRequest,
};
use septet_contracts::management::Permission;
use septet_kernel::{Caller, FileId};
use serde_json::{Value, json};

use super::id;
use crate::Error;
use crate::engine::{Engine, Question};
use crate::filter::Filter;
use crate::store::StoredChunk;

type Answer<T> = Result<Json<T>, Refusal<Error>>;

/// Questions in one search.
const MAX_QUERIES: usize = 16;
/// Characters of one question; more would be a document.
const MAX_QUERY_CHARS: usize = 8_000;

/// Searches one knowledge base, in OpenAI's shape.
pub(super) async fn in_store(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Path(store): Path<String>,
    Json(request): Json<SearchRequest>,
) -> Answer<SearchPage> {
    Permission::ReadKnowledge.check(&caller).map_err(Error::from)?;
    let queries = checked(request.query.into_list(), "query")?;
    let limit = request.max_num_results.unwrap_or(10);
    if !(1..=50).contains(&limit) {
        return Err(
            Error::BadRequest { param: "max_num_results", detail: "max_num_results is 1 to 50".to_owned() }.into()
        );
    }
    let filter = request.filters.as_ref().filter(|filter| !filter.is_null()).map(Filter::parse).transpose()?;
    let threshold = request
        .ranking_options
        .as_ref()
        .and_then(|options| options.get("score_threshold"))
        .and_then(Value::as_f64)
        .unwrap_or(0.0);
    let base = engine.knowledge_base(&caller, id(&store)?).await?;
    let attributes: BTreeMap<FileId, BTreeMap<String, Value>> =
        engine.store.of(caller.tenant).attributes(&[base.id]).await?.into_iter().collect();
    let files = filter.map(|filter| {
        attributes.iter().filter(|(_, attributes)| filter.passes(attributes)).map(|(file, _)| *file).collect::<Vec<_>>()
    });
    let question = Question { stores: vec![base.id], files, queries: queries.clone(), limit: limit as usize };
    let found = engine.search(&caller, question).await?;
    let data = found
        .into_iter()
        .filter(|(_, score)| f64::from(*score) >= threshold)
        .map(|(chunk, score)| hit(chunk, score, &attributes))
        .collect();
    Ok(Json(SearchPage {
        object: "vector_store.search_results.page".to_owned(),
        search_query: queries,
        data,
        has_more: false,
        next_page: None,
    }))
}

/// The passages that best answer several questions together.
pub(super) async fn passages(
    State(engine): State<Arc<Engine>>,
    caller: Caller,
    Json(query): Json<PassageQuery>,
) -> Answer<Passages> {
    Permission::ReadKnowledge.check(&caller).map_err(Error::from)?;
    let queries = checked(query.queries, "queries")?;
    let limit = if query.limit == 0 { 12 } else { query.limit.min(64) };
    let stores = engine.searchable(&caller, query.vector_stores).await?;
    if stores.is_empty() {
        return Ok(Json(Passages { passages: Vec::new() }));
    }
    let question = Question { stores, files: None, queries, limit: limit as usize };
    let found = engine.search(&caller, question).await?;
    Ok(Json(Passages { passages: found.into_iter().map(|(chunk, score)| passage(chunk, score)).collect() }))
}

fn checked(queries: Vec<String>, param: &'static str) -> Result<Vec<String>, Error> {
    let queries: Vec<String> =
        queries.into_iter().map(|query| query.trim().to_owned()).filter(|query| !query.is_empty()).collect();
    if queries.is_empty() || queries.len() > MAX_QUERIES {
        return Err(Error::BadRequest {
            param,
            detail: format!("ask 1 to {MAX_QUERIES} questions that are not empty"),
        });
    }
    if queries.iter().any(|query| query.chars().count() > MAX_QUERY_CHARS) {
        return Err(Error::BadRequest {
            param,
            detail: format!("a question has at most {MAX_QUERY_CHARS} characters"),
        });
    }
    Ok(queries)
}

fn passage(chunk: StoredChunk, score: f32) -> Passage {
    Passage {
        id: chunk.id,
        vector_store: chunk.store,
        file: chunk.file,
        filename: chunk.filename,
        page: chunk.page,
        page_end: chunk.page_end,
        heading: chunk.heading,
        text: chunk.text,
        score,
        boxes: chunk
            .boxes
            .iter()
            .map(|place| PassageBox { page: place.page, x0: place.x0, y0: place.y0, x1: place.x1, y1: place.y1 })
            .collect(),
    }
}

fn hit(chunk: StoredChunk, score: f32, attributes: &BTreeMap<FileId, BTreeMap<String, Value>>) -> SearchHit {
    let mut attributes = attributes.get(&chunk.file).cloned().unwrap_or_default();
    attributes.insert("page".to_owned(), json!(chunk.page));
    attributes.insert("page_end".to_owned(), json!(chunk.page_end));
    attributes.insert("heading".to_owned(), json!(chunk.heading));
    SearchHit {
        file_id: chunk.file,
        filename: chunk.filename,
        score,
        attributes,
        content: vec![SearchContent { kind: "text".to_owned(), text: chunk.text }],
    }
}
