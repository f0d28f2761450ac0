//! Sums up the memory of a run where no cgroup holds it.
//!
//! Counts the proportional share (PSS) of every process in the run's pid namespace, so that pages shared with the
//! warm interpreter are not counted again for every child. Files in memory are not counted; their folders have
//! limits of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::tree::Tree;

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

    /// Their memory. Reads much of `/proc`, so it blocks.
    pub(super) fn memory_bytes(&self) -> u64 {
        match self {
            Self::Namespace(namespace) => memory_bytes(namespace),
            Self::Tree(tree) => tree.memory_bytes(),
        }
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

/// The memory of all processes in a pid namespace, in bytes. A process that is just ending counts as nothing.
fn memory_bytes(namespace: &Path) -> u64 {
    let rollup = |pid: i32| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    processes(namespace).into_iter().map(|pid| pss_bytes(&rollup(pid))).sum()
}

fn pss_bytes(smaps_rollup: &str) -> u64 {
    let kib: Option<u64> = smaps_rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    #[test]
    fn pss_is_read_in_kibibytes() {
        assert_eq!(super::pss_bytes("Rss:  9 kB\nPss:      128 kB\nPss_Dirty: 3 kB\n"), 128 * 1024);
        assert_eq!(super::pss_bytes(""), 0);
    }

    #[test]
    fn ones_own_namespace_holds_memory() {
        let namespace = super::namespace(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(super::memory_bytes(&namespace) > 0);
    }
}
