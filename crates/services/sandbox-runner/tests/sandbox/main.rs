//! The sandbox runner through its typed client, with real walls around real code.
//!
//! The tests need the provisioned run-time and fail with a sentence about it when it is not there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod alone;
mod bad_input;
mod contract;
mod displays;
mod docker;
mod egress;
mod files;
mod hostile;
mod killed;
mod kubernetes;
mod limits;
mod mcp;
mod neighbours;
mod notebook;
mod once;
mod own_process;
mod owners;
mod packages;
mod running;
mod soak;
mod standalone;
mod stateful;
#[path = "../hostile/suite.rs"]
mod suite;
mod support;
mod walls;
