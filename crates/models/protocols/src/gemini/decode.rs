//! A provider's answer in generateContent, in pieces or whole; a whole one is a stream of one chunk.

mod candidate;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::candidate::Candidate;
use super::{failure, usage};
use crate::answer::Answer;
use crate::codec::Decoder;
use crate::error::Unreadable;
use crate::event::{Event, Finish, Start};
use crate::framing::Frame;
use crate::json::Look;
use crate::usage::Usage;

/// Reads an answer in pieces.
#[derive(Debug, Default)]
pub struct GeminiDecoder {
    id: Option<String>,
    is_over: bool,
    is_blocked: bool,
    n_calls: u32,
    candidates: BTreeMap<u32, Candidate>,
    facts: Map<String, Value>,
    usage: Option<Usage>,
}

/// Reads a whole answer.
///
/// # Errors
/// When it is none, or has neither a reason to finish nor one to be blocked.
pub fn decode_answer(body: &Value) -> Result<Answer, Unreadable> {
    let mut decoder = GeminiDecoder::default();
    let mut events = Vec::new();
    // Without server-sent events, a stream is a list of its chunks.
    for chunk in body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice) {
        decoder.chunk(chunk, &mut events)?;
    }
    events.extend(decoder.end()?);
    Ok(Answer::of(&events))
}

impl Decoder for GeminiDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let mut out = Vec::new();
        if self.is_over || frame.data.is_empty() || frame.data == "[DONE]" {
            return Ok(out);
        }
        let unreadable = |_| Unreadable::new("a chunk of generateContent", &String::from_utf8_lossy(&frame.data));
        let chunk: Value = serde_json::from_slice(&frame.data).map_err(unreadable)?;
        self.chunk(&chunk, &mut out)?;
        Ok(out)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        let mut out = Vec::new();
        if self.is_over {
            return Ok(out);
        }
        let is_whole = !self.candidates.is_empty() && self.candidates.values().all(Candidate::is_finished);
        if !is_whole && !self.is_blocked {
            return Err(Unreadable { what: "the answer broke off before a finishReason".to_owned() });
        }
        self.is_over = true;
        for (number, candidate) in &mut self.candidates {
            candidate.end(&mut out);
            if *number == 0 {
                self.facts.append(&mut candidate.facts);
            }
        }
        if !self.facts.is_empty() {
            out.push(Event::Facts(std::mem::take(&mut self.facts)));
        }
        for (number, candidate) in &self.candidates {
            let reason = if self.is_blocked { Finish::Filtered } else { candidate.reason() };
            out.push(Event::Finish { choice: *number, reason, stop: None });
        }
        if self.candidates.is_empty() {
            out.push(Event::Finish { choice: 0, reason: Finish::Filtered, stop: None });
        }
        Ok(out)
    }
}

impl GeminiDecoder {
    fn chunk(&mut self, chunk: &Value, out: &mut Vec<Event>) -> Result<(), Unreadable> {
        if self.is_over {
            return Ok(());
        }
        if chunk.get("error").is_some_and(|error| !error.is_null()) || chunk.get(0).is_some() {
            self.start(chunk, out);
            for candidate in self.candidates.values_mut() {
                candidate.close(out);
            }
            out.push(Event::Failed(failure::decode(0, chunk)));
            self.is_over = true;
            return Ok(());
        }
        let is_chunk = ["candidates", "usageMetadata", "promptFeedback", "modelVersion", "responseId"]
            .iter()
            .any(|name| chunk.get(*name).is_some());
        if !is_chunk {
            return Err(Unreadable::new("a chunk of generateContent", &chunk.to_string()));
        }
        self.start(chunk, out);
        if let Some(feedback) = chunk.get("promptFeedback").filter(|feedback| feedback.is_object()) {
            let reason = feedback.text("blockReason").unwrap_or("BLOCK_REASON_UNSPECIFIED");
            self.is_blocked |= reason != "BLOCK_REASON_UNSPECIFIED";
            self.facts.insert("promptFeedback".to_owned(), feedback.clone());
        }
        let id = self.id.clone().unwrap_or_default();
        for value in chunk.list("candidates") {
            // Google limits them to eight.
            let number = u32::try_from(value.count("index")).unwrap_or(0).min(63);
            let candidate = self.candidates.entry(number).or_insert_with(|| Candidate::new(number));
            candidate.read(value, &id, &mut self.n_calls, out);
        }
        self.usage(chunk, out);
        for name in ["modelStatus", "automaticFunctionCallingHistory"] {
            if let Some(value) = chunk.get(name) {
                self.facts.insert(name.to_owned(), value.clone());
            }
        }
        Ok(())
    }

    /// Running totals. Some chunks leave out what earlier ones said.
    fn usage(&mut self, chunk: &Value, out: &mut Vec<Event>) {
        let Some(mut usage) = chunk.get("usageMetadata").and_then(usage::decode) else { return };
        if let Some(before) = &self.usage {
            if usage.input == 0 {
                usage.input = before.input;
                usage.cached = before.cached;
            }
            if *before == usage {
                return;
            }
        }
        if let Some(tier) = usage.raw.text("serviceTier") {
            self.facts.insert("service_tier".to_owned(), json!(tier));
        }
        self.usage = Some(usage.clone());
        out.push(Event::Usage(usage));
    }

    fn start(&mut self, chunk: &Value, out: &mut Vec<Event>) {
        if self.id.is_some() {
            return;
        }
        let id = chunk.string("responseId");
        let created = chunk.text("createTime").and_then(seconds);
        out.push(Event::Start(Start { id: id.clone(), model: chunk.string("modelVersion"), created }));
        self.id = Some(id);
    }
}

/// Seconds since 1970 of a time such as `2026-04-07T16:49:58.333958Z`.
fn seconds(time: &str) -> Option<i64> {
    let part = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !time.ends_with('Z') {
        return None;
    }
    // Years begin in March here, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}
