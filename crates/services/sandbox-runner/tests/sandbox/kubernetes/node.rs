//! A node that really starts pods: containers of the Docker for tests, each with a network of its own that leads to this
//! machine and no further.
//!
//! It does with the spec of a pod what a node would, without any policy between the pod and this machine: what keeps
//! code from the network here is in the pod itself.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::net::TcpStream;

use super::cluster::agent_address;
use crate::docker::{docker, image};

/// As clusters are asked to set it.
const PROCESSES: &str = "256";

pub(crate) struct Node {
    docker: String,
    image: String,
    seccomp: NamedTempFile,
    /// Folders in memory, by pod.
    volumes: TempDir,
    running: Mutex<BTreeSet<String>>,
    leaving: Mutex<Vec<JoinHandle<()>>>,
}

/// How a pod ended.
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) for_memory: bool,
}

impl Node {
    /// With this in its seccomp folder. `None`, aloud, where this machine cannot be one.
    pub(crate) fn open(profile: &str) -> Option<Self> {
        let docker = docker()?;
        // Names of interfaces have at most 15 characters.
        let probe = format!("sp-{}", std::process::id());
        if let Err(why) = run("ip", &["link", "add", &probe, "type", "veth", "peer", "name", &format!("{probe}p")]) {
            eprintln!("SKIPPED: no networks for pods can be made here: {why}");
            return None;
        }
        run("ip", &["link", "del", &probe]).unwrap();
        let seccomp = NamedTempFile::new().unwrap();
        std::fs::write(seccomp.path(), profile).unwrap();
        let (image, volumes) = (image(&docker), tempfile::tempdir().unwrap());
        Some(Self { docker, image, seccomp, volumes, running: Mutex::default(), leaving: Mutex::default() })
    }

    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    /// Starts the container of a pod and gives it its address.
    pub(crate) fn start(&self, name: &str, pod: &Value) -> Ipv4Addr {
        self.running.lock().unwrap().insert(name.to_owned());
        let args = self.args(name, pod);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.docker(&args).unwrap();
        connect(&self.process(name))
    }

