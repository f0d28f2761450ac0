//! The gateway through its public door, against scripted peers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod billing;
mod console;
mod door;
mod harness;
mod keys;
mod peers;
mod revocation;
mod sessions;
mod socket;
mod streams;
mod uploads;
