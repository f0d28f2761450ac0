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

/// `thinkingConfig`. Thoughts are shown unless the model is told not to think or the client not to show them, since they
/// cost the same either way. `None` when there is nothing to say: early models refuse to be told even not to think.
pub(super) fn config(reasoning: &Reasoning, model: &str) -> Option<Value> {
    let is_off = reasoning.is_off();
    let effort = if is_off { Some(Effort::None) } else { reasoning.effort };
    if is_off && ["gemini-1", "gemini-2.0"].iter().any(|early| model.contains(early)) {
        return None;
    }
    let mut config = Map::new();
    match (reasoning.budget.filter(|_| !is_off), effort) {
        // A model with levels takes a budget too, but not both.
        (Some(budget), _) => config.insert("thinkingBudget".to_owned(), json!(budget.min(most(model)))),
        (None, Some(effort)) if has_levels(model) => {
            config.insert("thinkingLevel".to_owned(), json!(level(effort, model)))
        }
        (None, Some(effort)) => config.insert("thinkingBudget".to_owned(), json!(budget(effort, model))),
        // The model decides; the smallest one does not think unless it is told to.
        (None, None) if reasoning.is_on && model.contains("2.5") => {
            config.insert("thinkingBudget".to_owned(), json!(-1))
        }
        (None, None) => None,
    };
    if !is_off {
        config.insert("includeThoughts".to_owned(), json!(!reasoning.is_hidden));
    }
    Some(Value::Object(config))
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

/// The budgets that Google's own OpenAI surface gives the words. Gemini 2.5 Pro cannot think less than 128 tokens.
fn budget(effort: Effort, model: &str) -> u64 {
    match effort {
        Effort::None if model.contains("pro") => 128,
        Effort::None => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::Extreme => most(model),
    }
}

/// The largest budget that the model takes.
fn most(model: &str) -> u64 {
    if model.contains("pro") { 32_768 } else { 24_576 }
}
