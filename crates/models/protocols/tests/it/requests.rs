//! Recorded requests of clients, read and written in every dialect.

use std::collections::{BTreeMap, BTreeSet};

use septet_protocols::{
    Dialect, Effort, Encoded, PartKind, Quirks, Reasoning, Request, Role, Tool, Wrong, anthropic, bedrock, chat,
    cohere, gemini, ollama, responses,
};
use serde_json::Value;

use septet_recordings::classify::asked;
use septet_recordings::compare::gather;
use septet_recordings::recordings::all;

/// Reads a client's request.
pub(crate) fn decode(dialect: Dialect, body: &Value) -> Result<Request, Wrong> {
    match dialect {
        Dialect::Responses => responses::decode_request(body),
        Dialect::Anthropic => anthropic::decode_request(body),
        _ => chat::decode_request(body),
    }
}

/// Writes a request.
pub(crate) fn encode(dialect: Dialect, request: &Request) -> Encoded {
    let quirks = Quirks::default();
    match dialect {
        Dialect::Chat => chat::encode_request(request, &quirks),
        Dialect::Responses => responses::encode_request(request, &quirks),
        Dialect::Anthropic => anthropic::encode_request(request, &quirks),
        Dialect::Gemini => gemini::encode_request(request, &quirks),
        Dialect::Bedrock => bedrock::encode_request(request, &quirks),
        Dialect::Ollama => ollama::encode_request(request, &quirks),
        Dialect::Cohere => cohere::encode_request(request, &quirks),
    }
}

/// The words of a request: what was said, what tools are called and what they are for. Ids, kinds and settings are not
/// among them.
fn words(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        // JSON may be spelled in another way.
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => gather(&inner, into),
            Ok(_) | Err(_) => drop(into.insert(text.trim().to_owned())),
        },
        Value::Array(list) => list.iter().for_each(|value| words(value, into)),
        // Thinking goes back only to those who made it or ask for it.
        Value::Object(fields) if fields.get("type").is_some_and(|kind| *kind == "reasoning") => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_word =
                    ["content", "text", "parts", "input", "arguments", "output", "name", "description", "function"];
                let is_tool = ["parameters", "input_schema", "properties", "items", "tool_calls"];
                if is_word.contains(&name.as_str()) || is_tool.contains(&name.as_str()) {
                    words(value, into);
                }
            }
        }
        _ => {}
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn every_recorded_request_reaches_every_provider_whole() {
    let Some(recordings) = all() else { return };
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut wrongs, mut refused) = (Vec::new(), Vec::new());
    for recording in recordings.iter().filter(|recording| recording.status < 400 && recording.request.is_object()) {
        let Some(dialect) = asked(recording).filter(|dialect| Dialect::INBOUND.contains(dialect)) else { continue };
        let request = match decode(dialect, &recording.request) {
            Ok(request) => request,
            Err(error) => {
                refused.push(format!("{}: {error}", recording.name));
                continue;
            }
        };
        let mut said = BTreeSet::new();
        for name in ["messages", "input", "system", "instructions", "tools"] {
            words(&recording.request[name], &mut said);
        }
        for target in Dialect::ALL {
            let encoded = encode(target, &request);
            let mut leaves = BTreeSet::new();
            gather(&encoded.body, &mut leaves);
            // Descriptions of fields are among the keys of a schema.
            let all = leaves.into_iter().chain([encoded.body.to_string()]).collect::<Vec<_>>().join("\u{1}");
            let lost = said.iter().filter(|word| !word.is_empty() && !all.contains(word.as_str()));
            let lost: Vec<String> = lost.take(3).map(|word| word.chars().take(70).collect()).collect();
            let (right, n) = counts.entry(format!("{dialect:?} to {target:?}")).or_default();
            *n += 1;
            if lost.is_empty() || !encoded.dropped.is_empty() {
                *right += 1;
            } else {
                wrongs.push(format!("{}: {dialect:?} to {target:?}: nowhere: {lost:?}", recording.name));
            }
            if target == dialect {
                match decode(dialect, &encoded.body) {
                    Ok(again) if comparable(&again) == comparable(&request) => {}
                    Ok(again) => wrongs.push(format!(
                        "{}: {dialect:?}: again: {}",
                        recording.name,
                        changed(&comparable(&request), &comparable(&again))
                    )),
                    Err(error) => wrongs.push(format!("{}: {dialect:?}: again: {error}", recording.name)),
                }
            }
        }
    }
    for (pair, (right, n)) in counts {
        println!("requests, {pair}: {right} of {n}");
    }
    refused.iter().for_each(|line| println!("refused: {line}"));
    assert!(wrongs.is_empty(), "{} differences:\n{}", wrongs.len(), wrongs.join("\n"));
}

/// Without what is left out, put in or said in another way on purpose: thinking, the wish for usage, names of functions
/// beside the ids of their calls, `auto`, and OpenAI's two words for the operator.
fn comparable(request: &Request) -> Request {
    let mut request = request.clone();
    request.wants_usage = true;
    // OpenAI's words have neither a switch nor a number of tokens, and not every model knows the uppermost.
    if let Some(said) = request.reasoning.as_mut().filter(|_| request.origin == Dialect::Chat) {
        let effort = said.word().or(said.is_on.then_some(Effort::Medium)).map(|effort| effort.min(Effort::High));
        *said = Reasoning { effort, ..Reasoning::default() };
    }
    // Said without need, and refused by some beside thinking.
    request.temperature = request.temperature.filter(|temperature| *temperature < 1.0);
    for tool in &mut request.tools {
        if let Tool::Function { strict, .. } = tool {
            *strict = strict.filter(|strict| *strict);
        }
    }
    for message in &mut request.messages {
        message.parts.retain(|part| !matches!(part.kind, PartKind::Reasoning { .. }));
        if message.role == Role::Developer {
            message.role = Role::System;
        }
        for part in &mut message.parts {
            match &mut part.kind {
                PartKind::Image(media) if media.detail.as_deref() == Some("auto") => media.detail = None,
                PartKind::Result { name, .. } => *name = None,
                _ => {}
            }
        }
    }
    request
}

/// Where two requests differ first.
fn changed(one: &Request, other: &Request) -> String {
    let (one, other) = (format!("{one:?}"), format!("{other:?}"));
    let at = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| text.chars().skip(at.saturating_sub(40)).take(140).collect::<String>();
    format!("{:?} became {:?}", around(&one), around(&other))
}