    /// What `docker` is told.
    fn args(&self, name: &str, pod: &Value) -> Vec<String> {
        let spec = &pod["spec"];
        let container = &spec["containers"][0];
        let (of_pod, security) = (&spec["securityContext"], &container["securityContext"]);
        let limits = &container["resources"]["limits"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
        let (user, group) = (&of_pod["runAsUser"], &of_pod["fsGroup"]);
        let mut args: Vec<String> = ["run", "-d", "--name", name, "--network", "none"]
            .into_iter()
            .chain(["--pids-limit", PROCESSES])
            .map(str::to_owned)
            .collect();
        let mut add = |option: &str, value: String| args.extend([option.to_owned(), value]);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["seccompProfile"]["localhostProfile"], "septet/sandbox.json");
        add("--read-only=true", "--security-opt=no-new-privileges".to_owned());
        add("--security-opt", format!("seccomp={}", self.seccomp.path().display()));
        for capability in security["capabilities"]["drop"].as_array().unwrap() {
            add("--cap-drop", text(capability));
        }
        add("--user", format!("{user}:{}", of_pod["runAsGroup"]));
        add("--memory", text(&limits["memory"]));
        add("--memory-swap", text(&limits["memory"]));
        add("--cpus", text(&limits["cpu"]));
        for mount in container["volumeMounts"].as_array().unwrap() {
            let volumes = spec["volumes"].as_array().unwrap();
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
            assert_eq!(volume["emptyDir"]["medium"], "Memory");
            // As kubelet leaves it: root's, for the group of the pod.
            let options = format!("size={},mode=2777,gid={group}", text(&volume["emptyDir"]["sizeLimit"]));
            let folder = self.volumes.path().join(name).join(text(&volume["name"])).display().to_string();
            std::fs::create_dir_all(&folder).unwrap();
            run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &folder]).unwrap();
            add("--volume", format!("{folder}:{}", text(&mount["mountPath"])));
        }
        add("--entrypoint", text(&container["command"][0]));
        args.push(text(&container["image"]));
        args.extend(container["args"].as_array().unwrap().iter().map(text));
        args
    }

    /// The main process of a pod, as this machine sees it.
    pub(crate) fn process(&self, name: &str) -> String {
        self.docker(&["inspect", "-f", "{{.State.Pid}}", name]).unwrap()
    }

    /// As the start-up probe of a pod does. `false` when it ended before.
    pub(crate) async fn is_ready(&self, name: &str, address: Ipv4Addr) -> bool {
        while TcpStream::connect(agent_address(address)).await.is_err() {
            if self.docker(&["inspect", "-f", "{{.State.Running}}", name]).as_deref() != Ok("true") {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        true
    }

    /// Waits for it. `None` when somebody has removed it.
    pub(crate) async fn end(&self, name: &str) -> Option<End> {
        let mut waiting = tokio::process::Command::new("docker");
        waiting.args(["-H", &self.docker, "wait", name]).kill_on_drop(true);
        waiting.output().await.unwrap();
        let ended = self.docker(&["inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", name]).ok()?;
        let (code, for_memory) = ended.split_once(' ').unwrap();
        if code != "0" {
            let logged = Command::new("docker").args(["-H", &self.docker, "logs", name]).output().unwrap();
            eprintln!("pod {name} ended with code {code}: {}", String::from_utf8_lossy(&logged.stderr));
        }
        Some(End { code: code.parse().unwrap(), for_memory: for_memory == "true" })
    }

    pub(crate) fn remove(&self, name: &str) {
        if self.running.lock().unwrap().remove(name) {
            let (docker, folder, name) = (self.docker.clone(), self.volumes.path().join(name), name.to_owned());
            // It takes a while, and nobody waits for it but the end of the test.
            self.leaving.lock().unwrap().push(std::thread::spawn(move || end(&docker, &name, &folder)));
        }
    }

    fn docker(&self, args: &[&str]) -> Result<String, String> {
        run("docker", &[&["-H", self.docker.as_str()], args].concat())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for name in self.running.get_mut().unwrap().clone() {
            self.remove(&name);
        }
        for leaving in self.leaving.get_mut().unwrap().drain(..) {
            leaving.join().ok();
        }
    }
}

fn end(docker: &str, name: &str, folder: &Path) {
    run("docker", &["-H", docker, "rm", "-f", name]).ok();
    for volume in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        run("umount", &["-l", &volume.path().display().to_string()]).ok();
    }
}

/// Joins the network of a process to this machine's, by a wire with an address at each end. It goes with the process.
fn connect(id: &str) -> Ipv4Addr {
    loop {
        // Of a range for measurements, that no network has. The name of our end keeps two tests from the same one.
        let number = rand::random::<u16>();
        let name = format!("sp-{number:04x}");
        if run("ip", &["link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", id]).is_err() {
            assert!(Path::new("/sys/class/net").join(&name).exists(), "no network for process {id}");
            continue;
        }
        let ours = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + 2 * u32::from(number));
        let theirs = Ipv4Addr::from_bits(ours.to_bits() + 1);
        run("ip", &["address", "add", &format!("{ours}/31"), "dev", &name]).unwrap();
        run("ip", &["link", "set", &name, "up"]).unwrap();
        let inside = ["-t", id, "-n", "ip"];
        for args in [&["address", "add", &format!("{theirs}/31"), "dev", "eth0"][..], &["link", "set", "eth0", "up"]] {
            run("nsenter", &[&inside, args].concat()).unwrap();
        }
        return theirs;
    }
}

/// What it says, or what it complains about.
fn run(program: &str, args: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        Ok(said(&done.stdout))
    } else {
        Err(format!("{program} {args:?}: {}", said(&done.stderr)))
    }
}
