//! Management: the control plane. Whatever a person configures lives here: tenants, users, roles, API keys, agents,
//! prompts, knowledge bases.
//!
//! ```text
//!   routes ──► verbs (one file per noun) ──► store: Scope, the only way to a row ──► management_* tables
//!                │ permission · fields            └ Installation: before or above any tenant
//!                └ password, secret
//! ```
//!
//! - It creates, reads, changes, removes and authorises, and nothing else: no model, no document, no queue.
//! - A row is reached only through a scope of one tenant.
//! - A password is kept as an Argon2id hash, an API key as a SHA-256; neither is ever logged.
//! - A tenant always has an owner who can sign in.
//! - A version of a prompt never changes.

mod agents;
mod check;
mod config;
mod error;
mod identity;
mod keys;
mod knowledge_bases;
mod management;
mod mapping;
mod migration;
mod password;
mod prompts;
mod roles;
mod routes;
mod secret;
mod seeds;
mod store;
mod tenants;
mod users;

use anyhow::Context;
use septet_chassis::{Platform, Service};
use septet_contracts::agents::Agents;
use septet_database::Database;
use septet_kernel::ServiceName;

pub use config::Config;
pub use error::Error;
pub use management::Management;
pub use seeds::FirstStart;

/// Opens Management on its tables. At the very first start it also makes an administrator, whose generated password
/// comes back to be printed once.
///
/// # Errors
/// When the settings cannot work or the database does not let us.
pub async fn open(
    config: Config,
    platform: &Platform,
    database: Database,
) -> anyhow::Result<(Service, Option<FirstStart>)> {
    config.check().map_err(anyhow::Error::msg).context("the settings of management cannot work")?;
    database.migrate(&migration::MIGRATIONS).await.context("failed to prepare the tables of management")?;
    let management = Management::new(database, platform.clock.clone(), platform.ids.clone()).await?;
    let management = management.with_agents(Agents::new(platform.directory.transport(ServiceName::AgentCore)));
    let first_start = seeds::first_start(&management, &config).await.context("failed to fill a new installation")?;
    if first_start.is_some() {
        tracing::info!("first start: made the home tenant, its administrator and its agents");
    }
    Ok((Service::internal(ServiceName::Management, routes::routes(management)), first_start))
}
