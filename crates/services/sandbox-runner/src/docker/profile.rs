//! Our list of system calls in Docker's words, which Kubernetes takes too.
//!
//! The default profile of Docker leaves io_uring, which acts past every filter, and sockets to the host of a virtual
//! machine open. Ours is for everything in the container; the worker's own filters, which are stricter, come on top.

use serde_json::{Value, json};

use crate::process::{ALLOWED, CLONE_FLAGS, REFUSED};

/// What the agent needs and code does not get: the worker's own filters refuse it.
const OF_THE_AGENT: [&str; 3] = ["inotify_init1", "inotify_add_watch", "inotify_rm_watch"];

/// The profile as JSON, for `docker run --security-opt seccomp=FILE` and for Kubernetes' `Localhost` profiles.
#[must_use]
pub fn seccomp_profile() -> String {
    let names = |calls: &[crate::process::Syscall]| -> Vec<&str> { calls.iter().map(|call| call.name()).collect() };
    let mut free = names(ALLOWED);
    free.retain(|name| !matches!(*name, "clone" | "socket"));
    free.extend(OF_THE_AGENT);
    let mut rules = vec![json!({ "names": free, "action": "SCMP_ACT_ALLOW" })];
    let flags = CLONE_FLAGS.iter().fold(0, |all, flag| all | flag);
    rules.push(allow_if("clone", json!({ "index": 0, "value": flags, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" })));
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        rules.push(allow_if("socket", json!({ "index": 0, "value": family, "op": "SCMP_CMP_EQ" })));
    }
    // The C library takes this for "not there" and uses clone, whose flags can be looked at.
    rules.push(json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": libc::ENOSYS }));
    rules.push(json!({ "names": names(REFUSED), "action": "SCMP_ACT_ERRNO", "errnoRet": libc::EPERM }));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": libc::ENOSYS,
        "archMap": [
            { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [] },
            { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": [] },
        ],
        "syscalls": rules,
    })
    .to_string()
}

fn allow_if(name: &str, condition: Value) -> Value {
    json!({ "names": [name], "action": "SCMP_ACT_ALLOW", "args": [condition] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dockers_own_profile_leaves_open_is_closed() {
        let profile: Value = serde_json::from_str(&seccomp_profile()).unwrap();
        let rules = profile["syscalls"].as_array().unwrap();
        let allowed: Vec<&str> = rules
            .iter()
            .filter(|rule| rule["action"] == "SCMP_ACT_ALLOW" && rule["args"].is_null())
            .flat_map(|rule| rule["names"].as_array().unwrap().iter().filter_map(Value::as_str))
            .collect();
        for call in ["read", "openat", "futex", "execve", "landlock_restrict_self"] {
            assert!(allowed.contains(&call), "{call}");
        }
        for call in ["io_uring_setup", "clone", "clone3", "unshare", "mount", "bpf", "socket", "ptrace", "keyctl"] {
            assert!(!allowed.contains(&call), "{call}");
        }
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    }
}
