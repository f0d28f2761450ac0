//! Whether the providers of the settings answer: one cheap question to each, for a person who sets the platform up.
//!
//! A list of models costs nothing and tells whether the address is right, the key is taken and the model is there.
//! Where a provider has no list, shows it to everybody, or leaves models out of it, it is asked for an answer of one
//! token. Nothing is recorded and no breaker counts it: these calls do not go through a gateway.

use std::time::{Duration, Instant};

use futures::future::join_all;
use septet_kernel::Clock;
use septet_protocols::{Dialect, Message, PartKind, Request, Role, embeddings};
use septet_providers::{Operation, Policy, ProviderKind};

use crate::config::{Config, ModelConfig, ModelKind, ProviderConfig};
use crate::deployment::Backend;
use crate::error::Error;
use crate::provider::Provider;

// A person waits for it. A server that loads its model does not answer within any time that they would wait.
const EXAMINE_TIMEOUT: Duration = Duration::from_secs(15);

/// What came of asking a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its name in the settings.
    pub provider: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was asked and what it said, in words; without its key.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
    /// Whether the provider charges for what was asked: a few tokens.
    pub has_cost: bool,
}

/// How a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answers.
    Fine,
    /// It does not take the key.
    WrongKey,
    /// Its account is empty.
    Unpaid,
    /// It does not have the first model that the settings name.
    NoSuchModel,
    /// Nobody answers at its address, or not in time.
    Unreachable,
    /// It is there and still loads the model.
    Loading,
    /// It answers with something else.
    Failed,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::WrongKey => "wrong key",
            Self::Unpaid => "the account is empty",
            Self::NoSuchModel => "no such model",
            Self::Unreachable => "unreachable",
            Self::Loading => "still loading its model",
            Self::Failed => "failed",
        }
    }

    /// What to do, where anything is to be done.
    #[must_use]
    pub fn remedy(self, provider: &str) -> Option<String> {
        let at = format!("models.providers.{provider}");
        match self {
            Self::Fine => None,
            Self::WrongKey => Some(format!("correct {at}.api_key, or the variable that the key came from")),
            Self::Unpaid => Some("top up the account at the provider".to_owned()),
            Self::NoSuchModel => {
                Some(format!("correct the name in {at}.models, or take it out to use the provider's list"))
            }
            Self::Unreachable => {
                Some(format!("check {at}.base_url, that a server runs there, and that this machine may reach it"))
            }
            Self::Loading => Some("wait until it has loaded the model, then run this again".to_owned()),
            Self::Failed => Some(format!("check {at}.base_url and kind")),
        }
    }
}

/// Asks every provider of the settings, all at the same time; takes at most 15 seconds.
pub async fn examine(config: &Config, clock: &Clock) -> Vec<Examined> {
    let asked = config.providers.iter().map(|(name, settings)| one(config, name, settings, clock));
    join_all(asked).await
}

async fn one(config: &Config, name: &str, settings: &ProviderConfig, clock: &Clock) -> Examined {
    let started = Instant::now();
    let mut has_cost = false;
    let asked =
        tokio::time::timeout(EXAMINE_TIMEOUT, Box::pin(ask(config, name, settings, clock, &mut has_cost))).await;
    let (verdict, detail) = match asked {
        Ok(Ok(detail)) => (Verdict::Fine, detail),
        Ok(Err(error)) => (verdict(&error), error.to_string()),
        Err(_elapsed) => (Verdict::Unreachable, format!("it did not answer within {} s", EXAMINE_TIMEOUT.as_secs())),
    };
    Examined { provider: name.to_owned(), verdict, detail, took: started.elapsed(), has_cost }
}

