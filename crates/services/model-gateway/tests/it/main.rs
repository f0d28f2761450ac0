//! Model-gateway through its public interface, with providers over scripted upstreams.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop at once")]

mod accounts;
mod analyst_calls;
mod bills;
mod boundaries;
mod budgets;
mod dialects;
mod endings;
mod examine;
mod fairness;
mod gateway;
mod idempotency;
mod makers;
mod outcomes;
mod providers;
mod replay;
mod routing;
mod slow;
mod upstream;
mod usage;
