//! Executions with a key that are going on here, so that who asks again joins in.

use std::collections::HashMap;

use septet_kernel::ContainerId;
use tokio::sync::Mutex;

use crate::driver::Signals;
use crate::log::Log;

/// By container and key.
pub(crate) type RunningExecutions = Mutex<HashMap<(ContainerId, String), RunningExecution>>;

#[derive(Clone)]
pub(crate) struct RunningExecution {
    pub(crate) code_sha256: String,
    pub(crate) log: Log,
    pub(crate) signals: Signals,
}
