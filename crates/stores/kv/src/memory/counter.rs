//! One counter in memory.

use crate::hold::Correction;
use crate::limit::What;
use crate::slots::Slots;
use crate::window::{Bounds, Span};

/// What a hold has taken of one counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// The window, or the second, in which it was taken.
    pub(super) window: i64,
    /// How much of it still counts as held.
    pub(super) held: i64,
    /// How much of it counts at all.
    pub(super) counted: i64,
}

/// One counter.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) what: What,
    pub(super) span: Span,
    /// How many holds name it; it stays as long as there is one.
    pub(super) n_holds: u32,
    /// When it was last asked for.
    pub(super) touched_ms: i64,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    Sliding(Slots),
    Window {
        bounds: Bounds,
        /// Used and held together.
        taken: i64,
        held: i64,
        /// The part of what is held that will be charged if its holder is never heard of again.
        at_risk: i64,
    },
}

impl Count {
    pub(super) fn new(what: What, span: Span, now_ms: i64) -> Self {
        let numbers = match span {
            Span::Minute => Numbers::Sliding(Slots::default()),
            Span::Held | Span::Day(_) | Span::Month(_) | Span::Total => {
                Numbers::Window { bounds: span.bounds(now_ms), taken: 0, held: 0, at_risk: 0 }
            }
        };
        let mut count = Self { what, span, n_holds: 0, touched_ms: now_ms, numbers };
        count.roll(now_ms);
        count
    }

    /// A counter as it was stored, which may be of a window that is over.
    pub(super) fn stored(what: What, span: Span, bounds: Bounds, used: i64, now_ms: i64) -> Self {
        let numbers = Numbers::Window { bounds, taken: used, held: 0, at_risk: 0 };
        let mut count = Self { what, span, n_holds: 0, touched_ms: now_ms, numbers };
        count.roll(now_ms);
        count
    }

    /// Brings it to the present window.
    pub(super) fn roll(&mut self, now_ms: i64) {
        match &mut self.numbers {
            Numbers::Sliding(slots) => slots.roll(now_ms),
            Numbers::Window { bounds, taken, held, at_risk } => {
                if bounds.end_ms.is_some_and(|end_ms| now_ms >= end_ms) {
                    (*bounds, *taken, *held, *at_risk) = (self.span.bounds(now_ms), 0, 0, 0);
                }
            }
        }
    }

    /// Used and held together.
    pub(super) fn taken(&self) -> i64 {
        match &self.numbers {
            Numbers::Sliding(slots) => slots.taken(),
            Numbers::Window { taken, .. } => *taken,
        }
    }

    pub(super) fn held(&self) -> i64 {
        match &self.numbers {
            Numbers::Sliding(slots) => slots.held(),
            Numbers::Window { held, .. } => *held,
        }
    }

    /// When there is room again, see [`crate::Refused::retry_after`].
    pub(super) fn free_at_ms(&self, room: i64) -> Option<i64> {
        match &self.numbers {
            Numbers::Sliding(slots) => slots.free_at_ms(room),
            Numbers::Window { bounds, .. } => bounds.end_ms,
        }
    }

    pub(super) fn resets_at_ms(&self) -> Option<i64> {
        match &self.numbers {
            Numbers::Sliding(slots) => slots.empty_at_ms(),
            Numbers::Window { bounds, .. } => bounds.end_ms,
        }
    }

    /// Takes `amount` for a hold. Roll first.
    pub(super) fn take(&mut self, amount: i64, is_charged_on_expiry: bool) -> Taken {
        self.n_holds += 1;
        let window = match &mut self.numbers {
            Numbers::Sliding(slots) => slots.take(amount),
            Numbers::Window { bounds, taken, held, at_risk } => {
                *taken += amount;
                *held += amount;
                if is_charged_on_expiry {
                    *at_risk += amount;
                }
                bounds.start_ms
            }
        };
        Taken { window, held: amount, counted: amount }
    }

    /// Lets `real` count in place of what a hold has taken. A window that is over stays as it was.
    pub(super) fn replace(&mut self, of: &mut Taken, real: i64, is_charged_on_expiry: bool) {
        match &mut self.numbers {
            Numbers::Sliding(slots) => slots.change(of.window, real - of.counted, -of.held),
            Numbers::Window { bounds, taken, held, at_risk } => {
                if bounds.start_ms == of.window {
                    *held -= of.held;
                    if is_charged_on_expiry {
                        *at_risk -= of.held;
                    }
                    // A correction may have taken away what an expired hold was charged.
                    *taken = (*taken + real - of.counted).max(*held);
                }
            }
        }
        (of.held, of.counted) = (0, real);
    }

    /// Corrects what is used; what is held stays held.
    pub(super) fn correct(&mut self, correction: Correction) {
        if let Numbers::Window { taken, held, .. } = &mut self.numbers {
            let used = match correction {
                Correction::Set(used) => i64::try_from(used).unwrap_or(i64::MAX),
                Correction::Add(more) => (*taken - *held).saturating_add(more),
            };
            *taken = held.saturating_add(used.max(0));
        }
    }

    /// Its window, and what of it has to be known after a crash: the used, and the held that would be charged.
    pub(super) fn lasting(&self) -> Option<(Bounds, i64)> {
        match &self.numbers {
            Numbers::Sliding(_) => None,
            Numbers::Window { bounds, taken, held, at_risk } => Some((*bounds, taken - held + at_risk)),
        }
    }

    /// Whether forgetting it changes nothing. Roll first.
    pub(super) fn is_empty(&self) -> bool {
        self.n_holds == 0
            && match &self.numbers {
                Numbers::Sliding(slots) => slots.is_empty(),
                Numbers::Window { taken, .. } => *taken == 0,
            }
    }
}
