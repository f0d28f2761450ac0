//! The async worker through its typed client, over its router inside its layers, with a scripted owner of jobs.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod bench;
mod lifetimes;
mod outcomes;
mod people;
mod requests;
mod rights;
