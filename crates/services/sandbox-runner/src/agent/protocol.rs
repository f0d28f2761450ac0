//! The protocol between a driver and the agent in a container: HTTP/1.1, with `Authorization: Bearer <token>`.
//!
//! ```text
//! GET    /health            Health
//! POST   /run               lines of AgentRequest ─▶ lines of AgentEvent, both ways at once; the end of either side ends the run
//! PUT    /files?path=       bytes of a file
//! GET    /files?path=       bytes of a file
//! DELETE /files?path=
//! POST   /forget?path=
//! POST   /changes           Look ─▶ FolderChanges
//! GET    /found/{number}    bytes of a file that the last look found, once
//! PUT    /egress            Opening: code can connect to a port of loopback from now on
//! POST   /egress            with an upgrade to STREAM: 101 once code has connected, then the bytes of that connection,
//!                           both ways; 204 when none has for LONG_POLL_TIMEOUT
//! ```
//!
//! A refusal is [`AgentError`]. Paths are percent-encoded and are checked on both sides. A request renews the lease:
//! an agent that nobody has asked anything for too long ends itself, and its container with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::driver::{Ended, Level, MemoryWall, RunSpec, Said};
use crate::egress::Directions;

/// Both sides must say the same number.
pub(crate) const PROTOCOL: u32 = 3;

/// Where an agent's socket and token are, inside its container.
pub(crate) const FOLDER: &str = "/run/septet";

/// The longest line that is read: a report is at most 4 MiB, which JSON may spell out six times as long.
pub(crate) const LINE_BYTES_MAX: usize = 32 << 20;

/// The `Upgrade` header of a request for a stream.
pub(crate) const STREAM: &str = "septet-stream";

/// How long such a request waits: less than the time after which networks drop idle connections.
pub(crate) const LONG_POLL_TIMEOUT: Duration = Duration::from_secs(60);

/// The state of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Health {
    pub(crate) protocol: u32,
    pub(crate) level: Level,
    pub(crate) memory: MemoryWall,
    pub(crate) python: String,
    /// Whether no session has used it yet.
    pub(crate) is_fresh: bool,
}

/// A line to the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentRequest {
    /// First. Answer: [`AgentEvent::Entered`].
    Enter { keep: bool },
    /// Second. Answers: [`AgentEvent::Said`] and at last [`AgentEvent::Ended`].
    Run(RunSpec),
    /// Has the code raise `KeyboardInterrupt`.
    Interrupt,
    /// Kills the run, which is then told as ended.
    Cancel,
}

/// A line from the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentEvent {
    Entered { is_fresh: bool },
    Said(Said),
    Ended(Box<Ended>),
    Failed(AgentError),
}

/// Why something was not done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AgentError {
    pub(crate) kind: AgentErrorKind,
    pub(crate) detail: String,
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentErrorKind {
    /// The token is not the agent's.
    Stranger,
    /// The request makes no sense.
    Garbled,
    /// The folder has no space left.
    Full,
    /// A run is going on, and runs of one session do not overlap.
    Busy,
    /// The walls cannot be built.
    Unavailable,
    /// The process that holds the walls ended; this agent is of no use any more.
    Lost,
    /// The operating system refused something.
    Io,
}

/// Opens the egress.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) directions: Directions,
    /// Whether the container has a network of its own, so that code must be kept to the one port.
    pub(crate) must_fence: bool,
}

/// Asks for what changed in the session folder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) n_max: usize,
}

/// What changed in the session folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct FolderChanges {
    /// By name. The position in the list is the number for `/found/{number}`.
    pub(crate) found: Vec<String>,
    pub(crate) gone: Vec<String>,
    pub(crate) is_cut: bool,
}
