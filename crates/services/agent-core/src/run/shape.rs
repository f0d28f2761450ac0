//! How a call of a tool looks on the wire.
//!
//! It is journaled with the call. A projection that asked for the tool would show an old run in another way once the tool
//! is renamed or gone.

use serde::{Deserialize, Serialize};

/// The item type of a call, with what that type wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Shape {
    /// A `file_search_call`: its argument `queries` is shown, and the passages that were found.
    FileSearch,
    /// A `code_interpreter_call`: its argument `code` is shown, with what it printed and the images among its files.
    CodeInterpreter {
        /// The language of the code, such as `python`.
        language: String,
    },
    /// An `mcp_call`: OpenAI's item for any tool that runs on the server. Its arguments and its text are shown.
    Mcp {
        /// Whose tool it is: `septet` for the platform's own.
        server: String,
    },
}

impl Shape {
    /// That of a tool of the platform that has no item type of its own, and of a tool that does not exist.
    #[must_use]
    pub fn own() -> Self {
        Self::Mcp { server: "septet".to_owned() }
    }

    /// That of code in a language.
    #[must_use]
    pub fn code(language: &str) -> Self {
        Self::CodeInterpreter { language: language.to_owned() }
    }

    /// That of a call in a journal from before shapes were journaled. These are the tools of then, and no other is ever
    /// added here.
    #[must_use]
    pub fn from_before(name: &str) -> Self {
        match name {
            "knowledge_search" => Self::FileSearch,
            "run_python" => Self::code("python"),
            "run_sql" => Self::code("sql"),
            _ => Self::own(),
        }
    }
}
