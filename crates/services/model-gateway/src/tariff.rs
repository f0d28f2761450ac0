//! What tokens of a deployment cost.
//!
//! A price of the settings counts before everything else: whoever writes it decides what is charged. Then counts what
//! the provider itself says the call cost, and then the price table, by the service tier that the call got.

use septet_chassis::service_keys::tenant_named;
use septet_kernel::{Money, ServiceName, TenantId};
use septet_prices::{PriceRow, Service, Table, Tokens};
use septet_protocols::Usage;

use crate::config::{ModelConfig, OwnPrices, TenantPriceConfig};

/// Prices of one deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tariff {
    /// What the settings say for everybody.
    own: Option<OwnPrices>,
    /// What they say for single tenants.
    tenants: Vec<(TenantId, OwnPrices)>,
    /// The row of the price table.
    row: Option<&'static PriceRow>,
}

/// The prices that hold for one tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices<'a> {
    own: Option<&'a OwnPrices>,
    row: Option<&'static PriceRow>,
}

/// What a call cost, in nano-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bill {
    /// What counts.
    pub cost: i64,
    /// What the provider says.
    pub said: Option<i64>,
    /// What the price table says.
    pub table: Option<i64>,
}

impl Tariff {
    /// The prices of a model at a provider of which the table knows these names.
    pub(crate) fn new(model: &ModelConfig, price_names: &[&str]) -> Self {
        let table = Table::shipped();
        let row = price_names.iter().find_map(|provider| table.find(provider, model.upstream()));
        Self { own: model.prices(), tenants: Vec::new(), row }
    }

    /// With what the settings say of single tenants for the deployment `provider/model`.
    pub(crate) fn with_tenants(mut self, entries: &[TenantPriceConfig], provider: &str, model: &str) -> Self {
        let is_meant = |name: &str| {
            name == model || name.strip_prefix(provider).is_some_and(|rest| rest.strip_prefix('/') == Some(model))
        };
        let meant = entries.iter().filter(|entry| is_meant(&entry.model));
        self.tenants = meant
            .filter_map(|entry| Some((tenant_named(ServiceName::ModelGateway, &entry.tenant), entry.prices()?)))
            .collect();
        self
    }

    /// The prices that hold for a tenant.
    pub(crate) fn of(&self, tenant: TenantId) -> Prices<'_> {
        let tenants = self.tenants.iter().find(|(known, _)| *known == tenant).map(|(_, own)| own);
        Prices { own: tenants.or(self.own.as_ref()), row: self.row }
    }

    /// The most tokens that the model writes, where the table knows it.
    pub(crate) fn max_output(&self) -> Option<u64> {
        self.row.and_then(|row| row.limits.output).map(u64::from)
    }
}

impl Prices<'_> {
    /// Whether any price is known, which is not the same as free.
    pub(crate) fn is_known(&self) -> bool {
        self.own.is_some() || self.row.is_some()
    }

    /// What usage will probably cost, in nano-units; 0 when no price is known.
    pub(crate) fn cost(&self, usage: &Usage, service: Service) -> i64 {
        self.bill(usage, service).cost
    }

    /// What usage cost.
    pub(crate) fn bill(&self, usage: &Usage, service: Service) -> Bill {
        let tokens = Tokens {
            input: usage.input,
            cached: usage.cached,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            output: usage.output,
            reasoning: usage.reasoning,
            ..Tokens::default()
        };
        let table = self.row.and_then(|row| row.cost(&tokens, service));
        let said = said(usage);
        let own = self.own.map(|own| by(own, usage));
        Bill { cost: own.or(said).or(table).unwrap_or(0), said, table }
    }
}

/// What usage costs by prices of the settings.
fn by(own: &OwnPrices, usage: &Usage) -> i64 {
    let fresh = usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
    let cost = Money::for_tokens(fresh, own.input)
        + Money::for_tokens(usage.cached, own.cached)
        + Money::for_tokens(usage.cache_write, own.cache_write)
        + Money::for_tokens(usage.output, own.output);
    cost.0
}

/// What the provider says the call cost.
fn said(usage: &Usage) -> Option<i64> {
    let said = septet_prices::nano(usage.said_cost.as_deref()?)?;
    // With a key of the customer's own, OpenRouter bills its fee, and the provider behind it bills the rest.
    if usage.raw.get("is_byok").and_then(serde_json::Value::as_bool) == Some(true) {
        let behind = usage.raw.pointer("/cost_details/upstream_inference_cost");
        let behind = behind.and_then(|cost| septet_prices::nano(&cost.as_number()?.to_string()));
        return said.checked_add(behind.unwrap_or(0));
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use septet_kernel::Id as _;
    use serde_json::json;

    use super::*;

    fn usage() -> Usage {
        Usage { input: 1_000_000, output: 1_000_000, ..Usage::default() }
    }

    #[test]
    fn the_tier_that_a_call_got_decides_the_row() {
        let tariff = Tariff::new(&ModelConfig::named("gpt-5-mini"), &["openai"]);
        let prices = tariff.of(TenantId::from_uuid(uuid::Uuid::nil()));

        let costs = [Service::Standard, Service::Flex, Service::Batch, Service::Priority]
            .map(|service| prices.cost(&usage(), service));

        assert_eq!(costs, [2_250_000_000, 1_125_000_000, 1_125_000_000, 4_050_000_000]);
    }

    #[test]
    fn what_the_provider_says_counts_before_the_table_and_after_the_settings() {
        let said = Usage { said_cost: Some("0.25".to_owned()), ..usage() };
        let tenant = TenantId::from_uuid(uuid::Uuid::nil());
        let mut model = ModelConfig::named("gpt-5-mini");
        let bill = Tariff::new(&model, &["openai"]).of(tenant).bill(&said, Service::Standard);
        assert_eq!(bill, Bill { cost: 250_000_000, said: Some(250_000_000), table: Some(2_250_000_000) });

        model.input_price = Some(Money(7));
        let bill = Tariff::new(&model, &["openai"]).of(tenant).bill(&said, Service::Standard);
        assert_eq!((bill.cost, bill.said), (14, Some(250_000_000)));

        let raw = json!({"is_byok": true, "cost_details": {"upstream_inference_cost": 0.5}});
        let bill = Tariff::default().of(tenant).bill(&Usage { raw, ..said }, Service::Standard);
        assert_eq!(bill.cost, 750_000_000);
    }
}
