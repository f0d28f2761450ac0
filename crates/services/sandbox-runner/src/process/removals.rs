//! Control groups that could not be removed yet, because the kernel was still taking down a process in them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use septet_chassis::Lifecycle;
use tokio::runtime::Handle;

/// Between two tries to remove what could not be removed at once.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);
const N_TRIES: usize = 250;

/// Cheap to clone; all clones are one list.
#[derive(Clone)]
pub(super) struct Removals {
    lifecycle: Lifecycle,
    left: Arc<Mutex<Left>>,
}

#[derive(Default)]
struct Left {
    folders: Vec<PathBuf>,
    /// Whether a task tries them again.
    is_tried: bool,
}

impl Removals {
    pub(super) fn new(lifecycle: Lifecycle) -> Self {
        Self { lifecycle, left: Arc::default() }
    }

    /// Removes a folder, now or later.
    pub(super) fn remove(&self, folder: PathBuf) {
        let mut left = self.left();
        left.folders.push(folder);
        // The others get another chance with it. Without a run-time, this process is about to end.
        if !left.try_again() && !left.is_tried && Handle::try_current().is_ok() {
            left.is_tried = true;
            let removals = self.clone();
            self.lifecycle.spawn("remove control groups", async move { removals.keep_trying(true).await });
        }
    }

    /// Waits until all are gone, within reason. What is left then is tried with the next one, and by the next start.
    pub(super) async fn finish(&self) {
        self.keep_trying(false).await;
    }

    async fn keep_trying(&self, is_the_task: bool) {
        for n in 1..=N_TRIES {
            {
                let mut left = self.left();
                if left.try_again() || n == N_TRIES {
                    left.is_tried &= !is_the_task;
                    return;
                }
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// Whether all are gone.
    fn try_again(&mut self) -> bool {
        self.folders.retain(|folder| std::fs::remove_dir(folder).is_err() && folder.exists());
        self.folders.is_empty()
    }
}
