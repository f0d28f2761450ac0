//! What tokens of a deployment cost.

use septet_kernel::Money;
use septet_protocols::Usage;

use crate::config::ModelConfig;

/// Prices of one deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tariff {
    /// What the settings say; wins over the table.
    own: Option<Own>,
    /// The row of the price table.
    row: Option<&'static septet_prices::Row>,
}

/// Nano-units for a million tokens.
#[derive(Debug, Clone, Copy)]
struct Own {
    input: Money,
    cached: Money,
    cache_write: Money,
    output: Money,
}

impl Tariff {
    /// The prices of a model at a provider of which the table knows these names.
    pub(crate) fn new(model: &ModelConfig, price_names: &[&str]) -> Self {
        let own = model.input_price.or(model.output_price).map(|_said| {
            let input = model.input_price.unwrap_or(Money::ZERO);
            Own {
                input,
                cached: model.cached_price.unwrap_or(input),
                cache_write: model.cache_write_price.unwrap_or(input),
                output: model.output_price.unwrap_or(input),
            }
        });
        let table = septet_prices::Table::shipped();
        let row = price_names.iter().find_map(|provider| table.find(provider, model.upstream()));
        Self { own, row }
    }

    /// Whether any price is known, which is not the same as free.
    pub(crate) fn is_known(&self) -> bool {
        self.own.is_some() || self.row.is_some()
    }

    /// What usage costs, in nano-units; 0 when no price is known.
    pub(crate) fn cost(&self, usage: &Usage) -> i64 {
        if let Some(own) = &self.own {
            let fresh = usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
            let cost = Money::for_tokens(fresh, own.input)
                + Money::for_tokens(usage.cached, own.cached)
                + Money::for_tokens(usage.cache_write, own.cache_write)
                + Money::for_tokens(usage.output, own.output);
            return cost.0;
        }
        // The table is for providers that do not say what they charge.
        if let Some(said) = usage.said_cost.as_deref().and_then(nano) {
            return said;
        }
        let tokens = septet_prices::Tokens {
            input: usage.input,
            cached: usage.cached,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            output: usage.output,
            reasoning: usage.reasoning,
            ..septet_prices::Tokens::default()
        };
        self.row.and_then(|row| row.cost(&tokens, septet_prices::Service::Standard)).unwrap_or(0)
    }

    /// The most tokens that the model writes, where the table knows it.
    pub(crate) fn max_output(&self) -> Option<u64> {
        self.row.and_then(|row| row.limits.output).map(u64::from)
    }
}

/// Nano-units of what a provider says that a call cost.
fn nano(said: &str) -> Option<i64> {
    let cost: f64 = said.parse().ok()?;
    // A million units for one call is no price but a mistake.
    #[expect(clippy::cast_possible_truncation, reason = "at most a million billions")]
    (0.0..=1e6).contains(&cost).then(|| (cost * 1e9).round() as i64)
}
