//! Processes under measurement: started, watched through `/proc`, and ended with the value that holds them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

/// A process that is terminated when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it with nothing on its standard streams.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {:?}", command.get_program()))?))
    }

    /// Fails when it has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.0.try_wait()? {
            Some(status) => anyhow::bail!("the process ended by itself: {status}"),
            None => Ok(()),
        }
    }

    /// Resident memory of the process itself in MiB.
    pub(crate) fn rss_mib(&self) -> anyhow::Result<f64> {
        rss_mib(self.0.id())
    }

    /// Resident memory of the process and all below it in MiB, shared pages counted once.
    pub(crate) fn tree_mib(&self) -> anyhow::Result<f64> {
        self.tree().map(pss_mib).sum()
    }

    /// Open descriptors of the process itself.
    pub(crate) fn n_descriptors(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.0.id()))?.count())
    }

    /// The time that the process and all below it have spent on a processor.
    pub(crate) fn cpu(&self) -> Duration {
        self.tree().map(cpu).sum()
    }

    /// The processes below it.
    pub(crate) fn descendants(&self) -> Vec<u32> {
        descendants(self.0.id())
    }

    fn tree(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.0.id()).chain(self.descendants())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = Command::new("kill").arg(self.0.id().to_string()).status();
        let _reaped = self.0.wait();
    }
}

/// Keeps this process with all its threads on these processors.
pub(crate) fn stay_on(cpus: &str) -> anyhow::Result<()> {
    let done = Command::new("taskset").args(["-a", "-c", "-p", cpus, &std::process::id().to_string()]).output()?;
    anyhow::ensure!(done.status.success(), "taskset failed: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The processor time of this process.
pub(crate) fn own_cpu() -> Duration {
    cpu(std::process::id())
}

/// Resident memory of a process in MiB.
pub(crate) fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    mib(&status, "VmRSS:").context("no VmRSS")
}

/// Memory of a process that no other one shares, in MiB.
pub(crate) fn private_mib(pid: u32) -> anyhow::Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let (clean, dirty) = (mib(&rollup, "Private_Clean:"), mib(&rollup, "Private_Dirty:"));
    Ok(clean.context("no Private_Clean")? + dirty.context("no Private_Dirty")?)
}

fn pss_mib(pid: u32) -> anyhow::Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    mib(&rollup, "Pss:").context("no Pss")
}

fn mib(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// User and system time of a process, in the kernel's ticks of 10 ms; zero when it is gone.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn descendants(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let direct: Vec<u32> = children
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    direct.iter().flat_map(|child| std::iter::once(*child).chain(descendants(*child))).collect()
}
