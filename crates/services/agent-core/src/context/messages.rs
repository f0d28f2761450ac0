//! A list of messages that every provider takes.

use std::collections::{BTreeMap, BTreeSet};

use septet_contracts::models::{ChatMessage, Content, FunctionCall, Thinking, ToolCall};
use serde_json::Value;

use super::{input_text, is_instruction};
use crate::run::event::Spilled;
use crate::run::state::{Call, Step};
use crate::tools::arguments;

/// OpenAI's bounds, which most others share.
const MAX_NAME_CHARS: usize = 64;
const MAX_ID_CHARS: usize = 64;

/// What a call is told whose output is missing: one without an output makes every provider refuse the conversation.
const NO_OUTPUT: &str = "no output";

/// The messages so far.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) list: Vec<ChatMessage>,
    ids: BTreeSet<String>,
}

impl Messages {
    pub(super) fn push(&mut self, message: ChatMessage) {
        self.list.push(message);
    }

    /// Adds the input of a run, but for the instructions in it, which stand in the prompt.
    pub(super) fn input(&mut self, items: &[Value]) {
        let mut has_input = false;
        for item in items.iter().filter(|item| !is_instruction(item)) {
            has_input |= self.say(item["role"].as_str().unwrap_or("user"), &input_text(item));
        }
        if !has_input {
            // Only instructions came, and a conversation without a question is refused.
            for item in items {
                self.say("user", &input_text(item));
            }
        }
    }

    /// Adds what a person or the model said; one text with the message before when that has the same role, for some
    /// templates insist on taking turns. Says whether there was anything to add.
    pub(super) fn say(&mut self, role: &str, text: &str) -> bool {
        if text.trim().is_empty() {
            return false;
        }
        let is_plain =
            |last: &&mut ChatMessage| last.role == role && last.tool_calls.is_empty() && last.extra.is_empty();
        match self.list.last_mut().filter(is_plain).and_then(|last| last.content.as_mut()) {
            Some(Content::Text(before)) => {
                before.push_str("\n\n");
                before.push_str(text);
            }
            Some(Content::Parts(_)) | None => self.push(ChatMessage::text(role, text)),
        }
        true
    }

    /// Adds a turn of the model with its calls and their outputs.
    pub(super) fn step(
        &mut self,
        step: &Step,
        thinking: &BTreeMap<String, Thinking>,
        output: impl Fn(&Call) -> String,
    ) {
        self.step_with(step, thinking, arguments::sent_back, output);
    }

    /// The same, with arguments as `written` makes them, which are the text of a JSON object.
    pub(super) fn step_with(
        &mut self,
        step: &Step,
        thinking: &BTreeMap<String, Thinking>,
        written: impl Fn(&str) -> String,
        output: impl Fn(&Call) -> String,
    ) {
        let ids: Vec<String> = step.calls.iter().map(|call| self.id(call)).collect();
        let calls = step.calls.iter().zip(&ids).map(|(call, id)| ToolCall {
            id: id.clone(),
            kind: "function".to_owned(),
            function: FunctionCall {
                name: well_formed(&call.request.name),
                arguments: written(&call.request.arguments),
            },
            extra: Default::default(),
        });
        let mut turn = ChatMessage::calls(calls.collect());
        if !step.text.is_empty() {
            turn.content = Some(Content::Text(step.text.clone()));
        }
        let kept = match &step.thinking {
            Some(Spilled::Here(kept)) => Some(&**kept),
            Some(Spilled::Blob(blob)) => thinking.get(blob.as_str()),
            None => None,
        };
        if let Some(kept) = kept {
            kept.put_back(&mut turn);
        }
        self.push(turn);
        for (call, id) in step.calls.iter().zip(&ids) {
            let text = output(call);
            self.push(ChatMessage::tool(id, if text.trim().is_empty() { NO_OUTPUT } else { &text }));
        }
    }

    /// The id that the model itself gave, for some read more in it than a name; one of nine digits where that is none,
    /// or was given before. Mistral takes nine letters or digits and nothing else.
    fn id(&mut self, call: &Call) -> String {
        let own = call.request.model_id.as_ref().filter(|id| {
            id.len() <= MAX_ID_CHARS && id.bytes().all(|byte| byte.is_ascii_graphic()) && !self.ids.contains(*id)
        });
        let id = own.cloned().unwrap_or_else(|| format!("{:09}", self.ids.len()));
        self.ids.insert(id.clone());
        id
    }
}

/// A name that a model made up may have letters that no provider takes back.
fn well_formed(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = name.chars().take(MAX_NAME_CHARS).map(letter).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}
