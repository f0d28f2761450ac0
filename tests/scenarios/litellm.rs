//! Another product in the place of the model gateway: the LiteLLM proxy, unmodified, behind an unchanged Agent Core.
//!
//! The provider behind it is a scripted one, so what reaches the model is seen here.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use futures::StreamExt;
use septet_testkit::model::Turn;
use septet_testkit::{Client, ScriptedModel};
use serde_json::{Value, json};

use crate::crash::key;
use crate::process::{Process, free_address, septet};
use crate::sample_report;

/// What the proxy wants to see.
const KEY: &str = "sk-litellm-of-the-tests-0123456789abcdef";

/// The model as LiteLLM names it, and as agents do.
const MODEL: &str = "house-model";

/// The proxy; `None` where it cannot be installed.
fn installed() -> Option<String> {
    let script = septet_fixtures::repository().join("scripts/litellm.sh");
    let output = Command::new("bash").arg(script).output().expect("bash");
    if !output.status.success() {
        eprintln!("skipped: the LiteLLM proxy cannot be installed: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// The proxy as a process of its own.
struct Proxy {
    child: Child,
    address: SocketAddr,
}

impl Proxy {
    async fn start(program: &str, folder: &Path, model: &ScriptedModel) -> Self {
        let address = free_address();
        let settings = folder.join("litellm.yaml");
        let text = format!(
            "model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/scripted\n      \
             api_base: {}\n      api_key: none\nrouter_settings:\n  num_retries: 0\n",
            model.base_url()
        );
        std::fs::write(&settings, text).unwrap();
        let log = std::fs::File::create(folder.join("litellm.log")).unwrap();
        let child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--config"])
            .arg(&settings)
            // Prices from its own package, nothing from the network; no console; errors are logged and nothing else.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_MODE", "PRODUCTION")
            .env("LITELLM_LOG", "ERROR")
            .env("DISABLE_ADMIN_UI", "True")
            .env("LITELLM_MASTER_KEY", KEY)
            .env_remove("DATABASE_URL")
            .current_dir(folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut proxy = Self { child, address };
        let begun = Instant::now();
        while Client::try_get(address, "/health/liveliness").await != Some(200) {
            let is_gone = proxy.child.try_wait().unwrap().is_some();
            let said = || std::fs::read_to_string(folder.join("litellm.log")).unwrap_or_default();
            assert!(!is_gone && begun.elapsed() < Duration::from_secs(120), "LiteLLM does not start: {}", said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// All services but the model gateway, whose place is an address.
async fn platform(data: &Path, proxy: SocketAddr) -> Process {
    let settings = data.with_extension("toml");
    let address = free_address();
    let mut text = format!("data = {data:?}\n[listen]\npublic = \"{address}\"\n[listen.internal]\n");
    let others = ["agent-core", "knowledge-engine", "sandbox-runner", "async-worker", "management"];
    for name in others {
        text += &format!("{name} = \"{}\"\n", free_address());
    }
    text += &format!("[peers]\nmodel-gateway = \"http://{proxy}\"\n[peer_keys]\nmodel-gateway = \"{KEY}\"\n");
    std::fs::write(&settings, text).unwrap();
    let mut command = septet();
    command.args(["serve", "api-gateway"]).args(others).arg("--config").arg(&settings);
    Process::start(&mut command, address).await
}

fn roles(request: &Value) -> Vec<&str> {
    request["messages"].as_array().unwrap().iter().filter_map(|message| message["role"].as_str()).collect()
}

fn last_content(request: &Value) -> &str {
    request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_core_runs_unchanged_with_litellm_in_place_of_the_model_gateway() {
    let Some(program) = installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let model = ScriptedModel::start([
        Turn::Call("knowledge_search".to_owned(), json!({"queries": ["营业收入"]})),
        Turn::Call("run_python".to_owned(), json!({"code": "print(6 * 7)"})),
        Turn::Say("The revenue is in the report [1] and the answer is 42.".to_owned()),
        Turn::Say("As I said: 42.".to_owned()),
        Turn::Fail(400),
    ])
    .await;
    let proxy = Proxy::start(&program, folder.path(), &model).await;
    let process = platform(&data, proxy.address).await;
    let client = Client::new(process.address, &key(&data));
    let agents = client.get("/api/agents").await.ok();
    let analyst = agents["data"][0]["id"].as_str().unwrap_or_else(|| panic!("{agents}")).to_owned();
    client.patch(&format!("/api/agents/{analyst}"), json!({"model": MODEL})).await.ok();
    let (store, state) = client.add_document("annual-report-2025.pdf", sample_report()).await;
    assert_eq!(state["status"], "completed", "{state}");

    // A conversation with two tools, streamed.
    let body = json!({
        "model": "agent:analyst", "input": "What is the revenue, and what is six times seven?", "stream": true,
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    });
    let events: Vec<(String, Value)> = client.events("/v1/responses", body).await.collect().await;
    let (name, end) = events.last().unwrap();
    assert_eq!(name, "response.completed", "{end}");
    let deltas: Vec<&str> = events
        .iter()
        .filter(|(name, _)| name == "response.output_text.delta")
        .map(|(_, data)| data["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas.concat(), "The revenue is in the report [1] and the answer is 42.");
    let response = &end["response"];
    let kinds: Vec<&str> =
        response["output"].as_array().unwrap().iter().filter_map(|item| item["type"].as_str()).collect();
    assert_eq!(kinds, ["file_search_call", "code_interpreter_call", "message"], "{response}");
    let annotations = &response["output"][2]["content"][0]["annotations"];
    assert_eq!(annotations[0]["type"], "file_citation", "the passage is cited: {response}");
    let used = &response["usage"];
    let figures = ["input_tokens", "output_tokens", "total_tokens"].map(|name| used[name].as_u64().unwrap());
    assert_eq!(figures, [30, 15, 45], "what the provider says, through LiteLLM, of three turns");

    // What the model saw.
    let asked = model.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request["model"] == "scripted" && request["stream"] == true));
    let tools: Vec<&str> =
        asked[0]["tools"].as_array().unwrap().iter().filter_map(|tool| tool["function"]["name"].as_str()).collect();
    assert!(tools.contains(&"knowledge_search") && tools.contains(&"run_python"), "{tools:?}");
    assert_eq!(roles(&asked[0]), ["system", "user"]);
    assert_eq!(roles(&asked[1]), ["system", "user", "assistant", "tool"]);
    let passages = last_content(&asked[1]);
    assert!(passages.contains("[1]") && passages.contains("营业收入"), "{passages}");
    assert!(last_content(&asked[2]).contains("42"), "{}", last_content(&asked[2]));
    let messages = asked[2]["messages"].as_array().unwrap();
    let (call, result) = (&messages[4], &messages[5]);
    assert_eq!(call["tool_calls"][0]["function"]["name"], "run_python");
    assert_eq!(call["tool_calls"][0]["id"], result["tool_call_id"], "the result belongs to its call");

    // The conversation goes on.
    let body = json!({"model": "agent:analyst", "input": "Again?", "previous_response_id": response["id"]});
    let second = client.post("/v1/responses", body).await.ok();
    assert_eq!(second["status"], "completed", "{second}");
    assert_eq!(second["output"][0]["content"][0]["text"], "As I said: 42.");
    assert_eq!(second["usage"]["total_tokens"], 15);
    let asked = model.asked();
    assert!(asked[3].to_string().contains("the answer is 42."), "what was said before is there");

    // A refusal of the provider ends the run in words.
    let third = client.post("/v1/responses", json!({"model": "agent:analyst", "input": "go"})).await.ok();
    assert_eq!(third["status"], "failed", "{third}");
    let message = third["error"]["message"].as_str().unwrap();
    assert!(message.contains("scripted failure"), "{message}");
    eprintln!(
        "LiteLLM 1.106.2 in place of the model gateway: {} turns, tools {:?}, usage {used}, a refusal: {message}",
        model.n_calls(),
        &kinds[..2]
    );
}
