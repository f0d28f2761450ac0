//! What has happened in this conversation, read out of the messages alone: the analyst keeps no state.

use septet_contracts::models::ChatMessage;
use serde_json::Value;

use super::passages::{self, NumberedPassage};

// A person asks in a few sentences. What is longer is read word by word, dozens of times, and everybody's pool for CPU
// work would do nothing else.
const MAX_QUESTION_CHARS: usize = 4_000;
const MAX_QUESTIONS: usize = 32;

/// The messages, understood.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// What the person said last, oldest first: the beginnings of long questions, and not the first of very many.
    pub asked: Vec<String>,
    /// The passages found since the last question.
    pub passages: Vec<NumberedPassage>,
    pub n_searches: usize,
    /// A search since the last question gave an error.
    pub search_failed: bool,
    /// How the code went, once it was run.
    pub code: Option<CodeOutcome>,
    /// How often the analyst has spoken since the last question.
    pub n_steps: usize,
}

/// What running code gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CodeOutcome {
    pub is_ok: bool,
    pub stdout: String,
    pub error: String,
    /// The names of the images that it made.
    pub images: Vec<String>,
    /// The names of its other files.
    pub files: Vec<String>,
}

/// Reads the messages.
pub(crate) fn read(messages: &[ChatMessage]) -> History {
    let mut history = History::default();
    let mut calls: Vec<(&str, &str)> = Vec::new();
    for message in messages {
        match message.role.as_str() {
            "user" => {
                let asked = std::mem::take(&mut history.asked);
                history = History { asked, ..History::default() };
                let is_full = history.asked.len() == MAX_QUESTIONS;
                history.asked.drain(..usize::from(is_full));
                history.asked.push(message.text_ref().chars().take(MAX_QUESTION_CHARS).collect());
                calls.clear();
            }
            "assistant" => {
                history.n_steps += 1;
                calls.extend(message.tool_calls.iter().map(|call| (call.id.as_str(), call.function.name.as_str())));
            }
            "tool" => {
                let id = message.tool_call_id.as_deref().unwrap_or_default();
                let name = calls.iter().rev().find(|(known, _)| *known == id).map(|(_, name)| *name);
                history.tool(name.unwrap_or_default(), &message.text_ref());
            }
            _ => {}
        }
    }
    history
}

impl History {
    fn tool(&mut self, name: &str, output: &str) {
        match name {
            "knowledge_search" => {
                self.n_searches += 1;
                let before = self.passages.len();
                passages::read_into(&mut self.passages, output);
                let lower = output.trim_start().get(..60).unwrap_or(output).to_lowercase();
                self.search_failed |= self.passages.len() == before
                    && (lower.contains("error") || lower.contains("failed") || lower.contains("unavailable"));
            }
            "run_python" | "run_sql" => self.code = Some(outcome(output)),
            _ => {}
        }
    }
}

fn outcome(output: &str) -> CodeOutcome {
    let Ok(output) = serde_json::from_str::<Value>(output) else {
        return CodeOutcome { error: output.chars().take(500).collect(), ..CodeOutcome::default() };
    };
    let text = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = match output.get("error") {
        Some(Value::String(error)) => error.clone(),
        Some(Value::Object(error)) => {
            let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{}: {}", part("name"), part("message"))
        }
        _ => text("stderr"),
    };
    let mut found =
        CodeOutcome { is_ok: text("outcome") == "ok", stdout: text("stdout"), error, ..CodeOutcome::default() };
    for file in output.get("files").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| file.get(name).and_then(Value::as_str);
        let Some(name) = part("name").or_else(|| part("path")) else { continue };
        let is_image = part("mime").is_some_and(|mime| mime.starts_with("image/")) || name.ends_with(".png");
        if is_image { found.images.push(name.to_owned()) } else { found.files.push(name.to_owned()) }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use septet_contracts::models::{FunctionCall, ToolCall};

    fn call(id: &str, name: &str) -> ChatMessage {
        let function = FunctionCall { name: name.into(), arguments: "{}".into() };
        ChatMessage::calls(vec![ToolCall { id: id.into(), kind: "function".into(), function, ..ToolCall::default() }])
    }

    #[test]
    fn only_what_came_after_the_last_question_counts() {
        let history = read(&[
            ChatMessage::system("be good"),
            ChatMessage::user("one"),
            call("a", "knowledge_search"),
            ChatMessage::tool("a", "[1] file=\"x.pdf\" page=1 heading=\"\"\nwords\n"),
            ChatMessage::assistant("answer"),
            ChatMessage::user("two"),
            call("b", "run_python"),
            ChatMessage::tool(
                "b",
                r#"{"outcome":"ok","stdout":"1","stderr":"","files":[{"name":"chart.png","mime":"image/png","bytes":3}],"error":null}"#,
            ),
        ]);

        assert_eq!(history.asked, ["one", "two"]);
        assert!(history.passages.is_empty());
        assert_eq!((history.n_steps, history.n_searches), (1, 0));
        assert_eq!(history.code.unwrap().images, ["chart.png"]);
    }

    #[test]
    fn broken_tool_output_is_survived() {
        for output in ["", "null", "[]", "{\"outcome\":3,\"files\":\"x\"}", "Traceback: boom"] {
            let history = read(&[ChatMessage::user("x"), call("a", "run_python"), ChatMessage::tool("a", output)]);
            assert!(!history.code.unwrap().is_ok, "{output}");
        }
        let history = read(&[
            ChatMessage::tool("never", "asked"),
            ChatMessage::user("x"),
            call("a", "knowledge_search"),
            ChatMessage::tool("a", "Error: down"),
        ]);
        assert!(history.search_failed);
    }

    #[test]
    fn of_megabytes_of_questions_a_few_pages_are_read() {
        let mut messages = vec![ChatMessage::user("revenue ".repeat(100_000)); 3];
        messages.extend(vec![ChatMessage::user("and in 2024?"); 2000]);

        let history = read(&messages);

        assert_eq!(history.asked.len(), MAX_QUESTIONS);
        assert!(history.asked.iter().all(|question| question.len() <= MAX_QUESTION_CHARS));
    }
}
