//! What a pod looks like: every field that makes its walls.
//!
//! Nothing here depends on who will use the pod, so that one can wait for anybody. Fields that would weaken the walls
//! have no setting.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EmptyDirVolumeSource, LocalObjectReference, Pod, PodDNSConfig,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext,
    TCPSocketAction, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Config;
use super::config::Seccomp;
use crate::driver::SessionSpec;

/// Where the agent listens inside a pod. The network policies in `deploy/kubernetes` name it too.
pub(super) const PORT: u16 = 8730;
/// Finds everything that belongs to sandboxes; the network policies select by it.
pub(super) const NAME_LABEL: (&str, &str) = ("app.kubernetes.io/name", "septet-sandbox");
pub(super) const MANAGER_LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "septet-sandbox-runner");
/// A digest of the pod's shape: runners with the same settings share a pool.
pub(super) const POOL: &str = "septet.io/pool";
/// [`WARM`] or [`CLAIMED`].
pub(super) const STATE: &str = "septet.io/state";
/// The runner that renews the lease.
pub(super) const INSTANCE: &str = "septet.io/instance";
/// When the lease was last renewed. Only whether it changes matters, so the clocks of two runners need not agree.
pub(super) const LEASE: &str = "septet.io/lease";
/// Whose session it serves, for people who look.
pub(super) const CONTAINER: &str = "septet.io/container";
pub(super) const TENANT: &str = "septet.io/tenant";
pub(super) const WARM: &str = "warm";
pub(super) const CLAIMED: &str = "claimed";
pub(super) const CONTAINER_NAME: &str = "sandbox";
/// The shortest time after which an agent that nobody asks for anything ends itself.
const LEASE_S_MIN: u32 = 120;
/// What a run may tell beside its output.
const REPORT_BYTES: u64 = 8 << 20;
/// How long the agent may take to warm its interpreter, in seconds.
const STARTUP_TIMEOUT_S: i32 = 120;

/// The pods of one set of settings.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    spec: PodSpec,
    /// The value of the label [`POOL`].
    pub(super) pool: String,
    config: Config,
}

/// What differs from pod to pod.
pub(super) struct Tags<'a> {
    pub(super) instance: &'a str,
    pub(super) state: &'static str,
    pub(super) lease: String,
    /// Whose session, when there is one already.
    pub(super) whose: Option<&'a SessionSpec>,
}

impl Shape {
    /// The shape that follows from the settings, which were checked.
    /// Pods of runners that do not agree on `secret` are another pool.
    pub(super) fn new(config: &Config, sandbox: &crate::Config, secret: &SecretString) -> Self {
        let spec = spec(config, sandbox);
        // What differs from pod to pod is not in it yet. The serialised form has its maps sorted, so equal settings give
        // equal names on every machine.
        let text = serde_json::to_string(&spec).unwrap_or_default();
        let pool = Sha256::new().chain_update(text).chain_update([0]).chain_update(secret.expose_secret()).finalize();
        let pool = hex::encode(&pool[..8]);
        Self { spec, pool, config: config.clone() }
    }

    /// A pod whose agent knows the digest of its token.
    pub(super) fn pod(&self, name: &str, token: &str, tags: &Tags<'_>) -> Pod {
        let mut spec = self.spec_for(name, token);
        spec.active_deadline_seconds = Some(self.config.pod_life_s());
        Pod { metadata: self.metadata(name, tags), spec: Some(spec), status: None }
    }

