//! A stream whose client speaks the provider's dialect: the bytes of each event go on as they are.
//!
//! Events are not parsed. A few bytes are searched for, and only the event that has them is looked into: usage, an
//! error, the end. A text that contains those words has them with escaped quotes, so it is not mistaken for a field.

use bytes::BytesMut;
use memchr::memmem;
use septet_protocols::{Dialect, Failure, Frame, Unreadable, Usage, chat, ending};
use serde_json::{Value, json};

use super::Price;
use crate::meter::Meter;

/// One such stream.
pub(super) struct Passthrough {
    dialect: Dialect,
    wants_usage: bool,
    shows_cost: bool,
    /// Anthropic gives its figures in two halves.
    figures: serde_json::Map<String, Value>,
    /// Whether anything of an answer came.
    has_begun: bool,
    is_told_over: bool,
    /// It announced calls, and there was none.
    is_callless: bool,
    has_calls: bool,
    has_ended: bool,
}

impl Passthrough {
    pub(super) fn new(dialect: Dialect, wants_usage: bool, shows_cost: bool) -> Self {
        let figures = serde_json::Map::new();
        let (has_begun, is_told_over, is_callless, has_calls, has_ended) = (false, false, false, false, false);
        Self { dialect, wants_usage, shows_cost, figures, has_begun, is_told_over, is_callless, has_calls, has_ended }
    }

    /// Passes an event on, or gives the failure that it holds.
    pub(super) fn frame(
        &mut self,
        frame: &Frame,
        meter: &mut Meter,
        price: Price<'_>,
        out: &mut BytesMut,
    ) -> Result<Option<Failure>, Unreadable> {
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.is_told_over = true;
            self.has_ended |= self.has_begun;
            // Written at the end of the bytes, so that the record is there before the client sees it.
            return Ok(None);
        }
        if data.is_empty() {
            return Ok(None);
        }
        if data.first() != Some(&b'{') || data.last() != Some(&b'}') {
            return Err(Unreadable::new("an event of a stream", &String::from_utf8_lossy(data)));
        }
        hear(self.dialect, data, meter);
        self.has_begun |= self.dialect != Dialect::Chat || has_choice(data);
        self.has_calls |= calls(self.dialect, data);
        self.has_ended |= ends(self.dialect, data);
        let is_callless = !self.has_calls && announces(self.dialect, data);
        if !is_callless && !is_special(self.dialect, frame, data) {
            if !self.is_callless {
                frame.write_sse(out);
            }
            return Ok(None);
        }
        let mut value: Value = serde_json::from_slice(data)
            .map_err(|_bad| Unreadable::new("an event of a stream", &String::from_utf8_lossy(data)))?;
        let usage = self.usage(&value);
        meter.got(value.get("service_tier").or_else(|| value.pointer("/response/service_tier")));
        if let Some(usage) = &usage {
            meter.said(usage.clone());
        }
        // What had failed may have cost all the same, so its figures were read first.
        if let Some(failure) = self.dialect.failure_in(&frame.name, &value) {
            return Ok(Some(failure));
        }
        // It has failed, which is reported once its usage is there: that comes after the end.
        self.is_callless |= is_callless;
        if self.is_callless {
            return Ok(None);
        }
        let Some(usage) = usage else {
            frame.write_sse(out);
            return Ok(None);
        };
        let cost = self.shows_cost.then(|| price(&usage, meter.tier()));
        if self.dialect == Dialect::Chat {
            let is_alone = value.get("choices").and_then(Value::as_array).is_none_or(Vec::is_empty);
            if is_alone && !self.wants_usage {
                return Ok(None);
            }
            if let Some(cost) = cost
                && let Some(usage) = value.get_mut("usage").filter(|usage| usage.is_object())
            {
                usage["septet_cost_nano"] = json!(cost);
                Frame { data: value.to_string().into(), ..frame.clone() }.write_sse(out);
                return Ok(None);
            }
        }
        frame.write_sse(out);
        Ok(None)
    }

    /// The figures that an event holds, together with those before it.
    fn usage(&mut self, event: &Value) -> Option<Usage> {
        let found = match self.dialect {
            Dialect::Anthropic => event.get("usage").or_else(|| event.pointer("/message/usage")),
            Dialect::Responses => event.pointer("/response/usage"),
            _ => return self.dialect.usage_in(event),
        };
        let fields = found?.as_object()?.iter().filter(|(_, value)| !value.is_null());
        self.figures.extend(fields.map(|(name, value)| (name.clone(), value.clone())));
        self.dialect.decode_usage(&Value::Object(self.figures.clone()))
    }

    /// Ends the stream, with these figures where the provider gave none, or gives what it has failed with.
    pub(super) fn end(&mut self, estimated: Option<Usage>, out: &mut BytesMut) -> Result<Option<Failure>, Unreadable> {
        if self.is_callless {
            return Ok(Some(ending::calls_missing()));
        }
        if self.is_told_over && !self.has_begun {
            return Err(Unreadable { what: "the stream has no answer in it".to_owned() });
        }
        if !self.has_ended {
            return Err(Unreadable { what: "the stream broke off before the answer was over".to_owned() });
        }
        if self.dialect != Dialect::Chat {
            return Ok(None);
        }
        if let Some(usage) = estimated.filter(|_| self.wants_usage) {
            let mut usage = chat::encode_usage(&usage);
            usage["estimated"] = json!(true);
            let chunk = json!({"object": "chat.completion.chunk", "choices": [], "usage": usage});
            Frame::plain(chunk.to_string()).write_sse(out);
        }
        Frame::plain("[DONE]").write_sse(out);
        Ok(None)
    }
}

