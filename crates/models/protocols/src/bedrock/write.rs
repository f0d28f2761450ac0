//! A request to Bedrock. The model's name goes into the address and stays out of the body.

mod content;
mod model;

use serde_json::{Map, Value, json};

use crate::anthropic::{BORROWED, is_in_vain};
use crate::codec::Encoded;
use crate::dialect::{Dialect, Quirks};
use crate::json::{Look, put};
use crate::leftover;
use crate::request::{Format, Request, Tool, ToolChoice};
use crate::schema;
use model::{Maker, Words};

// Bedrock's own, which a client of another dialect may send along.
const OWN: [&str; 6] = [
    "guardrailConfig",
    "performanceConfig",
    "requestMetadata",
    "promptVariables",
    "additionalModelRequestFields",
    BORROWED,
];

/// Writes a request.
#[must_use]
pub fn encode(request: &Request, _quirks: &Quirks) -> Encoded {
    let maker = Maker::of(&request.model);
    let mut dropped: Vec<String> = leftover::names(request, &OWN).collect();
    let borrowed = request.extra.iter().filter(|(name, _)| OWN.contains(&name.as_str()) && *name != BORROWED);
    let mut body: Map<String, Value> = borrowed.map(|(name, value)| (name.clone(), value.clone())).collect();
    dropped.extend(is_in_vain(request).then(|| BORROWED.to_owned()));
    let words = model::words(request, maker, &mut dropped);
    let (system, messages) = content::encode(request, maker, &mut dropped);
    put(&mut body, "system", (!system.is_empty()).then_some(system));
    body.insert("messages".to_owned(), Value::Array(messages));
    tools(request, maker, &mut body, &mut dropped);
    let config = inference(request, &words, &mut dropped);
    put(&mut body, "inferenceConfig", (!config.is_empty()).then_some(config));
    put(&mut body, "outputConfig", format(request, maker, &mut dropped));
    if !words.fields.is_empty() {
        let mut fields = words.fields;
        let given = body.remove("additionalModelRequestFields");
        fields.extend(given.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
        body.insert("additionalModelRequestFields".to_owned(), Value::Object(fields));
    }
    if !request.stop.is_empty() && maker == Maker::Anthropic {
        // Which stop text it was is only said when it is asked for; the places in whole answers and in streams differ.
        body.insert("additionalModelResponseFieldPaths".to_owned(), json!(["/stop_sequence", "/delta/stop_sequence"]));
    }
    Encoded { body: Value::Object(body), dropped }
}

fn inference(request: &Request, words: &Words, dropped: &mut Vec<String>) -> Map<String, Value> {
    let mut config = Map::new();
    let mut drop = |name: &str| dropped.push(name.to_owned());
    if words.takes_no_limit && request.max_output.is_some() {
        drop("max_tokens");
    }
    put(&mut config, "maxTokens", request.max_output.filter(|_| !words.takes_no_limit).or(words.max_tokens));
    match request.temperature {
        // With thinking only the usual 1 is taken; Converse goes up to 1.
        Some(temperature) if words.is_fixed || temperature > 1.0 => {
            if temperature != 1.0 {
                drop("temperature");
            }
        }
        other => put(&mut config, "temperature", other),
    }
    match request.top_p {
        Some(top_p) if words.is_fixed => {
            if top_p != 1.0 {
                drop("top_p");
            }
        }
        Some(top_p) if words.takes_one && config.contains_key("temperature") => {
            if top_p != 1.0 {
                drop("top_p");
            }
        }
        other => put(&mut config, "topP", other),
    }
    put(&mut config, "stopSequences", (!request.stop.is_empty()).then(|| json!(request.stop)));
    let has = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let unknown = [
        ("seed", request.seed.is_some()),
        ("presence_penalty", has(request.presence_penalty)),
        ("frequency_penalty", has(request.frequency_penalty)),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("logprobs", request.logprobs.is_some()),
        ("parallel_tool_calls", request.parallel_calls == Some(false) && !request.tools.is_empty()),
    ];
    unknown.iter().filter(|(_, is_asked)| *is_asked).for_each(|(name, _)| drop(name));
    config
}

fn format(request: &Request, maker: Maker, dropped: &mut Vec<String>) -> Option<Value> {
    let format = request.format.as_ref().filter(|format| **format != Format::Text)?;
    if let Format::Schema { name, description, schema, .. } = format
        && maker.enforces_schemas(&request.model)
        && let Some(schema) = schema::narrow(schema)
    {
        let text = schema.to_string();
        let mut object = Map::from_iter([("name".to_owned(), json!(name)), ("schema".to_owned(), json!(text))]);
        put(&mut object, "description", description.clone());
        return Some(json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": object}}}));
    }
    let name = if request.origin == Dialect::Anthropic { "output_config.format" } else { "response_format" };
    dropped.push(name.to_owned());
    None
}

fn tools(request: &Request, maker: Maker, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    let called = crate::anthropic::called(request);
    let mut choice = request.tool_choice.clone();
    let mut list = Vec::new();
    if choice == Some(ToolChoice::None) && called.is_empty() {
        // There is no such choice; offering no tools has the same effect.
        return;
    }
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, cache } => {
                let schema = parameters.as_ref().map_or_else(schema::nothing, schema::of_object);
                let is_strict = *strict == Some(true) && maker.enforces_schemas(&request.model);
                let narrowed = schema::narrow(&schema).filter(|_| is_strict);
                // A schema that cannot be closed is not enforced.
                let is_strict = narrowed.is_some();
                let schema = narrowed.unwrap_or(schema);
                let mut spec = Map::from_iter([
                    ("name".to_owned(), json!(name)),
                    ("inputSchema".to_owned(), json!({"json": schema})),
                ]);
                put(&mut spec, "description", description.clone().filter(|text| !text.is_empty()));
                put(&mut spec, "strict", is_strict.then_some(true));
                list.push(json!({"toolSpec": spec}));
                // Nova keeps messages and instructions only.
                list.extend(cache.as_ref().filter(|_| maker == Maker::Anthropic).map(content::cache_point));
            }
            Tool::Opaque { dialect: Dialect::Bedrock, value } => list.push(value.clone()),
            Tool::Opaque { value, .. } => {
                dropped.push(format!("tools.{}", value.text("type").or(value.text("name")).unwrap_or("unknown")));
            }
        }
    }
    if choice == Some(ToolChoice::None) {
        dropped.push("tool_choice".to_owned());
        choice = None;
    }
    if list.is_empty() {
        // A history with calls is refused without tools, so those that it has are shown.
        let shown = |name: &str| json!({"toolSpec": {"name": name, "inputSchema": {"json": schema::nothing()}}});
        list = called.into_iter().map(shown).collect();
        choice = None;
    }
    if list.is_empty() {
        return;
    }
    let is_forced = matches!(choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    if is_forced && !maker.forces(choice.as_ref(), list.len()) {
        dropped.push("tool_choice".to_owned());
        choice = None;
    }
    let mut config = Map::from_iter([("tools".to_owned(), Value::Array(list))]);
    let choice = choice.and_then(|choice| match choice {
        ToolChoice::Auto => Some(json!({"auto": {}})),
        ToolChoice::Required => Some(json!({"any": {}})),
        // The one tool that there is.
        ToolChoice::Named(_) if maker == Maker::Mistral => Some(json!({"any": {}})),
        ToolChoice::Named(name) => Some(json!({"tool": {"name": name}})),
        ToolChoice::None => None,
    });
    put(&mut config, "toolChoice", choice);
    body.insert("toolConfig".to_owned(), Value::Object(config));
}
