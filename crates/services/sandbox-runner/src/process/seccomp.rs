//! The system calls that sandboxed code may make.
//!
//! Four filters, none of which kills: a run that meets an unknown call gets `ENOSYS` and takes its fall-back, as on
//! an older kernel; a call that is known to be dangerous gets `EPERM`. Killing on an unknown call would lose runs
//! to harmless calls that libraries have just begun to make, such as `statx`.
//!
//! Which [`Sockets`] there are depends on what is behind them. `AF_VSOCK` would reach the host of a virtual machine.
//!
//! When several filters say "error", the kernel takes the number of the one installed last; the order below
//! relies on it.
//!
//! The kernel translates a filter anew for every process that installs it, which takes a millisecond for all of these.
//! So the warm interpreter installs what it can live with, and only what forbids it to make workers is left to them.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
/// NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, and PARENT: a child of the process outside that
/// forked us would be reaped by nobody, and keep the namespaces of a run alive for ever.
pub(crate) const CLONE_FLAGS: [u64; 9] =
    [0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000, 0x8000];
/// Both tell what others do with files that all sandboxes share.
const FILE_WATCHES: [i32; 2] = [libc::F_SETLEASE, libc::F_NOTIFY];
/// All kinds of sockets that there could be; flags are in higher bits of the same argument.
const KINDS: std::ops::RangeInclusive<i32> = 0..=15;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What becomes of a call that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It fails.
    Error,
    /// It ends the code, so that it is noticed. Calls that are unknown by design still fail.
    Crash,
}

impl Refusal {
    fn action(self, number: i32) -> SeccompAction {
        match self {
            Self::Error => SeccompAction::Errno(number as u32),
            Self::Crash => SeccompAction::Trap,
        }
    }
}

/// Which sockets code may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sockets {
    /// Of the unix kind, and IP streams and datagrams: a namespace of our own is around them, and no network in it.
    Walled,
    /// Of the unix kind only: there is nothing between us and a network that the container may have.
    Unix,
    /// Those, and TCP over IPv4, which the egress of a container is reached by.
    UnixAndTcp,
}

impl Sockets {
    fn families(self) -> &'static [i32] {
        match self {
            Self::Walled => &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6],
            Self::Unix => &[libc::AF_UNIX],
            Self::UnixAndTcp => &[libc::AF_UNIX, libc::AF_INET],
        }
    }

    /// Of IP sockets.
    fn kinds(self) -> &'static [i32] {
        match self {
            Self::Walled => &[libc::SOCK_STREAM, libc::SOCK_DGRAM],
            Self::Unix | Self::UnixAndTcp => &[libc::SOCK_STREAM],
        }
    }

    /// Of IP sockets. Any other makes the kernel load a module for it, and Landlock knows of TCP alone.
    fn protocols(self) -> &'static [i32] {
        match self {
            Self::Walled => &[0, libc::IPPROTO_TCP, libc::IPPROTO_UDP],
            Self::Unix | Self::UnixAndTcp => &[0, libc::IPPROTO_TCP],
        }
    }
}

/// Programs in the order in which they are installed, as the kernel's `sock_filter` bytes.
pub(super) struct Programs {
    /// By the warm interpreter, which hands them on to every worker.
    pub(super) inherited: Vec<Vec<u8>>,
    /// By a worker, in a session that has no egress.
    pub(super) own: Vec<Vec<u8>>,
    /// By a worker, in a session that has one.
    pub(super) own_with_egress: Vec<Vec<u8>>,
}

/// What code runs under. With `plain` there is no namespace around it.
///
/// # Errors
/// On an architecture that is neither x86-64 nor aarch64.
pub(super) fn programs(refusal: Refusal, plain: bool) -> Result<Programs, seccompiler::BackendError> {
    let (mut inherited, dangerous) = (calls(refusal)?, dangerous(refusal)?);
    let (mut own, mut own_with_egress) = (vec![dangerous.clone()], vec![dangerous]);
    if plain {
        own.push(sockets(refusal, Sockets::Unix)?);
        own_with_egress.push(sockets(refusal, Sockets::UnixAndTcp)?);
    } else {
        inherited.push(sockets(refusal, Sockets::Walled)?);
    }
    Ok(Programs { inherited, own, own_with_egress })
}

