//! Pieces of `InvokeModelWithResponseStream`: each holds, in base64, an event of the model's own protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::anthropic::AnthropicDecoder;
use crate::dialect::Decoder as _;
use crate::error::Unreadable;
use crate::event::{Block, Delta, Event, Finish, Place, Start};
use crate::json::Look;
use crate::usage::Usage;

/// Reads the pieces of one answer.
#[derive(Debug, Default)]
pub(super) struct Invoke {
    anthropic: Option<AnthropicDecoder>,
    has_text: bool,
    is_intervened: bool,
    is_over: bool,
}

const TEXT: Place = Place { choice: 0, block: 0 };

impl Invoke {
    /// Reads the payload of a `chunk`.
    pub(super) fn chunk(&mut self, payload: &Value) -> Result<Vec<Event>, Unreadable> {
        let unreadable = || Unreadable::new("an event in base64", &payload.to_string());
        let bytes = STANDARD.decode(payload.string("bytes")).map_err(|_| unreadable())?;
        let event: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        if event.text("type").is_some() && !self.has_text {
            return self.anthropic.get_or_insert_default().value("", &event);
        }
        if event.get("outputText").is_none() || self.is_over || self.anthropic.is_some() {
            return Err(unreadable());
        }
        Ok(self.titan(&event))
    }

    pub(super) fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        match &mut self.anthropic {
            Some(anthropic) => anthropic.end(),
            None if self.is_over => Ok(Vec::new()),
            // A guardrail that held the request back writes its own words and no reason.
            None if self.is_intervened => {
                let finish = Event::Finish { choice: 0, reason: Finish::Filtered, stop: None };
                Ok(vec![Event::Close(TEXT), finish])
            }
            None => Err(Unreadable { what: "the answer broke off before its completion reason".to_owned() }),
        }
    }

    /// Titan's text models: all fields in every piece, most of them null but for the last.
    fn titan(&mut self, event: &Value) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.has_text {
            self.has_text = true;
            events.extend([Event::Start(Start::default()), Event::Open(TEXT, Block::Text)]);
        }
        let text = event.string("outputText");
        if !text.is_empty() {
            events.push(Event::Delta(TEXT, Delta::Text(text)));
        }
        let metrics = event.get("amazon-bedrock-invocationMetrics").unwrap_or(&Value::Null);
        let input = metrics.count("inputTokenCount").max(event.count("inputTextTokenCount"));
        let output = metrics.count("outputTokenCount").max(event.count("totalOutputTextTokenCount"));
        if input > 0 && output > 0 {
            let raw = json!({"inputTokenCount": input, "outputTokenCount": output});
            events.push(Event::Usage(Usage { input, output, raw, ..Usage::default() }));
        }
        let facts = event.as_object().into_iter().flatten().filter(|(name, value)| {
            ["amazon-bedrock-guardrailAction", "amazon-bedrock-trace"].contains(&name.as_str()) && !value.is_null()
        });
        let facts: Map<String, Value> = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !facts.is_empty() {
            events.push(Event::Facts(facts));
        }
        self.is_intervened |= event.text("amazon-bedrock-guardrailAction") == Some("INTERVENED");
        if let Some(reason) = event.text("completionReason").filter(|_| !self.is_over) {
            self.is_over = true;
            let reason = match reason {
                _ if self.is_intervened => Finish::Filtered,
                "FINISH" | "FINISHED" => Finish::Stop,
                "LENGTH" => Finish::Length,
                "CONTENT_FILTERED" => Finish::Filtered,
                other => Finish::Other(other.to_owned()),
            };
            events.extend([Event::Close(TEXT), Event::Finish { choice: 0, reason, stop: None }]);
        }
        events
    }
}
