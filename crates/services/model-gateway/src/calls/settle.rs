//! The end of a call: what it used is recorded, its budgets are settled, and its answer is kept where it may be asked
//! for again.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use septet_contracts::models::{MOST_COST_NANO, UsageRecord, UsageStatus};
use septet_difficulty::Probability;
use septet_kernel::{Caller, Failure, Money, causes};
use septet_routing::Tier;
use tracing::{debug, error, info_span, warn};

use super::progress::{CallProgress, Spent};
use super::{Calls, worst};
use crate::accounts::Funds;
use crate::call::{ModelCall, Work};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::metrics;
use crate::quota::Reservation;
use crate::recording::Sink;
use crate::store::Stored;
use crate::tier;

const KEEP_BACKOFF: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(Duration::from_millis(200)).with_max_times(2);

impl Calls {
    /// Records what a call used, if the provider may have charged, and keeps the answer of a keyed call.
    pub(super) async fn settle(
        &self,
        caller: &Caller,
        call: &ModelCall,
        sink: &Sink,
        last: &Bytes,
        mut progress: CallProgress,
        outcome: Result<(), Error>,
    ) -> Result<(), Error> {
        if progress.is_cached {
            metrics::cached();
            return outcome;
        }
        let reservation = progress.reservation.take();
        let Some(deployment) = progress.deployment.clone() else {
            give_back(reservation, progress.spent).await;
            release(progress.funds.take()).await;
            return outcome;
        };
        let status = match &outcome {
            Ok(()) => UsageStatus::Completed,
            Err(Error::CallerLeft | Error::Cancelled) => UsageStatus::Cancelled,
            Err(_) => UsageStatus::Failed,
        };
        metrics::call(&deployment, status, progress.n_attempts);
        // Once bytes were shown the provider has worked, whatever went wrong then.
        let has_worked = progress.has_shown || progress.meter.is_used();
        let has_cost = outcome.as_ref().err().is_none_or(|error| error.may_have_cost() || has_worked);
        if !has_cost {
            give_back(reservation, progress.spent).await;
            release(progress.funds.take()).await;
            return outcome;
        }
        if let Err(error) = &outcome {
            debug!(deployment = deployment.id, error.code = error.code(), "model call ended early");
        }
        self.estimate(call, &deployment, &mut progress).await;
        let mut record = self.record(caller, call, &progress, &deployment, status);
        record.id = progress.id;
        record.difficulty_millionths = progress.difficulty.map(millionths);
        metrics::used(&deployment, &record);
        traced(call, &record);
        if status == UsageStatus::Completed {
            let tenant = caller.tenant.to_string();
            self.expected.learn(
                &tenant,
                progress.route.as_deref().unwrap_or(&deployment.model.id),
                record.output_tokens,
            );
            if !record.estimated {
                self.expected.learn_cached(&tenant, &deployment.id, record.input_tokens, record.cached_tokens);
            }
        }
        if let Some(reservation) = reservation {
            let Spent { tokens, cost_nano } = progress.spent.with(&record);
            reservation.settle(tokens, cost_nano).await;
        }
        self.keep(call, sink, last, &record, &deployment, outcome.is_ok()).await?;
        self.learn_count(call, &deployment, &record);
        if let Some(funds) = progress.funds.take() {
            funds.settle(record.cost_nano).await;
        }
        if let (true, Some(plan), Some(mut gathered)) = (outcome.is_ok(), &progress.plan, progress.gathered.take()) {
            gathered.extend_from_slice(last);
            self.cache.put(caller.tenant, call, plan, &deployment, gathered.freeze()).await;
        }
        outcome
    }

    /// Records the attempt that was made last, if it had cost when it failed: another is about to be made.
    pub(super) async fn set_aside(&self, caller: &Caller, call: &ModelCall, progress: &mut CallProgress) {
        let Some(deployment) = progress.deployment.clone().filter(|_| progress.meter.is_used()) else { return };
        self.estimate(call, &deployment, progress).await;
        let record = UsageRecord {
            call: Some(progress.id),
            started_at_ms: progress.attempt_at_ms,
            duration_ms: self.clock.now_ms() - progress.attempt_at_ms,
            ..self.record(caller, call, progress, &deployment, UsageStatus::Failed)
        };
        metrics::used(&deployment, &record);
        traced(call, &record);
        self.write_down(&record).await;
        self.learn_count(call, &deployment, &record);
        progress.spent = progress.spent.with(&record);
        // The record ends this hold. The next attempt needs one of its own.
        if let Some(funds) = progress.funds.take() {
            funds.settle(record.cost_nano).await;
        }
    }

    /// Learns how the deployment counts. Tokens that were counted here never exceed the estimated maximum.
    fn learn_count(&self, call: &ModelCall, deployment: &Deployment, record: &UsageRecord) {
        if !record.estimated {
            deployment.excess.learn(worst::most(record.tenant, call, deployment), record.cost_nano);
        } else if record.doubt.is_none() && record.status == UsageStatus::Completed {
            deployment.excess.counted_here();
        }
    }

