//! The binary as a library: settings, the data folder, and the composition of the seven services.
//!
//! Everything that depends on the environment is decided here, once: variables, files, ports, the clock of the
//! machine. The services below are given what they need.

pub mod cli;
pub mod compose;
pub mod config;
pub mod data;
