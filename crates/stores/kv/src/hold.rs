//! What is asked of the counters, and what they answer.

use std::time::Duration;

use crate::limit::{LARGEST_CORRECTION, unsigned};
use crate::{Amounts, Error, Limit};

/// The longest lease: a call that runs longer than a day is extended on its way.
pub(crate) const LONGEST_LEASE: Duration = Duration::from_secs(24 * 3600);

/// How long a settled hold is remembered, so that a settlement whose answer was lost may be sent again.
pub(crate) const SETTLED_KEPT: Duration = Duration::from_secs(60);

/// How long a hold may still be settled after its lease ran out: what was really spent counts, late or not.
pub(crate) const EXPIRED_KEPT: Duration = Duration::from_secs(3600);

/// What becomes of a reservation whose holder was not heard of before the lease ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnExpiry {
    /// It counts as nothing spent: a crash costs the tenant nothing.
    #[default]
    Refund,
    /// It counts as spent in full, requests, tokens and money: a crash never gives anything away.
    Charge,
}

/// A reservation that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Names the hold: unique, chosen by the caller, at most 256 bytes.
    pub hold: &'a str,
    /// Every limit that the call is under, in any order; the first one that is spent is named in a refusal. A limit on
    /// concurrency counts the hold itself.
    pub limits: &'a [Limit],
    /// The most that the call can come to.
    pub amounts: Amounts,
    /// How long the hold lives without a word; at most a day.
    pub lease: Duration,
    /// What happens when it runs out.
    pub on_expiry: OnExpiry,
}

/// The hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// When its lease runs out, in milliseconds since 1970.
    pub expires_at_ms: i64,
    /// It stood before already; nothing was counted again, and its limits, amounts and lease are the first ones.
    pub is_repeated: bool,
}

/// A limit is spent; nothing was counted anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one: the first of those asked for that has no room.
    pub limit: Limit,
    /// What is spent of it.
    pub used: u64,
    /// What others hold of it.
    pub reserved: u64,
    /// What was asked for.
    pub wanted: u64,
    /// When it is worth trying again: when enough of the last minute is forgotten, or a new day or month begins. One
    /// second when only the holds of others are in the way, for nobody knows when they end. Nothing when waiting does
    /// not help: a total is spent, or more was asked for than the limit ever allows.
    pub retry_after: Option<Duration>,
}

/// What a settlement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settled {
    /// The real amounts count now in place of the reserved ones.
    Now,
    /// The same, but the lease had run out before.
    Late,
    /// Nothing: it was settled before.
    Before,
    /// Nothing: no such hold is known. It was never made, was settled more than a minute ago, or ran out more than an
    /// hour ago.
    Unknown,
}

/// Where a limit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The limit that was asked about.
    pub limit: Limit,
    /// What is spent in the present window.
    pub used: u64,
    /// What open holds have reserved on top of it.
    pub reserved: u64,
    /// When the window ends, in milliseconds since 1970; for a minute, when all that counts now is forgotten. Nothing
    /// for totals and concurrency, or when nothing counts.
    pub resets_at_ms: Option<i64>,
}

/// An operator's correction of what is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// This much is spent, whatever was counted.
    Set(u64),
    /// So much more, or less, is spent; never below nothing.
    Add(i64),
}

impl<'a> Ask<'a> {
    /// A reservation that is refunded when its lease runs out.
    #[must_use]
    pub fn new(hold: &'a str, limits: &'a [Limit], amounts: Amounts, lease: Duration) -> Self {
        Self { hold, limits, amounts, lease, on_expiry: OnExpiry::Refund }
    }

    /// The same, but charged in full when its lease runs out.
    #[must_use]
    pub fn charged_on_expiry(self) -> Self {
        Self { on_expiry: OnExpiry::Charge, ..self }
    }
}

impl Correction {
    pub(crate) fn check(self) -> Result<(), Error> {
        let amount = match self {
            Self::Set(used) => used,
            Self::Add(more) => more.unsigned_abs(),
        };
        if amount > LARGEST_CORRECTION { Err(Error::TooMuch) } else { Ok(()) }
    }
}

impl Refused {
    /// Says why, and when to come again. `free_at_ms` is when enough is forgotten, or the window ends.
    pub(crate) fn new(limit: &Limit, wanted: u64, used: i64, held: i64, free_at_ms: Option<i64>, now_ms: i64) -> Self {
        let room = limit.room(wanted);
        let retry_after = if room < 0 {
            None
        } else if used <= room {
            Some(Duration::from_secs(1))
        } else {
            free_at_ms.map(|at_ms| Duration::from_millis(unsigned(at_ms - now_ms)))
        };
        Self { limit: limit.clone(), used: unsigned(used), reserved: unsigned(held), wanted, retry_after }
    }
}

pub(crate) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
