//! Counters that hold: budgets and rate limits that concurrency cannot break.
//!
//! ```text
//!               reserve (all limits or none)
//!    (nothing) ───────────────────────────────► held ─────── settle ───────► settled
//!        │                                      │  ▲ extend                    ▲
//!        └─ refused: names the limit            │  └───┐                       │ settle, late
//!           that is spent, and when             └──────┴─ lease runs out ──► expired
//!           to come again                              (refunded, or charged)
//! ```
//!
//! A call reserves the most that it can come to, in every limit that it is under (tenant, group, user, key,
//! deployment), in one step. When it is over it settles for what it really was. In between the reservation counts like
//! something spent, so that no number of callers at once passes a limit. A settlement may exceed its reservation: what
//! is really spent always counts. A holder that dies says nothing; its lease runs out and the room comes back.
//!
//! Everything is named by the caller and may be sent again: the same hold reserved twice counts once, the second
//! settlement changes nothing.
//!
//! | URI | counts in | survives |
//! |---|---|---|
//! | `memory:` | this process | nothing |
//! | `memory:` with a database | this process | days, months and totals: a settlement returns when they are on disk |
//! | `redis://[user:password@]host[:port][/database]` | every process on that Redis | what Redis is set to keep |
//!
//! On SQLite a settlement that is confirmed survives the kill of the process; a power cut may cost the last few, as the
//! database is set. Redis keeps what its own persistence keeps: turn on `appendonly`, and leave `maxmemory-policy` at
//! `noeviction`, or a full Redis forgets budgets. When a store is away every verb says so, and the caller refuses.
//!
//! The crate knows no tenants, prices or HTTP, and holds no money: accounts are kept elsewhere.

mod error;
mod hold;
mod limit;
mod memory;
mod redis;
mod slots;
mod window;

use std::time::Duration;

use septet_database::Database;
use septet_kernel::Clock;

pub use error::Error;
pub use hold::{Ask, Correction, Counter, OnExpiry, Refused, Reserved, Settled};
pub use limit::{Amounts, Limit, What, Window};

use crate::memory::Memory;
use crate::redis::Redis;

/// Where to count.
#[derive(Clone)]
pub struct Settings {
    uri: String,
    clock: Clock,
    database: Option<Database>,
    prefix: String,
    is_time_given: bool,
}

/// The counters. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Counters {
    driver: Driver,
}

/// Two drivers and a handful of verbs: a match costs nothing, where a boxed future would cost an allocation per call.
#[derive(Clone)]
enum Driver {
    Memory(Memory),
    Redis(Redis),
}

impl Settings {
    /// Counters at `uri`: `memory:` or `redis://..`.
    pub fn new(uri: impl Into<String>, clock: Clock) -> Self {
        Self { uri: uri.into(), clock, database: None, prefix: "septet".to_owned(), is_time_given: false }
    }

    /// Lets `memory:` keep days, months and totals in this database, which no other process may count in. Redis keeps
    /// its own and does not look at it.
    #[must_use]
    pub fn with_database(self, database: Database) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Begins every name in Redis with this in place of `septet`, so that installations may share a server.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Lets Redis go by the given clock. By itself it goes by its own, for the clocks of several machines never agree,
    /// and the one that is ahead would end the leases of the others.
    #[must_use]
    pub fn with_given_time(self) -> Self {
        Self { is_time_given: true, ..self }
    }
}

