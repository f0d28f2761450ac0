//! Sums up the memory of a run where no cgroup holds it.
//!
//! Counts the proportional share (PSS) of every process in the run's pid namespace, so that pages shared with the
//! warm interpreter are not counted again for every child. Files in memory are not counted; their folders have
//! limits of their own.

use std::fs;

/// The memory of all processes in the pid namespace of `init_pid`, in bytes. What cannot be read counts as nothing.
pub(super) fn memory_bytes(init_pid: i32) -> u64 {
    let Ok(namespace) = fs::read_link(format!("/proc/{init_pid}/ns/pid")) else { return 0 };
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    processes
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|entry| fs::read_link(entry.path().join("ns/pid")).is_ok_and(|link| link == namespace))
        .map(|entry| pss_bytes(&fs::read_to_string(entry.path().join("smaps_rollup")).unwrap_or_default()))
        .sum()
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
        assert!(super::memory_bytes(std::process::id() as i32) > 0);
    }
}
