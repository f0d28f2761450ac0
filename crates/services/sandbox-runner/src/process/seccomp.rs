//! The system calls that sandboxed code may make.
//!
//! Four filters, none of which kills: a run that meets an unknown call gets `ENOSYS` and takes its fall-back, as on
//! an older kernel; a call that is known to be dangerous gets `EPERM`. Killing on the unknown is how other sandboxes
//! lose one run in a thousand for a `statx` nobody thought of.
//!
//! Sockets are of the unix kind, or IP streams and datagrams; there is no network behind the latter. `AF_VSOCK` would
//! reach the host of a virtual machine.
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
/// Of the kinds of IP sockets, all but streams and datagrams.
const ODD_KINDS: std::ops::RangeInclusive<u64> = 0..=15;
/// Any other protocol makes the kernel load a module for it.
const PROTOCOLS: [i32; 3] = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];

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

/// Programs in the order in which they are installed, as the kernel's `sock_filter` bytes.
pub(super) struct Programs {
    /// By the warm interpreter, which hands them on to every worker.
    pub(super) inherited: Vec<Vec<u8>>,
    /// By the worker itself.
    pub(super) own: Vec<Vec<u8>>,
}

/// With `plain` there is no namespace between us and a network that the container may have: Unix sockets only.
///
/// # Errors
/// On an architecture that is neither x86-64 nor aarch64.
pub(super) fn programs(refusal: Refusal, plain: bool) -> Result<Programs, seccompiler::BackendError> {
    let known = super::syscalls::ALLOWED.iter().chain(super::syscalls::REFUSED);
    let mut known: Rules = known.map(|call| (call.number, Vec::new())).collect();
    let by_design: Rules = super::syscalls::UNKNOWN_BY_DESIGN.iter().map(|call| (*call, Vec::new())).collect();
    if refusal == Refusal::Crash {
        // The filter after it says what becomes of them.
        known.extend(by_design.clone());
    }
    let unknown = compile(known, refusal.action(libc::ENOSYS), SeccompAction::Allow)?;
    let by_design = compile(by_design, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;

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
    let dangerous = compile(dangerous, SeccompAction::Allow, refusal.action(libc::EPERM))?;

    let families = if plain { &[libc::AF_UNIX][..] } else { &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] };
    let other_families = SeccompRule::new(none_of(0, families)?)?;
    let mut sockets = vec![other_families.clone()];
    for family in [libc::AF_INET, libc::AF_INET6] {
        let is_ip = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family as u64)?;
        let mut odd_protocol = none_of(2, &PROTOCOLS)?;
        odd_protocol.push(is_ip.clone());
        sockets.push(SeccompRule::new(odd_protocol)?);
        for kind in ODD_KINDS.filter(|kind| ![libc::SOCK_STREAM, libc::SOCK_DGRAM].contains(&(*kind as i32))) {
            // The flags of a socket are in higher bits of the same argument.
            let is_odd = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(0xf), kind)?;
            sockets.push(SeccompRule::new(vec![is_ip.clone(), is_odd])?);
        }
    }
    let sockets: Rules =
        [(libc::SYS_socket, sockets), (libc::SYS_socketpair, vec![other_families])].into_iter().collect();
    let sockets = compile(sockets, SeccompAction::Allow, refusal.action(libc::EAFNOSUPPORT))?;

    let inherited = [unknown, by_design, sockets].iter().map(bytes).collect();
    Ok(Programs { inherited, own: vec![bytes(&dangerous)] })
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
    #[test]
    fn the_filters_fit_the_kernels_limit() {
        for plain in [false, true] {
            let programs = super::programs(super::Refusal::Error, plain).unwrap();
            assert_eq!((programs.inherited.len(), programs.own.len()), (3, 1));
            assert!(programs.inherited.iter().chain(&programs.own).all(|program| program.len() / 8 <= 4096));
        }
    }

    #[test]
    fn no_call_is_both_allowed_and_refused() {
        use super::super::syscalls::{ALLOWED, REFUSED, UNKNOWN_BY_DESIGN};
        assert!(ALLOWED.iter().all(|call| !REFUSED.contains(call) && !UNKNOWN_BY_DESIGN.contains(&call.number)));
    }
}
