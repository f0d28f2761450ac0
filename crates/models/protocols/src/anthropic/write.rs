//! A request to Anthropic.

mod content;
mod thinking;

use serde_json::{Map, Value, json};

pub(crate) use content::called;
pub(crate) use thinking::{BORROWED, is_in_vain, plan, version, wanted};

use crate::codec::Encoded;
use crate::dialect::{Dialect, Quirks};
use crate::json::{Look, put};
use crate::leftover;
use crate::request::{Cache, Format, Request, Tool, ToolChoice};
use crate::schema;

// Anthropic wants a limit. The models of version 3 write no more than this, so it suits all.
const MAX_TOKENS: u64 = 8_192;

// Anthropic's own, which a client of another dialect may send along.
const OWN: [&str; 6] = ["cache_control", "mcp_servers", "container", "context_management", "inference_geo", BORROWED];

/// Writes a request.
#[must_use]
pub fn encode(request: &Request, _quirks: &Quirks) -> Encoded {
    let is_own = request.origin == Dialect::Anthropic;
    // What came in this dialect goes out with its unknown fields; of another's, those that it borrowed from here.
    let mut dropped: Vec<String> = if is_own { Vec::new() } else { leftover::names(request, &OWN).collect() };
    let borrowed = request.extra.iter().filter(|(name, _)| is_own || OWN.contains(&name.as_str()) && *name != BORROWED);
    let mut body: Map<String, Value> = borrowed.map(|(name, value)| (name.clone(), value.clone())).collect();
    body.insert("model".to_owned(), json!(request.model));
    dropped.extend(is_in_vain(request).then(|| BORROWED.to_owned()));
    let (system, messages) = content::encode(request, &mut dropped);
    put(&mut body, "system", (!system.is_empty()).then_some(system));
    body.insert("messages".to_owned(), Value::Array(messages));
    tools(request, &mut body, &mut dropped);
    let plan = thinking::plan(request, &mut dropped);
    body.insert("max_tokens".to_owned(), json!(plan.max_tokens(request)));
    sample(request, &plan, &mut body, &mut dropped);
    put(&mut body, "thinking", plan.thinking.clone());
    let mut config = body.get("output_config").and_then(Value::as_object).cloned().unwrap_or_default();
    put(&mut config, "effort", plan.effort);
    put(&mut config, "format", format(request, &mut dropped));
    put(&mut body, "output_config", (!config.is_empty()).then_some(config));
    if let Some(user) = &request.user {
        let mut metadata = body.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        metadata.insert("user_id".to_owned(), json!(user));
        body.insert("metadata".to_owned(), Value::Object(metadata));
    }
    put(&mut body, "stream", request.stream.then_some(true));
    Encoded { body: Value::Object(body), dropped }
}

fn sample(request: &Request, plan: &thinking::Plan, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    let mut drop = |name: &str| dropped.push(name.to_owned());
    match request.temperature {
        // 1 is what it takes then.
        Some(1.0) if plan.is_fixed => {}
        // OpenAI's goes up to 2.
        Some(temperature) if plan.is_fixed || temperature > 1.0 => drop("temperature"),
        other => put(body, "temperature", other),
    }
    let is_taken = body.contains_key("temperature") && plan.is_new;
    match request.top_p {
        Some(1.0) if plan.is_fixed || is_taken => {}
        // With thinking it takes the uppermost only; beside a temperature newer models refuse it.
        Some(low) if plan.is_fixed && (low < 0.95 || plan.is_adaptive_only) => drop("top_p"),
        Some(_) if is_taken => drop("top_p"),
        other => put(body, "top_p", other),
    }
    match request.top_k {
        Some(_) if plan.is_fixed => drop("top_k"),
        other => put(body, "top_k", other),
    }
    let stop: Vec<&String> = request.stop.iter().filter(|stop| !stop.trim().is_empty()).collect();
    if stop.len() < request.stop.len() {
        // It refuses those of blanks alone.
        drop("stop");
    }
    put(body, "stop_sequences", (!stop.is_empty()).then(|| json!(stop)));
    let has = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let unknown = [
        ("seed", request.seed.is_some()),
        ("presence_penalty", has(request.presence_penalty)),
        ("frequency_penalty", has(request.frequency_penalty)),
        ("n", request.n.is_some_and(|n| n > 1)),
        ("logprobs", request.logprobs.is_some()),
    ];
    unknown.iter().filter(|(_, is_asked)| *is_asked).for_each(|(name, _)| drop(name));
}

