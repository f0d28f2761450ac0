//! The runs of a conversation before this one: question, answer, and what was done in between, shortened.

use std::collections::BTreeMap;

use septet_contracts::models::Thinking;
use serde_json::{Map, Value};

use super::messages::Messages;
use super::output::read;
use super::shortened;
use crate::run::output::{Passage, ToolOutput};
use crate::run::state::{Call, State, Step};
use crate::tools::arguments;

/// How long one output, and one text in the arguments of a call, may be, in characters.
const MAX_OUTPUT_CHARS: usize = 1_500;

/// How long all calls and outputs together may be. The latest runs are shown with theirs, those before without.
const MAX_TOTAL_CHARS: usize = 24_000;

const MAX_PASSAGES: usize = 6;
const MAX_PASSAGE_CHARS: usize = 200;

/// An earlier run of the conversation.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) state: State,
    /// What of its thinking lies in the blob store, by blob.
    pub(crate) thinking: BTreeMap<String, Thinking>,
}

/// Writes the earlier runs, oldest first.
pub(super) fn write(history: &[Past], messages: &mut Messages) {
    let n_bare = history.len() - n_with_calls(history);
    for (number, past) in history.iter().enumerate() {
        messages.input(past.state.created.as_ref().map_or(&[][..], |created| created.input.as_slice()));
        if number >= n_bare {
            for step in past.state.steps.iter().filter(|step| is_shown(step)) {
                messages.step_with(step, &past.thinking, short_arguments, output);
            }
        }
        messages.say("assistant", &answer(&past.state));
    }
}

/// How many of the latest runs are shown with their calls.
fn n_with_calls(history: &[Past]) -> usize {
    let mut n_chars = 0;
    let fits = |past: &&Past| {
        let calls = past.state.steps.iter().filter(|step| is_shown(step)).flat_map(|step| &step.calls);
        n_chars += calls
            .map(|call| output(call).chars().count() + short_arguments(&call.request.arguments).chars().count())
            .sum::<usize>();
        n_chars <= MAX_TOTAL_CHARS
    };
    history.iter().rev().take_while(fits).count()
}

/// A turn that came to its end and led to calls. What was said in the last one is the answer.
fn is_shown(step: &Step) -> bool {
    step.usage.is_some() && !step.calls.is_empty()
}

fn answer(state: &State) -> String {
    // The text of a turn with calls is shown with them.
    let last = state.steps.last().filter(|step| !is_shown(step)).map_or("", |step| step.text.as_str());
    match state.finished.as_ref().and_then(|end| end.error.as_ref()) {
        _ if !last.trim().is_empty() => last.to_owned(),
        Some(error) => format!("(no answer: {})", error.message),
        None => "(no answer)".to_owned(),
    }
}

/// The arguments with long texts shortened; still an object.
fn short_arguments(text: &str) -> String {
    let sent = arguments::sent_back(text);
    if sent.chars().count() <= MAX_OUTPUT_CHARS {
        return sent;
    }
    let object: Map<String, Value> = serde_json::from_str(&sent).unwrap_or_default();
    let short = |(name, value): (String, Value)| match value {
        Value::String(text) => (name, Value::from(shortened(&text, MAX_OUTPUT_CHARS))),
        other if other.to_string().len() > MAX_OUTPUT_CHARS => (name, Value::from("[left out]")),
        other => (name, other),
    };
    Value::Object(object.into_iter().map(short).collect()).to_string()
}

fn output(call: &Call) -> String {
    let Some(output) = &call.output else { return String::new() };
    if output.passages().next().is_none() { shortened(&read(output), MAX_OUTPUT_CHARS) } else { passages(output) }
}

/// Passages without their numbers: those are each run's own, and the model must not cite what this one has not found.
fn passages(output: &ToolOutput) -> String {
    let line = |passage: &Passage| {
        let text: String = passage.text.chars().take(MAX_PASSAGE_CHARS).collect();
        format!("- {}, page {}: {}\n", passage.filename, passage.page, text.replace('\n', " "))
    };
    let lines: String = output.passages().take(MAX_PASSAGES).map(line).collect();
    let n_more = output.passages().count().saturating_sub(MAX_PASSAGES);
    let more = if n_more > 0 { format!("- and {n_more} more\n") } else { String::new() };
    format!("Found for an earlier question, and not numbered any more; search again to cite:\n{lines}{more}")
}
