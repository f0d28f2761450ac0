//! In which order the deployments of a stage are asked.

use rand::Rng;
use septet_difficulty::Probability;
use septet_kernel::TenantId;
use septet_protocols::Usage;
use septet_routing::{Blend, Candidate, Choice, Strategy};

use super::Calls;
use super::judge::Judgement;
use crate::call::{ModelCall, Work};
use crate::config::StrategyKind;
use crate::deployment::moment;
use crate::registry::Stage;

impl Calls {
    /// The order of a stage, and why.
    pub(super) fn order(
        &self,
        call: &ModelCall,
        tenant: TenantId,
        name: &str,
        stage: &Stage,
        judged: Option<&Judgement>,
        rng: &mut impl Rng,
    ) -> Choice {
        let tenant_name = tenant.to_string();
        let service = call.service();
        let route = &stage.route;
        let now_ms = moment(self.clock.now_ms());
        let (input, max_output) = match &call.work {
            Work::Chat(asked) => (asked.likely_input(), asked.max_output),
            Work::Embed(body) | Work::Rerank(body) => (body.n_bytes / 4, Some(0)),
        };
        let asked = septet_routing::CallEstimate {
            now_ms,
            input,
            expected_output: self.expected.output(&tenant_name, name, max_output),
            // The threshold compares raw scores; a blend weighs the calibrated probability.
            score: match route.strategy {
                StrategyKind::Blend => judged.and_then(Judgement::expected_loss),
                StrategyKind::Weighted | StrategyKind::Latency | StrategyKind::Cost | StrategyKind::Difficulty => {
                    judged.and_then(|judged| judged.score).map(Probability::value)
                }
            },
        };
        let strategy = match route.strategy {
            StrategyKind::Weighted => Strategy::Weighted,
            StrategyKind::Latency => Strategy::Latency { draws: 2 },
            StrategyKind::Cost => Strategy::Cost,
            StrategyKind::Difficulty => {
                Strategy::Difficulty { threshold: judged.map_or(f32::INFINITY, |judged| judged.threshold(route)) }
            }
            StrategyKind::Blend => Strategy::Blend(Blend {
                latency: route.blend.latency,
                cost: route.blend.cost,
                quality: route.blend.quality,
                share: 0.0,
            }),
        };
        let prices: Vec<_> = stage
            .members
            .iter()
            .map(|member| {
                let deployment = &member.deployment;
                move |input: u64, cached: u64, output: u64| {
                    let usage = Usage { input, cached, output, ..Usage::default() };
                    let prices = deployment.tariff.of(tenant);
                    prices.is_known().then(|| u64::try_from(prices.cost(&usage, service)).unwrap_or(0))
                }
            })
            .collect();
        let candidates: Vec<Candidate<'_>> = stage
            .members
            .iter()
            .zip(&prices)
            .enumerate()
            .map(|(index, (member, price))| Candidate {
                index,
                name: &member.deployment.id,
                weight: member.weight,
                tier: member.tier,
                price,
                pace: &member.deployment.pace,
                cached_share: self.expected.cached_share(&tenant_name, &member.deployment.id),
                is_open: !member.deployment.health.is_available(tenant, now_ms),
            })
            .collect();
        strategy.choose(&asked, &candidates, rng)
    }
}
