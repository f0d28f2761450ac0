//! A request in Responses, for a provider.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::write_item;
use crate::codec::Encoded;
use crate::dialect::{Dialect, Quirks};
use crate::json::{Look, put};
use crate::leftover;
use crate::proof::own;
use crate::request::{Effort, Format, Message, Part, PartKind, Reasoning, Request, Role, Tool, ToolChoice};

// OpenAI refuses to be asked for fewer tokens, which the other dialects allow.
const LEAST: u64 = 16;

/// Writes a request.
#[must_use]
pub fn encode(request: &Request, quirks: &Quirks) -> Encoded {
    let mut dropped = Vec::new();
    let mut body = Map::from_iter([("model".to_owned(), json!(request.model))]);
    let (instructions, messages) = instructions(request);
    put(&mut body, "instructions", instructions);
    let customs = customs(&request.tools);
    let wants_thinking = quirks.wants_reasoning_back || request.origin == Dialect::Responses;
    let input = write_item::write_all(messages, &customs, wants_thinking, &mut dropped);
    body.insert("input".to_owned(), Value::Array(input));
    let mut tools = Vec::new();
    for offered in &request.tools {
        match tool(offered, request.origin) {
            Some(tool) => tools.push(tool),
            None => dropped.extend(leftover::tool(offered)),
        }
    }
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
    }
    put(&mut body, "tool_choice", request.tool_choice.as_ref().map(|choice| tool_choice(choice, &customs)));
    put(&mut body, "parallel_tool_calls", request.parallel_calls);
    put(&mut body, "max_output_tokens", request.max_output.map(|most| most.max(LEAST)));
    if request.max_output.is_some_and(|most| most < LEAST) {
        dropped.push(if request.origin == Dialect::Responses { "max_output_tokens" } else { "max_tokens" }.to_owned());
    }
    put(&mut body, "temperature", request.temperature);
    put(&mut body, "top_p", request.top_p);
    put(&mut body, "user", request.user.clone());
    if request.stream {
        body.insert("stream".to_owned(), json!(true));
    }
    if let Some(format) = &request.format {
        body.insert("text".to_owned(), json!({"format": self::format(format, request.origin)}));
    }
    if let Some(reasoning) = &request.reasoning {
        let reasoning = self::reasoning(reasoning, request);
        if reasoning.as_object().is_some_and(|object| !object.is_empty()) {
            body.insert("reasoning".to_owned(), reasoning);
        } else if request.reasoning.as_ref().is_some_and(Reasoning::is_asked) {
            dropped.push(request.reasoning_field().to_owned());
        }
    }
    put(&mut body, "top_logprobs", request.logprobs.filter(|top| *top > 0));
    let include = include(request);
    if !include.is_empty() {
        body.insert("include".to_owned(), json!(include));
    }
    missing(request, &mut dropped);
    extra(request, &mut body, &mut dropped);
    Encoded { body: Value::Object(body), dropped }
}

/// The text of `instructions` and the messages behind it. Only a request that came with it has it; elsewhere the
/// operator's messages stand in the input, where they keep their roles and their places.
fn instructions(request: &Request) -> (Option<&str>, &[Message]) {
    if let (Dialect::Responses, Some((first, rest))) = (request.origin, request.messages.split_first())
        && let (Role::System, [only]) = (first.role, first.parts.as_slice())
        && let Some(text) = only.kind.text()
    {
        return (Some(text), rest);
    }
    (None, &request.messages)
}

/// The names of tools that take free text, in this dialect or in that of Chat Completions.
fn customs(tools: &[Tool]) -> BTreeSet<String> {
    let names = tools.iter().filter_map(|tool| match tool {
        Tool::Opaque { value, .. } if value.text("type") == Some("custom") => {
            value.text("name").or_else(|| value.pointer("/custom/name").and_then(Value::as_str))
        }
        Tool::Opaque { .. } | Tool::Function { .. } => None,
    });
    names.map(str::to_owned).collect()
}

fn tool(tool: &Tool, origin: Dialect) -> Option<Value> {
    match tool {
        Tool::Function { name, description, parameters, strict, .. } => {
            let nothing = || json!({"type": "object", "properties": {}});
            let mut object = Map::from_iter([
                ("type".to_owned(), json!("function")),
                ("name".to_owned(), json!(name)),
                ("parameters".to_owned(), parameters.clone().unwrap_or_else(nothing)),
            ]);
            put(&mut object, "description", description.clone());
            // Absent means strict here, and not strict in every other dialect.
            let silent = (origin != Dialect::Responses).then_some(false);
            put(&mut object, "strict", strict.or(silent));
            Some(Value::Object(object))
        }
        Tool::Opaque { dialect: Dialect::Responses, value } => Some(value.clone()),
        Tool::Opaque { dialect: Dialect::Chat, value } if value.text("type") == Some("custom") => {
            let mut object = value.get("custom")?.as_object()?.clone();
            // Chat Completions nests the grammar once more.
            let grammar = object.get("format").and_then(|format| format.get("grammar")).cloned();
            if let Some(Value::Object(mut grammar)) = grammar {
                grammar.insert("type".to_owned(), json!("grammar"));
                object.insert("format".to_owned(), Value::Object(grammar));
            }
            object.insert("type".to_owned(), json!("custom"));
            Some(Value::Object(object))
        }
        Tool::Opaque { .. } => None,
    }
}

