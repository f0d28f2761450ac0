//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential back-off: between three quarters and the whole of `base · 2^(attempt-1)`, at most `cap`.
///
/// The spread parts a crowd of jobs that failed together. It is no wider, because the waits together say how long an
/// outage may last before a job is given up: by default more than an hour for 25 attempts, whatever chance says.
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
        self.ceiling(attempt).mul_f64(0.75 + 0.25 * chance.clamp(0.0, 1.0))
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
    fn twenty_five_attempts_outlast_an_outage_of_an_hour() {
        let backoff = Backoff::default();

        let waits: Duration = (1..25).map(|attempt| backoff.delay(attempt, 0.0)).sum();

        assert!(waits > Duration::from_secs(3_600), "{waits:?}");
    }

    #[test]
    fn chance_spreads_the_wait_over_its_last_quarter() {
        let backoff = Backoff { base: Duration::from_secs(8), cap: Duration::from_secs(60) };

        assert_eq!(backoff.delay(1, 0.0), Duration::from_secs(6));
        assert_eq!(backoff.delay(1, 0.5), Duration::from_secs(7));
        assert_eq!(backoff.delay(2, 0.999_999_999).as_secs(), 15);
        assert_eq!(backoff.delay(2, 7.0), Duration::from_secs(16), "a chance outside its range is cut to it");
    }
}
