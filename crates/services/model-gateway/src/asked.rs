//! What a client asked, read only as far as is needed to pass it on.
//!
//! A request that goes to a provider of the same dialect keeps its bytes: fields that we do not know, their order and
//! the digits of their numbers are the client's. Only the fields that are ours to change are changed.

mod shape;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use septet_prices::Service;
use septet_protocols::{Dialect, Part, PartKind, Request, Role, Tool, Wrong, responses};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::tier;

/// A request for an answer, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The dialect it is in.
    pub dialect: Dialect,
    /// The body.
    pub body: Bytes,
    /// The model, as the client names it; may be empty.
    pub model: String,
    /// Whether the answer comes in pieces.
    pub stream: bool,
    /// Whether the client wants usage in the stream. Only Chat Completions lets it choose.
    pub wants_usage: bool,
    /// The most tokens in the answer, where it says so.
    pub max_output: Option<u64>,
    /// How many answers.
    pub n: u64,
    /// The service tier that it asks for.
    pub service: Service,
    /// Whether it offers tools.
    pub has_tools: bool,
    /// What an answer in Responses repeats of the request.
    pub echo: Arc<Map<String, Value>>,
}

/// The fields that are looked at.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    max_output_tokens: Option<u64>,
    #[serde(default)]
    n: Option<u64>,
    #[serde(borrow, default)]
    service_tier: Option<Cow<'a, str>>,
    #[serde(default)]
    tools: Option<Vec<IgnoredAny>>,
    #[serde(borrow, default)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Asked {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// [`Wrong`] with the place where the body stops to be JSON, or the field or message with the wrong form.
    pub(crate) fn read(dialect: Dialect, body: Bytes) -> Result<Self, Wrong> {
        let head: Head<'_> = serde_json::from_slice(&body)?;
        let missing = |name: &str| Wrong::field(name, "is missing or empty; write at least one message");
        match dialect {
            Dialect::Responses => shape::input(head.input.ok_or_else(|| missing("input"))?)?,
            _ => {
                let messages = head.messages.filter(|messages| !messages.is_empty());
                shape::messages(dialect, &messages.ok_or_else(|| missing("messages"))?)?;
            }
        }
        let outputs = [head.max_completion_tokens, head.max_output_tokens, head.max_tokens];
        let options = head.stream_options.and_then(|options| options.include_usage);
        let echo = match dialect {
            Dialect::Responses => fields(&body, &responses::ECHOED)?,
            _ => Map::new(),
        };
        Ok(Self {
            dialect,
            echo: echo.into(),
            model: head.model.map(Cow::into_owned).unwrap_or_default(),
            stream: head.stream.unwrap_or(false),
            wants_usage: options.unwrap_or(false),
            max_output: outputs.into_iter().flatten().next(),
            n: head.n.unwrap_or(1).max(1),
            service: head.service_tier.and_then(|word| tier::read(&word)).unwrap_or_default(),
            has_tools: head.tools.is_some_and(|tools| !tools.is_empty()),
            body,
        })
    }

    /// The whole request, to translate it.
    ///
    /// # Errors
    /// [`Wrong`] with the field that has the wrong form.
    pub(crate) fn whole(&self) -> Result<Request, Wrong> {
        self.dialect.decode_request(&serde_json::from_slice(&self.body)?)
    }

    /// About how many tokens the model will read.
    pub(crate) fn likely_input(&self) -> u64 {
        u64::try_from(self.body.len()).unwrap_or(u64::MAX) / 4
    }

    /// How many tokens the model reads, with what stands between the texts: by OpenAI's count every message has three more
    /// and its role, and the answer is begun by three. Templates of other makers are much the same.
    pub(crate) fn prompt_tokens(&self, n_tokens: impl Fn(&str) -> u64) -> u64 {
        let Ok(request) = self.whole() else { return self.likely_input() };
        tokens_of(&request, n_tokens) + 4 * request.messages.len() as u64 + 3
    }

    /// How many tokens the model reads, by the texts of the request: for where nobody says it.
    pub(crate) fn input_tokens(&self, n_tokens: impl Fn(&str) -> u64) -> u64 {
        self.whole().map_or_else(|_unread| self.likely_input(), |request| tokens_of(&request, n_tokens))
    }

    /// The last thing that the user said: what the difficulty of a call is judged by.
    pub(crate) fn question(&self) -> Option<String> {
        let request = self.whole().ok()?;
        let users = request.messages.iter().rev().filter(|message| message.role == Role::User);
        users.map(septet_protocols::Message::text).find(|text| !text.trim().is_empty())
    }

    /// About how many tokens the model will read, and no fewer: a token of English is about four bytes of JSON, one of
    /// Chinese about three, and the field names count too.
    pub(crate) fn most_input(&self) -> u64 {
        u64::try_from(self.body.len()).unwrap_or(u64::MAX) / 3 + 16
    }
}

