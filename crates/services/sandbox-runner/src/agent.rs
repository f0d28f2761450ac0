//! The agent: the main process of a sandbox container, and our client for it.
//!
//! ```text
//!  driver ── Remote ──http over a unix socket or tcp──▶ serve ──▶ process driver at L1 ──▶ warden, zygote, workers
//!            (our process)                              (the container's main process)
//!  egress ◀── arrivals ◀──streams that the driver asked for── listener ◀── code, in a session with egress
//! ```
//!
//! A container is made by Docker or Kubernetes and is the outer wall; the agent inside it is the process driver at its
//! lowest level. One agent serves one session in its life: what one tenant's code has touched never serves another's.
//!
//! The agent assumes that its user id is nobody else's on the machine, because the kernel counts processes by user.
//! Everything that comes from it is untrusted: the code may have taken it over, so the client checks every size.

mod address;
mod arrivals;
mod client;
mod lines;
mod listener;
mod program;
mod protocol;
mod reach;
mod server;
mod token;

pub(crate) use address::Address;
pub(crate) use client::{Remote, given_up};
pub use program::agent_main;

pub(crate) use protocol::FOLDER;
