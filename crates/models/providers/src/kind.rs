//! The kinds of providers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose interface a provider has. Written in lower case, as in `openrouter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are names")]
pub enum ProviderKind {
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

impl ProviderKind {
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
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
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
        for kind in ProviderKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(serde_json::from_value::<ProviderKind>(kind.as_str().into()).unwrap(), kind);
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!(serde_json::from_str::<ProviderKind>("\"openai-compatible\"").unwrap(), ProviderKind::Compatible);
        assert_eq!("OpenAI-compatible".parse(), Ok(ProviderKind::Compatible));
        assert!("vertex".parse::<ProviderKind>().is_err());
    }
}
