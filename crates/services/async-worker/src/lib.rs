//! The async worker: long work that outlives the request that asked for it.
//!
//! ```text
//!   POST /jobs ──► jobs ──► queue (worker_jobs) ◄── worker: claim, at most `concurrency`
//!   services, people                                  └► run: POST /jobs/run of the owner, NDJSON of JobEvent
//!                                                          ├ keeper: renews the lease every third of it
//!                                                          └ settle: done · retry · dead · cancelled · given back
//! ```
//!
//! - It knows no kind of job: the service that owns a kind does the work, in its own process.
//! - A job that was accepted is durable. It is delivered at least once, and held by one worker at a time.
//! - Whatever happens to a worker, its job goes on elsewhere: at once after an orderly stop, or after a kill of the
//!   process of the same data folder; when the lease ends otherwise.
//! - A job runs with the rights of whoever asked for it, as far as they still have them; nothing runs with more because it
//!   runs later.
//! - A dead job is never forgotten by itself.

mod config;
mod error;
mod instance;
mod jobs;
mod metrics;
mod notices;
mod rights;
mod routes;
mod run;
mod worker;

use anyhow::Context;
use septet_chassis::{Platform, Service};
use septet_kernel::ServiceName;
use septet_queue::Queue;

pub use config::Config;
pub use error::Error;

use crate::instance::Instance;
use crate::jobs::Jobs;
use crate::notices::Notices;
use crate::worker::Worker;

/// Opens the async worker on the queue and starts claiming jobs.
///
/// # Errors
/// When the settings cannot work, the instance file cannot be written, or the database does not let us.
pub async fn open(config: Config, platform: &Platform, queue: Queue) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg).context("the settings of the async worker cannot work")?;
    let mut instance = match &config.instance_file {
        None => Instance::anonymous(&platform.ids),
        Some(path) => Instance::of_folder(path, &platform.ids)
            .with_context(|| format!("failed to open the instance file {}", path.display()))?,
    };
    if let Some(predecessor) = instance.predecessor.take() {
        let n_jobs =
            queue.recover_lost(&predecessor).await.context("failed to take over the jobs of the last process")?;
        if n_jobs > 0 {
            tracing::info!(n_jobs, "the last process ended in the middle of these jobs, they start again");
        }
    }
    instance.take_over().context("failed to write the instance file")?;
    let notices = Notices::new(platform.directory.clone(), platform.ids.clone());
    let router = routes::routes(Jobs::new(queue.clone(), notices.clone()));
    Worker::new(config, queue, notices, platform).start(instance);
    Ok(Service::internal(ServiceName::AsyncWorker, router))
}
