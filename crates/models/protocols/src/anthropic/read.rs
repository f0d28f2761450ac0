//! A client's request in Messages.

mod content;

use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::Wrong;
use crate::json::{Look, take};
use crate::request::{Effort, Format, Message, Reasoning, Request, Role, Tool, ToolChoice};

/// Reads a request.
///
/// # Errors
/// [`Wrong`] with the field that has the wrong form.
pub fn decode(body: &Value) -> Result<Request, Wrong> {
    let mut fields = body.as_object().cloned().ok_or_else(|| Wrong::field("body", "must be an object"))?;
    let model = take(&mut fields, "model").map(|model| text("model", model)).transpose()?.unwrap_or_default();
    let mut request = Request::new(Dialect::Anthropic, model);
    if let Some(system) = take(&mut fields, "system") {
        let parts = content::parts("system", &system)?;
        if !parts.is_empty() {
            request.messages.push(Message { role: Role::System, name: None, parts });
        }
    }
    if !fields.contains_key("messages") {
        return Err(Wrong::field("messages", "is missing"));
    }
    for (at, message) in list(&mut fields, "messages")?.iter().enumerate() {
        content::message(&format!("messages[{at}]"), message, &mut request.messages)?;
    }
    // A marker for the whole request stands for one at its end.
    if let Some(mark) = content::cache(body)
        && let Some(last) = request.messages.last_mut().and_then(|message| message.parts.last_mut())
    {
        fields.remove("cache_control");
        last.cache.get_or_insert(mark);
    }
    for (at, tool) in list(&mut fields, "tools")?.into_iter().enumerate() {
        request.tools.push(self::tool(&format!("tools[{at}]"), tool)?);
    }
    if let Some(choice) = take(&mut fields, "tool_choice") {
        request.parallel_calls = choice.get("disable_parallel_tool_use").and_then(Value::as_bool).map(|not| !not);
        request.tool_choice = Some(tool_choice(&choice)?);
    }
    request.max_output = whole(&mut fields, "max_tokens")?;
    request.temperature = number(&mut fields, "temperature")?;
    request.top_p = number(&mut fields, "top_p")?;
    request.top_k = whole(&mut fields, "top_k")?;
    for stop in list(&mut fields, "stop_sequences")? {
        request.stop.push(text("stop_sequences", stop)?);
    }
    request.user = user(&mut fields);
    request.stream = match take(&mut fields, "stream") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| Wrong::field("stream", "must be true or false"))?,
    };
    request.wants_usage = true;
    let mut config = take(&mut fields, "output_config");
    request.reasoning = reasoning(take(&mut fields, "thinking"), config.as_ref())?;
    let format = config.as_mut().and_then(Value::as_object_mut).and_then(|config| take(config, "format"));
    // `output_format` is the name that this field had in beta.
    let format = format.or_else(|| take(&mut fields, "output_format"));
    request.format = format.map(|format| self::format(&format)).transpose()?;
    if let Some(Value::Object(mut config)) = config {
        config.remove("effort");
        if !config.is_empty() {
            fields.insert("output_config".to_owned(), Value::Object(config));
        }
    }
    request.extra = fields;
    Ok(request)
}

fn text(param: &str, value: Value) -> Result<String, Wrong> {
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

fn whole(fields: &mut Map<String, Value>, name: &str) -> Result<Option<u64>, Wrong> {
    let wrong = || Wrong::field(name, "must be a whole number that is not negative");
    take(fields, name).map(|value| value.as_u64().ok_or_else(wrong)).transpose()
}

fn number(fields: &mut Map<String, Value>, name: &str) -> Result<Option<f64>, Wrong> {
    take(fields, name).map(|value| value.as_f64().ok_or_else(|| Wrong::field(name, "must be a number"))).transpose()
}

/// Who asks is the only thing that Anthropic documents in `metadata`.
fn user(fields: &mut Map<String, Value>) -> Option<String> {
    let mut metadata = take(fields, "metadata")?;
    let user = metadata.text("user_id").map(str::to_owned);
    if let Some(rest) = metadata.as_object_mut() {
        rest.remove("user_id");
        if !rest.is_empty() {
            fields.insert("metadata".to_owned(), metadata);
        }
    }
    user
}

fn tool(param: &str, value: Value) -> Result<Tool, Wrong> {
    if value.text("type").is_some_and(|kind| kind != "custom") {
        return Ok(Tool::Opaque { dialect: Dialect::Anthropic, value });
    }
    let name = value.text("name").filter(|name| !name.is_empty());
    Ok(Tool::Function {
        name: name.ok_or_else(|| Wrong::field(format!("{param}.name"), "is missing"))?.to_owned(),
        description: value.text("description").map(str::to_owned),
        parameters: value.get("input_schema").filter(|schema| !schema.is_null()).cloned(),
        strict: value.get("strict").and_then(Value::as_bool),
        cache: content::cache(&value),
    })
}

fn tool_choice(choice: &Value) -> Result<ToolChoice, Wrong> {
    match choice.text("type") {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("any") => Ok(ToolChoice::Required),
        Some("none") => Ok(ToolChoice::None),
        Some("tool") => {
            let name = choice.text("name").ok_or_else(|| Wrong::field("tool_choice.name", "is missing"))?;
            Ok(ToolChoice::Named(name.to_owned()))
        }
        _ => Err(Wrong::field("tool_choice.type", "must be auto, any, tool or none")),
    }
}

/// `thinking` says whether and how much, `output_config.effort` how hard. With thinking and neither of them, the model
/// decides.
pub(super) fn reasoning(thinking: Option<Value>, config: Option<&Value>) -> Result<Option<Reasoning>, Wrong> {
    let effort = match config.and_then(|config| config.get("effort")).filter(|effort| !effort.is_null()) {
        None => None,
        Some(word) => Some(
            word.as_str()
                .and_then(Effort::parse)
                .ok_or_else(|| Wrong::field("output_config.effort", "must be one of low, medium, high, xhigh, max"))?,
        ),
    };
    let Some(thinking) = thinking else {
        return Ok(effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }));
    };
    // Whether the thinking is shown: "omitted" leaves only its proof.
    let summary = (thinking.text("display") == Some("summarized")).then(|| "auto".to_owned());
    let is_hidden = thinking.text("display") == Some("omitted");
    let said = Reasoning { effort, is_on: true, summary, is_hidden, ..Reasoning::default() };
    match thinking.text("type") {
        Some("disabled") => Ok(Some(Reasoning { effort: Some(Effort::None), ..Reasoning::default() })),
        Some("adaptive") => Ok(Some(said)),
        Some("enabled") => {
            let wrong = || Wrong::field("thinking.budget_tokens", "must be a whole number");
            let budget = thinking.get("budget_tokens").filter(|budget| !budget.is_null());
            let budget = budget.map(|budget| budget.as_u64().ok_or_else(wrong)).transpose()?;
            Ok(Some(Reasoning { budget, ..said }))
        }
        _ => Err(Wrong::field("thinking.type", "must be enabled, adaptive or disabled")),
    }
}

fn format(format: &Value) -> Result<Format, Wrong> {
    match format.text("type") {
        Some("text") => Ok(Format::Text),
        Some("json_schema") => Ok(Format::Schema {
            // Anthropic has no names for schemas, others need one.
            name: format.text("name").unwrap_or("answer").to_owned(),
            description: None,
            schema: format
                .get("schema")
                .cloned()
                .ok_or_else(|| Wrong::field("output_config.format.schema", "is missing"))?,
            strict: Some(true),
        }),
        _ => Err(Wrong::field("output_config.format.type", "must be json_schema")),
    }
}
