//! Caps on memory, processes and CPU time by cgroup, version 1 or 2, where we may write there.
//!
//! A cap on each process does not add up: eight children of 256 MiB each pass it. A cgroup counts the whole run,
//! files in memory included. Where none is writable, [`super::watchdog`] sums up instead, which is slower to notice.
//!
//! A worker enters its group itself, as the first thing that it does. Moving another process waits until every processor
//! has been idle or switched, which takes up to twenty milliseconds and holds up every fork on the machine.
//!
//! Folders are named after the process that made them, so that a later start can tell which are orphaned.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::removals::Removals;

const PARENT: &str = "septet-sandbox";
/// Over which a quota of CPU time is counted: the kernel's default.
const PERIOD_US: u64 = 100_000;

/// How caps are held on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchy {
    V1 { memory: PathBuf, pids: Option<PathBuf>, cpu: Option<PathBuf> },
    V2 { root: PathBuf, has_cpu: bool },
    None,
}

impl Hierarchy {
    /// Finds a hierarchy that really takes a limit, by making a folder and setting one.
    pub(super) fn detect(mount: &Path) -> Self {
        let v1 = mount.join("memory");
        if v1.join("memory.limit_in_bytes").exists() {
            let memory = v1.join(PARENT);
            if probe(&memory, "memory.limit_in_bytes", "67108864") {
                let other = |name: &str, file: &str, value: &str| {
                    let folder = mount.join(name).join(PARENT);
                    probe(&folder, file, value).then_some(folder)
                };
                let pids = other("pids", "pids.max", "64");
                let cpu = other("cpu", "cpu.cfs_quota_us", "100000");
                return Self::V1 { memory, pids, cpu };
            }
        }
        let root = mount.join(PARENT);
        if mount.join("cgroup.controllers").exists()
            && fs::create_dir_all(&root).is_ok()
            && fs::write(root.join("cgroup.subtree_control"), "+memory +pids").is_ok()
            && probe(&root, "memory.max", "67108864")
        {
            let has_cpu = fs::write(root.join("cgroup.subtree_control"), "+cpu").is_ok()
                && probe(&root, "cpu.max", "100000 100000");
            return Self::V2 { root, has_cpu };
        }
        Self::None
    }

    /// An empty group for one worker.
    pub(super) fn open(&self, slot: u64, removals: &Removals) -> io::Result<Option<Group>> {
        let name = format!("{}-{slot}", std::process::id());
        let group = match self {
            Self::None => return Ok(None),
            Self::V1 { memory, pids, cpu } => {
                let own = |parent: &PathBuf| parent.join(&name);
                Group::new(memory.join(&name), pids.as_ref().map(own), cpu.as_ref().map(own), Version::One, removals)
            }
            Self::V2 { root, has_cpu } => {
                Group::new(root.join(&name), None, None, Version::Two { has_cpu: *has_cpu }, removals)
            }
        };
        Ok(Some(group.make()?))
    }

    /// Removes the folders of processes that are gone. Returns how many.
    pub(super) fn sweep(&self) -> usize {
        let parents: Vec<&PathBuf> = match self {
            Self::None => Vec::new(),
            Self::V1 { memory, pids, cpu } => std::iter::once(memory).chain(pids).chain(cpu).collect(),
            Self::V2 { root, .. } => vec![root],
        };
        let mut n_removed = 0;
        for entry in parents.into_iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_string_lossy().split('-').next().and_then(|pid| pid.parse::<u32>().ok());
            let alive = owner.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists());
            if owner.is_some() && !alive && fs::remove_dir(entry.path()).is_ok() {
                n_removed += 1;
            }
        }
        n_removed
    }
}

fn probe(parent: &Path, file: &str, value: &str) -> bool {
    let folder = parent.join(format!("{}-probe", std::process::id()));
    let works = fs::create_dir_all(&folder).is_ok() && fs::write(folder.join(file), value).is_ok();
    // The folder may not exist; either way there is nothing to do about a failure.
    fs::remove_dir(&folder).ok();
    works
}

/// The caps of one worker. Removed when dropped, by when its processes must be gone.
pub(super) struct Group {
    memory: PathBuf,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
    version: Version,
    /// How many processes and threads are in it, where the kernel says so.
    n_tasks: Option<fs::File>,
    /// The caps that are set: writing them takes half a millisecond, and most runs have the same.
    caps: Mutex<Option<Caps>>,
    removals: Removals,
}

