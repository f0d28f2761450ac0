//! Servers that people run themselves: no key, no price, an address of one's own.

use septet_protocols::{Dialect, Quirks, Thinking, embeddings};

use super::{COMPATIBLE, Facts, OLDER};
use crate::kind::ProviderKind;

pub(super) const OLLAMA: Facts = Facts {
    kind: ProviderKind::Ollama,
    base_url: Some("http://127.0.0.1:11434"),
    dialects: &[Dialect::Ollama, Dialect::Chat],
    embeddings: Some(embeddings::Api::Ollama),
    rerank: None,
    key_variables: &["OLLAMA_API_KEY"],
    url_variables: &["OLLAMA_HOST", "OLLAMA_BASE_URL", "OLLAMA_API_BASE"],
    model_variable: Some("OLLAMA_MODEL"),
    price_names: &["ollama"],
    ..OWN
};

pub(super) const VLLM: Facts = Facts {
    kind: ProviderKind::Vllm,
    base_url: Some("http://127.0.0.1:8000/v1"),
    quirks: Quirks { thinking: Thinking::Template, ..OLDER },
    key_variables: &["VLLM_API_KEY", "HOSTED_VLLM_API_KEY"],
    url_variables: &["VLLM_BASE_URL", "HOSTED_VLLM_API_BASE"],
    model_variable: Some("VLLM_MODEL"),
    ..OWN
};

pub(super) const LMSTUDIO: Facts = Facts {
    kind: ProviderKind::LmStudio,
    base_url: Some("http://127.0.0.1:1234/v1"),
    rerank: None,
    key_variables: &["LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY"],
    url_variables: &["LMSTUDIO_BASE_URL", "LM_STUDIO_API_BASE"],
    model_variable: Some("LMSTUDIO_MODEL"),
    ..OWN
};

pub(super) const LLAMACPP: Facts = Facts {
    kind: ProviderKind::LlamaCpp,
    base_url: Some("http://127.0.0.1:8080/v1"),
    quirks: Quirks { thinking: Thinking::Template, ..OLDER },
    key_variables: &["LLAMA_CPP_API_KEY"],
    url_variables: &["LLAMA_CPP_BASE_URL"],
    model_variable: Some("LLAMA_CPP_MODEL"),
    ..OWN
};

const OWN: Facts = Facts { is_own: true, ..COMPATIBLE };
