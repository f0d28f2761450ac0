//! `knowledge_search`: passages of the user's documents, numbered through the whole run.

use async_trait::async_trait;
use septet_contracts::knowledge::{Knowledge, Passage as Found, PassageQuery};
use serde::Deserialize;
use serde_json::json;

use super::{Called, Definition, Invocation, Tool, arguments};
use crate::run::effect::Effect;
use crate::run::output::{Part, Passage, ToolOutput};
use crate::run::shape::Shape;

const DEFAULT_LIMIT: u32 = 12;
const MAX_LIMIT: u32 = 32;
const MAX_QUERIES: usize = 8;

pub(super) struct KnowledgeSearch {
    knowledge: Knowledge,
}

#[derive(Deserialize)]
struct Arguments {
    queries: Vec<String>,
    #[serde(default)]
    limit: Option<u32>,
}

impl KnowledgeSearch {
    pub(super) fn new(knowledge: Knowledge) -> Self {
        Self { knowledge }
    }

    /// A refusal of the knowledge engine is an output like any other: the model is told, and so is the user.
    async fn search(&self, call: &Invocation) -> Result<ToolOutput, ToolOutput> {
        let Arguments { queries, limit } = call.read(self)?;
        let queries: Vec<String> =
            queries.into_iter().filter(|query| !query.trim().is_empty()).take(MAX_QUERIES).collect();
        if queries.is_empty() {
            return Err(arguments::refused(self, "\"queries\" is empty"));
        }
        let wanted = PassageQuery {
            vector_stores: call.knowledge_bases.to_vec(),
            queries,
            limit: limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT),
        };
        match self.knowledge.search(&call.caller, &wanted).await {
            Ok(found) if found.passages.is_empty() => Ok(ToolOutput::text(
                "No passage was found. Either there are no documents yet, or none of them has these words.",
            )),
            Ok(found) => {
                let passages = found.passages.into_iter().map(passage).collect();
                Ok(ToolOutput { ok: true, parts: vec![Part::Passages { passages }] })
            }
            Err(error) => Err(ToolOutput::failed(&error.code, format!("the search failed: {}", error.detail))),
        }
    }
}

#[async_trait]
impl Tool for KnowledgeSearch {
    fn definition(&self) -> Definition {
        Definition::new(
            "knowledge_search",
            "Searches the user's documents. Gives numbered passages with file and page; cite them as [1], [2]. \
             Ask several short queries at once, in the language of the documents, with the words that a table or \
             heading would use.",
            json!({
                "type": "object",
                "properties": {
                    "queries": {
                        "type": "array", "minItems": 1, "maxItems": 8, "items": {"type": "string"},
                        "description": "What to look for; each query is searched on its own.",
                    },
                    "limit": {"type": "integer", "minimum": 1, "maximum": 32, "description": "How many passages in all. Default 12."},
                },
                "required": ["queries"],
            }),
        )
    }

    fn shape(&self) -> Shape {
        Shape::FileSearch
    }

    fn effect(&self) -> Effect {
        Effect::Pure
    }

    async fn call(&self, call: &Invocation) -> Called {
        Called::Output(self.search(call).await.unwrap_or_else(|refused| refused))
    }
}

fn passage(found: Found) -> Passage {
    Passage {
        number: 0,
        id: found.id.to_string(),
        file: found.file.to_string(),
        filename: found.filename,
        page: found.page,
        page_end: found.page_end,
        heading: found.heading,
        text: found.text,
        score: found.score.into(),
    }
}
