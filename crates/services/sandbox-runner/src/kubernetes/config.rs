//! The settings of the Kubernetes driver.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;
/// What the agent and the warm interpreter need beside the code.
const AGENT_BYTES: u64 = 256 * MIB;

/// Where the users of pods begin, far from those of people and of services, and how many there are.
const FIRST_USER: i64 = 1_600_000_000;
const N_USERS: u32 = 1 << 24;

/// Settings, each with its unit and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The namespace of the pods. Default `septet-sandboxes`.
    pub namespace: String,
    /// The sandbox image, as nodes pull it. Default: empty, which the driver refuses.
    pub image: String,
    /// The secret in the same namespace that the image is pulled with. Default: empty, none.
    pub image_pull_secret: String,
    /// Pods that wait for a session, over all runners that share these settings. Default 2.
    pub n_warm: usize,
    /// Pods that this runner may use at a time; more sessions wait. Default 20.
    pub n_pods: usize,
    /// The RuntimeClass of the pods, such as `gvisor` or `kata`. Default: empty, the cluster's own.
    pub runtime_class: String,
    /// The seccomp profile of the pods: `localhost/<file below the node's seccomp folder>` or `runtime/default`. Default
    /// `localhost/septet/sandbox.json`.
    pub seccomp: String,
    /// Whether pods get a user namespace from the node (`hostUsers: false`). Needs Kubernetes 1.33. Default false.
    pub user_namespaces: bool,
    /// The user and group id of the pods. Default 0, which means one of its own for every pod: a node counts processes by
    /// user. With `user_namespaces` each pod has ids of its own anyway, and the default is 1000.
    pub user: u32,
    /// Processors of a pod, as Kubernetes writes quantities; both request and limit. Default `1`.
    pub cpu: String,
    /// Memory of a pod in bytes; both request and limit. Default 0, which means what the limits of `[sandbox]` add up to.
    pub memory_bytes: u64,
    /// The PriorityClass of the pods. Default: empty, the cluster's own.
    pub priority_class: String,
    /// Labels that a node must have. Default: none.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that pods tolerate, by key. Default: none.
    pub tolerations: Vec<String>,
    /// Minutes after which a pod is ended whatever it does; one that was not used in half of them is replaced. Default 240.
    pub pod_life_minutes: u32,
    /// Seconds without renewal after which a runner's pods count as left behind. Default 60.
    pub lease_seconds: u32,
    /// Seconds that a session waits for a pod. Default 120.
    pub ready_seconds: u32,
    /// Seconds that pods and jobs which failed stay for a look at them. Default 300.
    pub finished_seconds: u32,
    /// The address of an API server without TLS, such as that of `kubectl proxy`. Default: empty, which means the
    /// kubeconfig or, in a pod, the service account.
    pub server: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: "septet-sandboxes".to_owned(),
            image: String::new(),
            image_pull_secret: String::new(),
            n_warm: 2,
            n_pods: 20,
            runtime_class: String::new(),
            seccomp: "localhost/septet/sandbox.json".to_owned(),
            user_namespaces: false,
            user: 0,
            cpu: "1".to_owned(),
            memory_bytes: 0,
            priority_class: String::new(),
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            pod_life_minutes: 240,
            lease_seconds: 60,
            ready_seconds: 120,
            finished_seconds: 300,
            server: String::new(),
        }
    }
}

/// Where the filter of system calls comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seccomp<'a> {
    /// A file below the node's seccomp folder.
    Localhost(&'a str),
    RuntimeDefault,
}

impl Config {
    /// Says what is wrong, in a sentence that names the setting. `sandbox` has the limits that a pod must have room for.
    ///
    /// # Errors
    /// When a value cannot work.
    pub(crate) fn check(&self, sandbox: &crate::Config) -> Result<(), String> {
        if self.image.is_empty() {
            return Err("sandbox.kubernetes.image must name the sandbox image, as nodes pull it".to_owned());
        }
        if !is_dns_label(&self.namespace) {
            return Err(format!("sandbox.kubernetes.namespace {:?} is not a name of a namespace", self.namespace));
        }
        if self.seccomp().is_none() {
            return Err(format!(
                "sandbox.kubernetes.seccomp must be \"runtime/default\" or \"localhost/<file>\", not {:?}; there is no way \
                 to run pods without a profile",
                self.seccomp
            ));
        }
        if self.n_pods == 0 {
            return Err("sandbox.kubernetes.n_pods must be at least 1".to_owned());
        }
        if !is_quantity(&self.cpu) {
            return Err(format!(
                "sandbox.kubernetes.cpu {:?} is no quantity; examples are \"1\" and \"500m\"",
                self.cpu
            ));
        }
        let least = sandbox.memory_bytes + AGENT_BYTES;
        if self.memory_bytes != 0 && self.memory_bytes < least {
            return Err(format!(
                "sandbox.kubernetes.memory_bytes must be at least {least}: sandbox.memory_bytes and {AGENT_BYTES} for the \
                 interpreter"
            ));
        }
        if self.lease_seconds < 3 || self.ready_seconds == 0 || self.pod_life_minutes < 2 {
            return Err(
                "sandbox.kubernetes needs lease_seconds from 3, ready_seconds from 1 and pod_life_minutes from 2"
                    .to_owned(),
            );
        }
        if !self.server.is_empty() && !is_here(&self.server) {
            return Err("sandbox.kubernetes.server is for an API server without TLS on this machine, such as \
                        \"http://127.0.0.1:8001\"; leave it empty to use the kubeconfig"
                .to_owned());
        }
        Ok(())
    }

