//! Which deployment gets this call, and is it well?
//!
//! ```text
//!   Candidates ──► Strategy::choose ──► Choice: an order of all, and the Reason
//!                                          │
//!                       Walk: first, next, again, stop ◄── Fault
//!                                          │
//!                 Breaker::try_enter ──► Permit   (is it well?)
//!                 Pace::enter        ──► Flight   (how quick is it?)
//!                 Expected::learn                 (how much will it write?)
//! ```
//!
//! - No IO, no clock, no configuration, no source of randomness: time is given in milliseconds from an arbitrary
//!   origin, randomness as an `Rng`. So every decision can be replayed.
//! - Everything that is shared between calls is cheap to clone and safe to use from many threads; no lock is held
//!   longer than a few additions take.
//! - Nothing here waits or calls anybody; the model gateway does.

pub mod breaker;
pub mod expected;
pub mod fault;
pub mod pace;
mod reason;
pub mod retry;
mod strategy;
mod tier;
mod walk;

pub use breaker::{Breaker, BreakerState, Permit};
pub use expected::Expected;
pub use fault::{Again, Fault, FaultKind};
pub use pace::{Flight, Pace};
pub use reason::{Reason, Rival, Why};
pub use retry::Retry;
pub use strategy::{Blend, CallEstimate, Candidate, Choice, Price, Ranked, Strategy};
pub use tier::Tier;
pub use walk::{Step, Walk};
