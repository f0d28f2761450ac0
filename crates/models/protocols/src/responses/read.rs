//! A client's request in Responses.

use serde_json::{Map, Value};

use super::fields::{flag, list, number, object, text, whole};
use super::read_item;
use crate::dialect::Dialect;
use crate::error::Wrong;
use crate::json::{Look, take};
use crate::request::{Effort, Format, Message, PartKind, Reasoning, Request, Role, Tool, ToolChoice};

/// Reads a request.
///
/// # Errors
/// [`Wrong`] with the field that has the wrong form, or that leans on a stored conversation.
pub fn decode(body: &Value) -> Result<Request, Wrong> {
    let mut fields = body.as_object().cloned().ok_or_else(|| Wrong::field("body", "must be an object"))?;
    refuse_stored(&fields)?;
    let model = text(&mut fields, "model")?.unwrap_or_default();
    let mut request = Request::new(Dialect::Responses, model);
    if let Some(instructions) = text(&mut fields, "instructions")? {
        request.messages.push(Message::of(Role::System, PartKind::Text(instructions)));
    }
    let input = take(&mut fields, "input").ok_or_else(|| Wrong::field("input", "is missing"))?;
    read_item::read_all(&input, &mut request.messages)?;
    for (at, value) in list(&mut fields, "tools")?.into_iter().enumerate() {
        request.tools.push(tool(&format!("tools[{at}]"), value)?);
    }
    request.tool_choice = tool_choice(&mut fields)?;
    request.parallel_calls = flag(&mut fields, "parallel_tool_calls")?;
    request.max_output = whole(&mut fields, "max_output_tokens")?;
    request.temperature = number(&mut fields, "temperature")?;
    request.top_p = number(&mut fields, "top_p")?;
    request.logprobs = logprobs(&mut fields)?;
    request.format = format(&mut fields)?;
    request.reasoning = reasoning(&mut fields)?;
    request.user = text(&mut fields, "user")?;
    request.stream = flag(&mut fields, "stream")?.unwrap_or(false);
    // Its only field pads the stream against traffic analysis; the padding is left out where nothing is translated.
    fields.remove("stream_options");
    // Responses always gives usage.
    request.wants_usage = true;
    request.extra = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    Ok(request)
}

fn refuse_stored(fields: &Map<String, Value>) -> Result<(), Wrong> {
    for name in ["previous_response_id", "conversation"] {
        if fields.get(name).is_some_and(|value| !value.is_null()) {
            let what = "is for agents, which keep conversations; to a model send the whole conversation as input";
            return Err(Wrong::field(name, what));
        }
    }
    Ok(())
}

fn tool(param: &str, value: Value) -> Result<Tool, Wrong> {
    match value.text("type") {
        Some("function") => {}
        Some(_) => return Ok(Tool::Opaque { dialect: Dialect::Responses, value }),
        None => return Err(Wrong::field(format!("{param}.type"), "is missing")),
    }
    // Chat Completions' nesting is a common slip, and OpenAI's own compatible servers take it.
    let function = value.get("function").filter(|inner| inner.is_object()).unwrap_or(&value);
    let name = function.text("name").filter(|name| !name.is_empty());
    Ok(Tool::Function {
        name: name.ok_or_else(|| Wrong::field(format!("{param}.name"), "is missing"))?.to_owned(),
        description: function.text("description").map(str::to_owned),
        parameters: function.get("parameters").filter(|schema| !schema.is_null()).cloned(),
        strict: function.get("strict").and_then(Value::as_bool),
        cache: None,
    })
}

/// Choices that only this dialect has (`allowed_tools`, a tool of the provider) stay in the fields.
fn tool_choice(fields: &mut Map<String, Value>) -> Result<Option<ToolChoice>, Wrong> {
    let wrong = || Wrong::field("tool_choice", "must be auto, none, required or an object with a type");
    let Some(value) = take(fields, "tool_choice") else { return Ok(None) };
    match (value.as_str(), value.text("type")) {
        (Some("auto"), _) => Ok(Some(ToolChoice::Auto)),
        (Some("none"), _) => Ok(Some(ToolChoice::None)),
        (Some("required"), _) => Ok(Some(ToolChoice::Required)),
        (None, Some("function")) => {
            let name = value.text("name").or_else(|| value.pointer("/function/name").and_then(Value::as_str));
            let missing = || Wrong::field("tool_choice.name", "is missing");
            Ok(Some(ToolChoice::Named(name.ok_or_else(missing)?.to_owned())))
        }
        (None, Some(_)) => {
            fields.insert("tool_choice".to_owned(), value);
            Ok(None)
        }
        _ => Err(wrong()),
    }
}

/// Log probabilities are asked for in `include`, and how many in `top_logprobs`. What else is to be included stays.
/// Encrypted thinking is always given, so asking for it needs no mention.
fn logprobs(fields: &mut Map<String, Value>) -> Result<Option<u64>, Wrong> {
    let mut include = list(fields, "include")?;
    let top = whole(fields, "top_logprobs")?;
    let before = include.len();
    include.retain(|what| what != "message.output_text.logprobs");
    let is_asked = include.len() < before;
    include.retain(|what| what != "reasoning.encrypted_content");
    if !include.is_empty() {
        fields.insert("include".to_owned(), Value::Array(include));
    }
    Ok(if is_asked { Some(top.unwrap_or(0)) } else { top.filter(|top| *top > 0) })
}

/// `text.format`; the rest of `text` stays.
fn format(fields: &mut Map<String, Value>) -> Result<Option<Format>, Wrong> {
    let mut text = object(fields, "text")?;
    let format = take(&mut text, "format");
    let rest: Map<String, Value> = text.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if !rest.is_empty() {
        fields.insert("text".to_owned(), Value::Object(rest));
    }
    let Some(format) = format else { return Ok(None) };
    match format.text("type") {
        Some("text") => Ok(Some(Format::Text)),
        Some("json_object") => Ok(Some(Format::Json)),
        Some("json_schema") => {
            let missing = || Wrong::field("text.format.schema", "is missing");
            Ok(Some(Format::Schema {
                name: format.text("name").unwrap_or("answer").to_owned(),
                description: format.text("description").map(str::to_owned),
                schema: format.get("schema").filter(|schema| !schema.is_null()).cloned().ok_or_else(missing)?,
                strict: format.get("strict").and_then(Value::as_bool),
            }))
        }
        _ => Err(Wrong::field("text.format.type", "must be text, json_object or json_schema")),
    }
}

fn reasoning(fields: &mut Map<String, Value>) -> Result<Option<Reasoning>, Wrong> {
    let mut object = object(fields, "reasoning")?;
    let word = take(&mut object, "effort");
    let wrong = || Wrong::field("reasoning.effort", "must be one of none, minimal, low, medium, high, xhigh");
    let effort = word.map(|word| word.as_str().and_then(Effort::parse).ok_or_else(wrong)).transpose()?;
    let summary = text(&mut object, "summary")?;
    let old_summary = text(&mut object, "generate_summary")?;
    let summary = summary.or(old_summary);
    let rest: Map<String, Value> = object.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if !rest.is_empty() {
        fields.insert("reasoning".to_owned(), Value::Object(rest));
    }
    if effort.is_none() && summary.is_none() {
        return Ok(None);
    }
    Ok(Some(Reasoning { effort, summary, ..Reasoning::default() }))
}
