//! The settings of the sandbox runner.

mod key;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::docker;
use crate::driver::Level;
use crate::drivers::DriverKind;
use crate::kubernetes;
pub use key::KeyConfig;

/// Settings, each with its unit and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What builds the walls: `process:` (namespaces on this machine), `docker:unix:///var/run/docker.sock` with the path
    /// of Docker's socket, or `kubernetes:` (pods of a cluster). Default `process:`.
    pub driver: String,
    /// The weakest walls that are accepted, `L2` or `L3` (see the guide to the sandbox). On a machine that cannot build them
    /// code is refused. Default `L2`.
    pub min_level: Level,
    /// The Docker driver.
    pub docker: docker::Settings,
    /// The Kubernetes driver.
    pub kubernetes: kubernetes::Config,
    /// The provisioned run-time (`runtime/provision.sh`). Default: empty, which means `/var/cache/septet/runtime` for
    /// root and `~/.cache/septet/runtime` for anybody else.
    pub runtime: PathBuf,
    /// The interpreter that the run-time was provisioned for. Must lie below `/usr`. Default `/usr/bin/python3`.
    pub python: PathBuf,
    /// The command that becomes the warden, the process that builds walls. Default: empty, which means this very
    /// binary with `internal sandbox-warden`.
    pub warden: Vec<String>,
    /// Where control groups are mounted; an empty path turns them off and memory is watched instead. Default
    /// `/sys/fs/cgroup`.
    pub cgroup_mount: PathBuf,
    /// The first of the host user ids that sandboxed processes run under when the service runs as root. There are two
    /// for each of `n_slots`, and nothing else may use them. Default 424200.
    pub host_uid: u32,
    /// Sandboxes that are alive at a time: running, kept for the next execution, or warm. When all are in use, an
    /// execution is refused. Default 256.
    pub n_slots: u32,
    /// Whether code that makes a system call which is not allowed crashes with `SIGSYS`, instead of getting an error that
    /// most programs take a way around. Shows what a package needs; not for daily use. Default false.
    pub crash_on_denied_calls: bool,
    /// How much of the processors all processes of an execution together may use, in thousandths of one core. Needs a
    /// writable control group; elsewhere a run that uses more gets the lowest priority. Default 1000.
    pub cpu_milli: u32,
    /// Interpreters kept warm and walled, waiting for code. Default 2.
    pub n_parked: usize,
    /// Executions at a time; more wait. Default 0, which means one per core, at least 2.
    pub n_running: usize,
    /// Wall time of an execution that asks for none, in milliseconds. Default 60 000.
    pub timeout_ms: u64,
    /// The longest wall time an execution may ask for, in milliseconds. Default 600 000.
    pub timeout_max_ms: u64,
    /// Memory of all processes of an execution, in bytes, files in memory included. Default 1 GiB.
    pub memory_bytes: u64,
    /// Processes and threads of an execution. Default 64.
    pub n_processes: u32,
    /// Bytes of standard output, and of standard error, that are kept of an execution. Default 1 MiB.
    pub output_bytes: u64,
    /// Bytes of code. Default 1 MiB.
    pub code_bytes: usize,
    /// Size of a session folder in bytes. It lives in memory while in use. Default 256 MiB.
    pub session_bytes: u64,
    /// Files and folders in a session folder. Default 4096.
    pub session_inodes: u64,
    /// The bytes of all files that the containers of a tenant may keep; 0 is without limit. Default 20 GiB.
    pub tenant_storage_bytes: u64,
    /// For how many minutes the files of an expired container can still be read, until it is deleted. What a conversation made
    /// stays as long as the conversation. Default 60.
    pub expired_minutes: u32,
    /// The largest file that code may write, in bytes. Default 256 MiB.
    pub file_bytes: u64,
    /// New or changed files that are kept of one execution. Default 64.
    pub n_files: usize,
    /// Size of `/tmp` and of `/dev/shm`, each, in bytes. Default 64 MiB.
    pub scratch_bytes: u64,
    /// Minutes after which an unused session leaves memory; its files come back with the next execution, variables do
    /// not. Default 10.
    pub session_idle_minutes: u32,
    /// Minutes after which a session leaves memory between two executions even when it is in use all the time.
    /// Default 1440.
    pub session_max_minutes: u32,
    /// Sessions in memory at a time. When one more is needed, the one that is idle longest leaves; when none is
    /// idle, the execution is refused. Default 64.
    pub n_sessions: usize,
    /// The same for one tenant. Default 16.
    pub n_sessions_per_tenant: usize,
    /// Workers that are forked from one warm interpreter before another one takes over, so that what they share (the
    /// layout of memory) does not stay for ever. Default 10 000.
    pub zygote_forks: u64,
    /// Minutes after which another warm interpreter takes over. Default 60.
    pub zygote_minutes: u32,
    /// Domains that a container may be allowed to reach: `pypi.org`, `*.example.com` (all below it), `*` (all). A
    /// container reaches those of them that its own `network_policy` names. Default: none, so there is no egress.
    pub egress_domains: Vec<String>,
    /// Ports that may be reached. Default 80 and 443.
    pub egress_ports: Vec<u16>,
    /// Domains that may lead to private and loopback addresses, such as a package index of your own. Everything that
    /// answers there is within reach of untrusted code. They must be permitted by `egress_domains` too. Link-local and
    /// metadata addresses are never reached. Default: none.
    pub egress_private_domains: Vec<String>,
    /// Connections at a time of one interpreter, in containers and pods of one session; more wait. Default 32.
    pub egress_connections: usize,
    /// Bytes that one execution may send and receive. Default 256 MiB.
    pub egress_bytes: u64,
    /// The package index that pip finds in a container with a network, without user name: `https://pypi.org/simple/`. Its
    /// host, and the one that files come from (`files.pythonhosted.org`), must be allowed like others. Default: empty,
    /// which means what pip takes by itself.
    pub egress_pip_index: String,
    /// A PEM file of certificate authorities to trust besides the public ones: for your own servers, or a proxy of your
    /// own that ends TLS. Default: empty, which means none.
    pub egress_roots: PathBuf,
    /// Clients that come without the API gateway, by name. Default none.
    pub keys: BTreeMap<String, KeyConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            driver: "process:".to_owned(),
            min_level: Level::L2,
            docker: docker::Settings::default(),
            kubernetes: kubernetes::Config::default(),
            runtime: PathBuf::new(),
            python: PathBuf::from("/usr/bin/python3"),
            warden: Vec::new(),
            cgroup_mount: PathBuf::from("/sys/fs/cgroup"),
            host_uid: 424_200,
            n_slots: 256,
            crash_on_denied_calls: false,
            cpu_milli: 1000,
            n_parked: 2,
            n_running: 0,
            timeout_ms: 60_000,
            timeout_max_ms: 600_000,
            memory_bytes: 1 << 30,
            n_processes: 64,
            output_bytes: 1 << 20,
            code_bytes: 1 << 20,
            session_bytes: 256 << 20,
            session_inodes: 4096,
            tenant_storage_bytes: 20 << 30,
            expired_minutes: 60,
            file_bytes: 256 << 20,
            n_files: 64,
            scratch_bytes: 64 << 20,
            session_idle_minutes: 10,
            session_max_minutes: 1440,
            n_sessions: 64,
            n_sessions_per_tenant: 16,
            zygote_forks: 10_000,
            zygote_minutes: 60,
            egress_domains: Vec::new(),
            egress_ports: vec![80, 443],
            egress_private_domains: Vec::new(),
            egress_connections: 32,
            egress_bytes: 256 << 20,
            egress_pip_index: String::new(),
            egress_roots: PathBuf::new(),
            keys: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Says what is wrong, in a sentence that names the setting.
    ///
    /// # Errors
    /// When a value cannot work.
    pub fn check(&self) -> Result<(), String> {
        if !self.python.starts_with("/usr") {
            return Err(format!("sandbox.python must lie below /usr, which {} does not", self.python.display()));
        }
        if self.min_level < Level::L2 {
            return Err("sandbox.min_level must be L2 or L3; L1 is for inside a sandbox container alone".to_owned());
        }
        if DriverKind::parse(&self.driver)? == DriverKind::Kubernetes {
            self.kubernetes.check(self)?;
        }
        self.docker.check()?;
        if self.host_uid < 1000 {
            return Err("sandbox.host_uid must not be a system user; use a number from 1000 on".to_owned());
        }
        let n_needed = self.n_parked + self.n_running() + self.n_sessions;
        if n_needed > usize::try_from(self.n_slots).unwrap_or(usize::MAX) {
            return Err(format!(
                "sandbox.n_slots must be at least {n_needed}, the sum of sandbox.n_parked, n_running and n_sessions"
            ));
        }
        if self.n_slots.checked_mul(2).and_then(|n_ids| self.host_uid.checked_add(n_ids)).is_none() {
            return Err("sandbox.host_uid and the 2 × sandbox.n_slots ids from it on must be below 2^32".to_owned());
        }
        if self.cpu_milli < 10 {
            return Err("sandbox.cpu_milli must be at least 10, a hundredth of a core".to_owned());
        }
        if self.timeout_ms == 0 || self.timeout_ms > self.timeout_max_ms {
            return Err("sandbox.timeout_ms must be between 1 and sandbox.timeout_max_ms".to_owned());
        }
        if self.memory_bytes < 128 << 20 {
            return Err("sandbox.memory_bytes must be at least 128 MiB; the interpreter alone needs that".to_owned());
        }
        if self.n_sessions == 0 || self.n_sessions_per_tenant == 0 {
            return Err("sandbox.n_sessions and sandbox.n_sessions_per_tenant must be at least 1".to_owned());
        }
        if self.zygote_forks == 0 || self.zygote_minutes == 0 {
            return Err("sandbox.zygote_forks and sandbox.zygote_minutes must be at least 1".to_owned());
        }
        if self.egress_connections == 0 || self.egress_bytes == 0 {
            return Err("sandbox.egress_connections and sandbox.egress_bytes must be at least 1".to_owned());
        }
        if self.n_processes < 8 {
            return Err("sandbox.n_processes must be at least 8".to_owned());
        }
        self.keys.iter().try_for_each(|(name, key)| key.check(name))
    }

    /// The provisioned tree, with the default filled in.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        if !self.runtime.as_os_str().is_empty() {
            return self.runtime.clone();
        }
        if nix::unistd::geteuid().is_root() {
            return PathBuf::from("/var/cache/septet/runtime");
        }
        let home = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.dir);
        home.unwrap_or_else(|| PathBuf::from("/")).join(".cache/septet/runtime")
    }

    /// The program and arguments of the warden, with the default filled in.
    pub(crate) fn warden(&self) -> (PathBuf, Vec<String>) {
        match self.warden.split_first() {
            Some((program, args)) => (PathBuf::from(program), args.to_vec()),
            // This name still means the same program after an upgrade has replaced the file.
            None => (PathBuf::from("/proc/self/exe"), vec!["internal".to_owned(), "sandbox-warden".to_owned()]),
        }
    }

    pub(crate) fn n_running(&self) -> usize {
        match self.n_running {
            0 => std::thread::available_parallelism().map_or(2, usize::from).max(2),
            n => n,
        }
    }

    /// How much the files of a session may have together when they are put there.
    pub(crate) fn files_bytes(&self) -> u64 {
        self.session_bytes / 10 * 9
    }

    pub(crate) fn timeout(&self, wanted_ms: Option<u64>) -> Duration {
        Duration::from_millis(wanted_ms.unwrap_or(self.timeout_ms).clamp(1, self.timeout_max_ms))
    }

    pub(crate) fn cgroup_mount(&self) -> Option<&Path> {
        Some(self.cgroup_mount.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}
