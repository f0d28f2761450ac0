//! What a service is given, and what it gives back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use septet_kernel::{Clock, Ids, ServiceName};

use crate::cpu::CpuPool;
use crate::http::{Limits, Surface, wrap};
use crate::{Directory, Lifecycle, Signer};

/// What every service is given in `open`. It takes out what it needs; the platform itself is never kept.
#[derive(Clone)]
pub struct Platform {
    /// The way to the other services.
    pub directory: Directory,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Background tasks and shutdown.
    pub lifecycle: Lifecycle,
    /// CPU work.
    pub cpu: CpuPool,
}

impl Platform {
    /// A platform whose services share `secret`.
    #[must_use]
    pub fn new(secret: &secrecy::SecretString, clock: Clock) -> Self {
        Self {
            directory: Directory::new(Signer::new(secret, clock.clone())),
            ids: Ids::new(clock.clone()),
            clock,
            lifecycle: Lifecycle::default(),
            cpu: CpuPool::default(),
        }
    }

    /// The same platform with a lifecycle of its own.
    #[must_use]
    pub fn with_lifecycle(self, lifecycle: Lifecycle) -> Self {
        Self { lifecycle, ..self }
    }
}

/// What a service gives back from `open`.
pub struct Service {
    /// Which one of the seven.
    pub name: ServiceName,
    /// Its HTTP surface, not yet wrapped in the layers.
    pub router: Router,
    /// Whether strangers or only peers may reach it.
    pub surface: Surface,
    /// What it accepts.
    pub limits: Limits,
    /// Whether it can do its work now.
    pub ready: Ready,
    /// The routes of a public service that only peers reach; an internal service is for peers as a whole and has none.
    pub inner: Option<Router>,
}

impl Service {
    /// A service that only its peers reach, with the usual limits, ready at once.
    #[must_use]
    pub fn internal(name: ServiceName, router: Router) -> Self {
        Self {
            name,
            router,
            surface: Surface::Internal,
            limits: Limits::default(),
            ready: Ready::default(),
            inner: None,
        }
    }

    /// Takes out the routes of a public service that only peers reach, inside its own layers.
    pub fn take_inner(&mut self, platform: &Platform) -> Option<Router> {
        Some(Self::internal(self.name, self.inner.take()?).into_router(platform))
    }

    /// The router inside its layers, the same in both topologies.
    pub fn into_router(self, platform: &Platform) -> Router {
        wrap(self, platform)
    }
}

/// Tells whether a service can do its work. Cheap to clone; set by the service, read by `/health/ready`.
#[derive(Clone)]
pub struct Ready(Arc<AtomicBool>);

impl Default for Ready {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Ready {
    /// Says that the service can, or cannot, do its work.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    /// Whether it can.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
