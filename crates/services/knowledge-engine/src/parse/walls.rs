//! The walls around the process that reads an untrusted file.
//!
//! A reader of PDFs is a large program, and one day a file takes it over. What it can do then is what its process can do:
//! use the file and the pipe it was given, and compute. Before the first byte of the file is looked at, the process gives
//! up everything else: descriptors it might have inherited, its user where it is root, the network, the file system
//! (Landlock), and all system calls but those that reading needs. The filter of system calls is enough by itself and
//! works on every machine, as root, without root and in a container; a kernel that has none is refused. The other walls
//! stand behind it where the machine lets us build them.
//!
//! The fonts of the machine are the one thing left, to read and where Landlock can hold it to them: libpdfium measures
//! text by them whose own font is not in the file, and drops some of it otherwise.
//!
//! There is no setting that takes them away.

use std::collections::BTreeMap;

use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Where libpdfium looks for fonts.
const FONTS: [&str; 4] =
    ["/usr/share/fonts", "/usr/share/X11/fonts/Type1", "/usr/share/X11/fonts/TTF", "/usr/local/share/fonts"];

/// The user and group that the process changes to where it is root: no system assigns this id, so no file is theirs.
const NOBODY: u32 = 2_147_000_007;

/// The kernel offers no filter of system calls.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// It cannot be written for this processor.
    #[error("there is no filter of system calls for this processor")]
    Filter(#[from] seccompiler::BackendError),
    /// The kernel does not take it.
    #[error("the kernel takes no filter of system calls")]
    Kernel(#[from] seccompiler::Error),
}

/// What one reading may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processor time.
    pub cpu_seconds: u64,
    /// Address space.
    pub memory_bytes: u64,
}

/// Closes what this process inherited besides standard input, output and errors, and bounds what it may use up. The
/// libraries that read can still be loaded.
pub fn set_limits(limits: Limits) {
    let descriptors = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let inherited: Vec<i32> =
        descriptors.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|fd| *fd > 2).collect();
    for descriptor in inherited {
        // The one of the listing itself is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    // A limit that cannot be set is one that is already lower; the parent's clock and output cap stand either way.
    let values = [
        (Resource::RLIMIT_CPU, limits.cpu_seconds),
        (Resource::RLIMIT_AS, limits.memory_bytes),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, 64),
    ];
    for (resource, value) in values {
        let _ = setrlimit(resource, value, value);
    }
}

/// Whether there is a wall around files that leaves the fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fonts {
    /// There is.
    Readable,
    /// No file can be opened at all.
    Unreadable,
}

/// Gives up the user, the network and the file system, as far as this machine lets us. Only while there is one thread.
pub fn drop_privileges() -> Fonts {
    let apart = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if Uid::effective().is_root() {
        let _ = nix::sched::unshare(apart);
        let _ = setgroups(&[]);
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        let _ = setresgid(gid, gid, gid);
        let _ = setresuid(uid, uid, uid);
    } else {
        let _ = nix::sched::unshare(apart | CloneFlags::CLONE_NEWUSER);
    }
    let _ = nix::sys::prctl::set_dumpable(false);
    without_files().unwrap_or(Fonts::Unreadable)
}

/// No access to any file but fonts, any port, any process, by the newest Landlock that the kernel has.
fn without_files() -> Result<Fonts, landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
        path_beneath_rules,
    };
    let newest = ABI::V6;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .add_rules(path_beneath_rules(FONTS, AccessFs::ReadFile))?
        .restrict_self()?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(Fonts::Readable),
        RulesetStatus::NotEnforced => Ok(Fonts::Unreadable),
    }
}

/// From here on this process, with all of its threads, only computes, reads and writes what is open, and ends.
///
/// # Errors
/// [`Missing`]: then nothing may be read.
pub fn filter_calls(fonts: Fonts) -> Result<(), Missing> {
    Ok(seccompiler::apply_filter_all_threads(&filter(fonts)?)?)
}

/// Calls that are allowed whatever their arguments. None opens, makes or finds anything by name.
const CALLS: [libc::c_long; 33] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_restart_syscall,
    libc::SYS_ppoll,
    libc::SYS_membarrier,
];

fn filter(fonts: Fonts) -> Result<BpfProgram, Missing> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_poll, Vec::new());
    let if_argument = |at: u8, comparison: SeccompCmpOp, value: u64| {
        SeccompCondition::new(at, SeccompCmpArgLen::Qword, comparison, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map(|rule| vec![rule])
    };
    if fonts == Fonts::Readable {
        let writing = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;
        let to_read = SeccompCmpOp::MaskedEq(u64::from(writing.unsigned_abs()));
        rules.insert(libc::SYS_openat, if_argument(2, to_read, u64::from(libc::O_RDONLY.unsigned_abs()))?);
    }
    // Memory may not be executable.
    let no_code = SeccompCmpOp::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs()));
    rules.insert(libc::SYS_mmap, if_argument(2, no_code.clone(), 0)?);
    rules.insert(libc::SYS_mprotect, if_argument(2, no_code, 0)?);
    // A program that aborts sends itself a signal.
    rules.insert(libc::SYS_tgkill, if_argument(0, SeccompCmpOp::Eq, u64::from(std::process::id()))?);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let processor = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, refused, SeccompAction::Allow, processor)?.try_into()?)
}
