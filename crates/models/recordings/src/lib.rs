//! For tests only: recorded answers of providers, what each of them is, and what it says, found by hand.
//!
//! Nothing in here decodes with the code under test: the dialects' crate and the model gateway are both compared with
//! what these few functions find in the JSON.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its recordings may stop")]

pub mod classify;
pub mod compare;
pub mod events;
pub mod expected;
pub mod fold;
pub mod form;
pub mod recordings;
pub mod said;
pub mod table;
pub mod vectors;

pub use expected::Expected;
pub use recordings::{Body, Recording};
