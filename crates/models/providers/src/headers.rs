//! The headers that each provider wants.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use septet_protocols::{Dialect, Framing};

use crate::call::{Operation, Options, ProviderRequest, framing};
use crate::error::Error;
use crate::kind::ProviderKind;

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");

/// What the connection sets itself.
const OURS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "content-encoding", "te"];

/// Those without a key.
pub(crate) fn plain(call: &ProviderRequest<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if call.operation != Operation::Models {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let accept = match call.operation {
        Operation::Chat { dialect, stream: true } => match framing(dialect) {
            Framing::Sse => "text/event-stream",
            Framing::Lines => "application/x-ndjson",
            Framing::EventStream => "application/vnd.amazon.eventstream",
        },
        _ => "application/json",
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let passed = match call.operation {
        Operation::Chat { dialect: Dialect::Anthropic, .. } => {
            headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
            Some(ANTHROPIC_BETA)
        }
        Operation::Chat { dialect: Dialect::Chat | Dialect::Responses, .. } => Some(OPENAI_BETA),
        _ => None,
    };
    if let (Some(name), Some(client)) = (passed, call.client) {
        for value in client.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// An API key, where the provider looks for it.
pub(crate) fn key(
    kind: ProviderKind,
    operation: Operation,
    key: &SecretString,
    headers: &mut HeaderMap,
) -> Result<(), Error> {
    let is = |wanted| matches!(operation, Operation::Chat { dialect, .. } if dialect == wanted);
    let name = match kind {
        ProviderKind::Azure => HeaderName::from_static("api-key"),
        ProviderKind::Anthropic => HeaderName::from_static("x-api-key"),
        ProviderKind::DeepSeek if is(Dialect::Anthropic) => HeaderName::from_static("x-api-key"),
        ProviderKind::Gemini if !is(Dialect::Chat) => HeaderName::from_static("x-goog-api-key"),
        _ => AUTHORIZATION,
    };
    if kind == ProviderKind::Anthropic {
        // The list of models wants it too.
        headers.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
    }
    let key = key.expose_secret();
    let value = if name == AUTHORIZATION { format!("Bearer {key}") } else { key.to_owned() };
    headers.insert(name, secret(&value).ok_or(Error::Key(kind))?);
    Ok(())
}

/// A value that does not print.
pub(crate) fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Those that the settings add.
pub(crate) fn extra(kind: ProviderKind, options: &Options) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if kind == ProviderKind::OpenAi {
        for (name, option, value) in [
            ("openai-organization", "organization", &options.organization),
            ("openai-project", "project", &options.project),
        ] {
            let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) else { continue };
            let value = HeaderValue::from_str(value)
                .map_err(|_| Error::Option { option, what: "holds characters that no header can have" })?;
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in &options.headers {
        if OURS.contains(&name.as_str()) {
            return Err(Error::Option { option: "headers", what: "must not name what the connection sets itself" });
        }
        let mut value = value.clone();
        value.set_sensitive(true);
        headers.insert(name.clone(), value);
    }
    Ok(headers)
}
