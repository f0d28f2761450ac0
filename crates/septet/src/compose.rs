//! Puts the services together: all seven in one process, or some of them with the others elsewhere.
//!
//! It is a table: each service is opened with what it needs, plugged into the directory, and the public one is put
//! behind a listener. A service that runs elsewhere is an address in the same directory, and nothing else differs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use septet_blobs::Blobs;
use septet_chassis::http::Surface;
use septet_chassis::{Lifecycle, Platform, Service, http};
use septet_database::Database;
use septet_kernel::{Clock, ServiceName};
use septet_management::FirstStart;
use septet_queue::Queue;
use tokio::net::TcpListener;

use crate::config::Config;

/// How long open requests and tasks may take at shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// Where the services of this process listen.
#[derive(Default)]
pub struct Listeners {
    /// For strangers; only the API gateway uses it.
    pub public: Option<TcpListener>,
    /// For peers in other processes.
    pub internal: BTreeMap<ServiceName, TcpListener>,
}

/// A running platform, or a part of one.
pub struct Running {
    /// Where strangers reach it, when the API gateway is part of it.
    pub public: Option<SocketAddr>,
    /// The administrator that was made, at the very first start.
    pub first_start: Option<FirstStart>,
    /// What the services run on.
    pub platform: Platform,
    database: Database,
}

/// Opens the named services and starts them.
///
/// # Errors
/// When a store cannot be opened or a service cannot start; nothing is left running then.
pub async fn start(
    config: &Config,
    names: &[ServiceName],
    secret: &SecretString,
    mut listeners: Listeners,
) -> anyhow::Result<Running> {
    let platform = Platform::new(secret, Clock::system()).with_lifecycle(Lifecycle::held());
    let database =
        Database::open(config.stores.database.as_deref().context("stores.database is not resolved")?).await?;
    let blobs = Blobs::open(config.stores.blobs.as_deref().context("stores.blobs is not resolved")?)?;
    let mut first_start = None;
    let mut public = None;
    for name in ServiceName::ALL {
        if !names.contains(&name) {
            let authorization = config.peer_authorization(name)?;
            let plugged = platform.directory.plug_remote(name, &config.peer(name), authorization);
            plugged.with_context(|| format!("peers.{name}"))?;
            continue;
        }
        let service = open(name, config, &platform, &database, &blobs, &mut first_start)
            .await
            .with_context(|| format!("{name} cannot start"))?;
        let surface = service.surface;
        let router = service.into_router(&platform);
        platform.directory.plug_local(name, router.clone());
        let listener = match surface {
            Surface::Public => listeners.public.take(),
            Surface::Internal => listeners.internal.remove(&name),
        };
        if let Some(listener) = listener {
            let listening = match surface {
                Surface::Public => config.listen.public_listening(&config.gateway)?,
                Surface::Internal => http::Listening::for_peers(),
            };
            let address = http::serve_with(listener, router, listening, &platform.lifecycle)?;
            if surface == Surface::Public {
                public = Some(address);
            }
        }
    }
    platform.lifecycle.begin();
    Ok(Running { public, first_start, platform, database })
}

async fn open(
    name: ServiceName,
    config: &Config,
    platform: &Platform,
    database: &Database,
    blobs: &Blobs,
    first_start: &mut Option<FirstStart>,
) -> anyhow::Result<Service> {
    let (database, blobs) = (database.clone(), blobs.clone());
    match name {
        ServiceName::ApiGateway => septet_api_gateway::open(config.gateway.clone(), platform, database, blobs).await,
        ServiceName::ModelGateway => septet_model_gateway::open(config.models.clone(), platform, database).await,
        ServiceName::AgentCore => septet_agent_core::open(config.agents.clone(), platform, database, blobs).await,
        ServiceName::KnowledgeEngine => {
            septet_knowledge_engine::open(config.knowledge.clone(), platform, database, blobs).await
        }
        ServiceName::SandboxRunner => {
            septet_sandbox_runner::open(config.sandbox.clone(), platform, database, blobs).await
        }
        ServiceName::AsyncWorker => {
            let queue = Queue::open(database, platform.clock.clone(), platform.ids.clone()).await?;
            septet_async_worker::open(config.worker.clone(), platform, queue).await
        }
        ServiceName::Management => {
            let (service, made) = septet_management::open(config.management.clone(), platform, database).await?;
            *first_start = made;
            Ok(service)
        }
    }
}

impl Running {
    /// The database, for commands that manage it directly.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Stops: no new requests, open ones and tasks are finished, what takes too long is dropped.
    pub async fn stop(self) {
        self.platform.lifecycle.finish(GRACE).await;
        if let Err(error) = self.database.close().await {
            tracing::warn!(error.detail = %error, "database did not close cleanly");
        }
    }
}
