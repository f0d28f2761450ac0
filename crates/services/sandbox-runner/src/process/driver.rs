//! The driver: opens sessions with a warden, and hands them the workers that run their code.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use septet_chassis::Lifecycle;

use super::protocol::Request;
use super::session::Session;
use super::workers::Workers;
use crate::Config;
use crate::driver::{self, Error, SessionSpec, Walls};
use crate::egress::Outlet;

/// Runs code inside walls.
pub struct Driver {
    config: Config,
    workers: Workers,
}

impl Driver {
    /// A driver that starts its processes when they are first needed. Sweeps what a killed predecessor left behind.
    #[must_use]
    pub fn new(config: Config, lifecycle: Lifecycle) -> Self {
        Self { workers: Workers::new(config.clone(), lifecycle, None), config }
    }

    /// A driver at level 1, for inside a container that is the outer wall and has nothing in it but one session. Runs
    /// that begin when `outlet` is known have that egress.
    pub(crate) fn plain(config: Config, lifecycle: Lifecycle, outlet: Arc<OnceLock<Outlet>>) -> Self {
        Self { workers: Workers::new(config.clone(), lifecycle, Some(outlet)), config }
    }
}

#[async_trait]
impl driver::Driver for Driver {
    fn name(&self) -> &'static str {
        "process"
    }

    async fn warm(&self) -> Result<Walls, Error> {
        let warden = self.workers.warden().await?;
        self.workers.refill(&warden);
        Ok(self.workers.walls_of(&warden))
    }

    async fn walls(&self) -> Option<Walls> {
        self.workers.current().await.map(|warden| self.workers.walls_of(&warden))
    }

    async fn open(&self, spec: SessionSpec) -> Result<Box<dyn driver::Session>, Error> {
        let warden = self.workers.warden().await?;
        // The number keeps a session that is opened again apart from an earlier one that is still being closed.
        let name = format!("{}_{}", spec.container, warden.number());
        let request = Request::OpenSession {
            session: name.clone(),
            bytes: self.config.session_bytes,
            n_inodes: self.config.session_inodes,
        };
        let (_, fds) = warden.ask(request, &[]).await?;
        let folder = fds.into_iter().next().ok_or(Error::Lost)?;
        let owner = warden.owner;
        Ok(Box::new(Session::new(self.workers.clone(), name, warden, folder, owner, spec.policy)))
    }

    async fn close(&self) {
        self.workers.close().await;
    }
}