/// How many tokens the texts of a request are.
fn tokens_of(request: &Request, n_tokens: impl Fn(&str) -> u64) -> u64 {
    let n_tokens = &n_tokens;
    let in_parts = |parts: &[Part]| -> u64 {
        let texts = parts.iter().map(|part| match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => n_tokens(text),
            PartKind::Reasoning { text, .. } => n_tokens(text),
            PartKind::Call { name, arguments, .. } => n_tokens(name) + n_tokens(arguments),
            PartKind::Result { parts, .. } => parts.iter().filter_map(|part| part.kind.text()).map(n_tokens).sum(),
            // What a picture is in tokens is each model's own affair; OpenAI's low detail is 85.
            PartKind::Image(_) | PartKind::File(_) | PartKind::Audio(_) => 85,
            PartKind::Opaque { .. } => 0,
        });
        texts.sum()
    };
    let tools = request.tools.iter().map(|tool| match tool {
        Tool::Function { name, description, parameters, .. } => {
            n_tokens(name)
                + description.as_deref().map_or(0, n_tokens)
                + parameters.as_ref().map_or(0, |schema| n_tokens(&schema.to_string()))
        }
        Tool::Opaque { .. } => 0,
    });
    request.messages.iter().map(|message| in_parts(&message.parts)).sum::<u64>() + tools.sum::<u64>()
}

/// A JSON object of which only some fields are read: the bytes of all others stay as they are.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Take)
    }
}

/// The fields of a JSON object that have these names.
///
/// # Errors
/// When it is no JSON object.
pub(crate) fn fields(body: &[u8], names: &[&str]) -> Result<Map<String, Value>, Wrong> {
    let Fields(fields) = serde_json::from_slice(body)?;
    let mut found = Map::new();
    for (name, value) in fields.into_iter().filter(|(name, _)| names.contains(&&**name)) {
        found.insert(name.into_owned(), serde_json::from_str(value.get())?);
    }
    Ok(found)
}

/// A JSON object with some fields set (`Some`) or taken out (`None`), and all others as they were, byte for byte.
///
/// # Errors
/// When it is no JSON object.
pub(crate) fn with_fields(body: &[u8], changes: &[(&str, Option<String>)]) -> Result<Vec<u8>, Wrong> {
    let Fields(fields) = serde_json::from_slice(body)?;
    let mut out = Vec::with_capacity(body.len() + 64);
    let mut add = |name: &str, value: &str| {
        out.push(if out.is_empty() { b'{' } else { b',' });
        // A name is text, and text is always JSON.
        out.extend_from_slice(serde_json::to_string(name).unwrap_or_default().as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_bytes());
    };
    for (name, value) in &fields {
        if !changes.iter().any(|(changed, _)| *changed == &**name) {
            add(name, value.get());
        }
    }
    for (name, value) in changes {
        if let Some(value) = value {
            add(name, value);
        }
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Asked, Wrong> {
        Asked::read(Dialect::Chat, Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn only_the_named_fields_change() {
        let body = br#"{"z": 1.0, "model":"a", "big": 123456789012345678901234567890, "stream_options":{}}"#;
        let changes = [("model", Some("\"b\"".to_owned())), ("stream_options", None)];
        let changed = with_fields(body, &changes).unwrap();

        let expected = r#"{"z":1.0,"big":123456789012345678901234567890,"model":"b"}"#;
        assert_eq!(std::str::from_utf8(&changed).unwrap(), expected);
        assert_eq!(with_fields(b"{}", &[]).unwrap(), b"{}");
    }

    #[test]
    fn a_body_that_is_no_json_says_where() {
        let Err(Wrong::Json { line, column, .. }) = read("{\"model\": \"m\",\n \"messages\": [}") else { panic!() };
        assert_eq!((line, column), (2, 15));
        assert!(matches!(read(r#"{"model":"m","messages":[]}"#), Err(Wrong::Field { .. })));
    }

    #[test]
    fn the_head_is_read_and_the_rest_is_left_alone() {
        let asked = read(
            r#"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true},
                "max_tokens":7,"tools":[{}],"odd":[1]}"#,
        )
        .unwrap();
        assert!(asked.stream && asked.wants_usage && asked.has_tools);
        assert_eq!((asked.model.as_str(), asked.max_output, asked.n), ("m", Some(7), 1));
    }
}
