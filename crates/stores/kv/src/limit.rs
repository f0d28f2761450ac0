//! What is limited, for whom, over which time.

use std::sync::Arc;

use crate::Error;
use crate::window::Span;

/// The most that one call may take: a million units of currency. A limit stops a counter long before 63 bits are full.
const LARGEST_AMOUNT: u64 = 1_000_000_000_000_000;

/// The most that a limit can be: eight billion units of currency.
const LARGEST_LIMIT: u64 = 8_000_000_000_000_000_000;

/// The most that a correction can put or add.
pub(crate) const LARGEST_CORRECTION: u64 = 1_000_000_000_000_000_000;

const LONGEST_SCOPE: usize = 512;
const LONGEST_ID: usize = 256;
const MOST_LIMITS: usize = 64;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Calls.
    Requests,
    /// Tokens, in and out together.
    Tokens,
    /// Calls that are open at the same time. The window of such a limit means nothing.
    Concurrency,
    /// Money in nano-units: `1_000_000_000` is one unit of currency.
    Money,
}

/// The time over which a limit counts, and after which it begins anew.
///
/// What a hold takes belongs to the window in which it was reserved, also when it is settled after that window's end:
/// the budget of a day pays for the calls that began on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// The last sixty seconds, at every moment: it slides in steps of one second.
    ///
    /// A minute by the wall clock would let twice the limit through around its turn, and the provider behind it,
    /// which counts in its own way, answers 429 then. No sixty seconds ever hold more than the limit here; a call
    /// is forgotten after 60 to 61 seconds.
    Minute,
    /// From midnight to midnight.
    Day {
        /// How far the place's clocks are ahead of UTC, in seconds: `28_800` is Peking.
        utc_offset_s: i32,
    },
    /// From the first of a month to the first of the next.
    Month {
        /// How far the place's clocks are ahead of UTC, in seconds.
        utc_offset_s: i32,
    },
    /// For ever.
    Total,
}

/// One limit of one scope.
///
/// Scope, what and window name the counter; `max` is only compared with, so a limit may be raised or lowered at any
/// moment. A day with another offset is another counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Whose it is, such as `tenant:<id>` or `deployment:<id>`; at most 512 bytes, and never taken apart here.
    pub scope: Arc<str>,
    /// What it counts.
    pub what: What,
    /// Over which time.
    pub window: Window,
    /// The most that may be used and held together. More than 8 billion billions (in money: 8 billion units) is no more
    /// than that.
    pub max: u64,
}

/// How much of everything a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Amounts {
    /// Calls, usually one.
    pub requests: u64,
    /// Tokens.
    pub tokens: u64,
    /// Money in nano-units.
    pub money_nano: u64,
}

impl Limit {
    /// A limit.
    pub fn new(scope: impl Into<Arc<str>>, what: What, window: Window, max: u64) -> Self {
        Self { scope: scope.into(), what, window, max }
    }

    /// At most `max` calls at the same time.
    pub fn concurrency(scope: impl Into<Arc<str>>, max: u64) -> Self {
        Self::new(scope, What::Concurrency, Window::Total, max)
    }

    /// The most that may be there already for `wanted` to fit; below nothing when it never fits.
    pub(crate) fn room(&self, wanted: u64) -> i64 {
        signed(self.max.min(LARGEST_LIMIT)) - signed(wanted)
    }

    pub(crate) fn span(&self) -> Span {
        match (self.what, self.window) {
            (What::Concurrency, _any) => Span::Held,
            (_counted, Window::Minute) => Span::Minute,
            (_counted, Window::Day { utc_offset_s }) => Span::Day(utc_offset_s),
            (_counted, Window::Month { utc_offset_s }) => Span::Month(utc_offset_s),
            (_counted, Window::Total) => Span::Total,
        }
    }

    /// Some limit that names this counter.
    pub(crate) fn of_counter(scope: Arc<str>, what: What, span: Span) -> Self {
        let window = match span {
            Span::Minute => Window::Minute,
            Span::Day(utc_offset_s) => Window::Day { utc_offset_s },
            Span::Month(utc_offset_s) => Window::Month { utc_offset_s },
            Span::Held | Span::Total => Window::Total,
        };
        Self { scope, what, window, max: 0 }
    }

    pub(crate) fn is_same_counter(&self, other: &Self) -> bool {
        self.what == other.what && self.span() == other.span() && self.scope == other.scope
    }

    /// The counter's name in a store outside this process.
    pub(crate) fn key(&self) -> String {
        let what = match self.what {
            What::Requests => "requests",
            What::Tokens => "tokens",
            What::Concurrency => "concurrency",
            What::Money => "money",
        };
        format!("{what}:{}:{}", self.span(), self.scope)
    }
}

impl Amounts {
    /// Nothing at all.
    pub const NOTHING: Self = Self { requests: 0, tokens: 0, money_nano: 0 };

    /// What a limit on `what` counts of it while the call runs.
    pub(crate) fn held(&self, what: What) -> u64 {
        match what {
            What::Concurrency => 1,
            _counted => self.spent(what),
        }
    }

    /// What a limit on `what` counts of it when the call is over.
    pub(crate) fn spent(&self, what: What) -> u64 {
        match what {
            What::Requests => self.requests,
            What::Tokens => self.tokens,
            What::Money => self.money_nano,
            What::Concurrency => 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if [self.requests, self.tokens, self.money_nano].iter().any(|amount| *amount > LARGEST_AMOUNT) {
            return Err(Error::TooMuch);
        }
        Ok(())
    }
}

/// Each counter once. When two limits name the same one, the tighter stands for both.
pub(crate) fn tightest(limits: &[Limit]) -> impl Iterator<Item = &Limit> {
    limits.iter().enumerate().filter_map(move |(idx, limit)| {
        let is_looser = |(other_idx, other): (usize, &Limit)| {
            other_idx != idx
                && other.is_same_counter(limit)
                && (other.max < limit.max || (other.max == limit.max && other_idx < idx))
        };
        (!limits.iter().enumerate().any(is_looser)).then_some(limit)
    })
}

pub(crate) fn check_limits(limits: &[Limit]) -> Result<(), Error> {
    if limits.len() > MOST_LIMITS {
        return Err(Error::BadLimit("there are more than 64 limits"));
    }
    for limit in limits {
        if limit.scope.is_empty() || limit.scope.len() > LONGEST_SCOPE {
            return Err(Error::BadLimit("its scope is empty or longer than 512 bytes"));
        }
        if let Span::Day(offset_s) | Span::Month(offset_s) = limit.span() {
            // The places farthest from UTC are 14 hours ahead and 12 behind.
            if offset_s.unsigned_abs() > 18 * 3600 {
                return Err(Error::BadLimit("its offset from UTC is more than 18 hours"));
            }
        }
    }
    Ok(())
}

pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(Error::BadId);
    }
    Ok(())
}

pub(crate) fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(amount: i64) -> u64 {
    u64::try_from(amount).unwrap_or(0)
}
