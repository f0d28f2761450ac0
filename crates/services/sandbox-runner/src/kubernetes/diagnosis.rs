//! What keeps pods from running, as a sentence that says what to do.

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::core::Status;

use super::Config;
use super::pod::CONTAINER_NAME;
use crate::driver::Error;

/// As much of a message of the cluster as is passed on.
const MESSAGE_CHARS: usize = 300;

/// What is wrong with a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub(super) why: String,
    /// Whether waiting does not help: somebody must change something.
    pub(super) is_permanent: bool,
}

/// Why the API did not do what it was asked to do (`doing`, such as "create pods").
pub(super) fn of_api(error: &kube::Error, doing: &str, config: &Config) -> Error {
    let namespace = &config.namespace;
    let kube::Error::Api(status) = error else {
        let why = cut(&septet_kernel::causes(error));
        return Error::Unavailable(format!(
            "the Kubernetes API did not answer when we wanted to {doing}: {why}; check that it runs and that this machine \
             reaches it"
        ));
    };
    let said = cut(&status.message);
    let why = match status.code {
        401 => format!(
            "the Kubernetes API does not know us; use the service account of deploy/kubernetes or a valid kubeconfig ({said})"
        ),
        403 => forbidden(status, doing, config),
        404 => {
            format!("there is no namespace {namespace} to {doing} in; run kubectl apply -k deploy/kubernetes ({said})")
        }
        422 | 400 => format!("the cluster does not take our pods; correct [sandbox.kubernetes] ({said})"),
        429 => format!("the Kubernetes API is overloaded and did not {doing}; try again ({said})"),
        code => format!("the Kubernetes API failed to {doing} with status {code} ({said})"),
    };
    Error::Unavailable(why)
}

/// Admission refuses with the same status as authorisation; only the message tells what is missing.
fn forbidden(status: &Status, doing: &str, config: &Config) -> String {
    let (said, namespace) = (cut(&status.message), &config.namespace);
    let lower = status.message.to_lowercase();
    if lower.contains("exceeded quota") || lower.contains("failed quota") {
        format!(
            "the quota of namespace {namespace} is used up; raise its ResourceQuota or lower sandbox.kubernetes.n_warm and \
             n_pods ({said})"
        )
    } else if lower.contains("runtimeclass") {
        format!(
            "the cluster has no RuntimeClass {:?}; install it or change sandbox.kubernetes.runtime_class ({said})",
            config.runtime_class
        )
    } else if lower.contains("priorityclass") {
        format!(
            "the cluster has no PriorityClass {:?}; create it or change sandbox.kubernetes.priority_class ({said})",
            config.priority_class
        )
    } else if lower.contains("podsecurity") {
        format!(
            "the Pod Security level of namespace {namespace} refuses our pods; our pods pass \"restricted\" ({said})"
        )
    } else {
        format!("we may not {doing} in namespace {namespace}; apply the role in deploy/kubernetes/access.yaml ({said})")
    }
}

/// What is wrong with a pod, if something is.
pub(super) fn of_pod(pod: &Pod) -> Option<Diagnosis> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Failed") {
        return Some(Diagnosis { why: ended(pod), is_permanent: true });
    }
    let waiting = state(pod).and_then(|state| state.waiting.as_ref());
    if let Some(waiting) = waiting
        && let Some(reason) = waiting.reason.as_deref()
        && let Some(diagnosis) = not_started(pod, reason, waiting.message.as_deref().unwrap_or_default())
    {
        return Some(diagnosis);
    }
    let unscheduled = status.conditions.as_deref().unwrap_or_default().iter().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    let said = cut(unscheduled.message.as_deref().unwrap_or_default());
    let why = format!(
        "no node has room for a sandbox pod; add nodes, or lower sandbox.kubernetes.cpu, memory_bytes or n_warm ({said})"
    );
    // An autoscaler needs a minute to add a node.
    Some(Diagnosis { why, is_permanent: false })
}

fn not_started(pod: &Pod, reason: &str, message: &str) -> Option<Diagnosis> {
    let said = cut(message);
    let image = pod.spec.as_ref().and_then(|spec| spec.containers.first()?.image.clone()).unwrap_or_default();
    let (why, is_permanent) = match reason {
        // The first failure may be temporary; the back-off that follows says it is not.
        "ErrImagePull" => (image_problem(&image, reason, &said), false),
        "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
            (image_problem(&image, reason, &said), true)
        }
        "CreateContainerError" | "CreateContainerConfigError" | "RunContainerError"
            if message.to_lowercase().contains("seccomp") =>
        {
            let why = format!(
                "a node lacks the seccomp profile; install it as deploy/kubernetes/README.md says, or set \
                 sandbox.kubernetes.seccomp to \"runtime/default\" ({said})"
            );
            (why, true)
        }
        "CreateContainerError" | "CreateContainerConfigError" | "RunContainerError" => {
            (format!("a node cannot start the sandbox image {image}: {reason} ({said})"), true)
        }
        _ => return None,
    };
    Some(Diagnosis { why, is_permanent })
}

fn image_problem(image: &str, reason: &str, said: &str) -> String {
    format!(
        "nodes cannot pull the image {image:?} ({reason}); check sandbox.kubernetes.image and image_pull_secret ({said})"
    )
}

/// Whether the kernel ended the agent because the pod had no memory left.
pub(super) fn is_out_of_memory(pod: &Pod) -> bool {
    let ended = state(pod).and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.reason.as_deref() == Some("OOMKilled"))
}

/// How a pod ended, for people.
fn ended(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let said = cut(status.and_then(|status| status.message.as_deref()).unwrap_or_default());
    match status.and_then(|status| status.reason.as_deref()) {
        Some("DeadlineExceeded") => {
            return "the sandbox pod came to the end of sandbox.kubernetes.pod_life_minutes".to_owned();
        }
        Some("Evicted") => return format!("the node evicted the sandbox pod ({said})"),
        Some(reason) if state(pod).and_then(|state| state.terminated.as_ref()).is_none() => {
            return format!("the sandbox pod failed: {reason} ({said})");
        }
        _ => {}
    }
    let Some(ended) = state(pod).and_then(|state| state.terminated.as_ref()) else {
        return format!("the sandbox pod failed ({said})");
    };
    if is_out_of_memory(pod) {
        return "the sandbox pod needed more memory than it has; raise sandbox.kubernetes.memory_bytes".to_owned();
    }
    format!(
        "the agent in the sandbox pod ended with code {}; kubectl logs of the pod says why, and that image and runner must \
         be of one version",
        ended.exit_code
    )
}

fn state(pod: &Pod) -> Option<&ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_deref()?;
    statuses.iter().find(|status| status.name == CONTAINER_NAME)?.state.as_ref()
}

/// One line of bounded length: the message comes from outside.
fn cut(message: &str) -> String {
    let line: String = message.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    match line.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
