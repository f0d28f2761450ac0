//! Model-gateway through its own doors: the analyst over whole conversations, providers over scripted upstreams.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop at once")]

mod analyst_calls;
mod bills;
mod budgets;
mod dialects;
mod dialogue;
mod gateway;
mod idempotency;
mod library;
mod makers;
mod outcomes;
mod providers;
mod replay;
mod reports;
mod routing;
mod upstream;
mod usage;
