//! How busy and how quick one deployment is.
//!
//! Time to the first token and time per further token are learned apart, because what a call will take depends on how
//! much it will write: one deployment starts early and writes slowly, another the other way round. Samples fade by age,
//! not by number, so that after an hour without calls an old mean does not still count. A sample far above the mean
//! moves it at once and by at least 30 % of the difference; a sample below it moves it slowly.

mod fading;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::fading::{Count, Fading};

/// What a failed call counts as, when it took less.
const PENALTY_MS: f64 = 5_000.0;
/// Where the parts of a whole answer are guessed from before anything is known: half a second to the first token, fifty
/// tokens a second.
const FIRST_GUESS_MS: f64 = 500.0;
const TOKEN_GUESS_MS: f64 = 20.0;
/// How often and from how many tokens on the time per token is learned while an answer is written.
const MARK_MS: u64 = 1_000;
const MARK_TOKENS: u64 = 4;

/// The pace of one deployment. Clones are the same pace.
#[derive(Debug, Clone)]
pub struct Pace {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    in_flight: AtomicU32,
    averages: Mutex<Averages>,
}

#[derive(Debug)]
struct Averages {
    first_ms: Fading,
    token_ms: Fading,
    started: Count,
}

/// A call under way. It counts as in flight until it is dropped or has reported.
#[derive(Debug)]
#[must_use = "a flight that is dropped is no longer counted as under way"]
pub struct Flight {
    shared: Arc<Shared>,
    started_ms: u64,
    first_ms: Option<u64>,
    /// Time and tokens up to which time per token was learned from.
    marked: (u64, u64),
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(30_000)
    }
}

impl Pace {
    /// Nothing known yet. After `half_life_ms` a sample counts half, after four of them without a new one the
    /// deployment counts as unexplored again.
    #[must_use]
    pub fn new(half_life_ms: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                in_flight: AtomicU32::new(0),
                averages: Mutex::new(Averages {
                    first_ms: Fading::new(half_life_ms),
                    token_ms: Fading::new(half_life_ms),
                    started: Count::new(half_life_ms),
                }),
            }),
        }
    }

    /// A call starts.
    pub fn enter(&self, now_ms: u64) -> Flight {
        self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        self.shared.averages().started.add(now_ms);
        Flight { shared: Arc::clone(&self.shared), started_ms: now_ms, first_ms: None, marked: (now_ms, 1) }
    }

    /// Calls under way.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Calls started lately, each counting less the older it is.
    #[must_use]
    pub fn recent(&self, now_ms: u64) -> f64 {
        self.shared.averages().started.at(now_ms)
    }

    /// How long a call that writes `expected_out` tokens will take. `None` when nothing is known (any more).
    #[must_use]
    pub fn predicted_ms(&self, now_ms: u64, expected_out: u64) -> Option<f64> {
        let averages = self.shared.averages();
        let first = averages.first_ms.at(now_ms)?;
        let token = averages.token_ms.at(now_ms).unwrap_or(TOKEN_GUESS_MS);
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        Some(first + token * expected_out.saturating_sub(1) as f64)
    }

    /// Time to the first token, and per further token, in milliseconds: for the API and metrics.
    #[must_use]
    pub fn means_ms(&self, now_ms: u64) -> (Option<f64>, Option<f64>) {
        let averages = self.shared.averages();
        (averages.first_ms.at(now_ms), averages.token_ms.at(now_ms))
    }
}

impl Flight {
    /// The first token came. Only the first report counts.
    pub fn first_token(&mut self, now_ms: u64) {
        if self.first_ms.is_none() {
            self.first_ms = Some(now_ms);
            self.marked = (now_ms, 1);
            self.shared.averages().first_ms.add(now_ms, between(self.started_ms, now_ms));
        }
    }

    /// About so many tokens came so far. May be called as often as is convenient: it takes a sample once a second, so
    /// that a deployment that becomes slow is noticed while it writes and not minutes later.
    pub fn wrote(&mut self, now_ms: u64, output: u64) {
        if now_ms.saturating_sub(self.marked.0) >= MARK_MS {
            self.mark(now_ms, output);
        }
    }

    fn mark(&mut self, now_ms: u64, output: u64) {
        let (since_ms, n_before) = self.marked;
        let n_further = output.saturating_sub(n_before);
        // Few tokens in one packet say nothing about the time between tokens.
        if self.first_ms.is_some() && n_further >= MARK_TOKENS {
            #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
            let token_ms = between(since_ms, now_ms) / n_further as f64;
            self.shared.averages().token_ms.add(now_ms, token_ms);
            self.marked = (now_ms, output);
        }
    }

    /// The answer is there, `output` tokens long.
    pub fn done(mut self, now_ms: u64, output: u64) {
        if self.first_ms.is_some() {
            return self.mark(now_ms, output);
        }
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let further = output.saturating_sub(1) as f64;
        let mut averages = self.shared.averages();
        // It came whole: both parts are scaled by the ratio of the actual to the predicted total.
        let first = averages.first_ms.at(now_ms).unwrap_or(FIRST_GUESS_MS).max(1.0);
        let token = averages.token_ms.at(now_ms).unwrap_or(TOKEN_GUESS_MS).max(0.01);
        let stretch = between(self.started_ms, now_ms) / (first + token * further);
        averages.first_ms.add(now_ms, first * stretch);
        if output > MARK_TOKENS {
            averages.token_ms.add(now_ms, token * stretch);
        }
    }

    /// The call failed or timed out: counts as a slow one, so that quick refusals do not make a deployment look quick.
    /// Not for requests that were wrong themselves; those are dropped.
    pub fn failed(self, now_ms: u64) {
        self.shared.averages().first_ms.add(now_ms, between(self.started_ms, now_ms).max(PENALTY_MS));
    }

    /// The client left. Says something only when it had waited longer than usual for the first token.
    pub fn left(self, now_ms: u64) {
        let waited = between(self.started_ms, now_ms);
        let mut averages = self.shared.averages();
        if self.first_ms.is_none() && averages.first_ms.at(now_ms).is_some_and(|usual| waited > usual) {
            averages.first_ms.add(now_ms, waited);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn averages(&self) -> MutexGuard<'_, Averages> {
        // No code that can panic runs under the lock.
        self.averages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of one call are far below 2^52")]
fn between(from_ms: u64, to_ms: u64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64
}

#[cfg(test)]
mod tests;
