//! What the model is shown: the agent's prompt, the conversation so far, and the steps of this run.
//!
//! It is built anew from the journal for every call and is the same each time, byte for byte: providers cache what
//! they have seen, and a call that is repeated after a crash must be the same call.

use septet_contracts::management::ResolvedAgent;
use septet_contracts::models::{ChatMessage, ChatRequest, FunctionCall, ToolCall};
use serde_json::Value;

use crate::run::state::State;
use crate::tools::Tool;

/// The longest output of a tool that the model is shown, in characters. The middle of a longer one is left out.
const MAX_OUTPUT_CHARS: usize = 40_000;

/// An earlier question of the conversation and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) question: String,
    pub(crate) answer: String,
}

/// The request for the next turn of the model.
pub(crate) fn request(
    agent: &ResolvedAgent,
    history: &[Exchange],
    state: &State,
    n_steps: usize,
    may_use_tools: bool,
) -> ChatRequest {
    let mut messages = vec![ChatMessage::system(system_prompt(agent, state))];
    for exchange in history {
        messages.push(ChatMessage::user(&exchange.question));
        messages.push(ChatMessage::assistant(&exchange.answer));
    }
    if let Some(created) = &state.created {
        messages.extend(created.input.iter().map(input_message));
    }
    for step in state.steps.iter().take(n_steps) {
        let calls = step.calls.iter().map(|call| ToolCall {
            id: call.request.id.clone(),
            kind: "function".to_owned(),
            function: FunctionCall { name: call.request.name.clone(), arguments: call.request.arguments.clone() },
            extra: Default::default(),
        });
        let mut turn = ChatMessage::calls(calls.collect());
        if !step.text.is_empty() {
            turn.content = ChatMessage::assistant(&step.text).content;
        }
        messages.push(turn);
        for call in &step.calls {
            // A call without an output would make every provider refuse the whole conversation.
            let output = call.output.as_ref().map_or("no output", |output| output.text.as_str());
            messages.push(ChatMessage::tool(&call.request.id, shortened(output)));
        }
    }
    let tools: Vec<_> = agent.tools.iter().filter_map(|name| Tool::named(name)).map(Tool::definition).collect();
    ChatRequest {
        model: agent.model.clone(),
        messages,
        tool_choice: (!tools.is_empty() && !may_use_tools).then(|| Value::from("none")),
        tools,
        stream: true,
        ..ChatRequest::default()
    }
}

fn system_prompt(agent: &ResolvedAgent, state: &State) -> String {
    let mut prompt = agent.prompt.text.clone();
    if let Some(instructions) = state.created.as_ref().and_then(|created| created.instructions.as_ref()) {
        prompt.push_str("\n\n");
        prompt.push_str(instructions);
    }
    prompt
}

/// One input item of the Responses API as a chat message.
fn input_message(item: &Value) -> ChatMessage {
    ChatMessage::text(item["role"].as_str().unwrap_or("user"), input_text(item))
}

/// The text of an input item.
pub(crate) fn input_text(item: &Value) -> String {
    match &item["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn shortened(text: &str) -> String {
    let n_chars = text.chars().count();
    if n_chars <= MAX_OUTPUT_CHARS {
        return text.to_owned();
    }
    let half = MAX_OUTPUT_CHARS / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(n_chars - half).collect();
    format!("{head}\n[... {} characters left out ...]\n{tail}", n_chars - 2 * half)
}
