//! The processes of a run where no pid namespace holds them together: found by descent.
//!
//! ```text
//!  agent ─▶ warden ─▶ zygote ─▶ worker of this run ─▶ what it started
//!              │          └───▶ workers of other runs
//!              └─▶ strays: what a worker started and left behind when it died, adopted by the warden
//! ```
//! A worker adopts the orphans below it while it lives. Strays can only be of code of the same session, since a
//! container has one, and count to every run of it.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than the kernel takes to tear a process down on a machine that is merely busy.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A process stops when it is next scheduled.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The processes that are part of the walls, and one worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    pub(super) agent: i32,
    pub(super) warden: i32,
    pub(super) zygote: i32,
    pub(super) worker: i32,
}

impl Tree {
    /// Seen from the agent.
    pub(super) fn of(worker: i32, zygote: i32) -> Option<Self> {
        let agent = i32::try_from(std::process::id()).ok()?;
        Some(Self { agent, warden: living().get(&zygote).copied()?, zygote, worker })
    }

    /// The worker, what it has started, and all strays.
    pub(super) fn processes(&self) -> Vec<i32> {
        let parents = living();
        parents.keys().copied().filter(|pid| self.is_ours(*pid, &parents)).collect()
    }

    /// Kills the worker, what it has started and all strays. Returns whether nothing is left but what only its parent
    /// can take away.
    pub(super) fn kill(&self) -> bool {
        let give_up_at = Instant::now() + END_TIMEOUT;
        // What is stopped starts nothing new, so after a few rounds everything is known.
        while Instant::now() < give_up_at {
            let all = self.processes();
            if all.is_empty() {
                return true;
            }
            self.signal(&all, Signal::SIGSTOP);
            self.signal(&all, Signal::SIGKILL);
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Stops the worker, what it has started and all strays. Returns whether nothing of them runs any more; what forks
    /// on and on cannot be stopped from outside, only killed.
    pub(super) fn stop(&self) -> bool {
        let give_up_at = Instant::now() + STOP_TIMEOUT;
        let mut before = Vec::new();
        while Instant::now() < give_up_at {
            let mut all = self.processes();
            all.sort_unstable();
            let is_known = all == before || all == [self.worker];
            if is_known && all.iter().all(|pid| is_stopped(*pid)) {
                return true;
            }
            self.signal(&all, Signal::SIGSTOP);
            before = all;
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Continues what [`Tree::stop`] has stopped.
    pub(super) fn thaw(&self) {
        self.signal(&self.processes(), Signal::SIGCONT);
    }

    fn signal(&self, all: &[i32], signal: Signal) {
        for pid in all {
            // Gone by now is fine.
            kill(Pid::from_raw(*pid), signal).ok();
        }
    }

    /// Memory that the run has made its own. A fork shares what the warm interpreter had; that much of every process
    /// is not counted, so this is less than the truth, and the container's own cap is behind it.
    pub(super) fn memory_bytes(&self) -> u64 {
        let shared = anonymous_bytes(self.zygote);
        self.processes().into_iter().map(|pid| anonymous_bytes(pid).saturating_sub(shared)).sum()
    }

    fn is_ours(&self, pid: i32, parents: &HashMap<i32, i32>) -> bool {
        let mut at = pid;
        // Bounded, because what was read of /proc need not fit together.
        for _ in 0..parents.len() {
            if at == self.worker {
                return true;
            }
            if at == self.agent || at == self.warden || at == self.zygote {
                return false;
            }
            let Some(parent) = parents.get(&at).copied() else { return false };
            if parent == self.warden || parent == self.agent {
                return true;
            }
            at = parent;
        }
        false
    }
}

/// Every process that has not ended, with its parent.
fn living() -> HashMap<i32, i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, parent_of_living(&stat)?))
    })
    .collect()
}

/// The parent in a line of `/proc/<pid>/stat`, unless the process has ended.
fn parent_of_living(stat: &str) -> Option<i32> {
    // The name before it may hold anything, brackets and spaces too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    words.next()?.parse().ok()
}

/// Whether a process is stopped.
pub(super) fn is_stopped(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with(['T', 't']))
}

fn anonymous_bytes(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
    };
    (kib("RssAnon:") + kib("VmSwap:")) * 1024
}

/// How often the kernel has killed something in this container for its memory.
pub(super) fn n_out_of_memory() -> u64 {
    let files = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_of_living("12 (a) S 1) S 7 12 12"), Some(7));
        assert_eq!(parent_of_living("12 (python3) Z 7 12 12"), None);
        assert_eq!(parent_of_living("nonsense"), None);
    }

    #[test]
    fn strays_are_ours_and_other_workers_are_not() {
        let tree = Tree { agent: 1, warden: 2, zygote: 3, worker: 10 };
        let parents =
            [(1, 0), (2, 1), (3, 2), (10, 3), (11, 10), (12, 11), (20, 3), (21, 20), (30, 2), (31, 30), (40, 1)];
        let parents: HashMap<i32, i32> = parents.into_iter().collect();
        let mut ours: Vec<i32> = parents.keys().copied().filter(|pid| tree.is_ours(*pid, &parents)).collect();
        ours.sort_unstable();
        assert_eq!(ours, [10, 11, 12, 30, 31, 40]);
    }

    #[test]
    fn we_have_memory_of_our_own() {
        assert!(anonymous_bytes(i32::try_from(std::process::id()).unwrap()) > 0);
    }
}
