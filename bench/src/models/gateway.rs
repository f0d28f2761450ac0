//! The gateways that are compared: ours and LiteLLM's, each in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::load::Load;
use crate::process::Process;

/// A gateway that has answered once.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    /// From the start of the process to its first answer.
    pub(crate) first_answer: Duration,
}

/// How a gateway is started.
pub(crate) enum Product<'a> {
    /// The release binary.
    Septet(&'a Path),
    /// The executable of its package.
    LiteLlm(&'a Path),
}

impl Product<'_> {
    /// Starts it on the given processors, with its files in `folder`, and waits for its first answer.
    pub(crate) async fn start(&self, cpus: &str, folder: &Path, provider: SocketAddr) -> anyhow::Result<Gateway> {
        match self {
            Self::Septet(binary) => septet(binary, cpus, folder, provider).await,
            Self::LiteLlm(executable) => litellm(executable, cpus, folder, provider).await,
        }
    }
}

/// Septet's, with a key, four budgets that every call is reserved in, the records of usage, and metrics.
async fn septet(binary: &Path, cpus: &str, folder: &Path, provider: SocketAddr) -> anyhow::Result<Gateway> {
    let (address, metrics, key) = (free()?, free()?, secret());
    let file = folder.join("septet.toml");
    let settings = format!(
        r#"
[listen]
metrics = "{metrics}"

[listen.internal]
model-gateway = "{address}"

[models]
offline = false

[models.keys.bench]
key = "{key}"
tenant = "acme"
group = "research"

[models.providers.quick]
kind = "compatible"
base_url = "http://{provider}/v1"
api_key = "none"
models = [{{ id = "mock", input_price = 2, output_price = 8 }}]

[models.providers.slow]
kind = "compatible"
base_url = "http://{provider}/slow/v1"
api_key = "none"
models = [{{ id = "slow", input_price = 2, output_price = 8 }}]

[[models.budgets]]
scope = "tenant"
what = "money"
max = 1000000000

[[models.budgets]]
scope = "key"
what = "requests"
max = 1000000000

[[models.budgets]]
scope = "key"
what = "tokens"
max = 1000000000000

[[models.budgets]]
scope = "group:research"
what = "concurrency"
max = 10000
"#
    );
    std::fs::write(&file, settings)?;
    let mut command = pinned(cpus, binary);
    command.args(["serve", "model-gateway", "--config"]).arg(&file);
    command.arg("--data").arg(folder.join("data"));
    started(command, address, key).await
}

/// LiteLLM's proxy with a key, one worker and neither database nor call-backs, which spares it the budgets and records.
async fn litellm(executable: &Path, cpus: &str, folder: &Path, provider: SocketAddr) -> anyhow::Result<Gateway> {
    let (address, key) = (free()?, secret());
    let file = folder.join("litellm.yaml");
    let settings = format!(
        "model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: 'http://{provider}/v1', api_key: none}}
  - model_name: slow
    litellm_params: {{model: openai/slow, api_base: 'http://{provider}/slow/v1', api_key: none}}
litellm_settings: {{num_retries: 0, telemetry: false}}
general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}
"
    );
    std::fs::write(&file, settings)?;
    let mut command = pinned(cpus, executable);
    command.arg("--config").arg(&file).args(["--host", "127.0.0.1", "--num_workers", "1", "--port"]);
    command.arg(address.port().to_string());
    command.env_remove("DATABASE_URL").env("LITELLM_MASTER_KEY", &key);
    // It would ask the network for prices and log every call at length.
    command.envs([("LITELLM_LOCAL_MODEL_COST_MAP", "True"), ("LITELLM_MODE", "PRODUCTION"), ("LITELLM_LOG", "ERROR")]);
    started(command, address, key).await
}

/// A command that will have these processors and no others.
fn pinned(cpus: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cpus]).arg(program);
    command
}

async fn started(mut command: Command, address: SocketAddr, key: String) -> anyhow::Result<Gateway> {
    let began = Instant::now();
    let mut process = Process::start(&mut command)?;
    let probe = Load::of(address, &key);
    while !probe.is_answered().await {
        process.check()?;
        anyhow::ensure!(began.elapsed() < Duration::from_secs(120), "the gateway does not answer: {command:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(Gateway { process, address, key, first_answer: began.elapsed() })
}

fn free() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn secret() -> String {
    format!("sk-{:032x}", rand::random::<u128>())
}
