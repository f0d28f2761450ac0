//! What follows the passage table: indexes, each of which can be made anew from it at any time.
//!
//! Changes of the table are numbered. A follower keeps the number up to which it has them together with what it made of
//! them, so that whatever kills it, it goes on where it was; what it is told twice stands once. One that knows of another
//! database, or of changes that this one does not have, is wiped and told everything. One loop does this for all of them,
//! and one suite of tests holds each of them to it.
//!
//! Nothing is asked of a model here: embeddings are kept in the table, and come along with the passages.

use std::time::Duration;

use async_trait::async_trait;
use septet_kernel::causes;
use tokio::sync::Mutex;

use crate::Error;
use crate::change_feed::{Changes, Position};
use crate::store::Store;

/// How long a question waits for an index that it can do without.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// An index that follows the passage table.
#[async_trait]
pub(crate) trait Follower: Send + Sync {
    /// What it is called in a log.
    fn name(&self) -> &'static str;

    /// The model whose embeddings it wants beside the passages.
    fn model(&self) -> Option<&str>;

    /// Whether no question can be answered without it.
    fn is_essential(&self) -> bool;

    /// Up to where it has the changes; the beginning when it has none.
    async fn position(&self) -> Result<Position, Error>;

    /// Forgets everything, also its position.
    async fn wipe(&self) -> Result<(), Error>;

    /// Takes in changes, first what is gone and then what is new, and their position. All of it or nothing is there
    /// afterwards; changes that it has already change nothing.
    async fn apply(&self, changes: Changes) -> Result<(), Error>;
}

/// A follower, told of changes by one task at a time.
pub(crate) struct Followed {
    follower: Box<dyn Follower>,
    alone: Mutex<()>,
}

impl Followed {
    pub(crate) fn new(follower: impl Follower + 'static) -> Self {
        Self { follower: Box::new(follower), alone: Mutex::new(()) }
    }

    /// Brings it up to the passage table. Cheap when nothing changed.
    ///
    /// # Errors
    /// When the table cannot be read or the follower fails; it stays where it was, and the next call goes on there.
    pub(crate) async fn catch_up(&self, store: &Store) -> Result<(), Error> {
        let follower = &self.follower;
        if store.position().await? == follower.position().await? {
            return Ok(());
        }
        let _alone = self.alone.lock().await;
        self.go_on(store).await
    }

    /// The same, but for one that questions can do without: when somebody is at it already, it is waited for only a moment.
    /// It may have hours of work before it, after an upgrade or with another model.
    async fn catch_up_unless_busy(&self, store: &Store) -> Result<(), Error> {
        if self.follower.is_essential() {
            return self.catch_up(store).await;
        }
        if store.position().await? == self.follower.position().await? {
            return Ok(());
        }
        let Ok(_alone) = tokio::time::timeout(BUSY_TIMEOUT, self.alone.lock()).await else { return Ok(()) };
        self.go_on(store).await
    }

    async fn go_on(&self, store: &Store) -> Result<(), Error> {
        let follower = &self.follower;
        loop {
            let target = store.position().await?;
            let mut here = follower.position().await?;
            if here == target {
                return Ok(());
            }
            if here.epoch != target.epoch || here.sequence > target.sequence {
                // Another database, or one restored from a backup: it knows things that never happened.
                tracing::info!(index = follower.name(), "a search index is built anew");
                follower.wipe().await?;
                here = Position { epoch: target.epoch, sequence: 0 };
            }
            follower.apply(store.changes(here.sequence, target, follower.model()).await?).await?;
        }
    }
}

/// Brings all of them up. One that fails keeps no other one back; the first failure is the answer.
pub(crate) async fn catch_up(followers: &[Followed], store: &Store) -> Result<(), Error> {
    let mut first = Ok(());
    for followed in followers {
        let Err(error) = followed.catch_up(store).await else { continue };
        match first {
            Ok(()) => first = Err(error),
            Err(_) => lags(followed, &error),
        }
    }
    first
}

/// Brings all of them up, as far as that goes soon: fails only when no question can be answered.
pub(crate) async fn catch_up_to_answer(followers: &[Followed], store: &Store) -> Result<(), Error> {
    let mut first = Ok(());
    for followed in followers {
        let Err(error) = followed.catch_up_unless_busy(store).await else { continue };
        if first.is_ok() && followed.follower.is_essential() {
            first = Err(error);
        } else {
            lags(followed, &error);
        }
    }
    first
}

fn lags(followed: &Followed, error: &Error) {
    let index = followed.follower.name();
    tracing::warn!(index, error.detail = %causes(error), "a search index could not catch up");
}

#[cfg(test)]
mod tests;
