//! What every way of building walls can do: the seam between the sandbox runner and its drivers.
//!
//! ```text
//!  Driver ──open──▶ Session (a folder, perhaps an interpreter) ──enter──▶ Entered (a walled worker) ──run──▶ Ended
//! ```
//!
//! A run goes through all of them, so that no step can be left out. Drivers differ only in how the wall is made and
//! where the worker is; all of them pass one suite of tests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use septet_kernel::{ContainerId, Failure, Kind, TenantId};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::egress::EgressPolicy;

/// The bytes of a file, in pieces.
pub(crate) type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// How strong the walls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// No namespaces: forks with system calls filtered and files fenced off. Only ever inside a container, which is
    /// the outer wall, and never for more than one session.
    L1,
    /// All namespaces, made without the root user, inside a user namespace of our own. Memory is watched, not capped.
    L2,
    /// All namespaces, made by root, with host ids of their own and, where cgroups are writable, a memory cap.
    L3,
}

impl Level {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        }
    }
}

/// How the memory of a run is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemoryWall {
    /// Control groups, version 1.
    CgroupV1,
    /// Control groups, version 2.
    CgroupV2,
    /// The runner sums up the memory of all processes ten times a second.
    Watchdog,
}

impl MemoryWall {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CgroupV1 => "cgroup v1",
            Self::CgroupV2 => "cgroup v2",
            Self::Watchdog => "watchdog",
        }
    }
}

/// Walls that were built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walls {
    /// How strong.
    pub level: Level,
    /// How memory is limited.
    pub memory: MemoryWall,
    /// The version of the warm interpreter.
    pub python: String,
}

/// What a session may do.
#[derive(Clone)]
pub(crate) struct SessionSpec {
    pub(crate) container: ContainerId,
    /// Whose code it is, for whoever looks at what runs.
    pub(crate) tenant: TenantId,
    /// The egress, when the session has one.
    pub(crate) policy: Option<Arc<EgressPolicy>>,
}

/// Code and its limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunSpec {
    /// `python`, `sql`, or `save` and `load` for the variables of a kept interpreter ([`STATE`]).
    pub(crate) language: String,
    pub(crate) code: String,
    pub(crate) timeout: Duration,
    pub(crate) memory_bytes: u64,
    pub(crate) n_processes: u32,
    pub(crate) output_bytes: u64,
}

/// Where a run of `save` leaves the variables of an interpreter and `load` takes them from, below the session folder.
pub(crate) const STATE: &str = ".septet/state";

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    Stdout(String),
    Stderr(String),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cause {
    /// By itself.
    Itself,
    Timeout,
    Memory,
    Cancelled,
    /// The process that holds the walls ended.
    Lost,
}

/// A run that is over. Unless its interpreter is kept, every process of it is gone or being killed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) cause: Cause,
    /// An exit code, or minus a signal.
    pub(crate) status: i32,
    pub(crate) duration: Duration,
    /// Whether output was left out because of a limit.
    pub(crate) is_cut: bool,
    pub(crate) error: Option<Raised>,
    pub(crate) result: Option<Shown>,
    pub(crate) displays: Vec<Display>,
    /// Whether the interpreter lives on, with its variables, for the next run of the session.
    pub(crate) is_kept: bool,
}

/// What the code raised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Raised {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) traceback: String,
}

/// A value as people and programs see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) json: Option<serde_json::Value>,
}

/// Something to be shown that is no file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Display {
    pub(crate) mime: String,
    pub(crate) text: String,
}

/// What others may ask of a run that is going on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    /// Kills it.
    pub(crate) cancel: CancellationToken,
    /// Has the code raise `KeyboardInterrupt`, so that a kept interpreter lives on. Code that does not listen is killed.
    pub(crate) interrupt: CancellationToken,
}

/// A file that is new or changed.
pub(crate) struct FoundFile {
    /// Below the session folder.
    pub(crate) path: String,
    pub(crate) content: Chunks,
}

/// What changed in a session folder since it was last looked at.
#[derive(Default)]
pub(crate) struct Changes {
    /// By name.
    pub(crate) found: Vec<FoundFile>,
    pub(crate) gone: Vec<String>,
    /// Whether something was left out.
    pub(crate) is_cut: bool,
}

/// Builds walls and keeps workers warm behind them.
#[async_trait]
pub(crate) trait Driver: Send + Sync {
    /// The name on the wire.
    fn name(&self) -> &'static str;

    /// Makes ready what takes long, if it is not yet, and says how strong the walls are.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when this machine cannot build walls. Code is never run without them.
    async fn warm(&self) -> Result<Walls, Error>;

    /// The walls, once they have been built; starts nothing.
    async fn walls(&self) -> Option<Walls>;

    /// A session with an empty folder. Everything of it ends when it is dropped.
    async fn open(&self, spec: SessionSpec) -> Result<Box<dyn Session>, Error>;

    /// Ends what is warm. Runs that are going on keep what they need until they end.
    async fn close(&self);
}

/// A folder that outlives runs and, when asked for, an interpreter that does. Runs of one session do not overlap.
#[async_trait]
pub(crate) trait Session: Send + Sync {
    /// Whether it is gone, with all that was in it.
    fn is_lost(&self) -> bool;

    /// Whether an interpreter with variables lives in it.
    fn has_kept(&self) -> bool;

    /// A worker that waits for code. Waits while too many are running.
    ///
    /// With `keep` it is the interpreter of the last such run, if that still lives, and is kept again for the next.
    async fn enter(&self, keep: bool) -> Result<Box<dyn Entered>, Error>;

    /// Writes a file, in place of one that is there, and the folders that lead to it.
    ///
    /// # Errors
    /// When a part of the path is a link or a file, or there is no space ([`io::ErrorKind::StorageFull`]).
    async fn put(&self, path: &str, content: Chunks) -> io::Result<()>;

    /// The bytes of a file.
    async fn get(&self, path: &str) -> io::Result<Chunks>;

    /// Removes a file. One that is gone already is fine.
    async fn remove(&self, path: &str) -> io::Result<()>;

    /// The files that were made, changed or removed since the last look, at most `n_max` of them.
    async fn changes(&self, n_max: usize) -> io::Result<Changes>;

    /// Has the next look find a file anew, because it could not be kept this time.
    async fn forget(&self, path: &str);
}

/// A walled worker with its session folder. Killed when dropped.
#[async_trait]
pub(crate) trait Entered: Send {
    /// Whether no run of the session has used this interpreter before.
    fn is_fresh(&self) -> bool;

    /// Runs the code to its end, whichever that is. `say` gets its output as it comes.
    async fn run(
        self: Box<Self>,
        spec: &RunSpec,
        signals: &Signals,
        say: &mut (dyn FnMut(Said) + Send),
    ) -> Result<Ended, Error>;
}

/// Why no code runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The walls cannot be built; the sentence says what the system refused.
    #[error("the sandbox is not available: {0}")]
    Unavailable(String),
    /// The process that holds all walls ended. Trying again starts another.
    #[error("the sandbox broke down and is being restarted; try again")]
    Lost,
    /// The operating system refused something that always works.
    #[error("the sandbox met an error of the operating system")]
    Io(#[source] io::Error),
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Unavailable(_) | Self::Lost => Kind::Unavailable,
            Self::Io(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Unavailable(_) => "sandbox_unavailable",
            Self::Lost => "sandbox_lost",
            Self::Io(_) => "internal",
        }
    }
}
