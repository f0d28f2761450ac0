//! Keeps calls away from a deployment that is not well, and finds out when it is well again.
//!
//! ```text
//!              too many failures, or told to wait
//!     closed ──────────────────────────────────────► open
//!        ▲                                          │    ▲
//!        │ n_good probes went well      time is over│    │ a probe failed: twice as long
//!        └───────────────────────── half-open ◄─────┘    │
//!                                       └────────────────┘
//! ```
//!
//! A call that was let in before a change says nothing about the time after it: its report is ignored, except that a
//! provider's request to wait is always obeyed.
//!
//! Five failures in a row mean an outage, unless the deployment fails often anyway: of one that fails three calls in
//! ten they come by chance every few minutes, and shutting it each time would turn 30 % errors into 80 % on a route
//! that has nothing better. So the run of failures that trips the breaker is longer the more often the deployment fails
//! anyway: so long that it hardly ever comes by chance.

mod settings;
mod state;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::settings::Settings;
pub use self::state::{BreakerState, Name};
use self::window::{Window, ratio, surprising_run};
use crate::fault::{Fault, FaultKind};

/// The breaker of one deployment. Clones are the same breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    inner: Arc<Mutex<Inner>>,
}

/// Permission to make one call. Dropped without a report, it counts as neither good nor bad and frees its place. A
/// probe keeps its place until then, however long that takes; the caller's timeouts bound it.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives its place back at once"]
pub struct Permit {
    inner: Arc<Mutex<Inner>>,
    era: u64,
    holds_probe: bool,
    is_probe: bool,
    is_alive: bool,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    phase: Phase,
    since_ms: u64,
    /// Goes up at every change of phase.
    era: u64,
    window: Window,
    /// Failures in a row while closed.
    n_in_a_row: u32,
    /// How often the cool-down has been doubled.
    n_doubled: u32,
    n_opened: u64,
    /// Counted across all openings: a probe that hangs keeps its place even when the breaker opened again meanwhile.
    n_probes: u32,
    last_fault: Option<Fault>,
    chance: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open { until_ms: u64 },
    HalfOpen { n_good: u32 },
}

impl Breaker {
    /// A closed breaker. `seed` spreads the cool-downs of several breakers that trip together; give each another.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let window = Window::new(settings.window_ms);
        Self {
            inner: Arc::new(Mutex::new(Inner {
                settings,
                phase: Phase::Closed,
                since_ms: 0,
                era: 0,
                window,
                n_in_a_row: 0,
                n_doubled: 0,
                n_opened: 0,
                n_probes: 0,
                last_fault: None,
                chance: seed,
            })),
        }
    }

    /// A permit for one call, or `None` when the deployment must not be called.
    #[must_use]
    pub fn try_enter(&self, now_ms: u64) -> Option<Permit> {
        let mut inner = lock(&self.inner);
        if let Phase::Open { until_ms } = inner.phase
            && now_ms >= until_ms
        {
            inner.turn(Phase::HalfOpen { n_good: 0 }, now_ms);
        }
        let is_probe = match inner.phase {
            Phase::Closed => false,
            Phase::Open { .. } => return None,
            Phase::HalfOpen { .. } if inner.n_probes >= inner.settings.probes => return None,
            Phase::HalfOpen { .. } => {
                inner.n_probes += 1;
                true
            }
        };
        let era = inner.era;
        drop(inner);
        Some(Permit { inner: Arc::clone(&self.inner), era, holds_probe: is_probe, is_probe, is_alive: false })
    }

    /// Whether [`Breaker::try_enter`] would let a call in; takes no place.
    #[must_use]
    pub fn is_available(&self, now_ms: u64) -> bool {
        let inner = lock(&self.inner);
        match inner.phase {
            Phase::Closed => true,
            Phase::Open { until_ms } => now_ms >= until_ms && inner.n_probes < inner.settings.probes,
            Phase::HalfOpen { .. } => inner.n_probes < inner.settings.probes,
        }
    }

    /// How it stands. An open breaker whose time is over is shown as half-open: the next call will be a probe.
    #[must_use]
    pub fn state(&self, now_ms: u64) -> BreakerState {
        let inner = lock(&self.inner);
        let (n_calls, n_failed) = inner.window.sum(now_ms);
        let (name, since_ms, until_ms) = match inner.phase {
            Phase::Closed => (Name::Closed, inner.since_ms, None),
            Phase::Open { until_ms } if now_ms >= until_ms => (Name::HalfOpen, until_ms, None),
            Phase::Open { until_ms } => (Name::Open, inner.since_ms, Some(until_ms)),
            Phase::HalfOpen { .. } => (Name::HalfOpen, inner.since_ms, None),
        };
        BreakerState {
            name,
            since_ms,
            until_ms,
            n_calls,
            error_ratio: ratio(n_calls, n_failed),
            n_probes: inner.n_probes,
            n_opened: inner.n_opened,
            last_fault: inner.last_fault,
        }
    }

    /// Closes it at once and forgets its history: for an operator who has just fixed the cause.
    pub fn reset(&self, now_ms: u64) {
        let mut inner = lock(&self.inner);
        inner.close(now_ms);
        inner.last_fault = None;
    }
}

