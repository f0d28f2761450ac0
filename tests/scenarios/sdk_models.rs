//! The official SDKs of OpenAI and Anthropic, unmodified, against models of every kind of provider.
//!
//! The scripts print one line for each check; what they must find follows from what the mock provider says.

mod answers;
mod provider;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use septet_model_gateway::{ModelConfig, ProviderConfig, ProviderKind, Secret};
use septet_testkit::platform::{self, TestPlatform, Topology};

use crate::sdk::sdks;

/// All kinds that are reached over the network.
fn kinds() -> impl Iterator<Item = ProviderKind> {
    ProviderKind::ALL.into_iter().filter(|kind| *kind != ProviderKind::Local)
}

fn chats() -> Vec<ProviderKind> {
    kinds().filter(|kind| !kind.facts().dialects.is_empty()).collect()
}

/// The embedding model of a provider of this kind. At Bedrock the model's name decides how it is asked.
fn embedding(kind: ProviderKind) -> Option<&'static str> {
    ["text-embedding", "amazon.titan-embed-text-v2:0"].into_iter().find(|model| kind.embeddings(model).is_some())
}

/// A provider of this kind, at the mock, with the path that addresses of its kind usually have.
fn provider(kind: ProviderKind, mock: SocketAddr) -> ProviderConfig {
    let path = match (kind, kind.facts().base_url) {
        (ProviderKind::Compatible, _) => "/v1",
        (_, Some(usual)) => usual.splitn(4, '/').nth(3).map_or("", |path| &usual[usual.len() - path.len() - 1..]),
        (_, None) => "",
    };
    let chat = (!kind.facts().dialects.is_empty()).then_some("chat");
    ProviderConfig {
        kind: Some(kind),
        base_url: format!("http://{mock}{path}"),
        api_key: Some(Secret::new(provider::KEY)),
        region: (kind == ProviderKind::Bedrock).then(|| "eu-central-1".to_owned()),
        models: chat.into_iter().chain(embedding(kind)).map(ModelConfig::named).collect(),
        ..ProviderConfig::default()
    }
}

async fn platform() -> TestPlatform {
    let mock = provider::start().await;
    platform::start_with(Topology::Together, |config| {
        // Some hundred checks of two SDKs come at once with one key.
        config.gateway.requests_per_minute = 100_000;
        config.gateway.tenant_requests_per_minute = 1_000_000;
        for kind in kinds() {
            config.models.providers.insert(kind.as_str().to_owned(), provider(kind, mock));
        }
    })
    .await
}

/// Model, check, and what was found.
type Lines = BTreeMap<(String, String), String>;

async fn run(platform: &TestPlatform, folder: &str, script: &str) -> Lines {
    let path = septet_fixtures::repository().join("tests/sdk").join(script);
    let program = if script.ends_with(".py") { format!("{folder}/venv/bin/python") } else { "node".to_owned() };
    let chats: Vec<String> = chats().iter().map(|kind| format!("{kind}/chat")).collect();
    let embeddings: Vec<String> = kinds().filter_map(|kind| Some(format!("{kind}/{}", embedding(kind)?))).collect();
    let output = tokio::process::Command::new(program)
        .arg(path)
        .env("SEPTET_URL", format!("http://{}", platform.address))
        .env("SEPTET_KEY", &platform.client.key)
        .env("SEPTET_CHATS", chats.join(" "))
        .env("SEPTET_EMBEDDINGS", embeddings.join(" "))
        .env("SEPTET_FORBIDDEN", provider::FORBIDDEN)
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{script} failed:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, '\t').map(str::to_owned);
            Some(((parts.next()?, parts.next()?), parts.next()?))
        })
        .collect()
}

/// Compares everything and tells all that differs at once.
fn compare(script: &str, found: &Lines, expected: &Lines) {
    let mut wrong: Vec<String> = Vec::new();
    for (key @ (model, check), expected) in expected {
        let found = found.get(key).map_or("not checked", String::as_str);
        if found != expected {
            wrong.push(format!("{model} {check}: {found:?} in place of {expected:?}"));
        }
    }
    let unexpected = found.keys().filter(|key| !expected.contains_key(*key));
    wrong.extend(unexpected.map(|(model, check)| format!("{model} {check}: nobody expected this check")));
    eprintln!("{script}: {} of {} checks", expected.len().saturating_sub(wrong.len()), expected.len());
    assert!(wrong.is_empty(), "{script}:\n{}", wrong.join("\n"));
}

