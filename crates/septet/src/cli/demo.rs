//! `septet demo`: the main job on a real report, with the platform in this process and a client in front of it that
//! uses nothing but the public surface.

mod client;
mod show;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use futures::StreamExt;
use septet_chassis::http;
use septet_contracts::sse::{self, TooLong};
use septet_kernel::ServiceName;
use serde_json::{Value, json};

use self::client::Client;
use super::{admin::AdminClient, serve, terminal};
use crate::compose::{self, Listeners, Running};
use crate::config::Config;
use crate::data::{DataFolder, Use};

#[derive(Args)]
pub(crate) struct Options {
    /// The report: a PDF, text, Markdown or HTML file.
    #[arg(long, value_name = "FILE", default_value = "examples/annual-report-2025.pdf")]
    file: PathBuf,
    /// The question.
    #[arg(long, value_name = "QUESTION", default_value = "帮我分析财报")]
    ask: String,
    /// Where the chart is saved.
    #[arg(long, value_name = "FOLDER", default_value = "septet-demo")]
    out: PathBuf,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    listen: SocketAddr,
    /// Keep running afterwards, so that the console can be opened; Ctrl-C ends it.
    #[arg(long)]
    stay: bool,
}

/// Runs the demo; its data folder is temporary unless one is given.
pub(crate) async fn run(mut config: Config, options: Options) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(options.file.is_file(), "there is no file {}; name one with --file", options.file.display());
    let is_given = config.data != Config::default().data;
    let temporary = if is_given { None } else { Some(tempfile::tempdir().context("cannot make a temporary folder")?) };
    if let Some(temporary) = &temporary {
        config.data = temporary.path().join("data");
    }
    let config = config.resolve()?;
    http::install_tls();
    terminal::heading("Starting Septet");
    let folder = DataFolder::open(&config.data, Use::Alone)?;
    terminal::line(&format!("  data      {}{}", config.data.display(), if is_given { "" } else { " (temporary)" }));
    let (running, address) = start(&config, &folder, options.listen).await?;
    if let Some(first) = &running.first_start {
        serve::welcome(first, &folder)?;
    }
    let result = show(&running, address, &options).await;
    match &result {
        Ok(()) if options.stay => {
            terminal::line(&format!("\nThe console is at http://{address} until you press Ctrl-C."));
            go_on(is_given, &config);
            tokio::signal::ctrl_c().await.context("cannot listen for signals")?;
        }
        Ok(()) => go_on(is_given, &config),
        Err(_told_by_main) => {}
    }
    running.stop().await;
    result.map(|()| ExitCode::SUCCESS)
}

/// Says how to go on with what the demo made.
fn go_on(is_given: bool, config: &Config) {
    if is_given {
        let data = config.data.display();
        terminal::line(&format!("\nTo go on with this data: septet up --data {data}   (or: make up DATA={data})"));
    } else {
        terminal::line("\nThe data of this demo is temporary. To keep it and go on with it in the console:");
        terminal::line("  make demo DATA=septet-data && make up DATA=septet-data");
    }
}

async fn start(config: &Config, folder: &DataFolder, wanted: SocketAddr) -> anyhow::Result<(Running, SocketAddr)> {
    let listener = match serve::listen(wanted, "--listen").await {
        Ok(listener) => listener,
        // The demo should work beside a running platform; any free port will do.
        Err(_in_use) => serve::listen(SocketAddr::new(wanted.ip(), 0), "--listen").await?,
    };
    let listeners = Listeners { public: Some(listener), ..Listeners::default() };
    let running = compose::start(config, &ServiceName::ALL, &folder.internal_secret()?, listeners).await?;
    let address = running.public.context("the API gateway does not listen")?;
    terminal::line(&format!("  console   http://{address}"));
    Ok((running, address))
}

async fn show(running: &Running, address: SocketAddr, options: &Options) -> anyhow::Result<()> {
    let key = AdminClient::open(running.database()).await?.create_key("demo", None, None).await?;
    let client = Client::new(address, &key)?;
    terminal::heading(&format!("Uploading {}", options.file.display()));
    let store = client.post("/v1/vector_stores", &json!({"name": "demo"})).await?;
    let store = text(&store, "id");
    let file = text(&client.upload(&options.file).await?, "id");
    client.post(&format!("/v1/vector_stores/{store}/files"), &json!({"file_id": file})).await?;
    wait_until_searchable(&client, &store, &file).await?;
    terminal::heading(&format!("Asking: {}", options.ask));
    let response = ask(&client, &store, &options.ask).await?;
    save_files(&client, &response, &options.out).await?;
    show::answer(&response);
    anyhow::ensure!(
        response["status"] == "completed",
        "the run ended as {}: {}",
        text(&response, "status"),
        response["error"]["message"].as_str().unwrap_or("no reason given")
    );
    Ok(())
}

async fn wait_until_searchable(client: &Client, store: &str, file: &str) -> anyhow::Result<()> {
    let progress = show::Progress::default();
    loop {
        let state = client.get(&format!("/v1/vector_stores/{store}/files/{file}")).await?;
        progress.ingestion(&state["septet"]);
        match state["status"].as_str() {
            Some("completed") => {
                progress.done(&state["septet"]);
                return Ok(());
            }
            Some("in_progress") => tokio::time::sleep(Duration::from_millis(100)).await,
            _ => anyhow::bail!(
                "the file cannot be used: {}",
                state["last_error"]["message"].as_str().unwrap_or("no reason given")
            ),
        }
    }
}

async fn ask(client: &Client, store: &str, question: &str) -> anyhow::Result<Value> {
    let body = json!({
        "model": "agent:analyst",
        "input": question,
        "stream": true,
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    });
    let chunks = client.stream("/v1/responses", &body).await?;
    let events = sse::events(chunks.map(|chunk| chunk.map_err(anyhow::Error::from)), |error: TooLong| error.into());
    let mut events = std::pin::pin!(events);
    let mut shown = show::Events::default();
    while let Some(event) = events.next().await {
        let event = event?;
        let data: Value = serde_json::from_str(&event.data).context("an event is no JSON")?;
        shown.event(&event.name, &data);
        if matches!(event.name.as_str(), "response.completed" | "response.failed" | "response.incomplete") {
            return Ok(data["response"].clone());
        }
    }
    anyhow::bail!("the stream ended before the run did")
}

/// Saves the files that the answer names, charts first of all.
async fn save_files(client: &Client, response: &Value, folder: &Path) -> anyhow::Result<()> {
    for file in show::files(response) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (container, id) = (text(&file, "container_id"), text(&file, "file_id"));
        let bytes = client.bytes(&format!("/v1/containers/{container}/files/{id}/content")).await?;
        // The name comes out of the sandbox: only its last part, and never one that leads elsewhere.
        let name = text(&file, "filename");
        let name = Path::new(&name).file_name().unwrap_or_else(|| "file".as_ref()).to_owned();
        let path = folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        terminal::line(&format!("  saved     {}", path.display()));
    }
    Ok(())
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
