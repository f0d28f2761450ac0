//! How often and after how long a pause a call is tried again.

use std::time::Duration;

use rand::Rng;

use crate::fault::{Again, Fault};

/// The rule for tries after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How many more tries on deployments that were tried already. A first try on the next deployment is not counted.
    pub n: u32,
    /// The longest first pause; each further one may be twice as long.
    pub base: Duration,
    /// No pause is longer, and a provider that asks for longer is not asked again.
    pub max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { n: 2, base: Duration::from_millis(250), max: Duration::from_secs(4) }
    }
}

impl Retry {
    /// Whether and where another try is worth it.
    #[must_use]
    pub fn again(&self, fault: &Fault) -> Again {
        fault.again(millis(self.max))
    }

    /// The pause before the retry with the number `attempt`, counted from 0: random between nothing and `base *
    /// 2^attempt` (full jitter), so that callers who failed together do not retry together; never shorter than what the
    /// provider asked for, as long as that is within `max`.
    pub fn delay(&self, attempt: u32, fault: &Fault, rng: &mut impl Rng) -> Duration {
        let base = millis(self.base);
        let max = millis(self.max);
        let longest = base.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(max);
        let jittered = rng.random_range(0..=longest);
        Duration::from_millis(jittered.max(fault.retry_after_ms.unwrap_or(0)).min(max))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn each_status_has_one_meaning_and_one_place_for_the_next_try() {
        let retry = Retry::default();
        for (status, told, kind, again) in [
            (400, None, FaultKind::Refused, Again::Never),
            (401, None, FaultKind::Auth, Again::Elsewhere),
            (402, None, FaultKind::Unpaid, Again::Elsewhere),
            (403, None, FaultKind::Auth, Again::Elsewhere),
            (404, None, FaultKind::NoModel, Again::Elsewhere),
            (408, None, FaultKind::Overloaded, Again::Here),
            (413, None, FaultKind::Refused, Again::Never),
            (422, None, FaultKind::Refused, Again::Never),
            (429, None, FaultKind::RateLimited, Again::Here),
            (429, Some(4_000), FaultKind::RateLimited, Again::Here),
            (429, Some(4_001), FaultKind::RateLimited, Again::Elsewhere),
            (500, None, FaultKind::Overloaded, Again::Here),
            (503, Some(60_000), FaultKind::Overloaded, Again::Elsewhere),
            (529, None, FaultKind::Overloaded, Again::Here),
            (999, None, FaultKind::Overloaded, Again::Here),
        ] {
            let fault = Fault::of_status(status, told).unwrap();
            assert_eq!((fault.kind, retry.again(&fault)), (kind, again), "{status} {told:?}");
        }
        assert_eq!(Fault::of_status(200, None), None);
        assert_eq!(Fault::of_status(304, None), None);
        assert_eq!(retry.again(&FaultKind::Timeout.into()), Again::Elsewhere);
        assert_eq!(retry.again(&FaultKind::NotCalled.into()), Again::Elsewhere);
        assert_eq!(retry.again(&FaultKind::Connect.into()), Again::Here);
        assert_eq!(retry.again(&FaultKind::Broken.into()), Again::Here);
        assert_eq!(retry.again(&FaultKind::Cancelled.into()), Again::Never);
    }

    #[test]
    fn pauses_fill_the_whole_range_that_doubles() {
        let mut rng = StdRng::seed_from_u64(1);
        for (attempt, longest) in [(0, 250), (1, 500), (2, 1_000), (3, 2_000), (4, 4_000), (5, 4_000), (70, 4_000)] {
            let pauses: Vec<u128> = (0..2_000)
                .map(|_| Retry::default().delay(attempt, &FaultKind::Connect.into(), &mut rng).as_millis())
                .collect();
            let mean = pauses.iter().sum::<u128>() / 2_000;
            assert!(pauses.iter().all(|pause| *pause <= longest));
            assert!(mean > longest * 4 / 10 && mean < longest * 6 / 10, "attempt {attempt}: mean {mean}");
        }
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_asked_nor_longer_than_allowed(
            attempt in any::<u32>(), told in proptest::option::of(any::<u64>()),
            base in 0_u64..10_000, max in 0_u64..10_000, seed in any::<u64>(),
        ) {
            let retry = Retry { n: 2, base: Duration::from_millis(base), max: Duration::from_millis(max) };
            let fault = Fault { kind: FaultKind::RateLimited, retry_after_ms: told };
            let pause = retry.delay(attempt, &fault, &mut StdRng::seed_from_u64(seed));
            prop_assert!(pause <= retry.max);
            prop_assert!(pause >= Duration::from_millis(told.unwrap_or(0)).min(retry.max));
        }
    }
}
