//! The model gateway: one interface over every model provider, with usage and cost counted once, here.
//!
//! ```text
//!   POST /v1/chat/completions ──► calls ──► registry: which model is where
//!   (whole or SSE)                 │           ├─► provider: any OpenAI-compatible endpoint
//!                                  │           └─► analyst: the offline stand-in, when there is no other
//!                                  ├─► recording: the answer as it grows; callers read, late ones attach
//!                                  └─► meter ──► store: models_usage, one record for every call that may have cost
//!   GET /internal/usage ◄──────────────────────────┘
//! ```
//!
//! - A call runs in a task of its own, so that its record is written exactly once however its caller goes.
//! - Fields that this service does not know pass through in both directions.
//! - A provider's key appears in no error, no log and no shown setting.
//! - With an idempotency key an answer is made and charged once, and given again for 15 minutes.
//! - It executes nothing that a model says, and keeps no prompt but in an answer's fingerprint.

pub mod analyst;
mod calls;
mod config;
mod environment;
mod error;
mod meter;
mod migration;
mod offline;
mod provider;
mod recording;
mod registry;
mod routes;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use septet_chassis::http::Limits;
use septet_chassis::{Platform, Service};
use septet_database::Database;
use septet_kernel::ServiceName;
use tracing::info;

pub use config::{Config, ModelConfig, ModelKind, ProviderConfig, ProviderKind, Secret};
pub use environment::providers_from_env;
pub use error::Error;

use crate::calls::Calls;
use crate::provider::{Patience, Provider};
use crate::registry::Registry;
use crate::routes::Shared;
use crate::store::Store;

// A conversation with long passages and pictures in it.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Opens the model gateway. No provider is called: one that is down must not keep the platform from starting.
///
/// # Errors
/// When the settings cannot work, the tables cannot be brought up to date, or TLS cannot be set up.
pub async fn open(config: Config, platform: &Platform, database: Database) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg).context("the settings of the model gateway cannot work")?;
    database.migrate::<migration::Migrator>().await.context("the tables of the model gateway")?;
    let client = septet_chassis::http::client(Duration::from_millis(config.connect_timeout_ms))
        .context("the client to model providers")?;
    let patience = Patience {
        first_byte: Duration::from_secs(config.first_byte_timeout_s),
        idle: Duration::from_secs(config.idle_timeout_s),
        answer: Duration::from_secs(config.answer_timeout_s),
    };
    let provider = |name: &str| Some(Provider::new(name, config.providers.get(name)?, client.clone(), patience));
    let registry = Registry::new(&config, platform.clock.clone(), provider);
    info!(models.n_providers = config.providers.len(), models.offline = config.offline, "model gateway opened");
    let calls = Calls {
        registry,
        store: Store::new(database),
        clock: platform.clock.clone(),
        ids: platform.ids.clone(),
        lifecycle: platform.lifecycle.clone(),
        cpu: platform.cpu.clone(),
        max_answer_bytes: config.max_answer_bytes,
        answer_kept_ms: i64::try_from(config.answer_kept_s.saturating_mul(1000)).unwrap_or(i64::MAX / 2),
        running: Mutex::new(HashMap::new()),
    };
    let shared = Shared { calls: Arc::new(calls), keep_alive: Duration::from_secs(config.keep_alive_s) };
    let limits = Limits { body_bytes: MAX_BODY_BYTES, ..Limits::default() };
    Ok(Service { limits, ..Service::internal(ServiceName::ModelGateway, routes::routes(shared)) })
}
