//! What is known of each kind of provider: one row each.
//!
//! Addresses, variables and quirks are as the providers document them; where one has several hosts (mainland China and
//! abroad), the default is the first one listed and the other is set with `base_url`.

mod hosted;
mod own;
mod regional;

use septet_protocols::{Dialect, Forcing, Quirks, Thinking, embeddings, rerank};

use crate::credentials::Credentials;
use crate::kind::ProviderKind;

/// What all providers of a kind have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The kind.
    pub kind: ProviderKind,
    /// Its address in its usual form; absent where the user must say it.
    pub base_url: Option<&'static str>,
    /// What it can be asked in, best first; empty when it has no chat.
    pub dialects: &'static [Dialect],
    /// The domains of the provider itself. An endpoint elsewhere is a relay, which is only sure to have the first of
    /// the dialects; see [`crate::Endpoint::dialects`]. Empty where all dialects are at one address, wherever that is.
    pub homes: &'static [&'static str],
    /// How it departs from Chat Completions.
    pub quirks: Quirks,
    /// How it is asked for vectors. Bedrock's depends on the model: ask [`ProviderKind::embeddings`].
    pub embeddings: Option<embeddings::Api>,
    /// How it is asked to put documents in order.
    pub rerank: Option<rerank::Api>,
    /// Whether it lists its models.
    pub lists: bool,
    /// Whether it refuses to answer without a key.
    pub needs_key: bool,
    /// Whether it usually stands on the user's own machine or network.
    pub is_own: bool,
    /// The variables that hold its key, in order. Bedrock has AWS's as well.
    pub key_variables: &'static [&'static str],
    /// The variables that hold its address.
    pub url_variables: &'static [&'static str],
    /// The variable that holds the model to prefer.
    pub model_variable: Option<&'static str>,
    /// Its names (`litellm_provider`) in the community's price table, in the order to look; none where it has
    /// no rows or nothing is paid.
    pub price_names: &'static [&'static str],
    /// Models to offer where a key is all that is known.
    pub models: &'static [&'static str],
}

