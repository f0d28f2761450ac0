//! Service tiers: as clients request them, providers report them, and the price table names them.

use septet_prices::Service;

/// The tier that a word names; `None` for one that leaves it open (`auto`).
///
/// Providers differ in words and case: `default`, `standard`, `standard_only`, `ON_DEMAND_FLEX`.
pub(crate) fn read(word: &str) -> Option<Service> {
    let lower = word.to_ascii_lowercase();
    let named = [("priority", Service::Priority), ("flex", Service::Flex), ("batch", Service::Batch)];
    match named.into_iter().find(|(name, _)| lower.contains(name)) {
        Some((_, service)) => Some(service),
        None if lower.is_empty() || lower == "auto" => None,
        None => Some(Service::Standard),
    }
}

/// The word of a tier in records; none for the usual one.
pub(crate) fn word(service: Service) -> Option<&'static str> {
    match service {
        Service::Standard => None,
        Service::Batch => Some("batch"),
        Service::Flex => Some("flex"),
        Service::Priority => Some("priority"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_providers_are_known() {
        let words = ["flex", "ON_DEMAND_PRIORITY", "batch", "default", "standard_only", "auto", ""];
        let tiers = words.map(read);

        let expected = [Some(Service::Flex), Some(Service::Priority), Some(Service::Batch)];
        assert_eq!(tiers[..3], expected);
        assert_eq!(tiers[3..], [Some(Service::Standard), Some(Service::Standard), None, None]);
    }
}
