//! What clients must get of a recorded answer, and whether they did.

use septet_protocols::{Dialect, Framing};
use serde_json::Value;

use crate::compare::differences;
use crate::fold::fold;
use crate::recordings::{Body, Recording};
use crate::said::{Ending, Said, said};
use crate::{events, form};

/// What a recorded answer of a model is.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// As it went over the wire.
    pub bytes: Vec<u8>,
    /// What it says.
    pub said: Said,
    /// The words of the error that it ends with.
    pub error: Option<String>,
    /// Whether it breaks off without a word.
    pub is_cut: bool,
    /// What the provider says that it cost, in its currency.
    pub cost: Option<f64>,
}

impl Expected {
    /// Of a whole answer.
    #[must_use]
    pub fn whole(recording: &Recording, dialect: Dialect) -> Self {
        let body = recording.json();
        // Gemini writes a stream as one list for who does not ask for events.
        let folded = body.as_array().map(|chunks| fold(dialect, chunks).1.whole);
        let bytes = match &recording.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Events(_) => Vec::new(),
        };
        let said = said(dialect, folded.as_ref().unwrap_or(&body));
        Self { bytes, said, cost: cost(&body), ..Self::default() }
    }

    /// Of a streamed one.
    #[must_use]
    pub fn stream(recording: &Recording, dialect: Dialect, framing: Framing) -> Self {
        let (bytes, list) = match &recording.body {
            Body::Bytes(bytes) if framing == Framing::EventStream => (bytes.clone(), events::of_binary(bytes)),
            Body::Bytes(bytes) => (bytes.clone(), events::of_text(bytes)),
            Body::Events(list) => (events::framed(dialect, framing, list), list.clone()),
        };
        let (spoken, folded) = fold(dialect, &list);
        let mut said = said(spoken, &folded.whole);
        let is_cut = !folded.is_complete && folded.error.is_none();
        if is_cut || folded.error.is_some() {
            said.ending = Ending::Unsaid;
        }
        Self { bytes, said, error: folded.error.as_ref().map(message), is_cut, cost: cost(&folded.whole) }
    }

    /// What is wrong with a whole answer that a client got.
    #[must_use]
    pub fn differs_from_whole(&self, client: Dialect, got: &Value) -> Vec<String> {
        let mut found = form::whole(client, got);
        found.extend(self.is_lost_in_whole(client, got));
        found
    }

    /// What a whole answer lacks of what was said, whatever its form: a provider's own bytes are as it makes them.
    #[must_use]
    pub fn is_lost_in_whole(&self, client: Dialect, got: &Value) -> Vec<String> {
        differences(&self.said, &said(client, got), client, got)
    }

    /// What is wrong with a streamed answer that a client got. `failed` is in the words of its last event, where it
    /// could not be seen to its end.
    #[must_use]
    pub fn differs_from_stream(&self, client: Dialect, failed: Option<&str>, bytes: &[u8]) -> Vec<String> {
        let list = events::of_text(bytes);
        let mut found = fold(client, &list).1.wrongs;
        found.extend(form::stream(client, &list));
        found.extend(self.is_lost_in_stream(client, failed, bytes));
        found
    }

    /// What a streamed answer lacks of what was said, whatever its form.
    #[must_use]
    pub fn is_lost_in_stream(&self, client: Dialect, failed: Option<&str>, bytes: &[u8]) -> Vec<String> {
        let (_, folded) = fold(client, &events::of_text(bytes));
        let mut wanted = self.said.clone();
        let mut found = Vec::new();
        match (failed, &folded.error) {
            (Some(failed), Some(error)) if message(error).contains(failed) => wanted.figures = None,
            (Some(failed), error) => found.push(format!("the failure {failed:?} became {error:?}")),
            (None, Some(error)) => found.push(format!("a failure out of nothing: {error}")),
            (None, None) if !folded.is_complete => found.push("the stream has no end".to_owned()),
            (None, None) => {}
        }
        found.extend(differences(&wanted, &said(client, &folded.whole), client, &folded.whole));
        found
    }
}

/// The words of an error, wherever a provider puts them.
#[must_use]
pub fn message(body: &Value) -> String {
    let body = if body.is_array() { &body[0] } else { body };
    let places =
        [body.pointer("/error/message"), body.get("message"), body.get("error"), body.get("detail"), body.get("msg")];
    let found = places.into_iter().flatten().find_map(Value::as_str);
    found.map_or_else(|| body.to_string(), str::to_owned)
}

fn cost(whole: &Value) -> Option<f64> {
    let usage = whole.get("usage")?;
    let said = usage.get("cost").map(|cost| cost.get("total_cost").unwrap_or(cost)).and_then(Value::as_f64);
    // xAI counts ten thousand millionths of a dollar.
    let ticks = usage.get("cost_in_usd_ticks").and_then(Value::as_f64).map(|ticks| ticks / 1e10);
    said.or(ticks).filter(|cost| *cost > 0.0)
}
