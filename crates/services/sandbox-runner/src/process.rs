//! The process driver: walls out of Linux namespaces, around forks of one warm interpreter.
//!
//! [`Driver`] keeps the pool, [`session`] is a folder with the interpreter that may live in it, [`run`] is one run.

mod cgroup;
mod driver;
mod folder;
mod graves;
mod link;
mod mailbox;
mod output;
mod parked;
mod run;
mod seccomp;
mod session;
mod socket;
mod syscalls;
mod warden;
mod watchdog;
mod wire;
mod worker;

pub use driver::Driver;
pub(crate) use folder::inside;
pub use warden::warden_main;
