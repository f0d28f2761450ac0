//! A bounded pool for CPU work, so that one heavy document does not stall the requests that share the process.

use std::sync::Arc;

use tokio::sync::Semaphore;

// Up to here reading a text takes less time than handing it over to another thread.
const LITTLE_BYTES: usize = 64 << 10;

/// Runs closures on blocking threads, at most one per core at a time. Cheap to clone.
#[derive(Clone)]
pub struct CpuPool {
    permits: Arc<Semaphore>,
    n_cores: u32,
}

/// The closure panicked.
#[derive(Debug, thiserror::Error)]
#[error("a computation panicked")]
pub struct Panicked;

impl Default for CpuPool {
    fn default() -> Self {
        let n_cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
        Self { permits: Arc::new(Semaphore::new(n_cores as usize)), n_cores }
    }
}

impl CpuPool {
    /// Runs `work` as soon as a core is free. When the caller is dropped before that, the work never starts.
    ///
    /// # Errors
    /// [`Panicked`] when the work panicked; nothing else is harmed.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Panicked>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_closed| Panicked)?;
        tokio::task::spawn_blocking(move || {
            let _held_until_done = permit;
            work()
        })
        .await
        .map_err(|_join| Panicked)
    }

    /// Waits until no work is running any more, including work whose caller was dropped. A process that ends waits for
    /// its threads anyway; this is for opening again, in the same process, what such work writes to.
    pub async fn idle(&self) {
        let _given_back = self.permits.acquire_many(self.n_cores).await;
    }

    /// Runs `work` that reads `n_bytes`: where it is when they are few, as [`CpuPool::run`] when they are many.
    ///
    /// # Errors
    /// As [`CpuPool::run`].
    pub async fn run_over<T, F>(&self, n_bytes: usize, work: F) -> Result<T, Panicked>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if n_bytes <= LITTLE_BYTES { Ok(work()) } else { self.run(work).await }
    }
}
