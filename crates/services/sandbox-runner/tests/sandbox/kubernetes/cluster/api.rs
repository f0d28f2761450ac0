//! What the API server answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::{Cluster, in_background, name_of, status};

type Shared = State<(Cluster, Arc<AtomicBool>)>;

pub(super) fn routes(cluster: Cluster, is_cut: Arc<AtomicBool>) -> Router {
    let one = "/api/v1/namespaces/{namespace}/{kind}/{name}";
    let job = "/apis/batch/v1/namespaces/{namespace}/{kind}/{name}";
    Router::new()
        .route("/api/v1/namespaces/{namespace}/{kind}", get(list).post(create))
        .route("/apis/batch/v1/namespaces/{namespace}/{kind}", get(list).post(create))
        .route(one, get(read).patch(patch).delete(delete))
        .route(job, get(read).patch(patch).delete(delete))
        .with_state((cluster, is_cut))
}

pub(super) fn answer(code: u16, body: &Value) -> Response {
    (StatusCode::from_u16(code).unwrap(), axum::Json(body.clone())).into_response()
}

/// A machine that cannot be reached answers nothing.
async fn unless_cut(is_cut: &AtomicBool) {
    if is_cut.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}

fn selects(selector: &str, thing: &Value) -> bool {
    let labels = &thing["metadata"]["labels"];
    selector.split(',').filter(|part| !part.is_empty()).all(|part| match part.split_once('=') {
        Some((key, value)) => labels[key] == value,
        None => labels[part].is_string(),
    })
}

async fn list(
    State((cluster, is_cut)): Shared,
    Path((_, kind)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    unless_cut(&is_cut).await;
    if let Some(refusal) = cluster.refusal("list", &kind) {
        return refusal;
    }
    let selector = query.get("labelSelector").map_or("", String::as_str);
    let items: Vec<Value> = cluster.all(&kind).into_iter().filter(|thing| selects(selector, thing)).collect();
    let version = cluster.objects().version.to_string();
    let (api, list) = if kind == "jobs" { ("batch/v1", "JobList") } else { ("v1", "PodList") };
    answer(200, &json!({ "apiVersion": api, "kind": list, "metadata": { "resourceVersion": version }, "items": items }))
}

async fn create(
    State((cluster, is_cut)): Shared,
    Path((_, kind)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    unless_cut(&is_cut).await;
    assert_eq!(headers["content-type"], "application/json");
    let thing: Value = serde_json::from_slice(&body).unwrap();
    let name = name_of(&thing);
    if let Some(refusal) = cluster.refusal("create", &kind) {
        cluster.note("create", &kind, &name, refusal.status().as_u16(), thing);
        return refusal;
    }
    let made = match cluster.add(&kind, thing.clone()) {
        Ok(made) => made,
        Err(status) => return answer(409, &status),
    };
    cluster.note("create", &kind, &name, 201, thing);
    // What a job's controller would do.
    let pod = if kind == "jobs" {
        let mut pod = made["spec"]["template"].clone();
        pod["metadata"]["name"] = json!(format!("{name}-x7k2p"));
        pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] = json!(name);
        cluster.add("pods", pod).unwrap()
    } else {
        made.clone()
    };
    in_background(async move { cluster.start(pod).await });
    answer(201, &made)
}

async fn read(State((cluster, is_cut)): Shared, Path((_, kind, name)): Path<(String, String, String)>) -> Response {
    unless_cut(&is_cut).await;
    if let Some(refusal) = cluster.refusal("get", &kind) {
        return refusal;
    }
    let found = cluster.objects().all.get(&(kind.clone(), name.clone())).cloned();
    match found {
        Some(thing) => answer(200, &thing),
        None => answer(404, &status(404, "NotFound", &format!("{kind} {name:?} not found"), &kind)),
    }
}

async fn patch(
    State((cluster, is_cut)): Shared,
    Path((_, kind, name)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    unless_cut(&is_cut).await;
    let latency = *cluster.0.latency.lock().unwrap();
    tokio::time::sleep(latency).await;
    assert_eq!(headers["content-type"], "application/merge-patch+json");
    let change: Value = serde_json::from_slice(&body).unwrap();
    if let Some(refusal) = cluster.refusal("patch", &kind) {
        return refusal;
    }
    let (code, body) = {
        let mut objects = cluster.objects();
        objects.version += 1;
        let version = objects.version.to_string();
        let named = change["metadata"]["resourceVersion"].as_str();
        match objects.all.get_mut(&(kind.clone(), name.clone())) {
            None => (404, status(404, "NotFound", &format!("{kind} {name:?} not found"), &kind)),
            Some(thing) if named.is_some_and(|named| thing["metadata"]["resourceVersion"] != named) => {
                (409, status(409, "Conflict", "the object has been modified; please apply your changes", &kind))
            }
            Some(thing) => {
                merge(thing, &change);
                thing["metadata"]["resourceVersion"] = json!(version);
                (200, thing.clone())
            }
        }
    };
    cluster.note("patch", &kind, &name, code, change);
    answer(code, &body)
}

fn merge(into: &mut Value, change: &Value) {
    let Value::Object(fields) = change else {
        *into = change.clone();
        return;
    };
    for (key, value) in fields {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

async fn delete(
    State((cluster, is_cut)): Shared,
    method: Method,
    Path((_, kind, name)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    unless_cut(&is_cut).await;
    assert_eq!(method, Method::DELETE);
    let options: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(refusal) = cluster.refusal("delete", &kind) {
        return refusal;
    }
    let found = cluster.objects().all.get(&(kind.clone(), name.clone())).cloned();
    let Some(thing) = found else {
        return answer(404, &status(404, "NotFound", &format!("{kind} {name:?} not found"), &kind));
    };
    let as_seen = &options["preconditions"];
    let differs = |field: &str| as_seen[field].is_string() && as_seen[field] != thing["metadata"][field];
    if differs("uid") || differs("resourceVersion") {
        cluster.note("delete", &kind, &name, 409, options);
        return answer(409, &status(409, "Conflict", "Precondition failed", &kind));
    }
    cluster.note("delete", &kind, &name, 200, options.clone());
    cluster.remove(&kind, &name);
    if kind == "jobs" && options["propagationPolicy"] == "Background" {
        for pod in cluster.all("pods") {
            if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == name.as_str() {
                cluster.remove("pods", &name_of(&pod));
            }
        }
    }
    answer(200, &thing)
}
