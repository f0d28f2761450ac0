//! How hard a call is: the shipped scorer, the thresholds of routes, and what a tenant's own outcomes taught about both.

use std::sync::Arc;
use std::time::Duration;

use septet_difficulty::{Calibration, Probability, Scorer, TooFew};
use septet_kernel::{TenantId, causes};
use tracing::warn;

use crate::asked::Asked;
use crate::config::RouteConfig;
use crate::error::Error;
use crate::store::Store;

// About half a kilobyte each.
const MAX_LEARNED: u64 = 10_000;

// What another process learned is used here after this time at the latest.
const LEARNED_TTL: Duration = Duration::from_secs(60);

/// Judges calls.
pub(crate) struct Difficulty {
    store: Store,
    shipped: Arc<Calibration>,
    learned: moka::future::Cache<(TenantId, String), Arc<Calibration>>,
}

/// What is known of a tenant's route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Learned {
    pub n_outcomes: usize,
    pub n_bad: usize,
    pub is_calibrated: bool,
}

impl Difficulty {
    pub(crate) fn new(store: Store) -> Self {
        let learned = moka::future::Cache::builder().max_capacity(MAX_LEARNED).time_to_live(LEARNED_TTL).build();
        Self { store, shipped: Arc::new(Calibration::shipped()), learned }
    }

    /// How probably the call needs the strong model, as the shipped scorer sees it; nothing for one without a text of
    /// the user.
    pub(crate) fn score(asked: &Asked) -> Option<Probability> {
        Some(Scorer::shipped().score(&asked.question()?))
    }

    /// What scores mean for calls that nobody has learned about.
    pub(crate) fn shipped(&self) -> Arc<Calibration> {
        Arc::clone(&self.shipped)
    }

    /// What scores mean for a tenant's calls to a route.
    pub(crate) async fn calibration(&self, tenant: TenantId, route: &str) -> Arc<Calibration> {
        let key = (tenant, route.to_owned());
        if let Some(known) = self.learned.get(&key).await {
            return known;
        }
        let known = match self.store.calibration(tenant, route).await {
            Ok(learned) => learned.map_or_else(|| self.shipped(), Arc::new),
            // Asked again with the next call: a database that is away must not keep anybody from an answer.
            Err(error) => {
                warn!(error.detail = %causes(&error), route, "what was learned about a route cannot be read");
                return self.shipped();
            }
        };
        self.learned.insert(key, Arc::clone(&known)).await;
        known
    }

    /// Learns from the outcomes of a tenant's calls to a route.
    pub(crate) async fn learn(&self, tenant: TenantId, route: &str) -> Result<Learned, Error> {
        let (outcomes, seen) = self.store.history(tenant, route).await?;
        let n_bad = outcomes.iter().filter(|outcome| !outcome.weak_was_good).count();
        let is_calibrated = match Calibration::fit(&outcomes, &seen) {
            Ok(learned) => {
                self.store.keep_calibration(tenant, route, &learned).await?;
                self.learned.insert((tenant, route.to_owned()), Arc::new(learned)).await;
                true
            }
            Err(TooFew { .. }) => false,
        };
        Ok(Learned { n_outcomes: outcomes.len(), n_bad, is_calibrated })
    }
}

/// From which score on a route's calls go to its strong models.
#[expect(clippy::cast_possible_truncation, reason = "shares between 0 and 1")]
pub(crate) fn threshold(route: &RouteConfig, calibration: &Calibration) -> f32 {
    let threshold = match route.quality_floor {
        Some(floor) => calibration.for_quality(floor as f32),
        None => calibration.for_share(route.strong_share as f32),
    };
    // Without a threshold, no call does.
    threshold.score().map_or(f32::INFINITY, Probability::value)
}
