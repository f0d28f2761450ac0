//! A process that is killed in the middle of a run goes on after its restart, and nothing happens twice.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use septet_testkit::Client;
use serde_json::{Value, json};

use crate::process::{Process, free_address, septet};
use crate::sample_report;

/// `septet up` on a data folder.
async fn up(data: &Path, address: SocketAddr) -> Process {
    let mut command = septet();
    command.args(["up", "--data", data.to_str().unwrap(), "--listen", &address.to_string()]);
    Process::start(command.env("SEPTET__AGENTS__LEASE_S", "2"), address).await
}

/// An owner's API key of the installation in a data folder.
pub(crate) fn key(data: &Path) -> String {
    let output =
        septet().args(["admin", "create-key", "--name", "crash", "--data", data.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Reads events until one is called `until`, that one included.
async fn read_until(client: &Client, body: Value, until: &str) -> Vec<(String, Value)> {
    let mut stream = std::pin::pin!(client.events("/v1/responses", body).await);
    let mut seen = Vec::new();
    while let Some(event) = stream.next().await {
        let found = event.0 == until;
        seen.push(event);
        if found {
            return seen;
        }
    }
    panic!("the run ended before {until}");
}

async fn survives_a_kill_at(until: &str) {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let process = up(folder.path(), address).await;
    let client = Client::new(address, &key(folder.path()));
    let (store, state) = client.add_document("annual-report-2025.pdf", sample_report()).await;
    assert_eq!(state["status"], "completed", "{state}");
    let body = json!({
        "model": "agent:analyst", "input": "帮我分析财报", "stream": true,
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    });
    let mut events = read_until(&client, body, until).await;
    process.kill();

    let process = up(folder.path(), address).await;
    let id = events[0].1["response"]["id"].as_str().unwrap().to_owned();
    let last = events.last().unwrap().1["sequence_number"].as_u64().unwrap();
    let path = format!("/v1/responses/{id}?stream=true&starting_after={last}");
    let rest = client.get_events(&path).await.collect::<Vec<_>>();
    events.extend(tokio::time::timeout(Duration::from_secs(120), rest).await.expect("the run goes on"));

    let numbers: Vec<u64> = events.iter().map(|(_, data)| data["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>(), "every event once, killed at {until}");
    let (name, end) = events.last().unwrap();
    assert_eq!(name, "response.completed", "killed at {until}: {end}");
    let output = end["response"]["output"].as_array().unwrap();
    let done = |kind: &str| output.iter().filter(|item| item["type"] == kind).count();
    assert_eq!(done("code_interpreter_call"), 1, "the code is one step, killed at {until}: {end}");
    let answers: Vec<_> = output.iter().filter(|item| item["type"] == "message").collect();
    assert_eq!(answers.last().unwrap()["status"], "completed");
    let charts = end.to_string().matches("container_file_citation").count();
    assert!(charts >= 1, "the chart is in the answer, killed at {until}");
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_it_searches_goes_on() {
    survives_a_kill_at("response.file_search_call.searching").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_its_code_runs_goes_on() {
    survives_a_kill_at("response.code_interpreter_call.interpreting").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_while_it_answers_goes_on() {
    survives_a_kill_at("response.output_text.delta").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_being_read_at_a_kill_becomes_searchable() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let process = up(folder.path(), address).await;
    let client = Client::new(address, &key(folder.path()));
    let store =
        client.post("/v1/vector_stores", json!({"name": "crash"})).await.ok()["id"].as_str().unwrap().to_owned();
    let file = client.upload("annual-report-2025.pdf", sample_report()).await.ok()["id"].as_str().unwrap().to_owned();
    client.post(&format!("/v1/vector_stores/{store}/files"), json!({"file_id": file})).await.ok();
    process.kill();

    let process = up(folder.path(), address).await;
    let path = format!("/v1/vector_stores/{store}/files/{file}");
    let begun = Instant::now();
    loop {
        let state = client.get(&path).await.ok();
        if state["status"] == "completed" {
            break;
        }
        assert_eq!(state["status"], "in_progress", "{state}");
        assert!(begun.elapsed() < Duration::from_secs(90), "still {state}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = client.post(&format!("/v1/vector_stores/{store}/search"), json!({"query": "营业收入"})).await.ok();
    assert!(!found["data"].as_array().unwrap().is_empty());
    drop(process);
}
