//! How much a Gemini model is told to think.

use serde_json::{Map, Value, json};

use crate::request::{Effort, Reasoning};

/// Whether the model takes a level in place of a budget, and wants its thought signatures back: Gemini 3 and later.
pub(super) fn has_levels(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let version = name.strip_prefix("gemini-").unwrap_or_default();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<u32>().is_ok_and(|major| major >= 3)
}

/// `thinkingConfig`. Thoughts are shown unless the model is told not to think, since they cost the same either way.
pub(super) fn config(reasoning: &Reasoning, model: &str) -> Value {
    let mut config = Map::new();
    let is_off = reasoning.effort == Some(Effort::None) || (reasoning.effort.is_none() && reasoning.budget == Some(0));
    match (reasoning.budget, reasoning.effort) {
        // A model with levels takes a budget too, but not both.
        (Some(budget), _) if !is_off => {
            config.insert("thinkingBudget".to_owned(), json!(budget));
        }
        (_, Some(effort)) if has_levels(model) => {
            config.insert("thinkingLevel".to_owned(), json!(level(effort, model)));
        }
        (_, Some(effort)) => {
            config.insert("thinkingBudget".to_owned(), json!(budget(effort, model)));
        }
        (Some(_), None) if has_levels(model) => {
            config.insert("thinkingLevel".to_owned(), json!(level(Effort::None, model)));
        }
        (Some(_), None) => {
            config.insert("thinkingBudget".to_owned(), json!(budget(Effort::None, model)));
        }
        (None, None) => {}
    }
    if !is_off {
        config.insert("includeThoughts".to_owned(), json!(true));
    }
    Value::Object(config)
}

/// The Pro models have no `minimal`, and the first of them no `medium`; Google's own OpenAI surface then takes the next
/// one up.
fn level(effort: Effort, model: &str) -> &'static str {
    let is_pro = model.contains("pro");
    let is_first_pro = model.contains("gemini-3-pro");
    match effort {
        Effort::None | Effort::Minimal if is_pro => "low",
        Effort::None | Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium if is_first_pro => "high",
        Effort::Medium => "medium",
        Effort::High | Effort::Extreme => "high",
    }
}

/// The budgets that Google's own OpenAI surface gives the words, within what Gemini 2.5 takes: Pro cannot stop
/// thinking below 128 tokens, and the most is 32,768 there and 24,576 elsewhere.
fn budget(effort: Effort, model: &str) -> u64 {
    let is_pro = model.contains("pro");
    match effort {
        Effort::None if is_pro => 128,
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::Extreme if is_pro => 32_768,
        Effort::Extreme => 24_576,
    }
}
