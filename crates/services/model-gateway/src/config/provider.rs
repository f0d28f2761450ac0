//! Providers, their models, and keys that do not print.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderMap, HeaderValue, header};
use septet_chassis::Secret;
use septet_kernel::Money;
use septet_providers::{Credentials, Endpoint, Options, ProviderKind};
use serde::{Deserialize, Serialize};

/// One provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// Whose interface it has, such as `openai`, `anthropic`, `gemini`, `bedrock`, `ollama`, `deepseek`, or `compatible`
    /// for any other with OpenAI's. Default: the kind of the same name as the provider, else `compatible`.
    pub kind: Option<ProviderKind>,
    /// The address, such as `https://api.openai.com/v1`. Default: the usual one of its kind.
    pub base_url: String,
    /// The key, if it wants one.
    pub api_key: Option<Secret>,
    /// For `bedrock`: the access key to sign with, in place of `api_key`.
    pub access_key: Option<Secret>,
    /// For `bedrock`: the secret that belongs to `access_key`.
    pub secret_key: Option<Secret>,
    /// For `bedrock`: the session token of temporary keys.
    pub session_token: Option<Secret>,
    /// For `bedrock`: the region, such as `eu-central-1`.
    pub region: Option<String>,
    /// For `azure`: the version of the interface. Default: the newer one that needs none.
    pub api_version: Option<String>,
    /// Headers that go with every request.
    pub headers: BTreeMap<String, String>,
    /// For `local`: the folder with the model's files.
    pub path: Option<PathBuf>,
    /// Whether the address may be one of this machine or of a private network. Default: true, since the operator writes
    /// the settings.
    pub allow_private: Option<bool>,
    /// How long it may be silent until the first piece of a streamed answer, in seconds; headers and comments are signs
    /// of life. Default: `models.first_byte_timeout_s`, and 600 for a server of one's own, which may read a long prompt or
    /// its model for minutes.
    pub first_byte_timeout_s: Option<u64>,
    /// How long it may be silent in the middle of a stream, in seconds. Default: `models.idle_timeout_s`.
    pub idle_timeout_s: Option<u64>,
    /// How long a whole answer that is not streamed may take, in seconds. Default: `models.answer_timeout_s`.
    pub answer_timeout_s: Option<u64>,
    /// Its models, as names or as tables with prices. Empty: it is asked for its list.
    pub models: Vec<ModelConfig>,
}

impl ProviderConfig {
    /// The endpoint that the settings describe.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn endpoint(&self, name: &str) -> Result<Endpoint, septet_providers::Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = header::HeaderName::try_from(name.as_str());
            let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value.as_str())) else {
                return Err(septet_providers::Error::Option {
                    option: "headers",
                    what: "hold a name or value that is none",
                });
            };
            headers.insert(name, value);
        }
        let options = Options {
            api_version: self.api_version.clone(),
            region: self.region.clone(),
            headers,
            ..Options::default()
        };
        Endpoint::new(self.kind(name), Some(&self.base_url), &options)
    }

    /// An OpenAI-compatible endpoint without a key.
    #[must_use]
    pub fn compatible(base_url: &str, models: &[&str]) -> Self {
        let models = models.iter().map(|id| ModelConfig::named(id)).collect();
        Self { kind: Some(ProviderKind::Compatible), base_url: base_url.to_owned(), models, ..Self::default() }
    }

    /// Whose interface it has, given its name.
    #[must_use]
    pub fn kind(&self, name: &str) -> ProviderKind {
        self.kind.unwrap_or_else(|| {
            let of_name = name.parse().unwrap_or(ProviderKind::Compatible);
            // People point OPENAI_BASE_URL at all sorts of servers that have half of OpenAI's interface.
            let is_elsewhere = !self.base_url.is_empty() && !self.base_url.contains("openai.com");
            if of_name == ProviderKind::OpenAi && is_elsewhere { ProviderKind::Compatible } else { of_name }
        })
    }

    /// What it is paid with.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        match (&self.api_key, &self.access_key, &self.secret_key) {
            (Some(key), _, _) => Credentials::bearer(key.expose()),
            (None, Some(access), Some(secret)) => {
                let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
                Credentials::aws(access.expose(), secret.expose(), token)
            }
            (None, _, _) => Credentials::None,
        }
    }
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
    /// Nano-units for a million tokens read. Default: as in the price table that comes with the platform, else 0.
    pub input_price: Option<Money>,
    /// Nano-units for a million tokens read from the provider's cache; as `input_price` when absent.
    pub cached_price: Option<Money>,
    /// Nano-units for a million tokens written to the provider's cache; as `input_price` when absent.
    pub cache_write_price: Option<Money>,
    /// Nano-units for a million tokens written. Default: as `input_price`.
    pub output_price: Option<Money>,
    /// As the provider's, for this model alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_timeout_s: Option<u64>,
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
    /// Putting documents in order.
    Rerank,
}

impl ModelKind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embedding => "embedding",
            Self::Rerank => "rerank",
        }
    }
}

impl ModelConfig {
    /// A model of which only the name is known; what it is for is told by that.
    #[must_use]
    pub fn named(id: &str) -> Self {
        let lower = id.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        let kind = if has(&["rerank"]) {
            ModelKind::Rerank
        } else if has(&["embed", "bge-", "gte-", "e5-"]) {
            ModelKind::Embedding
        } else {
            ModelKind::Chat
        };
        Self {
            id: id.to_owned(),
            upstream: String::new(),
            kind,
            input_price: None,
            cached_price: None,
            cache_write_price: None,
            output_price: None,
            first_byte_timeout_s: None,
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
    input_price: Option<Money>,
    #[serde(default)]
    cached_price: Option<Money>,
    #[serde(default)]
    cache_write_price: Option<Money>,
    #[serde(default)]
    output_price: Option<Money>,
    #[serde(default)]
    first_byte_timeout_s: Option<u64>,
}

impl From<ModelEntry> for ModelConfig {
    fn from(entry: ModelEntry) -> Self {
        match entry {
            ModelEntry::Name(name) => Self::named(&name),
            ModelEntry::Table(table) => Self {
                kind: table.kind.unwrap_or(Self::named(&table.id).kind),
                upstream: table.upstream,
                input_price: table.input_price,
                cached_price: table.cached_price,
                cache_write_price: table.cache_write_price,
                output_price: table.output_price,
                first_byte_timeout_s: table.first_byte_timeout_s,
                id: table.id,
            },
        }
    }
}
