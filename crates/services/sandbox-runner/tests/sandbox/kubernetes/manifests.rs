//! The manifests in `deploy/kubernetes` and the code mean the same names, labels, ports and rights.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::warm;
use crate::support::python;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/kubernetes")
}

/// Everything in the folder, by kind and name.
fn manifests() -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let value: Value =
                serde::Deserialize::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if value["kind"] == "Kustomization" {
                continue;
            }
            let word =
                |field: &Value| field.as_str().unwrap_or_else(|| panic!("{}: {value}", path.display())).to_owned();
            let key = (word(&value["kind"]), word(&value["metadata"]["name"]));
            assert!(value["apiVersion"].is_string(), "{key:?}");
            let known = all.insert((key.0.clone(), key.1.clone()), value.clone());
            assert!(known.is_none(), "{key:?} is there twice");
        }
    }
    all
}

fn one<'a>(all: &'a BTreeMap<(String, String), Value>, kind: &str, name: &str) -> &'a Value {
    &all[&(kind.to_owned(), name.to_owned())]
}

#[tokio::test]
async fn the_network_policy_lets_the_runner_in_to_the_pods_it_makes() {
    let (cluster, _harness) = warm(1).await;
    let pod = &cluster.all("pods")[0];
    let all = manifests();

    let policy = &one(&all, "NetworkPolicy", "runner-to-agents")["spec"];

    for (key, value) in policy["podSelector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&pod["metadata"]["labels"][key], value, "{key}");
    }
    let port = &pod["spec"]["containers"][0]["ports"][0]["containerPort"];
    assert_eq!(&policy["ingress"][0]["ports"][0]["port"], port);
    let from = &policy["ingress"][0]["from"][0];
    let runner = &one(&all, "Deployment", "septet-sandbox-runner");
    let labels = &runner["spec"]["template"]["metadata"]["labels"];
    for (key, value) in from["podSelector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&labels[key], value, "{key}");
    }
    assert_eq!(
        from["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
        runner["metadata"]["namespace"]
    );
    let nothing = &one(&all, "NetworkPolicy", "nothing-in-nothing-out")["spec"];
    assert_eq!(nothing["podSelector"], serde_json::json!({}), "it holds for every pod");
    assert_eq!(nothing["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert!(nothing["egress"].is_null() && nothing["ingress"].is_null());
    for ((kind, name), policy) in &all {
        let is_open = kind == "NetworkPolicy" && policy["metadata"]["namespace"] == "septet-sandboxes";
        assert!(!is_open || policy["spec"]["egress"].is_null(), "{name} opens egress");
    }
}

#[test]
fn the_runner_finds_its_settings_and_its_namespace() {
    let all = manifests();
    let text = one(&all, "ConfigMap", "septet-sandbox-runner")["data"]["septet.toml"].as_str().unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let mut config: septet_sandbox_runner::Config = settings["sandbox"].clone().try_into().unwrap();

    config.check().unwrap();

    assert_eq!(config.driver, "kubernetes:");
    let namespace = &config.kubernetes.namespace;
    assert!(all.contains_key(&("Namespace".to_owned(), namespace.clone())));
    assert_eq!(one(&all, "Role", "septet-sandbox-runner")["metadata"]["namespace"], namespace.as_str());
    assert_eq!(one(&all, "ResourceQuota", "sandboxes")["metadata"]["namespace"], namespace.as_str());
    let n_pods: usize =
        one(&all, "ResourceQuota", "sandboxes")["spec"]["hard"]["pods"].as_str().unwrap().parse().unwrap();
    assert!(n_pods >= config.kubernetes.n_pods + config.kubernetes.n_warm, "the quota has room for what is asked");
    config.kubernetes.image.clear();
    assert!(config.check().is_err(), "an image is not forgotten");
}

#[tokio::test]
async fn the_role_allows_what_the_runner_does_and_nothing_else() {
    let (cluster, harness) = warm(1).await;
    let container = harness.container().await;
    harness.run_in(container, python("print hello")).await;
    harness.client.delete(&harness.caller, container).await.unwrap();
    cluster.until("its pod is gone", |cluster| cluster.pods("claimed").is_empty()).await;
    let all = manifests();
    let role = one(&all, "Role", "septet-sandbox-runner");

    let rules: BTreeMap<&str, Vec<&str>> = role["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let verbs = rule["verbs"].as_array().unwrap().iter().map(|verb| verb.as_str().unwrap()).collect();
            (rule["resources"][0].as_str().unwrap(), verbs)
        })
        .collect();

    assert_eq!(rules.keys().copied().collect::<Vec<_>>(), ["jobs", "pods"]);
    for kind in ["pods", "jobs"] {
        for verb in cluster.verbs(kind) {
            assert!(rules[kind].contains(&verb.as_str()), "{verb} {kind} is not allowed");
        }
    }
    assert_eq!(rules["pods"], ["create", "delete", "get", "list", "patch"]);
    assert_eq!(rules["jobs"], ["create", "delete", "list", "patch"]);
    let subject = &one(&all, "RoleBinding", "septet-sandbox-runner")["subjects"][0];
    let runner = &one(&all, "Deployment", "septet-sandbox-runner");
    assert_eq!(subject["name"], runner["spec"]["template"]["spec"]["serviceAccountName"]);
    assert_eq!(subject["namespace"], runner["metadata"]["namespace"]);
}

#[tokio::test]
async fn pods_pass_the_pod_security_level_of_their_namespace() {
    let all = manifests();
    let level = &one(&all, "Namespace", "septet-sandboxes")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(level, "restricted");
    let (cluster, _harness) = warm(1).await;

    let spec = &cluster.all("pods")[0]["spec"];

    let container = &spec["containers"][0]["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"], serde_json::json!({ "drop": ["ALL"] }));
    assert_eq!(container["runAsNonRoot"], true);
    assert!(matches!(container["seccompProfile"]["type"].as_str(), Some("Localhost" | "RuntimeDefault")));
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(spec[field].is_null(), "{field}");
    }
    for volume in spec["volumes"].as_array().unwrap() {
        assert!(volume["emptyDir"].is_object(), "{volume}");
    }
}

#[test]
fn what_is_applied_together_exists() {
    let text = std::fs::read_to_string(folder().join("kustomization.yaml")).unwrap();
    let kustomization: Value = serde_yaml_ng::from_str(&text).unwrap();
    for name in kustomization["resources"].as_array().unwrap() {
        assert!(folder().join(name.as_str().unwrap()).is_file(), "{name}");
    }
}

#[test]
fn the_runner_itself_is_hardened_and_listens_where_its_service_says() {
    let all = manifests();
    let pod = &one(&all, "Deployment", "septet-sandbox-runner")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
    let port = &container["ports"][0];
    let service = &one(&all, "Service", "sandbox-runner")["spec"]["ports"][0];
    assert_eq!(service["targetPort"], port["name"]);
    assert_eq!(service["port"], port["containerPort"]);
    let text = one(&all, "ConfigMap", "septet-sandbox-runner")["data"]["septet.toml"].as_str().unwrap();
    assert!(text.contains(&format!("0.0.0.0:{}", port["containerPort"])));
}
