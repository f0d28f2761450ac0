//! The model gateway: one interface over every model provider, with usage and cost counted once, here.
//!
//! ```text
//!   /v1/chat/completions ─┐
//!   /v1/responses ────────┼─► calls ──► quota: is there room in every budget? accounts: is there money?
//!   /v1/messages ─────────┘     │  ├──► registry: route, or model ──► deployments, in an order
//!   /v1/embeddings, /v1/rerank ─┘  ├──► provider: any of 26 kinds, or the offline analyst, or a folder with a model
//!                                  ├──► relay: the provider's bytes passed on, or translated by septet-protocols
//!                                  ├──► recording: the answer as it grows; callers read, late ones attach
//!   /internal/outcomes ──► difficulty: what a tenant's answers were worth, and what its routes learn from it
//!   /internal/usage ◄── store ◄─── └──► recorder: one record for every call that may have cost, on disk at once
//! ```
//!
//! - A call runs in a task of its own, so that its record is written exactly once however its caller goes.
//! - Fields that this service does not know pass through in both directions.
//! - A provider's key appears in no error, no log and no shown setting.
//! - With an idempotency key an answer is made and charged once, and given again for 15 minutes.
//! - It executes nothing that a model says, and keeps no prompt but in an answer's fingerprint.

mod accounts;
mod asked;
mod cache;
mod call;
mod calls;
mod config;
mod deployment;
mod difficulty;
mod environment;
mod error;
mod examine;
mod excess;
mod keys;
mod meter;
mod metrics;
mod migration;
mod offline;
mod outcomes;
mod provider;
mod quota;
mod recorder;
mod recording;
mod registry;
mod relay;
mod routes;
mod store;
mod tariff;
mod tier;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use septet_chassis::http::Limits;
use septet_chassis::{Platform, Service};
use septet_database::Database;
use septet_kernel::ServiceName;
use septet_kv::{Counters, Settings};
use septet_providers::{Guard, Policy};
use septet_routing::Expected;
use septet_spool::Spool;
use tokio_util::task::TaskTracker;
use tracing::info;

pub use config::{
    Amount, BlendConfig, BudgetConfig, BudgetKind, Config, KeyConfig, LedgerKind, MemberConfig, ModelConfig, ModelKind,
    ProviderConfig, RouteConfig, Secret, StrategyKind, TenantPriceConfig, TierKind, Unsupported, WindowKind,
};
pub use environment::providers_from_env;
pub use error::Error;
pub use examine::{Examined, Verdict, examine};
pub use septet_providers::ProviderKind;

use crate::accounts::Accounts;
use crate::cache::Cache;
use crate::calls::Calls;
use crate::deployment::Backend;
use crate::difficulty::Difficulty;
use crate::provider::{Provider, Timeouts};
use crate::quota::Quota;
use crate::recorder::Recorder;
use crate::registry::{ProviderEntry, Registry};
use crate::routes::Shared;
use crate::store::Store;

// A conversation with long passages and pictures in it.
const MAX_BODY_BYTES: usize = 32 << 20;

// A self-hosted server may process a long prompt, or load its model, for minutes without sending anything.
const OWN_FIRST_BYTE_TIMEOUT_S: u64 = 600;
const FIRST_BYTE_TIMEOUT_S: u64 = 60;

// The timeouts for providers are settings of their own; the general request timeout must not end a call that these
// allow.
const MAX_CALL_DURATION: Duration = Duration::from_secs(86_400);

// How many tenants and routes the usual length of an answer is remembered for.
const MAX_EXPECTED: usize = 10_000;

