//! Management through its typed client, over its router inside its layers.

mod accounts;
mod agents;
mod bench;
mod fields;
mod first_start;
mod keys;
mod permissions;
mod prompts;
mod tenancy;
