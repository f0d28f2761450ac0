//! What Ollama answers.

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::blocks::Blocks;
use crate::codec::Decoder;
use crate::error::{Failure, Unreadable};
use crate::event::{Block, Delta, Event, Finish, Start};
use crate::framing::Frame;
use crate::json::{Look, count, put};
use crate::usage::Usage;

/// Reads a whole answer.
///
/// # Errors
/// When it is no answer of Ollama.
pub fn answer(body: &Value) -> Result<Answer, Unreadable> {
    let mut decoder = OllamaDecoder::default();
    let mut events = decoder.value(body)?;
    // A whole answer is complete also where an old server leaves `done` out.
    decoder.finish(body, &mut events);
    Ok(Answer::of(&events))
}

/// Reads the lines of a stream.
#[derive(Debug, Default)]
pub struct OllamaDecoder {
    has_started: bool,
    is_over: bool,
    n_calls: u32,
    blocks: Blocks,
}

impl Decoder for OllamaDecoder {
    fn frame(&mut self, frame: &Frame) -> Result<Vec<Event>, Unreadable> {
        let value: Value = serde_json::from_slice(&frame.data)
            .map_err(|_| Unreadable::new("a JSON line", &String::from_utf8_lossy(&frame.data)))?;
        self.value(&value)
    }

    fn end(&mut self) -> Result<Vec<Event>, Unreadable> {
        if self.is_over {
            return Ok(Vec::new());
        }
        Err(Unreadable { what: "the stream ended without a line that says done".to_owned() })
    }
}

impl OllamaDecoder {
    fn value(&mut self, value: &Value) -> Result<Vec<Event>, Unreadable> {
        let mut out = Vec::new();
        if self.is_over {
            return Ok(out);
        }
        if value.get("error").is_some_and(|error| !error.is_null()) {
            self.is_over = true;
            self.start(value, &mut out);
            self.blocks.close(&mut out);
            out.push(Event::Failed(failure(0, value)));
            return Ok(out);
        }
        let message = value.get("message").filter(|message| message.is_object());
        if message.is_none() && value.text("response").is_none() && value.get("done").is_none() {
            return Err(Unreadable::new("a message of Ollama", &value.to_string()));
        }
        self.start(value, &mut out);
        // `/api/generate` has the same fields one level higher.
        let (holder, text) = match message {
            Some(message) => (message, message.text("content")),
            None => (value, value.text("response")),
        };
        self.blocks.reasoning(holder.text("thinking").unwrap_or_default(), &mut out);
        self.blocks.text(text.unwrap_or_default(), &mut out);
        let logprobs = value.list("logprobs");
        if !logprobs.is_empty() {
            let place = self.blocks.text_place(&mut out);
            out.push(Event::Delta(place, Delta::Logprobs(logprobs.to_vec())));
        }
        for image in message.map_or(&[][..], |message| message.list("images")) {
            let data = image.as_str().unwrap_or_default().to_owned();
            self.blocks.open(Block::Media { mime: "image/png".to_owned(), data }, &mut out);
            self.blocks.close(&mut out);
        }
        for call in holder.list("tool_calls") {
            self.call(call, &mut out);
        }
        if value.get("done").and_then(Value::as_bool) == Some(true) {
            self.finish(value, &mut out);
        }
        Ok(out)
    }

    fn start(&mut self, value: &Value, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.has_started, true) {
            let created = value.text("created_at").and_then(seconds);
            out.push(Event::Start(Start { id: String::new(), model: value.string("model"), created }));
        }
    }

    fn call(&mut self, call: &Value, out: &mut Vec<Event>) {
        let function = call.get("function").unwrap_or(call);
        let id = match call.text("id").filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("call_{}", self.n_calls),
        };
        self.n_calls += 1;
        let place = self.blocks.open(Block::Call { id, name: function.string("name") }, out);
        let arguments = match function.get("arguments") {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(object) => object.to_string(),
        };
        out.push(Event::Delta(place, Delta::Arguments(arguments)));
        self.blocks.close(out);
    }

    fn finish(&mut self, value: &Value, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.blocks.close(out);
        let reason = match value.text("done_reason") {
            Some("length") => Finish::Length,
            Some("stop" | "") | None if self.n_calls > 0 => Finish::Calls,
            Some("stop" | "") | None => Finish::Stop,
            Some(other) => Finish::Other(other.to_owned()),
        };
        out.push(Event::Finish { choice: 0, reason, stop: None });
        out.extend(usage(value).map(Event::Usage));
    }
}

/// The figures of the last line, if it has any.
#[must_use]
pub fn usage(value: &Value) -> Option<Usage> {
    if value.get("prompt_eval_count").is_none() && value.get("eval_count").is_none() {
        return None;
    }
    let mut raw = Map::new();
    for name in
        ["prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"]
    {
        put(&mut raw, name, value.get(name).cloned());
    }
    Some(Usage {
        input: value.count("prompt_eval_count"),
        output: value.count("eval_count"),
        raw: raw.into(),
        ..Usage::default()
    })
}

/// Reads `{"error": ..}`, whose value is a text, or an object in the compatible endpoints.
#[must_use]
pub fn failure(status: u16, body: &Value) -> Failure {
    let error = body.get("error").unwrap_or(body);
    let said = body.get("status_code").or_else(|| body.get("StatusCode")).map_or(0, count);
    let status = if status == 0 { u16::try_from(said).unwrap_or(0) } else { status };
    let message = error.as_str().or_else(|| error.text("message"));
    Failure {
        status,
        code: error.text("code").or_else(|| error.text("type")).unwrap_or_default().to_owned(),
        message: message.map_or_else(|| error.to_string(), str::to_owned),
        ..Failure::default()
    }
}

/// Seconds since 1970 of `2024-05-24T20:26:46.294874Z` or with an offset.
fn seconds(time: &str) -> Option<i64> {
    let field = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let clock = field(11, 13)? * 3_600 + field(14, 16)? * 60 + field(17, 19)?;
    let rest = time.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match rest.as_bytes().first() {
        Some(sign @ (b'+' | b'-')) => {
            let part = |from: usize, to: usize| rest.get(from..to)?.parse::<i64>().ok();
            let seconds = part(1, 3)? * 3_600 + part(4, 6)? * 60;
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => 0,
    };
    // Years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(days * 86_400 + clock - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_offset_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2024-05-24T20:26:46.294874Z"), Some(1_716_582_406));
        assert_eq!(seconds("2024-02-29T23:59:59.9+08:00"), Some(1_709_222_399));
        assert_eq!(seconds("yesterday"), None);
    }
}
