//! One container, from its start to its end.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use secrecy::SecretString;
use septet_chassis::Lifecycle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::instance::Instance;
use super::profile::seccomp_profile;
use crate::Config;
use crate::agent::{self, Address, Remote};
use crate::driver::{Error, Session};

/// Which instance a container belongs to.
pub(super) const INSTANCE: &str = "septet.instance";
/// The folder of sockets that its instance is in.
pub(super) const FOLDER: &str = "septet.folder";

/// Imports take about a second on a quiet machine and half a minute on a very busy one.
const START_TIMEOUT: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How often Docker is asked whether a container that does not answer yet is still there.
const INSPECT_INTERVAL: Duration = Duration::from_secs(1);
/// An agent that hears nothing from us for this long ends itself.
const LEASE_TIMEOUT: Duration = Duration::from_secs(120);
const REMOVE_TIMEOUT: Duration = Duration::from_secs(20);
/// What the agent and the warm interpreter need beside the code.
const OWN_BYTES: u64 = 384 << 20;
const OWN_PROCESSES: u32 = 32;

/// The user ids that no container has at the moment.
#[derive(Clone)]
pub(super) struct Uids(Arc<Mutex<BTreeSet<u32>>>);

impl Uids {
    pub(super) fn new(first: u32, n: u32) -> Self {
        Self(Arc::new(Mutex::new((first..first.saturating_add(n)).collect())))
    }

    fn take(&self) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_first()
    }

    fn give_back(&self, uid: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uid);
    }
}

/// Removed, with everything in it, when dropped and when its agent is lost.
pub(super) struct Container {
    pub(super) remote: Remote,
    end: CancellationToken,
    /// Says once it is over whether it ran out of memory.
    over: tokio::sync::watch::Receiver<Option<bool>>,
}

/// What all containers of a driver have in common.
pub(super) struct Maker {
    pub(super) docker: Docker,
    pub(super) config: Config,
    pub(super) instance: Instance,
    pub(super) base: PathBuf,
    pub(super) uids: Uids,
    pub(super) lifecycle: Lifecycle,
}