/// A kind's line for every check of a conversation: what was said, why it ended, and tokens read, cached and written.
fn add(expected: &mut Lines, kind: ProviderKind, checks: &[(&str, &str, &str)], usage: &str) {
    for (name, said, reason) in checks {
        let line = format!("{said} | {reason} | {usage}");
        expected.insert((format!("{kind}/chat"), (*name).to_owned()), line);
    }
}

const SUNNY: &str = "It is sunny in Paris. ☀";
const DEGREES: &str = "It is 18 degrees.";
const CALL: &str = r#"weather {"city":"Paris"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn openais_sdks_reach_models_of_every_kind_of_provider() {
    let folder = sdks();
    let platform = platform().await;
    let mut expected = Lines::new();
    for kind in chats() {
        let checks = [
            ("chat", SUNNY, "stop"),
            ("chat streamed", SUNNY, "stop"),
            ("chat helper", SUNNY, "stop"),
            ("chat tool", CALL, "tool_calls"),
            ("chat tool streamed", CALL, "tool_calls"),
            ("chat tool result", DEGREES, "stop"),
            ("response", SUNNY, "completed"),
            ("response streamed", SUNNY, "completed"),
            ("response helper", SUNNY, "completed"),
            ("response tool", CALL, "completed"),
            ("response tool streamed", CALL, "completed"),
            ("response tool result", DEGREES, "completed"),
        ];
        // Ollama has Chat Completions as well, which says what was cached; its own protocol does not.
        let (chats, responses) = checks.split_at(6);
        add(&mut expected, kind, chats, "11 4 7");
        add(&mut expected, kind, responses, if kind == ProviderKind::Ollama { "11 0 7" } else { "11 4 7" });
        let model = format!("{kind}/chat");
        expected.insert((model.clone(), "listed".into()), "yes".into());
        expected.insert((model.clone(), "chat refused".into()), "BadRequestError".into());
        expected.insert((model, "response refused".into()), "BadRequestError".into());
    }
    for kind in kinds() {
        let Some(model) = embedding(kind) else { continue };
        for check in ["embeddings", "embeddings as floats"] {
            expected.insert((format!("{kind}/{model}"), check.into()), "[[2,0.5],[5,0.5]]".into());
        }
    }
    expected.insert(("nobody/chat".into(), "unknown".into()), "NotFoundError".into());

    let (python, javascript) =
        tokio::join!(run(&platform, &folder, "models_openai.py"), run(&platform, &folder, "models_openai.mjs"));
    compare("models_openai.py", &python, &expected);
    compare("models_openai.mjs", &javascript, &expected);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_sdks_reach_models_of_every_kind_of_provider() {
    let folder = sdks();
    let platform = platform().await;
    let mut expected = Lines::new();
    for kind in chats() {
        // Here cached tokens are counted apart.
        let usage = if kind == ProviderKind::Ollama { "11 0 7" } else { "7 4 7" };
        let checks = [
            ("message", SUNNY, "end_turn"),
            ("message streamed", SUNNY, "end_turn"),
            ("message helper", SUNNY, "end_turn"),
            ("message tool", CALL, "tool_use"),
            ("message tool helper", CALL, "tool_use"),
            ("message tool result", DEGREES, "end_turn"),
        ];
        add(&mut expected, kind, &checks, usage);
        let model = format!("{kind}/chat");
        expected.insert((model.clone(), "tokens".into()), "some".into());
        expected.insert((model, "message refused".into()), "BadRequestError".into());
    }
    expected.insert(("nobody/chat".into(), "unknown".into()), "NotFoundError".into());

    let (python, javascript) =
        tokio::join!(run(&platform, &folder, "models_anthropic.py"), run(&platform, &folder, "models_anthropic.mjs"));
    compare("models_anthropic.py", &python, &expected);
    compare("models_anthropic.mjs", &javascript, &expected);
    platform.stop().await;
}
