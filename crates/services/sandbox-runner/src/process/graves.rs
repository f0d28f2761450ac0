//! Control groups that could not be removed yet, because the kernel was still taking down a process in them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// At the end of the driver they are tried this often and this long.
const PAUSE: Duration = Duration::from_millis(20);
const N_PAUSES: usize = 250;

/// Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Graves(Arc<Mutex<Vec<PathBuf>>>);

impl Graves {
    /// Removes a folder, now or later.
    pub(super) fn bury(&self, folder: PathBuf) {
        let mut folders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        folders.push(folder);
        // The others get another chance with it.
        folders.retain(|folder| std::fs::remove_dir(folder).is_err() && folder.exists());
    }

    /// Waits until all are gone, within reason. What is left then is swept by the next start.
    pub(super) async fn close(&self) {
        for _ in 0..N_PAUSES {
            {
                let mut folders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                folders.retain(|folder| std::fs::remove_dir(folder).is_err() && folder.exists());
                if folders.is_empty() {
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