impl Counters {
    /// Opens the counters.
    ///
    /// # Errors
    /// [`Error::UnknownUri`]; [`Error::Unavailable`] when the store does not answer.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let driver = match settings.uri.split_once(':').map(|(scheme, _)| scheme) {
            Some("memory") if settings.uri == "memory:" => {
                Driver::Memory(Memory::open(settings.database, settings.clock).await?)
            }
            Some("redis") => {
                let time = settings.is_time_given.then_some(settings.clock.clone());
                Driver::Redis(Redis::open(&settings.uri, &settings.prefix, settings.clock, time).await?)
            }
            _ => return Err(Error::UnknownUri { uri: without_password(&settings.uri) }),
        };
        Ok(Self { driver })
    }

    /// Reserves in every limit, or in none of them.
    ///
    /// The same hold may be reserved again, for instance when the answer was lost: it counts once.
    ///
    /// # Errors
    /// [`Error::Refused`] when a limit has no room; [`Error::Over`] when the hold was settled or ran out;
    /// [`Error::Unavailable`], after which the hold may stand or not: reserve it again, settle it, or let it run out.
    /// [`Error::BadLimit`], [`Error::BadId`] and [`Error::TooMuch`] for what makes no sense.
    pub async fn reserve(&self, ask: &Ask<'_>) -> Result<Reserved, Error> {
        limit::check_id(ask.hold)?;
        limit::check_limits(ask.limits)?;
        ask.amounts.check()?;
        let ask = Ask { lease: ask.lease.min(hold::LONGEST_LEASE), ..*ask };
        match &self.driver {
            Driver::Memory(memory) => memory.reserve(&ask).await,
            Driver::Redis(redis) => redis.reserve(&ask).await,
        }
    }

    /// Lets the real amounts count in place of the reserved ones, exactly once, and gives back the concurrency.
    ///
    /// When this returns, what is spent of days, months and totals is as safe as the store makes it.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: settle again, it still counts once. [`Error::BadId`] and [`Error::TooMuch`].
    pub async fn settle(&self, hold: &str, real: Amounts) -> Result<Settled, Error> {
        limit::check_id(hold)?;
        real.check()?;
        match &self.driver {
            Driver::Memory(memory) => memory.settle(hold, &real).await,
            Driver::Redis(redis) => redis.settle(hold, &real).await,
        }
    }

    /// Gives everything back: the call did not happen.
    ///
    /// # Errors
    /// As [`Counters::settle`].
    pub async fn release(&self, hold: &str) -> Result<Settled, Error> {
        self.settle(hold, Amounts::NOTHING).await
    }

    /// Lets a hold live for `lease` from now on, at most a day; returns until when, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Over`] when it ran out or was settled: the call may go on and be settled late, but its room is no
    /// longer kept. [`Error::NoHold`]; [`Error::Unavailable`].
    pub async fn extend(&self, hold: &str, lease: Duration) -> Result<i64, Error> {
        limit::check_id(hold)?;
        let lease = lease.min(hold::LONGEST_LEASE);
        match &self.driver {
            Driver::Memory(memory) => memory.extend(hold, lease),
            Driver::Redis(redis) => redis.extend(hold, lease).await,
        }
    }

    /// Where these limits stand, in their order.
    ///
    /// # Errors
    /// [`Error::BadLimit`]; [`Error::Unavailable`].
    pub async fn look(&self, limits: &[Limit]) -> Result<Vec<Counter>, Error> {
        limit::check_limits(limits)?;
        match &self.driver {
            Driver::Memory(memory) => memory.look(limits).await,
            Driver::Redis(redis) => redis.look(limits).await,
        }
    }

    /// Corrects what is spent of a day, a month or a total; what is held stays held. Returns whether it was done:
    /// a correction of the same id that was made in the last ninety days is not made again (without a database,
    /// `memory:` knows the last thousand).
    ///
    /// # Errors
    /// [`Error::NotCorrectable`], [`Error::BadLimit`], [`Error::BadId`], [`Error::TooMuch`]; [`Error::Unavailable`].
    pub async fn correct(&self, id: &str, limit: &Limit, correction: Correction) -> Result<bool, Error> {
        limit::check_id(id)?;
        limit::check_limits(std::slice::from_ref(limit))?;
        correction.check()?;
        if !limit.span().is_lasting() {
            return Err(Error::NotCorrectable);
        }
        match &self.driver {
            Driver::Memory(memory) => memory.correct(id, limit, correction).await,
            Driver::Redis(redis) => redis.correct(id, limit, correction).await,
        }
    }

    /// Writes what is not on disk yet. Settlements do this themselves; a process that ends in good order does it once
    /// more, for what ran out and was charged.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.driver {
            Driver::Memory(memory) => memory.flush().await,
            Driver::Redis(_) => Ok(()),
        }
    }

    /// How many counters and holds this process keeps in memory, for its metrics.
    #[must_use]
    pub fn n_kept(&self) -> (usize, usize) {
        match &self.driver {
            Driver::Memory(memory) => memory.size(),
            Driver::Redis(_) => (0, 0),
        }
    }
}

fn without_password(uri: &str) -> String {
    match (uri.split_once("://"), uri.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        _ => uri.to_owned(),
    }
}