impl Maker {
    /// Starts a container and waits until its agent answers, which takes a second or two.
    pub(super) async fn start(self: &Arc<Self>) -> Result<Container, Error> {
        let uid = self.uids.take().ok_or_else(|| {
            Error::Unavailable("as many sandbox containers as sandbox.docker.n_uids allows are in use".to_owned())
        })?;
        let name = format!("septet-{}-{uid}", self.instance.name);
        let folder = self.instance.folder.join(uid.to_string());
        let made = self.make(&name, uid, &folder).await;
        let remote = match made {
            Ok(remote) => remote,
            Err(error) => {
                self.remove(&name, &folder, uid).await;
                return Err(error);
            }
        };
        let end = CancellationToken::new();
        let (tell, over) = tokio::sync::watch::channel(None);
        let (maker, ended, agent) = (Arc::clone(self), end.clone(), remote.clone());
        self.lifecycle.spawn("keep a sandbox container", async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = watch(&agent) => {
                    let ran_out = maker.ran_out_of_memory(&name).await;
                    debug!(sandbox.container = name, sandbox.out_of_memory = ran_out, "a sandbox container is lost");
                    tell.send_replace(Some(ran_out));
                }
            }
            maker.remove(&name, &folder, uid).await;
        });
        Ok(Container { remote, end, over })
    }

    async fn make(&self, name: &str, uid: u32, folder: &Path) -> Result<Remote, Error> {
        let token = hex::encode(rand::random::<[u8; 24]>());
        prepare(folder, &token).map_err(Error::Io)?;
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.docker.create_container(Some(options), self.body(uid, folder)).await.map_err(refused)?;
        self.docker.start_container(name, None).await.map_err(refused)?;
        let remote = self.reach(name, folder, &SecretString::from(token)).await?;
        // From here on code may run in it, which must not fill our disk.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).map_err(Error::Io)?;
        Ok(remote)
    }

    /// Waits for the agent.
    async fn reach(&self, name: &str, folder: &Path, token: &SecretString) -> Result<Remote, Error> {
        let socket = folder.join("agent.sock");
        let give_up_at = Instant::now() + START_TIMEOUT;
        let mut look_at = Instant::now() + INSPECT_INTERVAL;
        loop {
            if socket.exists() {
                // Between bind and listen nobody answers yet.
                match Remote::connect(Address::Unix(socket.clone()), token).await {
                    Err(Error::Io(_)) => {}
                    answered => return answered,
                }
            }
            if let Ok(why) = fs::read_to_string(folder.join("error")) {
                let why: String = why.chars().filter(|character| !character.is_control()).take(500).collect();
                return Err(Error::Unavailable(format!("a sandbox container did not start: {why}")));
            }
            if Instant::now() > look_at {
                look_at = Instant::now() + INSPECT_INTERVAL;
                let state = self.docker.inspect_container(name, None).await.map_err(refused)?.state.unwrap_or_default();
                if state.running == Some(false) {
                    return Err(Error::Unavailable(format!(
                        "a sandbox container ended before it was ready, with exit code {}: {}; is the image {} one of deploy/sandbox-image?",
                        state.exit_code.unwrap_or_default(),
                        state.error.unwrap_or_default(),
                        self.config.docker.image,
                    )));
                }
            }
            if Instant::now() > give_up_at {
                return Err(Error::Unavailable("a sandbox container was not ready in time".to_owned()));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn body(&self, uid: u32, folder: &Path) -> ContainerCreateBody {
        let Config { docker: settings, memory_bytes, n_processes, file_bytes, .. } = &self.config;
        let memory = i64::try_from(memory_bytes.saturating_add(OWN_BYTES)).unwrap_or(i64::MAX);
        let limit = |name: &str, value: u64| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            ResourcesUlimits { name: Some(name.to_owned()), soft: Some(value), hard: Some(value) }
        };
        let tmpfs =
            |size: u64, n_inodes: u64, more: &str| format!("rw,nosuid,nodev,size={size},nr_inodes={n_inodes},{more}");
        let scratch = tmpfs(self.config.scratch_bytes, 4096, "mode=1777");
        let own = format!("mode=0700,uid={uid},gid={uid}");
        let text = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>());
        let host = HostConfig {
            cap_drop: text(&["ALL"]),
            security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={}", seccomp_profile())]),
            readonly_rootfs: Some(true),
            tmpfs: Some(HashMap::from([
                ("/tmp".to_owned(), scratch.clone()),
                ("/dev/shm".to_owned(), scratch),
                // What pip installs there may be compiled, and Docker forbids to run anything unless told otherwise.
                (
                    "/session".to_owned(),
                    tmpfs(self.config.session_bytes, self.config.session_inodes, &format!("exec,{own}")),
                ),
                ("/run/report".to_owned(), tmpfs(8 << 20, 16, &own)),
            ])),
            binds: Some(vec![format!("{}:{}:rw", folder.display(), agent::FOLDER)]),
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("private".to_owned()),
            memory: Some(memory),
            // Equal to the memory: nothing goes to swap.
            memory_swap: Some(memory),
            pids_limit: Some(i64::from(n_processes.saturating_add(OWN_PROCESSES))),
            nano_cpus: (settings.cpu_percent > 0).then(|| i64::from(settings.cpu_percent) * 10_000_000),
            ulimits: Some(vec![limit("nofile", 1024), limit("core", 0), limit("fsize", *file_bytes)]),
            init: Some(false),
            runtime: Some(settings.runtime.clone()).filter(|runtime| !runtime.is_empty()),
            // The agent says what is wrong with it in its folder; a log would be a disk to fill.
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..HostConfig::default()
        };
        let (lease, file_bytes) = (LEASE_TIMEOUT.as_secs().to_string(), file_bytes.to_string());
        let (listen, token) = (format!("unix:{}/agent.sock", agent::FOLDER), format!("{}/token", agent::FOLDER));
        ContainerCreateBody {
            image: Some(settings.image.clone()),
            hostname: Some("sandbox".to_owned()),
            user: Some(format!("{uid}:{uid}")),
            working_dir: Some("/".to_owned()),
            env: Some(Vec::new()),
            entrypoint: text(&["/usr/bin/septet", "internal", "sandbox-agent"]),
            cmd: text(&["--listen", &listen, "--token-file", &token, "--lease-s", &lease, "--file-bytes", &file_bytes]),
            labels: Some(HashMap::from([
                (INSTANCE.to_owned(), self.instance.name.clone()),
                (FOLDER.to_owned(), self.base.display().to_string()),
            ])),
            network_disabled: Some(true),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        }
    }

    async fn ran_out_of_memory(&self, name: &str) -> bool {
        let asked = tokio::time::timeout(REMOVE_TIMEOUT, self.docker.inspect_container(name, None)).await;
        asked
            .is_ok_and(|found| found.is_ok_and(|found| found.state.is_some_and(|state| state.oom_killed == Some(true))))
    }

    /// Kills and removes a container, and frees what it had. One that is gone, or never was, is fine.
    async fn remove(&self, name: &str, folder: &Path, uid: u32) {
        if let Err(error) = remove(&self.docker, name).await {
            // Its user id is not given to another as long as it may be there; the next start sweeps it.
            warn!(sandbox.container = name, %error, "a sandbox container was not removed");
            return;
        }
        fs::remove_dir_all(folder).ok();
        self.uids.give_back(uid);
    }
}

