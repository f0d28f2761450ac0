//! The Docker driver: one container per session, with the agent as its main process.
//!
//! ```text
//!  Driver ──bollard──▶ dockerd          makes, kills and removes containers; keeps a few warm
//!    │
//!  Session ──agent::Remote──▶ unix socket in a folder that is mounted into the container ──▶ agent
//! ```
//! Docker is the outer wall and takes no part in a run, so a run costs what it costs without it. The socket of Docker
//! itself is never in a container. Nothing is ever pulled: the image is the operator's (`deploy/sandbox-image`).

mod container;
mod driver;
mod instance;
mod profile;
mod session;
mod settings;

pub(crate) use driver::Driver;
pub use profile::seccomp_profile;
pub use settings::Settings;
