//! The settings of the whole platform: those of the seven services and what is common to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::http::HeaderValue;
use septet_chassis::http::Listening;
use septet_chassis::telemetry;
use septet_kernel::ServiceName;
use septet_model_gateway::Secret;
use serde::{Deserialize, Serialize};

/// The settings, as in `septet.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where everything lies that must last. Default `/var/lib/septet` for root, else `~/.local/share/septet`.
    pub data: PathBuf,
    /// Where the services listen.
    pub listen: Listen,
    /// Where services are that do not run in this process, by name. Default: on this machine, ports 7701 to 7707.
    pub peers: BTreeMap<ServiceName, String>,
    /// Keys that go to peers as bearer tokens, by name: for another product in the place of a service. Septet's own
    /// services need none. Default none.
    pub peer_keys: BTreeMap<ServiceName, Secret>,
    /// Where rows and blobs are kept.
    pub stores: Stores,
    /// Logs.
    pub log: telemetry::Config,
    /// The API gateway.
    pub gateway: septet_api_gateway::Config,
    /// The model gateway.
    pub models: septet_model_gateway::Config,
    /// Agent Core.
    pub agents: septet_agent_core::Config,
    /// The knowledge engine.
    pub knowledge: septet_knowledge_engine::Config,
    /// The sandbox runner.
    pub sandbox: septet_sandbox_runner::Config,
    /// The async worker.
    pub worker: septet_async_worker::Config,
    /// Management.
    pub management: septet_management::Config,
}

/// Where the services listen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The public surface and the console. Default `127.0.0.1:7700`; behind a reverse proxy on another machine use
    /// `0.0.0.0:7700`.
    pub public: SocketAddr,
    /// Where services listen for their peers when they run apart, by name. Default 127.0.0.1, ports 7701 to 7707.
    pub internal: BTreeMap<ServiceName, SocketAddr>,
    /// Where Prometheus finds `/metrics`. Default: nowhere.
    pub metrics: Option<SocketAddr>,
    /// How many connections to the public surface there may be at a time. When all are taken, the one that has been
    /// silent longest makes room. Half of what the process may have open (`ulimit -n`) counts when it is less. Default
    /// 4096.
    pub max_connections: usize,
    /// How many of them may come from one address, or from the /64 of an IPv6 address. At most three quarters of all;
    /// addresses of `gateway.trusted_proxies` have no such limit. Default 512.
    pub max_connections_per_address: usize,
    /// How long a connection may take until the head of its first request is there, in seconds, 1 to 600. Default 15.
    pub header_timeout_s: u32,
    /// How long a connection may take until the head of its next request is there, in seconds, 1 to 3600. It should be
    /// longer than a reverse proxy keeps its connections. Default 75.
    pub idle_timeout_s: u32,
}

/// Where rows and blobs are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stores {
    /// `sqlite:///absolute/path.db` or `postgres://...`. Default: `septet.db` in the data folder.
    pub database: Option<String>,
    /// `file:///absolute/folder`. Default: `blobs` in the data folder.
    pub blobs: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: default_data_folder(),
            listen: Listen::default(),
            peers: BTreeMap::new(),
            peer_keys: BTreeMap::new(),
            stores: Stores::default(),
            log: telemetry::Config::default(),
            gateway: septet_api_gateway::Config::default(),
            models: septet_model_gateway::Config::default(),
            agents: septet_agent_core::Config::default(),
            knowledge: septet_knowledge_engine::Config::default(),
            sandbox: septet_sandbox_runner::Config::default(),
            worker: septet_async_worker::Config::default(),
            management: septet_management::Config::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            public: SocketAddr::from(([127, 0, 0, 1], 7700)),
            internal: BTreeMap::new(),
            metrics: None,
            max_connections: 4096,
            max_connections_per_address: 512,
            header_timeout_s: 15,
            idle_timeout_s: 75,
        }
    }
}

impl Listen {
    /// What the public listener takes upon itself.
    ///
    /// # Errors
    /// When a network of the gateway's trusted proxies is none.
    pub fn public_listening(&self, gateway: &septet_api_gateway::Config) -> anyhow::Result<Listening> {
        let is_shared = gateway.proxies().map_err(anyhow::Error::msg)?;
        Ok(Listening {
            max_connections: self.max_connections,
            max_per_address: self.max_connections_per_address,
            header_timeout: Duration::from_secs(self.header_timeout_s.into()),
            idle_timeout: Duration::from_secs(self.idle_timeout_s.into()),
            is_shared: Arc::new(is_shared),
        })
    }

    fn check(&self) -> Result<(), String> {
        let wrong = |name: &str, least: u32, most: u32| Err(format!("listen.{name} may be {least} to {most}"));
        if self.max_connections < 2 {
            return Err("listen.max_connections must be 2 at least".to_owned());
        }
        if self.max_connections_per_address == 0 {
            return Err("listen.max_connections_per_address must be 1 at least".to_owned());
        }
        if !(1..=600).contains(&self.header_timeout_s) {
            return wrong("header_timeout_s", 1, 600);
        }
        if !(1..=3600).contains(&self.idle_timeout_s) {
            return wrong("idle_timeout_s", 1, 3600);
        }
        Ok(())
    }
}

/// The port that a service listens on when nothing else is said.
#[must_use]
pub fn default_port(name: ServiceName) -> u16 {
    let place = ServiceName::ALL.iter().position(|known| *known == name).unwrap_or(0);
    7701 + u16::try_from(place).unwrap_or(0)
}