impl ProviderKind {
    /// What all of this kind have in common.
    #[must_use]
    pub fn facts(self) -> &'static Facts {
        of(self)
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

/// A server that has OpenAI's interface, of which nothing more is known. It gets the older parameter names, which newer
/// servers understand as well.
const COMPATIBLE: Facts = Facts {
    kind: ProviderKind::Compatible,
    base_url: None,
    dialects: &[Dialect::Chat],
    homes: &[],
    quirks: OLDER,
    embeddings: Some(embeddings::Api::OpenAi),
    rerank: Some(rerank::Api::Jina),
    lists: true,
    needs_key: false,
    is_own: false,
    key_variables: &[],
    url_variables: &[],
    model_variable: None,
    price_names: &[],
    models: &[],
};

/// A hosted one: it needs a key; only chat and the list of models are certain.
const HOSTED: Facts = Facts { embeddings: None, rerank: None, needs_key: true, ..COMPATIBLE };

/// Exactly OpenAI's.
const EXACT: Quirks = Quirks {
    no_stream_options: false,
    old_max_tokens: false,
    no_developer: false,
    required_is_any: false,
    no_json_schema: false,
    thinking: Thinking::Effort,
    forcing: Forcing::Any,
    wants_reasoning_back: false,
};

/// `max_tokens` and `system`, which every server knows. There is no common parameter for thinking.
const OLDER: Quirks = Quirks { old_max_tokens: true, no_developer: true, thinking: Thinking::Said, ..EXACT };

/// A folder of models.
const LOCAL: Facts =
    Facts { kind: ProviderKind::Local, dialects: &[], rerank: None, lists: false, is_own: true, ..COMPATIBLE };

pub(crate) fn of(kind: ProviderKind) -> &'static Facts {
    match kind {
        ProviderKind::OpenAi => &hosted::OPENAI,
        ProviderKind::Azure => &hosted::AZURE,
        ProviderKind::Anthropic => &hosted::ANTHROPIC,
        ProviderKind::Gemini => &hosted::GEMINI,
        ProviderKind::Bedrock => &hosted::BEDROCK,
        ProviderKind::Ollama => &own::OLLAMA,
        ProviderKind::Cohere => &hosted::COHERE,
        ProviderKind::Mistral => &hosted::MISTRAL,
        ProviderKind::DeepSeek => &regional::DEEPSEEK,
        ProviderKind::DashScope => &regional::DASHSCOPE,
        ProviderKind::Zhipu => &regional::ZHIPU,
        ProviderKind::Moonshot => &regional::MOONSHOT,
        ProviderKind::Xai => &hosted::XAI,
        ProviderKind::Groq => &hosted::GROQ,
        ProviderKind::OpenRouter => &hosted::OPENROUTER,
        ProviderKind::Together => &hosted::TOGETHER,
        ProviderKind::Cerebras => &hosted::CEREBRAS,
        ProviderKind::Vllm => &own::VLLM,
        ProviderKind::LmStudio => &own::LMSTUDIO,
        ProviderKind::LlamaCpp => &own::LLAMACPP,
        ProviderKind::Jina => &hosted::JINA,
        ProviderKind::Voyage => &hosted::VOYAGE,
        ProviderKind::SiliconFlow => &regional::SILICONFLOW,
        ProviderKind::Perplexity => &hosted::PERPLEXITY,
        ProviderKind::Compatible => &COMPATIBLE,
        ProviderKind::Local => &LOCAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_about_its_own_kind_and_can_be_used() {
        for kind in ProviderKind::ALL {
            let facts = kind.facts();
            assert_eq!(facts.kind, kind);
            assert!(facts.base_url.is_none_or(|url| !url.ends_with('/')), "{kind}");
            let offers = !facts.dialects.is_empty() || facts.embeddings.is_some() || facts.rerank.is_some();
            assert!(offers, "{kind} offers nothing");
            assert!(!facts.needs_key || !facts.key_variables.is_empty(), "{kind} wants a key that has no name");
        }
    }

    #[test]
    fn who_refuses_a_forced_call_or_is_told_to_think_in_its_own_way_is_known() {
        for (kind, forcing, thinking) in [
            (ProviderKind::OpenAi, Forcing::Any, Thinking::Effort),
            (ProviderKind::Moonshot, Forcing::Never, Thinking::Switch),
            (ProviderKind::Zhipu, Forcing::AutoOnly, Thinking::Switch),
            (ProviderKind::DeepSeek, Forcing::Unthinking, Thinking::Switch),
            (ProviderKind::DashScope, Forcing::Named, Thinking::Enable),
            (ProviderKind::SiliconFlow, Forcing::Any, Thinking::Enable),
            (ProviderKind::OpenRouter, Forcing::Any, Thinking::Object),
            (ProviderKind::Together, Forcing::Any, Thinking::Together),
            (ProviderKind::Groq, Forcing::Any, Thinking::Groq),
            (ProviderKind::Xai, Forcing::Any, Thinking::Xai),
            (ProviderKind::Mistral, Forcing::Any, Thinking::Mistral),
            (ProviderKind::Vllm, Forcing::Any, Thinking::Template),
            (ProviderKind::LmStudio, Forcing::Any, Thinking::Said),
            (ProviderKind::Compatible, Forcing::Any, Thinking::Said),
        ] {
            let quirks = kind.facts().quirks;
            assert_eq!((quirks.forcing, quirks.thinking), (forcing, thinking), "{kind}");
        }
    }

    #[test]
    fn the_usual_address_is_at_home() {
        for facts in ProviderKind::ALL.map(ProviderKind::facts).into_iter().filter(|facts| !facts.homes.is_empty()) {
            let url = facts.base_url.unwrap();
            assert!(facts.homes.iter().any(|home| url.contains(home)), "{url}");
        }
    }

    #[test]
    fn a_variable_names_one_provider() {
        let mut seen = std::collections::BTreeMap::new();
        for facts in ProviderKind::ALL.map(ProviderKind::facts) {
            let variables = facts.key_variables.iter().chain(facts.url_variables).chain(&facts.model_variable);
            for variable in variables {
                assert_eq!(seen.insert(*variable, facts.kind), None, "{variable}");
            }
        }
    }
}
