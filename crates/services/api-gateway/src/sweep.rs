//! Sweeps the blob store: what no service names any more is deleted.
//!
//! The gateway does it, for uploads come through it and it reaches every service. A blob goes when its bytes were put
//! longer ago than the grace, and when all services that keep blobs have said in two sweeps, one after the other, that
//! no row of theirs names it. A service that does not answer ends the sweep, and in a folder that belongs to another
//! database there is none: nothing is deleted unless every owner was asked. Nothing is remembered but which blobs
//! nobody named last time, so a sweep that is killed costs nothing but the time until the next but one.

use std::collections::HashSet;
use std::time::Duration;

use septet_contracts::blobs::{BlobsAsked, BlobsHeld, HELD, N_ASKED_MAX};
use septet_contracts::call::CallError;
use septet_kernel::{BlobId, Caller, ServiceName};
use tracing::{error, info, warn};

use crate::gateway::App;

/// Who keeps ids of blobs in its rows.
const HOLDERS: [ServiceName; 3] = [ServiceName::KnowledgeEngine, ServiceName::SandboxRunner, ServiceName::AgentCore];

/// A sweep rests this part of the time between two after each folder, and so takes a quarter of it: the disk and the services
/// that are asked have something else to do.
const PAUSE_DIVISOR: u32 = 4 * septet_blobs::N_FOLDERS as u32;

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0} did not say which blobs it needs")]
    Holder(ServiceName, #[source] CallError),
    #[error("the blob store cannot be looked through")]
    Blobs(#[from] septet_blobs::Error),
}

/// Sweeps for as long as the gateway runs.
pub(crate) async fn sweep_blobs(app: App, installation: String) {
    let stopping = app.lifecycle.stopping();
    let every = Duration::from_secs(app.config.blob_sweep_s.into());
    let mut unnamed = HashSet::new();
    // The folder belongs to the installation that used it first, not to the one that sweeps first.
    if let Err(error) = app.blobs.claim(&installation).await {
        report(&Error::Blobs(error));
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stopping.cancelled() => return,
        }
        let swept = tokio::select! {
            swept = sweep(&app, &installation, &unnamed, every / PAUSE_DIVISOR) => swept,
            () = stopping.cancelled() => return,
        };
        match swept {
            Ok(still_unnamed) => unnamed = still_unnamed,
            Err(error) => {
                report(&error);
                unnamed.clear();
            }
        }
    }
}

fn report(error: &Error) {
    let causes = septet_kernel::causes(error);
    match error {
        Error::Blobs(septet_blobs::Error::Foreign { .. }) => error!(error.detail = %causes, "blobs are not swept"),
        Error::Holder(..) | Error::Blobs(_) => warn!(error.detail = %causes, "blobs were not swept; it is tried again"),
    }
}

/// Deletes what nobody names now and nobody named before. Returns what nobody names now.
async fn sweep(
    app: &App,
    installation: &str,
    unnamed_before: &HashSet<BlobId>,
    rest: Duration,
) -> Result<HashSet<BlobId>, Error> {
    app.blobs.claim(installation).await?;
    // Several gateways on one store need not all look through it.
    let Some(lock) = app.blobs.lock_sweep().await? else { return Ok(HashSet::new()) };
    let before_ms = app.clock.now_ms() - i64::from(app.config.blob_grace_s) * 1000;
    let (mut unnamed, mut n_deleted) = (HashSet::new(), 0_u64);
    let mut n_bytes = app.blobs.remove_unfinished(&lock, before_ms).await?;
    for folder in 0..septet_blobs::N_FOLDERS {
        let aged = app.blobs.aged(folder, before_ms).await?;
        for some in aged.chunks(N_ASKED_MAX) {
            for blob in named_by_nobody(app, some).await? {
                if !unnamed_before.contains(&blob) {
                    unnamed.insert(blob);
                    continue;
                }
                n_bytes += app.blobs.delete_aged(&lock, &blob, before_ms).await?;
                n_deleted += 1;
            }
        }
        tokio::time::sleep(rest).await;
    }
    if n_bytes > 0 || n_deleted > 0 {
        info!(blobs.n_deleted = n_deleted, blobs.bytes = n_bytes, "blobs that nobody needs were deleted");
    }
    Ok(unnamed)
}

async fn named_by_nobody(app: &App, blobs: &[BlobId]) -> Result<HashSet<BlobId>, Error> {
    let mut left: HashSet<BlobId> = blobs.iter().cloned().collect();
    let caller = Caller::background(app.ids.next(), app.ids.next());
    for service in HOLDERS {
        if left.is_empty() {
            break;
        }
        let asked = BlobsAsked { blobs: left.iter().cloned().collect() };
        let answer = app.peer(service).post(&caller, HELD, &asked).answer::<BlobsHeld>().await;
        for blob in answer.map_err(|source| Error::Holder(service, source))?.held {
            left.remove(&blob);
        }
    }
    Ok(left)
}