    /// A job with one such pod, for a run that takes longer than a pod of the pool lives. It is tried once: code that may
    /// have begun is not begun again.
    pub(super) fn job(&self, name: &str, token: &str, tags: &Tags<'_>, life_s: i64) -> Job {
        let metadata = self.metadata(name, tags);
        // The lease is the job's, so its pod has no labels of the pool.
        let template = PodTemplateSpec {
            metadata: Some(ObjectMeta { labels: Some(labels([NAME_LABEL, MANAGER_LABEL])), ..ObjectMeta::default() }),
            spec: Some(self.spec_for(name, token)),
        };
        let spec = JobSpec {
            active_deadline_seconds: Some(life_s),
            backoff_limit: Some(0),
            completions: Some(1),
            parallelism: Some(1),
            ttl_seconds_after_finished: i32::try_from(self.config.finished_seconds).ok(),
            template,
            ..JobSpec::default()
        };
        Job { metadata, spec: Some(spec), status: None }
    }

    fn spec_for(&self, name: &str, token: &str) -> PodSpec {
        let mut spec = self.spec.clone();
        let digest = hex::encode(Sha256::digest(token));
        let number = Sha256::digest(name).iter().take(4).fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte));
        let user = Some(self.config.user(number));
        let security = spec.security_context.get_or_insert_default();
        (security.run_as_user, security.run_as_group, security.fs_group) = (user, user, user);
        for container in &mut spec.containers {
            container.args.get_or_insert_default().extend(["--token-sha256".to_owned(), digest.clone()]);
        }
        spec
    }

    fn metadata(&self, name: &str, tags: &Tags<'_>) -> ObjectMeta {
        let all =
            [NAME_LABEL, MANAGER_LABEL, (POOL, self.pool.as_str()), (STATE, tags.state), (INSTANCE, tags.instance)];
        let mut annotations = BTreeMap::from([(LEASE.to_owned(), tags.lease.clone())]);
        if let Some(whose) = tags.whose {
            annotations.insert(CONTAINER.to_owned(), whose.container.to_string());
            annotations.insert(TENANT.to_owned(), whose.tenant.to_string());
        }
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels(all)),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }
    }
}

fn labels<const N: usize>(all: [(&str, &str); N]) -> BTreeMap<String, String> {
    all.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn spec(config: &Config, sandbox: &crate::Config) -> PodSpec {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    PodSpec {
        automount_service_account_token: Some(false),
        containers: vec![container(config, sandbox)],
        // Names are not to be resolved: the name in a lookup can carry data out.
        dns_policy: Some("None".to_owned()),
        dns_config: Some(PodDNSConfig { nameservers: Some(vec!["127.0.0.1".to_owned()]), ..PodDNSConfig::default() }),
        enable_service_links: Some(false),
        host_users: config.user_namespaces.then_some(false),
        image_pull_secrets: some(&config.image_pull_secret).map(|name| vec![LocalObjectReference { name }]),
        node_selector: Some(config.node_selector.clone()).filter(|labels| !labels.is_empty()),
        priority_class_name: some(&config.priority_class),
        restart_policy: Some("Never".to_owned()),
        runtime_class_name: some(&config.runtime_class),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            seccomp_profile: Some(seccomp(config)),
            ..PodSecurityContext::default()
        }),
        share_process_namespace: Some(false),
        termination_grace_period_seconds: Some(1),
        tolerations: Some(config.tolerations.iter().map(|key| tolerate(key)).collect::<Vec<_>>())
            .filter(|all| !all.is_empty()),
        volumes: Some(folders(sandbox).map(|(name, _, bytes)| in_memory(name, bytes)).to_vec()),
        ..PodSpec::default()
    }
}

