//! Providers with one address for the world.

use septet_protocols::{Dialect, Quirks, Thinking, embeddings, rerank};

use super::{EXACT, Facts, HOSTED, OLDER};
use crate::kind::ProviderKind;

pub(super) const OPENAI: Facts = Facts {
    kind: ProviderKind::OpenAi,
    base_url: Some("https://api.openai.com/v1"),
    dialects: &[Dialect::Chat, Dialect::Responses],
    homes: &["openai.com"],
    quirks: EXACT,
    embeddings: Some(embeddings::Api::OpenAi),
    key_variables: &["OPENAI_API_KEY"],
    url_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
    model_variable: Some("OPENAI_MODEL"),
    price_names: &["openai"],
    models: &["gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "text-embedding-3-small"],
    ..HOSTED
};

/// Its list names what could be deployed, not what is; so it is not used.
pub(super) const AZURE: Facts = Facts {
    kind: ProviderKind::Azure,
    dialects: &[Dialect::Chat, Dialect::Responses],
    quirks: EXACT,
    embeddings: Some(embeddings::Api::OpenAi),
    lists: false,
    key_variables: &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
    url_variables: &["AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE"],
    model_variable: Some("AZURE_OPENAI_DEPLOYMENT"),
    price_names: &["azure", "azure_ai", "openai"],
    ..HOSTED
};

pub(super) const ANTHROPIC: Facts = Facts {
    kind: ProviderKind::Anthropic,
    base_url: Some("https://api.anthropic.com"),
    dialects: &[Dialect::Anthropic],
    quirks: EXACT,
    key_variables: &["ANTHROPIC_API_KEY"],
    url_variables: &["ANTHROPIC_BASE_URL"],
    model_variable: Some("ANTHROPIC_MODEL"),
    price_names: &["anthropic"],
    ..HOSTED
};

pub(super) const GEMINI: Facts = Facts {
    kind: ProviderKind::Gemini,
    base_url: Some("https://generativelanguage.googleapis.com/v1beta"),
    dialects: &[Dialect::Gemini],
    quirks: EXACT,
    embeddings: Some(embeddings::Api::Gemini),
    key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    url_variables: &["GEMINI_BASE_URL", "GEMINI_API_BASE"],
    model_variable: Some("GEMINI_MODEL"),
    price_names: &["gemini"],
    ..HOSTED
};

/// Its address holds the region: see [`crate::Options::region`].
pub(super) const BEDROCK: Facts = Facts {
    kind: ProviderKind::Bedrock,
    dialects: &[Dialect::Bedrock],
    quirks: EXACT,
    key_variables: &["AWS_BEARER_TOKEN_BEDROCK"],
    url_variables: &["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_BEDROCK_RUNTIME_ENDPOINT"],
    model_variable: Some("BEDROCK_MODEL"),
    price_names: &["bedrock_converse", "bedrock"],
    ..HOSTED
};

pub(super) const COHERE: Facts = Facts {
    kind: ProviderKind::Cohere,
    base_url: Some("https://api.cohere.com"),
    dialects: &[Dialect::Cohere],
    quirks: EXACT,
    embeddings: Some(embeddings::Api::Cohere),
    rerank: Some(rerank::Api::Cohere),
    key_variables: &["COHERE_API_KEY", "CO_API_KEY"],
    url_variables: &["COHERE_BASE_URL", "CO_API_URL"],
    model_variable: Some("COHERE_MODEL"),
    price_names: &["cohere_chat", "cohere"],
    ..HOSTED
};

/// Refuses fields that it does not know, and sends usage without being asked.
pub(super) const MISTRAL: Facts = Facts {
    kind: ProviderKind::Mistral,
    base_url: Some("https://api.mistral.ai/v1"),
    quirks: Quirks { no_stream_options: true, required_is_any: true, thinking: Thinking::Mistral, ..OLDER },
    embeddings: Some(embeddings::Api::Mistral),
    key_variables: &["MISTRAL_API_KEY"],
    url_variables: &["MISTRAL_BASE_URL", "MISTRAL_API_BASE"],
    model_variable: Some("MISTRAL_MODEL"),
    price_names: &["mistral"],
    ..HOSTED
};

pub(super) const XAI: Facts = Facts {
    kind: ProviderKind::Xai,
    base_url: Some("https://api.x.ai/v1"),
    dialects: &[Dialect::Chat, Dialect::Responses],
    homes: &["x.ai"],
    quirks: Quirks { thinking: Thinking::Xai, ..EXACT },
    key_variables: &["XAI_API_KEY"],
    url_variables: &["XAI_BASE_URL", "XAI_API_BASE"],
    model_variable: Some("XAI_MODEL"),
    price_names: &["xai"],
    ..HOSTED
};

pub(super) const GROQ: Facts = Facts {
    kind: ProviderKind::Groq,
    base_url: Some("https://api.groq.com/openai/v1"),
    dialects: &[Dialect::Chat, Dialect::Responses],
    homes: &["groq.com"],
    quirks: Quirks { thinking: Thinking::Groq, ..EXACT },
    key_variables: &["GROQ_API_KEY"],
    url_variables: &["GROQ_BASE_URL", "GROQ_API_BASE"],
    model_variable: Some("GROQ_MODEL"),
    price_names: &["groq"],
    ..HOSTED
};

pub(super) const OPENROUTER: Facts = Facts {
    kind: ProviderKind::OpenRouter,
    base_url: Some("https://openrouter.ai/api/v1"),
    dialects: &[Dialect::Chat, Dialect::Responses],
    homes: &["openrouter.ai"],
    quirks: Quirks { thinking: Thinking::Object, ..EXACT },
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    key_variables: &["OPENROUTER_API_KEY"],
    url_variables: &["OPENROUTER_BASE_URL", "OPENROUTER_API_BASE"],
    model_variable: Some("OPENROUTER_MODEL"),
    price_names: &["openrouter"],
    ..HOSTED
};

pub(super) const TOGETHER: Facts = Facts {
    kind: ProviderKind::Together,
    base_url: Some("https://api.together.ai/v1"),
    quirks: Quirks { thinking: Thinking::Together, ..OLDER },
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    key_variables: &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY"],
    url_variables: &["TOGETHER_BASE_URL"],
    model_variable: Some("TOGETHER_MODEL"),
    price_names: &["together_ai"],
    ..HOSTED
};

pub(super) const CEREBRAS: Facts = Facts {
    kind: ProviderKind::Cerebras,
    base_url: Some("https://api.cerebras.ai/v1"),
    quirks: EXACT,
    key_variables: &["CEREBRAS_API_KEY"],
    url_variables: &["CEREBRAS_BASE_URL", "CEREBRAS_API_BASE"],
    model_variable: Some("CEREBRAS_MODEL"),
    price_names: &["cerebras"],
    ..HOSTED
};

pub(super) const JINA: Facts = Facts {
    kind: ProviderKind::Jina,
    base_url: Some("https://api.jina.ai/v1"),
    dialects: &[],
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    lists: false,
    key_variables: &["JINA_API_KEY", "JINA_AI_API_KEY"],
    url_variables: &["JINA_BASE_URL"],
    model_variable: Some("JINA_MODEL"),
    price_names: &["jina_ai"],
    ..HOSTED
};

pub(super) const VOYAGE: Facts = Facts {
    kind: ProviderKind::Voyage,
    base_url: Some("https://api.voyageai.com/v1"),
    dialects: &[],
    embeddings: Some(embeddings::Api::Voyage),
    rerank: Some(rerank::Api::Voyage),
    lists: false,
    key_variables: &["VOYAGE_API_KEY"],
    url_variables: &["VOYAGE_BASE_URL"],
    model_variable: Some("VOYAGE_MODEL"),
    price_names: &["voyage"],
    ..HOSTED
};

/// Its address has no version.
pub(super) const PERPLEXITY: Facts = Facts {
    kind: ProviderKind::Perplexity,
    base_url: Some("https://api.perplexity.ai"),
    lists: false,
    key_variables: &["PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"],
    url_variables: &["PERPLEXITY_BASE_URL", "PERPLEXITY_API_BASE"],
    model_variable: Some("PERPLEXITY_MODEL"),
    price_names: &["perplexity"],
    ..HOSTED
};
