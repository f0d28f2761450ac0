//! Management through its typed client, over its router inside its layers.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod accounts;
mod agents;
mod bench;
mod fields;
mod first_start;
mod keys;
mod permissions;
mod prompts;
mod rights;
mod tenancy;
