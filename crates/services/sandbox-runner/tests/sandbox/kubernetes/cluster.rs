//! An API server and a node in this process: pods and jobs with versions, conflicts, selectors and preconditions, over real
//! HTTP. What it is asked is written down; what it answers can be made to go wrong.
//!
//! A pod that "runs" has an address of its own in 127.0.0.0/8, where a scripted agent listens; or, with a [`Node`], it
//! really runs.

mod api;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::agent::Agent;
use super::node::{End, Node};
use api::answer;

/// What becomes of the pods that are made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// Ready after a moment.
    Runs,
    /// Waits for ever, for this reason.
    Waits { reason: &'static str, message: &'static str },
    /// No node takes it.
    Unschedulable,
    /// Ends at once with this code.
    Fails(i32),
}

/// One call that changed something, or that was refused with a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiCall {
    pub(crate) verb: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A cluster, shared by all that talk to it.
#[derive(Clone)]
pub(crate) struct Cluster(Arc<Inner>);

struct Inner {
    objects: Mutex<Objects>,
    /// Waits before a change is looked at, so that two of them meet.
    latency: Mutex<Duration>,
    fate: Mutex<Fate>,
    /// Answers to a verb on a kind, instead of doing it.
    refusals: Mutex<BTreeMap<(String, String), (u16, Value)>>,
    calls: Mutex<Vec<ApiCall>>,
    /// Verb and kind of every call, those that only read too.
    verbs: Mutex<BTreeSet<(String, String)>>,
    agents: Mutex<BTreeMap<String, (Agent, JoinHandle<()>)>>,
    n_addresses: AtomicU32,
    /// Where pods really run.
    node: Option<Node>,
}

#[derive(Default)]
struct Objects {
    version: u64,
    /// By kind and name.
    all: BTreeMap<(String, String), Value>,
}

/// One runner's way to the API server.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) address: String,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    /// From now on nothing gets through: to other runners, this one looks dead.
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }
}

