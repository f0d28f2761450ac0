//! The service on a database of its own, reached through its typed client.

use axum::body::Body;
use futures::StreamExt;
use http::Request;
use secrecy::SecretString;
use septet_chassis::Platform;
use septet_contracts::call::CallError;
use septet_contracts::models::{Assembly, CallOptions, ChatMessage, ChatRequest, Models, UsageRecord};
use septet_database::Database;
use septet_kernel::{Caller, Clock, Money, Role, ServiceName, Transport};
use septet_model_gateway::{Config, ModelConfig, ProviderConfig, ProviderKind, Secret};

pub(crate) struct Gateway {
    pub(crate) models: Models,
    pub(crate) caller: Caller,
    pub(crate) platform: Platform,
    pub(crate) transport: Transport,
    folder: tempfile::TempDir,
}

/// A provider at this address with the model `m`, which has prices, and a key.
pub(crate) fn provider(url: &str) -> ProviderConfig {
    let priced = ModelConfig {
        input_price: Some(Money(1_000_000)),
        output_price: Some(Money(2_000_000)),
        ..ModelConfig::named("m")
    };
    let models = vec![priced, ModelConfig::named("text-embedding-m")];
    ProviderConfig {
        kind: Some(ProviderKind::Compatible),
        base_url: url.to_owned(),
        api_key: Some(Secret::new("sk-test-secret")),
        models,
        ..ProviderConfig::default()
    }
}

impl Gateway {
    /// With one provider, named `up`.
    pub(crate) async fn with(provider: ProviderConfig) -> Self {
        let mut config = Config {
            first_byte_timeout_s: Some(1),
            idle_timeout_s: 1,
            answer_timeout_s: 1,
            retries: 0,
            ..Config::default()
        };
        config.providers.insert("up".to_owned(), provider);
        Self::open(config).await
    }

    pub(crate) async fn open(config: Config) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), config).await
    }

    /// Ends this one and opens it again on the same data, for the same caller.
    pub(crate) async fn again(self, config: Config) -> Self {
        self.platform.lifecycle.finish(std::time::Duration::from_secs(30)).await;
        let Self { caller, folder, models, platform, transport } = self;
        // They hold the spool, which belongs to one at a time.
        drop((models, platform, transport));
        Self { caller, ..Self::open_in(folder, config).await }
    }

    async fn open_in(folder: tempfile::TempDir, mut config: Config) -> Self {
        config.spool = folder.path().join("spool");
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("t.db"))).await.unwrap();
        let platform = Platform::new(&SecretString::from("a secret of the tests only, 32 bytes"), Clock::system());
        let service = septet_model_gateway::open(config, &platform, database).await.unwrap();
        platform.directory.plug_local(ServiceName::ModelGateway, service.into_router(&platform));
        platform.lifecycle.begin();
        let transport = platform.directory.transport(ServiceName::ModelGateway);
        let caller = Caller {
            tenant: platform.ids.next(),
            user: Some(platform.ids.next()),
            key: Some(platform.ids.next()),
            role: Role::Member,
            request: platform.ids.next(),
            deadline: None,
        };
        Self { models: Models::new(transport.clone()), caller, platform, transport, folder }
    }

    /// Asks for a stream and reads it to its end.
    pub(crate) async fn say(&self, text: &str) -> Result<String, CallError> {
        self.say_with(&request("m", text), &CallOptions::default()).await
    }

    pub(crate) async fn say_with(&self, request: &ChatRequest, options: &CallOptions) -> Result<String, CallError> {
        let chunks = self.models.chat_stream(&self.caller, request, options).await?;
        let mut chunks = std::pin::pin!(chunks);
        let mut assembly = Assembly::default();
        while let Some(chunk) = chunks.next().await {
            assembly.push(&chunk?);
        }
        Ok(assembly.text().to_owned())
    }

    /// The usage records, once there are this many.
    pub(crate) async fn usage(&self, n_records: usize) -> Vec<UsageRecord> {
        loop {
            let page = self.models.usage_after(&self.caller, 0, 100).await.unwrap();
            if page.data.len() >= n_records {
                return page.data;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The usage records after all calls have ended.
    pub(crate) async fn all_usage(&self) -> Vec<UsageRecord> {
        self.platform.lifecycle.finish(std::time::Duration::from_secs(30)).await;
        self.usage(0).await
    }

    /// Sends a raw body and gives status and text of the answer.
    pub(crate) async fn raw(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, http::HeaderMap, String) {
        let mut builder = Request::post(path).header("content-type", "application/json").extension(self.caller.clone());
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(Body::from(body.to_owned())).unwrap();
        read(tower_call(&mut self.transport.clone(), request).await).await
    }
}

impl Gateway {
    /// Asks as a peer with GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, http::HeaderMap, String) {
        let request = Request::get(path).extension(self.caller.clone()).body(Body::empty()).unwrap();
        read(tower_call(&mut self.transport.clone(), request).await).await
    }

    /// Sends a raw body as a client whom nobody has signed for.
    pub(crate) async fn stranger(
        &self,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> (u16, http::HeaderMap, String) {
        let mut builder = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(Body::from(body.to_owned())).unwrap();
        read(tower_call(&mut self.transport.clone(), request).await).await
    }
}

async fn read(response: http::Response<Body>) -> (u16, http::HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn tower_call(transport: &mut Transport, request: Request<Body>) -> http::Response<Body> {
    tower::ServiceExt::oneshot(transport.clone(), request).await.unwrap()
}

pub(crate) fn request(model: &str, text: &str) -> ChatRequest {
    ChatRequest { model: model.to_owned(), messages: vec![ChatMessage::user(text)], ..ChatRequest::default() }
}

pub(crate) fn keyed(key: &str) -> CallOptions {
    CallOptions { run: Some("resp_1".to_owned()), idempotency_key: Some(key.to_owned()) }
}
