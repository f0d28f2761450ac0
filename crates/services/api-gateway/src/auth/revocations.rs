//! What this gateway knows about access that was taken back, wherever that happened.
//!
//! Management numbers every change of somebody's rights, and the sessions that ended are in the gateways' own tables.
//! Both are asked several times a second for what is new, so that a change acts in every gateway within a second,
//! on requests as well as on sockets and streams that are open. Whoever came in carries the number that was current
//! then; a later one on the person, the tenant or the key makes it worth asking again.
//!
//! When Management is away, nothing new is known. What was known goes on for as long as the settings say, then
//! nothing more is begun or changed, and after a quarter of an hour nothing is read either.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use septet_contracts::management::{Management, Subject};
use septet_kernel::{Clock, Ids};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::identity::Identity;
use super::nobody;
use super::sessions::Sessions;
use crate::Error;

const POLL_INTERVAL: Duration = Duration::from_millis(250);
const CHANGES_TIMEOUT: Duration = Duration::from_secs(2);
// While Management is away, requests share one attempt to reach it per interval.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
const READ_STALE_MS: i64 = 15 * 60_000;
// Clocks of several gateways differ, and what one wrote may become visible a little later than it says.
const OVERLAP_MS: i64 = 60_000;
// Longer than any access token lives.
const RETENTION_MS: i64 = 26 * 3_600_000;
const PRUNE_THRESHOLD: usize = 10_000;

/// Knows whose access was taken back.
pub(crate) struct Revocations {
    management: Management,
    sessions: Sessions,
    clock: Clock,
    ids: Ids,
    write_stale_ms: i64,
    known: RwLock<Known>,
    /// When the last attempt to learn something failed; one at a time is made.
    failed_at: Mutex<Option<Instant>>,
    news: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    changes: HashMap<Subject, i64>,
    /// The number of the newest change.
    cursor: i64,
    /// Sessions that ended, and when that was learnt.
    ended: HashMap<String, i64>,
    /// When everything up to then was known; never, when absent.
    as_of_ms: Option<i64>,
}

/// How an identity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdentityState {
    /// Nothing has changed.
    Good,
    /// Something has changed; Management knows what.
    Changed,
    /// The session is over.
    Ended,
    /// The key has expired.
    Expired,
}

impl Revocations {
    /// Knows nothing yet.
    pub(crate) fn new(management: Management, sessions: Sessions, clock: Clock, ids: Ids, stale_s: u32) -> Self {
        Self {
            management,
            sessions,
            clock,
            ids,
            write_stale_ms: i64::from(stale_s) * 1000,
            known: RwLock::default(),
            failed_at: Mutex::default(),
            news: watch::Sender::new(()),
        }
    }

    /// How an identity stands, as far as is known here.
    pub(crate) fn state(&self, identity: &Identity) -> IdentityState {
        if identity.expires_at.is_some_and(|at| at <= self.clock.now_s()) {
            return IdentityState::Expired;
        }
        let known = self.read();
        if identity.session.as_ref().is_some_and(|session| known.ended.contains_key(session)) {
            return IdentityState::Ended;
        }
        let changed = |subject: Subject| known.changes.get(&subject).is_some_and(|epoch| *epoch > identity.epoch);
        let has_changed = changed(Subject::User(identity.person))
            || changed(Subject::Tenant(identity.tenant))
            || identity.key.is_some_and(|key| changed(Subject::Key(key)));
        if has_changed { IdentityState::Changed } else { IdentityState::Good }
    }

    /// Wakes up whenever something new is known.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// A session was ended by this gateway.
    pub(crate) fn end(&self, session: &str) {
        let now_ms = self.clock.now_ms();
        self.write().ended.insert(session.to_owned(), now_ms);
        self.news.send_replace(());
    }

    /// Passes when what is known is recent enough; for reading it may be older. Otherwise asks for changes first.
    ///
    /// # Errors
    /// [`Error::RightsUnknown`].
    pub(crate) async fn must_be_known(&self, is_reading: bool) -> Result<(), Error> {
        let stale_ms = if is_reading { READ_STALE_MS.max(self.write_stale_ms) } else { self.write_stale_ms };
        if self.is_known(stale_ms) {
            return Ok(());
        }
        let mut failed_at = self.failed_at.lock().await;
        if self.is_known(stale_ms) {
            return Ok(());
        }
        if failed_at.is_some_and(|at| at.elapsed() < RETRY_INTERVAL) {
            return Err(Error::RightsUnknown);
        }
        self.learn(&mut failed_at).await.map_err(|_away| Error::RightsUnknown)
    }

    fn is_known(&self, stale_ms: i64) -> bool {
        self.read().as_of_ms.is_some_and(|as_of_ms| self.clock.now_ms() - as_of_ms <= stale_ms)
    }

    /// Learns everything that happened before this call.
    ///
    /// # Errors
    /// [`Error::Call`] when Management is away, [`Error::Store`].
    pub(crate) async fn sync(&self) -> Result<(), Error> {
        self.learn(&mut *self.failed_at.lock().await).await
    }

    async fn learn(&self, failed_at: &mut Option<Instant>) -> Result<(), Error> {
        let learnt = self.try_learn().await;
        *failed_at = learnt.is_err().then(Instant::now);
        learnt
    }

    async fn try_learn(&self) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let (mut cursor, since_ms) = {
            let known = self.read();
            (known.cursor, known.as_of_ms.map_or(now_ms - RETENTION_MS, |as_of_ms| as_of_ms - OVERLAP_MS))
        };
        let ended = self.sessions.ended_since(since_ms).await?;
        let mut changes = Vec::new();
        loop {
            let asked = nobody(self.ids.next());
            let page = tokio::time::timeout(CHANGES_TIMEOUT, self.management.rights_changes(&asked, cursor)).await;
            let page = page.map_err(|_late| Error::Timeout(CHANGES_TIMEOUT.as_secs()))??;
            cursor = page.data.last().map_or(cursor, |last| last.epoch.max(cursor));
            changes.extend(page.data);
            if !page.has_more {
                break;
            }
        }
        let mut known = self.write();
        let mut is_news = !changes.is_empty();
        known.changes.extend(changes.into_iter().map(|change| (change.subject, change.epoch)));
        for session in ended {
            known.ended.entry(session).or_insert_with(|| {
                is_news = true;
                now_ms
            });
        }
        known.cursor = cursor;
        known.as_of_ms = Some(now_ms);
        known.prune(now_ms - RETENTION_MS);
        drop(known);
        if is_news {
            self.news.send_replace(());
        }
        Ok(())
    }

    /// Learns what is new until the process stops.
    pub(crate) async fn keep_up(&self, stopping: CancellationToken) {
        let mut is_away = false;
        loop {
            match self.sync().await {
                Ok(()) if is_away => {
                    info!("changed rights are known again");
                    is_away = false;
                }
                Ok(()) => {}
                Err(_) if is_away => {}
                Err(error) => {
                    is_away = true;
                    warn!(error.detail = %septet_kernel::causes(&error), "changed rights cannot be learnt");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets changes that are older than any valid token. A number is never below its time in milliseconds.
    fn prune(&mut self, before_ms: i64) {
        if self.changes.len() + self.ended.len() > PRUNE_THRESHOLD {
            self.changes.retain(|_, epoch| *epoch >= before_ms);
            self.ended.retain(|_, at_ms| *at_ms >= before_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_rights_are_asked_for_often_enough_to_act_within_a_second() {
        // Not measured, for a machine may be busy: half of the second is left for the asking.
        assert!(POLL_INTERVAL * 2 <= Duration::from_secs(1));
    }
}