/// Which calls there are at all.
fn calls(refusal: Refusal) -> Result<Vec<Vec<u8>>, seccompiler::BackendError> {
    let known = super::syscalls::ALLOWED.iter().chain(super::syscalls::REFUSED);
    let mut known: Rules = known.map(|call| (call.number, Vec::new())).collect();
    let by_design: Rules = super::syscalls::UNKNOWN_BY_DESIGN.iter().map(|call| (*call, Vec::new())).collect();
    if refusal == Refusal::Crash {
        // The filter after it says what becomes of them.
        known.extend(by_design.clone());
    }
    let unknown = compile(known, refusal.action(libc::ENOSYS), SeccompAction::Allow)?;
    let by_design = compile(by_design, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
    Ok(vec![bytes(&unknown), bytes(&by_design)])
}

/// Those that are known and forbidden: what the warm interpreter makes workers with is among them.
fn dangerous(refusal: Refusal) -> Result<Vec<u8>, seccompiler::BackendError> {
    let mut dangerous: Rules = super::syscalls::REFUSED.iter().map(|call| (call.number, Vec::new())).collect();
    let namespaces: Result<Vec<_>, _> =
        CLONE_FLAGS.iter().map(|flag| rule(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(*flag), *flag)).collect();
    dangerous.insert(libc::SYS_clone, namespaces?);
    // The kernel looks at the low 32 bits only, so must we.
    let terminal: Result<Vec<_>, _> = [TIOCSTI, TIOCLINUX]
        .iter()
        .map(|request| rule(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *request))
        .collect();
    dangerous.insert(libc::SYS_ioctl, terminal?);
    let watches: Result<Vec<_>, _> = FILE_WATCHES
        .iter()
        .map(|command| rule(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *command as u64))
        .collect();
    dangerous.insert(libc::SYS_fcntl, watches?);
    Ok(bytes(&compile(dangerous, SeccompAction::Allow, refusal.action(libc::EPERM))?))
}

/// Which sockets there are.
fn sockets(refusal: Refusal, sockets: Sockets) -> Result<Vec<u8>, seccompiler::BackendError> {
    let other_families = SeccompRule::new(none_of(0, sockets.families())?)?;
    let mut odd = vec![other_families.clone()];
    for family in [libc::AF_INET, libc::AF_INET6] {
        let is_ip = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family as u64)?;
        let mut odd_protocol = none_of(2, sockets.protocols())?;
        odd_protocol.push(is_ip.clone());
        odd.push(SeccompRule::new(odd_protocol)?);
        for kind in KINDS.filter(|kind| !sockets.kinds().contains(kind)) {
            let is_odd = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), kind as u64)?;
            odd.push(SeccompRule::new(vec![is_ip.clone(), is_odd])?);
        }
    }
    let mut rules: Rules =
        [(libc::SYS_socket, odd), (libc::SYS_socketpair, vec![other_families])].into_iter().collect();
    if sockets == Sockets::UnixAndTcp {
        // It connects without a call to connect, which not every kernel shows to Landlock.
        let fast_open = libc::MSG_FASTOPEN as u64;
        for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
            let is_fast_open = rule(flags, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(fast_open), fast_open)?;
            rules.insert(call, vec![is_fast_open]);
        }
    }
    Ok(bytes(&compile(rules, SeccompAction::Allow, refusal.action(libc::EAFNOSUPPORT))?))
}

/// That an argument is none of these.
fn none_of(arg: u8, values: &[i32]) -> Result<Vec<SeccompCondition>, seccompiler::BackendError> {
    let differs = |value: &i32| SeccompCondition::new(arg, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *value as u64);
    values.iter().map(differs).collect()
}

fn rule(
    arg: u8,
    length: SeccompCmpArgLen,
    operation: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(arg, length, operation, value)?])
}

fn compile(
    rules: Rules,
    mismatch: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, mismatch, matched, arch)?.try_into()
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    let mut out = Vec::with_capacity(program.len() * 8);
    for instruction in program {
        out.extend_from_slice(&instruction.code.to_ne_bytes());
        out.push(instruction.jt);
        out.push(instruction.jf);
        out.extend_from_slice(&instruction.k.to_ne_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_fit_the_kernels_limit() {
        for plain in [false, true] {
            let Programs { inherited, own, own_with_egress } = programs(Refusal::Error, plain).unwrap();
            assert_eq!(inherited.len() + own.len(), 4);
            let all: Vec<_> = [inherited, own, own_with_egress].concat();
            assert!(all.iter().all(|program| program.len() / 8 <= 4096));
            // The warm interpreter takes no longer message, and this is in hexadecimal.
            assert!(all.iter().map(Vec::len).sum::<usize>() * 2 < 60_000);
        }
    }

    #[test]
    fn no_call_is_both_allowed_and_refused() {
        use super::super::syscalls::{ALLOWED, REFUSED, UNKNOWN_BY_DESIGN};
        assert!(ALLOWED.iter().all(|call| !REFUSED.contains(call) && !UNKNOWN_BY_DESIGN.contains(&call.number)));
    }
}
