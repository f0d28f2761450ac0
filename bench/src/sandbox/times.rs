//! How long something took, many times.

use std::time::Duration;

/// Durations, to be asked for quantiles.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
        self.0.sort_unstable();
    }

    /// In milliseconds; the nearest of those that were measured.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a small list"
    )]
    pub(crate) fn ms(&self, quantile: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = ((last as f64) * quantile).ceil() as usize;
        self.0.get(at.min(last)).map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    }

    /// One line for people.
    pub(crate) fn shown(&self) -> String {
        format!(
            "p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, most {:.2} ms of {}",
            self.ms(0.5),
            self.ms(0.9),
            self.ms(0.99),
            self.ms(1.0),
            self.0.len()
        )
    }
}
