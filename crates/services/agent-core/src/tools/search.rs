//! `knowledge_search`: passages of the user's documents, numbered through the whole run.

use septet_contracts::knowledge::{Knowledge, Passage as Found, PassageQuery};
use septet_kernel::{Caller, VectorStoreId};
use serde::Deserialize;

use super::{arguments, failed};
use crate::run::event::{Passage, ToolCall, ToolOutput};
use crate::run::state::State;

const DEFAULT_LIMIT: u32 = 12;
const MAX_LIMIT: u32 = 32;
const MAX_QUERIES: usize = 8;

#[derive(Deserialize)]
struct Arguments {
    queries: Vec<String>,
    #[serde(default)]
    limit: Option<u32>,
}

/// Searches. A passage that the run has seen keeps its number, so that `[3]` means one thing in the whole answer.
///
/// A refusal of the knowledge engine is an output like any other: the model is told, and so is the user.
pub(crate) async fn search(
    knowledge: &Knowledge,
    caller: &Caller,
    vector_stores: &[VectorStoreId],
    call: &ToolCall,
    state: &State,
) -> ToolOutput {
    let read = arguments::read(&call.arguments).and_then(|arguments| {
        serde_json::from_value(arguments.into()).map_err(|error| format!("the arguments do not fit ({error})"))
    });
    let arguments: Arguments = match read {
        Ok(arguments) => arguments,
        Err(problem) => return failed("bad_arguments", format!("{problem}; write {{\"queries\": [\"...\"]}}")),
    };
    let queries: Vec<String> =
        arguments.queries.into_iter().filter(|query| !query.trim().is_empty()).take(MAX_QUERIES).collect();
    if queries.is_empty() {
        return failed("bad_arguments", "\"queries\" is empty; write at least one");
    }
    let wanted = PassageQuery {
        vector_stores: vector_stores.to_vec(),
        queries,
        limit: arguments.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
    };
    match knowledge.search(caller, &wanted).await {
        Ok(found) => numbered(found.passages, state),
        Err(error) => failed(&error.code, format!("the search failed: {}", error.detail)),
    }
}

fn numbered(found: Vec<Found>, state: &State) -> ToolOutput {
    let mut next_number = state.passages().map(|passage| passage.number).max().unwrap_or(0) + 1;
    let passages: Vec<Passage> = found
        .into_iter()
        .map(|found| {
            let id = found.id.to_string();
            let number = state.passages().find(|seen| seen.id == id).map_or_else(
                || {
                    next_number += 1;
                    next_number - 1
                },
                |seen| seen.number,
            );
            Passage {
                number,
                id,
                file: found.file.to_string(),
                filename: found.filename,
                page: found.page,
                page_end: found.page_end,
                heading: found.heading,
                text: found.text,
                score: found.score.into(),
            }
        })
        .collect();
    let text = if passages.is_empty() {
        "No passage was found. Either there are no documents yet, or none of them has these words.".to_owned()
    } else {
        passages.iter().map(block).collect()
    };
    ToolOutput { ok: true, text, passages, ..ToolOutput::default() }
}

fn block(passage: &Passage) -> String {
    let Passage { number, filename, page, heading, text, .. } = passage;
    // Quotes in a name would end the attribute early and let a document pose as another.
    let (filename, heading) = (filename.replace('"', "'"), heading.replace('"', "'"));
    format!("[{number}] file=\"{filename}\" page={page} heading=\"{heading}\"\n{text}\n\n")
}
