//! A pod that a session uses. Letting go of it deletes it.

use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::pod::PORT;
use super::pool::Pool;

/// Longer than it takes to find out why a pod is over.
const VERDICT: Duration = Duration::from_secs(10);

/// What is deleted at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    /// A job of the same name, and its pod with it.
    Job,
}

/// What the pool remembers of a hold.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) kind: Kind,
    /// Whether the API has said that it is ours: before that its absence means nothing.
    pub(super) is_placed: bool,
    pub(super) lost: CancellationToken,
    pub(super) address: Option<SocketAddr>,
}

/// A pod, from just before we ask for it until nobody needs it.
pub(super) struct Hold {
    pub(super) name: String,
    pool: Arc<Pool>,
    kind: Kind,
    is_placed: bool,
    lost: CancellationToken,
    dropped: CancellationToken,
    /// Once the agent is lost: whether that was for memory.
    over: watch::Sender<Option<bool>>,
    address: Option<SocketAddr>,
    /// When the cluster ends it.
    pub(super) ends_ms: i64,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Hold {
    /// Says that we are about to take it, so that nobody here takes it for left over in between. `None` when another
    /// session here has it: a list that is older than its claim still shows it as free.
    pub(super) fn begin(
        pool: &Arc<Pool>,
        name: &str,
        kind: Kind,
        permit: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Option<Self> {
        let lost = CancellationToken::new();
        match pool.held().entry(name.to_owned()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(free) => {
                free.insert(Held { kind, is_placed: false, lost: lost.clone(), address: None });
            }
        }
        Some(Self {
            name: name.to_owned(),
            pool: Arc::clone(pool),
            kind,
            is_placed: false,
            lost,
            dropped: CancellationToken::new(),
            over: watch::Sender::new(None),
            address: None,
            ends_ms: 0,
            _permit: permit,
        })
    }

    /// The API has said that it is ours.
    pub(super) fn place(&mut self) {
        self.is_placed = true;
        if let Some(held) = self.pool.held().get_mut(&self.name) {
            held.is_placed = true;
        }
    }

    pub(super) fn settle(&mut self, address: IpAddr, ends_ms: i64) {
        self.address = Some(SocketAddr::new(address, PORT));
        self.ends_ms = ends_ms;
        if let Some(held) = self.pool.held().get_mut(&self.name) {
            held.address = self.address;
        }
    }

    /// Where the agent listens; nowhere before [`Hold::settle`].
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    pub(super) fn token(&self) -> SecretString {
        self.pool.token(&self.name)
    }

    /// Deletes the pod as soon as its agent is lost, even while a session still holds it: it may be running what does
    /// not want to end.
    pub(super) fn delete_when(&self, is_lost: CancellationToken) {
        let (pool, name, kind) = (Arc::clone(&self.pool), self.name.clone(), self.kind);
        let (dropped, lost, over) = (self.dropped.clone(), self.lost.clone(), self.over.clone());
        self.pool.lifecycle.spawn("watch the agent of a sandbox pod", async move {
            tokio::select! {
                () = is_lost.cancelled() => {}
                () = lost.cancelled() => {}
                () = dropped.cancelled() => return,
            }
            let ran_out = pool.ran_out_of_memory(&name, kind).await;
            over.send_replace(Some(ran_out));
            pool.delete(name, kind);
        });
    }

    /// Once the agent is lost: whether that was for memory.
    pub(super) async fn ran_out_of_memory(&self) -> bool {
        let mut over = self.over.subscribe();
        let known = tokio::time::timeout(VERDICT, over.wait_for(Option::is_some)).await;
        known.is_ok_and(|known| known.is_ok_and(|ran_out| *ran_out == Some(true)))
    }

    /// Cancelled when the pod is over or gone.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.dropped.cancel();
        self.pool.held().remove(&self.name);
        if self.is_placed {
            self.pool.delete(self.name.clone(), self.kind);
        }
        // Otherwise it is another's, or the answer to our asking was lost; the upkeep finds the latter.
        self.pool.hurry();
    }
}
