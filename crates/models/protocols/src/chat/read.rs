//! A client's request in Chat Completions.

use serde_json::{Map, Value};

use super::{extra, thinking};
use crate::dialect::Dialect;
use crate::error::Wrong;
use crate::json::{Look, take};
use crate::request::{Cache, Format, Media, Message, Part, PartKind, Request, Role, Source, Tool, ToolChoice};

/// Reads a request.
///
/// # Errors
/// [`Wrong`] with the field that has the wrong form.
pub fn decode(body: &Value) -> Result<Request, Wrong> {
    let mut fields = body.as_object().cloned().ok_or_else(|| Wrong::field("body", "must be an object"))?;
    let model = take(&mut fields, "model").map(|model| string("model", model)).transpose()?.unwrap_or_default();
    let mut request = Request::new(Dialect::Chat, model);
    let messages = take(&mut fields, "messages").ok_or_else(|| Wrong::field("messages", "is missing"))?;
    let Value::Array(messages) = messages else { return Err(Wrong::field("messages", "must be a list")) };
    for (at, message) in messages.into_iter().enumerate() {
        request.messages.push(self::message(&format!("messages[{at}]"), message)?);
    }
    for (at, tool) in list(&mut fields, "tools")?.into_iter().enumerate() {
        request.tools.push(self::tool(&format!("tools[{at}]"), tool)?);
    }
    request.tool_choice = take(&mut fields, "tool_choice").as_ref().map(tool_choice).transpose()?;
    request.parallel_calls = flag(&mut fields, "parallel_tool_calls")?;
    let (new, old) = (whole(&mut fields, "max_completion_tokens")?, whole(&mut fields, "max_tokens")?);
    request.max_output = new.or(old);
    request.temperature = number(&mut fields, "temperature")?;
    request.top_p = number(&mut fields, "top_p")?;
    request.top_k = whole(&mut fields, "top_k")?;
    request.stop = stop(&mut fields)?;
    request.seed = take(&mut fields, "seed")
        .map(|seed| seed.as_i64().ok_or_else(|| Wrong::field("seed", "must be a whole number")))
        .transpose()?;
    request.presence_penalty = number(&mut fields, "presence_penalty")?;
    request.frequency_penalty = number(&mut fields, "frequency_penalty")?;
    request.n = whole(&mut fields, "n")?;
    let (wants, top) = (flag(&mut fields, "logprobs")?, whole(&mut fields, "top_logprobs")?);
    request.logprobs = top.or(wants.filter(|wants| *wants).map(|_| 0));
    request.format = take(&mut fields, "response_format").map(format).transpose()?;
    request.reasoning = thinking::read(&mut fields)?;
    request.user = take(&mut fields, "user").map(|user| string("user", user)).transpose()?;
    request.stream = flag(&mut fields, "stream")?.unwrap_or(false);
    request.wants_usage = take(&mut fields, "stream_options")
        .is_some_and(|options| options.get("include_usage").and_then(Value::as_bool).unwrap_or(false));
    request.extra = fields;
    Ok(request)
}

fn string(param: &str, value: Value) -> Result<String, Wrong> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Wrong::field(param, "must be text")),
    }
}

fn list(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, Wrong> {
    match take(fields, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(Wrong::field(name, "must be a list")),
    }
}

fn flag(fields: &mut Map<String, Value>, name: &str) -> Result<Option<bool>, Wrong> {
    take(fields, name)
        .map(|value| value.as_bool().ok_or_else(|| Wrong::field(name, "must be true or false")))
        .transpose()
}

fn whole(fields: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, Wrong> {
    let wrong = || Wrong::field(name, "must be a whole number that is not negative");
    take(fields, name).map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

fn number(fields: &mut Map<String, Value>, name: &str) -> Result<Option<f64>, Wrong> {
    take(fields, name).map(|value| value.as_f64().ok_or_else(|| Wrong::field(name, "must be a number"))).transpose()
}

fn stop(fields: &mut Map<String, Value>) -> Result<Vec<String>, Wrong> {
    match take(fields, "stop") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(texts)) => texts.into_iter().map(|text| string("stop", text)).collect(),
        Some(_) => Err(Wrong::field("stop", "must be a text or a list of texts")),
    }
}

fn format(value: Value) -> Result<Format, Wrong> {
    match value.text("type") {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Json),
        Some("json_schema") => {
            let object = value.get("json_schema").unwrap_or(&Value::Null);
            let missing = || Wrong::field("response_format.json_schema.schema", "is missing");
            Ok(Format::Schema {
                name: object.text("name").unwrap_or("answer").to_owned(),
                description: object.text("description").map(str::to_owned),
                schema: object.get("schema").cloned().ok_or_else(missing)?,
                strict: object.get("strict").and_then(Value::as_bool),
            })
        }
        _ => Err(Wrong::field("response_format.type", "must be text, json_object or json_schema")),
    }
}

