//! Wakes whoever follows a run when its journal has grown. It carries no events: readers always read the journal, so
//! nobody can be shown what is not durable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use septet_kernel::ResponseId;
use tokio::sync::watch;

/// The wake-up calls of all runs in this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    runs: Arc<Mutex<HashMap<ResponseId, watch::Sender<u64>>>>,
}

impl Feed {
    /// Tells that the journal of a run now has `n_events`.
    pub(crate) fn grown(&self, run: ResponseId, n_events: u64) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = runs.get(&run) {
            sender.send_replace(n_events);
        }
    }

    /// A receiver that changes whenever the journal of the run grows in this process.
    pub(crate) fn follow(&self, run: ResponseId) -> watch::Receiver<u64> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        // Runs that nobody follows any more are forgotten here, where the map is locked anyway.
        runs.retain(|_, sender| sender.receiver_count() > 0);
        runs.entry(run).or_insert_with(|| watch::channel(0).0).subscribe()
    }
}
