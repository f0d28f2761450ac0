//! Answers of `InvokeModel` and pieces of `InvokeModelWithResponseStream`, which are in the model's own protocol; a piece
//! holds its event in base64.
//!
//! Anthropic's and Nova's protocols have decoders of their own. Here are the older ones with a single text: Titan's,
//! Llama's and Anthropic's first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::anthropic::AnthropicDecoder;
use crate::codec::Decoder as _;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Finish, Place, Start};
use crate::json::Look;
use crate::usage::Usage;

// The text's names, and those of the reason for its end.
const TEXTS: [&str; 3] = ["outputText", "generation", "completion"];
const REASONS: [&str; 2] = ["completionReason", "stop_reason"];
const FACTS: [&str; 2] = ["amazon-bedrock-guardrailAction", "amazon-bedrock-trace"];

/// Reads the pieces of one answer.
#[derive(Debug, Default)]
pub(super) struct Invoke {
    anthropic: Option<AnthropicDecoder>,
    has_text: bool,
    is_intervened: bool,
    is_over: bool,
}

const TEXT: Place = Place { choice: 0, block: 0 };

/// The event in the payload of a `chunk`.
pub(super) fn unpack(payload: &Value) -> Result<Value, Unreadable> {
    let unreadable = || Unreadable::new("an event in base64", &payload.to_string());
    let bytes = STANDARD.decode(payload.string("bytes")).map_err(|_| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_| unreadable())
}

/// Reads a whole answer with one text.
pub(super) fn whole(body: &Value) -> Option<Answer> {
    let mut body = body.clone();
    // Titan can write several answers; Converse cannot ask for more than one.
    if let Some(Value::Object(first)) = body.pointer("/results/0").cloned() {
        body["totalOutputTextTokenCount"] = first.get("tokenCount").cloned().unwrap_or_default();
        body.as_object_mut()?.extend(first);
    }
    let mut invoke = Invoke::default();
    let mut events = invoke.chunk(&body).ok()?;
    events.extend(invoke.end().ok()?);
    Some(Answer::of(&events))
}

impl Invoke {
    /// Reads an event.
    pub(super) fn chunk(&mut self, event: &Value) -> Result<Vec<Event>, Unreadable> {
        if event.text("type").is_some_and(|kind| kind != "completion") && !self.has_text {
            return self.anthropic.get_or_insert_default().value("", event);
        }
        let has_text = TEXTS.iter().any(|name| event.get(name).is_some());
        if !has_text || self.is_over || self.anthropic.is_some() {
            return Err(Unreadable::new("a piece of a known model's answer", &event.to_string()));
        }
        Ok(self.text(event))
    }

    pub(super) fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        match &mut self.anthropic {
            Some(anthropic) => anthropic.end(),
            None if self.is_over => Ok(Vec::new()),
            // A guardrail that blocked the request writes its own text and no stop reason.
            None if self.is_intervened => {
                let finish = Event::Finish { choice: 0, reason: Finish::Filtered, stop: None };
                Ok(vec![Event::Close(TEXT), finish])
            }
            None => Err(Unreadable { what: "the answer broke off before its completion reason".to_owned() }),
        }
    }

    /// All fields are in every piece, most of them null but for the last.
    fn text(&mut self, event: &Value) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.has_text {
            self.has_text = true;
            events.extend([Event::Start(Start::default()), Event::Open(TEXT, Block::Text)]);
        }
        let text: String = TEXTS.iter().filter_map(|name| event.text(name)).collect();
        if !text.is_empty() {
            events.push(Event::Delta(TEXT, Delta::Text(text)));
        }
        events.extend(usage(event).map(Event::Usage));
        let facts = FACTS.iter().filter_map(|name| Some(((*name).to_owned(), event.get(name)?.clone())));
        let facts: Map<String, Value> = facts.filter(|(_, value)| !value.is_null()).collect();
        if !facts.is_empty() {
            events.push(Event::Facts(facts));
        }
        self.is_intervened |= event.text("amazon-bedrock-guardrailAction") == Some("INTERVENED");
        if let Some(reason) = REASONS.iter().find_map(|name| event.text(name)) {
            self.is_over = true;
            let reason = match reason {
                _ if self.is_intervened => Finish::Filtered,
                "FINISH" | "FINISHED" | "stop" | "stop_sequence" => Finish::Stop,
                "LENGTH" | "length" | "max_tokens" => Finish::Length,
                "CONTENT_FILTERED" => Finish::Filtered,
                other => Finish::Other(other.to_owned()),
            };
            events.extend([Event::Close(TEXT), Event::Finish { choice: 0, reason, stop: None }]);
        }
        events
    }
}

fn usage(event: &Value) -> Option<Usage> {
    let metrics = event.get("amazon-bedrock-invocationMetrics").unwrap_or(&Value::Null);
    let most = |own: [&str; 2], name: &str| own.iter().map(|own| event.count(own)).fold(metrics.count(name), u64::max);
    let input = most(["inputTextTokenCount", "prompt_token_count"], "inputTokenCount");
    let output = most(["totalOutputTextTokenCount", "generation_token_count"], "outputTokenCount");
    let raw = json!({"inputTokenCount": input, "outputTokenCount": output});
    (input > 0 && output > 0).then(|| Usage { input, output, raw, ..Usage::default() })
}
