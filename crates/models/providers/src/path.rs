//! Which address an operation has.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use septet_protocols::{Dialect, embeddings, rerank};

use crate::address::Address;
use crate::call::Operation;
use crate::error::Error;
use crate::kind::ProviderKind;

/// All but what RFC 3986 calls unreserved; Amazon signs the path in this form.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Azure's newer form, which needs no version.
const AZURE_V1: &str = "/openai/v1";

/// The address of an operation.
///
/// # Errors
/// [`Error::NotOffered`], and [`Error::Model`] when the name would lead elsewhere.
pub(crate) fn of(kind: ProviderKind, address: &Address, operation: Operation, model: &str) -> Result<String, Error> {
    if kind == ProviderKind::Azure {
        return azure(address, operation, model);
    }
    let (base, root) = (address.base(), &address.root);
    let refused = |what| Err(Error::NotOffered { kind, what });
    Ok(match operation {
        Operation::Chat { dialect, stream } => return chat(kind, address, dialect, stream, model),
        Operation::Embeddings => match kind.embeddings(model) {
            Some(embeddings::Api::OpenAi | embeddings::Api::Voyage | embeddings::Api::Mistral) => {
                format!("{base}/embeddings")
            }
            Some(embeddings::Api::Cohere) => format!("{root}/v2/embed"),
            Some(embeddings::Api::Gemini) => format!("{base}/{}:batchEmbedContents", google(model)?),
            Some(embeddings::Api::Ollama) => format!("{root}/api/embed"),
            Some(embeddings::Api::Titan | embeddings::Api::BedrockCohere) => {
                format!("{root}/model/{}/invoke", segment(model)?)
            }
            Some(embeddings::Api::Vertex) | None => return refused("embeddings"),
        },
        Operation::Rerank => match kind.rerank() {
            Some(rerank::Api::Cohere) => format!("{root}/v2/rerank"),
            Some(rerank::Api::Jina | rerank::Api::Voyage) => format!("{base}/rerank"),
            Some(rerank::Api::DashScope) => format!("{root}/api/v1/services/rerank/text-rerank/text-rerank"),
            Some(rerank::Api::Texts) => format!("{root}/rerank"),
            None => return refused("reranking"),
        },
        Operation::Models if !kind.facts().lists => return refused("list of models"),
        Operation::Models => match kind {
            ProviderKind::Ollama => format!("{root}/api/tags"),
            ProviderKind::Cohere => format!("{root}/v1/models?page_size=1000"),
            ProviderKind::Anthropic => format!("{root}/v1/models?limit=1000"),
            ProviderKind::Gemini => format!("{base}/models?pageSize=1000"),
            // The list is at the control plane, whose host lacks the `-runtime`.
            ProviderKind::Bedrock => {
                format!("{}/foundation-models", root.replacen("://bedrock-runtime", "://bedrock", 1))
            }
            _ => format!("{base}/models"),
        },
    })
}

