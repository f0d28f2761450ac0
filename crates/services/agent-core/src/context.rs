//! What the model is shown: the agent's prompt, the conversation so far, and the steps of this run.
//!
//! It is built anew from the journal for every call and is the same each time, byte for byte: providers cache what
//! they have seen, and a call that is repeated after a crash must be the same call. And it is a history that every
//! provider takes: each call has its output, arguments are objects, names and ids are well formed, no message is empty,
//! instructions stand first.

mod history;
mod messages;
mod output;

use std::borrow::Cow;
use std::collections::BTreeMap;

use septet_contracts::management::ResolvedAgent;
use septet_contracts::models::{ChatMessage, ChatRequest, Thinking, joined};
use serde_json::Value;

pub(crate) use self::history::Past;
use self::messages::Messages;
use self::output::read;
use crate::run::state::State;
use crate::tools::Tools;

/// The longest output of a tool that the model is shown, in characters. The middle of a longer one is left out.
const MAX_OUTPUT_CHARS: usize = 40_000;

/// The request for the next turn of the model. `thinking` is what of the run's own lies in the blob store, by blob.
pub(crate) fn request(
    agent: &ResolvedAgent,
    tools: &Tools,
    history: &[Past],
    state: &State,
    thinking: &BTreeMap<String, Thinking>,
    n_steps: usize,
    may_use_tools: bool,
) -> ChatRequest {
    let input = state.created.as_ref().map_or(&[][..], |created| created.input.as_slice());
    let mut messages = Messages::default();
    messages.push(ChatMessage::system(system_prompt(agent, state, history, input)));
    history::write(history, &mut messages);
    messages.input(input);
    for step in state.steps.iter().take(n_steps) {
        messages.step(step, thinking, |call| {
            call.output.as_ref().map_or_else(String::new, |output| shortened(&read(output), MAX_OUTPUT_CHARS))
        });
    }
    let tools = tools.definitions(&agent.tools);
    ChatRequest {
        model: agent.model.clone(),
        messages: messages.list,
        tool_choice: (!tools.is_empty() && !may_use_tools).then(|| Value::from("none")),
        tools,
        stream: true,
        ..ChatRequest::default()
    }
}

/// The agent's prompt, the instructions of the run, and those among the items of the conversation, which last as other
/// items do. Many a chat template takes instructions at the beginning only.
fn system_prompt(agent: &ResolvedAgent, state: &State, history: &[Past], input: &[Value]) -> String {
    let mut prompt = agent.prompt.text.clone();
    let instructions = state.created.as_ref().and_then(|created| created.instructions.as_deref());
    let earlier = history.iter().filter_map(|past| past.state.created.as_ref()).flat_map(|created| &created.input);
    let items = earlier.chain(input).filter(|item| is_instruction(item)).map(input_text);
    for text in instructions.map(Cow::Borrowed).into_iter().chain(items).filter(|text| !text.trim().is_empty()) {
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
        Value::Array(parts) => joined(&parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>()),
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
