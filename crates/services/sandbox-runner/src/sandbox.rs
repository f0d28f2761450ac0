//! The sandbox runner's work: containers, their files, and what is asked of them.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use septet_blobs::Blobs;
use septet_chassis::Lifecycle;
use septet_contracts::page::PageQuery;
use septet_contracts::sandbox::{NewContainer, NewFile};
use septet_kernel::{Clock, ContainerFileId, ContainerId, Ids, TenantId, UserId};
use tokio::sync::OwnedMutexGuard;

use crate::active::{ActiveContainer, ActiveContainers};
use crate::container::{Container, File, Source};
use crate::driver::{Driver, Session, SessionSpec};
use crate::egress::Egress;
use crate::process;
use crate::running::RunningExecutions;
use crate::store::{Quota, Store};
use crate::{Config, Error};

const EXPIRY_MINUTES_MAX: u32 = 43_200;

/// Everything behind the routes.
pub(crate) struct Sandbox {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) active: ActiveContainers,
    pub(crate) running: RunningExecutions,
    pub(crate) egress: Egress,
}

impl Sandbox {
    /// Without an owner it is everybody's of the tenant.
    pub(crate) async fn create(
        &self,
        tenant: TenantId,
        owner: Option<UserId>,
        new: NewContainer,
    ) -> Result<Container, Error> {
        let expires_minutes = match new.expires_after {
            None => None,
            Some(after) if after.anchor == "last_active_at" && (1..=EXPIRY_MINUTES_MAX).contains(&after.minutes) => {
                Some(after.minutes)
            }
            Some(_) => return Err(Error::BadExpiry),
        };
        let (id, now_ms) = (self.ids.next(), self.clock.now_ms());
        let container = Container {
            id,
            tenant,
            name: new.name,
            created_at_ms: now_ms,
            last_active_at_ms: now_ms,
            expires_minutes,
            network: self.egress.admit(id, new.network_policy)?,
        };
        if let Err(error) = self.store.add_container(&container, owner).await {
            self.egress.forget(id);
            return Err(error);
        }
        Ok(container)
    }

    pub(crate) async fn container(&self, tenant: TenantId, id: ContainerId) -> Result<Container, Error> {
        self.store.container(tenant, id).await
    }

    /// Those of a person and those without an owner; all of them for a caller who is no person.
    pub(crate) async fn containers(
        &self,
        tenant: TenantId,
        person: Option<UserId>,
        page: &PageQuery,
    ) -> Result<(Vec<Container>, bool), Error> {
        self.store.containers(tenant, person, page).await
    }

    /// One that can still be used.
    pub(crate) async fn usable(&self, tenant: TenantId, id: ContainerId) -> Result<Container, Error> {
        let container = self.store.container(tenant, id).await?;
        if container.is_expired(self.clock.now_ms()) {
            self.egress.forget(id);
            return Err(Error::Expired(id));
        }
        Ok(container)
    }

    /// Nothing runs in it any more when this returns. The blobs stay until a sweep finds that no row names them: others, also
    /// of other services, may have the same bytes.
    pub(crate) async fn delete(&self, tenant: TenantId, id: ContainerId) -> Result<(), Error> {
        self.store.container(tenant, id).await?;
        // The rows go first, so that a run that begins now finds no container; once more behind a run that was ending.
        self.store.delete_container(id).await?;
        self.egress.forget(id);
        self.active.remove(id).await;
        self.store.delete_container(id).await
    }

    /// Deletes the containers of a tenant that have this name, and tells how many there were.
    pub(crate) async fn delete_named(&self, tenant: TenantId, name: &str) -> Result<usize, Error> {
        let mut n_deleted = 0;
        for id in self.store.containers_named(tenant, name).await? {
            n_deleted += usize::from(self.delete_if_there(tenant, id).await?);
        }
        Ok(n_deleted)
    }

