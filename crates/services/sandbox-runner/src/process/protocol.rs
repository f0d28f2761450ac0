//! The messages between the runner and its warden, and those to the worker.
//!
//! Both ends are the same binary, so these types may change freely. Descriptors travel beside a message, in the
//! order its documentation gives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::driver::{Display, Level, Raised, Shown};
use crate::egress::Outlet;

/// A request of the runner; `seq` comes back in the answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    pub seq: u64,
    pub request: Request,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Builds the root and starts the warm interpreter. Comes first, once.
    Setup(Setup),
    /// Mounts an empty session folder. Answer: [`Answer::Done`] with its descriptor.
    OpenSession { session: String, bytes: u64, n_inodes: u64 },
    /// Unmounts a session folder.
    CloseSession { session: String },
    /// Makes namespaces with the host ids of a pair and forks a worker into them. Descriptor: the worker's end of its
    /// control socket. Answer: [`Answer::Parked`] with the descriptor of its report folder.
    Park { slot: u64, pair: u32 },
    /// Puts a session folder into the namespaces of a parked worker and takes the last privileges from its init.
    /// With egress, the answer has the descriptor of a socket that listens inside.
    Enter { slot: u64, session: String, has_egress: bool },
    /// Stops everything in the namespaces, in one step that nothing can fork away from. Answer: [`Answer::Done`].
    Freeze { slot: u64 },
    /// Continues what was frozen. Answer: none.
    Thaw { slot: u64 },
    /// Kills everything in the namespaces. Answer: none; [`Event::Exited`] follows.
    Kill { slot: u64 },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    /// Whether there is a container around us: no namespaces then, and its files as they are.
    pub is_plain: bool,
    /// The interpreter of the host, below /usr/bin.
    pub python: PathBuf,
    /// The provisioned tree, with `site` and `mpl` in it.
    pub runtime: PathBuf,
    /// The first of the host ids that sandboxed processes run under, when we are root.
    pub host_uid: u32,
    /// How many pairs of them there are.
    pub n_pairs: u32,
    /// Whether system calls that are not allowed end the code.
    pub crash_on_denied_calls: bool,
    /// Size of /tmp and of /dev/shm, each.
    pub scratch_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    /// The answer to a request.
    Answer { seq: u64, answer: Answer },
    /// Every process of a slot is gone. `status` is an exit code, or minus a signal.
    Exited { slot: u64, status: i32 },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    /// `owner` is who session folders belong to, when that is not us.
    Ready {
        level: Level,
        owner: Option<u32>,
        zygote: ZygoteReady,
    },
    /// Without namespaces there is no init; the zygote stands in its place.
    Parked {
        init_pid: i32,
        worker_pid: i32,
    },
    Failed {
        why: String,
    },
}

/// What the warm interpreter says once it is warm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ZygoteReady {
    pub python: String,
    pub packages: BTreeMap<String, String>,
    pub import_ms: u64,
}

/// What reaches the worker: the code. The first one comes through its control socket with two descriptors, standard
/// output and standard error; those after it through the mailbox.
#[derive(Debug, Serialize)]
pub(super) struct WorkerJob<'a> {
    /// Comes back in the report.
    pub seq: u64,
    /// Whether to wait for another job after this one, with all variables kept.
    pub keep: bool,
    pub language: &'a str,
    pub code: &'a str,
    pub limits: WorkerLimits,
    /// The egress, of a session that has one. Read from the first job only.
    pub network: Option<&'a Outlet>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct WorkerLimits {
    pub cpu_s: Option<u64>,
    pub file_bytes: u64,
    pub n_processes: u64,
    pub memory_bytes: u64,
    /// A cap on address space, only where nothing better holds.
    pub address_bytes: Option<u64>,
}

/// What the worker wrote about its run. Everything in it is untrusted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    pub seq: u64,
    pub exit: i32,
    pub error: Option<Raised>,
    pub result: Option<Shown>,
    pub displays: Vec<Display>,
}
