//! How much a tenant's call will probably write, and how much of what it reads is in the provider's cache.
//!
//! Output is learned by tenant and route, as mean and spread of the logarithm: lengths of answers differ by factors,
//! and one long answer must not count like a hundred short ones. The estimate is the mean of the log-normal
//! distribution with these two, because money and time add up by the mean, not by the median. A tenant with few calls
//! is assumed to be like the average tenant of the route. The cached share is learned by tenant and deployment, because
//! each deployment has a cache of its own.
//!
//! Memory is bounded: the keys not used for longest are forgotten.

mod lru;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::lru::Lru;

/// When nothing is known.
const UNKNOWN: f64 = 300.0;
/// How much a new sample counts once there are enough.
const SHARE: f64 = 0.1;
/// How many of the tenant's own calls count as much as all that is known of the route.
const N_ROUTE: f64 = 3.0;
/// A larger spread means two kinds of calls in one route, for which the formula gives absurdly large means.
const VARIANCE_MAX: f64 = 3.0;

/// What calls write, by tenant and route, and find cached, by tenant and deployment.
#[derive(Debug)]
pub struct Expected {
    hasher: RandomState,
    learned: Mutex<Lru<Learned>>,
    cached: Mutex<Lru<Cached>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Learned {
    n: f64,
    mean: f64,
    variance: f64,
}

/// Tokens of a call on average, so that the share is one of tokens and not of calls.
#[derive(Debug, Clone, Copy, Default)]
struct Cached {
    n: f64,
    input: f64,
    cached: f64,
}

impl Default for Expected {
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl Expected {
    /// Remembers at most `capacity` pairs of tenant and route and as many of tenant and deployment, about 60 bytes each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(2);
        Self {
            hasher: RandomState::new(),
            learned: Mutex::new(Lru::new(capacity)),
            cached: Mutex::new(Lru::new(capacity)),
        }
    }

    /// A call wrote `output` tokens.
    pub fn learn(&self, tenant: &str, route: &str, output: u64) {
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let sample = (output.max(1) as f64).ln();
        let (of_tenant, of_route) = self.keys(tenant, route);
        let mut learned = lock(&self.learned);
        learned.entry(of_tenant).add(sample);
        learned.entry(of_route).add(sample);
    }

    /// How many tokens to expect; at least 1, at most `max_output`. 300 when nothing is known.
    #[must_use]
    pub fn output(&self, tenant: &str, route: &str, max_output: Option<u64>) -> u64 {
        let (of_tenant, of_route) = self.keys(tenant, route);
        let (tenant, route) = {
            let mut learned = lock(&self.learned);
            (learned.get(of_tenant).unwrap_or_default(), learned.get(of_route).unwrap_or_default())
        };
        let n_route = if route.n > 0.0 { N_ROUTE } else { 0.0 };
        let n = tenant.n + n_route;
        let estimate = if n > 0.0 {
            let mean = (tenant.n * tenant.mean + n_route * route.mean) / n;
            let variance = (tenant.n * tenant.variance + n_route * route.variance) / n;
            (mean + variance.min(VARIANCE_MAX) / 2.0).exp()
        } else {
            UNKNOWN
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates and exp() is positive"
        )]
        let estimate = estimate.round() as u64;
        estimate.min(max_output.unwrap_or(u64::MAX)).max(1)
    }

    /// A call read `input` tokens, `cached` of them from the provider's cache.
    pub fn learn_cached(&self, tenant: &str, deployment: &str, input: u64, cached: u64) {
        let key = self.hasher.hash_one((tenant, deployment));
        let mut all = lock(&self.cached);
        all.entry(key).add(input, cached.min(input));
    }

    /// What share of a call's input to expect in the provider's cache, in 0..=1; 0 when nothing is known.
    #[must_use]
    pub fn cached_share(&self, tenant: &str, deployment: &str) -> f64 {
        let key = self.hasher.hash_one((tenant, deployment));
        let Cached { input, cached, .. } = lock(&self.cached).get(key).unwrap_or_default();
        if input > 0.0 { (cached / input).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How many pairs and routes are remembered for output.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.learned).len()
    }

    /// Whether nothing was learned yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hash key is random, so nobody outside can cause a collision between two tenants.
    fn keys(&self, tenant: &str, route: &str) -> (u64, u64) {
        (self.hasher.hash_one((Some(tenant), route)), self.hasher.hash_one((None::<&str>, route)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every state in between is a sound one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cached {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    fn add(&mut self, input: u64, cached: u64) {
        self.n = (self.n + 1.0).min(100.0);
        let share = SHARE.max(1.0 / self.n);
        self.input += share * (input as f64 - self.input);
        self.cached += share * (cached as f64 - self.cached);
    }
}

impl Learned {
    fn add(&mut self, sample: f64) {
        // Counted only up to where the share of a new sample stops falling, and a little further: a higher count
        // changes nothing.
        self.n = (self.n + 1.0).min(100.0);
        let share = SHARE.max(1.0 / self.n);
        let off = sample - self.mean;
        self.mean += share * off;
        self.variance = (1.0 - share) * (self.variance + share * off * off);
    }
}

#[cfg(test)]
mod tests;