pub(crate) fn status(code: u16, reason: &str, message: &str, kind: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": { "kind": kind } })
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::on(None)
    }

    pub(crate) fn on(node: Option<Node>) -> Self {
        Self(Arc::new(Inner {
            objects: Mutex::default(),
            latency: Mutex::new(Duration::ZERO),
            fate: Mutex::new(Fate::Runs),
            refusals: Mutex::default(),
            calls: Mutex::default(),
            verbs: Mutex::default(),
            agents: Mutex::default(),
            n_addresses: AtomicU32::new(0),
            node,
        }))
    }

    /// Another server over the same objects.
    pub(crate) async fn way(&self) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let router = api::routes(self.clone(), Arc::clone(&is_cut));
        in_background(async move { axum::serve(listener, router).await.unwrap() });
        Way { address, is_cut }
    }

    pub(crate) fn set_fate(&self, fate: Fate) {
        *self.0.fate.lock().unwrap() = fate;
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        *self.0.latency.lock().unwrap() = latency;
    }

    pub(crate) fn refuse(&self, verb: &str, kind: &str, code: u16, reason: &str, message: &str) {
        let answer = (code, status(code, reason, message, kind));
        self.0.refusals.lock().unwrap().insert((verb.to_owned(), kind.to_owned()), answer);
    }

    /// The namespace is not there.
    pub(crate) fn lose_namespace(&self) {
        for kind in ["pods", "jobs"] {
            for verb in ["list", "create"] {
                let answer = (404, status(404, "NotFound", "namespaces \"septet-sandboxes\" not found", "namespaces"));
                self.0.refusals.lock().unwrap().insert((verb.to_owned(), kind.to_owned()), answer);
            }
        }
    }

    pub(crate) fn allow_everything(&self) {
        self.0.refusals.lock().unwrap().clear();
    }

    pub(crate) fn calls(&self, verb: &str, kind: &str) -> Vec<ApiCall> {
        let calls = self.0.calls.lock().unwrap();
        calls.iter().filter(|call| call.verb == verb && call.kind == kind).cloned().collect()
    }

    /// What was ever asked about this kind.
    pub(crate) fn verbs(&self, kind: &str) -> BTreeSet<String> {
        self.0.verbs.lock().unwrap().iter().filter(|(_, other)| other == kind).map(|(verb, _)| verb.clone()).collect()
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        self.objects().all.iter().filter(|((other, _), _)| other == kind).map(|(_, object)| object.clone()).collect()
    }

    /// Names of pods whose label `septet.io/state` has this value.
    pub(crate) fn pods(&self, state: &str) -> Vec<String> {
        let is_such = |pod: &&Value| pod["metadata"]["labels"]["septet.io/state"] == state;
        self.all("pods").iter().filter(is_such).map(name_of).collect()
    }

    /// Names of pods that wait and are ready.
    pub(crate) fn ready(&self) -> Vec<String> {
        let is_ready = |pod: &&Value| {
            pod["metadata"]["labels"]["septet.io/state"] == "warm" && pod["status"]["conditions"][0]["status"] == "True"
        };
        self.all("pods").iter().filter(is_ready).map(name_of).collect()
    }

    pub(crate) fn agent(&self, pod: &str) -> Agent {
        self.0.agents.lock().unwrap()[pod].0.clone()
    }

    /// The main process of a pod that really runs.
    pub(crate) fn process(&self, pod: &str) -> String {
        self.0.node.as_ref().unwrap().process(pod)
    }

    /// The node of a pod is gone: its agent does not answer, and the API server has marked it.
    pub(crate) fn lose_pod(&self, name: &str) {
        if let Some((_, agent)) = self.0.agents.lock().unwrap().remove(name) {
            agent.abort();
        }
        let status = json!({ "phase": "Failed", "reason": "NodeLost", "message": "node gone" });
        self.set_status(name, status);
    }

    /// The kernel of the node ended the agent of a pod.
    pub(crate) fn end_for_memory(&self, name: &str) {
        if let Some((_, agent)) = self.0.agents.lock().unwrap().remove(name) {
            agent.abort();
        }
        self.set_status(name, ended(&End { code: 137, for_memory: true }));
    }

    /// Waits until it is so; what is not so after ten seconds never will be.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a self,
        what: &'a str,
        is_so: impl Fn(&Self) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let here = std::panic::Location::caller();
        async move {
            for _ in 0..400 {
                if is_so(self) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            panic!("{here}: not so after 10 s: {what}; calls: {:#?}", self.0.calls.lock().unwrap());
        }
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.0.objects.lock().unwrap()
    }

    fn note(&self, verb: &str, kind: &str, name: &str, status: u16, body: Value) {
        let call = ApiCall { verb: verb.to_owned(), kind: kind.to_owned(), name: name.to_owned(), status, body };
        self.0.calls.lock().unwrap().push(call);
    }

    fn refusal(&self, verb: &str, kind: &str) -> Option<Response> {
        self.0.verbs.lock().unwrap().insert((verb.to_owned(), kind.to_owned()));
        let (code, status) = self.0.refusals.lock().unwrap().get(&(verb.to_owned(), kind.to_owned()))?.clone();
        Some(answer(code, &status))
    }

    fn add(&self, kind: &str, mut object: Value) -> Result<Value, Value> {
        let mut objects = self.objects();
        objects.version += 1;
        let name = name_of(&object);
        let key = (kind.to_owned(), name.clone());
        if objects.all.contains_key(&key) {
            return Err(status(409, "AlreadyExists", &format!("{kind} {name:?} already exists"), kind));
        }
        let meta = &mut object["metadata"];
        meta["uid"] = json!(format!("uid-{}", objects.version));
        meta["resourceVersion"] = json!(objects.version.to_string());
        meta["namespace"] = json!("septet-sandboxes");
        meta["creationTimestamp"] = json!(now());
        objects.all.insert(key, object.clone());
        Ok(object)
    }

    fn set_status(&self, pod: &str, status: Value) {
        let mut objects = self.objects();
        objects.version += 1;
        let version = objects.version.to_string();
        if let Some(pod) = objects.all.get_mut(&("pods".to_owned(), pod.to_owned())) {
            pod["status"] = status;
            pod["metadata"]["resourceVersion"] = json!(version);
        }
    }

    fn remove(&self, kind: &str, name: &str) {
        self.objects().all.remove(&(kind.to_owned(), name.to_owned()));
        if kind == "pods"
            && let Some((_, agent)) = self.0.agents.lock().unwrap().remove(name)
        {
            agent.abort();
        }
        if let Some(node) = self.0.node.as_ref().filter(|_| kind == "pods") {
            node.remove(name);
        }
    }

    /// What a node does with a pod that can run.
    async fn run(&self, node: &Node, pod: &Value) {
        let name = name_of(pod);
        let address = node.start(&name, pod);
        if node.is_ready(&name, address).await {
            let status = json!({ "phase": "Running", "podIP": address.to_string(),
                "conditions": [{ "type": "Ready", "status": "True" }] });
            self.set_status(&name, status);
        }
        if let Some(end) = node.end(&name).await {
            self.set_status(&name, ended(&end));
        }
    }

    /// What a node does with a pod.
    async fn start(&self, pod: Value) {
        let name = name_of(&pod);
        let fate = self.0.fate.lock().unwrap().clone();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let waiting = |reason: &str, message: &str| {
            json!({ "phase": "Pending", "containerStatuses": [{ "name": "sandbox", "ready": false, "restartCount": 0,
                "image": "", "imageID": "", "state": { "waiting": { "reason": reason, "message": message } } }] })
        };
        match (fate, &self.0.node) {
            (Fate::Runs, Some(node)) => self.run(node, &pod).await,
            (Fate::Runs, None) => {
                let number = self.0.n_addresses.fetch_add(1, Ordering::SeqCst);
                // Tests run in processes of their own, at the same time.
                let [.., two, one] = std::process::id().to_be_bytes();
                let address = Ipv4Addr::new(127, two | 0x80, one, u8::try_from(number % 250).unwrap() + 1);
                let (agent, serving) = Agent::start(address, &pod).await;
                self.0.agents.lock().unwrap().insert(name.clone(), (agent, serving));
                let status = json!({ "phase": "Running", "podIP": address.to_string(),
                    "conditions": [{ "type": "Ready", "status": "True" }] });
                self.set_status(&name, status);
            }
            (Fate::Waits { reason, message }, _) => self.set_status(&name, waiting(reason, message)),
            (Fate::Unschedulable, _) => {
                let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient memory." }] });
                self.set_status(&name, status);
            }
            (Fate::Fails(code), _) => self.set_status(&name, ended(&End { code, for_memory: false })),
        }
    }
}

/// The status of a pod that is over.
fn ended(end: &End) -> Value {
    let phase = if end.code == 0 { "Succeeded" } else { "Failed" };
    let reason = if end.for_memory { "OOMKilled" } else { "Error" };
    let ended = json!({ "exitCode": end.code, "reason": reason, "finishedAt": now() });
    json!({ "phase": phase, "containerStatuses": [{ "name": "sandbox", "ready": false, "restartCount": 0, "image": "",
        "imageID": "", "state": { "terminated": ended } }] })
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn now() -> String {
    septet_kernel::Clock::system().now().to_string()
}

/// Tests end with everything they started.
pub(super) fn in_background(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    #[expect(clippy::disallowed_methods, reason = "the run-time of a test ends with the test")]
    tokio::spawn(task)
}

pub(super) fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    in_background(async move { axum::serve(listener, router).await.unwrap() })
}

/// Where the agent of a pod listens.
pub(super) fn agent_address(ip: Ipv4Addr) -> SocketAddr {
    SocketAddr::from((ip, 8730))
}
