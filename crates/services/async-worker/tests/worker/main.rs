//! The async worker through its typed client, over its router inside its layers, with a scripted owner of jobs.

mod bench;
mod lifetimes;
mod outcomes;
mod requests;
