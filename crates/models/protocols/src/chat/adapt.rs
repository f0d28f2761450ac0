//! A client's request whose provider speaks its dialect, in words that the provider does not know.
//!
//! Such a request is not translated: its bytes go on as they are. But "Chat Completions" is spoken in many ways, and a
//! client that says how to think in OpenAI's way, or that a tool must be called, is refused or ignored by providers
//! that use other fields. This finds the few fields that have to change; where the client speaks as the provider does,
//! there are none.

use serde_json::{Map, Value, json};

use super::forced::{self, Fit};
use super::{ask, read, thinking};
use crate::dialect::{Forcing, Quirks, Thinking};
use crate::json::Look;
use crate::reasoning::Effort;
use crate::request::ToolChoice;

/// The fields that are looked at. A gateway need not read any other.
pub const STEERING: [&str; 13] = [
    "reasoning_effort",
    "reasoning_format",
    "reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "chat_template_kwargs",
    "include_reasoning",
    "disable_reasoning",
    "tool_choice",
    "tools",
    "max_tokens",
    "max_completion_tokens",
];

/// What has to change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Adapted {
    /// Fields with what they become; `None` for those that are left out. Each field comes once.
    pub changes: Vec<(&'static str, Option<Value>)>,
    /// What the client asked for and the provider has no words for, by the client's name of the field.
    pub dropped: Vec<String>,
}

/// Finds what has to change in a request for `model` whose provider has `quirks`. `fields` are those of [`STEERING`] that
/// the request has; others are not looked at.
///
/// Nothing changes for a provider of which nobody knows how it wants to be told ([`Thinking::Said`]), and nothing about
/// thinking when what the client says of it is wrong: the provider will say so.
#[must_use]
pub fn adapt(fields: &Map<String, Value>, model: &str, quirks: &Quirks) -> Adapted {
    let mut adapted = Adapted::default();
    let mut rest = fields.clone();
    let said = thinking::read(&mut rest).ok().flatten();
    let most = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| fields.get(*name)?.as_u64());
    if let Some(said) = &said
        && !is_understood(fields, quirks.thinking)
    {
        let field = if said.field.is_empty() { "reasoning_effort" } else { said.field };
        let asked = thinking::Asked { model, max_output: most, field, insists: true };
        let mut written: Map<String, Value> =
            rest.into_iter().filter(|(name, _)| thinking::FIELDS.contains(&name.as_str())).collect();
        thinking::write(said, quirks.thinking, asked, &mut written, &mut adapted.dropped);
        for name in thinking::FIELDS.into_iter().chain(["reasoning_format"]) {
            let (before, after) = (fields.get(name), written.remove(name));
            let is_new = name != "reasoning_format" || after.is_some();
            if is_new && before != after.as_ref() {
                adapted.changes.push((name, after));
            }
        }
    }
    let choice = fields.get("tool_choice").filter(|choice| !choice.is_null());
    let choice = choice.and_then(|choice| read::tool_choice(choice).ok());
    if let Some(choice) = choice {
        let thinks = forced::thinks(said.as_ref(), model, quirks.forcing);
        adapted.choose(&choice, fields, thinks, quirks.forcing);
    }
    adapted
}

