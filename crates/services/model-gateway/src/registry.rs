//! Which model is where: the configured ones, those that providers list, routes, and the offline analyst.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use septet_contracts::models::{DeploymentList, Model, ModelFacts, ModelList};
use septet_kernel::Clock;
use septet_routing::Tier;
use tracing::warn;

use crate::config::{Config, ModelConfig, ModelKind, RouteConfig, StrategyKind, TenantPriceConfig, TierKind};
use crate::deployment::{Backend, Deployment};
use crate::error::Error;
use crate::offline;
use crate::tariff::Tariff;

// Long enough not to ask before every call, short enough that a model pulled into Ollama shows up.
const LIST_TTL_MS: i64 = 60_000;

// A route may fall back to a route that falls back itself; this limit ends a cycle of them.
const MAX_STAGES: usize = 6;

/// All models.
pub(crate) struct Registry {
    providers: Vec<ProviderEntry>,
    routes: HashMap<String, RouteConfig>,
    tenant_prices: Vec<TenantPriceConfig>,
    /// For models in no route.
    alone: RouteConfig,
    offline: bool,
    default_model: String,
    clock: Clock,
    deployments: Mutex<HashMap<String, Arc<Deployment>>>,
}

/// A provider with its models.
pub(crate) struct ProviderEntry {
    pub backend: Backend,
    pub configured: Vec<ModelConfig>,
    /// Its names in the price table.
    pub price_names: &'static [&'static str],
    /// When the provider listed which models.
    pub listed: Mutex<Option<(i64, Arc<Vec<ModelConfig>>)>>,
}

/// Who may answer a call, in stages: all of a stage are tried before the next.
pub(crate) struct Plan {
    /// The name of the route, or of the model.
    pub name: String,
    pub is_route: bool,
    /// The settings of the first route; they hold for the whole call.
    pub route: RouteConfig,
    pub stages: Vec<Stage>,
}

/// The models of one route.
pub(crate) struct Stage {
    pub route: RouteConfig,
    pub members: Vec<Member>,
}

/// A deployment in a route.
pub(crate) struct Member {
    pub deployment: Arc<Deployment>,
    pub weight: f64,
    pub tier: Tier,
}

impl Registry {
    pub(crate) fn new(config: &Config, clock: Clock, providers: Vec<ProviderEntry>) -> Self {
        let alone = RouteConfig { retries: config.retries, unsupported: config.unsupported, ..RouteConfig::default() };
        Self {
            providers,
            routes: config.routes.clone().into_iter().collect(),
            tenant_prices: config.tenant_prices.clone(),
            alone,
            offline: config.offline,
            default_model: config.default_model.clone(),
            clock,
            deployments: Mutex::default(),
        }
    }

    /// Who may answer for a name: a route, a model, `provider/model`, or the default one of its kind for an empty name.
    pub(crate) async fn plan(&self, name: &str, kind: ModelKind) -> Result<Plan, Error> {
        let name = match (name.trim(), kind) {
            ("" | "default", ModelKind::Chat) if !self.default_model.is_empty() => self.default_model.as_str(),
            ("default", _) => "",
            (name, _) => name,
        };
        let Some(first) = self.routes.get(name) else {
            let deployment = self.find(name, kind).await?;
            let stage = Stage { route: self.alone.clone(), members: vec![alone(deployment)] };
            let name = stage.members[0].deployment.model.id.clone();
            return Ok(Plan { name, is_route: false, route: self.alone.clone(), stages: vec![stage] });
        };
        let (mut stages, mut waiting, mut seen) = (Vec::new(), vec![name.to_owned()], Vec::new());
        while let Some(next) = waiting.first().cloned() {
            waiting.remove(0);
            if seen.contains(&next) || stages.len() == MAX_STAGES {
                continue;
            }
            let stage = self.stage(&next, kind).await?;
            waiting.extend(stage.route.fallback.iter().cloned());
            seen.push(next);
            stages.push(stage);
        }
        Ok(Plan { name: name.to_owned(), is_route: true, route: first.clone(), stages })
    }

