//! The warm interpreter, seen from the warden: its socket, and what it says.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::process::socket;

/// Longer than any step takes on a machine that is merely busy.
pub(super) const ANSWER_TIMEOUT_S: i64 = 20;

/// The warm interpreter, seen from the warden.
pub(super) struct Zygote {
    pub(super) pid: i32,
    pub(super) socket: OwnedFd,
    /// Its mount namespace: what every run starts from.
    pub(super) mounts: OwnedFd,
}

impl Zygote {
    /// The next thing it says.
    pub(super) fn says(&self) -> io::Result<ZygoteSays> {
        let (message, _) = socket::receive(self.socket.as_fd())?;
        if message.is_empty() {
            return Err(io::Error::other("the warm interpreter is gone"));
        }
        Ok(serde_json::from_slice(&message)?)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ZygoteSays {
    Forked(i32),
    Failed(String),
    #[serde(untagged)]
    Exited {
        exited: i32,
        status: i32,
    },
}
