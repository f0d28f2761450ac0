//! A call while it is new: room in every budget, then one deployment after another, until one shows its first bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use septet_kernel::Caller;
use septet_routing::{FaultKind, Retry, Step, Walk};
use tracing::{debug, info};

use super::progress::CallProgress;
use super::stream::terminal;
use super::{CALL_SHUTDOWN_TIMEOUT, Calls};
use crate::call::ModelCall;
use crate::error::Error;
use crate::quota::{Reservation, Who};
use crate::recording::{Head, Piece, Sink};
use crate::registry::Plan;

impl Calls {
    /// Makes an answer and sees it to its record.
    pub(super) async fn live(&self, caller: &Caller, call: &ModelCall, sink: &Sink) {
        let mut progress = CallProgress::new(call, caller, self.ids.next(), &self.clock);
        let stopping = self.lifecycle.stopping();
        let outcome = tokio::select! {
            outcome = self.answer(caller, call, sink, &mut progress) => outcome,
            unwanted = sink.unwanted() => Err(unwanted),
            () = async { stopping.cancelled().await; tokio::time::sleep(CALL_SHUTDOWN_TIMEOUT).await } => Err(Error::Stopping),
        };
        let (last, outcome) = match outcome {
            Ok(last) => (last, Ok(())),
            // The client has received the beginning, so the failure is reported in its own protocol.
            Err(error) if progress.has_shown => (terminal(call.dialect(), &error), Err(error)),
            Err(error) => (Bytes::new(), Err(error)),
        };
        let settled = self.settle(caller, call, sink, &last, progress, outcome).await;
        // A reader that has left needs no ending.
        if !last.is_empty() {
            let _left = sink.push(Piece::Bytes(last)).await;
            sink.end(None).await;
        } else {
            sink.end(settled.err()).await;
        }
    }

    /// Reserves, and asks until there is an answer. Gives the last bytes, which are shown after the record is safe.
    async fn answer(
        &self,
        caller: &Caller,
        call: &ModelCall,
        sink: &Sink,
        progress: &mut CallProgress,
    ) -> Result<Bytes, Error> {
        let plan = Arc::new(self.registry.plan(&call.model, call.kind()).await?);
        progress.plan = Some(Arc::clone(&plan));
        progress.gathered = crate::cache::is_wanted(call, &plan).then(BytesMut::new);
        progress.route = plan.is_route.then(|| plan.name.clone());
        if progress.context.model.is_empty() {
            progress.context.model.clone_from(&plan.name);
        }
        if let Some(cached) = self.cache.get(caller.tenant, call, &plan).await {
            progress.is_cached = true;
            let head = Head { deployment: cached.deployment.clone(), replayed: Some("cached"), ..Head::default() };
            sink.push(Piece::Head(head)).await.map_err(|_left| Error::CallerLeft)?;
            return Ok(cached.body.clone());
        }
        self.recorder.check_room()?;
        progress.reservation = self.reserve(caller, call, &plan).await?;
        let mut rng = SmallRng::from_rng(&mut rand::rng());
        let mut failed = None;
        for (at, stage) in plan.stages.iter().enumerate() {
            let called = (at == 0 && plan.is_route).then_some(plan.name.as_str());
            let judged = self.judge(call, caller.tenant, called, stage).await;
            progress.difficulty = judged.as_ref().filter(|_| called.is_some()).and_then(|judged| judged.score);
            let choice = self.order(call, caller.tenant, &plan.name, stage, judged.as_ref(), &mut rng);
            progress.reason = choice.reason.to_string();
            let mut walk = Walk::new(&choice, Retry { n: plan.route.retries, ..Retry::default() });
            let mut step = walk.first();
            while let Step::Try { index, pause } = step {
                let Some(member) = stage.members.get(index) else { break };
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                let error = match self.attempt(caller, call, &plan, member, sink, progress).await {
                    Ok(last) => return Ok(last),
                    Err(error) => error,
                };
                if progress.has_shown {
                    return Err(error);
                }
                let fault = error.fault();
                step = walk.after(&fault, &mut rng);
                if let Step::Try { .. } = step {
                    debug!(
                        deployment = member.deployment.id,
                        error.code = septet_kernel::Failure::code(&error),
                        "model call failed, trying again"
                    );
                }
                if failed.as_ref().is_none_or(|before| error.hides(before)) {
                    failed = Some(error);
                }
            }
            // A request that every provider would refuse is not tried on the next route.
            if failed.as_ref().is_some_and(|error| error.fault().kind == FaultKind::Refused) {
                break;
            }
            if plan.stages.len() > 1 {
                info!(route = plan.name, "no deployment of this stage answered, falling back");
            }
        }
        Err(failed.unwrap_or_else(|| Error::AllOpen {
            name: plan.name.clone(),
            last: String::new(),
            stays: None,
            retry_after_ms: None,
        }))
    }

    async fn reserve(&self, caller: &Caller, call: &ModelCall, plan: &Plan) -> Result<Option<Reservation>, Error> {
        if self.quota.is_empty() {
            return Ok(None);
        }
        let who = Who {
            caller,
            key: call.service_key.as_ref().map(|key| key.grant.name.as_str()),
            group: call.service_key.as_ref().and_then(|key| key.grant.group.as_deref()),
        };
        let worst = super::worst::case(caller.tenant, call, plan);
        let id = self.ids.next::<septet_kernel::RecordId>().to_string();
        self.quota.reserve(&who, id, worst, &self.clock).await
    }
}
