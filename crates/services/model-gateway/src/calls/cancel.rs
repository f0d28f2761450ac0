//! Cancelling a call by its key: the request to the provider is dropped at once, and what was used is settled.
//!
//! A caller that disconnects may come back for the answer under the key; a cancel says that nobody will.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use septet_kernel::Caller;

use super::{Calls, Key};

/// How long a cancelled key begins no call: a request may still be on its way when the cancel overtakes it.
const CANCELLED_TTL_MS: i64 = 60_000;

/// The keys that were cancelled a moment ago.
#[derive(Default)]
pub(crate) struct Cancelled {
    at_ms: Mutex<HashMap<Key, i64>>,
}

impl Cancelled {
    /// Whether this key was cancelled within the last minute.
    pub(super) fn has(&self, key: &Key, now_ms: i64) -> bool {
        let at_ms = self.at_ms.lock().unwrap_or_else(PoisonError::into_inner);
        at_ms.get(key).is_some_and(|at| now_ms - at < CANCELLED_TTL_MS)
    }

    fn add(&self, key: Key, now_ms: i64) {
        let mut at_ms = self.at_ms.lock().unwrap_or_else(PoisonError::into_inner);
        at_ms.retain(|_, at| now_ms - *at < CANCELLED_TTL_MS);
        at_ms.insert(key, now_ms);
    }
}

impl Calls {
    /// Cancels the caller's call with this key; says whether it was running. A key that is cancelled begins no call for
    /// a minute.
    pub(crate) fn cancel(&self, caller: &Caller, key: String) -> bool {
        let key = (caller.tenant, key);
        // Under one lock with what begins a call, so that it either is found here or finds its key cancelled.
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.cancelled.add(key.clone(), self.clock.now_ms());
        let found = running.get(&key);
        if let Some(recording) = found {
            recording.cancel();
        }
        found.is_some()
    }
}
