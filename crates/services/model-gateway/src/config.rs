//! The settings of model-gateway.

mod budget;
mod price;
mod provider;
mod route;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use budget::{Amount, BudgetConfig, BudgetKind, KeyConfig, LedgerKind, WindowKind};
pub(crate) use price::OwnPrices;
pub use price::TenantPriceConfig;
pub use provider::{ModelConfig, ModelKind, ProviderConfig};
pub use route::{BlendConfig, MemberConfig, RouteConfig, StrategyKind, TierKind, Unsupported};
pub use septet_chassis::Secret;

/// Settings of model-gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The chat model or route of a request that names none. Empty: the first chat model of the first provider by name,
    /// or the offline analyst when there is no provider. Default empty.
    pub default_model: String,
    /// Whether the built-in offline analyst is on offer. Default true.
    pub offline: bool,
    /// The providers by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Names that stand for several models, with how one of them is chosen.
    pub routes: BTreeMap<String, RouteConfig>,
    /// How often a call to a model that is in no route is tried again at most. Default 2.
    pub retries: u32,
    /// What becomes of a parameter that the provider of a model in no route does not know: `refuse` the request, naming
    /// it, or `drop` the parameter, naming it in the header `x-septet-dropped`. Default `refuse`.
    pub unsupported: Unsupported,
    /// What single tenants pay for a model, in place of its usual price. Default none.
    pub tenant_prices: Vec<TenantPriceConfig>,
    /// Budgets and rate limits. Default none.
    pub budgets: Vec<BudgetConfig>,
    /// Whether prepaid tenants' accounts are asked before calls: `auto` asks the API gateway, and where none ever
    /// answered and no address is configured for it, this gateway goes on without accounts; `required` makes no call
    /// without an answer, and is what `auto` means where `peers.api-gateway` is set or the API gateway runs in the same
    /// process; `off` asks nobody. Default `auto`.
    pub ledger: LedgerKind,
    /// The offset from UTC, in seconds, of the time zone in which daily and monthly budgets begin anew. Default 0;
    /// 28800 for Beijing.
    pub utc_offset_s: i32,
    /// Where budgets are counted: `memory:` in this process and its database, or `redis://host:6379` for several
    /// processes together. Default `memory:`.
    pub counters: String,
    /// Clients that come without the API gateway, by name.
    pub keys: BTreeMap<String, KeyConfig>,
    /// Where usage records wait until the database has them. Default `usage-spool` in the data folder.
    pub spool: PathBuf,
    /// The most that may wait there, in bytes; calls are refused when it is full. Default 256 MiB.
    pub spool_bytes: u64,
    /// How long connecting to a provider may take, in milliseconds. Default 5000.
    pub connect_timeout_ms: u64,
    /// How long a provider may be silent until the first piece of a streamed answer, in seconds; headers and comments are
    /// signs of life. Default 60, and 600 for servers of one's own (`ollama`, `vllm`, `llamacpp`, `lmstudio`).
    pub first_byte_timeout_s: Option<u64>,
    /// How long a provider may be silent in the middle of a stream, in seconds. Default 60.
    pub idle_timeout_s: u64,
    /// How long a whole answer that is not streamed may take, in seconds. Default 600.
    pub answer_timeout_s: u64,
    /// After how long without a piece a caller gets a comment line, so that no proxy in between closes the connection,
    /// in seconds. Default 15.
    pub keep_alive_s: u64,
    /// The largest answer in bytes. Default 16 MiB.
    pub max_answer_bytes: usize,
    /// How long an answer is kept under its idempotency key, in seconds. Default 900.
    pub answer_kept_s: u64,
    /// How much of answers is kept for routes with `cache_s`, in bytes. Default 64 MiB.
    pub cache_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_model: String::new(),
            offline: true,
            providers: BTreeMap::new(),
            routes: BTreeMap::new(),
            retries: 2,
            unsupported: Unsupported::Refuse,
            tenant_prices: Vec::new(),
            budgets: Vec::new(),
            ledger: LedgerKind::Auto,
            utc_offset_s: 0,
            counters: "memory:".to_owned(),
            keys: BTreeMap::new(),
            spool: PathBuf::from("usage-spool"),
            spool_bytes: 256 << 20,
            connect_timeout_ms: 5_000,
            first_byte_timeout_s: None,
            idle_timeout_s: 60,
            answer_timeout_s: 600,
            keep_alive_s: 15,
            max_answer_bytes: 16 << 20,
            answer_kept_s: 900,
            cache_bytes: 64 << 20,
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
            self.check_provider(name, provider)?;
        }
        for (name, route) in &self.routes {
            route.check(name)?;
            if self.is_model(name) {
                return Err(format!("models.routes.{name}: a model has this name already; take another"));
            }
        }
        for (at, budget) in self.budgets.iter().enumerate() {
            budget.check(at)?;
        }
        for (at, price) in self.tenant_prices.iter().enumerate() {
            price.check(at)?;
            if !self.offers(&price.model) {
                let model = &price.model;
                return Err(format!("models.tenant_prices[{at}].model: no provider of the settings offers {model:?}"));
            }
        }
        for (name, key) in &self.keys {
            key.check(name)?;
        }
        let times = [
            ("connect_timeout_ms", Some(self.connect_timeout_ms)),
            ("first_byte_timeout_s", self.first_byte_timeout_s),
            ("idle_timeout_s", Some(self.idle_timeout_s)),
            ("answer_timeout_s", Some(self.answer_timeout_s)),
            ("keep_alive_s", Some(self.keep_alive_s)),
        ];
        if let Some((name, _)) = times.iter().find(|(_, value)| *value == Some(0)) {
            return Err(format!("models.{name}: must be more than 0"));
        }
        if !self.offline && self.providers.is_empty() {
            return Err(
                "models: there is no provider and the offline analyst is off; add [models.providers.<name>]".to_owned()
            );
        }
        if !self.offline && self.default_model == septet_analyst::MODEL {
            return Err("models.default_model: the offline analyst is off".to_owned());
        }
        Ok(())
    }

    /// Whether a model of this name may be there: providers that name none are asked for their list later.
    fn offers(&self, name: &str) -> bool {
        self.providers.iter().any(|(provider, settings)| {
            let own = name.strip_prefix(provider.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            settings.models.is_empty() || settings.models.iter().any(|model| model.id == own)
        })
    }

    fn is_model(&self, name: &str) -> bool {
        self.providers.values().flat_map(|provider| &provider.models).any(|model| model.id == name)
    }

    fn check_provider(&self, name: &str, provider: &ProviderConfig) -> Result<(), String> {
        let at = format!("models.providers.{name}");
        if name == crate::offline::PROVIDER {
            return Err(format!("{at}: this name belongs to the built-in offline analyst; take another"));
        }
        let times = [
            ("first_byte_timeout_s", provider.first_byte_timeout_s),
            ("idle_timeout_s", provider.idle_timeout_s),
            ("answer_timeout_s", provider.answer_timeout_s),
        ];
        if let Some((name, _)) = times.iter().find(|(_, value)| *value == Some(0)) {
            return Err(format!("{at}.{name}: must be more than 0"));
        }
        if provider.models.iter().any(|model| model.first_byte_timeout_s == Some(0)) {
            return Err(format!("{at}.models: first_byte_timeout_s must be more than 0"));
        }
        if provider.models.iter().any(|model| model.id.trim().is_empty()) {
            return Err(format!("{at}.models: a model has an empty id"));
        }
        let kind = provider.kind(name);
        if kind == septet_providers::ProviderKind::Local {
            return if provider.path.is_some() {
                Ok(())
            } else {
                Err(format!("{at}.path: write the folder with the model's files"))
            };
        }
        if provider.access_key.is_some() != provider.secret_key.is_some() {
            return Err(format!("{at}: access_key and secret_key go together"));
        }
        provider.endpoint(name).map(drop).map_err(|what| format!("{at}.base_url: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_names_or_tables_and_keys_do_not_print() {
        let config: Config = serde_json::from_value(serde_json::json!({"providers": {"a": {
            "base_url": "http://127.0.0.1:1/v1", "api_key": " sk-very-secret ", "models": ["one", {"id": "two", "upstream": "two-2026", "input_price": 5},
            "text-embedding-3-small"]}}, "keys": {"k": {"key": "sk-very-secret-too"}}}))
        .unwrap();

        assert_eq!(config.check(), Ok(()));
        let models = &config.providers["a"].models;
        assert_eq!((models[0].upstream(), models[1].upstream()), ("one", "two-2026"));
        assert_eq!(models[1].input_price, Some(septet_kernel::Money(5)));
        assert_eq!(models[2].kind, ModelKind::Embedding);
        assert!(!format!("{config:?}{}", serde_json::to_string(&config).unwrap()).contains("very-secret"));
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let mut config = Config::default();
        config.providers.insert("x".into(), ProviderConfig::compatible("ftp://api.openai.com", &[]));
        assert!(config.check().unwrap_err().contains("models.providers.x.base_url"));
        assert!(Config { offline: false, ..Config::default() }.check().is_err());
        assert!(Config { idle_timeout_s: 0, ..Config::default() }.check().unwrap_err().contains("idle_timeout_s"));
        let route = RouteConfig {
            strategy: StrategyKind::Difficulty,
            ..serde_json::from_str(r#"{"models": [{"model": "a"}]}"#).unwrap()
        };
        let config = Config { routes: [("r".to_owned(), route)].into(), ..Config::default() };
        assert!(config.check().unwrap_err().contains("tier"));
        let budget: BudgetConfig = serde_json::from_str(r#"{"scope": "team", "what": "money", "max": "1"}"#).unwrap();
        let config = Config { budgets: vec![budget], ..Config::default() };
        assert!(config.check().unwrap_err().contains("models.budgets[0].scope"));
        for (wrong, what) in [
            (r#"{"tenant": "acme", "model": "m"}"#, "input_price"),
            (r#"{"tenant": "acme", "model": "n", "input_price": 1}"#, "[0].model"),
            (r#"{"tenant": "", "model": "m", "input_price": 1}"#, "[0].tenant"),
            (r#"{"tenant": "acme", "model": "x/m", "input_price": -1}"#, "negative"),
        ] {
            let mut config = Config { tenant_prices: vec![serde_json::from_str(wrong).unwrap()], ..Config::default() };
            config.providers.insert("x".into(), ProviderConfig::compatible("http://x.internal/v1", &["m"]));
            let error = config.check().unwrap_err();
            assert!(error.starts_with("models.tenant_prices[0]") && error.contains(what), "{error}");
        }
    }
}
