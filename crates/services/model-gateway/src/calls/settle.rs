//! The end of a call: what it used is recorded, its budgets are settled, and its answer is kept where it may be asked
//! for again.

use std::time::Duration;

use bytes::Bytes;
use septet_contracts::models::{UsageRecord, UsageStatus};
use septet_kernel::{Caller, Failure, causes};
use septet_protocols::Usage;
use tracing::{debug, error, info_span, warn};

use super::course::Course;
use super::{Call, Calls, Work};
use crate::deployment::Deployment;
use crate::error::Error;
use crate::metrics;
use crate::quota::WorstCase;
use crate::recording::Sink;
use crate::registry::Plan;
use crate::store::Stored;

// What a model may write at most when neither the client nor the price table says it.
const USUAL_MAX_OUTPUT: u64 = 8_192;

/// The most that a call can come to, whoever of its plan answers.
pub(super) fn worst_case(call: &Call, plan: &Plan) -> WorstCase {
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
        // Writing to the provider's cache is the dearest way to read.
        let plain = tariff.cost(&Usage { input, output, ..Usage::default() });
        let written = tariff.cost(&Usage { input, output, cache_write: input, ..Usage::default() });
        worst.tokens = worst.tokens.max(input.saturating_add(output));
        worst.cost_nano = worst.cost_nano.max(plain).max(written);
    }
    worst
}

impl Calls {
    /// Records what a call used, if the provider may have charged, and keeps the answer of a keyed call.
    pub(super) async fn settle(
        &self,
        caller: &Caller,
        call: &Call,
        sink: &Sink,
        last: &Bytes,
        mut course: Course,
        outcome: Result<(), Error>,
    ) -> Result<(), Error> {
        if course.is_cached {
            metrics::cached();
            return outcome;
        }
        let hold = course.hold.take();
        let Some(deployment) = course.deployment.clone() else {
            if let Some(hold) = hold {
                hold.release().await;
            }
            return outcome;
        };
        let status = match &outcome {
            Ok(()) => UsageStatus::Completed,
            Err(Error::CallerLeft) => UsageStatus::Cancelled,
            Err(_) => UsageStatus::Failed,
        };
        metrics::call(&deployment, status, course.n_attempts);
        // Once bytes were shown the provider has worked, whatever went wrong then.
        let has_cost = outcome.as_ref().err().is_none_or(|error| error.may_have_cost() || course.has_shown);
        if !has_cost {
            if let Some(hold) = hold {
                hold.release().await;
            }
            return outcome;
        }
        if let Err(error) = &outcome {
            debug!(deployment = deployment.id, error.code = error.code(), "model call ended early");
        }
        let record = self.record(caller, call, &course, &deployment, status);
        metrics::used(&deployment, &record);
        traced(call, &record);
        if status == UsageStatus::Completed {
            let tenant = caller.tenant.to_string();
            self.expected.learn(&tenant, course.route.as_deref().unwrap_or(&deployment.model.id), record.output_tokens);
        }
        if let Some(hold) = hold {
            hold.settle(record.input_tokens + record.output_tokens, record.cost_nano).await;
        }
        self.keep(call, sink, last, &record, &deployment, outcome.is_ok()).await?;
        if let (true, Some(plan), Some(mut gathered)) = (outcome.is_ok(), &course.plan, course.gathered.take()) {
            gathered.extend_from_slice(last);
            self.cache.put(caller.tenant, call, plan, &deployment, gathered.freeze()).await;
        }
        outcome
    }

    fn record(
        &self,
        caller: &Caller,
        call: &Call,
        course: &Course,
        deployment: &Deployment,
        status: UsageStatus,
    ) -> UsageRecord {
        let asked = || match &call.work {
            Work::Chat(asked) => asked.input_tokens(),
            Work::Embed(body) | Work::Rerank(body) => crate::meter::n_tokens(&body.to_string()),
        };
        let counted = course.meter.count(asked, course.is_complete);
        let usage = &counted.usage;
        let now_ms = self.clock.now_ms();
        UsageRecord {
            id: self.ids.next(),
            tenant: caller.tenant,
            user: caller.user,
            key: caller.key,
            request: caller.request,
            run: call.run.clone(),
            model: deployment.model.id.clone(),
            provider: deployment.backend.provider().to_owned(),
            route: course.route.clone(),
            reason: course.route.is_some().then(|| course.reason.clone()),
            n_attempts: course.n_attempts,
            input_tokens: usage.input,
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write,
            output_tokens: usage.output,
            reasoning_tokens: usage.reasoning,
            cost_nano: deployment.tariff.cost(usage),
            estimated: counted.estimated,
            started_at_ms: course.started_at_ms,
            first_token_ms: course.first_token_at_ms.map(|at| at - course.started_at_ms),
            duration_ms: now_ms - course.started_at_ms,
            status,
            cursor: 0,
        }
    }

    /// Writes the record down, together with the answer of a keyed call: both or neither, so that an answer which is
    /// given again was charged.
    async fn keep(
        &self,
        call: &Call,
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
            for pause_ms in [0, 200, 400] {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                match self.store.record_with_answer(record, key, &stored, (now_ms, now_ms + self.answer_kept_ms)).await
                {
                    Ok(()) => return Ok(()),
                    Err(failed) => warn!(error.detail = %causes(&failed), "answer not kept under its key"),
                }
            }
            // The record must not be lost with it.
        }
        let recorded = self.recorder.record(record).await;
        if let Err(failed) = &recorded {
            // The one thing that is left is to say it loudly enough for someone to book it by hand.
            error!(
                error.detail = %causes(failed), usage.id = %record.id, tenant.id = %record.tenant, model = record.model, provider = record.provider,
                usage.input_tokens = record.input_tokens, usage.output_tokens = record.output_tokens, usage.cost_nano = record.cost_nano,
                "usage record lost"
            );
        }
        // The answer was paid for: it is shown all the same. The next call is refused before it costs anything.
        Ok(())
    }
}

/// The call as OpenTelemetry's conventions for generative models have it.
fn traced(call: &Call, record: &UsageRecord) {
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