    pub(super) fn seccomp(&self) -> Option<Seccomp<'_>> {
        if self.seccomp == "runtime/default" {
            return Some(Seccomp::RuntimeDefault);
        }
        let file = self.seccomp.strip_prefix("localhost/")?;
        let stays_inside = !file.starts_with('/') && file.split('/').all(|part| !matches!(part, "" | "." | ".."));
        stays_inside.then_some(Seccomp::Localhost(file))
    }

    /// Memory of a pod: the code, its folder, its scratch space and the agent, unless the operator says otherwise.
    pub(super) fn memory_bytes(&self, sandbox: &crate::Config) -> u64 {
        match self.memory_bytes {
            0 => sandbox.memory_bytes + sandbox.session_bytes + 2 * sandbox.scratch_bytes + AGENT_BYTES,
            bytes => bytes,
        }
    }

    /// The user of a pod, from a number that is its own.
    pub(super) fn user(&self, number: u32) -> i64 {
        match self.user {
            0 if self.user_namespaces => 1000,
            0 => FIRST_USER + i64::from(number % N_USERS),
            user => i64::from(user),
        }
    }

    pub(super) fn pod_life_s(&self) -> i64 {
        i64::from(self.pod_life_minutes) * 60
    }

    pub(super) fn lease_ms(&self) -> i64 {
        i64::from(self.lease_seconds) * 1000
    }

    pub(super) fn ready_ms(&self) -> i64 {
        i64::from(self.ready_seconds) * 1000
    }

    pub(super) fn finished_ms(&self) -> i64 {
        i64::from(self.finished_seconds) * 1000
    }
}

/// Whether it is an address of this machine: nothing protects a connection without TLS elsewhere.
fn is_here(server: &str) -> bool {
    let Some(authority) = server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else { return false };
    authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn is_dns_label(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether it is a positive number of processors: `1`, `0.5`, `500m`.
fn is_quantity(text: &str) -> bool {
    let number = text.strip_suffix('m').unwrap_or(text);
    number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.parse::<f64>().is_ok_and(|value| value > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Config);

    fn named(change: impl FnOnce(&mut Config)) -> Result<(), String> {
        let mut config = Config { image: "registry/septet-sandbox:1".to_owned(), ..Config::default() };
        change(&mut config);
        config.check(&crate::Config::default())
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        assert_eq!(named(|_| ()), Ok(()));
        let refused: [(&str, Change); 9] = [
            ("image", |config| config.image.clear()),
            ("namespace", |config| config.namespace = "Not/A/Name".to_owned()),
            ("seccomp", |config| config.seccomp = "unconfined".to_owned()),
            ("seccomp", |config| config.seccomp = "localhost/../../etc/x.json".to_owned()),
            ("cpu", |config| config.cpu = "-1".to_owned()),
            ("memory_bytes", |config| config.memory_bytes = 64 << 20),
            ("n_pods", |config| config.n_pods = 0),
            ("server", |config| config.server = "https://127.0.0.1:8001".to_owned()),
            ("server", |config| config.server = "http://10.0.0.1:8001".to_owned()),
        ];
        for (name, change) in refused {
            let why = named(change).unwrap_err();
            assert!(why.contains(&format!("sandbox.kubernetes.{name}")), "{name}: {why}");
        }
    }

    #[test]
    fn a_pod_has_room_for_the_code_its_folder_and_the_agent() {
        let sandbox = crate::Config::default();
        let config = Config::default();
        assert_eq!(config.memory_bytes(&sandbox), (1024 + 256 + 2 * 64 + 256) << 20);
        assert_eq!(Config { memory_bytes: 3 << 30, ..config }.memory_bytes(&sandbox), 3 << 30);
    }
}
