//! The kinds of providers.

use std::fmt;
use std::str::FromStr;

use septet_protocols::{Dialect, embeddings, rerank};
use serde::{Deserialize, Serialize};

use crate::credentials::Credentials;
use crate::facts::{self, Facts};

/// Whose interface a provider has. Written in lower case, as in `openrouter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are names")]
pub enum Kind {
    OpenAi,
    Azure,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Cohere,
    Mistral,
    DeepSeek,
    /// Alibaba Cloud's Model Studio, with Qwen.
    DashScope,
    /// BigModel and Z.ai, with GLM.
    Zhipu,
    /// Kimi.
    Moonshot,
    /// Grok.
    Xai,
    Groq,
    OpenRouter,
    Together,
    Cerebras,
    Vllm,
    LmStudio,
    /// The server of llama.cpp.
    LlamaCpp,
    Jina,
    Voyage,
    SiliconFlow,
    Perplexity,
    /// Any other that has OpenAI's interface.
    #[serde(alias = "openai-compatible")]
    Compatible,
    /// Embeddings from a folder on this machine: no endpoint at all.
    Local,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Ollama,
        Self::Cohere,
        Self::Mistral,
        Self::DeepSeek,
        Self::DashScope,
        Self::Zhipu,
        Self::Moonshot,
        Self::Xai,
        Self::Groq,
        Self::OpenRouter,
        Self::Together,
        Self::Cerebras,
        Self::Vllm,
        Self::LmStudio,
        Self::LlamaCpp,
        Self::Jina,
        Self::Voyage,
        Self::SiliconFlow,
        Self::Perplexity,
        Self::Compatible,
        Self::Local,
    ];

    /// Its name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
            Self::Mistral => "mistral",
            Self::DeepSeek => "deepseek",
            Self::DashScope => "dashscope",
            Self::Zhipu => "zhipu",
            Self::Moonshot => "moonshot",
            Self::Xai => "xai",
            Self::Groq => "groq",
            Self::OpenRouter => "openrouter",
            Self::Together => "together",
            Self::Cerebras => "cerebras",
            Self::Vllm => "vllm",
            Self::LmStudio => "lmstudio",
            Self::LlamaCpp => "llamacpp",
            Self::Jina => "jina",
            Self::Voyage => "voyage",
            Self::SiliconFlow => "siliconflow",
            Self::Perplexity => "perplexity",
            Self::Compatible => "compatible",
            Self::Local => "local",
        }
    }

    /// What all of this kind have in common.
    #[must_use]
    pub fn facts(self) -> &'static Facts {
        facts::of(self)
    }

    /// Whether it can be asked in this dialect.
    #[must_use]
    pub fn speaks(self, dialect: Dialect) -> bool {
        self.facts().dialects.contains(&dialect)
    }

    /// How it is asked for vectors of a model; `None` when it has none. At Bedrock the model decides.
    #[must_use]
    pub fn embeddings(self, model: &str) -> Option<embeddings::Api> {
        match self {
            Self::Bedrock if model.contains("cohere.embed") => Some(embeddings::Api::BedrockCohere),
            Self::Bedrock if model.contains("amazon.titan-embed") => Some(embeddings::Api::Titan),
            _ => self.facts().embeddings,
        }
    }

    /// How it is asked to put documents in order; `None` when it cannot.
    #[must_use]
    pub fn rerank(self) -> Option<rerank::Api> {
        self.facts().rerank
    }

    /// The keys that the environment holds for it; empty values count as unset.
    #[must_use]
    pub fn credentials_from(self, get: impl Fn(&str) -> Option<String>) -> Credentials {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        if let Some(key) = self.facts().key_variables.iter().find_map(|name| get(name)) {
            return Credentials::bearer(key);
        }
        match (self, get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Self::Bedrock, Some(access), Some(secret)) => Credentials::aws(access, secret, get("AWS_SESSION_TOKEN")),
            _ => Credentials::None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let name = name.trim().to_lowercase();
        let name = if name == "openai-compatible" { "compatible" } else { &name };
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

/// There is no kind of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of provider named {0:?}; one that has OpenAI's interface is \"compatible\"")]
pub struct UnknownKind(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_same_name_in_settings_and_in_words() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(serde_json::from_value::<Kind>(kind.as_str().into()).unwrap(), kind);
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!(serde_json::from_str::<Kind>("\"openai-compatible\"").unwrap(), Kind::Compatible);
        assert_eq!("OpenAI-compatible".parse(), Ok(Kind::Compatible));
        assert!("vertex".parse::<Kind>().is_err());
    }
}