    async fn stage(&self, name: &str, kind: ModelKind) -> Result<Stage, Error> {
        let Some(route) = self.routes.get(name) else {
            let deployment = self.find(name, kind).await?;
            return Ok(Stage { route: self.alone.clone(), members: vec![alone(deployment)] });
        };
        let (mut members, mut failed) = (Vec::new(), None);
        for member in &route.models {
            match self.find(&member.model, kind).await {
                Ok(deployment) => members.push(Member {
                    deployment,
                    weight: member.weight,
                    tier: match member.tier {
                        Some(TierKind::Strong) => Tier::Strong,
                        Some(TierKind::Weak) => Tier::Weak,
                        None => Tier::None,
                    },
                }),
                // A mistake in the settings should be reported, also when another model could answer.
                Err(error @ (Error::NoModel { .. } | Error::WrongKind { .. })) => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if members.is_empty() => Err(error),
            _ => Ok(Stage { route: route.clone(), members }),
        }
    }

    async fn find(&self, name: &str, kind: ModelKind) -> Result<Arc<Deployment>, Error> {
        if name.is_empty() {
            return self.default(kind).await;
        }
        if self.offline
            && (name == septet_analyst::MODEL || name == format!("{}/{}", offline::PROVIDER, septet_analyst::MODEL))
        {
            return right_kind(self.offline_deployment(), kind);
        }
        let mut failed = None;
        for entry in &self.providers {
            let provider = entry.backend.provider();
            let own = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
            // A provider that is named need not list the model: Azure's and OpenRouter's lists are never whole.
            let models = match entry.models(&self.clock).await {
                Ok(models) => models,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            let found = models.iter().find(|model| model.id == name || Some(model.id.as_str()) == own);
            if let Some(model) = found {
                return right_kind(self.deployment(entry, model), kind);
            }
        }
        match failed {
            // It may be a model of the provider that does not answer.
            Some(error) => Err(error),
            None => Err(self.no_model(name).await),
        }
    }

    /// That there is no such model, with the nearest names.
    pub(crate) async fn no_model(&self, name: &str) -> Error {
        let mut names: Vec<String> = self.routes.keys().cloned().collect();
        for entry in &self.providers {
            if let Ok(models) = entry.models(&self.clock).await {
                names.extend(models.iter().map(|model| model.id.clone()));
            }
        }
        if self.offline {
            names.push(septet_analyst::MODEL.to_owned());
        }
        Error::NoModel { name: name.to_owned(), hint: hint(name, names) }
    }

    async fn default(&self, kind: ModelKind) -> Result<Arc<Deployment>, Error> {
        let mut failed = None;
        for entry in &self.providers {
            match entry.models(&self.clock).await {
                Ok(models) => {
                    if let Some(model) = models.iter().find(|model| model.kind == kind) {
                        return Ok(self.deployment(entry, model));
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            // A provider is configured and does not answer: falling back to the analyst silently would hide that.
            Some(error) => Err(error),
            None if self.offline && kind == ModelKind::Chat => Ok(self.offline_deployment()),
            None => Err(Error::NoModel {
                name: String::new(),
                hint: format!("; no {} model is configured: add one under [models.providers.<name>]", kind.as_str()),
            }),
        }
    }

    fn offline_deployment(&self) -> Arc<Deployment> {
        self.known(offline::PROVIDER, septet_analyst::MODEL, || {
            Deployment::new(Backend::Offline, ModelConfig::named(septet_analyst::MODEL), Tariff::default(), 0)
        })
    }

    fn deployment(&self, entry: &ProviderEntry, model: &ModelConfig) -> Arc<Deployment> {
        self.known(entry.backend.provider(), &model.id, || {
            let tariff = Tariff::new(model, entry.price_names);
            let tariff = tariff.with_tenants(&self.tenant_prices, entry.backend.provider(), &model.id);
            Deployment::new(entry.backend.clone(), model.clone(), tariff, rand::random())
        })
    }

    /// The one deployment of this name: its breaker and its pace outlive a call.
    fn known(&self, provider: &str, model: &str, make: impl FnOnce() -> Deployment) -> Arc<Deployment> {
        let mut deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("{provider}/{model}");
        Arc::clone(deployments.entry(id).or_insert_with(|| Arc::new(make())))
    }

    /// How every deployment is that was asked since the start.
    pub(crate) fn deployments(&self) -> DeploymentList {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.clock.now_ms();
        let mut data: Vec<_> = deployments.values().map(|deployment| deployment.state(now_ms)).collect();
        data.sort_by(|one, other| one.id.cmp(&other.id));
        DeploymentList { data }
    }

    /// All models and routes, the default one first.
    pub(crate) async fn list(&self) -> ModelList {
        let default = self.plan("", ModelKind::Chat).await.ok();
        let default = default.as_ref().and_then(|plan| {
            if plan.is_route {
                Some(plan.name.clone())
            } else {
                Some(plan.stages.first()?.members.first()?.deployment.id.clone())
            }
        });
        let is_default = |id: &str| default.as_deref() == Some(id);
        let mut data = Vec::new();
        for (name, route) in &self.routes {
            let mut model = shown("septet", &ModelConfig::named(name), false, is_default(name));
            model.septet.kind = "route".to_owned();
            model.septet.strategy = Some(strategy_name(route.strategy).to_owned());
            data.push(model);
        }
        data.sort_by(|one: &Model, other| one.id.cmp(&other.id));
        for entry in &self.providers {
            let provider = entry.backend.provider();
            match entry.models(&self.clock).await {
                Ok(models) => data.extend(
                    models
                        .iter()
                        .map(|model| shown(provider, model, false, is_default(&format!("{provider}/{}", model.id)))),
                ),
                Err(error) => warn!(provider, error.detail = %error, "provider does not list its models"),
            }
        }
        if self.offline {
            let model = ModelConfig::named(septet_analyst::MODEL);
            let is_default = is_default(&format!("{}/{}", offline::PROVIDER, septet_analyst::MODEL));
            data.push(shown(offline::PROVIDER, &model, true, is_default));
        }
        data.sort_by_key(|model| !model.septet.default);
        ModelList { object: "list".to_owned(), data }
    }
}

impl ProviderEntry {
    async fn models(&self, clock: &Clock) -> Result<Arc<Vec<ModelConfig>>, Error> {
        let now = clock.now_ms();
        let known = || self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, models)) = known().filter(|(at, _)| now - at < LIST_TTL_MS) {
            return Ok(models);
        }
        // One with names needs no asking.
        let keep = |at: i64, models: Vec<ModelConfig>| {
            let models = Arc::new(models);
            *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, Arc::clone(&models)));
            models
        };
        let Backend::Remote(provider) = &self.backend else { return Ok(keep(i64::MAX / 2, self.configured.clone())) };
        if !self.configured.is_empty() {
            return Ok(keep(i64::MAX / 2, self.configured.clone()));
        }
        let ids = provider.list().await?;
        let talks = |id: &String| {
            !["whisper", "tts", "dall-e", "image", "moderation", "audio", "realtime"]
                .iter()
                .any(|part| id.to_lowercase().contains(part))
        };
        Ok(keep(now, ids.iter().filter(|id| talks(id)).map(|id| ModelConfig::named(id)).collect()))
    }
}

fn alone(deployment: Arc<Deployment>) -> Member {
    Member { deployment, weight: 1.0, tier: Tier::None }
}

fn right_kind(deployment: Arc<Deployment>, kind: ModelKind) -> Result<Arc<Deployment>, Error> {
    if deployment.model.kind == kind {
        return Ok(deployment);
    }
    Err(Error::WrongKind { name: deployment.model.id.clone(), wanted: kind.as_str() })
}

fn strategy_name(strategy: StrategyKind) -> &'static str {
    match strategy {
        StrategyKind::Weighted => "weighted",
        StrategyKind::Latency => "latency",
        StrategyKind::Cost => "cost",
        StrategyKind::Difficulty => "difficulty",
        StrategyKind::Blend => "blend",
    }
}

fn shown(owner: &str, model: &ModelConfig, offline: bool, default: bool) -> Model {
    Model {
        id: model.id.clone(),
        object: "model".to_owned(),
        created: 0,
        owned_by: owner.to_owned(),
        septet: ModelFacts { offline, kind: model.kind.as_str().to_owned(), default, strategy: None },
    }
}

/// The three nearest names.
fn hint(name: &str, mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    if names.is_empty() {
        return "; no model of this kind is configured: add one under [models.providers.<name>]".to_owned();
    }
    let wanted = name.to_lowercase();
    let likeness = |known: &String| strsim::jaro_winkler(&wanted, &known.to_lowercase());
    names.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
    let near: Vec<String> = names.into_iter().take(3).map(|known| format!("{known:?}")).collect();
    format!("; the nearest are {}", near.join(", "))
}
