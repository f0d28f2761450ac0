//! The driver: containers that wait for a session, and those that have one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bollard::models::SystemInfoCgroupVersionEnum;
use bollard::query_parameters::ListContainersOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};
use septet_chassis::Lifecycle;
use tracing::{debug, info, warn};

use super::container::{self, Container, FOLDER, INSTANCE, Maker, Uids, refused};
use super::instance::Instance;
use super::session::Session;
use crate::Config;
use crate::driver::{self, Error, Level, MemoryWall, SessionSpec, Walls};

/// How long Docker may take to answer; making a container takes seconds on a slow disk.
const DOCKER_TIMEOUT_S: u64 = 60;

/// Runs code in containers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Driver {
    inner: Arc<Inner>,
}

struct Inner {
    /// Docker's socket.
    socket: PathBuf,
    config: Config,
    lifecycle: Lifecycle,
    ready: tokio::sync::Mutex<Option<Arc<Ready>>>,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    warm: Vec<Container>,
    n_starting: usize,
    is_closed: bool,
}

/// What is there once Docker has answered and a first container has started.
struct Ready {
    maker: Arc<Maker>,
    walls: Walls,
}

impl Driver {
    /// A driver that talks to Docker when it is first needed.
    pub(crate) fn new(socket: PathBuf, config: Config, lifecycle: Lifecycle) -> Self {
        let (ready, pool) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { socket, config, lifecycle, ready, pool }) }
    }

    async fn ready(&self) -> Result<Arc<Ready>, Error> {
        let mut ready = self.inner.ready.lock().await;
        if let Some(ready) = ready.as_ref() {
            return Ok(Arc::clone(ready));
        }
        if self.inner.lifecycle.stopping().is_cancelled() {
            return Err(Error::Lost);
        }
        let made = Arc::new(self.make_ready().await?);
        *ready = Some(Arc::clone(&made));
        Ok(made)
    }

    async fn make_ready(&self) -> Result<Ready, Error> {
        let Inner { socket, config, lifecycle, .. } = self.inner.as_ref();
        let docker = Docker::connect_with_unix(&socket.to_string_lossy(), DOCKER_TIMEOUT_S, API_DEFAULT_VERSION)
            .map_err(refused)?
            .negotiate_version()
            .await
            .map_err(refused)?;
        let image = &config.docker.image;
        match docker.inspect_image(image).await {
            Ok(_) => {}
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                return Err(Error::Unavailable(format!(
                    "Docker has no image {image}, and nothing is ever pulled; make it with deploy/sandbox-image"
                )));
            }
            Err(error) => return Err(refused(error)),
        }
        let memory = memory_wall(&docker).await?;
        let base = config.docker.folder();
        let instance = Instance::new(&base).map_err(|error| {
            Error::Unavailable(format!("the folder {} (sandbox.docker.folder) cannot be used: {error}", base.display()))
        })?;
        let n_swept = sweep(&docker, &base).await.map_err(refused)?;
        if n_swept > 0 {
            info!(sandbox.n_swept = n_swept, "swept containers of an earlier process");
        }
        let uids = Uids::new(config.docker.first_uid, config.docker.n_uids);
        let (config, lifecycle) = (config.clone(), lifecycle.clone());
        let maker = Arc::new(Maker { docker, config, instance, base, uids, lifecycle });
        let first = maker.start().await?;
        let health = first.remote.health().await?;
        // Namespaces made by root, host ids of their own, and a cap on memory: what our own best level has.
        let walls = Walls { level: Level::L3, memory, python: health.python };
        info!(sandbox.inner_level = health.level.name(), "sandbox containers are warm");
        self.pool().warm.push(first);
        Ok(Ready { maker, walls })
    }

    /// A container that no session has used.
    async fn take(&self, maker: &Arc<Maker>) -> Result<Container, Error> {
        loop {
            let Some(waiting) = self.pool().warm.pop() else { return maker.start().await };
            if waiting.is_fit().await {
                return Ok(waiting);
            }
            warn!("a warm sandbox container was not fit and is replaced");
        }
    }

    /// Starts containers in the background as long as too few are warm.
    fn refill(&self, maker: &Arc<Maker>) {
        let n_wanted = {
            let mut pool = self.pool();
            if pool.is_closed || self.inner.lifecycle.stopping().is_cancelled() {
                return;
            }
            let n_missing = self.inner.config.docker.n_warm.saturating_sub(pool.warm.len() + pool.n_starting);
            pool.n_starting += n_missing;
            n_missing
        };
        for _ in 0..n_wanted {
            let (driver, maker) = (self.clone(), Arc::clone(maker));
            self.inner.lifecycle.spawn("warm a sandbox container", async move {
                let started = maker.start().await;
                let mut pool = driver.pool();
                pool.n_starting -= 1;
                match started {
                    // One that comes too late is dropped, which removes it.
                    Ok(container) if !pool.is_closed => pool.warm.push(container),
                    Ok(_) => {}
                    Err(error) => warn!(error = %septet_kernel::causes(&error), "cannot warm a sandbox container"),
                }
            });
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.inner.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl driver::Driver for Driver {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn warm(&self) -> Result<Walls, Error> {
        let ready = self.ready().await?;
        self.refill(&ready.maker);
        Ok(ready.walls.clone())
    }

    async fn walls(&self) -> Option<Walls> {
        self.inner.ready.lock().await.as_ref().map(|ready| ready.walls.clone())
    }

    async fn open(&self, spec: SessionSpec) -> Result<Box<dyn driver::Session>, Error> {
        let ready = self.ready().await?;
        let container = self.take(&ready.maker).await?;
        self.refill(&ready.maker);
        if let Some(policy) = &spec.policy {
            // Of a network it has the loopback, with nobody there but the agent.
            container.remote.open_egress(policy, false).await?;
        }
        debug!(container.id = %spec.container, tenant.id = %spec.tenant, "a sandbox container has a session");
        Ok(Box::new(Session::new(container)))
    }

    async fn close(&self) {
        let warm = {
            let mut pool = self.pool();
            pool.is_closed = true;
            std::mem::take(&mut pool.warm)
        };
        for container in warm {
            container.finish().await;
        }
    }
}

/// How Docker holds memory here.
async fn memory_wall(docker: &Docker) -> Result<MemoryWall, Error> {
    let info = docker.info().await.map_err(refused)?;
    if info.memory_limit == Some(false) {
        return Err(Error::Unavailable("Docker cannot limit memory on this machine".to_owned()));
    }
    Ok(match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => MemoryWall::CgroupV2,
        _ => MemoryWall::CgroupV1,
    })
}

/// Removes the containers of instances below `base` that are dead. Returns how many there were.
async fn sweep(docker: &Docker, base: &Path) -> Result<usize, bollard::errors::Error> {
    let dead = Instance::dead(base);
    let labels = HashMap::from([("label".to_owned(), vec![format!("{FOLDER}={}", base.display())])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&labels).build();
    let containers = docker.list_containers(Some(options)).await?;
    // Only now: an instance has its folder before it has containers.
    let mut living = Instance::names(base);
    for dead in &dead {
        living.remove(&dead.name);
    }
    let mut n_removed = 0;
    for container in containers {
        let instance = container.labels.unwrap_or_default().remove(INSTANCE).unwrap_or_default();
        if let (false, Some(id)) = (living.contains(&instance), container.id) {
            container::remove(docker, &id).await?;
            n_removed += 1;
        }
    }
    for dead in dead {
        if let Err(error) = dead.remove() {
            warn!(%error, "the folder of an earlier process was not removed");
        }
    }
    Ok(n_removed)
}
