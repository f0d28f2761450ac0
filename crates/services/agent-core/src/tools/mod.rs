//! The tools that agents have.
//!
//! A search is repeated after a crash, for it changes nothing. Code carries an idempotency key, and the sandbox runs
//! it once, however often it is asked.

pub(crate) mod arguments;
mod code;
mod search;

use septet_contracts::models::ToolDefinition;
use serde_json::{Value, json};

pub(crate) use code::{CodeRunner, complaint, output as code_output};
pub(crate) use search::search;

use crate::run::event::{RunError, ToolOutput};

/// A tool of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Searches the knowledge bases.
    KnowledgeSearch,
    /// Runs Python in the sandbox.
    RunPython,
    /// Runs SQL in the sandbox.
    RunSql,
}

impl Tool {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::KnowledgeSearch, Self::RunPython, Self::RunSql];

    /// The name that the model calls it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KnowledgeSearch => "knowledge_search",
            Self::RunPython => "run_python",
            Self::RunSql => "run_sql",
        }
    }

    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// What the model is told of it.
    pub(crate) fn definition(self) -> ToolDefinition {
        match self {
            Self::KnowledgeSearch => ToolDefinition::function(
                self.name(),
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
            ),
            Self::RunPython => ToolDefinition::function(
                self.name(),
                "Runs Python 3 in a sandbox without network. numpy, pandas, matplotlib, duckdb and openpyxl are there. \
                 Variables and files usually last during the conversation; an error about a missing name means that the interpreter \
                 was replaced, so run the earlier steps again. Save charts with plt.savefig(\"name.png\"); \
                 Chinese text in charts just works, so set no font. Print what you need to know.",
                code_parameters("The code to run next."),
            ),
            Self::RunSql => ToolDefinition::function(
                self.name(),
                "Runs SQL (DuckDB) in the same sandbox folder. CSV, JSON and Parquet files there can be queried by name.",
                code_parameters("One or several statements; the rows of the last one are the result."),
            ),
        }
    }
}

fn code_parameters(description: &str) -> Value {
    json!({
        "type": "object",
        "properties": {"code": {"type": "string", "description": description}},
        "required": ["code"],
    })
}

/// The output of a call that could not run: told to the model, so that it can do better, and to the user.
pub(crate) fn failed(code: &str, message: impl Into<String>) -> ToolOutput {
    let message = message.into();
    ToolOutput {
        text: format!("error: {message}"),
        error: Some(RunError { code: code.to_owned(), message }),
        ..ToolOutput::default()
    }
}
