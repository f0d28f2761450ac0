//! How hard a call is, where its route wants to know.

use std::sync::Arc;

use septet_difficulty::{Calibration, Probability};
use septet_kernel::TenantId;

use super::Calls;
use crate::call::{ModelCall, Work};
use crate::config::{RouteConfig, StrategyKind};
use crate::difficulty::{Difficulty, threshold};
use crate::registry::Stage;

/// What is known of a call's difficulty.
pub(super) struct Judgement {
    /// As the shipped scorer sees it; nothing for a call without a text of the user.
    pub score: Option<Probability>,
    /// What scores mean for this tenant and route.
    calibration: Arc<Calibration>,
}

impl Judgement {
    /// From which score on the route's calls go to its strong models.
    pub(super) fn threshold(&self, route: &RouteConfig) -> f32 {
        threshold(route, &self.calibration)
    }

    /// How probably a weak model spoils the answer.
    pub(super) fn expected_loss(&self) -> Option<f32> {
        Some(self.calibration.apply(self.score?).value())
    }
}

impl Calls {
    /// Judges a call for a stage that chooses by difficulty; `None` where nobody asks.
    ///
    /// What a tenant's outcomes taught holds for the route that was called, `route`; those that are only fallen back on
    /// have other models.
    pub(super) async fn judge(
        &self,
        call: &ModelCall,
        tenant: TenantId,
        route: Option<&str>,
        stage: &Stage,
    ) -> Option<Judgement> {
        let asks = matches!(stage.route.strategy, StrategyKind::Difficulty | StrategyKind::Blend);
        let Work::Chat(asked) = &call.work else { return None };
        if !asks || stage.members.len() < 2 {
            return None;
        }
        let calibration = match route {
            Some(route) => self.difficulty.calibration(tenant, route).await,
            None => self.difficulty.shipped(),
        };
        // A question may be megabytes, and it has to be found first.
        let (question, n_bytes) = (asked.clone(), asked.body.len());
        let score = self.cpu.run_over(n_bytes, move || Difficulty::score(&question)).await;
        Some(Judgement { score: score.ok().flatten(), calibration })
    }
}
