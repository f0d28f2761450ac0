//! The Kubernetes driver: a warm pool of pods, each behind the walls of its node and its own.
//!
//! ```text
//!  driver ──claim──▶ pool ──patch, create, delete──▶ cluster (the API server)
//!    │                 ▲
//!  session          upkeep: refills, renews leases, sweeps what dead runners left
//!    └── agent in the pod (walls inside the pod, the same as on one machine)
//! ```
//!
//! - A pod serves one session and is then deleted: what one tenant's code has touched never serves another's.
//! - A pod is claimed by a patch that names the version it was seen in, so that of two runners only one gets it.
//! - Every pod has an owner who renews its lease; a pod whose lease was not renewed for too long may be deleted by any runner.
//! - What the API holds about a pod is no secret: it carries a digest of its token, and the runners derive the token.

mod claims;
mod cluster;
mod config;
mod diagnosis;
mod driver;
mod plan;
mod pod;
mod pool;
mod session;
mod snapshot;
mod upkeep;

pub use config::Config;
pub(crate) use driver::Driver;
