//! A whole platform on a temporary folder, together in one process or apart behind seven listeners.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use septet::cli::AdminClient;
use septet::compose::{self, Listeners, Running};
use septet::config::Config;
use septet_kernel::ServiceName;
use tokio::net::TcpListener;

use crate::{Client, ScriptedModel};

/// How the services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// All seven in one process, calling each other in process.
    Together,
    /// Each behind a listener of its own with nothing shared but the stores.
    Apart,
}

/// A running platform. Dropped without [`TestPlatform::stop`] it is torn down roughly.
pub struct TestPlatform {
    /// The public address.
    pub address: SocketAddr,
    /// A client with an owner's API key.
    pub client: Client,
    /// The administrator's mail address.
    pub email: String,
    /// The administrator's password.
    pub password: String,
    /// The command-line helper for more keys.
    pub admin: AdminClient,
    running: Vec<Running>,
    _folder: tempfile::TempDir,
}

/// Starts a platform with the offline model.
///
/// # Panics
/// When it does not start: then no test makes sense.
pub async fn start(topology: Topology) -> TestPlatform {
    start_with(topology, |_config| {}).await
}

/// Starts a platform whose only model is a scripted one. Code may run for three seconds.
///
/// # Panics
/// When it does not start.
pub async fn start_with_model(topology: Topology, model: &ScriptedModel) -> TestPlatform {
    let provider = septet_model_gateway::ProviderConfig::compatible(&model.base_url(), &["scripted"]);
    start_with(topology, |config| {
        config.models.providers.insert("scripted".to_owned(), provider);
        config.agents.code_timeout_s = 3;
    })
    .await
}

/// Starts a platform with settings changed by `change`.
///
/// # Panics
/// When it does not start.
pub async fn start_with(topology: Topology, change: impl FnOnce(&mut Config)) -> TestPlatform {
    try_start(topology, change).await.expect("the platform starts")
}

async fn try_start(topology: Topology, change: impl FnOnce(&mut Config)) -> anyhow::Result<TestPlatform> {
    septet_chassis::http::install_tls();
    let folder = tempfile::tempdir()?;
    let mut config = Config { data: folder.path().join("data"), ..Config::default() };
    // Child processes of a test are not of this binary.
    config.knowledge.parse_command = vec![septet_binary()?, "internal".to_owned(), "parse".to_owned()];
    config.sandbox.warden = vec![septet_binary()?, "internal".to_owned(), "sandbox-warden".to_owned()];
    change(&mut config);
    std::fs::create_dir_all(&config.data)?;
    let mut config = config.resolve()?;
    let secret = "a secret of tests, the same for all services of one platform".into();
    let public = TcpListener::bind("127.0.0.1:0").await?;
    let address = public.local_addr()?;
    let mut running = Vec::new();
    match topology {
        Topology::Together => {
            let listeners = Listeners { public: Some(public), ..Listeners::default() };
            running.push(compose::start(&config, &ServiceName::ALL, &secret, listeners).await?);
        }
        Topology::Apart => {
            let mut internal = BTreeMap::new();
            for name in ServiceName::ALL {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                config.peers.insert(name, format!("http://{}", listener.local_addr()?));
                internal.insert(name, listener);
            }
            let mut public = Some(public);
            // Management first: the others may ask it as soon as they run.
            for name in ServiceName::ALL.into_iter().rev() {
                let listener = internal.remove(&name).context("a listener for each")?;
                let public = if name == ServiceName::ApiGateway { public.take() } else { None };
                let listeners = Listeners { public, internal: BTreeMap::from([(name, listener)]) };
                running.push(compose::start(&config, &[name], &secret, listeners).await?);
            }
        }
    }
    let first = running.iter().find_map(|part| part.first_start.as_ref()).context("a new installation")?;
    let (email, password) = (first.email.clone(), secrecy::ExposeSecret::expose_secret(&first.password).to_owned());
    let admin = AdminClient::open(running[0].database()).await?;
    let key = admin.create_key("tests", None, None).await?;
    Ok(TestPlatform { address, client: Client::new(address, &key), email, password, admin, running, _folder: folder })
}

/// The `septet` binary that was built beside this test.
///
/// # Errors
/// When there is none.
pub fn septet_binary() -> anyhow::Result<String> {
    // target/debug/deps/scenarios-... -> target/debug/septet
    let me = std::env::current_exe()?;
    let built = me.ancestors().map(|folder| folder.join("septet")).find(|path| path.is_file());
    let built = built.context("the septet binary is not built; run: cargo build -p septet")?;
    Ok(built.display().to_string())
}

impl TestPlatform {
    /// Stops all services in order.
    pub async fn stop(self) {
        for part in self.running {
            part.stop().await;
        }
    }
}
