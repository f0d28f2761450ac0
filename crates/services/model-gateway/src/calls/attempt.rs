//! One attempt: a deployment is asked, and its breakers and its pace learn how it went.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use septet_kernel::Caller;
use tracing::debug;

use super::Calls;
use super::progress::CallProgress;
use crate::call::{ModelCall, Work};
use crate::deployment::{Deployment, LastFailure, moment};
use crate::error::Error;
use crate::meter::Meter;
use crate::recording::{Head, Piece, Sink};
use crate::registry::{Member, Plan};

impl Calls {
    /// Asks one deployment.
    pub(super) async fn attempt(
        &self,
        caller: &Caller,
        call: &ModelCall,
        plan: &Plan,
        member: &Member,
        sink: &Sink,
        progress: &mut CallProgress,
    ) -> Result<Bytes, Error> {
        let deployment = &member.deployment;
        let now = || moment(self.clock.now_ms());
        let mut pass = deployment.health.enter(caller.tenant, now()).map_err(|until| {
            let LastFailure { words: last, stays } = deployment.last_failure();
            let retry_after_ms = until.map(|until| until.saturating_sub(now()));
            Error::AllOpen { name: plan.name.clone(), last, stays, retry_after_ms }
        })?;
        self.set_aside(caller, call, progress).await;
        // What was set aside is recorded; if this attempt is not paid for, there is nothing else to record.
        (progress.deployment, progress.meter) = (None, Meter::default());
        self.secure(caller, call, deployment, progress).await?;
        let mut flight = deployment.pace.enter(now());
        progress.deployment = Some(Arc::clone(deployment));
        progress.tier = member.tier;
        progress.attempt_at_ms = self.clock.now_ms();
        progress.n_attempts += 1;
        progress.meter = Meter::default();
        let outcome = match &call.work {
            Work::Chat(asked) if asked.stream => {
                let mut opened = self.open(call, asked, plan, deployment, progress).await;
                if let Err(Error::Refused { message, .. }) = &opened
                    && message.contains("stream_options")
                    && !deployment.refuses_options.swap(true, Ordering::Relaxed)
                {
                    debug!(deployment = deployment.id, "provider does not know stream_options, asking without");
                    opened = self.open(call, asked, plan, deployment, progress).await;
                }
                match opened {
                    Ok((opened, dropped)) => {
                        pass.alive(now());
                        flight.first_token(now());
                        progress.first_token_at_ms = Some(self.clock.now_ms());
                        let head = self.head(deployment, progress, dropped);
                        sink.push(Piece::Head(head)).await.map_err(|_left| Error::CallerLeft)?;
                        self.deliver(call, asked, opened, deployment, sink, progress).await
                    }
                    Err(error) => Err(error),
                }
            }
            Work::Chat(asked) => match self.whole(call, asked, plan, deployment, progress).await {
                Ok((body, dropped)) => {
                    sink.push(Piece::Head(self.head(deployment, progress, dropped)))
                        .await
                        .map_err(|_left| Error::CallerLeft)?;
                    Ok(body)
                }
                Err(error) => Err(error),
            },
            Work::Embed(_) | Work::Rerank(_) => match self.other(call, deployment, progress).await {
                Ok(body) => {
                    sink.push(Piece::Head(self.head(deployment, progress, Vec::new())))
                        .await
                        .map_err(|_left| Error::CallerLeft)?;
                    Ok(body)
                }
                Err(error) => Err(error),
            },
        };
        match &outcome {
            Ok(_) => {
                pass.good(now());
                let output = progress.meter.count(true).usage.output;
                flight.done(now(), output);
            }
            Err(error) => {
                let fault = error.fault();
                if fault.kind.counts_against_deployment() {
                    deployment.failed(error);
                    pass.bad(now(), fault);
                    flight.failed(now());
                } else {
                    pass.neither();
                    flight.left(now());
                }
            }
        }
        outcome
    }

    fn head(&self, deployment: &Deployment, progress: &CallProgress, dropped: Vec<String>) -> Head {
        Head {
            call: progress.id.to_string(),
            deployment: deployment.id.clone(),
            reason: progress.reason.clone(),
            dropped,
            replayed: None,
        }
    }
}
