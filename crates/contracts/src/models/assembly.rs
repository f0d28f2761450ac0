//! Puts the pieces of a streamed answer together.
//!
//! Only the first answer is kept: nothing in the platform asks for several. Which piece belongs to which call is told by
//! index, id and name together, since providers leave any of them out, repeat them, or count wrongly.

use serde_json::Value;

use super::thinking::{Gathering, gather_call};
use super::{
    ChatChunk, ChatMessage, Content, Delta, Extra, Finish, FunctionCallDelta, Thinking, ToolCall, ToolCallDelta, Usage,
};

/// A message in the making.
#[derive(Debug, Clone, Default)]
pub struct Assembly {
    text: String,
    reasoning: String,
    thinking: Gathering,
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
        let extra = |name: &str| delta.extra.get(name).and_then(Value::as_str);
        // A refusal is what the model says instead.
        self.text.push_str(extra("refusal").unwrap_or_default());
        let reasoning = delta.reasoning_content.as_deref();
        self.reasoning.push_str(reasoning.or_else(|| extra("reasoning")).unwrap_or_default());
        self.thinking.push(&delta.extra, reasoning);
        for call in &delta.tool_calls {
            self.call(call);
        }
        // What calls were before there could be several.
        if let Some(call) = delta.extra.get("function_call").filter(|call| call.is_object())
            && let Ok(function) = serde_json::from_value::<FunctionCallDelta>(call.clone())
        {
            self.call(&ToolCallDelta { function, ..ToolCallDelta::default() });
        }
    }

    fn call(&mut self, piece: &ToolCallDelta) {
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let name = piece.function.name.as_deref().filter(|name| !name.is_empty());
        let more = piece.function.arguments.as_deref().unwrap_or_default();
        let has_id = |call: &ToolCall| id.is_some_and(|id| call.id == id);
        let at_index = |known: &Option<u32>| *known == piece.index;
        let known = match (piece.index, id) {
            (Some(_), _) => self
                .calls
                .iter()
                .rposition(|(known, call)| at_index(known) && has_id(call))
                .or_else(|| self.calls.iter().rposition(|(known, _)| at_index(known))),
            (None, Some(_)) => self.calls.iter().rposition(|(_, call)| has_id(call)),
            (None, None) => self.calls.len().checked_sub(1),
        };
        if known.is_some_and(|at| is_repeated(&self.calls[at].1, id, name, more)) {
            return;
        }
        let known = known.filter(|at| !begins_anew(&mut self.calls[*at].1, id, name, more));
        let position = known.unwrap_or_else(|| {
            let mut call = ToolCall { kind: "function".to_owned(), ..ToolCall::default() };
            if name.is_none()
                && let Some((_, before)) = self.calls.last()
            {
                // Another whole object without a name is for the same function.
                call.function.name.clone_from(&before.function.name);
            }
            self.calls.push((piece.index, call));
            self.calls.len() - 1
        });
        let (_, call) = &mut self.calls[position];
        if let Some(id) = id {
            id.clone_into(&mut call.id);
        }
        // Some providers repeat the name in every piece, so it is set and not appended.
        if let Some(name) = name {
            name.clone_into(&mut call.function.name);
        }
        call.function.arguments.push_str(more);
        gather_call(&mut call.extra, &piece.extra);
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

    /// The same, whatever the provider's word for it is.
    #[must_use]
    pub fn finish(&self) -> Option<Finish> {
        self.finish_reason.as_deref().map(Finish::read)
    }

    /// The calls so far.
    pub fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.calls.iter().map(|(_, call)| call)
    }

    /// The thinking so far, to be sent back to `maker` with the message.
    #[must_use]
    pub fn thinking(&self, maker: &str) -> Thinking {
        let calls: Vec<Extra> = self.calls().map(|call| call.extra.clone()).collect();
        let calls = if calls.iter().all(Extra::is_empty) { Vec::new() } else { calls };
        Thinking { maker: maker.to_owned(), message: self.thinking.fields.clone(), calls }
    }

    /// The usage that came last.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// The message as it stands, without the thinking of [`Assembly::thinking`].
    #[must_use]
    pub fn message(self) -> ChatMessage {
        let content =
            if self.text.is_empty() && !self.calls.is_empty() { None } else { Some(Content::Text(self.text)) };
        let tool_calls = self.calls.into_iter().map(|(_, call)| call).collect();
        ChatMessage { role: "assistant".to_owned(), content, tool_calls, ..ChatMessage::default() }
    }
}

/// Whether a piece only says the whole arguments once more, as some servers do at the end.
fn is_repeated(known: &ToolCall, id: Option<&str>, name: Option<&str>, more: &str) -> bool {
    let so_far = known.function.arguments.trim();
    let is_same = name.is_none() && id.is_none_or(|id| id == known.id) && more.trim() == so_far;
    is_same && is_object(so_far)
}

fn is_object(text: &str) -> bool {
    text.ends_with('}') && text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether a piece is the beginning of another call than the one that its index names.
///
/// Some providers give every call the index 0 and tell them apart by id alone, others send whole objects one after the
/// other without ids. On the other hand there are those that make up a new id for every piece of one call, or repeat id
/// and name in each.
fn begins_anew(known: &mut ToolCall, id: Option<&str>, name: Option<&str>, more: &str) -> bool {
    let so_far = known.function.arguments.trim();
    let opens = more.trim_start().starts_with('{');
    if so_far == "{}" && opens && name.is_none() && id.is_none_or(|id| id == known.id) {
        // An empty object that only held the place of the arguments.
        known.function.arguments.clear();
        return false;
    }
    let is_whole = || is_object(so_far);
    if id.is_some_and(|id| !known.id.is_empty() && id != known.id) {
        // An empty last piece under an id made up for it begins nothing.
        return name.is_some() || (opens && is_whole());
    }
    let has_other_name = name.is_some_and(|name| !known.function.name.is_empty() && name != known.function.name);
    (opens && is_whole()) || (has_other_name && (so_far.is_empty() || is_whole()))
}

#[cfg(test)]
mod tests;
