//! A request in generateContent.

use serde_json::{Map, Value, json};

use super::{contents, thinking};
use crate::codec::Encoded;
use crate::dialect::{Dialect, Quirks};
use crate::json::put;
use crate::leftover;
use crate::request::{Format, PartKind, Request, Tool, ToolChoice};

// Google's own fields, which clients of other dialects add to theirs, some of them in snake case.
const OWN: [(&str, &str); 3] =
    [("safetySettings", "safety_settings"), ("cachedContent", "cached_content"), ("labels", "labels")];
const TAKEN: [&str; 6] =
    ["modalities", "safetySettings", "safety_settings", "cachedContent", "cached_content", "labels"];

/// Writes a request. The model stands in the URL.
#[must_use]
pub fn encode(request: &Request, _quirks: &Quirks) -> Encoded {
    let mut dropped = Vec::new();
    let mut body = Map::new();
    let (instructions, messages) = request.split_instructions();
    let texts: Vec<Value> = instructions
        .iter()
        .filter_map(|part| part.kind.text().filter(|text| !text.is_empty()))
        .map(|text| json!({"text": text}))
        .collect();
    if texts.len()
        < instructions.iter().filter(|part| !matches!(&part.kind, PartKind::Text(text) if text.is_empty())).count()
    {
        dropped.push("messages[0].content".to_owned());
    }
    let first = request.messages.len() - messages.len();
    let wants_signatures = thinking::has_levels(&request.model);
    let contents = contents::write_all(messages, first, wants_signatures, &mut dropped);
    // Contents must not be empty, so instructions alone are what is asked.
    if contents.is_empty() && !texts.is_empty() {
        body.insert("contents".to_owned(), json!([{"role": "user", "parts": texts}]));
    } else {
        if !texts.is_empty() {
            body.insert("systemInstruction".to_owned(), json!({"parts": texts}));
        }
        body.insert("contents".to_owned(), Value::Array(contents));
    }
    let tools = tools(&request.tools, &mut dropped);
    if !tools.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools));
    }
    for (name, ours) in OWN {
        put(&mut body, name, [name, ours].iter().find_map(|name| request.extra.get(*name)).cloned());
    }
    let has_functions = request.tools.iter().any(|tool| matches!(tool, Tool::Function { .. }));
    if let Some(choice) = request.tool_choice.as_ref().filter(|_| has_functions) {
        body.insert("toolConfig".to_owned(), json!({"functionCallingConfig": calling(choice)}));
    }
    let config = config(request);
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    if has_functions && request.parallel_calls == Some(false) {
        let name = match request.origin {
            Dialect::Anthropic => "tool_choice.disable_parallel_tool_use",
            _ => "parallel_tool_calls",
        };
        dropped.push(name.to_owned());
    }
    dropped.extend(leftover::names(request, &TAKEN));
    Encoded { body: Value::Object(body), dropped }
}

fn tools(offered: &[Tool], dropped: &mut Vec<String>) -> Vec<Value> {
    let (mut functions, mut tools) = (Vec::new(), Vec::new());
    for tool in offered {
        match tool {
            Tool::Function { name, description, parameters, .. } => {
                let mut function = Map::from_iter([("name".to_owned(), json!(name))]);
                put(&mut function, "description", description.clone());
                // `parameters` would be Google's own subset of OpenAPI, which knows neither `$ref` nor
                // `additionalProperties`; this field takes JSON schema as it stands.
                put(&mut function, "parametersJsonSchema", parameters.clone());
                functions.push(Value::Object(function));
            }
            Tool::Opaque { dialect: Dialect::Gemini, value } => tools.push(value.clone()),
            Tool::Opaque { .. } => dropped.extend(leftover::tool(tool)),
        }
    }
    if !functions.is_empty() {
        tools.insert(0, json!({"functionDeclarations": functions}));
    }
    tools
}

fn calling(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    }
}

fn config(request: &Request) -> Map<String, Value> {
    let mut config = Map::new();
    put(&mut config, "maxOutputTokens", request.max_output);
    put(&mut config, "temperature", request.temperature);
    put(&mut config, "topP", request.top_p);
    put(&mut config, "topK", request.top_k);
    if !request.stop.is_empty() {
        config.insert("stopSequences".to_owned(), json!(request.stop));
    }
    put(&mut config, "seed", request.seed);
    put(&mut config, "presencePenalty", request.presence_penalty);
    put(&mut config, "frequencyPenalty", request.frequency_penalty);
    put(&mut config, "candidateCount", request.n.filter(|n| *n > 1));
    if let Some(top) = request.logprobs {
        config.insert("responseLogprobs".to_owned(), json!(true));
        put(&mut config, "logprobs", Some(top).filter(|top| *top > 0));
    }
    match &request.format {
        None => {}
        Some(Format::Text) => put(&mut config, "responseMimeType", Some("text/plain")),
        Some(Format::Json) => put(&mut config, "responseMimeType", Some("application/json")),
        Some(Format::Schema { schema, .. }) => {
            put(&mut config, "responseMimeType", Some("application/json"));
            config.insert("responseJsonSchema".to_owned(), schema.clone());
        }
    }
    // Image models draw only when they are told to; clients of Chat Completions say so in small letters.
    let kinds = request.extra.get("modalities").and_then(Value::as_array);
    let kinds: Option<Vec<String>> =
        kinds.map(|kinds| kinds.iter().filter_map(Value::as_str).map(str::to_uppercase).collect());
    put(&mut config, "responseModalities", kinds.filter(|kinds| !kinds.is_empty()));
    let thinking = request.reasoning.as_ref().and_then(|reasoning| thinking::config(reasoning, &request.model));
    put(&mut config, "thinkingConfig", thinking);
    config
}
