//! The gateway through its public interface, against scripted peers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admission;
mod billing;
mod console;
mod harness;
mod keys;
mod peers;
mod revocation;
mod sessions;
mod socket;
mod streams;
mod sweep;
mod uploads;
