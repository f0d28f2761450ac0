//! Bodies of requests for answers: read only as far as the gateway must, and changed without being taken apart.
//!
//! A body may be megabytes of text. The gateway needs two fields at the top level; the rest is for the service behind
//! it and stays as the bytes that it is. Large ones are read on the pool for CPU work.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use septet_chassis::http::read_json;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Error;
use crate::gateway::Gateway;

/// What the gateway looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    model: Option<String>,
    stream: Option<bool>,
}

impl Head {
    /// Reads the head of a body.
    ///
    /// # Errors
    /// When the body is no JSON object, or `model` no text, or `stream` no boolean.
    pub(crate) async fn read(app: &Gateway, body: &Bytes) -> Result<Self, Error> {
        read_json(Some(&app.cpu), body.clone()).await.map_err(|bad| Error::not_json(&bad))
    }

    /// The model that is named, if one is and it is no agent.
    pub(crate) fn names_a_model(&self) -> bool {
        self.model.as_deref().is_some_and(|model| !model.is_empty() && !model.starts_with("agent:"))
    }

    /// Whether an agent is asked.
    pub(crate) fn names_an_agent(&self) -> bool {
        self.model.as_deref().is_some_and(|model| model.starts_with("agent:"))
    }

    /// Whether the answer is to come in pieces.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }
}

/// The fields of a body, each as the bytes that it is.
type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The body for an agent: when none is named that of the conversation so far, or the default one; without the fields in `without`, with those in `with`.
///
/// # Errors
/// When it is no JSON object, or names a model that is no agent.
pub(crate) async fn for_agent(
    app: &Gateway,
    body: Bytes,
    without: &'static [&'static str],
    with: &'static [(&'static str, bool)],
) -> Result<Box<RawValue>, Error> {
    let default = app.config.default_agent.clone();
    let rewritten = app.cpu.run_over(body.len(), move || rewritten(&body, &default, without, with)).await;
    rewritten.map_err(|_panicked| Error::Bug("a body could not be rewritten"))?
}

fn rewritten(body: &[u8], default: &str, without: &[&str], with: &[(&str, bool)]) -> Result<Box<RawValue>, Error> {
    let mut fields: Fields<'_> = serde_json::from_slice(body).map_err(|bad| Error::not_json(&bad))?;
    let default = to_raw_value(default).map_err(|bad| Error::not_json(&bad))?;
    let with = with.iter().map(|(name, value)| Ok((*name, to_raw_value(value)?)));
    let with: Vec<(&str, Box<RawValue>)> = with.collect::<Result<_, _>>().map_err(|bad| Error::not_json(&bad))?;
    for name in without {
        fields.remove(*name);
    }
    for (name, value) in &with {
        fields.insert(Cow::Borrowed(name), value);
    }
    match fields.get("model").map(|model| model.get()) {
        None | Some("null" | "\"\"") => {
            // A conversation goes on with the agent that it has; only the service behind knows which.
            let is_given = |name: &str| fields.get(name).is_some_and(|value| value.get() != "null");
            let goes_on = is_given("conversation") || is_given("previous_response_id");
            fields.remove("model");
            fields.insert(Cow::Borrowed(if goes_on { "default_model" } else { "model" }), &default);
        }
        Some(model) if model.starts_with("\"agent:") => {}
        Some(_) => {
            return Err(Error::bad_request(
                "this endpoint runs agents: write model as agent:<name>, or ask a model at /v1/chat/completions",
                "model",
            ));
        }
    }
    to_raw_value(&fields).map_err(|bad| Error::not_json(&bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_default(body: &str) -> Result<String, Error> {
        rewritten(body.as_bytes(), "agent:a", &["type"], &[("stream", true)]).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn an_agent_gets_the_bytes_of_every_field_that_is_not_ours() {
        let body = r#"{"type":"x", "input":[ 1.0 ],"model":null,"big":123456789012345678901234567890}"#;
        let expected = r#"{"big":123456789012345678901234567890,"input":[ 1.0 ],"model":"agent:a","stream":true}"#;

        assert_eq!(for_default(body).unwrap(), expected);
        assert!(for_default(r#"{"model":"agent:b"}"#).unwrap().contains(r#""model":"agent:b""#));
        let goes_on = for_default(r#"{"conversation":"conv_1","previous_response_id":null}"#).unwrap();
        assert!(goes_on.contains(r#""default_model":"agent:a""#) && !goes_on.contains(r#""model""#), "{goes_on}");
        assert!(for_default(r#"{"model":"gpt"}"#).is_err());
        assert!(for_default(r#"["agent:a"]"#).is_err());
    }
}
