//! Agent Core through its door, with stand-ins for the services that it asks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conversations;
mod endings;
mod fairness;
mod harness;
mod memory;
mod parallel;
mod providers;
mod recovery;
mod thinking;
mod waits;
