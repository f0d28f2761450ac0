//! The money of an attempt: kept back before the provider is asked.

use septet_kernel::Caller;
use tracing::debug;

use super::progress::CallProgress;
use super::{Calls, worst};
use crate::call::ModelCall;
use crate::config::ModelKind;
use crate::deployment::Deployment;
use crate::error::Error;

impl Calls {
    /// Makes sure that an attempt at a deployment is paid for. What was kept back for an attempt before this one that
    /// cost nothing is used again where it is enough.
    ///
    /// As long as nobody knows how the deployment counts, the calls of one prepaid tenant go one after the other: one
    /// call that costs more than was kept back is a small overdraft, fifty at once would be a large one.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`] when the tenant's account does not cover it; [`Error::Accounts`] when nobody can
    /// say.
    pub(super) async fn secure(
        &self,
        caller: &Caller,
        call: &ModelCall,
        deployment: &Deployment,
        progress: &mut CallProgress,
    ) -> Result<(), Error> {
        // A client with a key of the settings has a budget and no account.
        if call.service_key.is_some() {
            return Ok(());
        }
        progress.turn = None;
        loop {
            let Some(need) = worst::need(caller.tenant, call, deployment) else {
                if let Some(funds) = progress.funds.take() {
                    funds.release().await;
                }
                return Ok(());
            };
            let has_enough = progress.funds.as_ref().is_some_and(|funds| funds.granted_nano() >= need.most);
            if !has_enough {
                if let Some(funds) = progress.funds.take() {
                    funds.release().await;
                }
                let Some(funds) = self.accounts.open(caller).await else { return Ok(()) };
                // Stored before the request is sent, so that the hold is released if this future is dropped.
                let funds = progress.funds.insert(funds);
                if !funds.reserve(need.most, need.least, call.run.as_deref()).await? {
                    progress.funds = None;
                    return Ok(());
                }
            }
            if deployment.excess.is_known() || progress.turn.is_some() {
                return Ok(());
            }
            progress.turn = self.accounts.turn(caller.tenant, &deployment.id).await;
            if progress.turn.is_none() {
                debug!(deployment = deployment.id, "the first call takes long, going on beside it");
                return Ok(());
            }
            if deployment.excess.is_known() {
                progress.turn = None;
            }
        }
    }

    /// Whether a tenant may begin a call to a model: it costs nothing at one of its deployments, or there is money left.
    ///
    /// # Errors
    /// [`Error::InsufficientBalance`], [`Error::NoModel`].
    pub(crate) async fn affords(&self, caller: &Caller, model: &str) -> Result<(), Error> {
        let plan = self.registry.plan(model, ModelKind::Chat).await?;
        let mut members = plan.stages.iter().flat_map(|stage| &stage.members);
        if members.any(|member| worst::is_free(caller.tenant, &member.deployment)) {
            return Ok(());
        }
        self.accounts.has_funds(caller).await
    }

    /// How long an answer may be by what was kept back for it; `None` where nothing need be said of that.
    pub(super) fn cap(&self, call: &ModelCall, deployment: &Deployment, progress: &CallProgress) -> Option<u64> {
        let funds = progress.funds.as_ref()?;
        worst::cap(progress.tenant, call, deployment, funds.granted_nano())
    }
}
