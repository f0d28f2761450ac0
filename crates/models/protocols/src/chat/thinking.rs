//! Telling a model of a provider with Chat Completions to think: every provider has words of its own for it, and clients
//! that are made for one of them use that one's.
//!
//! | words | whose |
//! |---|---|
//! | `reasoning_effort` | OpenAI's, and most others' |
//! | `reasoning: {effort, max_tokens, enabled, exclude}`, `include_reasoning` | OpenRouter's; Together has `enabled` alone |
//! | `thinking: {type, budget_tokens}` | DeepSeek's, Zhipu's, Moonshot's and Doubao's; Anthropic's too |
//! | `enable_thinking`, `thinking_budget` | DashScope's and SiliconFlow's |
//! | `chat_template_kwargs: {enable_thinking, thinking}` | vLLM's and llama.cpp's |
//!
//! All of them are read, in any combination: if one of them turns thinking off, the others do not turn it on again.

mod read;
mod words;

use serde_json::{Map, Value, json};

pub(super) use read::{FIELDS, read};
pub(crate) use words::openai as effort_word;

use crate::dialect::Thinking;
use crate::json::put;
use crate::reasoning::{Effort, Reasoning};

/// What thinking depends on besides what is said about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) max_output: Option<u64>,
    /// The client's name of the field, for what is dropped.
    pub(super) field: &'a str,
    /// Whether a client that says "on" expects a model to think that would not by itself.
    pub(super) insists: bool,
}

/// Writes what a provider is told in its own words. What it cannot be told is added to `dropped`: to think, where the
/// model cannot, and to hide it. A model that cannot be told to stop is told to think as little as it can.
pub(super) fn write(
    said: &Reasoning,
    how: Thinking,
    asked: Asked<'_>,
    body: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) {
    let (is_off, is_asked) = (said.is_off(), said.is_asked());
    let effort = said.word().or_else(|| (said.is_on && asked.insists).then_some(Effort::Medium));
    let mut say = |word: Option<&str>, effort: Option<Effort>, body: &mut Map<String, Value>| {
        if word.is_none() && effort.is_some_and(|effort| effort > Effort::None) {
            dropped.push(asked.field.to_owned());
        }
        put(body, "reasoning_effort", word);
    };
    match how {
        Thinking::Said => put(body, "reasoning_effort", effort.map(Effort::as_str)),
        Thinking::Effort => say(effort.and_then(|effort| words::openai(effort, asked.model)), effort, body),
        Thinking::Xai => say(effort.and_then(|effort| words::xai(effort, asked.model)), effort, body),
        Thinking::Mistral => say(effort.and_then(|effort| words::mistral(effort, asked.model)), effort, body),
        Thinking::Groq => {
            // The thinking of some of its models stands in the text unless it is told otherwise.
            match (asked.model.contains("gpt-oss"), said.is_hidden) {
                (true, true) => put(body, "include_reasoning", Some(false)),
                (false, true) => put(body, "reasoning_format", Some("hidden")),
                (false, false) if is_asked => put(body, "reasoning_format", Some("parsed")),
                (_, false) => {}
            }
            let effort = effort.or(is_asked.then_some(Effort::Medium));
            say(effort.and_then(|effort| words::groq(effort, asked.model)), effort, body);
            return;
        }
        Thinking::Object => return object(said, body),
        Thinking::Together => {
            if is_off || is_asked {
                body.insert("reasoning".to_owned(), json!({"enabled": !is_off}));
            }
            put(body, "reasoning_effort", effort.filter(|_| is_asked).map(|effort| words::graded(effort).as_str()));
        }
        Thinking::Enable => {
            put(body, "enable_thinking", (is_off || is_asked).then_some(!is_off));
            let budget = said.budget.or_else(|| Some(said.effort?.budget(asked.max_output)));
            put(body, "thinking_budget", budget.filter(|_| is_asked));
        }
        Thinking::Switch => {
            if is_off || is_asked {
                let kind = if is_off { "disabled" } else { "enabled" };
                body.insert("thinking".to_owned(), json!({"type": kind}));
            }
            let word = said.word().filter(|_| is_asked).and_then(|effort| words::switched(effort, asked.model));
            put(body, "reasoning_effort", word);
        }
        Thinking::Template => {
            if is_off || is_asked {
                let kwargs = body.entry("chat_template_kwargs").or_insert(Value::Null);
                if !kwargs.is_object() {
                    *kwargs = json!({});
                }
                // The templates of Qwen and GLM know the first word, those of DeepSeek and Granite the second.
                kwargs["enable_thinking"] = json!(!is_off);
                kwargs["thinking"] = json!(!is_off);
            }
            let is_graded = asked.model.contains("gpt-oss");
            let word = effort.filter(|_| is_graded).map(|effort| words::graded(effort).as_str());
            put(body, "reasoning_effort", word);
        }
    }
    // OpenAI never shows it here.
    if said.is_hidden && how != Thinking::Effort {
        dropped.push("reasoning.exclude".to_owned());
    }
}

/// OpenRouter's; it takes one of words and tokens.
fn object(said: &Reasoning, body: &mut Map<String, Value>) {
    let mut object = Map::new();
    match (said.budget, said.effort) {
        _ if said.is_off() => put(&mut object, "enabled", Some(false)),
        (Some(budget), _) => put(&mut object, "max_tokens", Some(budget)),
        (None, Some(effort)) => put(&mut object, "effort", Some(effort.as_str())),
        (None, None) => put(&mut object, "enabled", said.is_on.then_some(true)),
    }
    put(&mut object, "exclude", said.is_hidden.then_some(true));
    if !object.is_empty() {
        body.insert("reasoning".to_owned(), Value::Object(object));
    }
}

#[cfg(test)]
mod tests;