async fn ask(
    config: &Config,
    name: &str,
    settings: &ProviderConfig,
    clock: &Clock,
    has_cost: &mut bool,
) -> Result<String, Error> {
    let wrong = |what: String| Error::Unaddressable { provider: name.to_owned(), what };
    let kind = settings.kind(name);
    if kind == ProviderKind::Local {
        let backend = crate::local(name, settings).map_err(|error| wrong(format!("{error:#}")))?;
        let Backend::Local { embedder, .. } = backend else { return Err(wrong("is no folder".to_owned())) };
        return Ok(format!("a model with vectors of {} numbers was read", embedder.dimensions()));
    }
    let policy = if settings.allow_private.unwrap_or(true) { Policy::Private } else { Policy::Public };
    let connect = Duration::from_millis(config.connect_timeout_ms);
    let client = crate::client(connect, policy).map_err(|error| wrong(format!("{error:#}")))?;
    let timeouts = crate::timeouts(config, kind, settings);
    let provider = Provider::new(name, settings, client, timeouts, clock.clone());
    let provider = provider.map_err(|error| wrong(error.to_string()))?;

    let model = first(&settings.models);
    // OpenRouter shows its list to everybody, so it says nothing about the key.
    if kind.facts().lists && kind != ProviderKind::OpenRouter {
        let listed = provider.list().await;
        match (listed, model) {
            (Ok(ids), None) => return Ok(format!("it lists {} models", ids.len())),
            (Ok(ids), Some(model)) if ids.iter().any(|id| id == model.upstream()) => {
                return Ok(format!("it lists {} models, {:?} among them", ids.len(), model.upstream()));
            }
            // Many servers have models that they do not list, and some have no list at all.
            (Ok(_), Some(_))
            | (Err(Error::Refused { .. } | Error::NoUpstream { .. } | Error::Garbled { .. }), Some(_)) => {}
            (Err(error), _) => return Err(error),
        }
    }
    let usual = kind.facts().models.first().map(|id| ModelConfig::named(id));
    let Some(model) = model.or(usual.as_ref()) else {
        return Ok("it has no list of models, and the settings name none to ask".to_owned());
    };
    *has_cost = !kind.facts().is_own;
    match question(&provider, kind, model).await {
        Ok(()) => Ok(format!("{:?} answered one token", model.upstream())),
        // Models that think need more than one token; such a refusal shows that the model is there.
        Err(Error::Refused { message, .. }) if message.contains("max_tokens") || message.contains("output limit") => {
            Ok(format!("{:?} is there", model.upstream()))
        }
        Err(Error::RateLimited { .. }) => Ok(format!("{:?} is there and limits the rate now", model.upstream())),
        Err(error) => Err(error),
    }
}

/// The model to ask: the first for conversations, else the first.
fn first(models: &[ModelConfig]) -> Option<&ModelConfig> {
    models.iter().find(|model| model.kind == ModelKind::Chat).or_else(|| models.first())
}

async fn question(provider: &Provider, kind: ProviderKind, model: &ModelConfig) -> Result<(), Error> {
    let name = model.upstream();
    let not_offered = |what| Error::NotOffered { provider: provider.name.to_string(), what };
    let (operation, body) = match model.kind {
        ModelKind::Chat => {
            let dialect = provider.dialect(Dialect::Chat).ok_or_else(|| not_offered("chat"))?;
            let mut request = Request::new(Dialect::Chat, name);
            request.messages.push(Message::of(Role::User, PartKind::Text("Hi".to_owned())));
            request.max_output = Some(1);
            let body = dialect.encode_request(&request, &kind.facts().quirks).body;
            (Operation::Chat { dialect, stream: false }, body)
        }
        ModelKind::Embedding => {
            let api = kind.embeddings(name).ok_or_else(|| not_offered("embeddings"))?;
            let asked = serde_json::json!({"model": name, "input": "Hi"});
            let request = embeddings::decode_request(&asked).map_err(Error::Wrong)?;
            let body = embeddings::encode_request(&request, api).map_err(Error::Wrong)?.swap_remove(0).body;
            (Operation::Embeddings, body)
        }
        // There is no cheap question to one that only puts documents in order.
        ModelKind::Rerank => return Ok(()),
    };
    let bytes = provider.whole(operation, name, body.to_string().into_bytes(), None, 1 << 20).await?;
    serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).map(drop).map_err(|_no_json| provider.garbled(&bytes))
}

fn verdict(error: &Error) -> Verdict {
    match error {
        Error::KeyRefused { .. } => Verdict::WrongKey,
        Error::ProviderUnpaid { .. } => Verdict::Unpaid,
        Error::NoUpstream { .. } => Verdict::NoSuchModel,
        Error::Unreachable { .. } | Error::Forbidden { .. } | Error::Silent { .. } => Verdict::Unreachable,
        Error::Loading { .. } => Verdict::Loading,
        _ => Verdict::Failed,
    }
}
