//! A session: a folder in memory that outlives runs, and the interpreter that does when it is asked to.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::folder::{Folder, Manifest};
use super::link::{Busy, Warden};
use super::run::{Entered, Kept};
use super::worker::Worker;
use super::workers::Workers;
use crate::driver::{self, Changes, Chunks, Error, FoundFile};
use crate::egress::EgressPolicy;

/// Let go when dropped.
pub(super) struct Session {
    workers: Workers,
    name: String,
    warden: Arc<Warden>,
    /// Its egress, if it has one.
    policy: Option<Arc<EgressPolicy>>,
    /// The folder, from outside.
    folder: Folder,
    /// What was in it when it was last looked at.
    manifest: Mutex<Manifest>,
    kept: Kept,
}

impl Session {
    /// `owner` is who owns what is in the folder, when that is not us.
    pub(super) fn new(
        workers: Workers,
        name: String,
        warden: Arc<Warden>,
        folder: OwnedFd,
        owner: Option<u32>,
        policy: Option<Arc<EgressPolicy>>,
    ) -> Self {
        let folder = Folder::new(Arc::new(folder), owner);
        Self { workers, name, warden, policy, folder, manifest: Mutex::default(), kept: Kept::default() }
    }

    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn with_folder<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || work(&folder)).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl driver::Session for Session {
    fn is_lost(&self) -> bool {
        // Where no variables are kept there is no reason to stay with a warden that is to go.
        self.warden.is_lost() || (self.warden.is_retired() && !self.has_kept())
    }

    fn has_kept(&self) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn enter(&self, keep: bool) -> Result<Box<dyn driver::Entered>, Error> {
        let permit = self.workers.permit().await?;
        let busy = Busy::new(&self.warden);
        let kept = keep.then(|| self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()).flatten();
        let kept = kept.filter(Worker::is_alive);
        let worker = match kept {
            Some(worker) => worker,
            None => self.workers.worker(&self.warden, &self.name, self.policy.as_ref()).await?,
        };
        let home = keep.then(|| Arc::clone(&self.kept));
        Ok(Box::new(Entered { workers: self.workers.clone(), worker, home, permit, busy }))
    }

    async fn put(&self, path: &str, mut content: Chunks) -> io::Result<()> {
        let at = path.to_owned();
        let mut file = tokio::fs::File::from_std(self.with_folder(move |folder| folder.create(&at)).await?);
        while let Some(chunk) = content.next().await {
            file.write_all(&chunk?).await?;
        }
        file.flush().await?;
        let file = file.into_std().await;
        self.manifest().note(path, &file)
    }

    async fn get(&self, path: &str) -> io::Result<Chunks> {
        let at = path.to_owned();
        let file = self.with_folder(move |folder| folder.open(&at)).await?;
        Ok(ReaderStream::new(tokio::fs::File::from_std(file)).boxed())
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let at = path.to_owned();
        self.with_folder(move |folder| folder.remove(&at)).await?;
        self.manifest().forget(path);
        Ok(())
    }

    async fn changes(&self, n_max: usize) -> io::Result<Changes> {
        let before = self.manifest().clone();
        let (now, found, gone, is_cut) = self
            .with_folder(move |folder| {
                let (now, found, is_cut) = folder.collect(&before, n_max)?;
                let gone = before.gone_in(&now);
                Ok((now, found, gone, is_cut))
            })
            .await?;
        *self.manifest() = now;
        let found = found
            .into_iter()
            .map(|file| FoundFile {
                path: file.path,
                content: ReaderStream::new(tokio::fs::File::from_std(file.file)).boxed(),
            })
            .collect();
        Ok(Changes { found, gone, is_cut })
    }

    async fn forget(&self, path: &str) {
        self.manifest().forget(path);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.warden.close_session(&self.name);
    }
}
