//! One suite that every driver of the counters passes: memory, memory with SQLite, and Redis.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod bench;
mod holds;
mod limits;
mod model;
mod price;
mod processes;
mod server;
mod store;

/// A variable of the environment, when it says something.
#[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
