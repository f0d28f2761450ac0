//! Means and counts that fade by age.

/// A sample this many times the mean counts as a slowdown, not as noise.
const PEAK: f64 = 1.5;
/// How much of the way to a peak the mean goes at least.
const PEAK_SHARE: f64 = 0.3;
/// After so many half-lives without a sample nothing is known any more.
const STALE_AFTER: f64 = 4.0;

/// A mean whose samples count half after a half-life.
#[derive(Debug)]
pub(super) struct Fading {
    half_life_ms: f64,
    mean: f64,
    /// Of all samples so far, as of `at_ms`.
    weight: f64,
    at_ms: u64,
}

impl Fading {
    pub(super) fn new(half_life_ms: u64) -> Self {
        Self { half_life_ms: positive(half_life_ms), mean: 0.0, weight: 0.0, at_ms: 0 }
    }

    pub(super) fn add(&mut self, now_ms: u64, sample: f64) {
        if self.at(now_ms).is_none() {
            (self.mean, self.weight, self.at_ms) = (sample, 1.0, now_ms);
            return;
        }
        self.weight = self.weight * (-self.age(now_ms)).exp2() + 1.0;
        let mut share = 1.0 / self.weight;
        if sample > PEAK * self.mean {
            share = share.max(PEAK_SHARE);
        }
        self.mean += share * (sample - self.mean);
        self.at_ms = self.at_ms.max(now_ms);
    }

    pub(super) fn at(&self, now_ms: u64) -> Option<f64> {
        (self.weight > 0.0 && self.age(now_ms) < STALE_AFTER).then_some(self.mean)
    }

    /// Half-lives since the last sample.
    fn age(&self, now_ms: u64) -> f64 {
        super::between(self.at_ms, now_ms) / self.half_life_ms
    }
}

/// A count whose items count half after a half-life.
#[derive(Debug)]
pub(super) struct Count {
    half_life_ms: f64,
    sum: f64,
    at_ms: u64,
}

impl Count {
    pub(super) fn new(half_life_ms: u64) -> Self {
        Self { half_life_ms: positive(half_life_ms), sum: 0.0, at_ms: 0 }
    }

    pub(super) fn add(&mut self, now_ms: u64) {
        self.sum = self.at(now_ms) + 1.0;
        self.at_ms = self.at_ms.max(now_ms);
    }

    pub(super) fn at(&self, now_ms: u64) -> f64 {
        self.sum * (-super::between(self.at_ms, now_ms) / self.half_life_ms).exp2()
    }
}

fn positive(half_life_ms: u64) -> f64 {
    super::between(0, half_life_ms.max(1))
}
