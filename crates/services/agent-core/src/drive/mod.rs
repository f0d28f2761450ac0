//! Drives runs: which ones this process owns, and what it does for each until it ends.
//!
//! ```text
//!   scheduler ── leases ──▶ runner ── decide ──┬─▶ turn ──▶ model gateway
//!                             │                └─▶ calls ─▶ tools
//!                          journal ──▶ store, feed
//! ```

mod calls;
pub(crate) mod feed;
mod gone;
mod history;
pub(crate) mod journal;
pub(crate) mod owner;
pub(crate) mod ports;
mod runner;
pub(crate) mod scheduler;
mod turn;
