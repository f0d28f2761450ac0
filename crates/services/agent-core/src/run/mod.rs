//! A run: its journal, how it stands, and what comes next. All of it pure.
//!
//! ```text
//!   journal: Event, Event, Event ...      append only, the one source
//!        │ fold                  │ project (wire/)
//!        ▼                       ▼
//!      State ── decide ──▶ Command      wire events, numbered
//! ```

pub mod decide;
pub mod effect;
pub mod error;
pub mod event;
pub mod limits;
pub mod output;
pub mod shape;
pub mod state;

#[cfg(test)]
pub(crate) mod tests;
