//! What the model is shown: the agent's prompt, the conversation so far, and the steps of this run.
//!
//! It is built anew from the journal for every call and is the same each time, byte for byte: providers cache what
//! they have seen, and a call that is repeated after a crash must be the same call. And it is a history that every
//! provider takes: each call has its output, arguments are objects, names and ids are well formed, no message is empty,
//! instructions stand first.

mod history;
mod messages;

use std::borrow::Cow;
use std::collections::BTreeMap;

use septet_contracts::management::ResolvedAgent;
use septet_contracts::models::{ChatMessage, ChatRequest, Thinking};
use serde_json::Value;

pub(crate) use self::history::Past;
use self::messages::Messages;
use crate::run::state::State;
use crate::tools::Tool;

/// The longest output of a tool that the model is shown, in characters. The middle of a longer one is left out.
const MAX_OUTPUT_CHARS: usize = 40_000;

/// The request for the next turn of the model. `thinking` is what of the run's own lies in the blob store, by blob.
pub(crate) fn request(
    agent: &ResolvedAgent,
    history: &[Past],
    state: &State,
    thinking: &BTreeMap<String, Thinking>,
    n_steps: usize,
    may_use_tools: bool,
) -> ChatRequest {
    let input = state.created.as_ref().map_or(&[][..], |created| created.input.as_slice());
    let mut messages = Messages::default();
    messages.push(ChatMessage::system(system_prompt(agent, state, input)));
    history::write(history, &mut messages);
    messages.input(input);
    for step in state.steps.iter().take(n_steps) {
        messages.step(step, thinking, |call| {
            call.output.as_ref().map_or_else(String::new, |output| shortened(&output.text, MAX_OUTPUT_CHARS))
        });
    }
    let tools: Vec<_> = agent.tools.iter().filter_map(|name| Tool::named(name)).map(Tool::definition).collect();
    ChatRequest {
        model: agent.model.clone(),
        messages: messages.list,
        tool_choice: (!tools.is_empty() && !may_use_tools).then(|| Value::from("none")),
        tools,
        stream: true,
        ..ChatRequest::default()
    }
}

fn system_prompt(agent: &ResolvedAgent, state: &State, input: &[Value]) -> String {
    let mut prompt = agent.prompt.text.clone();
    let instructions = state.created.as_ref().and_then(|created| created.instructions.as_deref());
    // Many a chat template takes instructions at the beginning only.
    let more = input.iter().filter(|item| is_instruction(item)).map(input_text);
    let instructions = instructions.map(Cow::Borrowed);
    for text in instructions.into_iter().chain(more).filter(|text| !text.trim().is_empty()) {
        prompt.push_str("\n\n");
        prompt.push_str(&text);
    }
    prompt
}

fn is_instruction(item: &Value) -> bool {
    matches!(item["role"].as_str(), Some("system" | "developer"))
}

/// The text of an input item; borrowed where it is in one piece, for it may be megabytes.
pub(crate) fn input_text(item: &Value) -> Cow<'_, str> {
    match &item["content"] {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(parts) => {
            let mut texts = parts.iter().filter_map(|part| part["text"].as_str());
            let first = texts.next().unwrap_or_default();
            texts.fold(Cow::Borrowed(first), |text, more| Cow::Owned(format!("{text}\n{more}")))
        }
        _ => Cow::Borrowed(""),
    }
}

/// The text with its middle left out where it is longer than `max_chars`.
fn shortened(text: &str, max_chars: usize) -> String {
    let n_chars = text.chars().count();
    if n_chars <= max_chars {
        return text.to_owned();
    }
    let half = max_chars / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(n_chars - half).collect();
    format!("{head}\n[... {} characters left out ...]\n{tail}", n_chars - 2 * half)
}

#[cfg(test)]
mod tests;
