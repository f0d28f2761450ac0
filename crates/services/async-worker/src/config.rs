//! Settings of the async worker.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the async worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many jobs run at a time in this process, 1 to 256. One tenant fills at most three quarters of them and never
    /// the last, so that the others have room. Default 3.
    pub concurrency: usize,
    /// After how many silent seconds a worker is believed dead and its job is given to another, 1 to 3600. It renews
    /// every third of it. Default 15.
    pub lease_s: u64,
    /// How often to look for jobs of other processes and for jobs whose time has come, in milliseconds, 10 to 60 000.
    /// Jobs of this process start at once. Default 1000.
    pub poll_ms: u64,
    /// After how many seconds without a word from its owner a running job is given up and retried, 1 to 86 400.
    /// Default 60.
    pub silence_s: u64,
    /// For how many days done and cancelled jobs are kept, 1 to 3650. Dead ones stay until they are retried. Default 30.
    pub keep_days: u64,
    /// Where this installation's worker writes down who it is, `<data folder>/worker.instance`. With it, jobs of a
    /// killed process start again at once at the next start, instead of when their lease ends. Default: none.
    pub instance_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self { concurrency: 3, lease_s: 15, poll_ms: 1000, silence_s: 60, keep_days: 30, instance_file: None }
    }
}

impl Config {
    /// Finds settings that cannot work.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=256).contains(&self.concurrency) {
            return Err("concurrency must be 1 to 256".to_owned());
        }
        let bounds = [
            ("lease_s", self.lease_s, 1, 3600),
            ("poll_ms", self.poll_ms, 10, 60_000),
            ("silence_s", self.silence_s, 1, 86_400),
            ("keep_days", self.keep_days, 1, 3650),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(format!("{name} must be {least} to {most}"));
            }
        }
        Ok(())
    }

    pub(crate) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_s)
    }

    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }

    pub(crate) fn silence(&self) -> Duration {
        Duration::from_secs(self.silence_s)
    }

    pub(crate) fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days * 86_400)
    }
}
