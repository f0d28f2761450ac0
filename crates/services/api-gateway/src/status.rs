//! What this installation is, as the console shows it. Asked of the peers at most every few seconds.

use std::time::Duration;

use moka::future::Cache;
use septet_contracts::gateway::{SandboxStatus, Status};
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_kernel::{Caller, ServiceName};
use tracing::warn;

/// Remembers the state of the installation for a moment.
pub(crate) struct StatusBoard {
    models: Models,
    sandbox: Sandbox,
    default_agent: String,
    cached: Cache<(), Status>,
}

const STATUS_TTL: Duration = Duration::from_secs(10);

impl StatusBoard {
    pub(crate) fn new(models: Models, sandbox: Sandbox, default_agent: String) -> Self {
        let cached = Cache::builder().max_capacity(1).time_to_live(STATUS_TTL).build();
        Self { models, sandbox, default_agent, cached }
    }

    /// The state now, or a few seconds ago. A peer that does not answer is named in it.
    pub(crate) async fn read(&self, caller: &Caller) -> Status {
        if let Some(status) = self.cached.get(&()).await {
            return status;
        }
        let status = self.ask(caller).await;
        // What is down may be up again at once.
        if status.down.is_empty() {
            self.cached.insert((), status.clone()).await;
        }
        status
    }

    async fn ask(&self, caller: &Caller) -> Status {
        let (models, doctor) = tokio::join!(self.models.list(caller), self.sandbox.doctor(caller));
        let mut down = Vec::new();
        let offline_model = match models {
            Ok(list) => {
                let mut chat = list.data.iter().filter(|model| model.septet.kind != "embedding");
                chat.all(|model| model.septet.offline)
            }
            Err(error) => {
                warn!(error.detail = %error, "the list of models is not there");
                down.push(ServiceName::ModelGateway);
                false
            }
        };
        let sandbox = match doctor {
            Ok(doctor) => Some(SandboxStatus { level: doctor.level, driver: doctor.driver }),
            Err(error) => {
                warn!(error.detail = %error, "the sandbox does not answer");
                down.push(ServiceName::SandboxRunner);
                None
            }
        };
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            offline_model,
            default_agent: self.default_agent.clone(),
            sandbox,
            down,
        }
    }
}
