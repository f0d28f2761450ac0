//! Routes: names that stand for several models.

use serde::{Deserialize, Serialize};

/// A name that stands for one or several models of the providers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteConfig {
    /// The models that may answer.
    pub models: Vec<MemberConfig>,
    /// How one of them is chosen. Default `weighted`.
    pub strategy: StrategyKind,
    /// For `difficulty`: which share of the calls the strong models should get, 0 to 1. Default 0.5.
    pub strong_share: f64,
    /// For `difficulty`: the least probability that a weak model answers well for it to be asked, 0 to 1. In place of
    /// `strong_share`.
    pub quality_floor: Option<f64>,
    /// For `blend`: how much latency, cost and quality weigh. Default all 1.
    pub blend: BlendConfig,
    /// Routes or models to fall back to, in order, when none of these answers. Default none.
    pub fallback: Vec<String>,
    /// How often a call that failed is tried again, on this model or another. Default 2.
    pub retries: u32,
    /// How long an answer is given again to the same request of the same tenant, in seconds; 0 for never. Default 0.
    pub cache_s: u64,
    /// Whether answers that call tools are cached too. Default false.
    pub cache_calls: bool,
    /// What becomes of a parameter that the model's provider does not know: `refuse` the request, naming it, or `drop`
    /// the parameter, naming it in the header `x-septet-dropped`. Default `refuse`.
    pub unsupported: Unsupported,
}

impl Default for RouteConfig {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            strategy: StrategyKind::Weighted,
            strong_share: 0.5,
            quality_floor: None,
            blend: BlendConfig::default(),
            fallback: Vec::new(),
            retries: 2,
            cache_s: 0,
            cache_calls: false,
            unsupported: Unsupported::Refuse,
        }
    }
}

/// A model in a route.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberConfig {
    /// `provider/model`, or a model's name alone.
    pub model: String,
    /// How often it is chosen, against the others. Default 1.
    #[serde(default = "one")]
    pub weight: f64,
    /// For `difficulty` and `blend`: `strong` or `weak`.
    #[serde(default)]
    pub tier: Option<TierKind>,
}

fn one() -> f64 {
    1.0
}

/// How a model of a route is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// By chance, by weight.
    Weighted,
    /// The one that is expected to be done first.
    Latency,
    /// The one that is expected to cost least.
    Cost,
    /// A weak one for what is easy, a strong one for what is hard.
    Difficulty,
    /// All of these, by weight.
    Blend,
}

/// How able a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierKind {
    /// For what is hard.
    Strong,
    /// For what is easy.
    Weak,
}

/// How much each thing weighs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlendConfig {
    /// The expected time.
    pub latency: f64,
    /// The expected price.
    pub cost: f64,
    /// The expected quality.
    pub quality: f64,
}

impl Default for BlendConfig {
    fn default() -> Self {
        Self { latency: 1.0, cost: 1.0, quality: 1.0 }
    }
}

/// What becomes of a parameter that a provider does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsupported {
    /// The request is refused.
    #[default]
    Refuse,
    /// The parameter is left out.
    Drop,
}

impl RouteConfig {
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        let at = format!("models.routes.{name}");
        if self.models.is_empty() {
            return Err(format!("{at}.models: name at least one model"));
        }
        if self.models.iter().any(|member| !member.weight.is_finite() || member.weight < 0.0) {
            return Err(format!("{at}.models: a weight is a number that is not negative"));
        }
        if self.models.iter().all(|member| member.weight == 0.0) {
            return Err(format!("{at}.models: every weight is 0, so none could be chosen"));
        }
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !is_share(self.strong_share) {
            return Err(format!("{at}.strong_share: must be between 0 and 1"));
        }
        if !self.quality_floor.is_none_or(is_share) {
            return Err(format!("{at}.quality_floor: must be between 0 and 1"));
        }
        let has = |tier: TierKind| self.models.iter().any(|member| member.tier == Some(tier));
        if self.strategy == StrategyKind::Difficulty && !(has(TierKind::Strong) && has(TierKind::Weak)) {
            return Err(format!(
                "{at}: the strategy difficulty needs a model with tier = \"strong\" and one with tier = \"weak\""
            ));
        }
        let BlendConfig { latency, cost, quality } = self.blend;
        if [latency, cost, quality].iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return Err(format!("{at}.blend: weights are numbers that are not negative"));
        }
        Ok(())
    }
}
