//! What single tenants pay for a model.

use septet_kernel::Money;
use serde::{Deserialize, Serialize};

use super::ModelConfig;

/// What one tenant pays for a model, in place of its usual price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantPriceConfig {
    /// Who: the tenant's id, or its name in `models.keys`.
    pub tenant: String,
    /// `provider/model`, or a model's name alone for every provider that has it.
    pub model: String,
    /// Nano-units for a million tokens read. Default 0 where there is an `output_price`.
    #[serde(default)]
    pub input_price: Option<Money>,
    /// Nano-units for a million tokens read from the provider's cache; as `input_price` when absent.
    #[serde(default)]
    pub cached_price: Option<Money>,
    /// Nano-units for a million tokens written to the provider's cache; as `input_price` when absent.
    #[serde(default)]
    pub cache_write_price: Option<Money>,
    /// Nano-units for a million tokens written. Default: as `input_price`.
    #[serde(default)]
    pub output_price: Option<Money>,
}

/// Prices in nano-units for a million tokens, all of them said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnPrices {
    pub input: Money,
    pub cached: Money,
    pub cache_write: Money,
    pub output: Money,
}

impl OwnPrices {
    fn new(
        input: Option<Money>,
        cached: Option<Money>,
        cache_write: Option<Money>,
        output: Option<Money>,
    ) -> Option<Self> {
        input.or(output)?;
        let input = input.unwrap_or(Money::ZERO);
        Some(Self {
            input,
            cached: cached.unwrap_or(input),
            cache_write: cache_write.unwrap_or(input),
            output: output.unwrap_or(input),
        })
    }
}

impl ModelConfig {
    /// What the settings say it costs; `None` when they say nothing.
    pub(crate) fn prices(&self) -> Option<OwnPrices> {
        OwnPrices::new(self.input_price, self.cached_price, self.cache_write_price, self.output_price)
    }
}

impl TenantPriceConfig {
    /// What the tenant pays; `None` when nothing is said, which [`TenantPriceConfig::check`] refuses.
    pub(crate) fn prices(&self) -> Option<OwnPrices> {
        OwnPrices::new(self.input_price, self.cached_price, self.cache_write_price, self.output_price)
    }

    pub(super) fn check(&self, at: usize) -> Result<(), String> {
        let name = format!("models.tenant_prices[{at}]");
        if self.tenant.trim().is_empty() {
            return Err(format!("{name}.tenant: write the tenant's id, or its name in models.keys"));
        }
        if self.model.trim().is_empty() {
            return Err(format!("{name}.model: write provider/model, or a model's name"));
        }
        let Some(OwnPrices { input, cached, cache_write, output }) = self.prices() else {
            return Err(format!("{name}: write input_price, output_price or both"));
        };
        if [input, cached, cache_write, output].iter().any(|price| *price < Money::ZERO) {
            return Err(format!("{name}: a price is not negative"));
        }
        Ok(())
    }
}
