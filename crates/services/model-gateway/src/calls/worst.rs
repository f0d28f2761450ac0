//! The most that a call can come to: what is reserved before a provider is asked.

use septet_kernel::TenantId;
use septet_prices::Service;
use septet_protocols::Usage;

use super::{Call, Work};
use crate::quota::WorstCase;
use crate::registry::Plan;

// What a model may write at most when neither the client nor the price table says it.
const USUAL_MAX_OUTPUT: u64 = 8_192;

/// The most that a call of a tenant can come to, whoever of its plan answers.
pub(super) fn case(tenant: TenantId, call: &Call, plan: &Plan) -> WorstCase {
    let mut worst = WorstCase { tokens: 0, cost_nano: 0 };
    for member in plan.stages.iter().flat_map(|stage| &stage.members) {
        let tariff = &member.deployment.tariff;
        let (input, output) = match &call.work {
            Work::Chat(asked) => {
                let most = asked.max_output.or(tariff.max_output()).unwrap_or(USUAL_MAX_OUTPUT);
                (asked.most_input(), most.saturating_mul(asked.n))
            }
            Work::Embed(body) | Work::Rerank(body) => (body.to_string().len() as u64 / 2, 0),
        };
        // Writing to the provider's cache is the dearest way to read, and a provider may give the usual service in place
        // of a cheaper one that it has no room for.
        let prices = tariff.of(tenant);
        for cache_write in [0, input] {
            let usage = Usage { input, output, cache_write, ..Usage::default() };
            for service in [Service::Standard, call.service()] {
                worst.cost_nano = worst.cost_nano.max(prices.cost(&usage, service));
            }
        }
        worst.tokens = worst.tokens.max(input.saturating_add(output));
    }
    worst
}