/// Caps on one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caps {
    pub(super) memory_bytes: u64,
    /// The worker itself among them.
    pub(super) n_processes: u64,
    /// Thousandths of one core.
    pub(super) cpu_milli: u32,
}

#[derive(Debug, Clone, Copy)]
enum Version {
    One,
    Two { has_cpu: bool },
}

impl Group {
    fn new(
        memory: PathBuf,
        pids: Option<PathBuf>,
        cpu: Option<PathBuf>,
        version: Version,
        removals: &Removals,
    ) -> Self {
        Self { memory, pids, cpu, version, n_tasks: None, caps: Mutex::default(), removals: removals.clone() }
    }

    fn make(mut self) -> io::Result<Self> {
        for folder in self.folders() {
            fs::create_dir_all(folder)?;
        }
        self.n_tasks = fs::File::open(self.pids.as_ref().unwrap_or(&self.memory).join("pids.current")).ok();
        Ok(self)
    }

    /// The files that the worker writes a zero to, which stands for itself. Opened here, because it may not.
    pub(super) fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let name = match self.version {
            // Here a single thread can enter, without a lock; a worker that has just been forked has no other.
            Version::One => "tasks",
            Version::Two { .. } => "cgroup.procs",
        };
        self.folders().map(|folder| Ok(fs::File::options().write(true).open(folder.join(name))?.into())).collect()
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.memory).chain(&self.pids).chain(&self.cpu)
    }

    /// Whether there is nothing in it but one process with one thread. `false` where the kernel does not say.
    pub(super) fn is_single(&self) -> bool {
        let mut text = [0_u8; 2];
        self.n_tasks.as_ref().is_some_and(|file| file.read_at(&mut text, 0).is_ok_and(|n| text[..n] == *b"1\n"))
    }

    /// The processes in it, as we see them.
    pub(super) fn processes(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.memory.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Sets the caps. Swap does not count as memory to spare.
    pub(super) fn limit(&self, caps: Caps) -> io::Result<()> {
        let mut current = self.caps.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != Some(caps) {
            // Half of them may be set when one fails.
            *current = None;
            self.write(caps)?;
            *current = Some(caps);
        }
        Ok(())
    }

    fn write(&self, Caps { memory_bytes, n_processes, cpu_milli }: Caps) -> io::Result<()> {
        let memory = memory_bytes.to_string();
        let quota_us = PERIOD_US * u64::from(cpu_milli) / 1000;
        match self.version {
            Version::Two { has_cpu } => {
                fs::write(self.memory.join("memory.max"), memory)?;
                // One process that hits the cap takes the whole run with it, instead of leaving half of it alive.
                fs::write(self.memory.join("memory.oom.group"), "1")?;
                // Absent without swap accounting; then there is no swap to limit.
                fs::write(self.memory.join("memory.swap.max"), "0").ok();
                fs::write(self.memory.join("pids.max"), n_processes.to_string())?;
                if has_cpu {
                    fs::write(self.memory.join("cpu.max"), format!("{quota_us} {PERIOD_US}"))?;
                }
            }
            Version::One => {
                fs::write(self.memory.join("memory.limit_in_bytes"), &memory)?;
                fs::write(self.memory.join("memory.memsw.limit_in_bytes"), &memory).ok();
                if let Some(pids) = &self.pids {
                    fs::write(pids.join("pids.max"), n_processes.to_string())?;
                }
                if let Some(cpu) = &self.cpu {
                    fs::write(cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                    fs::write(cpu.join("cpu.cfs_quota_us"), quota_us.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Removes the cap on CPU time. When that fails, the end takes longer; there is no other harm.
    pub(super) fn lift_cpu_cap(&self) {
        let lifted = match (self.version, &self.cpu) {
            (Version::Two { has_cpu: true }, _) => fs::write(self.memory.join("cpu.max"), "max"),
            (Version::One, Some(cpu)) => fs::write(cpu.join("cpu.cfs_quota_us"), "-1"),
            (Version::One | Version::Two { .. }, _) => Ok(()),
        };
        if let Err(error) = lifted {
            tracing::debug!(%error, "the cap on processors could not be lifted");
        }
        *self.caps.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the kernel has killed a process of the run for its memory.
    pub(super) fn ran_out(&self) -> bool {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two { .. } => "memory.events",
        };
        let Ok(text) = fs::read_to_string(self.memory.join(file)) else { return false };
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in self.folders() {
            self.removals.remove(folder.clone());
        }
    }
}
