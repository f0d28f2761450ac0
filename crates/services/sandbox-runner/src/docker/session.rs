//! A session in a container of its own, which ends with it.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::container::Container;
use crate::agent::given_up;
use crate::driver::{self, Cause, Changes, Chunks, Ended, Error, RunSpec, Said, Signals};

/// The container ends when this is dropped.
pub(super) struct Session {
    container: Arc<Container>,
}

impl Session {
    pub(super) fn new(container: Container) -> Self {
        Self { container: Arc::new(container) }
    }
}

#[async_trait]
impl driver::Session for Session {
    fn is_lost(&self) -> bool {
        self.container.remote.is_lost()
    }

    fn has_kept(&self) -> bool {
        self.container.remote.has_kept()
    }

    async fn enter(&self, keep: bool) -> Result<Box<dyn driver::Entered>, Error> {
        let entered = self.container.remote.enter(keep).await?;
        Ok(Box::new(Entered { entered, container: Arc::clone(&self.container) }))
    }

    async fn put(&self, path: &str, content: Chunks) -> io::Result<()> {
        self.container.remote.put(path, content).await
    }

    async fn get(&self, path: &str) -> io::Result<Chunks> {
        self.container.remote.get(path).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.container.remote.remove(path).await
    }

    async fn changes(&self, n_max: usize) -> io::Result<Changes> {
        self.container.remote.changes(n_max).await
    }

    async fn forget(&self, path: &str) {
        self.container.remote.forget(path).await;
    }
}

struct Entered {
    entered: Box<dyn driver::Entered>,
    container: Arc<Container>,
}

#[async_trait]
impl driver::Entered for Entered {
    fn is_fresh(&self) -> bool {
        self.entered.is_fresh()
    }

    async fn run(
        self: Box<Self>,
        spec: &RunSpec,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error> {
        let started = Instant::now();
        match self.entered.run(spec, signals, say).await {
            // When the kernel took the agent for the biggest process, only Docker knows why the run ended.
            Err(Error::Lost) if self.container.ran_out_of_memory().await => {
                Ok(given_up(Cause::Memory, started.elapsed(), true))
            }
            other => other,
        }
    }
}
