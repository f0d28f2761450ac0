//! With which rights a job runs: those of whoever asked for it, as far as they still have them.
//!
//! A job keeps its requester's role of the moment when it was asked for. Before every attempt Management is asked what the
//! requester may do now, and the lesser of the two holds: a promotion gives an old job nothing, a demotion takes from it.
//! Where the person, the key or the whole tenant was locked out meanwhile, the job is not run. It is a dead letter then,
//! which a person can start again once access is given back. A key that merely ran out was good when the job was taken.
//!
//! A job that a service asked for in its tenant's name has no person behind it and keeps the role that it came with.

use std::time::Duration;

use septet_contracts::call::CallError;
use septet_contracts::management::Management;
use septet_kernel::{Caller, Ids, Kind, ServiceName};
use septet_queue::{Failed, Job, Requester};
use tokio::time::timeout;

/// Asks Management. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rights {
    management: Management,
    ids: Ids,
}

/// Why a job cannot run with rights now.
#[derive(Debug)]
pub(crate) enum NoRights {
    /// Whoever asked may not come in any more.
    Lost(Failed),
    /// Management cannot say.
    Unknown(Failed),
}

/// The caller that stands for the requester as it was, whatever became of it: for news, not for work.
pub(crate) fn kept(job: &Job, ids: &Ids) -> Caller {
    let Requester { user, key, role } = job.requester;
    Caller { user, key, role, ..Caller::background(job.tenant, ids.next()) }
}

impl Rights {
    pub(crate) fn new(management: Management, ids: Ids) -> Self {
        Self { management, ids }
    }

    /// The caller as which the job may run now.
    ///
    /// # Errors
    /// [`NoRights`]; also when Management takes longer than `within`.
    pub(crate) async fn now(&self, job: &Job, within: Duration) -> Result<Caller, NoRights> {
        timeout(within, self.ask(job)).await.unwrap_or_else(|_elapsed| {
            let message = "management took too long to say what whoever asked for this may do".to_owned();
            Err(NoRights::Unknown(Failed { code: "rights_unknown".to_owned(), message }))
        })
    }

    async fn ask(&self, job: &Job) -> Result<Caller, NoRights> {
        let kept = kept(job, &self.ids);
        // The worker's own question: what it may see says nothing about what the job may do.
        let worker = Caller::background(job.tenant, self.ids.next());
        let Some(user) = kept.user else {
            let tenant = self.management.tenant(&worker, job.tenant).await.map_err(|error| failed(&error, "tenant"))?;
            return if tenant.disabled { Err(lost("tenant")) } else { Ok(kept) };
        };
        let standing = self.management.active_user(&worker, user).await.map_err(|error| failed(&error, "person"))?;
        if let Some(key) = kept.key {
            let key = self.management.key(&worker, key).await.map_err(|error| failed(&error, "API key"))?;
            if key.revoked_at.is_some() {
                return Err(lost("API key"));
            }
        }
        Ok(Caller { role: kept.role.min(standing.user.role), ..kept })
    }
}

fn failed(error: &CallError, who: &str) -> NoRights {
    if error.kind == Kind::NotFound && error.service == ServiceName::Management {
        return lost(who);
    }
    NoRights::Unknown(Failed { code: error.code.clone(), message: error.detail.clone() })
}

fn lost(who: &str) -> NoRights {
    let message = format!("the {who} that asked for this was locked out or removed before it could run");
    NoRights::Lost(Failed { code: "rights_lost".to_owned(), message })
}
