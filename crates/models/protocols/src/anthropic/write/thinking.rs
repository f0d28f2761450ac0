//! How a model of Anthropic is told to think.
//!
//! Up to version 4.5 by a budget of tokens, from 4.6 on also by an effort, from 4.7 on by an effort only. The version
//! is taken from the model's name; a name without one counts as an older model, whose parameters every compatible
//! server understands.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::anthropic::read;
use crate::dialect::Dialect;
use crate::proof::own;
use crate::request::{Effort, PartKind, Reasoning, Request, Role, ToolChoice};

// The least budget that Anthropic takes.
const LEAST: u64 = 1_024;

/// A field of Anthropic's that clients of other dialects send along, since LiteLLM and OpenRouter take it.
pub(crate) const BORROWED: &str = "thinking";

/// What is said about thinking.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The field `thinking`.
    pub(crate) thinking: Option<Value>,
    /// `output_config.effort`.
    pub(crate) effort: Option<&'static str>,
    /// Whether the model takes no sampling parameters.
    pub(crate) is_fixed: bool,
    /// Whether a temperature and `top_p` exclude each other.
    pub(crate) is_new: bool,
    /// Whether it knows efforts and no budgets.
    pub(crate) is_adaptive_only: bool,
    budget: Option<u64>,
}

impl Plan {
    /// The limit of the answer with its thinking.
    pub(crate) fn max_tokens(&self, request: &Request) -> u64 {
        let is_adaptive = self.thinking.as_ref().is_some_and(|thinking| thinking["type"] == "adaptive");
        request.max_output.unwrap_or_else(|| match self.budget {
            Some(budget) => budget.saturating_add(super::MAX_TOKENS),
            // Thinking counts towards the limit; every model with adaptive thinking writes at least twice as much.
            None if is_adaptive => 4 * super::MAX_TOKENS,
            None => super::MAX_TOKENS,
        })
    }
}

/// How much to think, also where a client of another dialect uses Anthropic's field.
pub(crate) fn wanted(request: &Request) -> Cow<'_, Option<Reasoning>> {
    match request.extra.get(BORROWED) {
        Some(borrowed) if request.reasoning.is_none() => {
            Cow::Owned(read::reasoning(Some(borrowed.clone()), None).unwrap_or_default())
        }
        _ => Cow::Borrowed(&request.reasoning),
    }
}

/// Whether Anthropic's field from a client of another dialect has no effect: unreadable, or beside the client's own
/// field.
pub(crate) fn is_in_vain(request: &Request) -> bool {
    let is_there = request.extra.get(BORROWED).is_some_and(|borrowed| !borrowed.is_null());
    is_there && (request.reasoning.is_some() || wanted(request).is_none())
}

/// Decides how to think.
pub(crate) fn plan(request: &Request, dropped: &mut Vec<String>) -> Plan {
    let version = version(&request.model);
    let from = |least: (u64, u64)| version.is_some_and(|version| version >= least);
    let plain =
        Plan { is_fixed: from((4, 7)), is_new: from((4, 1)), is_adaptive_only: from((4, 7)), ..Plan::default() };
    let Some(reasoning) = &*wanted(request) else { return plain };
    let is_own = request.origin == Dialect::Anthropic;
    if reasoning.is_off() {
        return Plan { thinking: Some(json!({"type": "disabled"})), ..plain };
    }
    if !reasoning.is_asked() {
        // Only how to show it, should there be any.
        return plain;
    }
    if is_own && !reasoning.is_on && reasoning.budget.is_none() {
        // Anthropic's effort is about the whole output; thinking is a separate field.
        return Plan { effort: reasoning.effort.map(word), ..plain };
    }
    let name = if request.reasoning.is_none() { BORROWED } else { request.reasoning_field() };
    if !is_own && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_))) {
        // Thinking may not be enabled when a call is forced; the forced call takes precedence.
        dropped.push(name.to_owned());
        return plain;
    }
    let by_budget = reasoning.budget.is_some() && !plain.is_adaptive_only;
    if from((4, 6)) && !by_budget {
        let effort = reasoning.word().map(word);
        return Plan { thinking: Some(shown(json!({"type": "adaptive"}), reasoning)), effort, is_fixed: true, ..plain };
    }
    let wanted =
        reasoning.budget.unwrap_or_else(|| reasoning.effort.unwrap_or(Effort::Medium).budget(request.max_output));
    // It must be less than the limit that it counts towards.
    let budget = match request.max_output {
        Some(max) if !is_own => wanted.min(max.saturating_sub(1)),
        _ => wanted,
    };
    if !is_own && (budget < LEAST || has_call_without_thinking(request)) {
        dropped.push(name.to_owned());
        return plain;
    }
    let effort = reasoning.effort.filter(|_| reasoning.budget.is_some() && from((4, 5))).map(word);
    let thinking = shown(json!({"type": "enabled", "budget_tokens": budget}), reasoning);
    Plan { thinking: Some(thinking), effort, is_fixed: true, budget: Some(budget), ..plain }
}

fn shown(thinking: Value, reasoning: &Reasoning) -> Value {
    let mut thinking: Map<String, Value> = thinking.as_object().cloned().unwrap_or_default();
    if reasoning.is_hidden {
        thinking.insert("display".to_owned(), json!("omitted"));
    } else if reasoning.summary.is_some() {
        thinking.insert("display".to_owned(), json!("summarized"));
    }
    Value::Object(thinking)
}

/// Anthropic's word. Every model that knows efforts knows these.
fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Extreme => "max",
    }
}

/// With a budget, a turn that made calls must begin with its thinking until the next user message. Turns of other
/// providers have none that Anthropic accepts.
fn has_call_without_thinking(request: &Request) -> bool {
    let turns = request.messages.iter().rev().take_while(|message| message.role != Role::User);
    turns.filter(|message| message.role == Role::Assistant).any(|message| {
        let calls = message.parts.iter().any(|part| matches!(part.kind, PartKind::Call { .. }));
        let is_proven = |kind: &PartKind| {
            let PartKind::Reasoning { signature, encrypted, .. } = kind else { return false };
            [signature, encrypted].into_iter().any(|proof| own(proof.as_ref(), Dialect::Anthropic).is_some())
        };
        calls && !message.parts.iter().any(|part| is_proven(&part.kind))
    })
}

/// The version that a name such as `claude-opus-4-5-20251101`, `us.anthropic.claude-3-7-sonnet-20250219-v1:0` or
/// `claude-sonnet-5` tells.
pub(crate) fn version(model: &str) -> Option<(u64, u64)> {
    let (_, name) = model.split_once("claude")?;
    let mut words =
        name.split(|character: char| !character.is_ascii_alphanumeric()).skip_while(|word| number(word).is_none());
    let major = number(words.next()?)?;
    Some((major, words.next().and_then(number).unwrap_or(0)))
}

/// Longer ones are dates.
fn number(word: &str) -> Option<u64> {
    if word.len() > 2 { None } else { word.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn names_tell_versions() {
        assert_eq!(version("claude-opus-4-5-20251101"), Some((4, 5)));
        assert_eq!(version("us.anthropic.claude-3-7-sonnet-20250219-v1:0"), Some((3, 7)));
        assert_eq!(version("anthropic/claude-sonnet-4.6"), Some((4, 6)));
        assert_eq!(version("claude-opus-4-20250514"), Some((4, 0)));
        assert_eq!(version("claude-sonnet-5"), Some((5, 0)));
        assert_eq!(version("claude-opus-4@20250514"), Some((4, 0)));
        assert_eq!(version("claude-latest"), None);
        assert_eq!(version("kimi-k2"), None);
    }
}
