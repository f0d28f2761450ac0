//! A call as it was asked for.

use std::sync::Arc;

use http::HeaderValue;
use septet_chassis::service_keys::ServiceKey;
use septet_prices::Service;
use septet_protocols::Dialect;
use serde_json::Value;
use sha2::Digest;

use crate::asked::Asked;
use crate::config::ModelKind;
use crate::keys::Grant;

/// What is to be done.
#[derive(Clone)]
pub(crate) struct ModelCall {
    pub work: Work,
    /// The name of the model or route as the caller wrote it.
    pub model: String,
    pub run: Option<String>,
    pub key: Option<String>,
    /// How many bytes of a keyed answer the caller has already.
    pub offset: usize,
    /// Anthropic's header for beta features, passed on.
    pub beta: Option<HeaderValue>,
    /// For a client that came without the API gateway.
    pub service_key: Option<Arc<ServiceKey<Grant>>>,
}

/// The request itself.
#[derive(Clone)]
pub(crate) enum Work {
    Chat(Asked),
    /// The body of an embeddings request.
    Embed(Posted),
    /// The body of a rerank request.
    Rerank(Posted),
}

/// A body that was read whole.
#[derive(Clone)]
pub(crate) struct Posted {
    pub value: Arc<Value>,
    /// How many bytes it came in.
    pub n_bytes: u64,
    /// Their hash.
    pub digest: [u8; 32],
}

impl ModelCall {
    /// What the caller speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.work {
            Work::Chat(asked) => asked.dialect,
            Work::Embed(_) | Work::Rerank(_) => Dialect::Chat,
        }
    }

    /// What kind of model it needs.
    pub(crate) fn kind(&self) -> ModelKind {
        match &self.work {
            Work::Chat(_) => ModelKind::Chat,
            Work::Embed(_) => ModelKind::Embedding,
            Work::Rerank(_) => ModelKind::Rerank,
        }
    }

    /// The service tier that it asks for.
    pub(crate) fn service(&self) -> Service {
        match &self.work {
            Work::Chat(asked) => asked.service,
            Work::Embed(_) | Work::Rerank(_) => Service::Standard,
        }
    }

    /// What is asked, hashed.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = sha2::Sha256::new();
        match &self.work {
            Work::Chat(asked) => {
                hash.update(asked.dialect.name());
                hash.update(&asked.body);
            }
            Work::Embed(body) => {
                hash.update("embed ");
                hash.update(body.digest);
            }
            Work::Rerank(body) => {
                hash.update("rerank ");
                hash.update(body.digest);
            }
        }
        hex::encode(hash.finalize())
    }
}
