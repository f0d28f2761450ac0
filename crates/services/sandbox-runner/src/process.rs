//! The process driver: walls out of Linux namespaces, around forks of one warm interpreter.
//!
//! [`Driver`] is all that the service sees. A run goes through three types, so that no step can be left out:
//! [`Session`] (a folder), [`Entered`] (a walled worker with that folder, waiting), and the result of
//! [`Entered::run`].

mod cgroup;
mod driver;
mod folder;
mod link;
mod output;
mod run;
mod seccomp;
mod socket;
mod syscalls;
mod warden;
mod watchdog;
mod wire;

pub(crate) use driver::Session;
pub use driver::{Driver, Error, MemoryWall};
pub(crate) use folder::{Manifest, NewFile as FoundFile, inside};
pub(crate) use run::{Cause, Ended, Entered, Job, Said};
pub use warden::warden_main;
pub use wire::Level;
