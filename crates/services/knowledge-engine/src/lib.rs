//! The knowledge engine: files become passages that a model can be shown and a citation can point at.
//!
//! ```text
//!   blob ──► parse (child process) ──► layout ──► structure ──► chunk ──► passages (table, the truth)
//!            one file each, limited    rows       blocks                     │ numbered changes
//!                                                                            ▼
//!                                                                     followers: indexes (derived)
//!   questions ──► words (BM25, tantivy) ┐
//!             ──► vectors (exact scan)  ┴─► fuse ──► passages with page and place
//! ```
//!
//! - **Invariant:** no file is parsed in the service's own process.
//! - **Invariant:** a passage never crosses a page, except where a paragraph does.
//! - **Invariant:** every index is derived; whenever it disagrees with the passage table it is built anew, without asking a
//!   model for what is kept.
//! - **Invariant:** every query names a tenant.
//!
//! Knowledge bases as such (name, metadata) are rows of Management; this service hangs files on them. Deleting a file
//! leaves its bytes in the blob store, for other rows may name the same content; the gateway sweeps what no row names.

mod access;
pub mod change_feed;
pub mod chunk;
mod config;
pub mod document;
mod engine;
mod error;
mod filter;
mod follow;
pub mod index;
mod ingest;
mod jobs;
pub mod layout;
mod migration;
pub mod parse;
mod routes;
pub mod rows;
mod search;
mod store;
pub mod structure;
pub mod text;
mod unfinished;

use std::sync::Arc;

use anyhow::Context;
use septet_blobs::Blobs;
use septet_chassis::{Platform, Service, Shares};
use septet_contracts::jobs::Jobs;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_database::Database;
use septet_kernel::ServiceName;

pub use config::Config;
pub use error::Error;
pub use parse::parse_main;

use engine::Engine;
use follow::Followed;
use index::Index;
use index::vectors::Vectors;
use index::words::Words;
use store::Store;

/// Opens the service: brings its tables up to date, opens the index and lets it catch up in the background.
///
/// # Errors
/// When the settings make no sense, or the database or the folder of the index cannot be used.
pub async fn open(config: Config, platform: &Platform, database: Database, blobs: Blobs) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg)?;
    database.migrate(&migration::MIGRATIONS).await.context("the tables of the knowledge engine")?;
    let store = Store::new(database, platform.clock.clone(), platform.ids.clone());
    store.ensure_state().await?;
    let folder = config.index_folder.clone();
    let index = Arc::new(platform.cpu.run(move || Index::open(&folder)).await??);
    let mut followers = vec![Followed::new(Words::new(Arc::clone(&index), platform.cpu.clone()))];
    let mut vectors = None;
    if !config.embedding_model.is_empty() {
        let (folder, model, cpu) =
            (config.index_folder.join("vectors"), config.embedding_model.clone(), platform.cpu.clone());
        let opened = platform.cpu.run(move || Vectors::open(&folder, &model, cpu)).await??;
        followers.push(Followed::new(opened.clone()));
        vectors = Some(opened);
    }
    match config.pdfium_found() {
        Some(path) => tracing::info!(pdfium.path = %path.display(), "reading PDFs through libpdfium"),
        None => tracing::warn!(
            "libpdfium was not found, PDFs are read by a slower reader that is weaker at tables; runtime/pdfium.sh installs it"
        ),
    }
    let directory = &platform.directory;
    let engine = Arc::new(Engine {
        reader: config.reader().context("the command that reads files")?,
        readings: Shares::new(config.n_concurrent_readings),
        vectors,
        followers,
        management: Management::new(directory.transport(ServiceName::Management)),
        jobs: Jobs::new(directory.transport(ServiceName::AsyncWorker)),
        models: Models::new(directory.transport(ServiceName::ModelGateway)),
        index,
        cpu: platform.cpu.clone(),
        ids: platform.ids.clone(),
        lifecycle: platform.lifecycle.clone(),
        config,
        store,
        blobs,
    });
    let stopping = platform.lifecycle.stopping();
    let recovering = Arc::clone(&engine);
    platform.lifecycle.spawn("look after unfinished files", async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = unfinished::look_after(&recovering) => {}
        }
    });
    Ok(Service::internal(ServiceName::KnowledgeEngine, routes::routes(engine)))
}