/// Opens the model gateway. No provider is called: one that is down must not keep the platform from starting.
///
/// # Errors
/// When the settings cannot work, the tables cannot be brought up to date, the counters or the spool cannot be opened,
/// a local model cannot be read, or TLS cannot be set up.
pub async fn open(config: Config, platform: &Platform, database: Database) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg).context("the settings of the model gateway cannot work")?;
    metrics::describe();
    database.migrate(&migration::MIGRATIONS).await.context("the tables of the model gateway")?;
    let registry = Registry::new(&config, platform.clock.clone(), entries(&config, platform)?);
    let counters = Settings::new(&config.counters, platform.clock.clone()).with_database(database.clone());
    let counters = Counters::open(counters).await.context("models.counters")?;
    let store = Store::new(database);
    let options = septet_spool::Options { max_bytes: config.spool_bytes, ..septet_spool::Options::default() };
    let spool = Spool::open(&config.spool, options, platform.clock.clone()).context("models.spool")?;
    info!(
        models.n_providers = config.providers.len(),
        models.n_routes = config.routes.len(),
        models.offline = config.offline,
        "model gateway opened"
    );
    let calls = Calls {
        registry,
        difficulty: Difficulty::new(store.clone()),
        recorder: Recorder::new(spool, store.clone(), &platform.lifecycle),
        store,
        accounts: Accounts::new(
            platform.directory.clone(),
            config.ledger,
            platform.clock.clone(),
            platform.ids.clone(),
            platform.lifecycle.clone(),
        ),
        quota: Quota::new(counters, config.budgets.clone(), config.utc_offset_s),
        cache: Cache::new(config.cache_bytes, platform.clock.clone()),
        expected: Expected::new(MAX_EXPECTED),
        clock: platform.clock.clone(),
        ids: platform.ids.clone(),
        lifecycle: platform.lifecycle.clone(),
        cpu: platform.cpu.clone(),
        max_answer_bytes: config.max_answer_bytes,
        answer_kept_ms: i64::try_from(config.answer_kept_s.saturating_mul(1000)).unwrap_or(i64::MAX / 2),
        running: Mutex::new(HashMap::new()),
        cancelled: calls::Cancelled::default(),
        under_way: TaskTracker::new(),
    };
    let calls = Arc::new(calls);
    let _runs_alone = platform.lifecycle.spawn("end of the model gateway", {
        let calls = Arc::clone(&calls);
        async move { calls.see_out().await }
    });
    let shared = Shared { calls, keep_alive: Duration::from_secs(config.keep_alive_s) };
    let keys = keys::keys(&config.keys, platform.ids.clone());
    let limits = Limits { body_bytes: MAX_BODY_BYTES, timeout: MAX_CALL_DURATION, ..Limits::default() };
    Ok(Service { limits, ..Service::internal(ServiceName::ModelGateway, routes::routes(shared, keys)) })
}

/// The providers of the settings.
fn entries(config: &Config, platform: &Platform) -> anyhow::Result<Vec<ProviderEntry>> {
    let connect = Duration::from_millis(config.connect_timeout_ms);
    let (open, guarded) = (client(connect, Policy::Private)?, client(connect, Policy::Public)?);
    let mut entries = Vec::new();
    for (name, settings) in &config.providers {
        let kind = settings.kind(name);
        let backend = if kind == ProviderKind::Local {
            local(name, settings)?
        } else {
            let is_open = settings.allow_private.unwrap_or(true);
            let client = if is_open { open.clone() } else { guarded.clone() };
            let timeouts = timeouts(config, kind, settings);
            let provider = Provider::new(name, settings, client, timeouts, platform.clock.clone());
            Backend::Remote(Arc::new(provider.with_context(|| format!("models.providers.{name}"))?))
        };
        entries.push(ProviderEntry {
            backend,
            configured: models(name, kind, settings),
            price_names: kind.facts().price_names,
            listed: Mutex::default(),
        });
    }
    Ok(entries)
}

/// How long to wait for a provider.
fn timeouts(config: &Config, kind: ProviderKind, settings: &ProviderConfig) -> Timeouts {
    let of = |own: Option<u64>, all: u64| Duration::from_secs(own.unwrap_or(all));
    let usual = if kind.facts().is_own { OWN_FIRST_BYTE_TIMEOUT_S } else { FIRST_BYTE_TIMEOUT_S };
    Timeouts {
        first_byte: of(settings.first_byte_timeout_s, config.first_byte_timeout_s.unwrap_or(usual)),
        idle: of(settings.idle_timeout_s, config.idle_timeout_s),
        answer: of(settings.answer_timeout_s, config.answer_timeout_s),
    }
}

/// The models that the settings name. A folder has one model, whose name is the provider's.
fn models(name: &str, kind: ProviderKind, settings: &ProviderConfig) -> Vec<ModelConfig> {
    if kind == ProviderKind::Local && settings.models.is_empty() {
        return vec![ModelConfig { kind: ModelKind::Embedding, ..ModelConfig::named(name) }];
    }
    settings.models.clone()
}

fn local(name: &str, settings: &ProviderConfig) -> anyhow::Result<Backend> {
    let path = settings.path.as_deref().with_context(|| format!("models.providers.{name}.path is missing"))?;
    let model = septet_embedder::Model::load(path).with_context(|| format!("models.providers.{name}.path"))?;
    Ok(Backend::Local { name: name.into(), embedder: Arc::new(model) })
}

/// The client to a provider. It follows no redirects: they could lead anywhere, with the key.
fn client(connect: Duration, policy: Policy) -> anyhow::Result<reqwest::Client> {
    let builder = septet_chassis::http::client_builder(connect).redirect(reqwest::redirect::Policy::none());
    Guard::new(policy).protect(builder).build().context("the client to model providers")
}