impl Permit {
    /// Whether this call is a probe of a half-open breaker.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// The first token came. Counts as good already, so that a long answer does not hold the only probe's place; when
    /// the call fails later, [`Permit::bad`] revokes that success.
    pub fn alive(&mut self, now_ms: u64) {
        if self.is_alive {
            return;
        }
        self.is_alive = true;
        let inner = Arc::clone(&self.inner);
        let mut inner = lock(&inner);
        self.give_back(&mut inner);
        if self.era == inner.era {
            inner.good(now_ms);
        }
    }

    /// The call went well.
    pub fn good(mut self, now_ms: u64) {
        self.alive(now_ms);
    }

    /// The call failed. Faults that say nothing against the deployment ([`FaultKind::counts_against_deployment`]) count as
    /// [`Permit::neither`].
    pub fn bad(mut self, now_ms: u64, fault: Fault) {
        let inner = Arc::clone(&self.inner);
        let mut inner = lock(&inner);
        self.give_back(&mut inner);
        inner.bad(now_ms, fault, self.era, self.is_alive);
    }

    /// The call says nothing about the deployment.
    pub fn neither(self) {}

    fn give_back(&mut self, inner: &mut Inner) {
        if std::mem::take(&mut self.holds_probe) {
            inner.n_probes = inner.n_probes.saturating_sub(1);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.holds_probe {
            let inner = Arc::clone(&self.inner);
            self.give_back(&mut lock(&inner));
        }
    }
}

impl Inner {
    fn good(&mut self, now_ms: u64) {
        match &mut self.phase {
            Phase::Closed => {
                self.n_in_a_row = 0;
                self.window.add(now_ms, 1, 0);
            }
            Phase::Open { .. } => {}
            Phase::HalfOpen { n_good } => {
                *n_good += 1;
                if *n_good >= self.settings.n_good {
                    self.close(now_ms);
                }
            }
        }
    }

    fn bad(&mut self, now_ms: u64, fault: Fault, era: u64, was_alive: bool) {
        if !fault.kind.counts_against_deployment() {
            return;
        }
        self.last_fault = Some(fault);
        let told_ms = fault.retry_after_ms.filter(|told| *told > 0).map(|told| told.min(self.settings.told_max_ms));
        if let (FaultKind::RateLimited, Some(told)) = (fault.kind, told_ms) {
            return self.open(now_ms, now_ms.saturating_add(told));
        }
        if era != self.era {
            return;
        }
        match self.phase {
            Phase::Closed => {
                self.n_in_a_row += 1;
                self.window.add(now_ms, u32::from(!was_alive), 1);
                let (n_calls, n_failed) = self.window.sum(now_ms);
                let is_outage = self.n_in_a_row >= self.settings.consecutive
                    && self.n_in_a_row >= surprising_run(n_calls, n_failed, self.n_in_a_row, self.settings.min_calls);
                let is_too_much =
                    n_calls >= self.settings.min_calls && ratio(n_calls, n_failed) > self.settings.error_ratio;
                if !is_outage && !is_too_much && !fault.kind.is_persistent() {
                    return;
                }
            }
            Phase::HalfOpen { .. } => {}
            Phase::Open { .. } => return,
        }
        let mut pause_ms = self.cool_down_ms().max(told_ms.unwrap_or(0));
        if fault.kind.is_persistent() {
            pause_ms = pause_ms.max(self.settings.stubborn_ms);
        }
        self.n_doubled = self.n_doubled.saturating_add(1);
        self.open(now_ms, now_ms.saturating_add(pause_ms));
    }

    /// Opens, or stays open for longer.
    fn open(&mut self, now_ms: u64, until_ms: u64) {
        if let Phase::Open { until_ms: already } = &mut self.phase {
            *already = until_ms.max(*already);
            return;
        }
        self.n_opened += 1;
        self.turn(Phase::Open { until_ms }, now_ms);
    }

    fn close(&mut self, now_ms: u64) {
        self.window.clear();
        self.n_in_a_row = 0;
        self.n_doubled = 0;
        self.turn(Phase::Closed, now_ms);
    }

    fn turn(&mut self, phase: Phase, now_ms: u64) {
        self.phase = phase;
        self.since_ms = now_ms;
        self.era += 1;
    }

    /// The next cool-down: doubled for each earlier failure, plus random jitter of up to a fifth.
    fn cool_down_ms(&mut self) -> u64 {
        let factor = 1_u64.checked_shl(self.n_doubled).unwrap_or(u64::MAX);
        let plain = self.settings.cool_down_ms.saturating_mul(factor).min(self.settings.cool_down_max_ms);
        plain.saturating_add(split_mix(&mut self.chance) % (plain / 5 + 1))
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // No code that can panic runs under the lock.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sebastiano Vigna's SplitMix64: enough chance for a jitter, eight bytes of state.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
