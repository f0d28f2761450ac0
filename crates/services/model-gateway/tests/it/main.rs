//! Model-gateway through its own doors: the analyst over whole conversations, providers over scripted upstreams.

mod analyst_calls;
mod dialogue;
mod gateway;
mod idempotency;
mod library;
mod providers;
mod reports;
mod upstream;
mod usage;