pub(super) fn tool_choice(value: &Value) -> Result<ToolChoice, Wrong> {
    match value.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required" | "any") => return Ok(ToolChoice::Required),
        Some(_) | None => {}
    }
    let name = value.pointer("/function/name").or_else(|| value.get("name")).and_then(Value::as_str);
    name.map(|name| ToolChoice::Named(name.to_owned()))
        .ok_or_else(|| Wrong::field("tool_choice", "must be auto, none, required or a named function"))
}

fn tool(param: &str, value: Value) -> Result<Tool, Wrong> {
    if value.text("type").unwrap_or("function") != "function" {
        return Ok(Tool::Opaque { dialect: Dialect::Chat, value });
    }
    let function = value.get("function").ok_or_else(|| Wrong::field(format!("{param}.function"), "is missing"))?;
    let name = function.text("name").filter(|name| !name.is_empty());
    Ok(Tool::Function {
        name: name.ok_or_else(|| Wrong::field(format!("{param}.function.name"), "is missing"))?.to_owned(),
        description: function.text("description").map(str::to_owned),
        parameters: function.get("parameters").filter(|schema| !schema.is_null()).cloned(),
        strict: function.get("strict").and_then(Value::as_bool),
        cache: cache(&value).or_else(|| cache(function)),
    })
}

/// Anthropic's marker, which LiteLLM and OpenRouter have clients put into Chat Completions.
fn cache(value: &Value) -> Option<Cache> {
    let mark = value.get("cache_control").filter(|mark| mark.is_object())?;
    Some(Cache { ttl: mark.text("ttl").map(str::to_owned) })
}

fn message(param: &str, value: Value) -> Result<Message, Wrong> {
    let role = match value.text("role") {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        Some(_) => {
            return Err(Wrong::field(format!("{param}.role"), "must be system, developer, user, assistant or tool"));
        }
        None => return Err(Wrong::field(format!("{param}.role"), "is missing")),
    };
    let mut parts = Vec::new();
    if role == Role::Assistant {
        thought(&value, &mut parts);
        // What we gave out for blocks of other dialects, whose providers want them back.
        let ours = extra::items(&value).map(|(dialect, value)| Part::from(PartKind::Opaque { dialect, value }));
        parts.extend(ours);
    }
    let content = content(&format!("{param}.content"), value.get("content").unwrap_or(&Value::Null))?;
    if role == Role::Tool {
        let call_id = value.text("tool_call_id").or_else(|| value.text("name")).unwrap_or_default().to_owned();
        let name = value.text("name").map(str::to_owned);
        parts.push(Part {
            cache: content.last().and_then(|part| part.cache.clone()).or_else(|| cache(&value)),
            kind: PartKind::Result { call_id, name, parts: content, is_error: false },
        });
        return Ok(Message { role, name: None, parts });
    }
    parts.extend(content);
    if role == Role::Assistant {
        parts.extend(value.list("images").iter().filter_map(picture));
    }
    parts.extend(value.text("refusal").map(|refusal| Part::from(PartKind::Refusal(refusal.to_owned()))));
    for call in value.list("tool_calls") {
        let function = call.get("function").unwrap_or(&Value::Null);
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            // Some clients send the object itself.
            Some(object) => object.to_string(),
        };
        // Google's own OpenAI surface puts the signature here.
        let signature = extra::signature(call);
        parts.push(Part::from(PartKind::Call {
            id: call.string("id"),
            name: function.string("name"),
            arguments,
            signature,
        }));
    }
    if let Some(mark) = cache(&value)
        && let Some(last) = parts.last_mut()
    {
        last.cache = Some(mark);
    }
    Ok(Message { role, name: value.text("name").map(str::to_owned), parts })
}

