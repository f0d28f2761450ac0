//! The system calls that sandboxed code may make.
//!
//! Three filters, none of which kills: a run that meets an unknown call gets `ENOSYS` and takes its fall-back, as on
//! an older kernel; a call that is known to be dangerous gets `EPERM`. Killing on the unknown is how other sandboxes
//! lose one run in a thousand for a `statx` nobody thought of.
//!
//! When several filters say "error", the kernel takes the number of the one installed last; the order below
//! relies on it.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
/// NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
pub(crate) const NAMESPACES: [u64; 8] =
    [0x80, 0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The programs in the order in which the worker installs them, as the kernel's `sock_filter` bytes.
///
/// # Errors
/// On an architecture that is neither x86-64 nor aarch64.
///
/// With `plain` there is no namespace between us and a network that the container may have: Unix sockets only.
pub(super) fn programs(plain: bool) -> Result<Vec<Vec<u8>>, seccompiler::BackendError> {
    let known: Rules =
        super::syscalls::ALLOWED.iter().chain(super::syscalls::REFUSED).map(|call| (call.number, Vec::new())).collect();
    let unknown = compile(known, SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow)?;

    let mut dangerous: Rules = super::syscalls::REFUSED.iter().map(|call| (call.number, Vec::new())).collect();
    let namespaces: Result<Vec<_>, _> =
        NAMESPACES.iter().map(|flag| rule(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(*flag), *flag)).collect();
    dangerous.insert(libc::SYS_clone, namespaces?);
    // The kernel looks at the low 32 bits only, so must we.
    let terminal: Result<Vec<_>, _> = [TIOCSTI, TIOCLINUX]
        .iter()
        .map(|request| rule(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, *request))
        .collect();
    dangerous.insert(libc::SYS_ioctl, terminal?);
    let dangerous = compile(dangerous, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32))?;

    // Unix and IP sockets only; there is no network behind the latter. AF_VSOCK would reach the host of a virtual machine.
    let families = if plain { &[libc::AF_UNIX][..] } else { &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] };
    let families: Vec<SeccompCondition> = families
        .iter()
        .map(|family| SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *family as u64))
        .collect::<Result<_, _>>()?;
    let other_family = SeccompRule::new(families)?;
    let sockets: Rules = [(libc::SYS_socket, vec![other_family.clone()]), (libc::SYS_socketpair, vec![other_family])]
        .into_iter()
        .collect();
    let sockets = compile(sockets, SeccompAction::Allow, SeccompAction::Errno(libc::EAFNOSUPPORT as u32))?;

    Ok([unknown, dangerous, sockets].iter().map(bytes).collect())
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
            let programs = super::programs(plain).unwrap();
            assert_eq!(programs.len(), 3);
            assert!(programs.iter().all(|program| program.len() / 8 <= 4096));
        }
    }

    #[test]
    fn no_call_is_both_allowed_and_refused() {
        use super::super::syscalls::{ALLOWED, REFUSED};
        assert!(ALLOWED.iter().all(|call| !REFUSED.contains(call)));
    }
}
