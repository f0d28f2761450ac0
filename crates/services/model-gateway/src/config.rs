//! The settings of model-gateway.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use septet_kernel::Money;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::analyst;

/// Settings of model-gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The chat model of a request that names none. Empty: the first chat model of the first provider by name, or the
    /// offline analyst when there is no provider. Default empty.
    pub default_model: String,
    /// Whether the built-in offline analyst is on offer. Default true.
    pub offline: bool,
    /// The providers by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// How long connecting to a provider may take, in milliseconds. Default 5000.
    pub connect_timeout_ms: u64,
    /// How long a provider may take until the first piece of a streamed answer, in seconds. Default 60.
    pub first_byte_timeout_s: u64,
    /// How long a provider may be silent in the middle of a stream, in seconds. Default 60.
    pub idle_timeout_s: u64,
    /// How long a whole answer that is not streamed may take, in seconds. Default 240.
    pub answer_timeout_s: u64,
    /// After how long without a piece a caller gets a comment line, so that nothing between closes the connection, in
    /// seconds. Default 15.
    pub keep_alive_s: u64,
    /// The largest answer in bytes. Default 16 MiB.
    pub max_answer_bytes: usize,
    /// How long an answer is kept under its idempotency key, in seconds. Default 900.
    pub answer_kept_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_model: String::new(),
            offline: true,
            providers: BTreeMap::new(),
            connect_timeout_ms: 5_000,
            first_byte_timeout_s: 60,
            idle_timeout_s: 60,
            answer_timeout_s: 240,
            keep_alive_s: 15,
            max_answer_bytes: 16 << 20,
            answer_kept_s: 900,
        }
    }
}

impl Config {
    /// Adds providers that were found elsewhere; one that is configured already stays as it is.
    pub fn add_providers(&mut self, found: Vec<(String, ProviderConfig)>) {
        for (name, provider) in found {
            self.providers.entry(name).or_insert(provider);
        }
    }

    /// The names of the providers.
    #[must_use]
    pub fn provider_names(&self) -> Vec<String> {
        self.providers.keys().cloned().collect()
    }

    /// Says what cannot work.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        for (name, provider) in &self.providers {
            if name == crate::offline::PROVIDER {
                return Err(format!(
                    "models.providers.{name}: this name belongs to the built-in offline analyst; take another"
                ));
            }
            let url = reqwest::Url::parse(&provider.base_url);
            if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                return Err(format!(
                    "models.providers.{name}.base_url: write an address such as \"https://api.openai.com/v1\""
                ));
            }
            if provider.models.iter().any(|model| model.id.trim().is_empty()) {
                return Err(format!("models.providers.{name}.models: a model has an empty id"));
            }
        }
        let times = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("first_byte_timeout_s", self.first_byte_timeout_s),
            ("idle_timeout_s", self.idle_timeout_s),
            ("answer_timeout_s", self.answer_timeout_s),
            ("keep_alive_s", self.keep_alive_s),
        ];
        if let Some((name, _)) = times.iter().find(|(_, value)| *value == 0) {
            return Err(format!("models.{name}: must be more than 0"));
        }
        if !self.offline && self.providers.is_empty() {
            return Err(
                "models: there is no provider and the offline analyst is off; add [models.providers.<name>]".to_owned()
            );
        }
        if !self.offline && self.default_model == analyst::MODEL {
            return Err("models.default_model: the offline analyst is off".to_owned());
        }
        Ok(())
    }
}

/// One provider: an OpenAI-compatible endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// What it speaks; `openai` is the only kind so far.
    pub kind: ProviderKind,
    /// The address before `/chat/completions`, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key, if it wants one.
    pub api_key: Option<Secret>,
    /// Its models, as names or as tables with prices. Empty: it is asked for its list.
    pub models: Vec<ModelConfig>,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self { kind: ProviderKind::Openai, base_url: String::new(), api_key: None, models: Vec::new() }
    }
}

