//! All the words that clients have for thinking, taken out of a request.

use serde_json::{Map, Value};

use crate::error::Wrong;
use crate::json::{Look, take};
use crate::reasoning::{Effort, Reasoning};

/// The fields that they stand in.
pub(in crate::chat) const FIELDS: [&str; 8] = [
    "reasoning_effort",
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "chat_template_kwargs",
    "include_reasoning",
    "disable_reasoning",
];

/// Takes them out. What has a form that nobody knows stays, and so does the rest of `chat_template_kwargs`.
///
/// # Errors
/// [`Wrong`] for words and numbers that are none.
pub(in crate::chat) fn read(fields: &mut Map<String, Value>) -> Result<Option<Reasoning>, Wrong> {
    let mut said = Said::default();
    if let Some(word) = take(fields, "reasoning_effort") {
        said.effort("reasoning_effort", &word)?;
    }
    if let Some(object) = taken(fields, "reasoning", Value::is_object) {
        said.object(&object)?;
    }
    let is_thinking = |value: &Value| {
        matches!(value.text("type"), Some("enabled" | "disabled" | "adaptive" | "auto")) || value.is_boolean()
    };
    if let Some(thinking) = taken(fields, "thinking", is_thinking) {
        said.switch("thinking", thinking.text("type") != Some("disabled") && thinking != Value::Bool(false));
        said.budget("thinking.budget_tokens", thinking.get("budget_tokens"))?;
        said.reasoning.is_hidden |= thinking.text("display") == Some("omitted");
        if thinking.text("display") == Some("summarized") {
            said.reasoning.summary.get_or_insert_with(|| "auto".to_owned());
        }
    }
    if let Some(is_on) = taken(fields, "enable_thinking", Value::is_boolean) {
        said.switch("enable_thinking", is_on == Value::Bool(true));
    }
    said.budget("thinking_budget", take(fields, "thinking_budget").as_ref())?;
    said.template(fields)?;
    if let Some(shows) = taken(fields, "include_reasoning", Value::is_boolean) {
        said.named("include_reasoning");
        said.reasoning.is_hidden |= shows == Value::Bool(false);
    }
    if taken(fields, "disable_reasoning", Value::is_boolean) == Some(Value::Bool(true)) {
        said.switch("disable_reasoning", false);
    }
    Ok(said.end())
}

/// A field that has a known form; one that has not stays.
fn taken(fields: &mut Map<String, Value>, name: &str, is_known: impl Fn(&Value) -> bool) -> Option<Value> {
    if fields.get(name).is_some_and(|value| value.is_null() || is_known(value)) { take(fields, name) } else { None }
}

/// What was said so far.
#[derive(Default)]
struct Said {
    reasoning: Reasoning,
    is_off: bool,
    is_said: bool,
}

impl Said {
    /// The first field is the one that is told of.
    fn named(&mut self, field: &'static str) {
        if !std::mem::replace(&mut self.is_said, true) {
            self.reasoning.field = field;
        }
    }

    fn switch(&mut self, field: &'static str, is_on: bool) {
        self.named(field);
        self.is_off |= !is_on;
        self.reasoning.is_on |= is_on;
    }

    fn effort(&mut self, field: &'static str, word: &Value) -> Result<(), Wrong> {
        // Groq's word for as much as the model likes.
        if word == "default" {
            self.switch(field, true);
            return Ok(());
        }
        let known = word.as_str().and_then(Effort::parse);
        let effort =
            known.ok_or_else(|| Wrong::field(field, "must be one of none, minimal, low, medium, high, xhigh"))?;
        self.named(field);
        self.is_off |= effort == Effort::None;
        self.reasoning.effort.get_or_insert(effort);
        Ok(())
    }

    fn budget(&mut self, field: &'static str, tokens: Option<&Value>) -> Result<(), Wrong> {
        let Some(tokens) = tokens.filter(|tokens| !tokens.is_null()) else { return Ok(()) };
        let wrong = || Wrong::field(field, "must be a whole number that is not negative");
        let tokens = tokens.as_u64().ok_or_else(wrong)?;
        self.named(if field.starts_with("thinking.") { "thinking" } else { field });
        self.reasoning.budget.get_or_insert(tokens);
        Ok(())
    }

    /// OpenRouter's.
    fn object(&mut self, object: &Value) -> Result<(), Wrong> {
        self.named("reasoning");
        if let Some(word) = object.get("effort").filter(|word| !word.is_null()) {
            self.effort("reasoning.effort", word)?;
        }
        self.budget("reasoning.max_tokens", object.get("max_tokens"))?;
        if let Some(is_on) = object.get("enabled").and_then(Value::as_bool) {
            self.switch("reasoning", is_on);
        }
        self.reasoning.is_hidden |= object.get("exclude").and_then(Value::as_bool) == Some(true);
        self.reasoning.summary = object.text("summary").map(str::to_owned);
        Ok(())
    }

    /// vLLM's, of which only what is about thinking is taken.
    fn template(&mut self, fields: &mut Map<String, Value>) -> Result<(), Wrong> {
        const NAME: &str = "chat_template_kwargs";
        let Some(kwargs) = fields.get_mut(NAME).and_then(Value::as_object_mut) else { return Ok(()) };
        for name in ["enable_thinking", "thinking"] {
            if let Some(is_on) = kwargs.get(name).and_then(Value::as_bool) {
                kwargs.remove(name);
                self.switch(NAME, is_on);
            }
        }
        let word = take(kwargs, "reasoning_effort");
        if kwargs.is_empty() {
            fields.remove(NAME);
        }
        word.map_or(Ok(()), |word| self.effort("chat_template_kwargs.reasoning_effort", &word))
    }

    fn end(self) -> Option<Reasoning> {
        let mut reasoning = self.reasoning;
        if self.is_off {
            (reasoning.effort, reasoning.budget, reasoning.is_on) = (Some(Effort::None), None, false);
        }
        let is_usual = reasoning.field == "reasoning_effort";
        reasoning.field = if is_usual { "" } else { reasoning.field };
        self.is_said.then_some(reasoning)
    }
}
