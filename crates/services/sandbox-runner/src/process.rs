//! The process driver: walls out of Linux namespaces, around forks of one warm interpreter.
//!
//! [`Driver`] opens sessions and [`workers`] keeps the processes for them; [`session`] is a folder with the interpreter
//! that may be kept in it, [`run`] is one run.

mod cgroup;
mod driver;
mod folder;
mod link;
mod mailbox;
mod output;
mod pairs;
mod parked;
mod protocol;
mod removals;
mod run;
mod seccomp;
mod session;
mod socket;
mod syscalls;
mod tree;
mod warden;
mod watchdog;
mod worker;
mod workers;

pub use driver::Driver;
pub(crate) use folder::{inside, is_honest};
pub(crate) use seccomp::CLONE_FLAGS;
pub(crate) use syscalls::{ALLOWED, REFUSED, Syscall};
pub use warden::warden_main;
