//! Background work that shutdown waits for.
//!
//! Shutdown is asked for once and then has two steps: *stopping* (finish what is begun, start nothing) and, after a
//! grace period, *aborting*. A plain `tokio::spawn` knows neither, which is why clippy refuses it elsewhere.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Starts tasks and stops them. Cheap to clone.
#[derive(Clone)]
pub struct Lifecycle {
    begun: CancellationToken,
    stopping: CancellationToken,
    aborting: CancellationToken,
    tasks: TaskTracker,
}

impl Default for Lifecycle {
    /// A lifecycle whose tasks run at once.
    fn default() -> Self {
        let lifecycle = Self::held();
        lifecycle.begin();
        lifecycle
    }
}

impl Lifecycle {
    /// A lifecycle whose tasks wait for [`Lifecycle::begin`]: while services are being opened, some of their peers are
    /// not there yet.
    #[must_use]
    pub fn held() -> Self {
        Self {
            begun: CancellationToken::new(),
            stopping: CancellationToken::new(),
            aborting: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Lets the tasks run, those spawned before and those to come.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// Starts a task. It should watch [`Lifecycle::stopping`]; when it does not end in the grace period it is dropped
    /// at its next await.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (begun, aborting) = (self.begun.clone(), self.aborting.clone());
        let task = async move {
            begun.cancelled().await;
            task.await;
        };
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => debug!(task.name = name, "task ended"),
                () = aborting.cancelled() => warn!(task.name = name, "task aborted at shutdown"),
            }
        })
    }

    /// Cancelled when shutdown begins.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Begins shutdown; returns at once.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Begins shutdown, waits up to `grace` for the tasks, then aborts what is left.
    pub async fn finish(&self, grace: Duration) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.aborting.cancel();
            self.tasks.wait().await;
        }
    }
}
