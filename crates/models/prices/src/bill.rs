//! The bill of one call.

use crate::row::{Part, PriceRow, Service};

/// What a call used. Input counts everything that was read and output everything that was written; the others say how
/// much of that was special.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// All input tokens.
    pub input: u64,
    /// Of `input`, from the cache.
    pub cached: u64,
    /// Of `input`, written to the cache.
    pub cache_write: u64,
    /// Of `cache_write`, for an hour.
    pub cache_write_1h: u64,
    /// All output tokens.
    pub output: u64,
    /// Of `output`, thinking.
    pub reasoning: u64,
    /// Searches of a reranker: no tokens.
    pub queries: u64,
    /// Searches in the web that the provider made: no tokens.
    pub web_searches: u64,
}

const FEMTO_PER_NANO: i128 = 1_000_000;

impl PriceRow {
    /// The cost in 10^-9 of a unit of [`PriceRow::currency`]; `None` if something that was used has no price here.
    ///
    /// The size of the whole input, cached or not, chooses the tier, and the tier holds for every token of the call, as
    /// all providers with tiers bill. Cached and written tokens without a price of their own cost as input, an hour in the
    /// cache as a write, thinking as output. A part that the service does not price apart costs as in standard
    /// service; a tier that it does not price apart costs as its own lowest tier, raised as standard service raises
    /// (the product rounded half up to 10^-15).
    ///
    /// The parts are added exactly and the sum is rounded once, half up. A sum beyond `i64` is `i64::MAX`.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens, service: Service) -> Option<i64> {
        // A provider that counts wrongly must not make a negative bill.
        let cached = tokens.cached.min(tokens.input);
        let written = tokens.cache_write.min(tokens.input - cached);
        let hour = tokens.cache_write_1h.min(written);
        let reasoning = tokens.reasoning.min(tokens.output);
        let fresh = tokens.input - cached - written;
        // A tier lies far below 2^32 tokens.
        let size = u32::try_from(tokens.input).unwrap_or(u32::MAX);
        let used: [(u64, &[Part]); 8] = [
            (fresh, &[Part::Input]),
            (cached, &[Part::Cached, Part::Input]),
            (written - hour, &[Part::CacheWrite, Part::Input]),
            (hour, &[Part::CacheWrite1h, Part::CacheWrite, Part::Input]),
            (tokens.output - reasoning, &[Part::Output]),
            (reasoning, &[Part::Reasoning, Part::Output]),
            (tokens.queries, &[Part::Query]),
            (tokens.web_searches, &[Part::WebSearch]),
        ];
        let mut sum = self.price(Part::Request, service, size).unwrap_or(0);
        for (n, parts) in used {
            if n > 0 {
                let price = parts.iter().find_map(|part| self.price(*part, service, size))?;
                sum = sum.saturating_add(price.saturating_mul(i128::from(n)));
            }
        }
        Some(i64::try_from(sum.saturating_add(FEMTO_PER_NANO / 2) / FEMTO_PER_NANO).unwrap_or(i64::MAX))
    }

    /// The price of one unit of `part` in a call with `size` input tokens, in 10^-15.
    fn price(&self, part: Part, service: Service, size: u32) -> Option<i128> {
        let standard = self.tier(part, Service::Standard, size);
        if service == Service::Standard {
            return standard.map(|(_, price)| price);
        }
        match (self.tier(part, service, size), standard) {
            (None, standard) => standard.map(|(_, price)| price),
            (Some((above, price)), Some((standard_above, raised))) if standard_above > above => {
                let (_, base) = self.tier(part, Service::Standard, above.saturating_add(1))?;
                Some(if base == 0 { price } else { (2 * price * raised + base) / (2 * base) })
            }
            (Some((_, price)), _) => Some(price),
        }
    }

    /// The highest tier below `size`, and its price.
    fn tier(&self, part: Part, service: Service, size: u32) -> Option<(u32, i128)> {
        let mut best: Option<(u32, i128)> = None;
        for rate in &self.rates {
            let holds = rate.part == part && rate.service == service && (rate.above == 0 || size > rate.above);
            if holds && best.is_none_or(|(above, _)| rate.above >= above) {
                best = Some((rate.above, i128::from(rate.price.femto())));
            }
        }
        best
    }
}