impl Container {
    /// Once the agent is lost: whether that was for memory.
    pub(super) async fn ran_out_of_memory(&self) -> bool {
        let mut over = self.over.clone();
        let known = tokio::time::timeout(REMOVE_TIMEOUT, over.wait_for(Option::is_some)).await;
        known.is_ok_and(|known| known.is_ok_and(|ran_out| *ran_out == Some(true)))
    }

    /// Ends it and waits until it is gone.
    pub(super) async fn finish(self) {
        self.end.cancel();
        let mut over = self.over.clone();
        let gone = async { while over.changed().await.is_ok() {} };
        if tokio::time::timeout(REMOVE_TIMEOUT, gone).await.is_err() {
            warn!("a sandbox container is slow to go");
        }
    }

    /// Whether it is as it should be and no session has used it. Renews its lease.
    pub(super) async fn is_fit(&self) -> bool {
        !self.remote.is_lost() && self.remote.health().await.is_ok_and(|health| health.is_fresh)
    }
}

/// Renews the lease of an agent until it is lost.
async fn watch(agent: &Remote) {
    let lost = agent.lost();
    let mut n_silent = 0;
    while tokio::time::timeout(LEASE_TIMEOUT / 4, lost.cancelled()).await.is_err() {
        n_silent = if agent.health().await.is_ok() { 0 } else { n_silent + 1 };
        if n_silent == 2 {
            lost.cancel();
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// Kills and removes a container. One that is gone is fine.
pub(super) async fn remove(docker: &Docker, name: &str) -> Result<(), bollard::errors::Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Ok(()) => Ok(()),
        // 404: there is none. 409: it is being removed already.
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The folder that is mounted into the container, for its socket. Until no code can be in it, its user may write there.
fn prepare(folder: &Path, token: &str) -> std::io::Result<()> {
    fs::create_dir(folder)?;
    // Whatever the umask is.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    let mut file = fs::File::options().write(true).create_new(true).mode(0o644).open(folder.join("token"))?;
    file.write_all(token.as_bytes())
}

/// Docker's refusal as ours.
pub(super) fn refused(error: bollard::errors::Error) -> Error {
    Error::Unavailable(format!("Docker refuses: {}", septet_kernel::causes(&error)))
}
