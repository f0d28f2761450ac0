//! One model at one provider: how to call it, what it costs, and how healthy it is.

mod health;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use septet_contracts::models as wire;
use septet_embedder::Model as Embedder;
use septet_kernel::Failure as _;
use septet_routing::{Fault, Pace};

use self::health::Health;
use crate::config::ModelConfig;
use crate::error::Error;
use crate::excess::Excess;
use crate::offline;
use crate::provider::Provider;
use crate::tariff::Tariff;

// A sample that is half a minute old counts half.
const PACE_HALF_LIFE_MS: u64 = 30_000;

/// One model at one provider.
pub(crate) struct Deployment {
    /// `provider/model`.
    pub id: String,
    pub backend: Backend,
    pub model: ModelConfig,
    pub tariff: Tariff,
    pub health: Health,
    pub pace: Pace,
    /// By how much the usage that it reports exceeds the estimated maximum.
    pub excess: Excess,
    /// It was seen to refuse `stream_options`, so it is not asked for usage any more.
    pub refuses_options: AtomicBool,
    /// For those who come while it rests.
    last_failure: Mutex<LastFailure>,
}

/// What failed last.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastFailure {
    /// After ": "; empty when nothing failed.
    pub words: String,
    /// Its code, where it persists until an operator fixes it.
    pub stays: Option<String>,
}

/// Who answers.
#[derive(Clone)]
pub(crate) enum Backend {
    /// A provider at an address.
    Remote(Arc<Provider>),
    /// The built-in offline analyst.
    Offline,
    /// Embeddings from a folder on this machine.
    Local { name: Arc<str>, embedder: Arc<Embedder> },
}

impl Backend {
    /// The name of the provider.
    pub(crate) fn provider(&self) -> &str {
        match self {
            Self::Remote(provider) => &provider.name,
            Self::Offline => offline::PROVIDER,
            Self::Local { name, .. } => name,
        }
    }
}

impl Deployment {
    pub(crate) fn new(backend: Backend, model: ModelConfig, tariff: Tariff, seed: u64) -> Self {
        Self {
            id: format!("{}/{}", backend.provider(), model.id),
            health: Health::new(seed),
            pace: Pace::new(PACE_HALF_LIFE_MS),
            excess: Excess::default(),
            refuses_options: AtomicBool::new(false),
            last_failure: Mutex::default(),
            backend,
            model,
            tariff,
        }
    }

    /// How long the provider may be silent before the first piece of a streamed answer of this model.
    pub(crate) fn first_byte(&self, provider: &Provider) -> Duration {
        self.model.first_byte_timeout_s.map_or(provider.timeouts.first_byte, Duration::from_secs)
    }

    /// Remembers what failed.
    pub(crate) fn failed(&self, error: &Error) {
        let stays = error.fault().kind.is_persistent().then(|| error.code().to_owned());
        let failure = LastFailure { words: format!(": {error}"), stays };
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// What failed last.
    pub(crate) fn last_failure(&self) -> LastFailure {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it is, for people and metrics.
    pub(crate) fn state(&self, now_ms: i64) -> wire::Deployment {
        let now = moment(now_ms);
        let (state, n_tenants_resting) = self.health.state(now);
        let (first_token_ms, per_token_ms) = self.pace.means_ms(now);
        wire::Deployment {
            id: self.id.clone(),
            n_tenants_resting: u32::try_from(n_tenants_resting).unwrap_or(u32::MAX),
            breaker: state.name.as_str().to_owned(),
            open_until_ms: state.until_ms.and_then(|until| i64::try_from(until).ok()),
            error_ratio: f64::from(state.error_ratio),
            last_fault: state.last_fault.map(|fault: Fault| fault.kind.as_str().to_owned()),
            in_flight: self.pace.in_flight(),
            first_token_ms,
            per_token_ms,
        }
    }
}

/// A moment on the clock of breakers and paces.
pub(crate) fn moment(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or(0)
}
