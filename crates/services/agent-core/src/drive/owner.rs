//! The name under which a process owns runs: it tells other processes of the same machine whether it still lives.
//!
//! A lease runs out by itself, but a person who waits for an answer should not have to wait for that. The kernel knows
//! which processes live: the name holds the boot, the namespace of process ids, the process and when it started, so that
//! a process is taken for dead only by one that would see it if it lived.

use septet_kernel::RequestId;

/// A new name for this process.
pub(crate) fn name(id: RequestId) -> String {
    let unique = id.uuid().simple();
    match Process::this() {
        Some(process) => format!("agent-core-{unique}@{process}"),
        None => format!("agent-core-{unique}"),
    }
}

/// Whether the process of this name has died for sure. Of one on another machine or in another container nobody knows.
pub(crate) fn is_dead(owner: &str) -> bool {
    let (Some(theirs), Some(this)) = (Process::of(owner), Process::this()) else { return false };
    if theirs.world != this.world {
        return false;
    }
    // The same number with another start is another process. One that is not shown may only be hidden, so the kernel is
    // asked whether there is one at all.
    started(&theirs.pid).map_or_else(|| !exists(&theirs.pid), |started| started != theirs.started)
}

/// A process as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    /// The boot of the machine and the namespace of process ids: within one, numbers mean the same.
    world: String,
    pid: String,
    /// In ticks since the boot.
    started: u64,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.world, self.pid, self.started)
    }
}

impl Process {
    /// This one; nothing on systems without `/proc`.
    fn this() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let world = format!("{}.{}", boot.trim(), digits(&namespace.to_string_lossy()));
        let pid = std::process::id().to_string();
        Some(Self { world, started: started(&pid)?, pid })
    }

    /// The one in a name.
    fn of(owner: &str) -> Option<Self> {
        let (_, process) = owner.split_once('@')?;
        let mut parts = process.split('/');
        let (world, pid, started) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { world: world.to_owned(), pid: pid.to_owned(), started: started.parse().ok()? })
    }
}

/// Whether there is a process with this number, whoever's it is.
fn exists(pid: &str) -> bool {
    let Ok(pid) = pid.parse() else { return true };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

/// When the process with this number started; nothing when there is none, or none that is shown.
fn started(pid: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may have blanks and brackets, so the fields are counted from its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    // One that has ended and is not yet buried by its parent does nothing any more: it is as one that never started.
    if matches!(state, "Z" | "X") { Some(0) } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use septet_kernel::{Clock, Ids};

    use super::*;

    #[test]
    fn only_a_process_that_is_surely_gone_is_dead() {
        let id = Ids::new(Clock::system()).next();
        let mine = name(id);
        let Some(process) = Process::of(&mine) else { return };
        let named = |process: Process| format!("agent-core-x@{process}");

        assert!(!is_dead(&mine));
        assert!(!is_dead("agent-core-0123"), "a name from before");
        assert!(is_dead(&named(Process { started: process.started + 1, ..process.clone() })));
        assert!(is_dead(&named(Process { pid: "4194305".to_owned(), ..process.clone() })), "beyond the last number");
        let elsewhere = Process { world: "another".to_owned(), pid: "4194305".to_owned(), ..process };
        assert!(!is_dead(&named(elsewhere)));
    }
}
