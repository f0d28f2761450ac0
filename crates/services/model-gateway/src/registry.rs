//! Which model is where: the configured ones, those that providers list, and the offline analyst.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use septet_contracts::models::{Model, ModelFacts, ModelList};
use septet_kernel::Clock;
use tracing::warn;

use crate::analyst;
use crate::config::{Config, ModelConfig, ModelKind};
use crate::error::Error;
use crate::offline;
use crate::provider::Provider;

// Long enough not to ask before every call, short enough that a model pulled into Ollama shows up.
const LIST_KEPT_MS: i64 = 60_000;

/// All models.
pub(crate) struct Registry {
    providers: Vec<Entry>,
    offline: bool,
    default_model: String,
    clock: Clock,
}

struct Entry {
    provider: Provider,
    configured: Vec<ModelConfig>,
    /// When the provider listed which models.
    listed: Mutex<Option<(i64, Arc<Vec<ModelConfig>>)>>,
}

/// Where a call goes.
#[derive(Clone)]
pub(crate) struct Route {
    pub backend: Backend,
    pub model: ModelConfig,
}

/// Who answers.
#[derive(Clone)]
pub(crate) enum Backend {
    Provider(Provider),
    Offline,
}

impl Route {
    /// The name of the provider.
    pub(crate) fn provider(&self) -> &str {
        match &self.backend {
            Backend::Provider(provider) => &provider.name,
            Backend::Offline => offline::PROVIDER,
        }
    }
}

impl Registry {
    pub(crate) fn new(config: &Config, clock: Clock, provider: impl Fn(&str) -> Option<Provider>) -> Self {
        let providers = config.providers.iter().filter_map(|(name, settings)| {
            Some(Entry { provider: provider(name)?, configured: settings.models.clone(), listed: Mutex::default() })
        });
        Self {
            providers: providers.collect(),
            offline: config.offline,
            default_model: config.default_model.clone(),
            clock,
        }
    }