impl Adapted {
    fn choose(&mut self, choice: &ToolChoice, fields: &Map<String, Value>, thinks: bool, forcing: Forcing) {
        let tools = fields.get("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let only = if let [only] = tools { only.pointer("/function/name").and_then(Value::as_str) } else { None };
        match forced::fit(choice, only, thinks, forcing) {
            Fit::Same => {}
            Fit::Other(ToolChoice::Named(name)) => self.changes.push(("tool_choice", Some(ask::named(&name)))),
            Fit::Other(_) => {}
            Fit::NoTools => self.changes.extend([("tool_choice", None), ("tools", None)]),
            Fit::Auto => {
                self.changes.push(("tool_choice", Some(json!("auto"))));
                self.dropped.push("tool_choice".to_owned());
            }
        }
    }
}

/// Whether all that a client says about thinking is in the provider's words.
fn is_understood(fields: &Map<String, Value>, how: Thinking) -> bool {
    let known: &[&str] = match how {
        Thinking::Said => return true,
        Thinking::Effort | Thinking::Xai | Thinking::Mistral => &["reasoning_effort"],
        Thinking::Groq => &["reasoning_effort", "include_reasoning"],
        Thinking::Object => &["reasoning", "reasoning_effort", "include_reasoning"],
        Thinking::Together => &["reasoning", "reasoning_effort", "chat_template_kwargs"],
        Thinking::Enable => &["enable_thinking", "thinking_budget"],
        Thinking::Switch => &["thinking", "reasoning_effort"],
        Thinking::Template => &["chat_template_kwargs", "reasoning_effort"],
    };
    let said = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let has_foreign = thinking::FIELDS.iter().any(|name| said(name) && !known.contains(name));
    // Where thinking has a switch, the effort "none" does not turn it off; and a chat template ignores an effort alone.
    let effort = fields.get("reasoning_effort").and_then(Value::as_str);
    let is_off = effort.and_then(Effort::parse) == Some(Effort::None);
    let is_ignored = match how {
        Thinking::Switch => is_off && !said("thinking"),
        Thinking::Together => is_off && !said("reasoning"),
        Thinking::Template => effort.is_some() && !said("chat_template_kwargs"),
        _ => false,
    };
    // Together's object has a switch and nothing else.
    let is_graded =
        how == Thinking::Together && fields.get("reasoning").is_some_and(|object| object.text("effort").is_some());
    !(has_foreign || is_ignored || is_graded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(fields: Value, model: &str, quirks: Quirks) -> (Value, Vec<String>) {
        let found = adapt(fields.as_object().unwrap(), model, &quirks);
        let changes = found.changes.into_iter().map(|(name, value)| (name.to_owned(), value.unwrap_or_default()));
        (Value::Object(changes.collect()), found.dropped)
    }

    fn thinking(how: Thinking) -> Quirks {
        Quirks { thinking: how, ..Quirks::default() }
    }

    #[test]
    fn who_speaks_as_the_provider_does_is_left_alone() {
        for (how, fields) in [
            (Thinking::Effort, json!({"reasoning_effort": "high", "tool_choice": "required"})),
            (Thinking::Effort, json!({"max_tokens": 3})),
            (Thinking::Object, json!({"reasoning": {"max_tokens": 9}})),
            (Thinking::Enable, json!({"enable_thinking": true, "thinking_budget": 9})),
            (Thinking::Switch, json!({"thinking": {"type": "disabled"}})),
            (Thinking::Switch, json!({"thinking": {"type": "enabled"}, "reasoning_effort": "max"})),
            (Thinking::Template, json!({"chat_template_kwargs": {"enable_thinking": false}})),
            (Thinking::Said, json!({"thinking": {"type": "enabled"}, "enable_thinking": true})),
            (Thinking::Effort, json!({"thinking": {"type": "enabled", "budget_tokens": "wrong"}})),
        ] {
            assert_eq!(adapted(fields.clone(), "m", thinking(how)), (json!({}), vec![]), "{how:?} {fields}");
        }
    }

    #[test]
    fn what_the_provider_does_not_know_is_said_in_its_own_words() {
        for (how, model, fields, expected) in [
            (
                Thinking::Enable,
                "qwen-plus",
                json!({"reasoning_effort": "none"}),
                json!({"reasoning_effort": null, "enable_thinking": false}),
            ),
            (
                Thinking::Effort,
                "gpt-5.4",
                json!({"thinking": {"type": "disabled"}}),
                json!({"thinking": null, "reasoning_effort": "none"}),
            ),
            (
                Thinking::Switch,
                "kimi-k2.6",
                json!({"enable_thinking": false}),
                json!({"enable_thinking": null, "thinking": {"type": "disabled"}}),
            ),
            (
                Thinking::Switch,
                "deepseek-v4-pro",
                json!({"reasoning_effort": "none"}),
                json!({"reasoning_effort": null, "thinking": {"type": "disabled"}}),
            ),
            (
                Thinking::Template,
                "Qwen/Qwen3-8B",
                json!({"reasoning_effort": "none", "chat_template_kwargs": null}),
                json!({"reasoning_effort": null, "chat_template_kwargs": {"enable_thinking": false, "thinking": false}}),
            ),
            (
                Thinking::Template,
                "Qwen/Qwen3-8B",
                json!({"enable_thinking": true, "chat_template_kwargs": {"custom": 1}}),
                json!({"enable_thinking": null,
                    "chat_template_kwargs": {"custom": 1, "enable_thinking": true, "thinking": true}}),
            ),
            (
                Thinking::Object,
                "m",
                json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
                json!({"thinking": null, "reasoning": {"max_tokens": 2000}}),
            ),
            (
                Thinking::Groq,
                "qwen/qwen3-32b",
                json!({"enable_thinking": true}),
                json!({"enable_thinking": null, "reasoning_effort": "default", "reasoning_format": "parsed"}),
            ),
        ] {
            assert_eq!(adapted(fields.clone(), model, thinking(how)), (expected, vec![]), "{how:?} {fields}");
        }
        let (changes, dropped) = adapted(json!({"enable_thinking": true}), "gpt-4.1", thinking(Thinking::Effort));
        assert_eq!((changes, dropped), (json!({"enable_thinking": null}), vec!["enable_thinking".to_owned()]));
    }

    #[test]
    fn a_call_that_cannot_be_forced_is_allowed_and_that_is_told() {
        let tools = json!([{"type": "function", "function": {"name": "look"}}]);
        let ask = |choice: Value| json!({"tools": tools, "tool_choice": choice});
        let forcing = |forcing: Forcing| Quirks { forcing, ..Quirks::default() };
        let named = json!({"type": "function", "function": {"name": "look"}});
        for choice in [json!("required"), named.clone()] {
            let (changes, dropped) = adapted(ask(choice), "kimi-k2.6", forcing(Forcing::Never));
            assert_eq!((changes, dropped), (json!({"tool_choice": "auto"}), vec!["tool_choice".to_owned()]));
        }
        let only = adapted(ask(json!("required")), "qwen-plus", forcing(Forcing::Named));
        assert_eq!(only, (json!({"tool_choice": named}), vec![]));
        let none = adapted(ask(json!("none")), "glm-4.6", forcing(Forcing::AutoOnly));
        assert_eq!(none, (json!({"tool_choice": null, "tools": null}), vec![]));
        assert_eq!(adapted(ask(json!("auto")), "glm-4.6", forcing(Forcing::AutoOnly)), (json!({}), vec![]));
        assert_eq!(adapted(ask(json!("required")), "gpt-4.1", forcing(Forcing::Any)), (json!({}), vec![]));
    }
}