impl Config {
    /// Reads the settings: defaults, then the file, then `SEPTET__...` variables, then the well-known variables of
    /// model providers (`OPENAI_API_KEY`, ...). Without `file`, `septet.toml` in the working folder counts if there is
    /// one.
    ///
    /// # Errors
    /// A sentence that names the setting and, for an unknown one, what was probably meant.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let nearby = Path::new("septet.toml");
        let file = file.or_else(|| nearby.is_file().then_some(nearby));
        let mut config: Self = septet_chassis::config::load(file)?;
        config.models.add_providers(septet_model_gateway::providers_from_env(std::env::vars()));
        config.check()?;
        Ok(config)
    }

    /// Fills in what depends on the data folder, with absolute paths.
    ///
    /// # Errors
    /// When the working folder cannot be found.
    pub fn resolve(mut self) -> anyhow::Result<Self> {
        self.data = std::path::absolute(&self.data).context("the data folder has no absolute path")?;
        let data = self.data.clone();
        let at = |path: &mut PathBuf| *path = data.join(&*path);
        at(&mut self.gateway.signing_key);
        at(&mut self.knowledge.index_folder);
        at(&mut self.models.spool);
        self.worker.instance_file.get_or_insert_with(|| data.join("worker.instance"));
        self.stores.database.get_or_insert_with(|| septet_database::Database::sqlite_uri(&data.join("septet.db")));
        self.stores.blobs.get_or_insert_with(|| septet_blobs::Blobs::file_uri(&data.join("blobs")));
        Ok(self)
    }

    /// The address of a service that runs elsewhere.
    #[must_use]
    pub fn peer(&self, name: ServiceName) -> String {
        self.peers.get(&name).cloned().unwrap_or_else(|| format!("http://127.0.0.1:{}", default_port(name)))
    }

    /// What a peer wants to see besides the caller's identity.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn peer_authorization(&self, name: ServiceName) -> anyhow::Result<Option<HeaderValue>> {
        let Some(key) = self.peer_keys.get(&name) else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .with_context(|| format!("peer_keys.{name} holds characters that cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Where a service of this process listens for its peers.
    #[must_use]
    pub fn internal_address(&self, name: ServiceName) -> SocketAddr {
        let default = SocketAddr::from(([127, 0, 0, 1], default_port(name)));
        self.listen.internal.get(&name).copied().unwrap_or(default)
    }

    fn check(&self) -> anyhow::Result<()> {
        let checks = [
            self.listen.check(),
            self.gateway.check(),
            self.models.check(),
            self.agents.check(),
            self.knowledge.check(),
            self.sandbox.check(),
            self.worker.check(),
            self.management.check(),
        ];
        let complaints: Vec<String> = checks.into_iter().filter_map(Result::err).collect();
        anyhow::ensure!(complaints.is_empty(), "{}", complaints.join("; "));
        Ok(())
    }
}

/// Variables of this process that look like settings and are not read, each with the name that was probably meant.
#[must_use]
pub fn unread_variables() -> Vec<(String, String)> {
    let names = std::env::vars_os().filter_map(|(name, _value)| name.into_string().ok());
    meant(names)
}

/// Of the names, those that begin like `SEPTET_GATEWAY_`: settings have two underscores where a section ends.
fn meant(names: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let sections = serde_json::to_value(Config::default()).unwrap_or_default();
    let with_two = |name: &String| {
        let rest = name.strip_prefix("SEPTET_").filter(|rest| !rest.starts_with('_'))?.to_lowercase();
        let path = path_of(&sections, &rest.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>())?;
        Some(format!("SEPTET__{}", path.join("__").to_uppercase()))
    };
    let mut found: Vec<_> = names.filter_map(|name| with_two(&name).map(|meant| (name, meant))).collect();
    found.sort();
    found
}

/// The path that the words most likely name: a known section first, then as many known ones as there are. What is
/// below the known ones, such as the name of a provider, stays one word.
fn path_of(section: &serde_json::Value, words: &[&str]) -> Option<Vec<String>> {
    let known = section.as_object()?;
    (1..=words.len()).find_map(|n_words| {
        let key = words[..n_words].join("_");
        let inner = known.get(&key)?;
        let rest = &words[n_words..];
        let below = if rest.is_empty() { Vec::new() } else { path_of(inner, rest).unwrap_or(vec![rest.join("_")]) };
        Some(std::iter::once(key).chain(below).collect())
    })
}

#[expect(clippy::disallowed_methods, reason = "settings are read here")]
fn default_data_folder() -> PathBuf {
    if nix::unistd::Uid::effective().is_root() {
        return PathBuf::from("/var/lib/septet");
    }
    let home = std::env::var("HOME").map_or_else(|_| PathBuf::from("."), PathBuf::from);
    std::env::var("XDG_DATA_HOME").map_or_else(|_| home.join(".local/share"), PathBuf::from).join("septet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_with_one_underscore_is_found_with_the_name_that_was_meant() {
        let names = ["SEPTET_GATEWAY_CONSOLE_FOLDER", "SEPTET_LISTEN_PUBLIC", "SEPTET_DATA", "SEPTET_MODELS_NOTHING"];
        let others = ["SEPTET__DATA", "SEPTET_CONFIG", "SEPTET_TEST_REDIS", "SEPTET_RUNTIME", "HOME"];

        let found = meant(names.into_iter().chain(others).map(str::to_owned));

        let expected = [
            ("SEPTET_DATA", "SEPTET__DATA"),
            ("SEPTET_GATEWAY_CONSOLE_FOLDER", "SEPTET__GATEWAY__CONSOLE_FOLDER"),
            ("SEPTET_LISTEN_PUBLIC", "SEPTET__LISTEN__PUBLIC"),
            ("SEPTET_MODELS_NOTHING", "SEPTET__MODELS__NOTHING"),
        ];
        assert_eq!(found, expected.map(|(name, meant)| (name.to_owned(), meant.to_owned())));
    }
}
