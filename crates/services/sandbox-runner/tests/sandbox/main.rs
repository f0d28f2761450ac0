//! The sandbox runner through its typed client, with real walls around real code.
//!
//! The tests need the provisioned run-time and fail with a sentence about it when it is not there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod alone;
mod displays;
mod door;
mod files;
mod hostile;
mod limits;
mod mcp;
mod once;
mod running;
mod soak;
mod stateful;
mod support;
mod walls;