impl ProviderConfig {
    /// An OpenAI-compatible endpoint without a key.
    #[must_use]
    pub fn openai(base_url: &str, models: &[&str]) -> Self {
        let models = models.iter().map(|id| ModelConfig::named(id)).collect();
        Self { base_url: base_url.to_owned(), models, ..Self::default() }
    }
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// OpenAI's Chat Completions and Embeddings.
    Openai,
}

/// One model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ModelEntry")]
pub struct ModelConfig {
    /// The name on offer here.
    pub id: String,
    /// The name at the provider; the same when empty.
    pub upstream: String,
    /// What it is for.
    pub kind: ModelKind,
    /// Nano-units for a million tokens read. Default 0.
    pub input_price: Money,
    /// Nano-units for a million tokens read from the provider's cache; as `input_price` when absent.
    pub cached_price: Option<Money>,
    /// Nano-units for a million tokens written. Default 0.
    pub output_price: Money,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Conversations.
    #[default]
    Chat,
    /// Vectors.
    Embedding,
}

impl ModelConfig {
    /// A model that costs nothing; what it is for is told by its name.
    #[must_use]
    pub fn named(id: &str) -> Self {
        let lower = id.to_lowercase();
        let is_embedding = ["embed", "bge-", "gte-", "e5-"].iter().any(|part| lower.contains(part));
        Self {
            id: id.to_owned(),
            upstream: String::new(),
            kind: if is_embedding { ModelKind::Embedding } else { ModelKind::Chat },
            input_price: Money::ZERO,
            cached_price: None,
            output_price: Money::ZERO,
        }
    }

    /// The name at the provider.
    #[must_use]
    pub fn upstream(&self) -> &str {
        if self.upstream.is_empty() { &self.id } else { &self.upstream }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ModelEntry {
    Name(String),
    Table(ModelTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    id: String,
    #[serde(default)]
    upstream: String,
    #[serde(default)]
    kind: Option<ModelKind>,
    #[serde(default)]
    input_price: Money,
    #[serde(default)]
    cached_price: Option<Money>,
    #[serde(default)]
    output_price: Money,
}

impl From<ModelEntry> for ModelConfig {
    fn from(entry: ModelEntry) -> Self {
        match entry {
            ModelEntry::Name(name) => Self::named(&name),
            ModelEntry::Table(table) => Self {
                upstream: table.upstream,
                kind: table.kind.unwrap_or(Self::named(&table.id).kind),
                input_price: table.input_price,
                cached_price: table.cached_price,
                output_price: table.output_price,
                id: table.id,
            },
        }
    }
}

/// A key that does not print, also not when the settings are shown.
#[derive(Debug, Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a key. White space around it is a slip of the hand and is cut.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(SecretString::from(key.trim()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_names_or_tables_and_keys_do_not_print() {
        let config: Config = serde_json::from_value(serde_json::json!({"providers": {"a": {"kind": "openai",
            "base_url": "http://127.0.0.1:1/v1", "api_key": " sk-very-secret ", "models": ["one", {"id": "two", "upstream": "two-2026", "input_price": 5},
            "text-embedding-3-small"]}}}))
        .unwrap();

        assert_eq!(config.check(), Ok(()));
        let models = &config.providers["a"].models;
        assert_eq!((models[0].upstream(), models[1].upstream(), models[1].input_price), ("one", "two-2026", Money(5)));
        assert_eq!(models[2].kind, ModelKind::Embedding);
        assert!(!format!("{config:?}{}", serde_json::to_string(&config).unwrap()).contains("very-secret"));
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let mut config = Config::default();
        config.providers.insert("x".into(), ProviderConfig::openai("api.openai.com", &[]));
        assert!(config.check().unwrap_err().contains("models.providers.x.base_url"));
        assert!(Config { offline: false, ..Config::default() }.check().is_err());
        assert!(Config { idle_timeout_s: 0, ..Config::default() }.check().unwrap_err().contains("idle_timeout_s"));
    }
}
