//! What a tenant reports about its answers, stored and learned from.

use std::collections::{BTreeSet, HashMap};

use septet_contracts::models::{OutcomeReply, OutcomeReport, RouteOutcomes};
use septet_kernel::{RecordId, TenantId};

use crate::calls::Calls;
use crate::difficulty::Learned;
use crate::error::Error;
use crate::store::Judged;

const MOST: usize = 1_000;

impl Calls {
    /// Stores a report, all of it or nothing, and learns from it at once.
    pub(crate) async fn learn(&self, tenant: TenantId, report: &OutcomeReport) -> Result<OutcomeReply, Error> {
        // The last word about a call counts.
        let told: HashMap<RecordId, bool> =
            report.outcomes.iter().map(|outcome| (outcome.call, outcome.good)).collect();
        if told.is_empty() || report.outcomes.len() > MOST {
            return Err(Error::BadReport { most: MOST });
        }
        let calls: Vec<RecordId> = told.keys().copied().collect();
        // The record of a call that ended just now may be on its way.
        self.recorder.wait_until_stored().await;
        let judged = self.store.judged(tenant, &calls).await?;
        if let Some(unknown) = calls.iter().find(|call| !judged.iter().any(|judged| judged.call == **call)) {
            return Err(Error::NoCall { id: unknown.to_string() });
        }
        if let Some(other) = judged.iter().find(|judged| judged.difficulty.is_none()) {
            return Err(Error::NotJudged { id: other.call.to_string() });
        }
        // How a strong model did says nothing about where the weak one fails.
        let weak = judged.iter().filter(|judged| judged.is_weak);
        let weak: Vec<(&Judged, bool)> = weak.map(|judged| (judged, told[&judged.call])).collect();
        self.store.keep_outcomes(tenant, &weak, self.clock.now_ms()).await?;
        let mut routes = Vec::new();
        for route in judged.iter().map(|judged| &judged.route).collect::<BTreeSet<_>>() {
            let Learned { n_outcomes, n_bad, is_calibrated } = self.difficulty.learn(tenant, route).await?;
            routes.push(RouteOutcomes { route: route.clone(), n_outcomes, n_bad, is_calibrated });
        }
        Ok(OutcomeReply { routes })
    }
}