/// What the model thought, as we or OpenRouter gave it out.
fn thought(message: &Value, parts: &mut Vec<Part>) {
    let details = message.list("reasoning_details");
    for detail in details {
        let own = |name: &str| detail.text(name).map(str::to_owned);
        let text = own("text").or_else(|| own("summary")).unwrap_or_default();
        parts.push(Part::from(PartKind::Reasoning {
            text,
            signature: extra::proof(detail, "signature"),
            encrypted: extra::proof(detail, "data"),
            id: own("id"),
        }));
    }
    if let Some(signature) = extra::signature(message) {
        let (text, signature) = (String::new(), Some(signature));
        parts.push(Part::from(PartKind::Reasoning { text, signature, encrypted: None, id: None }));
    }
    let text = message.text("reasoning_content").or_else(|| message.text("reasoning"));
    if let Some(text) = text.filter(|text| details.is_empty() && !text.is_empty()) {
        let text = text.to_owned();
        parts.push(Part::from(PartKind::Reasoning { text, signature: None, encrypted: None, id: None }));
    }
}

/// A picture that the model made, as we or OpenRouter gave it out.
fn picture(image: &Value) -> Option<Part> {
    let media = Media::at(image.pointer("/image_url/url")?.as_str()?);
    Some(Part::from(PartKind::Image(Media { signature: extra::signature(image), ..media })))
}

fn content(param: &str, value: &Value) -> Result<Vec<Part>, Wrong> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::from(PartKind::Text(text.clone()))]),
        Value::Array(parts) => {
            let read = |(at, value): (usize, &Value)| -> Result<Part, Wrong> {
                Ok(Part { kind: part(&format!("{param}[{at}]"), value)?, cache: cache(value) })
            };
            parts.iter().enumerate().map(read).collect()
        }
        _ => Err(Wrong::field(param, "must be text or a list of parts")),
    }
}

fn part(param: &str, value: &Value) -> Result<PartKind, Wrong> {
    if let Value::String(text) = value {
        return Ok(PartKind::Text(text.clone()));
    }
    match value.text("type") {
        Some("text") => Ok(PartKind::Text(value.string("text"))),
        Some("refusal") => Ok(PartKind::Refusal(value.string("refusal"))),
        Some("image_url") => {
            let image = value.get("image_url").unwrap_or(&Value::Null);
            let url = image.as_str().or_else(|| image.text("url"));
            let url = url.ok_or_else(|| Wrong::field(format!("{param}.image_url.url"), "is missing"))?;
            let mut media = Media::at(url);
            media.detail = image.text("detail").map(str::to_owned);
            Ok(PartKind::Image(media))
        }
        Some("input_audio") => {
            let audio = value.get("input_audio").unwrap_or(&Value::Null);
            let mime = audio.text("format").map(|format| format!("audio/{format}"));
            Ok(PartKind::Audio(Media { mime, ..Media::base64(audio.string("data")) }))
        }
        Some("file") => {
            let file = value.get("file").unwrap_or(&Value::Null);
            let name = file.text("filename").map(str::to_owned);
            match (file.text("file_data"), file.text("file_id")) {
                (Some(data), _) => Ok(PartKind::File(Media { name, ..Media::at(data) })),
                (None, Some(id)) => Ok(PartKind::File(Media { name, ..Media::of(Source::FileId(id.to_owned())) })),
                (None, None) => Err(Wrong::field(format!("{param}.file"), "needs file_data or file_id")),
            }
        }
        Some(_) => Ok(PartKind::Opaque { dialect: Dialect::Chat, value: value.clone() }),
        None => Err(Wrong::field(format!("{param}.type"), "is missing")),
    }
}
