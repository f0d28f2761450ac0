//! Where a call goes after it failed somewhere.
//!
//! A first try elsewhere in the same tier costs no pause, so it comes before a second try at the same place; a second
//! try in the tier comes before another tier. Only tries after the first at a place count against [`Retry::n`].

use std::time::Duration;

use rand::Rng;

use crate::fault::{Again, Fault};
use crate::retry::Retry;
use crate::strategy::{Choice, Ranked};

/// The attempts of one call along an order. Only for use before the first token has reached the client; the caller must
/// ensure that.
#[derive(Debug, Clone)]
pub struct Walk {
    retry: Retry,
    stops: Vec<Stop>,
    at: usize,
    n_retries: u32,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    ranked: Ranked,
    n_tries: u32,
    is_dead: bool,
    /// How long the provider asked to be left alone when it failed last.
    told_ms: Option<u64>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Wait, then try the candidate with this index.
    Try {
        /// [`Ranked::index`].
        index: usize,
        /// Nothing for a first try.
        pause: Duration,
    },
    /// Give the last fault to the client.
    Stop,
}

impl Walk {
    /// Starts at the first of the order.
    #[must_use]
    pub fn new(choice: &Choice, retry: Retry) -> Self {
        let stops =
            choice.order.iter().map(|&ranked| Stop { ranked, n_tries: 0, is_dead: false, told_ms: None }).collect();
        Self { retry, stops, at: 0, n_retries: 0 }
    }

    /// The first try. [`Step::Stop`] when there is nothing to try.
    pub fn first(&mut self) -> Step {
        self.go(0, Duration::ZERO)
    }

    /// Retries so far.
    #[must_use]
    pub fn n_retries(&self) -> u32 {
        self.n_retries
    }

    /// The try that was told last has failed.
    pub fn after(&mut self, fault: &Fault, rng: &mut impl Rng) -> Step {
        let Some(stop) = self.stops.get_mut(self.at) else { return Step::Stop };
        stop.told_ms = fault.retry_after_ms;
        match self.retry.again(fault) {
            Again::Never => return Step::Stop,
            Again::Elsewhere => stop.is_dead = true,
            Again::Here => {}
        }
        let tier = stop.ranked.tier;
        let is_fresh = |stop: &Stop| stop.n_tries == 0 && !stop.is_dead;
        let fresh = |wanted: &dyn Fn(&Stop) -> bool| self.stops.iter().position(|s| is_fresh(s) && wanted(s));
        if let Some(at) = fresh(&|s| s.ranked.tier == tier && !s.ranked.is_open) {
            return self.go(at, Duration::ZERO);
        }
        if let Some(at) = self.again(|s| s.ranked.tier == tier) {
            return self.retry(at, fault, rng);
        }
        if let Some(at) = fresh(&|s| !s.ranked.is_open) {
            return self.go(at, Duration::ZERO);
        }
        if let Some(at) = self.again(|_| true) {
            return self.retry(at, fault, rng);
        }
        // Open when the order was made; it may let a probe in by now.
        match fresh(&|_| true) {
            Some(at) => self.go(at, Duration::ZERO),
            None => Step::Stop,
        }
    }

    /// The least tried of those worth another try, while retries are left; among equals one that did not ask to wait.
    fn again(&self, wanted: impl Fn(&Stop) -> bool) -> Option<usize> {
        let candidates = self.stops.iter().enumerate().filter(|(_, s)| s.n_tries > 0 && !s.is_dead && wanted(s));
        candidates
            .min_by_key(|(_, s)| (s.n_tries, s.told_ms))
            .map(|(at, _)| at)
            .filter(|_| self.n_retries < self.retry.n)
    }

    fn retry(&mut self, at: usize, fault: &Fault, rng: &mut impl Rng) -> Step {
        // One provider's requested wait does not apply to another.
        let fault = Fault { kind: fault.kind, retry_after_ms: self.stops[at].told_ms };
        let pause = self.retry.delay(self.n_retries, &fault, rng);
        self.n_retries += 1;
        self.go(at, pause)
    }

    fn go(&mut self, at: usize, pause: Duration) -> Step {
        let Some(stop) = self.stops.get_mut(at) else { return Step::Stop };
        stop.n_tries += 1;
        self.at = at;
        Step::Try { index: stop.ranked.index, pause }
    }
}

#[cfg(test)]
mod tests;
