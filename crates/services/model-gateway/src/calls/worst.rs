//! The most that a call can come to: what is reserved before a provider is asked.

use septet_kernel::TenantId;
use septet_prices::Service;
use septet_protocols::{Dialect, Usage};

use crate::call::{ModelCall, Work};
use crate::deployment::Deployment;
use crate::quota::WorstCase;
use crate::registry::Plan;

// What a model may write at most when neither the client nor the price table says it.
const USUAL_MAX_OUTPUT: u64 = 8_192;

/// With less room for its answer no call begins.
const LEAST_OUTPUT: u64 = 1_024;

/// The most that a call of a tenant can come to, whoever of its plan answers, as budgets count it.
pub(super) fn case(tenant: TenantId, call: &ModelCall, plan: &Plan) -> WorstCase {
    let mut worst = WorstCase { tokens: 0, cost_nano: 0 };
    let input = likely_input(call);
    for member in plan.stages.iter().flat_map(|stage| &stage.members) {
        let output = most_output(call, &member.deployment).saturating_mul(n_answers(call));
        worst.cost_nano = worst.cost_nano.max(cost(tenant, call, &member.deployment, input, output));
        worst.tokens = worst.tokens.max(input.saturating_add(output));
    }
    worst
}

/// What an attempt at one deployment is to be reserved for, as accounts count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// The most that it can cost: every byte that is sent is a token, and the answer is as long as it may be.
    pub most: i64,
    /// What it costs at least to be worth beginning: a likely count of what is sent, and a short answer.
    pub least: i64,
}

/// What an attempt at a deployment needs; `None` when it costs nothing.
pub(super) fn need(tenant: TenantId, call: &ModelCall, deployment: &Deployment) -> Option<Need> {
    let excess = &deployment.excess;
    let most = excess.on(most(tenant, call, deployment));
    if most <= 0 {
        return None;
    }
    let output = most_output(call, deployment);
    let output = if can_be_capped(call) { output.min(LEAST_OUTPUT) } else { output };
    let output = output.saturating_mul(n_answers(call));
    let least = excess.on(cost(tenant, call, deployment, likely_input(call), output));
    Some(Need { most, least: least.clamp(1, most) })
}

/// The most that an attempt at a deployment can cost by what is known of it without asking anybody.
pub(super) fn most(tenant: TenantId, call: &ModelCall, deployment: &Deployment) -> i64 {
    cost(tenant, call, deployment, every_input(call), whole_output(call, deployment))
}

/// Whether a deployment costs a tenant nothing, whatever is asked of it.
pub(super) fn is_free(tenant: TenantId, deployment: &Deployment) -> bool {
    let usage = Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() };
    deployment.excess.on(deployment.tariff.of(tenant).cost(&usage, Service::Standard)) == 0
}

/// How many tokens an answer may have so that the attempt costs no more than `granted`; `None` where it need not be said,
/// for the client or the model has that limit already.
pub(super) fn cap(tenant: TenantId, call: &ModelCall, deployment: &Deployment, granted: i64) -> Option<u64> {
    let Work::Chat(asked) = &call.work else { return None };
    let most = most_output(call, deployment);
    let n = n_answers(call);
    let costs = |output: u64| {
        deployment.excess.on(cost(tenant, call, deployment, likely_input(call), output.saturating_mul(n)))
    };
    if costs(most) > granted && can_be_capped(call) {
        // The last length that can be paid for.
        let (mut fits, mut beyond) = (1, most);
        while beyond - fits > 1 {
            let middle = fits + (beyond - fits) / 2;
            if costs(middle) <= granted {
                fits = middle;
            } else {
                beyond = middle;
            }
        }
        return Some(fits);
    }
    let is_said = asked.max_output.is_some() || deployment.tariff.max_output().is_some();
    (!is_said).then_some(most)
}

/// Whether an answer may be made shorter than the client says. Anthropic's thinking has a budget inside of the limit.
fn can_be_capped(call: &ModelCall) -> bool {
    match &call.work {
        Work::Chat(asked) => {
            asked.dialect != Dialect::Anthropic || memchr::memmem::find(&asked.body, b"\"thinking\"").is_none()
        }
        Work::Embed(_) | Work::Rerank(_) => false,
    }
}

/// The highest cost of so many tokens at a deployment. Input that is written to the provider's cache costs most, and a
/// provider may serve a call in the standard tier when a cheaper one has no capacity.
fn cost(tenant: TenantId, call: &ModelCall, deployment: &Deployment, input: u64, output: u64) -> i64 {
    let prices = deployment.tariff.of(tenant);
    let mut dearest = 0;
    for cache_write in [0, input] {
        let usage = Usage { input, output, cache_write, ..Usage::default() };
        for service in [Service::Standard, call.service()] {
            dearest = dearest.max(prices.cost(&usage, service));
        }
    }
    dearest
}

/// How long one answer can be.
fn most_output(call: &ModelCall, deployment: &Deployment) -> u64 {
    match &call.work {
        Work::Chat(asked) => asked.max_output.or(deployment.tariff.max_output()).unwrap_or(USUAL_MAX_OUTPUT),
        Work::Embed(_) | Work::Rerank(_) => 0,
    }
}

fn whole_output(call: &ModelCall, deployment: &Deployment) -> u64 {
    most_output(call, deployment).saturating_mul(n_answers(call))
}

fn n_answers(call: &ModelCall) -> u64 {
    match &call.work {
        Work::Chat(asked) => asked.n,
        Work::Embed(_) | Work::Rerank(_) => 1,
    }
}

/// An estimate of the tokens that are sent, seldom too low.
fn likely_input(call: &ModelCall) -> u64 {
    match &call.work {
        Work::Chat(asked) => asked.most_input(),
        Work::Embed(body) | Work::Rerank(body) => body.n_bytes / 2,
    }
}

/// As many tokens as can be in what is sent: no vocabulary has a token of less than a byte.
fn every_input(call: &ModelCall) -> u64 {
    match &call.work {
        Work::Chat(asked) => asked.body.len() as u64 + 64,
        Work::Embed(body) | Work::Rerank(body) => body.n_bytes + 64,
    }
}