    /// Somebody else may have been quicker.
    async fn delete_if_there(&self, tenant: TenantId, id: ContainerId) -> Result<bool, Error> {
        match self.delete(tenant, id).await {
            Ok(()) => Ok(true),
            Err(Error::NoContainer(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes the containers whose time is over for longer than they are kept, and tells how many there were.
    pub(crate) async fn delete_expired(&self) -> Result<usize, Error> {
        let before_ms = self.clock.now_ms() - i64::from(self.config.expired_minutes) * 60_000;
        let mut n_deleted = 0;
        for container in self.store.expired_containers(before_ms).await? {
            // The row may lag behind what is known here.
            let container = match self.store.container(container.tenant, container.id).await {
                Err(Error::NoContainer(_)) => continue,
                other => other?,
            };
            if container.is_expired(before_ms) {
                n_deleted += usize::from(self.delete_if_there(container.tenant, container.id).await?);
            }
        }
        Ok(n_deleted)
    }

    pub(crate) fn quota(&self, tenant: TenantId) -> Quota {
        Quota { tenant, limit_bytes: self.config.tenant_storage_bytes }
    }

    /// How many more bytes of files a tenant may have; as many as can be where there is no limit.
    pub(crate) async fn space_left(&self, tenant: TenantId) -> Result<u64, Error> {
        match self.config.tenant_storage_bytes {
            0 => Ok(u64::MAX),
            limit => Ok(limit.saturating_sub(self.store.stored_bytes(tenant).await?)),
        }
    }

    pub(crate) async fn add_file(&self, tenant: TenantId, id: ContainerId, new: NewFile) -> Result<File, Error> {
        let container = self.usable(tenant, id).await?;
        let path = process::inside(&new.path).ok_or_else(|| Error::BadPath(new.path.chars().take(200).collect()))?;
        let bytes = self.blobs.size(&new.blob).await.map_err(no_blob)?;
        if bytes > self.space_left(tenant).await? {
            return Err(Error::StorageFull { limit_bytes: self.config.tenant_storage_bytes });
        }
        let active = self.active.container(id, tenant, self.clock.now_ms());
        let mut open = Arc::clone(&active.session).lock_owned().await;
        // Code may have run here for long, and nobody has named the blob meanwhile.
        let now_ms = self.clock.now_ms();
        self.blobs.renew(&new.blob, now_ms).await.map_err(no_blob)?;
        let others = self.store.all_files(id).await?;
        let n_bytes: u64 = others.iter().filter(|file| file.path != path).map(|file| file.bytes).sum();
        if n_bytes + bytes > self.config.files_bytes() {
            return Err(Error::Full { limit_bytes: self.config.files_bytes() });
        }
        let file = File {
            id: self.ids.next(),
            container: container.id,
            path,
            bytes,
            blob: new.blob,
            source: Source::User,
            created_at_ms: now_ms,
        };
        self.store.add_file(self.quota(tenant), &file).await?;
        self.store.touch(id, now_ms).await?;
        // A session whose folder the file does not fit into is closed; the next run fills a new one.
        if let Some(session) = open.as_deref()
            && (session.is_lost() || self.fill(session, std::slice::from_ref(&file)).await.is_err())
        {
            *open = None;
        }
        Ok(file)
    }

    pub(crate) async fn files(
        &self,
        tenant: TenantId,
        id: ContainerId,
        page: &PageQuery,
    ) -> Result<(Vec<File>, bool), Error> {
        self.store.container(tenant, id).await?;
        self.store.files(id, page).await
    }

    pub(crate) async fn file(&self, tenant: TenantId, id: ContainerId, file: ContainerFileId) -> Result<File, Error> {
        self.store.container(tenant, id).await?;
        self.store.file(id, file).await
    }

    /// Deletes a file with all its versions.
    pub(crate) async fn delete_file(
        &self,
        tenant: TenantId,
        id: ContainerId,
        file: ContainerFileId,
    ) -> Result<(), Error> {
        let file = self.file(tenant, id, file).await?;
        let active = self.active.container(id, tenant, self.clock.now_ms());
        let mut open = Arc::clone(&active.session).lock_owned().await;
        self.store.delete_file(id, &file.path).await?;
        if let Some(session) = open.as_deref()
            && session.remove(&file.path).await.is_err()
        {
            *open = None;
        }
        Ok(())
    }

    /// A usable container with its session open and its folder filled. Waits while code runs in it.
    pub(crate) async fn activate(
        &self,
        tenant: TenantId,
        id: ContainerId,
    ) -> Result<(Arc<ActiveContainer>, OwnedMutexGuard<Option<Box<dyn Session>>>), Error> {
        let active = self.active.container(id, tenant, self.clock.now_ms());
        let mut open = Arc::clone(&active.session).lock_owned().await;
        // Only now: whoever deletes the container from here on finds it among the active ones and closes it.
        let container = self.usable(tenant, id).await?;
        if active.gone.is_cancelled() {
            return Err(Error::NoContainer(id));
        }
        if open.as_deref().is_none_or(Session::is_lost) {
            *open = None;
            self.active.make_space(&active, self.config.n_sessions_per_tenant, self.config.n_sessions)?;
            let policy = container.network.map(|network| self.egress.policy(id, &network)).transpose();
            let policy = policy.map_err(Error::Egress)?;
            let session = self.driver.open(SessionSpec { container: id, tenant, policy }).await?;
            self.fill(session.as_ref(), &self.store.all_files(id).await?).await?;
            *open = Some(session);
            active.opened(self.clock.now_ms());
        }
        Ok((active, open))
    }

    /// Writes files into the folder.
    async fn fill(&self, session: &dyn Session, files: &[File]) -> Result<(), Error> {
        for file in files {
            let content = self.blobs.stream(&file.blob).await?.map_err(std::io::Error::other).boxed();
            session.put(&file.path, content).await.map_err(|error| self.folder_error(error))?;
        }
        Ok(())
    }

    pub(crate) fn folder_error(&self, error: std::io::Error) -> Error {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Error::Full { limit_bytes: self.config.session_bytes },
            _ => Error::Folder(error),
        }
    }
}

fn no_blob(error: septet_blobs::Error) -> Error {
    match error {
        septet_blobs::Error::NotFound(blob) => Error::NoBlob(blob),
        other => Error::Blobs(other),
    }
}