    /// Finds a model by its name, by `provider/name`, or the default one of its kind for an empty name.
    pub(crate) async fn find(&self, name: &str, kind: ModelKind) -> Result<Route, Error> {
        let name = match (name.trim(), kind) {
            ("" | "default", ModelKind::Chat) if !self.default_model.is_empty() => self.default_model.as_str(),
            ("" | "default", _) => return self.default(kind).await,
            (name, _) => name,
        };
        if self.offline && (name == analyst::MODEL || name == format!("{}/{}", offline::PROVIDER, analyst::MODEL)) {
            return right_kind(offline_route(), kind);
        }
        let mut failed = None;
        let mut names: Vec<String> = Vec::new();
        for entry in &self.providers {
            let models = match entry.models(&self.clock).await {
                Ok(models) => models,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let own = name.strip_prefix(&*entry.provider.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
            if let Some(model) = models.iter().find(|model| model.id == name || model.id == own) {
                return right_kind(
                    Route { backend: Backend::Provider(entry.provider.clone()), model: model.clone() },
                    kind,
                );
            }
            names.extend(models.iter().filter(|model| model.kind == kind).map(|model| model.id.clone()));
        }
        // The model may well be at the provider that could not be asked.
        if let Some(error) = failed {
            return Err(error);
        }
        if self.offline && kind == ModelKind::Chat {
            names.push(analyst::MODEL.to_owned());
        }
        Err(Error::NoModel { name: name.chars().take(100).collect(), hint: hint(name, names) })
    }

    async fn default(&self, kind: ModelKind) -> Result<Route, Error> {
        let mut failed = None;
        for entry in &self.providers {
            match entry.models(&self.clock).await {
                Ok(models) => {
                    if let Some(model) = models.iter().find(|model| model.kind == kind) {
                        return Ok(Route { backend: Backend::Provider(entry.provider.clone()), model: model.clone() });
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            // A provider is wanted and does not answer: taking the analyst in silence would hide that.
            Some(error) => Err(error),
            None if self.offline && kind == ModelKind::Chat => Ok(offline_route()),
            None => {
                let wanted = if kind == ModelKind::Chat { "chat" } else { "embedding" };
                Err(Error::NoModel {
                    name: String::new(),
                    hint: format!("; no {wanted} model is configured: add one under [models.providers.<name>]"),
                })
            }
        }
    }

    /// All models, the default one first.
    pub(crate) async fn list(&self) -> ModelList {
        let default =
            self.find("", ModelKind::Chat).await.ok().map(|route| (route.provider().to_owned(), route.model.id));
        let is_default =
            |owner: &str, id: &str| default.as_ref().is_some_and(|(provider, model)| provider == owner && model == id);
        let mut data = Vec::new();
        for entry in &self.providers {
            let models = match entry.models(&self.clock).await {
                Ok(models) => models,
                Err(error) => {
                    warn!(provider = &*entry.provider.name, error.detail = %error, "provider does not list its models");
                    continue;
                }
            };
            data.extend(
                models.iter().map(|model| {
                    shown(&entry.provider.name, model, false, is_default(&entry.provider.name, &model.id))
                }),
            );
        }
        if self.offline {
            let route = offline_route();
            data.push(shown(offline::PROVIDER, &route.model, true, is_default(offline::PROVIDER, &route.model.id)));
        }
        data.sort_by_key(|model| !model.septet.default);
        ModelList { object: "list".to_owned(), data }
    }
}

impl Entry {
    async fn models(&self, clock: &Clock) -> Result<Arc<Vec<ModelConfig>>, Error> {
        let now = clock.now_ms();
        let known = || self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, models)) = known().filter(|(at, _)| now - at < LIST_KEPT_MS) {
            return Ok(models);
        }
        // One with names needs no asking, unless it only names a favourite at an address of one's own.
        if !self.configured.is_empty() {
            let models = Arc::new(self.configured.clone());
            *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((i64::MAX / 2, Arc::clone(&models)));
            return Ok(models);
        }
        let ids = self.provider.list().await?;
        let talks = |id: &String| {
            !["whisper", "tts", "dall-e", "image", "moderation", "rerank", "audio", "realtime"]
                .iter()
                .any(|part| id.to_lowercase().contains(part))
        };
        let models: Arc<Vec<ModelConfig>> =
            Arc::new(ids.iter().filter(|id| talks(id)).map(|id| ModelConfig::named(id)).collect());
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&models)));
        Ok(models)
    }
}

fn offline_route() -> Route {
    Route { backend: Backend::Offline, model: ModelConfig::named(analyst::MODEL) }
}

fn right_kind(route: Route, kind: ModelKind) -> Result<Route, Error> {
    if route.model.kind == kind {
        return Ok(route);
    }
    let wanted = if kind == ModelKind::Chat { "chat" } else { "embedding" };
    Err(Error::WrongKind { name: route.model.id, wanted })
}

fn shown(owner: &str, model: &ModelConfig, offline: bool, default: bool) -> Model {
    let kind = if model.kind == ModelKind::Chat { "chat" } else { "embedding" };
    Model {
        id: model.id.clone(),
        object: "model".to_owned(),
        created: 0,
        owned_by: owner.to_owned(),
        septet: ModelFacts { offline, kind: kind.to_owned(), default },
    }
}

/// The three nearest names, or all when there are few.
fn hint(name: &str, mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    if names.is_empty() {
        return "; no model of this kind is configured: add one under [models.providers.<name>]".to_owned();
    }
    let scores: BTreeMap<&String, i64> = names
        .iter()
        .map(|known| {
            let near = strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
            (known, -((near * 1_000.0) as i64))
        })
        .collect();
    let mut near: Vec<&String> = names.iter().collect();
    near.sort_by_key(|known| scores.get(known));
    let near: Vec<String> = near.into_iter().take(3).map(|known| format!("{known:?}")).collect();
    format!("; the nearest are {}", near.join(", "))
}