fn container(config: &Config, sandbox: &crate::Config) -> Container {
    let listen = format!("tcp:0.0.0.0:{PORT}");
    // A waiting pod outlives its runner by long enough for another to take it over.
    let lease_s = (config.lease_seconds.saturating_mul(4)).max(LEASE_S_MIN).to_string();
    let file_bytes = sandbox.file_bytes.to_string();
    let resources = BTreeMap::from([
        ("cpu".to_owned(), Quantity(config.cpu.clone())),
        ("memory".to_owned(), Quantity(config.memory_bytes(sandbox).to_string())),
        // What the agent logs; there is no disk that code could write to.
        ("ephemeral-storage".to_owned(), Quantity("64Mi".to_owned())),
    ]);
    Container {
        name: CONTAINER_NAME.to_owned(),
        image: Some(config.image.clone()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(vec!["/usr/bin/septet".to_owned()]),
        args: Some(
            ["internal", "sandbox-agent", "--listen", &listen, "--lease-s", &lease_s, "--file-bytes", &file_bytes]
                .map(str::to_owned)
                .to_vec(),
        ),
        ports: Some(vec![ContainerPort {
            name: Some("agent".to_owned()),
            container_port: i32::from(PORT),
            ..ContainerPort::default()
        }]),
        resources: Some(ResourceRequirements {
            limits: Some(resources.clone()),
            requests: Some(resources),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            run_as_non_root: Some(true),
            seccomp_profile: Some(seccomp(config)),
            ..SecurityContext::default()
        }),
        // The agent listens when its interpreter is warm, so a pod that is ready is one that can run code at once.
        startup_probe: Some(Probe {
            tcp_socket: Some(TCPSocketAction { host: None, port: IntOrString::Int(i32::from(PORT)) }),
            period_seconds: Some(1),
            failure_threshold: Some(STARTUP_TIMEOUT_S),
            ..Probe::default()
        }),
        volume_mounts: Some(
            folders(sandbox)
                .map(|(name, path, _)| VolumeMount {
                    name: name.to_owned(),
                    mount_path: path.to_owned(),
                    ..VolumeMount::default()
                })
                .to_vec(),
        ),
        ..Container::default()
    }
}

/// Everything that can be written to: name, path, size.
fn folders(sandbox: &crate::Config) -> [(&'static str, &'static str, u64); 4] {
    [
        ("session", "/session", sandbox.session_bytes),
        ("tmp", "/tmp", sandbox.scratch_bytes),
        ("shm", "/dev/shm", sandbox.scratch_bytes),
        ("report", "/run/report", REPORT_BYTES),
    ]
}

fn in_memory(name: &str, bytes: u64) -> Volume {
    let source = EmptyDirVolumeSource {
        medium: Some("Memory".to_owned()),
        size_limit: Some(Quantity(bytes.to_string())),
        ..EmptyDirVolumeSource::default()
    };
    Volume { name: name.to_owned(), empty_dir: Some(source), ..Volume::default() }
}

fn seccomp(config: &Config) -> SeccompProfile {
    match config.seccomp() {
        Some(Seccomp::Localhost(file)) => {
            SeccompProfile { type_: "Localhost".to_owned(), localhost_profile: Some(file.to_owned()) }
        }
        // A setting that is neither was refused at the start; no filter at all is never what comes out here.
        Some(Seccomp::RuntimeDefault) | None => {
            SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
        }
    }
}

fn tolerate(key: &str) -> Toleration {
    Toleration { key: Some(key.to_owned()), operator: Some("Exists".to_owned()), ..Toleration::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(change: impl FnOnce(&mut Config)) -> Value {
        let mut config = Config { image: "registry.example/septet-sandbox:1".to_owned(), ..Config::default() };
        change(&mut config);
        let shape = Shape::new(&config, &crate::Config::default(), &"a secret".into());
        let tags = Tags { instance: "me", state: WARM, lease: "now".to_owned(), whose: None };
        serde_json::to_value(shape.pod("septet-sandbox-1", "the token", &tags)).unwrap()
    }

    fn pool(change: impl FnOnce(&mut Config)) -> Value {
        pod(change)["metadata"]["labels"][POOL].clone()
    }

    /// The whole pod, so that no field that hardens it is lost unseen.
    #[test]
    fn every_field_of_a_pod_is_meant() {
        let pod = pod(|_| ());
        let resources = json!({ "cpu": "1", "memory": "1744830464", "ephemeral-storage": "64Mi" });
        let seccomp = json!({ "type": "Localhost", "localhostProfile": "septet/sandbox.json" });
        let folder =
            |name: &str, bytes: &str| json!({ "name": name, "emptyDir": { "medium": "Memory", "sizeLimit": bytes } });
        let user = &pod["spec"]["securityContext"]["runAsUser"];
        assert!((1_600_000_000..1_616_777_216).contains(&user.as_i64().unwrap()));
        assert_eq!(
            pod["spec"],
            json!({
                "activeDeadlineSeconds": 14400,
                "automountServiceAccountToken": false,
                "dnsConfig": { "nameservers": ["127.0.0.1"] },
                "dnsPolicy": "None",
                "enableServiceLinks": false,
                "restartPolicy": "Never",
                "shareProcessNamespace": false,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "fsGroup": user, "runAsGroup": user, "runAsNonRoot": true, "runAsUser": user,
                    "seccompProfile": seccomp,
                },
                "containers": [{
                    "name": "sandbox",
                    "image": "registry.example/septet-sandbox:1",
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["/usr/bin/septet"],
                    "args": ["internal", "sandbox-agent", "--listen", "tcp:0.0.0.0:8730", "--lease-s", "240",
                        "--file-bytes", "268435456",
                        "--token-sha256", hex::encode(Sha256::digest("the token"))],
                    "ports": [{ "name": "agent", "containerPort": 8730 }],
                    "resources": { "limits": resources, "requests": resources },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] }, "privileged": false,
                        "readOnlyRootFilesystem": true, "runAsNonRoot": true, "seccompProfile": seccomp,
                    },
                    "startupProbe": { "tcpSocket": { "port": 8730 }, "periodSeconds": 1, "failureThreshold": 120 },
                    "volumeMounts": [
                        { "name": "session", "mountPath": "/session" }, { "name": "tmp", "mountPath": "/tmp" },
                        { "name": "shm", "mountPath": "/dev/shm" }, { "name": "report", "mountPath": "/run/report" },
                    ],
                }],
                "volumes": [
                    folder("session", "268435456"), folder("tmp", "67108864"), folder("shm", "67108864"),
                    folder("report", "8388608"),
                ],
            })
        );
    }

    #[test]
    fn what_the_operator_says_is_in_the_pod() {
        let spec = pod(|config| {
            config.runtime_class = "gvisor".to_owned();
            config.seccomp = "runtime/default".to_owned();
            config.image_pull_secret = "registry".to_owned();
            config.priority_class = "low".to_owned();
            config.tolerations = vec!["sandboxes".to_owned()];
            config.node_selector = BTreeMap::from([("pool".to_owned(), "sandboxes".to_owned())]);
            config.user_namespaces = true;
        })["spec"]
            .clone();
        assert_eq!(spec["runtimeClassName"], "gvisor");
        assert_eq!(spec["containers"][0]["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }));
        assert_eq!(spec["imagePullSecrets"], json!([{ "name": "registry" }]));
        assert_eq!(spec["priorityClassName"], "low");
        assert_eq!(spec["tolerations"], json!([{ "key": "sandboxes", "operator": "Exists" }]));
        assert_eq!(spec["nodeSelector"], json!({ "pool": "sandboxes" }));
        assert_eq!(spec["hostUsers"], false);
        assert_eq!(spec["securityContext"]["runAsUser"], 1000);
    }

    #[test]
    fn runners_share_a_pool_only_when_their_pods_are_alike() {
        assert_eq!(pool(|_| ()), pool(|config| config.n_warm = 9), "how many is not what they are like");
        assert_ne!(pool(|_| ()), pool(|config| config.image = "other".to_owned()));
        assert_ne!(pool(|_| ()), pool(|config| config.runtime_class = "kata".to_owned()));
        let shape = |secret: &str| Shape::new(&Config::default(), &crate::Config::default(), &secret.into()).pool;
        assert_ne!(shape("one"), shape("other"), "tokens of another secret would not open them");
    }
}
