//! Agent Core: the brain. It runs agents: asks the model, calls the tools it wants, and journals every step.
//!
//! ```text
//!   routes ── runs ── engine ── runner ── turn ──▶ model-gateway
//!                        │         ├──── tools ──▶ knowledge-engine, sandbox-runner
//!                     leases      journal
//!                        └────────┴─▶ store (journal) ──▶ feed ──▶ followers
//!   run/: event, state, decide, project: pure, no IO
//! ```
//!
//! - Intent is journaled before an effect begins, a result before it is shown, and every tool call has exactly one
//!   output.
//! - A run belongs to one process by a lease whose epoch is checked in every append; killed at any moment, it goes on
//!   elsewhere or after a restart and repeats no finished step.
//! - A client that goes away cancels nothing. Only a cancel does.
//! - What a client sees is a pure projection of the journal, so reconnecting at any event gives the same rest.
//!
//! It parses no documents, runs no code and counts no money.

mod config;
mod engine;
mod error;
mod feed;
mod gone;
mod journal;
mod migration;
mod owner;
mod prompt;
mod routes;
pub mod run;
mod runner;
mod runs;
mod store;
mod tools;
mod turn;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use septet_blobs::Blobs;
use septet_chassis::{Platform, Service, Shares};
use septet_contracts::knowledge::Knowledge;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_database::Database;
use septet_kernel::{RequestId, ServiceName};
use tokio::sync::Notify;

pub use config::Config;
pub use error::Error;

use crate::engine::Engine;
use crate::feed::Feed;
use crate::runs::Runs;
use crate::store::Store;

/// Opens Agent Core and takes up the runs that a process before left behind.
///
/// # Errors
/// When the settings are inconsistent or the tables cannot be brought up to date.
pub async fn open(config: Config, platform: &Platform, database: Database, blobs: Blobs) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg)?;
    database.migrate::<migration::Migrator>().await?;
    let transport = |name| platform.directory.transport(name);
    let owner: RequestId = platform.ids.next();
    let n_places = config.max_active_runs;
    let engine = Arc::new(Engine {
        config,
        store: Store::new(database),
        blobs,
        feed: Feed::default(),
        clock: platform.clock.clone(),
        ids: platform.ids.clone(),
        management: Management::new(transport(ServiceName::Management)),
        models: Models::new(transport(ServiceName::ModelGateway)),
        knowledge: Knowledge::new(transport(ServiceName::KnowledgeEngine)),
        sandbox: Sandbox::new(transport(ServiceName::SandboxRunner)),
        owner: owner::name(owner),
        lifecycle: platform.lifecycle.clone(),
        active: Mutex::new(HashMap::new()),
        wake: Notify::new(),
        places: Shares::new(n_places),
        queued: Mutex::default(),
    });
    engine.start();
    Ok(Service::internal(ServiceName::AgentCore, routes::routes(Runs::new(engine))))
}