    fn record(
        &self,
        caller: &Caller,
        call: &ModelCall,
        progress: &CallProgress,
        deployment: &Deployment,
        status: UsageStatus,
    ) -> UsageRecord {
        let counted = progress.meter.count(progress.is_complete);
        let usage = &counted.usage;
        let service = progress.meter.tier().unwrap_or(call.service());
        let bill = deployment.tariff.of(caller.tenant).bill(usage, service);
        let mut doubt = progress.meter.doubt().map(str::to_owned);
        if bill.cost > MOST_COST_NANO {
            doubt.get_or_insert_with(|| format!("it would cost {}", Money(bill.cost)));
        }
        if let Some(doubt) = &doubt {
            metrics::doubted(deployment);
            error!(
                deployment = deployment.id, tenant.id = %caller.tenant, usage.doubt = doubt,
                "a provider says of a call what cannot be true; it was counted here"
            );
        }
        let now_ms = self.clock.now_ms();
        UsageRecord {
            id: self.ids.next(),
            tenant: caller.tenant,
            call: None,
            difficulty_millionths: None,
            tier: tier_word(progress.tier),
            user: caller.user,
            key: caller.key,
            request: caller.request,
            run: call.run.clone(),
            hold: progress.funds.as_ref().map(Funds::id),
            reserved_nano: progress.funds.as_ref().map(Funds::granted_nano),
            doubt,
            model: deployment.model.id.clone(),
            provider: deployment.backend.provider().to_owned(),
            route: progress.route.clone(),
            reason: progress.route.is_some().then(|| progress.reason.clone()),
            n_attempts: progress.n_attempts,
            input_tokens: usage.input,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            output_tokens: usage.output,
            reasoning_tokens: usage.reasoning,
            cost_nano: bill.cost.min(MOST_COST_NANO),
            said_cost_nano: bill.said,
            table_cost_nano: bill.table,
            service_tier: tier::word(service).map(str::to_owned),
            estimated: counted.estimated,
            started_at_ms: progress.started_at_ms,
            first_token_ms: progress.first_token_at_ms.map(|at| at - progress.started_at_ms),
            duration_ms: now_ms - progress.started_at_ms,
            status,
            cursor: 0,
        }
    }

    /// Writes the record down, together with the answer of a keyed call: both or neither, so that an answer which is
    /// given again was charged.
    async fn keep(
        &self,
        call: &ModelCall,
        sink: &Sink,
        last: &Bytes,
        record: &UsageRecord,
        deployment: &Deployment,
        is_complete: bool,
    ) -> Result<(), Error> {
        // Only a complete answer is given again: a failed one should be tried anew.
        if let (Some(key), Sink::Kept(recording), true) = (&call.key, sink, is_complete) {
            let mut body = recording.bytes();
            body.extend_from_slice(last);
            let stored = Stored {
                fingerprint: recording.fingerprint.clone(),
                deployment: deployment.id.clone(),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            let now_ms = self.clock.now_ms();
            let write = || async {
                let kept = (now_ms, now_ms + self.answer_kept_ms);
                let written = self.store.record_with_answer(record, key, &stored, kept).await;
                written.inspect_err(|failed| warn!(error.detail = %causes(failed), "answer not kept under its key"))
            };
            if write.retry(KEEP_BACKOFF).await.is_ok() {
                return Ok(());
            }
            // The record must not be lost with it.
        }
        self.write_down(record).await;
        // The answer was paid for: it is shown all the same. The next call is refused before it costs anything.
        Ok(())
    }

    async fn write_down(&self, record: &UsageRecord) {
        if let Err(failed) = &self.recorder.record(record).await {
            // All that is left is to log it completely, so that an operator can book it by hand.
            error!(
                error.detail = %causes(failed), usage.id = %record.id, tenant.id = %record.tenant, model = record.model, provider = record.provider,
                usage.input_tokens = record.input_tokens, usage.output_tokens = record.output_tokens, usage.cost_nano = record.cost_nano,
                "usage record lost"
            );
        }
    }
}

/// What a route says of a model, as records have it.
fn tier_word(tier: Tier) -> Option<String> {
    match tier {
        Tier::Strong | Tier::Weak => Some(tier.as_str().to_owned()),
        Tier::None => None,
    }
}

/// Rounded down: a threshold that is learned from this score is not above it, so that the same question reaches it again.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
fn millionths(score: Probability) -> u32 {
    (f64::from(score.value()) * 1e6).floor() as u32
}

/// Settles a reservation for a call whose last attempt cost nothing, with what those before it came to.
async fn give_back(reservation: Option<Reservation>, spent: Spent) {
    match reservation {
        Some(reservation) if spent == Spent::default() => reservation.release().await,
        Some(reservation) => reservation.settle(spent.tokens, spent.cost_nano).await,
        None => {}
    }
}

/// Gives back what was kept for a call that cost nothing.
async fn release(funds: Option<Funds>) {
    if let Some(funds) = funds {
        funds.release().await;
    }
}

/// The call as OpenTelemetry's conventions for generative models have it.
fn traced(call: &ModelCall, record: &UsageRecord) {
    let operation = match &call.work {
        Work::Chat(_) => "chat",
        Work::Embed(_) => "embeddings",
        Work::Rerank(_) => "rerank",
    };
    let span = info_span!(
        "gen_ai",
        "gen_ai.operation.name" = operation,
        "gen_ai.provider.name" = record.provider,
        "gen_ai.request.model" = call.model,
        "gen_ai.response.model" = record.model,
        "gen_ai.usage.input_tokens" = record.input_tokens,
        "gen_ai.usage.output_tokens" = record.output_tokens,
        "gen_ai.response.time_to_first_token_ms" = record.first_token_ms,
        "septet.cost_nano" = record.cost_nano,
        "septet.duration_ms" = record.duration_ms,
        "septet.status" = record.status.as_str(),
    );
    span.in_scope(|| debug!("model call"));
}
