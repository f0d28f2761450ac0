//! The spool through its public door, with real files, real crashes and stores that come and go.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod damage;
mod drain;
mod kill;
mod size;
mod waiting;
