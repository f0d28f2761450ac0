//! What a provider is asked, and what is sent to it for that.

use std::fmt;

use http::{HeaderMap, HeaderName, Method};
use reqwest::Url;
use septet_protocols::{Dialect, Framing};

/// What a provider is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// To answer.
    Chat {
        /// In which dialect. One that the kind does not list in [`crate::Facts::dialects`] is addressed as well, where
        /// servers of its kind have it in a usual place: newer versions of vLLM, LM Studio or a proxy do.
        dialect: Dialect,
        /// In pieces.
        stream: bool,
    },
    /// To embed.
    Embeddings,
    /// To put documents in order.
    Rerank,
    /// To list its models. It is asked with GET; there is no body.
    Models,
}

/// What differs between providers of one kind.
#[derive(Clone, Default)]
pub struct Options {
    /// Azure's `api-version`. One with a date asks for the older form with deployments in its addresses.
    pub api_version: Option<String>,
    /// Amazon's region.
    pub region: Option<String>,
    /// Which of OpenAI's organizations pays.
    pub organization: Option<String>,
    /// Which of OpenAI's projects pays.
    pub project: Option<String>,
    /// More headers; they win over our own. Taken for secret.
    pub headers: HeaderMap,
}

impl fmt::Debug for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        out.debug_struct("Options")
            .field("api_version", &self.api_version)
            .field("region", &self.region)
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("headers", &headers)
            .finish()
    }
}

/// A request that is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'a> {
    /// What it asks for.
    pub operation: Operation,
    /// The model as the provider names it; part of the address for some.
    pub model: &'a str,
    /// The body, in bytes as they will be sent: some sign it.
    pub body: &'a [u8],
    /// What the client sent along. `anthropic-beta` and `openai-beta` are passed on, where they are understood.
    pub client: Option<&'a HeaderMap>,
}

/// What to send, apart from the body.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// GET or POST.
    pub method: Method,
    /// Where. Holds no key.
    pub url: Url,
    /// With which headers. Those that hold a key are marked as sensitive and do not print.
    pub headers: HeaderMap,
}

/// How the pieces of an answer are told apart.
#[must_use]
pub fn framing(dialect: Dialect) -> Framing {
    match dialect {
        Dialect::Chat | Dialect::Responses | Dialect::Anthropic | Dialect::Gemini | Dialect::Cohere => Framing::Sse,
        Dialect::Ollama => Framing::Lines,
        Dialect::Bedrock => Framing::EventStream,
    }
}
