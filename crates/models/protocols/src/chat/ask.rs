//! A request to a provider in Chat Completions, with the provider's habits.

use serde_json::{Map, Value, json};

use super::extra;
use super::forced::{self, Fit};
use super::thinking;
use crate::codec::Encoded;
use crate::dialect::{Dialect, Quirks, Thinking};
use crate::json::put;
use crate::leftover;
use crate::proof::Proof;
use crate::request::{Cache, Format, Media, Message, Part, PartKind, Request, Role, Source, Tool, ToolChoice};

/// Writes a request.
#[must_use]
pub fn encode(request: &Request, quirks: &Quirks) -> Encoded {
    let mut dropped = Vec::new();
    // What came in this dialect goes out with its unknown fields; those of another would be refused.
    let mut body = if request.origin == Dialect::Chat { request.extra.clone() } else { Map::new() };
    if request.origin != Dialect::Chat {
        dropped.extend(leftover::names(request, &[]));
    }
    body.insert("model".to_owned(), json!(request.model));
    body.insert("messages".to_owned(), messages(request, quirks, &mut dropped));
    let fit = request.tool_choice.as_ref().map_or(Fit::Same, |choice| self::fit(request, choice, quirks));
    if !request.tools.is_empty() && fit != Fit::NoTools {
        body.insert("tools".to_owned(), tools(&request.tools, &mut dropped));
    }
    let choice = match fit {
        Fit::Same => request.tool_choice.clone(),
        Fit::Other(other) => Some(other),
        Fit::NoTools => None,
        Fit::Auto => {
            dropped.push("tool_choice".to_owned());
            Some(ToolChoice::Auto)
        }
    };
    put(&mut body, "tool_choice", choice.map(|choice| tool_choice(&choice, quirks)));
    put(&mut body, "parallel_tool_calls", request.parallel_calls);
    let most = if quirks.old_max_tokens { "max_tokens" } else { "max_completion_tokens" };
    put(&mut body, most, request.max_output);
    put(&mut body, "temperature", request.temperature);
    put(&mut body, "top_p", request.top_p);
    put(&mut body, "top_k", request.top_k);
    put(&mut body, "stop", (!request.stop.is_empty()).then(|| json!(request.stop)));
    put(&mut body, "seed", request.seed);
    put(&mut body, "presence_penalty", request.presence_penalty);
    put(&mut body, "frequency_penalty", request.frequency_penalty);
    put(&mut body, "n", request.n);
    if let Some(top) = request.logprobs {
        body.insert("logprobs".to_owned(), json!(true));
        put(&mut body, "top_logprobs", (top > 0).then_some(top));
    }
    put(&mut body, "response_format", request.format.as_ref().map(|format| self::format(format, quirks, &mut dropped)));
    if let Some(reasoning) = &request.reasoning {
        let asked = thinking::Asked {
            model: &request.model,
            max_output: request.max_output,
            field: request.reasoning_field(),
            insists: request.origin == Dialect::Chat,
        };
        thinking::write(reasoning, quirks.thinking, asked, &mut body, &mut dropped);
    }
    put(&mut body, "user", request.user.clone());
    if request.stream {
        body.insert("stream".to_owned(), json!(true));
        if !quirks.no_stream_options {
            // Always: the usage is read here whether or not the client wants it.
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
    }
    Encoded { body: Value::Object(body), dropped }
}

fn tools(tools: &[Tool], dropped: &mut Vec<String>) -> Value {
    let mut list = Vec::new();
    for tool in tools {
        match tool {
            Tool::Function { name, description, parameters, strict, cache } => {
                let mut function = Map::from_iter([("name".to_owned(), json!(name))]);
                put(&mut function, "description", description.clone());
                put(&mut function, "parameters", parameters.clone());
                put(&mut function, "strict", *strict);
                let mut tool = json!({"type": "function", "function": function});
                mark(&mut tool, cache.as_ref());
                list.push(tool);
            }
            Tool::Opaque { dialect: Dialect::Chat, value } => list.push(value.clone()),
            Tool::Opaque { value, .. } => dropped.push(name_of(value)),
        }
    }
    Value::Array(list)
}

fn name_of(tool: &Value) -> String {
    let kind = tool.get("type").or_else(|| tool.get("name")).and_then(Value::as_str).unwrap_or("unknown");
    format!("tools.{kind}")
}

fn fit(request: &Request, choice: &ToolChoice, quirks: &Quirks) -> Fit {
    let only = match request.tools.as_slice() {
        [Tool::Function { name, .. }] => Some(name.as_str()),
        _ => None,
    };
    let thinks = forced::thinks(request.reasoning.as_ref(), &request.model, quirks.forcing);
    forced::fit(choice, only, thinks, quirks.forcing)
}

fn tool_choice(choice: &ToolChoice, quirks: &Quirks) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required if quirks.required_is_any => json!("any"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => named(name),
    }
}

