//! The figures of this service. Labels are the deployments of the settings and fixed words: never a tenant, a user or a
//! text.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use septet_contracts::models::{UsageRecord, UsageStatus};

use crate::deployment::Deployment;

const CALLS: &str = "septet_models_calls_total";
const ATTEMPTS: &str = "septet_models_attempts_total";
const TOKENS: &str = "septet_models_tokens_total";
const COST: &str = "septet_models_cost_nano_total";
const FIRST_TOKEN: &str = "septet_models_first_token_seconds";
const DURATION: &str = "septet_models_call_seconds";
const CACHED: &str = "septet_models_cached_answers_total";
const DOUBTED: &str = "septet_models_usage_doubted_total";
const WAITING: &str = "septet_models_usage_records_waiting";

/// Says what each figure means.
pub(crate) fn describe() {
    describe_counter!(CALLS, "Calls that reached a deployment, by how they ended");
    describe_counter!(ATTEMPTS, "Deployments asked, retries and fallbacks included, by the one that was asked last");
    describe_counter!(TOKENS, "Tokens, by kind: input, cached, cache_write, output, reasoning");
    describe_counter!(COST, "Cost in nano-units of currency");
    describe_histogram!(FIRST_TOKEN, "Time until the first piece of a streamed answer, in seconds");
    describe_histogram!(DURATION, "Time of a whole call, in seconds");
    describe_counter!(CACHED, "Answers given from the cache");
    describe_counter!(DOUBTED, "Calls of which the provider said what cannot be true; anything above 0 needs a look");
    describe_gauge!(WAITING, "Usage records that wait on disk for their store");
}

/// A call ended.
pub(crate) fn call(deployment: &Deployment, status: UsageStatus, n_attempts: u32) {
    counter!(CALLS, "deployment" => deployment.id.clone(), "status" => status.as_str()).increment(1);
    counter!(ATTEMPTS, "deployment" => deployment.id.clone()).increment(u64::from(n_attempts));
}

/// An answer came from the cache.
pub(crate) fn cached() {
    counter!(CACHED).increment(1);
}

/// What a call used.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a call are far below 2^52")]
pub(crate) fn used(deployment: &Deployment, record: &UsageRecord) {
    let kinds = [
        ("input", record.input_tokens),
        ("cached", record.cached_tokens),
        ("cache_write", record.cache_write_tokens),
        ("output", record.output_tokens),
        ("reasoning", record.reasoning_tokens),
    ];
    for (kind, n_tokens) in kinds.into_iter().filter(|(_, n_tokens)| *n_tokens > 0) {
        counter!(TOKENS, "deployment" => deployment.id.clone(), "kind" => kind).increment(n_tokens);
    }
    counter!(COST, "deployment" => deployment.id.clone()).increment(u64::try_from(record.cost_nano).unwrap_or(0));
    if let Some(first) = record.first_token_ms {
        histogram!(FIRST_TOKEN, "deployment" => deployment.id.clone()).record(first as f64 / 1_000.0);
    }
    histogram!(DURATION, "deployment" => deployment.id.clone()).record(record.duration_ms as f64 / 1_000.0);
}

/// A provider said of a call what cannot be true.
pub(crate) fn doubted(deployment: &Deployment) {
    counter!(DOUBTED, "deployment" => deployment.id.clone()).increment(1);
}

/// So many records wait.
#[expect(clippy::cast_precision_loss, reason = "a count")]
pub(crate) fn waiting(n_records: u64) {
    gauge!(WAITING).set(n_records as f64);
}