/// Whether an event must be looked into.
fn is_special(dialect: Dialect, frame: &Frame, data: &[u8]) -> bool {
    let has = |needle: &[u8]| memmem::find(data, needle).is_some();
    match dialect {
        // `"usage":null` stands in every chunk of OpenAI's.
        Dialect::Chat => has(b"\"usage\":{") || has(b"\"usage\": {") || has(b"\"error\":"),
        Dialect::Anthropic => has(b"\"usage\"") || frame.name == "error" || has(b"\"error\":"),
        _ => {
            let is_last = ["response.completed", "response.failed", "response.incomplete", "error"];
            is_last.contains(&frame.name.as_str())
                || (frame.name.is_empty() && (has(b"\"usage\"") || has(b"\"error\"")))
        }
    }
}

/// Whether an event says that the answer is over.
fn ends(dialect: Dialect, data: &[u8]) -> bool {
    let has = |needle: &[u8]| memmem::find(data, needle).is_some();
    match dialect {
        Dialect::Chat => has(b"\"finish_reason\":\"") || has(b"\"finish_reason\": \""),
        Dialect::Anthropic => has(b"\"message_stop\""),
        _ => has(b"\"response.completed\"") || has(b"\"response.incomplete\"") || has(b"\"response.failed\""),
    }
}

/// Whether an event of Chat Completions has a piece of an answer.
fn has_choice(data: &[u8]) -> bool {
    has_field(data, b"\"choices\":", |value| {
        value.strip_prefix(b"[").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
    })
}

/// Whether an event has a piece of a call.
fn calls(dialect: Dialect, data: &[u8]) -> bool {
    match dialect {
        Dialect::Chat => {
            has_field(data, b"\"tool_calls\":", |value| {
                value.strip_prefix(b"[").is_some_and(|rest| !rest.trim_ascii_start().starts_with(b"]"))
            }) || has_field(data, b"\"function_call\":", |value| value.starts_with(b"{"))
        }
        Dialect::Anthropic => has_field(data, b"\"type\":", |value| value.starts_with(b"\"tool_use\"")),
        _ => false,
    }
}

/// Whether an event says that the answer ends with calls.
fn announces(dialect: Dialect, data: &[u8]) -> bool {
    let words: &[&[u8]] = &[b"\"tool_calls\"", b"\"function_call\"", b"\"tool_use\""];
    let name: &[u8] = match dialect {
        Dialect::Chat => b"\"finish_reason\":",
        Dialect::Anthropic => b"\"stop_reason\":",
        _ => return false,
    };
    has_field(data, name, |value| words.iter().any(|word| value.starts_with(word)))
}

/// Whether a field of this name, wherever it stands, has a value that is wanted.
fn has_field(data: &[u8], name: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> bool {
    memmem::find_iter(data, name).any(|at| is_wanted(data[at + name.len()..].trim_ascii_start()))
}

/// Gives the text that the model wrote to the meter, from the raw bytes.
fn hear(dialect: Dialect, data: &[u8], meter: &mut Meter) {
    let fields: &[&[u8]] = match dialect {
        Dialect::Chat => &[b"\"content\":", b"\"reasoning_content\":", b"\"reasoning\":", b"\"arguments\":"],
        Dialect::Anthropic => &[b"\"text\":", b"\"thinking\":", b"\"partial_json\":"],
        _ => &[b"\"delta\":"],
    };
    for field in fields {
        let Some(at) = memmem::find(data, field) else { continue };
        let rest = data[at + field.len()..].trim_ascii_start();
        if let Some(text) = rest.strip_prefix(b"\"") {
            meter.heard(&text[..end_of_text(text)]);
        }
    }
}

/// Where a JSON text ends: at the first quote that is not escaped.
fn end_of_text(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(offset) = memchr::memchr2(b'"', b'\\', &text[from..]) {
        let at = from + offset;
        if text[at] == b'"' {
            return at;
        }
        from = (at + 2).min(text.len());
    }
    text.len()
}
