//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential back-off with full jitter: anything between nothing and `base · 2^(attempt-1)`, at most `cap`.
///
/// Full jitter spreads a crowd of jobs that failed together best, at the price of a short wait now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_secs(2), cap: Duration::from_secs(300) }
    }
}

impl Backoff {
    /// The longest wait after the `attempt`-th attempt, counted from 1.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait after the `attempt`-th attempt, for a `chance` in `0.0..1.0`.
    #[must_use]
    pub fn delay(&self, attempt: u32, chance: f64) -> Duration {
        self.ceiling(attempt).mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_until_the_cap() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };

        let ceilings: Vec<u64> = [1, 2, 3, 4, 5, 40, u32::MAX].map(|attempt| backoff.ceiling(attempt).as_secs()).into();

        assert_eq!(ceilings, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn chance_spreads_the_wait_over_the_whole_range() {
        let backoff = Backoff { base: Duration::from_secs(8), cap: Duration::from_secs(60) };

        assert_eq!(backoff.delay(1, 0.0), Duration::ZERO);
        assert_eq!(backoff.delay(1, 0.5), Duration::from_secs(4));
        assert_eq!(backoff.delay(2, 0.999_999_999).as_secs(), 15);
        assert_eq!(backoff.delay(2, 7.0), Duration::from_secs(16), "a chance outside its range is cut to it");
    }
}
