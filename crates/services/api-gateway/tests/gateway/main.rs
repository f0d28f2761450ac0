//! The gateway through its public door, against scripted peers.

mod billing;
mod console;
mod door;
mod house;
mod keys;
mod peers;
mod sessions;
mod socket;
mod streams;
mod uploads;
