//! Sums up what a run uses where no cgroup holds it.
//!
//! Counts the proportional share (PSS) of every process in the run's pid namespace, so that pages shared with the
//! warm interpreter are not counted again for every child. Files in memory are not counted; their folders have
//! limits of their own. Nor can the kernel be asked what is in the buffers of sockets, so many sockets count as full.
//!
//! Nothing here can hold a run to its share of the processors; one that takes more gets the lowest priority instead,
//! permanently.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tree::Tree;

/// So many sockets are usual and count as nothing.
const N_UNCOUNTED_SOCKETS: u64 = 64;
/// What a socket holds at most that asks for a big buffer, with the kernel's default for how big that may be.
const SOCKET_BYTES: u64 = 425_984;
const LOWEST_PRIORITY: libc::c_int = 19;

/// What all processes of a run use together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) memory_bytes: u64,
    /// Time on processors so far.
    pub(super) cpu: Duration,
}

/// How the processes of a run are found.
#[derive(Debug, Clone)]
pub(super) enum Watched {
    /// By their pid namespace.
    Namespace(PathBuf),
    /// By descent, where there is none.
    Tree(Tree),
}

impl Watched {
    /// All of them, as we see them.
    pub(super) fn processes(&self) -> Vec<i32> {
        match self {
            Self::Namespace(namespace) => processes(namespace),
            Self::Tree(tree) => tree.processes(),
        }
    }

    /// What they use. Reads much of `/proc`, so it blocks.
    pub(super) fn used(&self) -> Used {
        match self {
            Self::Namespace(namespace) => used(namespace),
            Self::Tree(tree) => {
                let stat = |pid: i32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let cpu = tree.processes().into_iter().map(|pid| cpu(&stat(pid))).sum();
                Used { memory_bytes: tree.memory_bytes(), cpu }
            }
        }
    }

    /// Gives them the lowest priority. Blocks.
    pub(super) fn demote(&self) {
        demote(self.processes());
    }
}

/// The pid namespace of a worker, to be watched.
///
/// # Errors
/// When it cannot be seen; then its memory could not be summed up either, and the worker must not run.
pub(super) fn namespace(worker_pid: i32) -> io::Result<PathBuf> {
    fs::read_to_string(format!("/proc/{worker_pid}/smaps_rollup"))?;
    fs::read_link(format!("/proc/{worker_pid}/ns/pid"))
}

/// The processes in a pid namespace, as we see them.
fn processes(namespace: &Path) -> Vec<i32> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|link| link == *namespace))
        .collect()
}

/// What the processes in a pid namespace use. One that is just ending counts as nothing.
fn used(namespace: &Path) -> Used {
    let mut used = Used::default();
    let processes = processes(namespace);
    for pid in &processes {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        used.memory_bytes += pss_bytes(&read("smaps_rollup"));
        used.cpu += cpu(&read("stat"));
    }
    // All of them share one network namespace.
    if let Some(pid) = processes.first() {
        let sockets = fs::read_to_string(format!("/proc/{pid}/net/sockstat")).unwrap_or_default();
        used.memory_bytes += n_sockets(&sockets).saturating_sub(N_UNCOUNTED_SOCKETS) * SOCKET_BYTES;
    }
    used
}

/// Gives every thread of some processes the lowest priority; those that they start later inherit it.
fn demote(processes: Vec<i32>) {
    for pid in processes {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for thread in threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
            set_lowest_priority(thread);
        }
    }
}

#[expect(unsafe_code, reason = "setpriority of a thread has no safe wrapper")]
fn set_lowest_priority(thread: libc::id_t) {
    // SAFETY: takes three numbers and touches no memory of ours. A thread that is gone by now is fine.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, thread, LOWEST_PRIORITY) };
}

fn pss_bytes(smaps_rollup: &str) -> u64 {
    let kib: Option<u64> = smaps_rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse().ok());
    kib.unwrap_or(0) * 1024
}

/// The time of a process and of the children that it has waited for.
fn cpu(stat: &str) -> Duration {
    // The name may contain anything, blanks and parentheses included.
    let Some((_, fields)) = stat.rsplit_once(") ") else { return Duration::ZERO };
    let ticks: u64 = fields.split(' ').skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn n_sockets(sockstat: &str) -> u64 {
    let used = sockstat.lines().find_map(|line| line.strip_prefix("sockets: used "));
    used.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn pss_is_read_in_kibibytes() {
        assert_eq!(super::pss_bytes("Rss:  9 kB\nPss:      128 kB\nPss_Dirty: 3 kB\n"), 128 * 1024);
        assert_eq!(super::pss_bytes(""), 0);
    }

    #[test]
    fn time_is_read_behind_a_name_that_contains_anything() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 90 0 0 0 150 30 15 5 25 5 1 0 100 0";
        assert_eq!(super::cpu(stat), Duration::from_secs(2));
        assert_eq!(super::cpu(""), Duration::ZERO);
    }

    #[test]
    fn sockets_are_counted() {
        assert_eq!(super::n_sockets("sockets: used 85\nTCP: inuse 5 orphan 0\n"), 85);
        assert_eq!(super::n_sockets(""), 0);
    }

    #[test]
    fn ones_own_namespace_holds_memory_and_takes_time() {
        let namespace = super::namespace(i32::try_from(std::process::id()).unwrap()).unwrap();
        let used = super::used(&namespace);
        assert!(used.memory_bytes > 0, "{used:?}");
    }
}