/// The choice of one function.
pub(super) fn named(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

fn format(format: &Format, quirks: &Quirks, dropped: &mut Vec<String>) -> Value {
    match format {
        Format::Text => json!({"type": "text"}),
        Format::Json => json!({"type": "json_object"}),
        Format::Schema { .. } if quirks.no_json_schema => {
            // The answer is still JSON; that it keeps to the schema is no longer enforced.
            dropped.push("response_format.json_schema".to_owned());
            json!({"type": "json_object"})
        }
        Format::Schema { name, description, schema, strict } => {
            let mut object = Map::from_iter([("name".to_owned(), json!(name)), ("schema".to_owned(), schema.clone())]);
            put(&mut object, "description", description.clone());
            put(&mut object, "strict", *strict);
            json!({"type": "json_schema", "json_schema": object})
        }
    }
}

fn mark(value: &mut Value, cache: Option<&Cache>) {
    if let Some(cache) = cache {
        let mut mark = Map::from_iter([("type".to_owned(), json!("ephemeral"))]);
        put(&mut mark, "ttl", cache.ttl.clone());
        value["cache_control"] = Value::Object(mark);
    }
}

fn messages(request: &Request, quirks: &Quirks, dropped: &mut Vec<String>) -> Value {
    let mut list = Vec::new();
    for message in &request.messages {
        match message.role {
            Role::Tool => results(message, &mut list, dropped),
            Role::Assistant => list.push(assistant(message, quirks, dropped)),
            Role::System | Role::Developer | Role::User => {
                let role = match message.role {
                    Role::User => "user",
                    Role::Developer if !quirks.no_developer => "developer",
                    _ => "system",
                };
                let mut object = Map::from_iter([("role".to_owned(), json!(role))]);
                object.insert("content".to_owned(), content(&message.parts, dropped));
                put(&mut object, "name", message.name.clone());
                list.push(Value::Object(object));
            }
        }
    }
    Value::Array(list)
}

/// Every result is a message of its own. Pictures cannot be in one, so they follow in a user's message, as OpenAI's own
/// guide has it.
fn results(message: &Message, list: &mut Vec<Value>, dropped: &mut Vec<String>) {
    let mut pictures = Vec::new();
    for part in &message.parts {
        let PartKind::Result { call_id, parts, is_error, .. } = &part.kind else {
            pictures.extend(self::part(part, dropped));
            continue;
        };
        let mut texts: Vec<&str> = Vec::new();
        for part in parts {
            match part.kind.text() {
                Some(text) => texts.push(text),
                None => pictures.extend(self::part(part, dropped)),
            }
        }
        let mut text = texts.join("\n");
        if *is_error && !text.to_lowercase().contains("error") {
            text = format!("error: {text}");
        }
        let content = match &part.cache {
            None => json!(text),
            // Who heeds the mark looks for it at a part.
            Some(cache) => {
                let mut only = json!({"type": "text", "text": text});
                mark(&mut only, Some(cache));
                json!([only])
            }
        };
        list.push(json!({"role": "tool", "tool_call_id": call_id, "content": content}));
    }
    if !pictures.is_empty() {
        list.push(json!({"role": "user", "content": pictures}));
    }
}

fn assistant(message: &Message, quirks: &Quirks, dropped: &mut Vec<String>) -> Value {
    let mut object = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    let (mut said, mut calls, mut thought, mut details) = (Vec::new(), Vec::new(), String::new(), Vec::new());
    let mut images = Vec::new();
    for part in &message.parts {
        match &part.kind {
            PartKind::Call { id, name, arguments, signature } => {
                // An empty text is no JSON, and some servers parse it.
                let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
                let mut call =
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
                extra::sign(&mut call, signature.as_ref());
                calls.push(call);
            }
            PartKind::Reasoning { text, signature, encrypted, id } => {
                thought.push_str(text);
                details.push(detail(text, signature.as_ref(), encrypted.as_ref(), id.as_ref()));
            }
            PartKind::Refusal(text) => put(&mut object, "refusal", Some(text.clone())),
            // Only OpenRouter accepts the model's own pictures in the history.
            PartKind::Image(media) if quirks.thinking == Thinking::Object => {
                let Some(url) = media.url("image/png") else { continue };
                let mut image = json!({"type": "image_url", "image_url": {"url": url}});
                extra::sign(&mut image, media.signature.as_ref());
                images.push(image);
            }
            PartKind::Image(_) => dropped.push("content.image_url".to_owned()),
            PartKind::Text(_)
            | PartKind::File(_)
            | PartKind::Audio(_)
            | PartKind::Result { .. }
            | PartKind::Opaque { .. } => said.push(part.clone()),
        }
    }
    let text = if said.is_empty() { Value::Null } else { content(&said, dropped) };
    object.insert("content".to_owned(), text);
    if !calls.is_empty() {
        object.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    put(&mut object, "images", (!images.is_empty()).then_some(images));
    if quirks.thinking == Thinking::Object && !details.is_empty() {
        object.insert("reasoning_details".to_owned(), Value::Array(details));
    } else if quirks.wants_reasoning_back && !thought.is_empty() {
        object.insert("reasoning_content".to_owned(), json!(thought));
    }
    put(&mut object, "name", message.name.clone());
    Value::Object(object)
}

/// One entry of OpenRouter's `reasoning_details`, with the maker of its proof.
pub(super) fn detail(text: &str, signature: Option<&Proof>, encrypted: Option<&Proof>, id: Option<&String>) -> Value {
    let mut detail = Map::new();
    put(&mut detail, "format", encrypted.or(signature).and_then(Proof::format));
    match encrypted {
        Some(data) => {
            detail.insert("type".to_owned(), json!("reasoning.encrypted"));
            detail.insert("data".to_owned(), json!(data.text));
            put(&mut detail, "summary", (!text.is_empty()).then(|| text.to_owned()));
        }
        None => {
            detail.insert("type".to_owned(), json!("reasoning.text"));
            detail.insert("text".to_owned(), json!(text));
        }
    }
    put(&mut detail, "signature", signature.map(|proof| proof.text.clone()));
    put(&mut detail, "id", id.cloned());
    Value::Object(detail)
}

/// Plain text where that says everything: not every server takes parts.
fn content(parts: &[Part], dropped: &mut Vec<String>) -> Value {
    if let [Part { kind: PartKind::Text(text), cache: None }] = parts {
        return json!(text);
    }
    let plain: Option<Vec<&str>> = parts.iter().map(|part| part.kind.text().filter(|_| part.cache.is_none())).collect();
    match plain {
        Some(texts) if texts.is_empty() => json!(""),
        _ => Value::Array(parts.iter().filter_map(|part| self::part(part, dropped)).collect()),
    }
}

fn part(part: &Part, dropped: &mut Vec<String>) -> Option<Value> {
    let mut value = match &part.kind {
        PartKind::Text(text) => json!({"type": "text", "text": text}),
        PartKind::Image(media) => {
            let Some(url) = media.url("image/png") else {
                dropped.push("image.file_id".to_owned());
                return None;
            };
            let mut image = Map::from_iter([("url".to_owned(), json!(url))]);
            put(&mut image, "detail", media.detail.clone());
            json!({"type": "image_url", "image_url": image})
        }
        PartKind::File(media) => json!({"type": "file", "file": file(media)}),
        PartKind::Audio(Media { source: Source::Base64(data), mime, .. }) => {
            let format = mime.as_deref().and_then(|mime| mime.split('/').next_back()).unwrap_or("wav");
            json!({"type": "input_audio", "input_audio": {"data": data, "format": format}})
        }
        PartKind::Audio(_) => {
            dropped.push("audio".to_owned());
            return None;
        }
        PartKind::Refusal(text) => json!({"type": "refusal", "refusal": text}),
        PartKind::Opaque { dialect: Dialect::Chat, value } => value.clone(),
        PartKind::Opaque { value, .. } => {
            dropped.push(name_of(value).replace("tools.", "content."));
            return None;
        }
        // These are fields of a message here and no parts of its content.
        PartKind::Reasoning { .. } | PartKind::Call { .. } | PartKind::Result { .. } => return None,
    };
    mark(&mut value, part.cache.as_ref());
    Some(value)
}

fn file(media: &Media) -> Value {
    let mut file = Map::new();
    match &media.source {
        Source::FileId(id) => put(&mut file, "file_id", Some(id.clone())),
        Source::Url(_) | Source::Base64(_) => put(&mut file, "file_data", media.url("application/pdf")),
    }
    put(&mut file, "filename", media.name.clone());
    Value::Object(file)
}