fn format(request: &Request, dropped: &mut Vec<String>) -> Option<Value> {
    match request.format.as_ref()? {
        Format::Text => None,
        // There is no word for any JSON.
        Format::Json => {
            dropped.push("response_format".to_owned());
            None
        }
        Format::Schema { schema, .. } if request.origin == Dialect::Anthropic => {
            Some(json!({"type": "json_schema", "schema": schema}))
        }
        // Older models refuse the field.
        Format::Schema { .. } if version(&request.model).is_some_and(|version| version < (4, 5)) => {
            dropped.push("response_format".to_owned());
            None
        }
        Format::Schema { schema, .. } => match schema::narrow(schema) {
            Some(schema) => Some(json!({"type": "json_schema", "schema": schema})),
            None => {
                dropped.push("response_format".to_owned());
                None
            }
        },
    }
}

fn tools(request: &Request, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    let mut list = Vec::new();
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, cache } => {
                let mut tool = Map::from_iter([("name".to_owned(), json!(name))]);
                put(&mut tool, "description", description.clone());
                let schema = parameters.as_ref().map_or_else(schema::nothing, schema::of_object);
                let is_own = request.origin == Dialect::Anthropic;
                // OpenAI's clients often set it by default; older models refuse the field.
                let knows = is_own || version(&request.model).is_some_and(|version| version >= (4, 5));
                let is_strict = *strict == Some(true) && knows;
                let narrowed = if is_own { None } else { schema::narrow(&schema) };
                // A schema that cannot be closed is not enforced.
                let is_strict = is_strict && (is_own || narrowed.is_some());
                tool.insert("input_schema".to_owned(), narrowed.filter(|_| is_strict).unwrap_or(schema));
                put(&mut tool, "strict", is_strict.then_some(true));
                put(&mut tool, "cache_control", cache.as_ref().map(mark));
                list.push(Value::Object(tool));
            }
            Tool::Opaque { dialect: Dialect::Anthropic, value } => list.push(value.clone()),
            Tool::Opaque { value, .. } => {
                dropped.push(format!("tools.{}", value.text("type").or(value.text("name")).unwrap_or("unknown")));
            }
        }
    }
    let mut choice = request.tool_choice.clone();
    if list.is_empty() {
        // A history with calls is refused without tools, so those it has are shown and forbidden.
        list = content::called(request)
            .into_iter()
            .map(|name| json!({"name": name, "input_schema": schema::nothing()}))
            .collect();
        choice = (!list.is_empty()).then_some(ToolChoice::None);
    }
    if list.is_empty() {
        return;
    }
    body.insert("tools".to_owned(), Value::Array(list));
    let mut object = match choice {
        None if request.parallel_calls == Some(false) => json!({"type": "auto"}),
        None => return,
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::None) => json!({"type": "none"}),
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Named(name)) => json!({"type": "tool", "name": name}),
    };
    if let Some(parallel) = request.parallel_calls.filter(|parallel| !parallel && object["type"] != "none") {
        object["disable_parallel_tool_use"] = json!(!parallel);
    }
    body.insert("tool_choice".to_owned(), object);
}

/// The marker of what should be kept.
fn mark(cache: &Cache) -> Value {
    let mut mark = Map::from_iter([("type".to_owned(), json!("ephemeral"))]);
    put(&mut mark, "ttl", cache.ttl.clone());
    Value::Object(mark)
}
