//! The settings of Agent Core.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How runs are driven.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For how many seconds a process owns a run without renewing. After a crash a run goes on this much later.
    /// Default 6.
    pub lease_s: u64,
    /// How many runs one process drives at a time; more wait. One tenant fills at most three quarters of them,
    /// so that the others have room. Default 256.
    pub max_active_runs: usize,
    /// How many runs of one tenant may wait for a place; more are refused. Default 1000.
    pub max_waiting_runs: u64,
    /// How many times a model call is tried again when the model gateway is unavailable. Default 2.
    pub model_retries: u32,
    /// The time limit of one execution of code in seconds. Default 60.
    pub code_timeout_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { lease_s: 6, max_active_runs: 256, max_waiting_runs: 1000, model_retries: 2, code_timeout_s: 60 }
    }
}

impl Config {
    /// Whether the values make sense together.
    ///
    /// # Errors
    /// A sentence that names the setting and its bounds.
    pub fn check(&self) -> Result<(), String> {
        if !(2..=600).contains(&self.lease_s) {
            return Err(format!("agent_core.lease_s = {}: choose 2 to 600 seconds", self.lease_s));
        }
        if self.max_active_runs == 0 {
            return Err("agent_core.max_active_runs = 0: no run could ever start; choose at least 1".to_owned());
        }
        if !(1..=3600).contains(&self.code_timeout_s) {
            return Err(format!("agent_core.code_timeout_s = {}: choose 1 to 3600 seconds", self.code_timeout_s));
        }
        Ok(())
    }

    /// The lease.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }
}
