//! The two services that money goes through, as if in two processes: each can be killed and started anew.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use septet_api_gateway::{Billing, BillingConfig};
use septet_blobs::Blobs;
use septet_chassis::http::Problem;
use septet_chassis::{Platform, Service};
use septet_contracts::models::Models;
use septet_database::Database;
use septet_kernel::{Clock, Kind, Money, ServiceName};
use septet_model_gateway::{LedgerKind, MemberConfig, ModelConfig, ProviderConfig, RouteConfig};
use tower::ServiceExt;

use crate::provider::Provider;

/// What a token costs: read and written, in nano-units for a million.
const READ: i64 = 1_000_000;
const WRITTEN: i64 = 20_000_000;

/// A service that is there, or was killed.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Option<(Platform, Router)>>>);

/// Both services, and a way to each.
pub(crate) struct Harness {
    pub(crate) clock: Clock,
    pub(crate) models: Models,
    pub(crate) billing: Billing,
    folder: PathBuf,
    uri: String,
    provider: Provider,
    accounts: Socket,
    gateway: Socket,
    /// One thing is killed at a time.
    killing: tokio::sync::Mutex<()>,
}

impl Socket {
    /// A router that leads to the service, whoever it is by then.
    fn router(&self, name: ServiceName) -> Service {
        let socket = self.clone();
        let inner = Router::new().fallback(move |request: Request| {
            let there = socket.0.lock().unwrap().as_ref().map(|(_, router)| router.clone());
            async move {
                match there {
                    Some(router) => router.oneshot(request).await.into_response(),
                    None => refused(name),
                }
            }
        });
        Service::internal(name, inner)
    }

    /// Ends it as a kill does: whatever is under way is dropped where it stands.
    async fn kill(&self) {
        let Some((platform, router)) = self.0.lock().unwrap().take() else { return };
        platform.lifecycle.finish(Duration::ZERO).await;
        drop(router);
    }
}

fn refused(name: ServiceName) -> Response {
    Problem::new(Kind::Unavailable, format!("{name} was killed")).into_response()
}

fn priced(name: &str) -> ModelConfig {
    ModelConfig { input_price: Some(Money(READ)), output_price: Some(Money(WRITTEN)), ..ModelConfig::named(name) }
}

impl Harness {
    pub(crate) async fn open(uri: &str, folder: &Path, provider: &Provider) -> Self {
        let clock = Clock::manual(1_790_000_000_000);
        let (accounts, gateway) = (Socket::default(), Socket::default());
        let outside = platform(&clock);
        plug(&outside, ServiceName::ModelGateway, &gateway);
        let models = Models::new(outside.directory.transport(ServiceName::ModelGateway));
        let database = Database::open(uri).await.unwrap();
        let billing = Billing::new(database, clock.clone(), outside.ids.clone(), BillingConfig::default());
        let harness = Self {
            clock,
            models,
            billing,
            folder: folder.to_owned(),
            uri: uri.to_owned(),
            provider: provider.clone(),
            accounts,
            gateway,
            killing: tokio::sync::Mutex::default(),
        };
        harness.start_accounts().await;
        harness.start_gateway().await;
        harness
    }

    async fn start_accounts(&self) {
        let platform = platform(&self.clock);
        plug(&platform, ServiceName::ModelGateway, &self.gateway);
        let database = Database::open(&self.uri).await.unwrap();
        let blobs = Blobs::open(&Blobs::file_uri(&self.folder.join("blobs"))).unwrap();
        let signing_key = self.folder.join("gateway.pem");
        let mut config = septet_api_gateway::Config { signing_key, ..septet_api_gateway::Config::default() };
        config.billing.feed_every_ms = 50;
        let mut service = septet_api_gateway::open(config, &platform, database, blobs).await.unwrap();
        let inner = service.take_inner(&platform).unwrap();
        *self.accounts.0.lock().unwrap() = Some((platform, inner));
    }

    async fn start_gateway(&self) {
        // A process that died lets its spool go with its last request.
        for _ in 0..1_000 {
            let platform = platform(&self.clock);
            plug(&platform, ServiceName::ApiGateway, &self.accounts);
            let database = Database::open(&self.uri).await.unwrap();
            match septet_model_gateway::open(self.config(), &platform, database).await {
                Ok(service) => {
                    let router = service.into_router(&platform);
                    *self.gateway.0.lock().unwrap() = Some((platform, router));
                    return;
                }
                Err(_busy) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("the model gateway does not start again");
    }

    fn config(&self) -> septet_model_gateway::Config {
        let mut config = septet_model_gateway::Config {
            spool: self.folder.join("spool"),
            ledger: LedgerKind::Required,
            retries: 1,
            answer_kept_s: 100_000,
            ..septet_model_gateway::Config::default()
        };
        let names = ["honest", "mute", "liar", "flaky", "costly", "text-embedding-vectors"];
        let provider = ProviderConfig {
            models: names.into_iter().map(priced).collect(),
            ..ProviderConfig::compatible(&self.provider.url, &[])
        };
        config.providers.insert("up".to_owned(), provider);
        let free =
            ModelConfig { input_price: Some(Money(0)), output_price: Some(Money(0)), ..ModelConfig::named("free") };
        let free = ProviderConfig { models: vec![free], ..ProviderConfig::compatible(&self.provider.url, &[]) };
        config.providers.insert("gift".to_owned(), free);
        let member =
            |name: &str| -> MemberConfig { serde_json::from_value(serde_json::json!({"model": name})).unwrap() };
        let chain = serde_json::json!({"models": [], "fallback": ["up/honest"], "retries": 1});
        let mut chain: RouteConfig = serde_json::from_value(chain).unwrap();
        chain.models = vec![member("up/flaky"), member("up/costly")];
        config.routes.insert("chain".to_owned(), chain);
        config
    }

    /// Kills the model gateway and starts it anew on its folder.
    pub(crate) async fn kill_gateway(&self) {
        let _one_at_a_time = self.killing.lock().await;
        self.gateway.kill().await;
        self.start_gateway().await;
    }

    /// Kills the API gateway, accounts and feed and all, and starts it anew.
    pub(crate) async fn kill_accounts(&self) {
        let _one_at_a_time = self.killing.lock().await;
        self.accounts.kill().await;
        self.start_accounts().await;
    }

    /// Lets the model gateway end what is under way, in order, and starts it anew so that the feed gets the rest.
    pub(crate) async fn quiet(&self) {
        let _one_at_a_time = self.killing.lock().await;
        let there = self.gateway.0.lock().unwrap().take();
        if let Some((platform, router)) = there {
            platform.lifecycle.finish(Duration::from_secs(20)).await;
            drop(router);
        }
        self.start_gateway().await;
    }
}

fn platform(clock: &Clock) -> Platform {
    Platform::new(&"a secret of the simulation, the same for both".into(), clock.clone())
}

fn plug(platform: &Platform, name: ServiceName, socket: &Socket) {
    platform.directory.plug_local(name, socket.router(name).into_router(platform));
}