fn chat(kind: ProviderKind, address: &Address, dialect: Dialect, stream: bool, model: &str) -> Result<String, Error> {
    let (base, root) = (address.base(), &address.root);
    Ok(match (kind, dialect) {
        (ProviderKind::Gemini, Dialect::Gemini) if stream => {
            format!("{base}/{}:streamGenerateContent?alt=sse", google(model)?)
        }
        (ProviderKind::Gemini, Dialect::Gemini) => format!("{base}/{}:generateContent", google(model)?),
        (ProviderKind::Gemini, Dialect::Chat) => format!("{base}/openai/chat/completions"),
        (ProviderKind::Bedrock, Dialect::Bedrock) => {
            format!("{root}/model/{}/converse{}", segment(model)?, if stream { "-stream" } else { "" })
        }
        (ProviderKind::Cohere, Dialect::Cohere) => format!("{root}/v2/chat"),
        (ProviderKind::Cohere, Dialect::Chat) => format!("{root}/compatibility/v1/chat/completions"),
        (ProviderKind::Ollama, Dialect::Ollama) => format!("{root}/api/chat"),
        (ProviderKind::Ollama, Dialect::Chat) => format!("{root}/v1/chat/completions"),
        (ProviderKind::Ollama, Dialect::Responses) => format!("{root}/v1/responses"),
        (ProviderKind::Ollama | ProviderKind::Anthropic, Dialect::Anthropic) => format!("{root}/v1/messages"),
        // Recorded there, without the version.
        (ProviderKind::DeepSeek, Dialect::Responses) => format!("{root}/responses"),
        // Their interface for Anthropic's clients lies beside the usual one; that of the coding plan is the same.
        (ProviderKind::DeepSeek | ProviderKind::Moonshot | ProviderKind::Zhipu, Dialect::Anthropic) => {
            format!("{}/anthropic/v1/messages", root.strip_suffix("/coding").unwrap_or(root))
        }
        (
            ProviderKind::Gemini
            | ProviderKind::Bedrock
            | ProviderKind::Cohere
            | ProviderKind::Anthropic
            | ProviderKind::Jina
            | ProviderKind::Voyage
            | ProviderKind::Local,
            _,
        ) => {
            return Err(Error::NotOffered { kind, what: name(dialect) });
        }
        (_, Dialect::Chat) => format!("{base}/chat/completions"),
        // Not all have these two, and those that do are not told apart by their kind: see `ProviderKind::speaks`.
        (_, Dialect::Responses) => format!("{base}/responses"),
        (_, Dialect::Anthropic) => format!("{base}/messages"),
        (_, Dialect::Gemini | Dialect::Bedrock | Dialect::Ollama | Dialect::Cohere) => {
            return Err(Error::NotOffered { kind, what: name(dialect) });
        }
    })
}

/// The version of Azure's form for models of all makers, in which it was recorded.
const AZURE_MODELS: &str = "2024-05-01-preview";

/// Three forms: `/models` where it is written so; one with deployments where a version has a date; else `/openai/v1`,
/// which alone has Responses.
fn azure(address: &Address, operation: Operation, model: &str) -> Result<String, Error> {
    let kind = ProviderKind::Azure;
    let name = match operation {
        Operation::Chat { dialect: Dialect::Chat, .. } => "chat/completions",
        Operation::Chat { dialect: Dialect::Responses, .. } => "responses",
        Operation::Chat { dialect, .. } => return Err(Error::NotOffered { kind, what: name(dialect) }),
        Operation::Embeddings => "embeddings",
        Operation::Rerank => return Err(Error::NotOffered { kind, what: "reranking" }),
        Operation::Models => return Err(Error::NotOffered { kind, what: "list of models" }),
    };
    let root = &address.root;
    let is_dated = |version: &&str| version.starts_with("20");
    Ok(match address.version.as_deref().filter(|version| *version != "v1") {
        version if address.tail == "/models" && name != "responses" => {
            format!("{root}/models/{name}?api-version={}", encode(version.unwrap_or(AZURE_MODELS)))
        }
        Some(version) if address.tail.is_empty() && is_dated(&version) && name != "responses" => {
            format!("{root}/openai/deployments/{}/{name}?api-version={}", segment(model)?, encode(version))
        }
        // `preview` and `latest` belong to the newer form; a date does not.
        Some(version) if !is_dated(&version) => format!("{root}{AZURE_V1}/{name}?api-version={}", encode(version)),
        _ => format!("{root}{AZURE_V1}/{name}"),
    })
}

fn name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "Chat Completions",
        Dialect::Responses => "Responses",
        Dialect::Anthropic => "Messages",
        Dialect::Gemini => "generateContent",
        Dialect::Bedrock => "Converse",
        Dialect::Ollama => "/api/chat",
        Dialect::Cohere => "/v2/chat",
    }
}

/// A model at Google, with or without the collection that it lies in.
fn google(model: &str) -> Result<String, Error> {
    match model.split_once('/') {
        Some((collection @ ("models" | "tunedModels"), name)) => Ok(format!("{collection}/{}", segment(name)?)),
        _ => Ok(format!("models/{}", segment(model)?)),
    }
}

/// A name as one segment of a path.
fn segment(model: &str) -> Result<String, Error> {
    // A percent-encoded dot segment counts too: it would change the path.
    if model.is_empty() || matches!(model, "." | "..") || model.chars().any(char::is_control) {
        return Err(Error::Model(model.to_owned()));
    }
    Ok(encode(model))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