fn tool_choice(choice: &ToolChoice, customs: &BTreeSet<String>) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) if customs.contains(name) => json!({"type": "custom", "name": name}),
        ToolChoice::Named(name) => json!({"type": "function", "name": name}),
    }
}

fn format(format: &Format, origin: Dialect) -> Value {
    match format {
        Format::Text => json!({"type": "text"}),
        Format::Json => json!({"type": "json_object"}),
        Format::Schema { name, description, schema, strict } => {
            let mut object = Map::from_iter([
                ("type".to_owned(), json!("json_schema")),
                ("name".to_owned(), json!(name)),
                ("schema".to_owned(), schema.clone()),
            ]);
            put(&mut object, "description", description.clone());
            let silent = (origin != Dialect::Responses).then_some(false);
            put(&mut object, "strict", strict.or(silent));
            Value::Object(object)
        }
    }
}

/// A budget becomes the word whose share of the answer it comes closest to from below.
fn reasoning(reasoning: &Reasoning, request: &Request) -> Value {
    let words = [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];
    let from_budget = |budget: u64| {
        let fits = words.into_iter().rev().find(|word| budget >= word.budget(request.max_output));
        if budget == 0 { Effort::None } else { fits.unwrap_or(Effort::Minimal) }
    };
    let effort = reasoning.effort.or(reasoning.budget.map(from_budget));
    // Some models do not think unless they are told how much.
    let effort = effort.or((reasoning.is_on && request.origin == Dialect::Chat).then_some(Effort::Medium));
    let mut object = Map::new();
    put(&mut object, "effort", effort.and_then(|effort| crate::chat::effort_word(effort, &request.model)));
    // Clients of the other dialects see thinking without asking for it.
    let is_shown = request.origin != Dialect::Responses && effort != Some(Effort::None) && !reasoning.is_hidden;
    put(&mut object, "summary", reasoning.summary.clone().or(is_shown.then(|| "auto".to_owned())));
    Value::Object(object)
}

fn include(request: &Request) -> Vec<Value> {
    let mut include: Vec<Value> = Vec::new();
    if request.origin == Dialect::Responses {
        include.extend(request.extra.get("include").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    if request.logprobs.is_some() {
        include.push(json!("message.output_text.logprobs"));
    }
    // Without it the model loses its thinking between two calls. Models that do not think refuse it, so it is only
    // requested together with thinking.
    let thinks = request.reasoning.as_ref().is_some_and(|reasoning| reasoning.effort != Some(Effort::None));
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let is_sealed = |part: &Part| match &part.kind {
        PartKind::Reasoning { encrypted, .. } => own(encrypted.as_ref(), Dialect::Responses).is_some(),
        _ => false,
    };
    if thinks || parts.into_iter().any(is_sealed) {
        include.push(json!("reasoning.encrypted_content"));
    }
    include
}

/// What this dialect cannot say.
fn missing(request: &Request, dropped: &mut Vec<String>) {
    let stop = if request.origin == Dialect::Anthropic { "stop_sequences" } else { "stop" };
    let fields = [
        ("top_k", request.top_k.is_some()),
        (stop, !request.stop.is_empty()),
        ("seed", request.seed.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("n", request.n.is_some_and(|n| n > 1)),
    ];
    dropped.extend(fields.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()));
}

/// Fields that were not read. From this dialect all of them go on.
fn extra(request: &Request, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    // The same in both dialects of OpenAI.
    const SHARED: [&str; 6] =
        ["metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"];
    if request.origin == Dialect::Responses {
        for (name, value) in request.extra.iter().filter(|(name, _)| *name != "include") {
            match (body.get_mut(name), value) {
                // The rest of `text` and `reasoning`, of which we read a part.
                (Some(Value::Object(object)), Value::Object(rest)) => object.extend(rest.clone()),
                _ => {
                    body.insert(name.clone(), value.clone());
                }
            }
        }
        return;
    }
    if request.origin == Dialect::Chat {
        let shared = SHARED.into_iter().filter_map(|name| Some((name.to_owned(), request.extra.get(name)?.clone())));
        body.extend(shared);
        if let Some(verbosity) = request.extra.get("verbosity") {
            let text = body.entry("text").or_insert_with(|| json!({}));
            text["verbosity"] = verbosity.clone();
        }
        dropped.extend(leftover::names(request, &["verbosity"]));
    } else {
        dropped.extend(leftover::names(request, &[]));
    }
    // Absent means stored here, and not stored in every other dialect.
    body.entry("store").or_insert(json!(false));
}
