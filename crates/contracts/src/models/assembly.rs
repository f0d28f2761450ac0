//! Puts the pieces of a streamed answer together.
//!
//! Only the first answer is kept: nothing in the platform asks for several. Calls are told apart by their `index`;
//! where a provider leaves it out, a new id begins a new call.

use super::{ChatChunk, ChatMessage, Content, Delta, ToolCall, ToolCallDelta, Usage};

/// A message in the making.
#[derive(Debug, Clone, Default)]
pub struct Assembly {
    text: String,
    reasoning: String,
    calls: Vec<(Option<u32>, ToolCall)>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
}

impl Assembly {
    /// Adds a piece.
    pub fn push(&mut self, chunk: &ChatChunk) {
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        let Some(choice) = chunk.choices.iter().find(|choice| choice.index == 0) else { return };
        if let Some(reason) = &choice.finish_reason {
            self.finish_reason = Some(reason.clone());
        }
        self.delta(&choice.delta);
    }

    fn delta(&mut self, delta: &Delta) {
        self.text.push_str(delta.content.as_deref().unwrap_or_default());
        self.reasoning.push_str(delta.reasoning_content.as_deref().unwrap_or_default());
        for call in &delta.tool_calls {
            self.call(call);
        }
    }

    fn call(&mut self, piece: &ToolCallDelta) {
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let known = match (piece.index, id) {
            (Some(index), _) => self.calls.iter().position(|(known, _)| *known == Some(index)),
            (None, Some(id)) => self.calls.iter().position(|(_, call)| call.id == id),
            (None, None) => self.calls.len().checked_sub(1),
        };
        let position = known.unwrap_or_else(|| {
            self.calls.push((piece.index, ToolCall { kind: "function".to_owned(), ..ToolCall::default() }));
            self.calls.len() - 1
        });
        let (_, call) = &mut self.calls[position];
        if let Some(id) = id {
            id.clone_into(&mut call.id);
        }
        // Some providers repeat the name in every piece, so it is set and not appended.
        if let Some(name) = piece.function.name.as_ref().filter(|name| !name.is_empty()) {
            name.clone_into(&mut call.function.name);
        }
        call.function.arguments.push_str(piece.function.arguments.as_deref().unwrap_or_default());
    }

    /// The text so far.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The thinking so far.
    #[must_use]
    pub fn reasoning(&self) -> &str {
        &self.reasoning
    }

    /// Why it ended, once it has.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.finish_reason.as_deref()
    }

    /// The usage that came last.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// The message as it stands. Thinking is left out: providers refuse or charge for it when it is sent back.
    #[must_use]
    pub fn message(self) -> ChatMessage {
        let content =
            if self.text.is_empty() && !self.calls.is_empty() { None } else { Some(Content::Text(self.text)) };
        let tool_calls = self.calls.into_iter().map(|(_, call)| call).collect();
        ChatMessage { role: "assistant".to_owned(), content, tool_calls, ..ChatMessage::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(chunks: &[serde_json::Value]) -> Assembly {
        let mut assembly = Assembly::default();
        for chunk in chunks {
            assembly.push(&serde_json::from_value(chunk.clone()).unwrap());
        }
        assembly
    }

    #[test]
    fn parallel_calls_keep_their_own_arguments() {
        let piece = |index: u32, id: &str, name: &str, arguments: &str| {
            serde_json::json!({"choices": [{"index": 0, "delta": {"tool_calls":
                [{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]}}]})
        };
        let message = assemble(&[
            piece(0, "a", "run_python", "{\"code\""),
            piece(1, "b", "run_sql", "{}"),
            piece(0, "", "", ":1}"),
        ])
        .message();

        let calls: Vec<_> =
            message.tool_calls.iter().map(|call| (call.id.as_str(), call.function.arguments.as_str())).collect();
        assert_eq!(calls, [("a", "{\"code\":1}"), ("b", "{}")]);
        assert_eq!(message.content, None);
    }

    #[test]
    fn null_fields_and_unknown_fields_are_taken_as_they_come() {
        let assembly = assemble(&[
            serde_json::json!({"id": "x", "choices": [{"index": 0, "finish_reason": "stop", "weird": 1,
            "delta": {"content": "hi", "tool_calls": null, "reasoning_content": null}}], "usage": {"prompt_tokens": 3}}),
        ]);

        assert_eq!(assembly.text(), "hi");
        assert_eq!(assembly.usage().unwrap().prompt_tokens, 3);
        assert_eq!(assembly.finish_reason(), Some("stop"));
    }
}
